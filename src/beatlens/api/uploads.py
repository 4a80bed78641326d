"""Files that a stranger sent become one recording on disk. Their names are compared with each other and are never paths.

Every file is stored under a name that is made here. A WFDB header speaks of its files by name, so a new header is written that
speaks of them by the names that they have here. A zip is unpacked piece by piece, counting what really comes out.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from beatlens.api.problems import RequestError
from beatlens.errors import FormatError
from beatlens.records.reading import detect_format

MOST_FILES: Final = 1024
_MOST_HEADER: Final = 1 << 20
_MOST_DIRECTORY: Final = 1 << 20
_END_OF_DIRECTORY: Final = b"PK\x05\x06"
_BLOCK: Final = 1 << 20
_LAY_OUT: Final = "Send the files of one record, its .hea among them, each as a part named 'file', or one zip of them."


@dataclass(frozen=True)
class Part:
    """A file that was sent: what the sender calls it, and where it lies here."""

    name: str
    path: Path

    @property
    def base(self) -> str:
        """The last part of the sender's name, without folders."""
        return re.split(r"[\\/]", self.name)[-1]

    @property
    def is_header(self) -> bool:
        """Whether the sender calls it a WFDB header."""
        return self.base.lower().endswith(".hea")


def lay_out(parts: Sequence[Part], *, most_bytes: int) -> tuple[Path, str]:
    """Return the path at which `beatlens.records.read` finds the recording, and what the sender calls it.

    Parameters
    ----------
    parts : sequence of Part
        What was sent; all in one folder that holds nothing else.
    most_bytes : int
        Most bytes that a zip may unpack to.

    Raises
    ------
    RequestError
        With 413 if a zip unpacks to more, 415 if no reader takes the file, 422 if the files make no single recording.
    """
    if not parts:
        raise RequestError("an upload must have a file; got none", hint="Send it as a part named 'file'.", status=422)
    sent = parts[0]
    if len(parts) == 1 and _is_zip(sent.path):
        parts = _unpack(sent, most_bytes)
    headers = [part for part in parts if part.is_header]
    if headers:
        path, main = _lay_out_wfdb(parts, headers)
        return path, Path(main.base).stem
    if len(parts) > 1:
        named = ", ".join(sorted(part.base for part in parts)[:5])
        raise RequestError(
            f"several files must be one WFDB record; got no header among {named[:200]}", hint=_LAY_OUT, status=422
        )
    try:
        detect_format(parts[0].path)
    except FormatError as error:
        said = error.message.replace(parts[0].path.name, "the file")
        raise RequestError(said, hint=error.hint, status=415) from error
    return parts[0].path, Path(parts[0].base).stem


def save(source: BinaryIO, path: Path, *, most_bytes: int, refuse: Callable[[], RequestError]) -> int:
    """Copy a stream to a new file in pieces; return how many bytes there were.

    Raises
    ------
    RequestError
        What ``refuse`` returns, if there are more than ``most_bytes``.
    """
    total = 0
    with path.open("xb") as file:
        while piece := source.read(_BLOCK):
            total += len(piece)
            if total > most_bytes:
                raise refuse()
            file.write(piece)
    return total


def _is_zip(path: Path) -> bool:
    """Say whether a file is a zip, and not one of NumPy's archives, which the readers take as it is."""
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith((b"PK\x03\x04", _END_OF_DIRECTORY)) and b".npy" not in head


def _unpack(part: Part, most_bytes: int) -> list[Part]:
    _check_directory(part.path)

    def too_much() -> RequestError:
        return RequestError(
            f"a zip must unpack to at most {most_bytes >> 20} MB; this one holds more", hint="Send less at a time.", status=413
        )

    found: list[Part] = []
    left = most_bytes
    try:
        with zipfile.ZipFile(part.path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir() and not _is_clutter(member.filename)]
            if len(members) > MOST_FILES:
                raise RequestError(f"a zip must hold at most {MOST_FILES} files; got {len(members)}", hint=_LAY_OUT, status=422)
            for number, member in enumerate(members):
                # bzip2 and LZMA can ask for gigabytes while they unpack a few bytes
                if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise RequestError(
                        "the files of a zip must be stored or deflated, and not encrypted", hint="Pack it anew.", status=415
                    )
                target = part.path.with_name(f"member-{number}")
                with archive.open(member) as file:
                    left -= save(file, target, most_bytes=left, refuse=too_much)  # type: ignore[arg-type]
                found.append(Part(member.filename, target))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OverflowError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"the zip cannot be unpacked: {error}", hint="Pack it anew.", status=422) from error
    part.path.unlink()
    if not found:
        raise RequestError("a zip must hold the files of a recording; it holds none", hint=_LAY_OUT, status=422)
    return found


def _check_directory(path: Path) -> None:
    """Refuse a zip whose list of files is itself too large: Python reads it whole."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - (1 << 16) - 22))
        tail = file.read()
    at = tail.rfind(_END_OF_DIRECTORY)
    declared = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if at < 0 or declared > _MOST_DIRECTORY:
        raise RequestError("the zip's list of files is damaged or too long", hint=_LAY_OUT, status=422)


def _is_clutter(name: str) -> bool:
    return "__MACOSX" in name or re.split(r"[\\/]", name)[-1].startswith(".")


def _lay_out_wfdb(parts: Sequence[Part], headers: list[Part]) -> tuple[Path, Part]:
    by_base = {part.base: part for part in parts}
    if len(by_base) < len(parts):
        raise RequestError("the files of a record must have different names; got one name twice", hint=_LAY_OUT, status=422)
    written = {part.base: _Header.of(part) for part in headers}
    segments = {name for header in written.values() if header.is_list for name in header.names}
    main = [part for part in headers if Path(part.base).stem not in segments]
    if len(main) != 1:
        named = ", ".join(sorted(Path(part.base).stem for part in headers)[:5])
        raise RequestError(f"an upload must be one record; got the headers of {named[:200]}", hint=_LAY_OUT, status=422)
    for part in headers:
        part.path.with_name(f"{part.path.name}.hea").write_text(written[part.base].rewritten(part, by_base), encoding="latin-1")
    return main[0].path.with_name(f"{main[0].path.name}.hea"), main[0]


@dataclass(frozen=True)
class _Header:
    """The lines of a WFDB header, without comments: in them people write who the patient is."""

    record: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, part: Part) -> _Header:
        with part.path.open("rb") as file:
            raw = file.read(_MOST_HEADER + 1)
        if len(raw) > _MOST_HEADER:
            raise RequestError("a WFDB header must have less than 1 MB", hint=_LAY_OUT, status=413)
        lines = [line.strip() for line in raw.decode("latin-1").splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        if not lines:
            raise RequestError("a WFDB header must have a record line; got an empty one", hint=_LAY_OUT, status=422)
        return cls(lines[0], tuple(lines[1:]))

    @property
    def is_list(self) -> bool:
        """Whether it lists segments, and not signals."""
        return "/" in self.record.split()[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The segments or files that it speaks of."""
        return tuple(line.split()[0] for line in self.lines)

    def rewritten(self, part: Part, by_base: dict[str, Part]) -> str:
        """Return the header with the names that the files have here."""
        own, *rest = self.record.split(maxsplit=1)
        own = part.path.name + (own[own.index("/") :] if "/" in own else "")
        lines = [" ".join([own, *rest])]
        for line in self.lines:
            name, *rest = line.split(maxsplit=1)
            lines.append(" ".join([self._name_here(name, by_base), *rest]))
        return "\n".join(lines) + "\n"

    def _name_here(self, name: str, by_base: dict[str, Part]) -> str:
        if name == "~":  # a gap, or a layout without signal
            return name
        part = by_base.get(f"{name}.hea" if self.is_list else name)
        if part is None:
            missing = f"{name}.hea" if self.is_list else name
            raise RequestError(
                f"a WFDB header names '{missing[:80]}', which was not sent",
                hint=_LAY_OUT,
                status=422,
            )
        return part.path.name
