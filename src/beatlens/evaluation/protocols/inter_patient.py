"""The ``inter-patient`` protocol: trained on some patients, measured on others, under both AAMI mappings.

De Chazal P, O'Dwyer M, Reilly RB. Automatic classification of heartbeats using ECG morphology and heartbeat interval
features. IEEE Trans Biomed Eng 51(7):1196-1206 (2004): the split. Every error counts here, also a V called on a fusion beat,
which EC57 forgives: F1 is of the plain confusion matrix, as most papers have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.errors import AnnotationError, ConfigurationError
from beatlens.evaluation.bootstrap import draw_records, interval_of
from beatlens.evaluation.calibration import Reliability, count_bins, measure_reliability
from beatlens.evaluation.ec57.pairing import pair_beats
from beatlens.evaluation.ec57.streams import read_stream
from beatlens.evaluation.metrics import ClassFigures, Figure, Ranking, RankingCurve, class_figures, mean_figure
from beatlens.evaluation.result import Measured
from beatlens.labels import AAMI_CLASSES, BEAT_SYMBOLS, classify_symbols
from beatlens.labels import Mapping as AamiMapping
from beatlens.records import Annotations

MAPPINGS: Final[tuple[AamiMapping, ...]] = ("paper", "bxb")
SCORED: Final = ("N", "S", "V", "F")
"""Classes that the macro-F1 is of; Q is too rare in DS2 (7 beats) to be measured."""

LABELS: Final = (*AAMI_CLASSES, "-")
"""Rows and columns of the confusion matrices; ``-``: no beat there, or a beat that was missed or not judged."""

SPECIFICITIES: Final = (0.95, 0.99)
WINDOW_S: Final = 0.15
_NO_CLASSES = "the model tells only normal from abnormal"
_NO_PROBABILITY = "the annotator gives no probability"


@dataclass(frozen=True, eq=False)
class BeatCalls:
    """What a model or an annotator says of a record's beats.

    Parameters
    ----------
    samples : ndarray of int64, shape (n_beats,)
        Sample number of each R peak, never decreasing.
    classes : ndarray of str, shape (n_beats,)
        WFDB symbols or AAMI classes; or ``normal`` and ``abnormal``; empty where a beat was not judged.
    abnormal : ndarray of float, shape (n_beats,), optional
        Probability that the beat is not normal; NaN where it was not judged.
    confidence : ndarray of float, shape (n_beats,), optional
        Probability of the class that the beat was called; NaN where it was not judged.
    """

    samples: npt.NDArray[np.int64]
    classes: npt.NDArray[np.str_]
    abnormal: npt.NDArray[np.floating] | None = None
    confidence: npt.NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.samples if each is None else each) for each in (self.classes, self.abnormal, self.confidence)}
        lengths.add(len(self.samples))
        if len(lengths) > 1:
            raise AnnotationError(f"samples, classes and probabilities must be one a beat; got lengths {sorted(lengths)}")


@dataclass(frozen=True, eq=False)
class _Judged:
    """One record: its beats with what was said of each, and what was said where there is no beat."""

    name: str
    symbols: npt.NDArray[np.str_]
    called: npt.NDArray[np.str_]
    abnormal: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    false: npt.NDArray[np.str_]
    false_abnormal: npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassRow:
    """Figures of one class with their intervals."""

    counts: ClassFigures
    sensitivity: Measured
    precision: Measured
    f1: Measured


@dataclass(frozen=True, eq=False)
class SubsetFigures:
    """Figures of some of the records under one mapping.

    Parameters
    ----------
    records : tuple of str
        Which records.
    confusion : ndarray of int64, shape (6, 6)
        Beats by class of the reference (rows) and of the model (columns), in the order of `LABELS`.
    classes : tuple of ClassRow
        N, S, V, F, Q.
    macro_f1 : Measured
        Mean F1 over N, S, V, F.
    abnormal : ClassRow
        Abnormal (any class but N) against normal.
    specificity : Measured
        Share of the normal beats that were found and not called abnormal.
    auroc, average_precision : Measured
        Of the probability of being abnormal.
    sensitivity_at : dict of float to Measured
        Sensitivity to abnormal beats at the `SPECIFICITIES`.
    """

    records: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    classes: tuple[ClassRow, ...]
    macro_f1: Measured
    abnormal: ClassRow
    specificity: Measured
    auroc: Measured
    average_precision: Measured
    sensitivity_at: dict[float, Measured]


@dataclass(frozen=True, eq=False)
class InterPatientFigures:
    """Figures of the ``inter-patient`` protocol.

    Parameters
    ----------
    subsets : dict of (str, str) to SubsetFigures
        By mapping (``paper``, ``bxb``) and subset (``all``, ``without 232``, ``without 213``).
    by_record : dict of str to tuple of SubsetFigures
        By mapping, one a record, without intervals.
    n_beats, n_missed, n_false, n_unjudged : int
        Beats of the reference; those without a partner; beats without one in the reference; beats without a call.
    has_classes : bool
        Whether the model tells classes apart, or only normal from abnormal.
    calibration : dict of str to Reliability
        Of the probability of ``abnormal``, and of the ``called class``, where there are probabilities: all records, paper
        mapping, beats of the reference that were found and judged.
    """

    subsets: dict[tuple[str, str], SubsetFigures]
    by_record: dict[str, tuple[SubsetFigures, ...]]
    n_beats: int
    n_missed: int
    n_false: int
    n_unjudged: int
    has_classes: bool
    calibration: dict[str, Reliability]


def evaluate_inter_patient(
    calls: Mapping[str, BeatCalls],
    reference: Mapping[str, Annotations],
    *,
    fs: float = 360.0,
    threshold: float = 0.5,
    n_resamples: int = 1000,
) -> InterPatientFigures:
    """Measure per-beat calls against the reference, record by record.

    Parameters
    ----------
    calls : mapping of str to BeatCalls
        What was said of each record. Beats pair with the reference's as in EC57 (within 150 ms); a beat without a partner
        is missed, or false; inside the reference's VF marks it is not counted.
    reference : mapping of str to Annotations
        Of the same records.
    fs : float
        Sampling rate in Hz of both.
    threshold : float
        From this probability on a beat counts as abnormal. Without probabilities, every class but N does.
    n_resamples : int
        Resamples of the records for the 95 % intervals.

    Returns
    -------
    InterPatientFigures

    Raises
    ------
    ConfigurationError
        If no record is given, or the two name different records.
    AnnotationError
        If a call is not a class.
    """
    if not calls or set(calls) != set(reference):
        odd = sorted(set(calls) ^ set(reference))
        raise ConfigurationError(f"calls and reference must be of the same records, at least one; they differ in {odd}")
    judged = [_judge(name, calls[name], reference[name], window=int(WINDOW_S * fs + 0.5)) for name in sorted(calls)]
    has_classes = not any(np.isin(item.called, ("normal", "abnormal")).any() for item in judged)
    subsets: dict[tuple[str, str], SubsetFigures] = {}
    by_record: dict[str, tuple[SubsetFigures, ...]] = {}
    for mapping in MAPPINGS:
        counted = [_Counted.of(item, mapping, threshold, has_classes=has_classes) for item in judged]
        by_record[mapping] = tuple(_measure([item], has_classes=has_classes) for item in counted)
        for title, chosen in _subsets(counted).items():
            subsets[mapping, title] = _measure(chosen, has_classes=has_classes, n_resamples=n_resamples, rank=title == "all")
    called = np.concatenate([item.called for item in judged])
    return InterPatientFigures(
        subsets=subsets,
        by_record=by_record,
        n_beats=len(called),
        n_missed=int((called == "missed").sum()),
        n_false=sum(len(item.false) for item in judged),
        n_unjudged=int((called == "").sum()),
        has_classes=has_classes,
        calibration=_calibrate(judged, n_resamples),
    )


def _calibrate(judged: Sequence[_Judged], n_resamples: int) -> dict[str, Reliability]:
    """Measure how far probabilities hold, under the paper mapping."""
    parts: dict[str, list[npt.NDArray[np.float64]]] = {"abnormal": [], "called class": []}
    for item in judged:
        true, called = (classify_symbols(classes, mapping="paper") for classes in (item.symbols, item.called))
        parts["abnormal"].append(count_bins(item.abnormal, true != "N"))
        parts["called class"].append(count_bins(item.confidence, true == called))
    found = {name: measure_reliability(counts, n_resamples=n_resamples) for name, counts in parts.items()}
    return {name: reliability for name, reliability in found.items() if reliability.n_beats}


def _judge(name: str, calls: BeatCalls, reference: Annotations, *, window: int) -> _Judged:
    """Give every beat of the reference what was said of its partner."""
    beats = reference.select(np.isin(reference.symbols, list(BEAT_SYMBOLS)))
    partner = pair_beats(beats.samples, calls.samples, window=window)
    found = partner >= 0
    unknown_p = np.full(len(calls.samples), np.nan)
    probability, confidence = (
        unknown_p if each is None else np.asarray(each, np.float64) for each in (calls.abnormal, calls.confidence)
    )
    classes = calls.classes.astype("<U8")
    unknown = sorted(set(classes.tolist()) - {*BEAT_SYMBOLS, *AAMI_CLASSES, "normal", "abnormal", ""})
    if unknown:
        raise AnnotationError(f"a call must be a beat's symbol or class; got '{unknown[0]}', in record {name}")
    called = np.full(len(beats), "missed", "<U8")
    called[found] = classes[partner[found]]
    of_beats = np.full((2, len(beats)), np.nan)
    of_beats[:, found] = np.stack([probability, confidence])[:, partner[found]]
    alone = np.ones(len(calls.samples), bool)
    alone[partner[found]] = False
    for begin, end in read_stream(reference, window=window).fibrillations:  # where no beats are expected
        alone &= (calls.samples < begin) | (calls.samples > end)
    return _Judged(name, beats.symbols, called, of_beats[0], of_beats[1], classes[alone], probability[alone])


@dataclass(frozen=True, eq=False)
class _Counted:
    """One record under one mapping: counts that can be added up, and beats that can be ranked."""

    name: str
    confusion: npt.NDArray[np.int64]
    binary: npt.NDArray[np.int64]
    """Abnormal beats called so, abnormal beats, beats called abnormal, normal beats not called so, normal beats."""
    positive: npt.NDArray[np.bool_]
    score: npt.NDArray[np.float64]

    @classmethod
    def of(cls, item: _Judged, mapping: AamiMapping, threshold: float, *, has_classes: bool) -> _Counted:
        true = classify_symbols(item.symbols, mapping=mapping)
        positive = true != "N"
        called = _called_abnormal(item.called, item.abnormal, mapping, threshold)
        false = _called_abnormal(item.false, item.false_abnormal, mapping, threshold)
        present = item.called != "missed"
        confusion = np.zeros((len(LABELS), len(LABELS)), np.int64)
        if has_classes:
            rows = np.r_[_places(true), np.full(len(item.false), len(LABELS) - 1)]
            columns = _places(classify_symbols(np.r_[item.called, item.false], mapping=mapping))
            np.add.at(confusion, (rows, columns), 1)
        ranked = ~np.isnan(item.abnormal)
        return cls(
            name=item.name,
            confusion=confusion,
            binary=np.array(
                [
                    (positive & called).sum(),
                    positive.sum(),
                    called.sum() + false.sum(),
                    (~positive & ~called & present).sum(),
                    (~positive).sum(),
                ]
            ),
            positive=positive[ranked],
            score=item.abnormal[ranked],
        )


def _called_abnormal(
    called: npt.NDArray[np.str_], abnormal: npt.NDArray[np.float64], mapping: AamiMapping, threshold: float
) -> npt.NDArray[np.bool_]:
    """Tell which beats were called abnormal: by their probability, or else by their class."""
    by_class = (called == "abnormal") | ~np.isin(classify_symbols(called, mapping=mapping), ("N", ""))
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(abnormal), by_class, abnormal >= threshold)


def _places(classes: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Return the row or column of each class; the last for none."""
    place = np.full(len(classes), len(LABELS) - 1)
    for at, label in enumerate(AAMI_CLASSES):
        place[classes == label] = at
    return place


