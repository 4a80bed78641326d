"""Which recordings there are in a place, and which files each of them is made of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from beatlens.errors import RecordNotFoundError
from beatlens.records.wfdb_format import ANNOTATORS

SUFFIXES: Final = frozenset(".edf .bdf .ecg .dcm .scp .xml .csv .tsv .txt .mat .npy .npz".split())
"""Endings of files that a folder is searched for, besides WFDB headers; the content decides how each is read."""

NOT_RECORDINGS: Final = (
    "readme",
    "license",
    "licence",
    "copying",
    "notice",
    "changelog",
    "sha256sums",
    "md5sums",
    "requirements",
)
"""How texts begin that often lie beside recordings."""

_HEADER_BYTES: Final = 1 << 20

ReadMany = Callable[[list[str]], dict[str, bytes]]


@dataclass(frozen=True)
class Part:
    """One file of a recording.

    Parameters
    ----------
    url : str
        Its path, or its URL.
    size : int
        In bytes.
    stamp : str
        Changes when the file does: time of the last change or the store's tag.
    """

    url: str
    size: int
    stamp: str

    @property
    def name(self) -> str:
        """Its name without folders."""
        return PurePosixPath(self.url.replace("\\", "/")).name

    @property
    def suffix(self) -> str:
        """The ending of its name, in lower case."""
        return PurePosixPath(self.name).suffix.lower()


@dataclass(frozen=True)
class Source:
    """One recording to analyse.

    Parameters
    ----------
    url : str
        The file that a reader is given: a path or a URL.
    name : str
        What it is called in tables: its path from the folder that was given.
    parts : tuple of Part
        The files that it is made of, as far as they are there.
    """

    url: str
    name: str
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(part.size for part in self.parts)

    @property
    def stamp(self) -> str:
        """Changes when one of its files does; empty if there is none."""
        return " ".join(f"{part.name}:{part.size}:{part.stamp}" for part in self.parts)


def find_sources(places: Sequence[str | Path], *, leave_out: Sequence[Path] = ()) -> list[Source]:
    """Find the recordings among local files and folders.

    A file is a recording, whatever it is. In a folder, and those in it, recordings are the WFDB headers, with the files that
    they name, and the files that end in one of `SUFFIXES`; hidden files, folders of earlier analyses and texts such as README
    are left alone.

    Parameters
    ----------
    places : sequence of str or Path
        Files and folders; a WFDB record may be given without extension.
    leave_out : sequence of Path
        Folders that are not searched.

    Returns
    -------
    list of Source
        In the order of the places, within a folder in that of the names; a file that is given twice is there once.

    Raises
    ------
    RecordNotFoundError
        If there is nothing to analyse in a folder.
    """
    found: dict[str, Source] = {}
    shared = _shared_folder([Path(place) for place in places])
    for place in map(Path, places):
        if place.is_dir():
            files = _walk(place.absolute(), {path.resolve() for path in leave_out})
            sources = group_files(list(files), str(shared), read_local)
            if not sources:
                raise RecordNotFoundError(f"no recording in {place}", hint=f"Looked for WFDB headers and {name_suffixes()}.")
        else:
            sources = [_single(place, shared)]
        for source in sources:
            found.setdefault(os.path.realpath(source.url), source)
    return list(found.values())


def name_suffixes() -> str:
    """Return the endings of files that a folder is searched for, as a phrase."""
    return ", ".join(sorted(SUFFIXES))


def group_files(files: Iterable[Part], root: str, read_many: ReadMany) -> list[Source]:
    """Put the files below a folder together to recordings.

    Parameters
    ----------
    files : iterable of Part
        All files below the folder.
    root : str
        The folder: names are paths from it.
    read_many : callable
        Returns the content of some files: ``read_many(urls) -> {url: bytes}``.
    """
    by_url = {part.url: part for part in files}
    headers = sorted(url for url, part in by_url.items() if part.suffix == ".hea")
    named: dict[str, list[str]] = {}
    segments: set[str] = set()
    for url, content in read_many(headers).items():
        folder = url[: len(url) - len(by_url[url].name)]
        names, parts_of = parse_header(content)
        named[url] = [folder + name for name in names]
        segments |= {f"{folder}{name}.hea" for name in parts_of}
    sources, used = [], set(headers)
    for url in headers:
        parts = wfdb_parts(url, lambda each: named.get(each, []), by_url.get)
        used.update(part.url for part in parts)
        if url not in segments and named.get(url):
            sources.append(Source(url, name_below(url, root), tuple(parts)))
    for url, part in by_url.items():
        if url not in used and part.suffix in SUFFIXES and not part.name.lower().startswith(NOT_RECORDINGS):
            sources.append(Source(url, name_below(url, root), (part,)))
    return sorted(sources, key=lambda source: source.name)


def parse_header(content: bytes) -> tuple[list[str], list[str]]:
    r"""Return the names that a WFDB header holds: of its files, and, where it has segments, of those.

    Nothing is checked here, the reader does that; a name with a folder in it is left out.

    Examples
    --------
    >>> parse_header(b"100 2 360 650000\n100.dat 212 200\n100.dat 212 200\n")
    (['100.dat'], [])
    >>> parse_header(b"long/2 1 250 2000\nlong_0001 1000\n~ 1000\n")
    (['long_0001.hea'], ['long_0001'])
    """
    lines = [line.split() for line in content.decode("latin-1").splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        return [], []
    has_segments = "/" in lines[0][0]
    names = dict.fromkeys(line[0] for line in lines[1:] if line[0] != "~" and "/" not in line[0] and "\\" not in line[0])
    if has_segments:
        return [f"{name}.hea" for name in names], list(names)
    return list(names), []


def wfdb_parts(header: str, names_of: Callable[[str], list[str]], get: Callable[[str], Part | None]) -> list[Part]:
    """Return the files of a WFDB record that are there: headers, signals, and annotations that a reader would take.

    Parameters
    ----------
    header : str
        Path or URL of the header.
    names_of : callable
        Returns the paths of the files that a header names.
    get : callable
        Returns a file by its path; None if it is not there.
    """
    urls, waiting = [header], [header]
    while waiting:
        for url in names_of(waiting.pop()):
            if url not in urls:
                urls.append(url)
                waiting += [url] if url.endswith(".hea") else []
    stem = header[: -len(".hea")]
    parts = [part for part in map(get, urls) if part is not None]
    beside = (part for part in (get(f"{stem}.{name}") for name in ANNOTATORS) if part is not None)
    first = next(beside, None)
    return parts if first is None or first in parts else [*parts, first]


def name_below(url: str, root: str) -> str:
    """Return a path from a folder on, with slashes; the last name if it is elsewhere.

    Examples
    --------
    >>> name_below("s3://bucket/night/a.edf", "s3://bucket"), name_below("/data/a.edf", "/tmp")
    ('night/a.edf', 'a.edf')
    """
    plain, base = url.replace("\\", "/"), root.replace("\\", "/").rstrip("/") + "/"
    name = plain[len(base) :] if plain.startswith(base) else plain.rsplit("/", 1)[-1]
    return name.removesuffix(".hea")


def _single(path: Path, root: Path) -> Source:
    """Return the recording of one path; without parts if there is nothing, for the reader to say so."""
    header = _header_of(path)
    name = name_below(str((header or path).absolute()), str(root))
    if header is None:
        return Source(str(path), name, (local_part(path),) if path.is_file() else ())

    def names_of(url: str) -> list[str]:
        return [str(header.parent / each) for each in parse_header(read_local([url])[url])[0]]

    def get(url: str) -> Part | None:
        return local_part(Path(url)) if Path(url).is_file() else None

    return Source(str(path if path.is_file() else header), name, tuple(wfdb_parts(str(header), names_of, get)))


def _header_of(path: Path) -> Path | None:
    """Return the WFDB header that a path means; None if it means a file of another format."""
    if path.is_file() and path.suffix.lower() in SUFFIXES - {".mat"}:
        return None  # a table beside a header is a table; the challenges' .mat files are WFDB signals
    places = (path, path.with_name(path.name + ".hea"), path.with_suffix(".hea"))
    return next((each for each in places if each.suffix == ".hea" and each.is_file()), None)


def local_part(path: Path) -> Part:
    """Return a local file as part of a recording."""
    stat = path.stat()
    return Part(str(path), stat.st_size, str(stat.st_mtime_ns))


def read_local(paths: list[str]) -> dict[str, bytes]:
    """Return the beginning of each file that can be read."""
    found = {}
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                found[path] = file.read(_HEADER_BYTES)
        except OSError:  # the reader says what is wrong when it comes to this recording
            found[path] = b""
    return found


def _walk(folder: Path, leave_out: set[Path]) -> Iterator[Part]:
    """Yield the files below a folder, without hidden ones and without what Beatlens wrote."""
    try:
        entries = sorted(folder.iterdir())
    except PermissionError:
        return
    if folder.resolve() in leave_out or any(entry.name == "analysis.json" for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():  # a link may lead in a circle
            yield from _walk(entry, leave_out)
        elif entry.is_file():
            yield local_part(entry)


def _shared_folder(paths: list[Path]) -> Path:
    """Return the deepest folder that holds all of the paths."""
    return Path(os.path.commonpath([(path if path.is_dir() else path.parent).absolute() for path in paths]))
