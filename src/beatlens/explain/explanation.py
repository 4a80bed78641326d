"""What a user gets: one beat's `Explanation`, and a table of many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from beatlens.explain.peaks import find_salient_times

if TYPE_CHECKING:
    import pandas as pd

NO_GAP = "the method does not claim to add up to the logit"


@dataclass(frozen=True, eq=False)
class Explanation:
    """What moved the logit of one beat.

    Parameters
    ----------
    attribution : ndarray of shape (n_samples, n_leads)
        Signed: positive where the signal speaks for ``target``. In logits (for slopes: logits per unit of the model's input).
    times_ms : ndarray of float64, shape (n_samples,)
        Time of each sample relative to the R peak.
    target : str
        The class whose logit is explained.
    logit, probability : float
        The network's logit of ``target``, and the model's probability of it; between the two, ``rhythm-lstm`` lets beats of one
        shape agree on V (`beatlens.models.rhythm_shapes`).
    predicted : str
        The class that the model calls.
    method : str
        How the attribution was found; one of `beatlens.explain.methods.METHODS`.
    model : str
        The model's name.
    completeness_gap : float
        Change of the logit that the attribution does not add up to; NaN where ``gap_reason`` says why there is none.
    gap_reason : str
        Why the gap is NaN; empty where it is a number.
    signal : ndarray of shape (n_samples, n_leads)
        The window in mV.
    lead_names : tuple of str
        One name a lead.
    features : mapping of str to float
        Attribution of each rhythm feature, where the model reads any.
    neighbours : mapping of int to float
        For each neighbouring beat (-1: the one before), where the model reads any: how far the logit falls if it is replaced by
        the recording's usual beat, whatever the method.
    shares : mapping of str to float
        Part of the attribution's total size that lies on each segment (``"P"``, ``"QRS"``, ...), where the beat was delineated;
        with methods that measure evidence also that of the intervals (``"interval before"``, ``"interval after"``,
        ``"rhythm around"``) and of everything that the other beats bring (``"other beats"``), where the model reads them.
    segments : mapping of str to (float, float)
        When each segment begins and ends, in ms from the R peak.
    usual : ndarray of shape (n_samples, n_leads)
        The recording's usual beat in mV; empty where it is not known.
    measured : mapping of str to float, bool or None
        What was measured of the beat (see `beatlens.explain.words.Facts`); None where it could not be.
    sentence : str
        The explanation in words; it states only what was measured.
    record : str
        The recording's name.
    sample : int
        Sample number of the R peak in the recording.
    true : str
        The reference's class; empty where there is no reference.
    """

    attribution: npt.NDArray[np.floating]
    times_ms: npt.NDArray[np.float64]
    target: str
    logit: float
    probability: float
    predicted: str
    method: str
    model: str
    completeness_gap: float = math.nan
    gap_reason: str = NO_GAP
    signal: npt.NDArray[np.floating] = field(default_factory=lambda: np.zeros((0, 1), np.float32))
    lead_names: tuple[str, ...] = ("lead",)
    features: Mapping[str, float] = field(default_factory=dict)
    neighbours: Mapping[int, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    segments: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    usual: npt.NDArray[np.floating] = field(default_factory=lambda: np.zeros((0, 1), np.float32))
    measured: Mapping[str, float | bool | None] = field(default_factory=dict)
    sentence: str = ""
    record: str = ""
    sample: int = -1
    true: str = ""

    @property
    def salient_times_ms(self) -> tuple[float, ...]:
        """Times of the peaks of the attribution's size relative to the R peak, the highest first."""
        return tuple(find_salient_times(self.attribution, self.times_ms).tolist())

    @property
    def correct(self) -> bool | None:
        """Whether the call agrees with the reference; None where there is no reference."""
        return self.predicted == self.true if self.true else None

    @property
    def rhythm(self) -> dict[str, float]:
        """Attribution of the interval before, the interval after and the rhythm around, each the sum of its features."""
        from beatlens.explain.groups import sum_groups

        return sum_groups(self.features)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a sample: ``time_ms``, then for each lead its voltage and its attribution; ``segment`` names it.

        What is not of the window has a table of its own: `rhythm_frame`.
        """
        import pandas as pd

        columns: dict[str, npt.NDArray[np.floating]] = {"time_ms": self.times_ms}
        for k, lead in enumerate(self.lead_names):
            if len(self.signal):
                columns[f"{lead}_mv"] = self.signal[:, k]
            columns[f"{lead}_attribution"] = self.attribution[:, k]
        frame = pd.DataFrame(columns)
        if self.segments:
            names = np.full(len(self.times_ms), "", dtype=object)
            for name, (start, end) in self.segments.items():
                names[(self.times_ms >= start) & (self.times_ms <= end)] = name
            frame["segment"] = names
        return frame

    def rhythm_frame(self) -> pd.DataFrame:
        """Return one row for each rhythm feature and each neighbour: ``kind``, ``name``, ``attribution``.

        That of a feature is the method's; that of a neighbour is the fall of the logit when it is replaced by the usual beat.
        """
        import pandas as pd

        rows = [("feature", name, value) for name, value in self.features.items()]
        rows += [("neighbour", f"{place:+d}", value) for place, value in sorted(self.neighbours.items())]
        return pd.DataFrame(rows, columns=["kind", "name", "attribution"])

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types of JSON; NaN becomes None."""
        return {
            **self.to_row(),
            "target": self.target,
            "logit": self.logit,
            "probability": self.probability,
            "model": self.model,
            "method": self.method,
            "completeness_gap": None if math.isnan(self.completeness_gap) else self.completeness_gap,
            "completeness_gap_reason": self.gap_reason,
            "lead_names": list(self.lead_names),
            "time_ms": np.round(self.times_ms, 3).tolist(),
            "signal_mv": _rounded(self.signal),
            "attribution": _rounded(self.attribution),
            "features": dict(self.features),
            "neighbours": {str(place): share for place, share in self.neighbours.items()},
            "shares": dict(self.shares),
            "segments_ms": {name: list(span) for name, span in self.segments.items()},
            "usual_mv": _rounded(self.usual),
            "measured": dict(self.measured),
        }

    def to_row(self) -> dict[str, Any]:
        """Return the beat's row of the table of explanations."""
        return {
            "record": self.record,
            "sample": self.sample,
            "true": self.true or None,
            "predicted": self.predicted,
            "salient_times_ms": [round(time) for time in self.salient_times_ms],
            "sentence": self.sentence,
            "correct": self.correct,
        }


def tabulate_explanations(explanations: Sequence[Explanation]) -> pd.DataFrame:
    """Return one row a beat: record, sample, true, predicted, salient_times_ms, sentence, correct.

    ``true`` and ``correct`` are missing where there is no reference; the salient times are joined by spaces, so that the
    table goes to CSV and back.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of one recording or several.

    Returns
    -------
    DataFrame
    """
    import pandas as pd

    rows = [each.to_row() for each in explanations]
    for row in rows:
        row["salient_times_ms"] = " ".join(f"{time:d}" for time in row["salient_times_ms"])
    columns = ["record", "sample", "true", "predicted", "salient_times_ms", "sentence", "correct"]
    return pd.DataFrame(rows, columns=columns).astype({"correct": "boolean"})


def stack_explanations(explanations: Sequence[Explanation]) -> dict[str, npt.NDArray[Any]]:
    """Return the explanations of one model as arrays, one row a beat, ready for `numpy.savez`.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of one model.

    Returns
    -------
    dict of str to ndarray
        ``sample``, ``target``, ``predicted``, ``probability``; ``time_ms`` (n_beats, n_samples); ``signal_mv``, ``attribution``
        (n_beats, n_samples, n_leads); ``feature_names`` and ``features`` (n_beats, n_features); ``neighbour_places`` and
        ``neighbours`` (n_beats, n_places), NaN where a beat has no such neighbour.
    """
    features = list(explanations[0].features) if explanations else []
    places = sorted({place for each in explanations for place in each.neighbours})
    n = len(explanations)
    return {
        "sample": np.array([each.sample for each in explanations], np.int64),
        "target": np.array([each.target for each in explanations], np.str_),
        "predicted": np.array([each.predicted for each in explanations], np.str_),
        "probability": np.array([each.probability for each in explanations], np.float64),
        "time_ms": np.array([each.times_ms for each in explanations]),
        "signal_mv": np.array([each.signal for each in explanations]),
        "attribution": np.array([each.attribution for each in explanations]),
        "feature_names": np.array(features, np.str_),
        "features": np.array([[each.features[name] for name in features] for each in explanations]).reshape(n, len(features)),
        "neighbour_places": np.array(places, np.int64),
        "neighbours": np.array([[each.neighbours.get(k, np.nan) for k in places] for each in explanations]).reshape(
            n, len(places)
        ),
    }


def _rounded(values: npt.NDArray[np.floating]) -> list[list[float]]:
    """Seven digits carry float32: more would only make the file longer."""
    return [[float(f"{value:.7g}") for value in row] for row in np.asarray(values, np.float64).tolist()]
