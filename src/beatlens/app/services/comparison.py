"""Two sets of labels on one recording: a reference beside the model, or the reviewer beside the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis import Analysis
from beatlens.app.services.review import Review, labels_of
from beatlens.errors import AnnotationError
from beatlens.evaluation.ec57 import RecordComparison, compare_record
from beatlens.evaluation.ec57.pairing import pair_beats
from beatlens.evaluation.ec57.text import format_standard
from beatlens.labels import AAMI_CLASSES, BEAT_SYMBOLS, classify_symbols, seed_labels
from beatlens.records import Annotations
from beatlens.reports.tables import SYMBOLS

MATCH_S: Final = 0.15
"""EC57's match window: beats further apart are not the same beat."""

NONE: Final = "no beat"


@dataclass(frozen=True, eq=False)
class Labelled:
    """Beats with classes: R peaks (increasing) and the class of each, empty where it was not judged."""

    samples: npt.NDArray[np.int64]
    classes: npt.NDArray[np.str_]


@dataclass(frozen=True)
class Disagreement:
    """A beat on which two sets of labels differ; `NONE` where one of them has no beat there."""

    sample: int
    time_s: float
    first: str
    second: str


@dataclass(frozen=True, eq=False)
class Agreement:
    """How two sets of labels agree.

    Parameters
    ----------
    names : (str, str)
        Who labelled: the first is the one that is measured against.
    labels : tuple of str
        Rows and columns of the table of counts.
    counts : ndarray of int64, shape (n_labels, n_labels)
        Pairs by the class of the first (rows) and of the second (columns).
    disagreements : tuple of Disagreement
        In the order of time.
    ec57 : RecordComparison or None
        The comparison that EC57 asks for, where the classes are AAMI's.
    """

    names: tuple[str, str]
    labels: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    disagreements: tuple[Disagreement, ...]
    ec57: RecordComparison | None

    @property
    def n_agreed(self) -> int:
        """Beats on which both agree."""
        return int(np.trace(self.counts))

    @property
    def figures(self) -> tuple[tuple[str, float, int, int], ...]:
        """EC57's figures: what, in percent (NaN if there was no case), hits, cases. Empty where the classes are not AAMI's."""
        if self.ec57 is None:
            return ()
        beats = self.ec57.beats
        found = (
            ("QRS sensitivity", beats.qrs_sensitivity),
            ("QRS positive predictivity", beats.qrs_predictivity),
            ("VEB sensitivity", beats.veb_sensitivity),
            ("VEB positive predictivity", beats.veb_predictivity),
            ("SVEB sensitivity", beats.sveb_sensitivity),
            ("SVEB positive predictivity", beats.sveb_predictivity),
        )
        return tuple((title, ratio.percent, ratio.hits, ratio.cases) for title, ratio in found)

    def text(self, record: str) -> str:
        """Return EC57's table as ``bxb`` prints it; a plain table of counts where the classes are not AAMI's."""
        if self.ec57 is not None:
            return format_standard(record, self.ec57.beats, reference=self.names[0], test=self.names[1])
        head = f"{self.names[0]} (rows) and {self.names[1]} (columns), record {record}\n"
        rows = ["".join(f"{cell:>12}" for cell in ("", *self.labels))]
        rows += [f"{name:>12}" + "".join(f"{n:>12}" for n in row) for name, row in zip(self.labels, self.counts, strict=True)]
        return head + "\n".join(rows) + "\n"


def labelled(analysis: Analysis) -> Labelled:
    """Return the beats of an analysis."""
    return Labelled(analysis.beats["sample"].to_numpy(np.int64), analysis.beats["class"].to_numpy(dtype=str))


def reference_of(analysis: Analysis) -> Labelled | None:
    """Return the beats that came with the recording, in the classes that the model speaks; None if there are none.

    AAMI classes are mapped as ``bxb`` maps them; for a model that knows only normal and abnormal, every symbol but ``N`` is
    abnormal, as in the protocol of ``seed-lstm``.
    """
    marks = analysis.record.annotations
    if marks is None:
        return None
    marks = marks.select(np.isin(marks.symbols, list(BEAT_SYMBOLS)))
    marks = marks.select((marks.samples < analysis.record.n_samples) & (np.diff(marks.samples, prepend=-1) > 0))
    if not len(marks):
        return None
    if set(labels_of(analysis)) <= set(AAMI_CLASSES):
        return Labelled(marks.samples, classify_symbols(marks.symbols, mapping="bxb"))
    names = np.array(["normal", "abnormal"])
    return Labelled(marks.samples, names[seed_labels(marks.symbols)])


def compare(first: Labelled, second: Labelled, analysis: Analysis, *, names: tuple[str, str]) -> Agreement:
    """Compare two sets of labels of one recording, from its first second on.

    Parameters
    ----------
    first, second : Labelled
        The first is measured against.
    analysis : Analysis
        Of the recording that they belong to.
    names : (str, str)
        Who labelled.
    """
    record, known = analysis.record, labels_of(analysis)
    labels = (*known, "not judged", NONE)
    place = {name: k for k, name in enumerate(labels)} | {"": len(known)}
    partner = pair_beats(first.samples, second.samples, window=round(MATCH_S * record.fs))
    pairs = [
        (int(s), str(c), str(second.classes[p]) if p >= 0 else NONE)
        for s, c, p in zip(first.samples.tolist(), first.classes.tolist(), partner.tolist(), strict=True)
    ]
    alone = np.setdiff1d(np.arange(len(second.samples)), partner)
    pairs += [(int(second.samples[k]), NONE, str(second.classes[k])) for k in alone.tolist()]
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for _, a, b in pairs:
        counts[place[a], place[b]] += 1
    differing = sorted((s, a or "not judged", b or "not judged") for s, a, b in pairs if a != b)
    kept = [k for k in range(len(labels)) if k < len(known) or counts[k].any() or counts[:, k].any()]
    return Agreement(
        names=names,
        labels=tuple(labels[k] for k in kept),
        counts=counts[np.ix_(kept, kept)],
        disagreements=tuple(Disagreement(s, s / record.fs, a, b) for s, a, b in differing),
        ec57=_compare_ec57(first, second, analysis) if set(known) <= set(AAMI_CLASSES) else None,
    )


def compare_with_reference(analysis: Analysis) -> Agreement:
    """Compare the recording's own annotations with the model's beats.

    Raises
    ------
    AnnotationError
        If the recording has no annotated beats.
    """
    reference = reference_of(analysis)
    if reference is None:
        raise AnnotationError(
            f"{analysis.record.name} has no annotated beats",
            hint="Open a WFDB record together with its annotation file (.atr).",
        )
    return compare(reference, labelled(analysis), analysis, names=("reference", analysis.model.name))


def compare_with_reviewer(review: Review, reviewer: str) -> Agreement:
    """Compare the reviewer's beats, as the reference, with the model's."""
    names = (reviewer or "reviewer", review.original.model.name)
    return compare(labelled(review.current), labelled(review.original), review.original, names=names)


def _compare_ec57(first: Labelled, second: Labelled, analysis: Analysis) -> RecordComparison:
    record = analysis.record
    return compare_record(
        _as_annotations(first), _as_annotations(second), fs=record.fs, n_samples=record.n_samples, start_s=0.0, name=record.name
    )


def _as_annotations(beats: Labelled) -> Annotations:
    return Annotations(beats.samples, np.array([SYMBOLS.get(name, "Q") for name in beats.classes.tolist()], dtype="<U1"))
