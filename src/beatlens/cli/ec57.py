"""``beatlens ec57``: two annotators compared as ANSI/AAMI EC57 asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from beatlens.cli import console

app = typer.Typer(
    help="Compare two annotators as ANSI/AAMI EC57 asks, byte for byte as WFDB's bxb, rxr and sumstats.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _group() -> None:
    """Keep the command's name, for a second command to stand beside it."""


@app.command()
def compare(
    folder: Annotated[Path, typer.Argument(help="Folder of the records' headers and the reference annotations.")],
    test: Annotated[str, typer.Option(help="The annotator to judge: the extension of its files.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the reports; made if it is missing.")],
    reference: Annotated[str, typer.Option(help="The annotator to judge it by.")] = "atr",
    test_folder: Annotated[Path | None, typer.Option(help="Folder of the test's files, if apart.")] = None,
    records: Annotated[Path | None, typer.Option(help="File of record names, one a line; RECORDS if not given.")] = None,
    start: Annotated[str, typer.Option(help="Where each comparison starts: seconds, M:SS or H:MM:SS.")] = "5:00",
    as_json: Annotated[bool, typer.Option("--json", help="Print every count and figure as JSON.")] = False,
) -> None:
    """Write bxb_*.txt, rxr_*.txt and sumstats_*.txt, and print the gross figures."""
    start_s = parse_time(start)
    from beatlens.evaluation.ec57 import compare_folder, write_reports
    from beatlens.evaluation.ec57.folder import list_records
    from beatlens.evaluation.ec57.report import comparison_as_dict, format_comparison

    names = list_records(folder, records)
    comparison = compare_folder(folder, test=test, reference=reference, test_folder=test_folder, records=names, start_s=start_s)
    written = write_reports(comparison, out)
    console.errors.print(f"wrote {len(written)} reports to {out}", markup=False)
    if as_json:
        console.print_json(comparison_as_dict(comparison))
    else:
        console.output.print(format_comparison(comparison), end="", markup=False, emoji=False)


def parse_time(text: str) -> float:
    """Return seconds from ``90``, ``1:30`` or ``0:01:30``."""
    found = re.fullmatch(r"(?:(?:(\d+):)?([0-5]?\d):(?=[0-5]?\d(?:\.|$)))?(\d+(?:\.\d+)?)", text)
    if not found:
        raise typer.BadParameter(f"a time must be seconds, M:SS or H:MM:SS; got '{text}'")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds
