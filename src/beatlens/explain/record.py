"""From a recording to explained beats, for any model that can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from beatlens.beats.detector import detect_r_peaks
from beatlens.beats.seed_windows import seed_windows_of
from beatlens.errors import AnnotationError, ConfigurationError, SignalError
from beatlens.explain.explanation import NO_GAP, Explanation
from beatlens.explain.measure import measure_beats
from beatlens.explain.methods import attribute, default_method, find_method
from beatlens.explain.options import Options
from beatlens.explain.rhythm_record import explain_rhythm_beats
from beatlens.explain.seed import WINDOW, seed_inputs, seed_subject
from beatlens.explain.segments import SEGMENTS, segment_players, segment_spans, share_segments
from beatlens.explain.subject import probabilities_of
from beatlens.explain.words import describe_segments
from beatlens.labels import SEED_SKIPPED_SYMBOLS, classify_symbols, seed_labels
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.models.seed_lstm import SeedLSTM
from beatlens.records.record import Record


def find_beats(
    record: Record, *, peaks: str = "annotations", classes: Sequence[str] = ("normal", "abnormal")
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return the R peaks of a recording and what the reference calls each beat.

    Parameters
    ----------
    record : Record
        A recording.
    peaks : {"annotations", "detect"}
        Take the beats from the recording's annotations, or find them in its leads.
    classes : sequence of str
        What the model says: ``"normal"`` and ``"abnormal"`` as the seed protocol has them, or AAMI's classes.

    Returns
    -------
    samples : ndarray of int64, shape (n_beats,)
    true : tuple of str
        One of ``classes`` (or another of AAMI's); empty for detected beats.

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
    binary = "abnormal" in classes
    symbols = record.annotations.symbols
    wanted = ~np.isin(symbols, list(SEED_SKIPPED_SYMBOLS)) if binary else classify_symbols(symbols) != ""
    marks = record.annotations.select(wanted)
    if not len(marks):
        raise AnnotationError(f"the annotations of {record.name} mark no beat", hint="Use --peaks detect instead.")
    if binary:
        return marks.samples, tuple("abnormal" if label else "normal" for label in seed_labels(marks.symbols))
    return marks.samples, tuple(classify_symbols(marks.symbols).tolist())


def can_explain(model: Any) -> bool:
    """Return whether there is a way to explain the calls of this model."""
    return isinstance(model, SeedLSTM | RhythmLSTM)


def explain_beats(
    record: Record,
    r_samples: npt.NDArray[np.integer],
    model: Any,
    *,
    which: npt.NDArray[np.integer] | None = None,
    true: Sequence[str] = (),
    method: str | None = None,
    options: Options | None = None,
) -> list[Explanation]:
    """Explain beats of a recording with either model.

    Parameters
    ----------
    record : Record
        A recording at any rate.
    r_samples : ndarray of int, shape (n_all,)
        Sample number of every R peak, in order: the usual beat, the intervals and the neighbours come from these.
    model : SeedLSTM or RhythmLSTM
        Its first leads are read.
    which : ndarray of int, shape (n_beats,), optional
        Places of the beats in question; all if not given.
    true : sequence of str
        What the reference calls each of ``r_samples``, if there is a reference.
    method : str, optional
        One of `beatlens.explain.methods.METHODS`; by default the one that measured best for the model.
    options : Options, optional
        Settings of the methods.

    Returns
    -------
    list of Explanation
        One for each of these beats that the model can judge, in order. The class that the model calls is explained; with
        ``seed-lstm`` it is always ``abnormal``.

    Raises
    ------
    ConfigurationError
        If the model cannot be explained, or not by this method.
    SignalError
        If none of the beats can be judged.
    UnknownNameError
        If there is no such method.
    """
    if not can_explain(model):
        raise ConfigurationError(
            f"only networks of seed-lstm's and rhythm-lstm's architecture can be explained; got {model.name}",
            hint="Use --model rhythm-lstm.",
        )
    method = method or default_method(model)
    samples = np.asarray(r_samples, np.int64)
    if isinstance(model, RhythmLSTM):
        return explain_rhythm_beats(record, samples, model, which=which, true=true, method=method, options=options)
    chosen = np.arange(len(samples)) if which is None else np.asarray(which, np.int64)
    truth = [true[place] for place in chosen.tolist()] if true else ()
    return explain_seed_beats(record, samples[chosen], model, true=truth, all_samples=samples, method=method, options=options)


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
    inputs = seed_inputs(windows, beats.voltage[..., 0], beats.usual[..., 0])
    found = attribute(subject, inputs, method=method, players=players, options=options)
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
            times_ms=beats.times_ms[k],
            target=subject.classes[1],
            logit=float(found.logits[k]),
            probability=float(abnormal[k]),
            predicted=subject.classes[call],
            method=method,
            model=subject.name,
            completeness_gap=float(found.gap[k]),
            gap_reason="" if chosen.complete else NO_GAP,
            signal=beats.voltage[k],
            lead_names=record.lead_names[:1],
            shares=share,
            segments=segment_spans(beats.segments[k], beats.times_ms[k]),
            usual=beats.usual[k],
            measured=beats.facts[k].to_dict(),
            sentence=describe_segments(
                subject.classes[call], probability, told, beats.facts[k], evidence=chosen.evidence, true=names[k]
            ),
            record=record.name,
            sample=sample,
            true=names[k],
        )
        explanations.append(explanation)
    return explanations
