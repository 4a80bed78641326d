"""A text file as a table: its encoding, its delimiter, its decimal mark, its header lines, and then its numbers.

The start of the file decides. A delimiter and a decimal mark are right when they turn the lines into rows of numbers of one
length; where two are right, the one with the more columns under a header of as many cells wins.
"""

from __future__ import annotations

import csv
import itertools
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from beatlens.errors import FormatError
from beatlens.records.units import voltage_unit

_HEAD = 1 << 16  # bytes that are looked at to find the layout
_WIDE = 64  # rows of a file with one row a lead
_DELIMITERS = ("\t", ";", "|", ",", " ")
_MISSING = ("", "nan", "na", "n/a", "null", "none", "-")
_NUMBER = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$")
_CLOCK = re.compile(r"^(?:\d{4}-\d\d-\d\d[T ])?(?:\d{1,3}:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?$")
_MOST_COLUMNS = 4096
_MOST_SEARCHED = 1_000_000  # lines in which a broken one is looked for


@dataclass(frozen=True)
class Table:
    """The numbers of a text file, and what stood before them.

    Parameters
    ----------
    columns : list of ndarray
        Each of shape (n_rows,): float64, or str where the column holds times of day.
    names, units : tuple of str
        The cells of the header row and of a row of units beneath it; empty where there is none.
    preface : tuple of str
        The lines before the header, comments included.
    """

    columns: list[npt.NDArray[np.float64] | npt.NDArray[np.str_]]
    names: tuple[str, ...]
    units: tuple[str, ...]
    preface: tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    decimal: str
    first_row: int = 0  # line number of the first row of numbers
    header: tuple[str, ...] = ()  # the lines before it


