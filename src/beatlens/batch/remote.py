"""The recordings of a batch: of a folder, of a list, or of a place that only fsspec reaches."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from beatlens.batch.places import Place, is_remote, plain_path
from beatlens.batch.sources import (
    Part,
    Source,
    find_sources,
    group_files,
    name_suffixes,
    parse_header,
    wfdb_parts,
)
from beatlens.errors import FormatError, RecordNotFoundError

LISTS: Final = (".txt", ".csv", ".tsv", ".list", ".lst")
COLUMNS: Final = ("source", "path", "url", "file", "filename", "record")
"""Columns of a table that are looked for, in this order; the first column if there is none of them."""

_AT_A_TIME: Final = 500
_THREADS: Final = 16


def find_batch(source: str, *, leave_out: Sequence[str] = ()) -> list[Source]:
    """Find the recordings of a batch.

    Parameters
    ----------
    source : str
        A folder, a list of recordings (text, one a line; or CSV), one recording, or any URL that fsspec opens.
    leave_out : sequence of str
        Folders in it that are not searched: where the results go.

    Returns
    -------
    list of Source
        With absolute paths, or URLs.

    Raises
    ------
    RecordNotFoundError
        If there is nothing, or it cannot be reached.
    FormatError
        If a list names no recording.
    """
    url = plain_path(source)
    if is_remote(url):
        return _find_remote(url, [plain_path(each) for each in leave_out])
    path = Path(url)
    if path.is_dir():
        return find_sources([path], leave_out=[Path(plain_path(each)) for each in leave_out if not is_remote(each)])
    if not path.is_file():
        return _must_exist(find_sources([path]))
    if path.suffix.lower() in LISTS or path.name.startswith("RECORDS"):
        entries = read_list(path.read_bytes(), path.name)
        first = path.parent / entries[0]
        if not is_remote(entries[0]) and not find_sources([first])[0].parts and _is_number(entries[0]):
            raise FormatError(
                f"{path.name} must be a list of recordings; it begins with the number {entries[0]}",
                hint="Analyse one recording with: beatlens analyze FILE",
            )
        return _of_list(entries, str(path.parent))
    return find_sources([path])


def read_list(content: bytes, where: str) -> list[str]:
    r"""Return the recordings that a list names: one a line, or a column of a table with a header.

    Parameters
    ----------
    content : bytes
        The list in UTF-8; empty lines and those that begin with ``#`` do not count.
    where : str
        Its name, for messages.

    Raises
    ------
    FormatError
        If it is no text, or names nothing.

    Examples
    --------
    >>> read_list(b"patient,path\n7,a.edf\n8,b.edf\n", "list.csv"), read_list(b"100\n\n# old\n101\n", "RECORDS")
    (['a.edf', 'b.edf'], ['100', '101'])
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{where} must be a list of recordings in UTF-8; byte {error.start} is not") from error
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines or "\x00" in text:
        raise FormatError(f"{where} must name recordings, one a line; it names none")
    delimiter = "\t" if "\t" in lines[0] else ","
    rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    header = [cell.strip().lower() for cell in rows[0]]
    column = next((header.index(name) for name in COLUMNS if name in header), None)
    if column is None:
        return [row[0].strip() for row in rows if row and row[0].strip()]
    entries = [row[column].strip() for row in rows[1:] if len(row) > column and row[column].strip()]
    if not entries:
        raise FormatError(f"{where} must name recordings in its column '{header[column]}'; it names none")
    return entries


def _of_list(entries: list[str], folder: str) -> list[Source]:
    """Return the recordings of a list; what is not there becomes one without files, for a row to say so."""
    whole = [each if is_remote(each) or Path(each).is_absolute() else os.path.join(folder, each) for each in entries]  # noqa: PTH118
    local = [each for each in whole if not is_remote(each)]
    found = {each: find_sources([each])[0] for each in dict.fromkeys(local)}
    with ThreadPoolExecutor(_THREADS) as pool:  # a store answers slowly, and many questions at a time
        remote = [each for each in dict.fromkeys(whole) if is_remote(each)]
        found |= dict(zip(remote, pool.map(_one_remote, remote), strict=True))
    names = dict(zip(whole, entries, strict=True))
    sources = {source.url: Source(source.url, names[each], source.parts) for each, source in found.items()}
    return list(sources.values())


def _must_exist(sources: list[Source]) -> list[Source]:
    if not sources[0].parts:
        raise RecordNotFoundError(f"no recordings at {sources[0].url}", hint="Name a folder, a list of recordings, or a URL.")
    return sources


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _part(place: Place, path: str, info: dict[str, Any]) -> Part:
    stamp = next(
        (str(info[key]) for key in ("ETag", "etag", "mtime", "LastModified", "last_modified", "created") if key in info), ""
    )
    return Part(place.filesystem.unstrip_protocol(path), int(info.get("size") or 0), stamp)


def _find_remote(url: str, leave_out: list[str]) -> list[Source]:
    place = Place(url)
    filesystem, root = place.filesystem, place.path("").rstrip("/")
    try:
        if filesystem.isfile(root):
            if Path(root).suffix.lower() in LISTS or Path(root).name.startswith("RECORDS"):
                entries = read_list(bytes(filesystem.cat_file(root)), Path(root).name)
                return _of_list([each if is_remote(each) else url.rsplit("/", 1)[0] + "/" + each for each in entries], "")
            return _must_exist([_one_remote(url)])
        listed = filesystem.find(root, detail=True)
    except (OSError, ValueError, ImportError) as error:
        raise RecordNotFoundError(f"{url} cannot be listed: {error}", hint="Check the URL and your rights.") from error
    own = [Place(each).path("") for each in leave_out if each.split("://")[0] == url.split("://", maxsplit=1)[0]]
    wanted = [path for path in listed if _is_wanted(path, root) and not path.startswith(tuple(own))]
    parts = [_part(place, path, listed[path]) for path in wanted]
    sources = group_files(parts, place.filesystem.unstrip_protocol(root), lambda urls: _read_many(place, urls))
    if not sources:
        raise RecordNotFoundError(f"no recording in {url}", hint=f"Looked for WFDB headers and {name_suffixes()}.")
    return sources


def _is_wanted(path: str, root: str) -> bool:
    return not any(piece.startswith(".") for piece in path[len(root) :].split("/"))


def _read_many(place: Place, urls: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for at in range(0, len(urls), _AT_A_TIME):
        some = {place.filesystem._strip_protocol(url): url for url in urls[at : at + _AT_A_TIME]}  # noqa: SLF001 - fsspec has no other
        content = place.filesystem.cat(list(some), on_error="omit")
        found |= {url: content.get(path, b"") for path, url in some.items()}
    return found


def _one_remote(url: str) -> Source:
    """Return one recording by its URL; without files if there is nothing, or the store does not answer.

    Its URL is written as the file system writes it: the same however it was given.
    """
    try:
        place = Place(url.rsplit("/", 1)[0])
        name = url.rsplit("/", 1)[-1]
        header = name if name.endswith(".hea") else f"{name}.hea"
        if not name.endswith(".hea") and place.exists(name):
            parts = list(_get(place, name))
            return Source(parts[0].url, name, tuple(parts))
        if not place.exists(header):
            return Source(url, name, ())
        names = {each: each for each in _names_of(place, header)}
        parts = wfdb_parts(header, lambda each: _names_of(place, each) if each in {header, *names} else [], _getter(place))
        return Source(parts[0].url, name, tuple(parts))
    except (OSError, ValueError, IndexError, RecordNotFoundError):
        return Source(url, url.rsplit("/", 1)[-1], ())


def _names_of(place: Place, header: str) -> list[str]:
    return parse_header(place.read(header) or b"")[0]


def _get(place: Place, name: str) -> Iterator[Part]:
    try:
        yield _part(place, place.path(name), place.filesystem.info(place.path(name)))
    except FileNotFoundError:
        return


def _getter(place: Place) -> Any:
    return lambda name: next(_get(place, name), None)
