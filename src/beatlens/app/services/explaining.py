"""One beat explained: the picture, how far to trust it, and the beat that this patient usually has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis import Analysis
from beatlens.analysis.explaining import explain_chosen
from beatlens.analysis.rhythm import NORMAL
from beatlens.beats.seed_windows import BEFORE, FS, seed_windows_of
from beatlens.errors import BeatlensError, ConfigurationError, SignalError
from beatlens.explain.explanation import Explanation
from beatlens.explain.faithfulness import (
    STEPS,
    area_under,
    order_at_random,
    order_by_method,
    replace_inputs,
    trace_curve,
)
from beatlens.explain.measure import measure_beats
from beatlens.explain.methods import METHODS, attribute, default_method, methods_for
from beatlens.explain.record import can_explain
from beatlens.explain.rhythm import read_rhythm_beats, rhythm_subject
from beatlens.explain.seed import seed_inputs, seed_subject
from beatlens.explain.subject import Subject, probabilities_of
from beatlens.explain.units import cut_units
from beatlens.models.seed_lstm import SeedLSTM
from beatlens.records import Record

MOST_USUAL: Final = 300
RANDOM_ORDERS: Final = 24


@dataclass(frozen=True, eq=False)
class Trust:
    """What taking away the important instants first does to the call, beside taking them away in random orders.

    Parameters
    ----------
    shares : ndarray of shape (n_steps,)
        Share of the beat that was taken away, from 0 to 1.
    curve, random : ndarray of shape (n_steps,)
        Probability of the call by the picture's order, and the mean over random orders.
    area, random_area : float
        Mean height of both curves: the lower, the more was taken away of what the model used.
    better_than : float
        Share of the random orders whose area is larger than the picture's.
    """

    shares: npt.NDArray[np.float64]
    curve: npt.NDArray[np.float64]
    random: npt.NDArray[np.float64]
    area: float
    random_area: float
    better_than: float

    @property
    def sentence(self) -> str:
        """The test in words."""
        verdict = (
            "the picture points at what this call rests on"
            if self.better_than >= 0.95
            else "the picture does better than chance, not by much"
            if self.better_than >= 0.75
            else "this picture says no more than chance about what the call rests on"
        )
        return (
            f"Taking the instants away in this picture's order leaves the call a mean probability of {self.area:.2f}; "
            f"in random order {self.random_area:.2f}. "
            f"It beats {100 * self.better_than:.0f} % of {RANDOM_ORDERS} random orders: {verdict}."
        )


@dataclass(frozen=True, eq=False)
class WindowVerdict:
    """What ``seed-lstm`` says of one window of 180 values."""

    called: str
    probability: float
    explanation: Explanation


def methods_of(model: Any) -> tuple[str, ...]:
    """Return the methods that can explain a model, by name, the one that measured best for it first.

    Raises
    ------
    ConfigurationError
        If there is no way to explain it.
    """
    if not can_explain(model):
        raise ConfigurationError(f"there is no way to explain the model {model.name}", hint="Use rhythm-lstm.")
    best = default_method(model)
    return (best, *(name for name in methods_for(_subject_of(model)) if name != best))


def _subject_of(model: Any) -> Subject:
    return seed_subject(model) if isinstance(model, SeedLSTM) else rhythm_subject(model)


def explain_beat(model: Any, analysis: Analysis, sample: int, *, method: str) -> Explanation:
    """Explain one beat.

    Parameters
    ----------
    model : object
        The model that judged it.
    analysis : Analysis
        The analysis that the beat is in.
    sample : int
        Its R peak.
    method : str
        One of `methods_of`.

    Raises
    ------
    SignalError
        If this beat, or any beat of this model, cannot be explained: the sentence says why.
    """
    samples = analysis.beats["sample"].to_numpy(np.int64)
    place = int(np.searchsorted(samples, sample))
    if place >= len(samples) or samples[place] != sample:
        raise SignalError(f"there is no beat at sample {sample}")
    if not analysis.beats["class"].iloc[place]:
        raise SignalError(
            f"the model did not judge this beat: {analysis.beats['reason'].iloc[place]}", hint="Choose another beat."
        )
    explained, note = explain_chosen(model, analysis.record, samples, {place: "chosen"}, method=method)
    if not explained:
        raise SignalError(note or "this beat cannot be explained")
    return explained[0].explanation


def usual_beat(analysis: Analysis, times_ms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the voltage of the patient's usual beat, the median of the normal ones, at times from the R peak.

    Returns
    -------
    ndarray of shape (n_times, n_leads)
        In mV, each beat's own level taken away; NaN where there are fewer than three normal beats.
    """
    record = analysis.record
    samples = analysis.beats["sample"].to_numpy()[np.isin(analysis.beats["class"].to_numpy(dtype=str), list(NORMAL))]
    offsets = np.rint(np.asarray(times_ms) * record.fs / 1000).astype(np.int64)
    samples = samples[(samples + offsets[0] >= 0) & (samples + offsets[-1] < record.n_samples)]
    if len(samples) < 3:
        return np.full((len(offsets), record.n_leads), np.nan)
    some = samples[:: -(-len(samples) // MOST_USUAL)]
    windows = record.signal[some[:, None] + offsets].astype(np.float64)
    windows -= np.nanmedian(windows, axis=1, keepdims=True)
    usual: npt.NDArray[np.float64] = np.nanmedian(windows, axis=0)
    return usual


def measure_trust(model: Any, analysis: Analysis, sample: int, *, method: str) -> Trust | None:
    """Test a picture on its own beat: deletion against random orders.

    Parameters
    ----------
    model : SeedLSTM or RhythmLSTM
        The model.
    analysis : Analysis
        The analysis that the beat is in.
    sample : int
        R peak of the beat.
    method : str
        How it was explained.

    Returns
    -------
    Trust or None
        None where this test does not suit the method, or the beat has no whole window.
    """
    if method == "segment-shapley":
        return None
    one = _inputs_of(model, analysis, sample)
    if one is None:
        return None
    subject = _subject_of(model)
    found = attribute(subject, one, method=method)
    call = int(probabilities_of(found.logits)[0].argmax())
    units = cut_units(subject, one)
    own = order_by_method(units, found)
    if METHODS[method].evidence and call != int(found.target[0]):
        own = -own  # the values speak for the other class of two
    orders = np.concatenate([own, order_at_random(units, RANDOM_ORDERS)])
    many = {name: np.repeat(values, len(orders), axis=0) for name, values in one.items()}
    nothing = replace_inputs(subject, many, "local average")
    curves = trace_curve(subject, many, np.full(len(orders), call), units, orders, nothing)
    areas = area_under(curves)
    return Trust(
        shares=np.arange(STEPS + 1) / STEPS,
        curve=curves[0],
        random=curves[1:].mean(axis=0),
        area=float(areas[0]),
        random_area=float(areas[1:].mean()),
        better_than=float((areas[1:] > areas[0]).mean()),
    )


def _inputs_of(model: Any, analysis: Analysis, sample: int) -> dict[str, npt.NDArray[Any]] | None:
    """Return what the model reads of one beat; None if it cannot read it."""
    samples = analysis.beats["sample"].to_numpy(np.int64)
    if isinstance(model, SeedLSTM):
        windows, judged, _ = seed_windows_of(analysis.record, np.array([sample]))
        if not judged[0]:
            return None
        beats = measure_beats(analysis.record, np.array([sample]), samples)
        return dict(seed_inputs(windows, beats.voltage[..., 0], beats.usual[..., 0]))
    place = np.flatnonzero(samples == sample)
    read = read_rhythm_beats(analysis.record, samples, model, place, neighbours=False)
    return dict(read.inputs) if len(read) else None


def judge_window(model: SeedLSTM, record: Record, *, method: str = "saliency") -> WindowVerdict:
    """Judge and explain one window of 180 values, its R peak at the 91st.

    Raises
    ------
    SignalError
        If it is not such a window, or flat.
    """
    if record.fs != FS or record.n_samples != len(record.signal) or record.n_samples < 2 * BEFORE:
        raise SignalError(f"a window must have {2 * BEFORE} values at {FS:g} Hz; got {record.n_samples} at {record.fs:g} Hz")
    at = np.array([BEFORE])
    said = model.predict_record(record, at)
    if not said.classes[0]:
        raise SignalError(f"this window cannot be judged: {said.reasons[0]}")
    explained, note = explain_chosen(model, record, at, {0: "pasted"}, method=method)
    if not explained:
        raise BeatlensError(note)
    called = str(said.classes[0])
    return WindowVerdict(called, float(said.probabilities[0][said.class_names.index(called)]), explained[0].explanation)