def read_table(path: Path) -> Table:
    """Read a text file of numbers.

    Raises
    ------
    FormatError
        If it holds no table of numbers, or a row of it is broken; the line is named, never quoted.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    encoding = _encoding(head)
    whole = path.stat().st_size <= len(head)
    text = head.decode(encoding, "replace")
    lines = text.splitlines()
    if not whole and len(lines) > 1:
        lines = lines[:-1]  # the last one is cut
    elif not whole:
        text = path.read_bytes().decode(encoding, "replace")
        lines = text.splitlines()
    layout = _sniff(lines, path)
    first = _cells(lines[layout.first_row], layout)
    n_columns = len(first)
    rows_in_head = len(lines) - layout.first_row
    if n_columns > rows_in_head and (whole or rows_in_head <= _WIDE):
        columns = _read_wide(path, encoding, layout)
        return Table(columns, (), (), layout.header)  # what stands above its columns names instants, not leads
    columns = _read_long(path, encoding, layout, [bool(_CLOCK.match(cell.replace(",", "."))) for cell in first])
    if not columns or not len(columns[0]):  # an unclosed quotation mark swallows all rows
        raise FormatError(
            f"{path.name} must hold rows of numbers; none could be read", hint="Look for an unclosed quotation mark."
        )
    preface, names, units = _split_header(layout, n_columns)
    return Table(columns, names, units, preface)


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head[:-4].decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _sniff(lines: list[str], path: Path) -> _Layout:
    sample = [(number, line) for number, line in enumerate(lines) if line.strip() and line[0] not in "#%"]
    sample = sample[:-1] if len(sample) > 3 else sample  # a last line that is cut is judged when it is read
    tail = [line for _, line in sample[-min(200, max(1, len(sample) // 2)) :]]
    best: tuple[tuple[int, int], _Layout] | None = None
    for delimiter, decimal in _candidates(lines, tail):
        layout = _Layout(delimiter, decimal)
        if not _fits(tail, layout):
            continue
        width = len(_cells(tail[-1], layout))
        first = _first_row(sample, layout)
        layout = _Layout(delimiter, decimal, first, tuple(line for line in lines[:first] if line.strip()))
        likely = (_likelihood(layout, tail, width), width)
        if best is None or likely > best[0]:
            best = likely, layout
    if best is None:
        raise FormatError(
            f"{path.name} is not a recording: its text is not a table of numbers",
            hint="A table has one column a lead, one row a sample, and may have a header row and a time column.",
        )
    return best[1]


def _candidates(lines: list[str], tail: list[str]) -> list[tuple[str, str]]:
    """Return the delimiters and decimal marks to try; an Apple Health export has one column, whatever its decimal mark."""
    comma = any("," in line for line in tail)
    if is_apple(lines[:40]):
        return [(";", ",")] if comma else [(";", ".")]
    marks = (".", ",") if comma else (".",)
    return [(delimiter, decimal) for delimiter in _DELIMITERS for decimal in marks if delimiter != decimal]


def is_apple(lines: list[str] | tuple[str, ...]) -> bool:
    """Say whether the lines above a table are those of an Apple Health export, in any language: a rate in hertz, a unit."""
    units = any(voltage_unit(line.rpartition(",")[2]) for line in lines)
    return units and any(re.search(r",\s*\d+([.,]\d+)? hertz\s*$", line, re.IGNORECASE) for line in lines)


def _likelihood(layout: _Layout, tail: list[str], width: int) -> int:
    """Say how well a header and rows fit a reading: 2 well, 1 perhaps, 0 badly; it matters where a comma could be either."""
    above = len(_cells(layout.header[-1], layout)) if layout.header else 0
    if above == width:
        return 2
    if layout.delimiter == ",":
        cells = [_cells(line, layout) for line in tail]
        padded = any(len(cell) > 1 and cell[0] == "0" and cell.isdigit() for row in cells for cell in row[1:])
        return 0 if padded or (above == 1 and width == 2) else 1
    return 1


def _cells(line: str, layout: _Layout) -> tuple[str, ...]:
    if layout.delimiter == " ":
        return tuple(line.split())
    cells = next(csv.reader([line], delimiter=layout.delimiter), [])
    return tuple(cell.strip().strip("'") for cell in cells)


def _is_value(cell: str, layout: _Layout) -> bool:
    plain = cell.replace(",", ".") if layout.decimal == "," else cell
    return bool(_NUMBER.match(plain)) or cell.lower() in _MISSING or bool(_CLOCK.match(cell))


def _is_row(line: str, layout: _Layout) -> bool:
    try:
        cells = _cells(line, layout)
    except csv.Error:
        return False
    return bool(cells) and all(_is_value(cell, layout) for cell in cells) and any(_is_number(cell, layout) for cell in cells)


def _is_number(cell: str, layout: _Layout) -> bool:
    return bool(_NUMBER.match(cell.replace(",", ".") if layout.decimal == "," else cell))


def _fits(tail: list[str], layout: _Layout) -> bool:
    return bool(tail) and all(_is_row(line, layout) for line in tail) and len({len(_cells(line, layout)) for line in tail}) == 1


def _first_row(sample: list[tuple[int, str]], layout: _Layout) -> int:
    """Return the line of the first row of numbers: all lines from there on are rows of as many cells."""
    width = len(_cells(sample[-1][1], layout))
    first = sample[-1][0]
    for number, line in reversed(sample):
        if not _is_row(line, layout) or len(_cells(line, layout)) != width:
            break
        first = number
    return first


def _split_header(layout: _Layout, width: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the lines of the preface, the row of names, and the row of units beneath it."""
    lines = layout.header
    rows = [_cells(line.lstrip("#% "), layout) for line in lines[-2:]]
    named = [len(row) == width and any(row) for row in rows]
    keyed = width == 1 and bool(lines) and "," in lines[-1]  # "Sample Rate,512 hertz" above one column names no lead
    if not named or not named[-1] or keyed or is_apple(lines):
        return lines, (), ()
    if width > 1 and len(named) == 2 and named[0]:
        return lines[:-2], rows[0], rows[1]
    return lines[:-1], rows[-1], ()


