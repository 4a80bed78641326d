"""What a reviewer takes away: annotations, a table, and a report, each with the model's original beside it."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from beatlens.app.services.comparison import compare_with_reviewer
from beatlens.app.services.review import Review
from beatlens.app.services.store import Change
from beatlens.reports.document import NOTICE
from beatlens.reports.tables import write_annotations

if TYPE_CHECKING:
    import pandas as pd

REVIEWED: Final = "reviewed"
ORIGINAL: Final = "original"


def table_of(review: Review, changes: tuple[Change, ...], reviewer: str) -> pd.DataFrame:
    """Return one row a beat of the model or of the reviewer: both classes, and by whom and when it was changed.

    A beat that was deleted has no ``class``; one that was added has no ``model_class``.
    """
    before = review.original.beats.set_index("sample")
    after = review.current.beats.set_index("sample")
    table = after[["time_s", "class", "rr_s"]].join(
        before[["class", "probability", "time_s"]].rename(
            columns={"class": "model_class", "probability": "model_probability", "time_s": "model_time_s"}
        ),
        how="outer",
    )
    table["time_s"] = table["time_s"].fillna(table.pop("model_time_s"))
    for name in ("class", "model_class"):
        table[name] = table[name].fillna("")
    when = {edit.sample: change.made_at for change in changes if change.state == "done" for edit in change.edits}
    touched = table.index.isin([*review.corrected, *review.removed])
    table["changed_by"] = np.where(touched, reviewer, "")
    table["changed_at"] = [when.get(int(s), "") if hit else "" for s, hit in zip(table.index, touched, strict=True)]
    table["deleted"] = table.index.isin(review.removed)
    digits = {"time_s": 4, "rr_s": 4, "model_probability": 4}
    ordered: pd.DataFrame = table.astype(dict.fromkeys(digits, np.float64)).round(digits).sort_index()
    return ordered.reset_index()


def write_csv(review: Review, changes: tuple[Change, ...], reviewer: str) -> bytes:
    """Return `table_of` as CSV in UTF-8."""
    return table_of(review, changes, reviewer).to_csv(index=False, lineterminator="\n").encode()


def write_wfdb(review: Review) -> bytes:
    """Return a zip with the beats as WFDB annotations: ``reviewed.bl`` and ``original.bl``, each with its header."""
    with tempfile.TemporaryDirectory(prefix="beatlens-") as folder:
        for name, analysis in ((REVIEWED, review.current), (ORIGINAL, review.original)):
            write_annotations(Path(folder), analysis, name=name)
        return _zip(Path(folder))


def write_everything(review: Review, changes: tuple[Change, ...], reviewer: str) -> bytes:
    """Return a zip with the report of the reviewed analysis, the model's own, the corrections and their agreement.

    ``reviewed/`` and ``original/`` are whole reports; ``beats.csv`` is `table_of`; ``changes.csv`` lists what was done, that
    which was taken back again included; ``agreement.txt`` is EC57's table with the reviewer as the reference.
    """
    import pandas as pd

    from beatlens.reports.saving import save_analysis  # its figures bring Matplotlib, which no page needs

    with tempfile.TemporaryDirectory(prefix="beatlens-") as base:
        folder = Path(base)
        save_analysis(review.current, folder / REVIEWED)
        save_analysis(review.original, folder / ORIGINAL)
        (folder / "beats.csv").write_bytes(write_csv(review, changes, reviewer))
        rows = [
            (change.number, change.made_at, reviewer, change.state, change.title, edit.sample, edit.before, edit.after)
            for change in changes
            for edit in change.edits
        ]
        columns = ["change", "made_at", "reviewer", "state", "title", "sample", "before", "after"]
        pd.DataFrame(rows, columns=columns).to_csv(folder / "changes.csv", index=False, lineterminator="\n")
        agreement = compare_with_reviewer(review, reviewer).text(review.original.record.name)
        (folder / "agreement.txt").write_text(f"{agreement}\n{NOTICE}\n", encoding="utf-8")
        return _zip(folder)


def _zip(folder: Path) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return held.getvalue()
