"""Files on any file system that fsspec knows: whole or not there, like `beatlens._io.replacing` on this machine's disks."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from beatlens import _optional
from beatlens.errors import BeatlensError, OutputError, RecordNotFoundError

TEMPORARY: Final = ".part"


def require(package: str) -> ModuleType:
    """Import a package of the extra ``cluster``.

    Raises
    ------
    MissingDependencyError
        If it is not installed, with the command that installs it.
    """
    return _optional.require(package, "many recordings on Dask need", extra="cluster")


def is_remote(url: str) -> bool:
    """Say whether a place is written as a URL of another file system than this machine's."""
    return "://" in url and not url.startswith(("file://", "local://"))


def plain_path(url: str) -> str:
    """Return an absolute path for a place on this machine, and any other URL as it is."""
    if is_remote(url):
        return url.rstrip("/")
    return str(Path(url.split("://", 1)[-1]).absolute())


@dataclass(frozen=True)
class Place:
    """A folder on some file system.

    Parameters
    ----------
    url : str
        Its path or URL; `plain_path` makes it the same for every process.
    """

    url: str

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        fsspec = require("fsspec")
        try:
            filesystem, root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise RecordNotFoundError(
                f"{self.url} cannot be reached: {error}",
                hint="Install the fsspec file system for it (s3fs, gcsfs, adlfs, ...).",
            ) from error
        return filesystem, str(root).rstrip("/")

    def __getstate__(self) -> dict[str, str]:  # a file system is opened anew in every process
        return {"url": self.url}

    @property
    def filesystem(self) -> Any:
        """The fsspec file system."""
        return self._opened[0]

    def path(self, name: str) -> str:
        """Return the path of something in the folder, as the file system wants it."""
        return f"{self._opened[1]}/{name}"

    def exists(self, name: str) -> bool:
        """Say whether there is a file of this name."""
        return bool(self.filesystem.exists(self.path(name)))

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if it is not there."""
        try:
            return bytes(self.filesystem.cat_file(self.path(name)))
        except FileNotFoundError:
            return None

    def list(self, folder: str) -> dict[str, dict[str, Any]]:
        """Return the names of the files in a folder with what the file system says of each; empty if it is not there."""
        self.filesystem.invalidate_cache()
        try:
            entries = self.filesystem.ls(self.path(folder), detail=True)
        except FileNotFoundError:
            return {}
        return {entry["name"].rstrip("/").rsplit("/", 1)[-1]: entry for entry in entries if entry["type"] == "file"}

    def write(self, name: str, content: bytes) -> None:
        """Write a file to a temporary name beside it, then rename it: whole, or not there.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        path = self.path(name)
        folder, _, last = path.rpartition("/")
        temporary = f"{folder}/.{last}.{secrets.token_hex(4)}{TEMPORARY}"
        with self._writing(temporary):
            self.filesystem.makedirs(folder, exist_ok=True)
            with self.filesystem.open(temporary, "wb") as file:
                file.write(content)
            if self._is_local:
                with Path(temporary).open("rb") as file:
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
            else:
                self.filesystem.mv(temporary, path)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises
        ------
        OutputError
            If it cannot be removed.
        """
        try:
            self.filesystem.rm_file(self.path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(f"{self.path(name)} cannot be removed: {error.strerror or error}") from error

    @property
    def _is_local(self) -> bool:
        from fsspec.implementations.local import LocalFileSystem

        return isinstance(self.filesystem, LocalFileSystem)

    @contextlib.contextmanager
    def _writing(self, temporary: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each file system has errors of its own
            with contextlib.suppress(Exception):
                self.filesystem.rm_file(temporary)
            if isinstance(error, BeatlensError):
                raise
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise OutputError(
                f"{self.url} cannot be written: {reason}",
                hint="Make room or mend it, and run the same command again: it goes on.",
            ) from error