def _read_wide(path: Path, encoding: str, layout: _Layout) -> list[npt.NDArray[np.float64] | npt.NDArray[np.str_]]:
    """Read a file with one row a lead: its rows become the columns. A first row that only counts is a header."""
    lines = path.read_bytes().decode(encoding, "replace").splitlines()
    rows = [_cells(line, layout) for line in lines[layout.first_row :] if line.strip()]
    if len({len(row) for row in rows}) != 1:
        raise FormatError(
            f"the rows of {path.name} must be of one length; they have {min(map(len, rows))} to {max(map(len, rows))} cells"
        )
    return [_numbers(row, layout, f"{path.name}, row {number + 1}") for number, row in enumerate(rows)]


def _numbers(cells: tuple[str, ...], layout: _Layout, where: str) -> npt.NDArray[np.float64]:
    plain = ["nan" if cell.lower() in _MISSING else cell.replace(",", ".") if layout.decimal == "," else cell for cell in cells]
    try:
        return np.asarray(plain, dtype=np.float64)
    except ValueError as error:
        raise FormatError(f"{where} must hold numbers only") from error


def _read_long(
    path: Path, encoding: str, layout: _Layout, clocks: list[bool]
) -> list[npt.NDArray[np.float64] | npt.NDArray[np.str_]]:
    if len(clocks) > _MOST_COLUMNS:
        raise FormatError(f"{path.name} must have at most {_MOST_COLUMNS} columns; it has {len(clocks)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            frame = pd.read_csv(
                path,
                sep=r"\s+" if layout.delimiter == " " else layout.delimiter,
                decimal=layout.decimal,
                encoding=encoding,
                encoding_errors="replace",
                skiprows=layout.first_row,
                names=list(range(len(clocks))),
                header=None,
                index_col=False,
                comment="#",
                quotechar="'" if _quoted(path, encoding, layout) else '"',
                skipinitialspace=True,
                na_values=[word for word in _MISSING if word],
                dtype={i: str if clock else np.float64 for i, clock in enumerate(clocks)},
            )
    except (
        ValueError,
        OverflowError,
        pd.errors.ParserError,
        pd.errors.ParserWarning,
        pd.errors.DtypeWarning,
        csv.Error,
    ) as error:
        where = _broken_line(path, encoding, layout, len(clocks))
        raise FormatError(
            f"{where} is not a row of {len(clocks)} numbers, as the rows before it are",
            hint="Open the file there: a row is cut, or text stands among the numbers.",
        ) from error
    _check_end(path, encoding, layout, len(clocks))
    return [
        np.asarray(frame[i].fillna("").to_numpy(), dtype=np.str_) if clock else frame[i].to_numpy(np.float64)
        for i, clock in enumerate(clocks)
    ]


def _check_end(path: Path, encoding: str, layout: _Layout, width: int) -> None:
    """Raise if the last row has too few cells, which pandas takes for missing values."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _HEAD // 2 * 2))
        tail = file.read().decode("utf-16-le" if encoding == "utf-16" else encoding, "replace")
    last = next((line for line in reversed(tail.splitlines()) if line.strip()), "")
    cells = len(_cells(last, layout)) if last[:1] != "#" else width
    if cells < width:
        message = f"{path.name} is truncated: its last row has {cells} of {width} cells"
        raise FormatError(message, hint="Copy the file from its source again, or delete that row.")


def _broken_line(path: Path, encoding: str, layout: _Layout, width: int) -> str:
    with path.open(encoding=encoding, errors="replace") as file:
        for number, line in enumerate(itertools.islice(file, _MOST_SEARCHED)):
            row = not line.strip() or line[0] == "#" or (_is_row(line, layout) and len(_cells(line, layout)) == width)
            if number >= layout.first_row and not row:
                return f"line {number + 1} of {path.name}"
    return f"a line of {path.name}"


def _quoted(path: Path, encoding: str, layout: _Layout) -> bool:
    with path.open(encoding=encoding, errors="replace") as file:
        for number, line in enumerate(file):
            if number == layout.first_row:
                return line.lstrip().startswith("'")
    return False
