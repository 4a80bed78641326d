"""An analysis becomes a folder: report, tables, annotations, figures."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from beatlens._io import write_json, write_text
from beatlens.analysis.result import Analysis
from beatlens.errors import OutputError
from beatlens.reports.document import make_document
from beatlens.reports.fhir import make_bundle
from beatlens.reports.figures.analysis import draw_figures
from beatlens.reports.figures.saving import save_figure
from beatlens.reports.page import render_report
from beatlens.reports.tables import write_annotations, write_csv, write_parquet

DOCUMENT: Final = "analysis.json"
REPORT: Final = "report.html"
BUNDLE: Final = "fhir.json"
STAGES: Final = ("report", "tables", "figures")
LEFT_OVER_S: Final = 3600.0


def save_analysis(
    analysis: Analysis,
    folder: str | Path,
    *,
    force: bool = False,
    beside: Mapping[str, object] = MappingProxyType({}),
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> Path:
    """Write everything that an analysis found.

    The folder holds ``report.html``, ``analysis.json``, ``beats.csv`` (and ``beats.parquet`` where pyarrow is installed),
    ``beats.bl`` with ``beats.hea`` (WFDB annotations), ``fhir.json`` (an HL7 FHIR R5 bundle) and ``figures/`` (PNG and SVG).
    It appears when all of it is written.

    Parameters
    ----------
    analysis : Analysis
    folder : str or Path
        Where to.
    force : bool
        Replace the folder if it holds an earlier analysis.
    beside : mapping of str to object
        What else the folder is to hold, as JSON, by the names of the files.
    progress : callable
        Called with the name of the stage (one of `STAGES`) and the share of it that is done.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the folder exists and may not be replaced, or cannot be written.
    """
    target = Path(folder)
    check_target(target, force=force)
    with _filling(target) as temporary:
        progress("report", 0.0)
        write_text(temporary / REPORT, render_report(analysis))
        progress("tables", 0.0)
        write_json(temporary / DOCUMENT, make_document(analysis))
        write_json(temporary / BUNDLE, make_bundle(analysis))
        write_csv(temporary / "beats.csv", analysis.beats)
        write_parquet(temporary / "beats.parquet", analysis.beats)
        write_annotations(temporary, analysis)
        figures = draw_figures(analysis)
        for place, (name, figure) in enumerate(figures):
            progress("figures", place / len(figures))
            save_figure(figure, temporary / "figures" / name)
        for name, document in beside.items():
            write_json(temporary / name, document)
        progress("figures", 1.0)
    return target


def check_target(target: Path, *, force: bool = False) -> None:
    """Refuse a folder that must not be written to, before any work is done.

    Raises
    ------
    OutputError
        If it exists, unless it is empty, or holds an earlier analysis and ``force`` is set.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / DOCUMENT).is_file():
        raise OutputError(f"{target} exists and is not an earlier analysis", hint="Choose another folder with --out.")
    if not force:
        raise OutputError(f"{target} holds an earlier analysis", hint="Replace it with --force, or choose another with --out.")


@contextlib.contextmanager
def _filling(target: Path) -> Iterator[Path]:
    """Yield a folder beside the target that takes its place when the block ends well, and vanishes when it does not."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    _clear_leftovers(target)
    try:
        temporary.mkdir(parents=True)
        (temporary / "figures").mkdir()
        yield temporary
        _swap(temporary, target)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _clear_leftovers(target: Path) -> None:
    """Remove what a run that was killed outright left beside the target: hidden folders that nobody has touched for an hour."""
    pattern = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}")
    with contextlib.suppress(OSError):  # the folder around may not exist yet, or belong to somebody else
        for path in target.parent.iterdir():
            if pattern.fullmatch(path.name) and path.is_dir() and time.time() - path.stat().st_mtime > LEFT_OVER_S:
                shutil.rmtree(path, ignore_errors=True)


def _swap(new: Path, target: Path) -> None:
    if not target.exists():
        new.rename(target)
        return
    old = target.with_name(f"{new.name}.old")
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old)
