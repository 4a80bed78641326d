"""A model's analysis with a reviewer's corrections applied: counts, burden, intervals and events follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from beatlens.analysis import Analysis
from beatlens.analysis.pipeline import summarise
from beatlens.analysis.result import ExplainedBeat
from beatlens.analysis.rhythm import beat_intervals, find_events
from beatlens.app.services.store import Change, Edit
from beatlens.errors import ConfigurationError
from beatlens.labels import AAMI_CLASSES

if TYPE_CHECKING:
    import pandas as pd

CLOSEST_S: Final = 0.15
"""A beat is not added closer to another than this: EC57 would take the two for one."""


@dataclass(frozen=True, eq=False)
class Review:
    """What a reviewer sees.

    Parameters
    ----------
    original : Analysis
        The model's, untouched.
    current : Analysis
        With the corrections.
    corrected : frozenset of int
        R peaks (samples) of the beats whose class is the reviewer's, beats that were added among them.
    removed : tuple of int
        R peaks of the beats that were deleted.
    """

    original: Analysis
    current: Analysis
    corrected: frozenset[int] = frozenset()
    removed: tuple[int, ...] = ()


def labels_of(analysis: Analysis) -> tuple[str, ...]:
    """Return the classes that a reviewer may choose: those of the model, or all of AAMI's if the model's are among them."""
    classes = analysis.model.classes
    return AAMI_CLASSES if set(classes) <= set(AAMI_CLASSES) else classes


def apply_changes(analysis: Analysis, changes: Iterable[Change], *, reviewer: str) -> Review:
    """Apply corrections to a model's analysis.

    Parameters
    ----------
    analysis : Analysis
        The model's.
    changes : iterable of Change
        In the order in which they were made; only those that are done count.
    reviewer : str
        Who made them.

    Returns
    -------
    Review
    """
    final: dict[int, str | None] = {}
    for change in changes:
        if change.state == "done":
            final.update((edit.sample, edit.after) for edit in change.edits)
    if not final:
        return Review(analysis, analysis)
    beats, corrected, removed = _correct_table(analysis.beats, final, reviewer, analysis.record.fs)
    times, classes = beats["time_s"].to_numpy(), beats["class"].to_numpy(dtype=str)
    spans = [(span.start_s, span.end_s) for span in analysis.quality.spans]
    beats["rr_s"] = beat_intervals(times, spans)
    events = find_events(times, beats["rr_s"].to_numpy(), classes, analysis.settings)
    summary = summarise(beats, analysis.record.duration_s, analysis.quality, events, analysis.settings)
    unjudged = beats.loc[beats["class"] == "", "reason"].value_counts()
    current = replace(
        analysis,
        beats=beats,
        summary=summary,
        events=events,
        not_judged={str(reason): int(count) for reason, count in unjudged.items()},
        explained=_keep_explained(analysis, beats, corrected),
        notes=(*analysis.notes, f"{len(corrected) + len(removed):,} beats were corrected by {reviewer}."),
    )
    return Review(analysis, current, frozenset(corrected), tuple(removed))


def _correct_table(
    beats: pd.DataFrame, final: dict[int, str | None], reviewer: str, fs: float
) -> tuple[pd.DataFrame, list[int], list[int]]:
    import pandas as pd

    said = dict(zip(beats["sample"].tolist(), beats["class"].tolist(), strict=True))
    removed = sorted(sample for sample, after in final.items() if after is None and sample in said)
    changed = {sample: after for sample, after in final.items() if after is not None and said.get(sample) not in {after, None}}
    changed |= {sample: after for sample, after in final.items() if after is not None and sample not in said}
    table = beats[~beats["sample"].isin(removed)].copy()
    extra = pd.DataFrame({"sample": sorted(set(changed) - set(said))}, dtype=np.int64)
    if len(extra):
        table = pd.concat([table, extra.reindex(columns=table.columns)], ignore_index=True)
        for name, column in beats.dtypes.items():
            fill = {"b": False, "U": "", "O": "", "T": ""}.get(column.kind)
            if fill is not None or column.kind not in "fiu":
                table[name] = table[name].where(table[name].notna(), fill if fill is not None else "")
            table[name] = table[name].astype(column)
    table = table.sort_values("sample", ignore_index=True)
    table["time_s"] = table["sample"].to_numpy() / fs
    for name in dict.fromkeys(changed.values()):
        if f"p_{name}" not in table.columns:  # the model does not know this class
            place = max(i for i, column in enumerate(table.columns) if column.startswith("p_")) + 1
            table.insert(place, f"p_{name}", np.full(len(table), np.nan, np.float32))
    _write_corrections(table, changed, said, reviewer, beats.dtypes.to_dict())
    return table, sorted(changed), removed


def _write_corrections(
    table: pd.DataFrame, changed: dict[int, str], said: dict[int, str], reviewer: str, types: dict[Any, Any]
) -> None:
    mine = np.flatnonzero(table["sample"].isin(list(changed)).to_numpy())
    samples = table["sample"].to_numpy()[mine].tolist()
    names = [changed[sample] for sample in samples]
    told = []
    for sample in samples:
        before = said.get(sample)
        words = "added" if before is None else f"corrected; the model said {before}" if before else "judged"
        told.append(f"{words} ({reviewer})")
    known = {name: table[f"p_{name}"].to_numpy() for name in set(names)}
    probabilities = [known[name][row] for name, row in zip(names, mine.tolist(), strict=True)]
    new = {"class": names, "probability": probabilities, "judged": True, "uncertain": False, "reason": told}
    for column, values in new.items():
        whole = table[column].to_numpy(dtype=object).copy()
        whole[mine] = values
        table[column] = whole
        table[column] = table[column].astype(types[column])


def _keep_explained(analysis: Analysis, beats: pd.DataFrame, corrected: Sequence[int]) -> tuple[ExplainedBeat, ...]:
    """Return the explanations of beats whose call still stands, at their new places: the others explain another call."""
    place = {sample: row for row, sample in enumerate(beats["sample"].tolist())}
    kept = []
    for each in analysis.explained:
        sample = int(analysis.beats["sample"].iloc[each.beat])
        if sample in place and sample not in corrected:
            kept.append(replace(each, beat=place[sample]))
    return tuple(kept)


def relabel(review: Review, samples: Iterable[int], name: str) -> tuple[Edit, ...]:
    """Return the edits that give beats a class; beats that have it already need none.

    Raises
    ------
    ConfigurationError
        If the class is not one that can be chosen, or there is no beat at a sample.
    """
    if name not in labels_of(review.original):
        raise ConfigurationError(f"'class' must be one of {', '.join(labels_of(review.original))}; got {name}")
    now = dict(zip(review.current.beats["sample"].tolist(), review.current.beats["class"].tolist(), strict=True))
    edits = []
    for sample in samples:
        if sample not in now:
            raise ConfigurationError(f"there is no beat at sample {sample}", hint="Choose a beat of the strip.")
        if now[sample] != name:
            edits.append(Edit(sample, now[sample], name))
    return tuple(edits)


def remove(review: Review, sample: int) -> Edit:
    """Return the edit that deletes a beat.

    Raises
    ------
    ConfigurationError
        If there is no beat at the sample.
    """
    row = review.current.beats.loc[review.current.beats["sample"] == sample, "class"]
    if not len(row):
        raise ConfigurationError(f"there is no beat at sample {sample}", hint="Choose a beat of the strip.")
    return Edit(sample, str(row.iloc[0]), None)


def insert(review: Review, sample: int, name: str) -> Edit:
    """Return the edit that adds a beat.

    Raises
    ------
    ConfigurationError
        If the class cannot be chosen, the sample lies outside the recording, or there is a beat within 0.15 s.
    """
    record = review.original.record
    if name not in labels_of(review.original):
        raise ConfigurationError(f"'class' must be one of {', '.join(labels_of(review.original))}; got {name}")
    if not 0 <= sample < record.n_samples:
        raise ConfigurationError(f"a beat must lie inside the recording; got sample {sample} of {record.n_samples}")
    samples = review.current.beats["sample"].to_numpy()
    near = np.abs(samples - sample)
    if len(near) and near.min() < CLOSEST_S * record.fs:
        at = samples[near.argmin()] / record.fs
        raise ConfigurationError(
            f"there is a beat at {at:.2f} s already, less than {CLOSEST_S:g} s away", hint="Change that beat's class instead."
        )
    return Edit(sample, None, name)
