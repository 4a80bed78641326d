"""From a recording to explained beats, for ``seed-lstm``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from beatlens.beats.detector import detect_r_peaks
from beatlens.beats.seed_windows import seed_windows_of
from beatlens.errors import AnnotationError, SignalError
from beatlens.explain.explanation import NO_GAP, Explanation
from beatlens.explain.measure import measure_beats
from beatlens.explain.methods import attribute, find_method
from beatlens.explain.options import Options
from beatlens.explain.seed import WINDOW, seed_subject
from beatlens.explain.segments import SEGMENTS, segment_players, share_segments
from beatlens.explain.subject import probabilities_of
from beatlens.explain.words import describe_segments
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
        Take the beats from the recording's annotations, or find them in its leads.

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
        samples = detect_r_peaks(record)
        if not len(samples):
            raise SignalError(f"no heartbeat was found in {record.name}")
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
    all_samples: npt.NDArray[np.integer] | None = None,
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
    all_samples : ndarray of int, optional
        Every R peak of the recording, where ``samples`` are not all of them: the usual beat and the intervals, by which
        waves are found and named, come from these.
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
    kept = np.asarray(samples, np.int64)[judged]
    beats = measure_beats(record, kept, samples if all_samples is None else all_samples)
    players = segment_players(WINDOW, beats.segments) if method == "segment-shapley" else None
    found = attribute(subject, {WINDOW: windows}, method=method, players=players, options=options)
    values, abnormal = found.values[WINDOW], probabilities_of(found.logits)[:, 1]
    shares = share_segments(values, beats.segments, evidence=chosen.evidence)
    names = [true[k] if true else "" for k in np.flatnonzero(judged).tolist()]
    explanations = []
    for k, sample in enumerate(kept.tolist()):
        call = int(abnormal[k] >= 0.5)
        share = {} if np.isnan(shares[k]).any() else dict(zip(SEGMENTS, shares[k].tolist(), strict=True))
        # the numbers speak of "abnormal", the sentence of the call
        told = share if call or not chosen.evidence else {name: -part for name, part in share.items()}
        probability = float(abnormal[k] if call else 1 - abnormal[k])
        explanation = Explanation(
            attribution=values[k][:, None],
            times_ms=beats.times_ms,
            target=subject.classes[1],
            logit=float(found.logits[k]),
            probability=float(abnormal[k]),
            predicted=subject.classes[call],
            method=method,
            model=subject.name,
            completeness_gap=float(found.gap[k]),
            gap_reason="" if chosen.complete else NO_GAP,
            signal=beats.voltage[k][:, None],
            lead_names=record.lead_names[:1],
            shares=share,
            sentence=describe_segments(
                subject.classes[call], probability, told, beats.facts[k], evidence=chosen.evidence, true=names[k]
            ),
            record=record.name,
            sample=sample,
            true=names[k],
        )
        explanations.append(explanation)
    return explanations