def _subsets(counted: Sequence[_Counted]) -> dict[str, list[_Counted]]:
    """Return all records, and all but each of those that decide a class alone: 232 has most S beats, 213 most F beats."""
    names = {item.name for item in counted}
    subsets = {"all": list(counted)}
    for name in ("232", "213"):
        if name in names and len(names) > 1:
            subsets[f"without {name}"] = [item for item in counted if item.name != name]
    return subsets


@dataclass(frozen=True, eq=False)
class _Draw:
    """Figures of records that count so often each; those over thresholds only where there is a curve."""

    confusion: npt.NDArray[np.int64]
    binary: npt.NDArray[np.int64]
    curve: RankingCurve | None
    has_classes: bool

    @cached_property
    def classes(self) -> tuple[ClassFigures, ...]:
        return class_figures(self.confusion, LABELS)[:-1]

    @property
    def abnormal(self) -> ClassFigures:
        hits, n_true, n_called, _, _ = self.binary.tolist()
        return ClassFigures("abnormal", hits, n_true, n_called)

    def figures(self) -> dict[str, Figure]:
        """Return every figure by a name."""
        found: dict[str, Figure] = {}
        for row in (*self.classes, self.abnormal):
            found |= {f"{row.label} Se": row.sensitivity, f"{row.label} +P": row.precision, f"{row.label} F1": row.f1}
        found["macro-F1"] = mean_figure([found[f"{label} F1"] for label in SCORED])
        if not self.has_classes:
            found |= {name: Figure(np.nan, _NO_CLASSES) for name in found if not name.startswith("abnormal")}
        found["specificity"] = Figure.share(int(self.binary[3]), int(self.binary[4]), "no normal beat")
        if self.curve is None:
            return found
        found |= {"AUROC": self.curve.auroc, "AUPRC": self.curve.average_precision}
        found |= {f"Se at {level}": self.curve.sensitivity_at(level) for level in SPECIFICITIES}
        if not self.curve.hits.size:
            names = ("AUROC", "AUPRC", *(f"Se at {level}" for level in SPECIFICITIES))
            found |= {name: Figure(np.nan, _NO_PROBABILITY) for name in names}
        return found


