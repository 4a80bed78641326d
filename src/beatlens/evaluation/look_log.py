"""A log of every look at test data, so that a reader can tell how often it was looked at before a figure was quoted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from beatlens import _io
from beatlens.errors import OutputError
from beatlens.evaluation.result import Result

HEADER: Final = """\
# Looks at DS2

Every evaluation on the testing half of MIT-BIH, in the order of time. Models are chosen on DS1 alone.

| date | commit | model | weights | protocol | records | figures (%) |
| --- | --- | --- | --- | --- | --- | --- |
"""


def log_look(path: Path, result: Result, *, date: dt.date | None = None) -> None:
    """Append one line about an evaluation to a Markdown table, which is begun if the file is not there.

    Parameters
    ----------
    path : Path
        The log.
    result : Result
        What was measured.
    date : date, optional
        Today's, in UTC, if not given.

    Raises
    ------
    OutputError
        If the file is there and is not such a log, or cannot be written.
    """
    source = result.provenance
    figures = ", ".join(f"{name} {measured.text()}" for name, measured in result.key_figures.items() if measured.figure.defined)
    cells = [
        str(date or dt.datetime.now(dt.UTC).date()),
        source.commit or "not known",
        source.model,
        source.weights[:12] or "not known",
        source.protocol,
        source.split,
        figures,
    ]
    append_look(path, cells)


def append_look(path: Path, cells: Sequence[str]) -> None:
    """Append one line of seven cells, as `HEADER` names them; errors as for `log_look`."""
    before = path.read_text(encoding="utf-8") if path.is_file() else HEADER
    if HEADER.splitlines()[-1] not in before.splitlines():
        raise OutputError(f"{path} must be a log of evaluations; it holds something else", hint="Name a new file.")
    line = "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |\n"
    _io.write_text(path, before.rstrip("\n") + "\n" + line)
