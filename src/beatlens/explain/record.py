"""From a recording to explained beats, for ``seed-lstm``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from beatlens.beats.seed_windows import seed_windows_of
from beatlens.errors import AnnotationError, SignalError
from beatlens.explain.explanation import NO_GAP, Explanation
from beatlens.explain.methods import attribute, find_method
from beatlens.explain.options import Options
from beatlens.explain.peaks import find_salient_times
from beatlens.explain.seed import WINDOW, seed_subject
from beatlens.explain.subject import probabilities_of
from beatlens.explain.words import describe_beat
from beatlens.labels import SEED_SKIPPED_SYMBOLS, seed_labels
from beatlens.models.seed_lstm import SeedLSTM
from beatlens.records.record import Record


def find_beats(record: Record, *, peaks: str = "annotations") -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return the R peaks of a recording and what the reference calls each beat.

    Parameters
    ----------
    record : Record
        A recording.
    peaks : {"annotations", "detect"}
        Take the beats from the recording's annotations, or find them in its first lead.

    Returns
    -------
    samples : ndarray of int64, shape (n_beats,)
    true : tuple of str
        ``"normal"`` or ``"abnormal"``, as the seed protocol has it; empty for detected beats.

    Raises
    ------
    AnnotationError
        If the annotations are asked for and there are none.
    SignalError
        If no beat is found.
    """
    if peaks == "detect":
        from sleepecg import detect_heartbeats

        lead = record.signal[:, 0]
        if not np.isfinite(lead).all() or np.ptp(lead) == 0:
            raise SignalError(f"the first lead must be finite and not flat for beats to be found in it, in {record.name}")
        samples = np.asarray(detect_heartbeats(lead.astype(np.float64), record.fs), np.int64)
        if not len(samples):
            raise SignalError(f"no heartbeat was found in the first lead of {record.name}")
        return samples, ("",) * len(samples)
    if record.annotations is None:
        raise AnnotationError(f"{record.name} has no annotations", hint="Use --peaks detect to find the beats in the signal.")
    marks = record.annotations.select(~np.isin(record.annotations.symbols, list(SEED_SKIPPED_SYMBOLS)))
    if not len(marks):
        raise AnnotationError(f"the annotations of {record.name} mark no beat", hint="Use --peaks detect instead.")
    return marks.samples, tuple("abnormal" if label else "normal" for label in seed_labels(marks.symbols))


def explain_seed_beats(
    record: Record,
    samples: npt.NDArray[np.integer],
    model: SeedLSTM,
    *,
    true: Sequence[str] = (),
    method: str = "saliency",
    options: Options | None = None,
) -> list[Explanation]:
    """Explain beats of the first lead with a network of the seed's architecture.

    Parameters
    ----------
    record : Record
        A recording; another rate than 360 Hz is resampled.
    samples : ndarray of int, shape (n_beats,)
        Sample number of each R peak.
    model : SeedLSTM
        The network.
    true : sequence of str
        What the reference calls each beat, if there is a reference.
    method, options : str, Options
        See `beatlens.explain.methods.attribute`. The logit of ``abnormal`` is explained.

    Returns
    -------
    list of Explanation
        One for each beat whose window is whole, in the order of ``samples``.

    Raises
    ------
    SignalError
        If no beat has a whole window.
    UnknownNameError
        If there is no such method.
    """
    subject = seed_subject(model)
    chosen = find_method(method, subject)
    windows, judged, reasons = seed_windows_of(record, samples)
    if not judged.any():
        raise SignalError(
            f"a beat must have a whole window to be explained; got {reasons[0] if reasons else 'no beat'}, in {record.name}",
            hint="Choose another beat with --beat or --sample.",
        )
    found = attribute(subject, {WINDOW: windows}, method=method, options=options)
    probabilities, times = probabilities_of(found.logits), subject.times_ms(windows.shape[1])
    voltage = _voltage(record, samples[judged], times)
    calls = probabilities[:, 1] >= 0.5
    names = [true[k] if true else "" for k in np.flatnonzero(judged).tolist()]
    return [
        Explanation(
            attribution=values[:, None],
            times_ms=times,
            target=subject.classes[1],
            logit=float(found.logits[k]),
            probability=float(probabilities[k, 1]),
            predicted=subject.classes[int(calls[k])],
            method=method,
            model=subject.name,
            completeness_gap=float(found.gap[k]),
            gap_reason="" if chosen.complete else NO_GAP,
            signal=voltage[k][:, None],
            lead_names=record.lead_names[:1],
            sentence=describe_beat(
                subject.classes[int(calls[k])],
                float(probabilities[k, int(calls[k])]),
                find_salient_times(values, times).tolist(),
                target=subject.classes[1],
                evidence=chosen.evidence,
                true=names[k],
            ),
            record=record.name,
            sample=int(samples[judged][k]),
            true=names[k],
        )
        for k, values in enumerate(found.values[WINDOW])
    ]


def _voltage(record: Record, samples: npt.NDArray[np.integer], times_ms: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the first lead in mV at these times around each beat, shape (n_beats, n_times)."""
    at = np.asarray(samples)[:, None] + times_ms * (record.fs / 1000)
    return np.interp(at, np.arange(record.n_samples), record.signal[:, 0]).astype(np.float32)
