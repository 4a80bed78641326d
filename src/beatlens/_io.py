"""Writing files so that nothing is ever half-written: to a temporary name beside the target, then renamed over it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from beatlens.errors import BeatlensError, OutputError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path`` when the block ends well, and vanishes when it does not.

    The temporary file keeps the suffix of ``path``, for libraries that decide the format by it.

    Raises
    ------
    OutputError
        If the file cannot be written there.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if isinstance(error, BeatlensError):
            raise
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # a parent that is a file must not hide the error above
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, indented, whole or not at all; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def sha256_of(path: Path, *, normalise_newlines: bool = False) -> str:
    """Return the SHA-256 of a file, in hexadecimal; with CRLF read as LF where asked."""
    if normalise_newlines:
        return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain_text(text: str) -> str:
    """Return a text from a file without what a terminal or a figure would act upon: control and formatting characters."""
    return "".join(character if character.isprintable() else " " for character in text)


def safe_name(name: str) -> str:
    """Return a name that is fit for a folder: letters, digits, dots, hyphens and underscores, never hidden, never empty.

    Examples
    --------
    >>> safe_name("MIT-BIH 208, five minutes"), safe_name("../../etc"), safe_name("…")
    ('MIT-BIH-208-five-minutes', 'etc', 'recording')
    """
    plain = re.sub(r"[^\w.\-]+", "-", name, flags=re.ASCII).strip("-._")
    return re.sub(r"-{2,}", "-", plain)[:80] or "recording"
