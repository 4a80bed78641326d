"""From a recording to explained beats, for ``rhythm-lstm``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from beatlens.beats.morphology import AFTER, BEFORE, FS
from beatlens.beats.rhythm import RHYTHM_FEATURES
from beatlens.errors import SignalError
from beatlens.explain.explanation import NO_GAP, Explanation
from beatlens.explain.groups import OTHERS, RHYTHM_GROUPS, group_of
from beatlens.explain.measure import Grid, measure_beats
from beatlens.explain.methods import Attribution, attribute, find_method
from beatlens.explain.options import Options
from beatlens.explain.players import Players
from beatlens.explain.rhythm import COMPANY, RHYTHM, WINDOW, Arrays, RhythmBeats, read_rhythm_beats, rhythm_subject
from beatlens.explain.sanity import score_of
from beatlens.explain.segments import SEGMENTS, segment_spans
from beatlens.explain.subject import Subject
from beatlens.explain.words import describe_segments

if TYPE_CHECKING:
    from beatlens.models.rhythm_lstm import RhythmLSTM
    from beatlens.records.record import Record

Array = npt.NDArray[np.float64]

RHYTHM_GRID = Grid(FS, BEFORE, BEFORE + AFTER)
NAMES = (*SEGMENTS, *RHYTHM_GROUPS, OTHERS)
"""The players of Shapley values, and what shares are told of."""


def rhythm_players(inputs: Arrays, segments: npt.NDArray[np.int32]) -> Players:
    """Return the segments, the intervals and the other beats as the players of Shapley values."""
    window, rhythm, company = (inputs[name] for name in (WINDOW, RHYTHM, COMPANY))
    of_feature = np.array([NAMES.index(group_of(feature)) for feature in RHYTHM_FEATURES], np.int32)
    return Players(
        NAMES,
        {
            WINDOW: np.repeat(segments[:, :, None], window.shape[2], axis=2),
            RHYTHM: np.repeat(of_feature[None], len(rhythm), axis=0),
            COMPANY: np.full(company.shape, NAMES.index(OTHERS), np.int32),
        },
    )


def share_names(found: Attribution, segments: npt.NDArray[np.int32], *, evidence: bool) -> Array:
    """Return the part of the attribution on each of `NAMES`, shape (n_beats, 11); the sizes of a row add up to 1.

    Slopes by voltage, by the features and by the other beats' states have different units: of a method that measures slopes
    only the segments get a share, and the rest is NaN.
    """
    window = np.asarray(found.values[WINDOW], np.float64)
    per_sample = window.sum(axis=2) if evidence else np.abs(window).sum(axis=2)
    sums = np.full((len(window), len(NAMES)), np.nan)
    for k in range(len(SEGMENTS)):
        sums[:, k] = np.where(segments == k, per_sample, 0).sum(axis=1)
    if evidence:
        for k, name in enumerate(RHYTHM_GROUPS, start=len(SEGMENTS)):
            members = np.array([group_of(feature) == name for feature in RHYTHM_FEATURES])
            sums[:, k] = found.values[RHYTHM][:, members].sum(axis=1)
        sums[:, -1] = found.values[COMPANY].reshape(len(window), -1).sum(axis=1)
    total = np.nansum(np.abs(sums), axis=1, keepdims=True)
    shares: Array = np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)
    return shares


def explain_rhythm_beats(
    record: Record,
    r_samples: npt.NDArray[np.integer],
    model: RhythmLSTM,
    *,
    which: npt.NDArray[np.integer] | None = None,
    true: Sequence[str] = (),
    method: str = "saliency",
    options: Options | None = None,
) -> list[Explanation]:
    """Explain beats with ``rhythm-lstm``; parameters and errors as in `beatlens.explain.record.explain_beats`."""
    find_method(method, rhythm_subject(model))  # a name that does not exist is said before any work
    beats = read_rhythm_beats(record, r_samples, model, which)
    return explain_read_beats(record, r_samples, model, beats, true=true, method=method, options=options)


def explain_read_beats(
    record: Record,
    r_samples: npt.NDArray[np.integer],
    model: RhythmLSTM,
    beats: RhythmBeats,
    *,
    true: Sequence[str] = (),
    method: str = "saliency",
    options: Options | None = None,
) -> list[Explanation]:
    """Explain beats that `beatlens.explain.rhythm.read_rhythm_beats` has laid out; the rest as for `explain_rhythm_beats`."""
    subject = rhythm_subject(model)
    chosen = find_method(method, subject)
    if not len(beats):
        raise SignalError(
            f"a beat must have a signal around it to be explained; got none that has, in {record.name}",
            hint="Choose another beat with --beat or --sample.",
        )
    samples = np.asarray(r_samples, np.int64)[beats.beats]
    measured = measure_beats(record, samples, r_samples, leads=beats.leads, grid=RHYTHM_GRID, offset_ms=beats.offset_ms)
    players = rhythm_players(beats.inputs, measured.segments) if method == "segment-shapley" else None
    target = beats.probabilities.argmax(axis=1)  # the call as it stands, which beats of the same shape may have changed
    found = attribute(subject, beats.inputs, method=method, players=players, options=options, target=target)
    shares = share_names(found, measured.segments, evidence=chosen.evidence)
    falls, logits = measure_neighbours(subject, beats, found.target), score_of(subject, beats.inputs, found.target)
    explanations = []
    for k, sample in enumerate(samples.tolist()):
        call, alone = int(target[k]), int(found.logits[k].argmax())
        p = float(beats.probabilities[k, call])
        share = {name: float(part) for name, part in zip(NAMES, shares[k], strict=True) if np.isfinite(part)}
        truth = true[beats.beats[k]] if true else ""
        sentence = describe_segments(subject.classes[call], p, share, measured.facts[k], evidence=chosen.evidence, true=truth)
        if alone != call:
            sentence += f" By itself it would have been called {subject.classes[alone]}; the beats of its shape decided."
        explanation = Explanation(
            attribution=found.values[WINDOW][k],
            times_ms=measured.times_ms[k],
            target=subject.classes[call],
            logit=float(logits[k]),
            probability=p,
            predicted=subject.classes[call],
            method=method,
            model=subject.name,
            completeness_gap=float(found.gap[k]),
            gap_reason="" if chosen.complete else NO_GAP,
            signal=measured.voltage[k],
            lead_names=tuple(record.lead_names[lead] for lead in beats.leads),
            features=dict(zip(RHYTHM_FEATURES, found.values[RHYTHM][k].tolist(), strict=True)),
            neighbours={place: float(fall[k]) for place, fall in falls.items() if np.isfinite(fall[k])},
            shares=share,
            segments=segment_spans(measured.segments[k], measured.times_ms[k]),
            usual=measured.usual[k],
            measured=measured.facts[k].to_dict(),
            sentence=sentence,
            record=record.name,
            sample=sample,
            true=truth,
        )
        explanations.append(explanation)
    return explanations


def measure_neighbours(subject: Subject, beats: RhythmBeats, target: npt.NDArray[np.integer]) -> dict[int, Array]:
    """Return, for each neighbour, how far the logit falls if it is the recording's usual beat; NaN where there is none."""
    whole = score_of(subject, beats.inputs, target)
    falls = {}
    for place, brought in sorted(beats.near.items()):
        same = (brought == beats.inputs[COMPANY]).all(axis=(1, 2, 3))
        fall = whole - score_of(subject, {**beats.inputs, COMPANY: brought}, target)
        falls[place] = np.where(same, np.nan, fall)
    return falls
