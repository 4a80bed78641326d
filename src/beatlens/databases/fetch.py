"""Bring a database to this machine: every file checked against the package's own SHA-256 sums before it counts.

Files that are already there and whole are kept, so that an interrupted fetch goes on where it stopped; each file appears
under its name only when it is complete.
"""

from __future__ import annotations

import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from beatlens._io import replacing, sha256_of
from beatlens.databases import mitdb
from beatlens.errors import DownloadError, FormatError, HashMismatchError, RecordNotFoundError

PHYSIONET = "https://physionet.org/files/mitdb/1.0.0/"
_TEXT_FILES = (".hea", "")
_OFFLINE_HINT = (
    "Check the network, or download the database elsewhere and run 'beatlens data fetch mitdb --from FILE_OR_FOLDER'; "
    "what has arrived is kept."
)

_UNREADABLE = (zipfile.BadZipFile, EOFError, NotImplementedError, lzma.LZMAError, zlib.error)

Progress = Callable[[str, int, int], None]
"""Called with the name of a file, how many files are done, and how many there are."""


class _Source(Protocol):
    def __call__(self, name: str, destination: Path) -> None: ...


def data_folder() -> Path:
    """Return the folder for databases: ``XDG_DATA_HOME`` or ``~/.local/share``, then ``beatlens``."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "beatlens"


@cache
def expected_sums() -> dict[str, str]:
    """Return the SHA-256 of each file of the database, by name; of ``.hea`` and text files with LF line endings."""
    lines = files("beatlens.databases").joinpath("mitdb.sha256").read_text(encoding="ascii").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def verify_database(folder: Path) -> list[str]:
    """Return the names of the files that are missing from a folder or are not what they should be."""
    return [name for name in expected_sums() if not _is_whole(folder / name)]


def fetch_database(*, source: Path | None = None, destination: Path | None = None, on_progress: Progress | None = None) -> Path:
    """Bring the MIT-BIH Arrhythmia Database to this machine.

    Parameters
    ----------
    source : Path, optional
        A zip archive or a folder that holds the database; from PhysioNet over HTTPS if not given.
    destination : Path, optional
        The folder that will hold it; the user's data folder if not given.
    on_progress : callable, optional
        Called after each file with its name, the number done, and the number there are.

    Returns
    -------
    Path
        The folder with the 48 records, every file verified.

    Raises
    ------
    RecordNotFoundError
        If ``source`` does not exist or lacks a file.
    HashMismatchError
        If a file is not the one that the package knows.
    DownloadError
        If PhysioNet cannot be reached.
    """
    folder = destination or data_folder() / mitdb.NAME
    sums = expected_sums()
    missing = [name for name in sums if not _is_whole(folder / name)]
    if not missing:
        return folder
    bring = _open_source(source)
    for done, name in enumerate(missing, start=len(sums) - len(missing) + 1):
        with replacing(folder / name) as temporary:
            bring(name, temporary)
            if _is_text(name):
                temporary.write_bytes(temporary.read_bytes().replace(b"\r\n", b"\n"))
            if sha256_of(temporary) != sums[name]:
                raise HashMismatchError(
                    f"{name} from {source or PHYSIONET} must have the SHA-256 {sums[name][:12]}…; it has another",
                    hint="The file is damaged or of another version of the database: fetch it anew.",
                )
        if on_progress:
            on_progress(name, done, len(sums))
    return folder


def _is_text(name: str) -> bool:
    return Path(name).suffix in _TEXT_FILES


def _is_whole(path: Path) -> bool:
    return path.is_file() and sha256_of(path, normalise_newlines=_is_text(path.name)) == expected_sums()[path.name]


def _open_source(source: Path | None) -> _Source:
    if source is None:
        return _download
    if source.is_dir():
        return _folder_source(source)
    if not source.exists():
        raise RecordNotFoundError(f"{source} does not exist", hint="Give a zip archive or a folder that holds the database.")
    if not zipfile.is_zipfile(source):
        raise FormatError(f"{source} must be a zip archive or a folder; it is neither")
    return _archive_source(source)


def _folder_source(source: Path) -> _Source:
    folder = source / mitdb.NAME if (source / mitdb.NAME).is_dir() else source

    def copy(name: str, destination: Path) -> None:
        if not (folder / name).is_file():
            raise RecordNotFoundError(f"{source} lacks the file {name} of the MIT-BIH Arrhythmia Database")
        destination.write_bytes((folder / name).read_bytes())

    return copy


def _archive_source(source: Path) -> _Source:
    with zipfile.ZipFile(source) as archive:
        members = {Path(member).name: member for member in archive.namelist()}

    def extract(name: str, destination: Path) -> None:
        if name not in members:
            raise RecordNotFoundError(f"{source} lacks the file {name} of the MIT-BIH Arrhythmia Database")
        try:
            with zipfile.ZipFile(source) as archive:
                destination.write_bytes(archive.read(members[name]))
        except _UNREADABLE as error:
            raise FormatError(f"{name} cannot be read from {source}: {error}", hint="The archive is damaged.") from error

    return extract


def _download(name: str, destination: Path) -> None:
    import pooch
    import requests

    try:
        pooch.HTTPDownloader(timeout=30)(PHYSIONET + name, str(destination), None)
    except (requests.RequestException, OSError) as error:
        raise DownloadError(f"{name} cannot be fetched from {PHYSIONET}: {_reason(error)}", hint=_OFFLINE_HINT) from error


def _reason(error: Exception) -> str:
    return "no connection" if "resolve" in str(error).lower() or "refused" in str(error).lower() else type(error).__name__