def _measure(counted: Sequence[_Counted], *, has_classes: bool, n_resamples: int = 0, rank: bool = True) -> SubsetFigures:
    """Measure records together; figures over thresholds get an interval only if asked, for it takes the longest."""
    confusion = np.stack([item.confusion for item in counted])
    binary = np.stack([item.binary for item in counted])
    ranking = Ranking(np.concatenate([item.positive for item in counted]), np.concatenate([item.score for item in counted]))
    record_of_beat = np.repeat(np.arange(len(counted)), [len(item.score) for item in counted])

    def draw(times: npt.NDArray[np.int64], *, rank: bool = True) -> _Draw:
        curve = ranking.curve(times[record_of_beat].astype(np.float64)) if rank else None
        return _Draw(np.tensordot(times, confusion, 1), np.tensordot(times, binary, 1), curve, has_classes)

    once = draw(np.ones(len(counted), np.int64))
    figures = once.figures()
    measured = {name: Measured(figure) for name, figure in figures.items()}
    if n_resamples and len(counted) > 1:
        resampled = [draw(times, rank=rank).figures() for times in draw_records(len(counted), n_resamples=n_resamples)]
        for name in resampled[0]:
            measured[name] = Measured(figures[name], interval_of(one[name].value for one in resampled))

    def row(counts: ClassFigures) -> ClassRow:
        return ClassRow(counts, *(measured[f"{counts.label} {name}"] for name in ("Se", "+P", "F1")))

    return SubsetFigures(
        records=tuple(item.name for item in counted),
        confusion=once.confusion,
        classes=tuple(row(counts) for counts in once.classes),
        macro_f1=measured["macro-F1"],
        abnormal=row(once.abnormal),
        specificity=measured["specificity"],
        auroc=measured["AUROC"],
        average_precision=measured["AUPRC"],
        sensitivity_at={level: measured[f"Se at {level}"] for level in SPECIFICITIES},
    )
