"""Which beats matter most, and why each was called as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from beatlens.analysis.result import Analysis, ExplainedBeat
from beatlens.analysis.rhythm import NOT_ECTOPIC, Event
from beatlens.errors import ConfigurationError, SignalError
from beatlens.explain.explanation import Explanation
from beatlens.explain.methods import default_method
from beatlens.explain.options import Options
from beatlens.explain.record import can_explain, explain_beats
from beatlens.explain.rhythm import read_rhythm_beats
from beatlens.explain.rhythm_record import explain_read_beats
from beatlens.models.predictions import BeatPredictions
from beatlens.models.registry import load_model
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.records import Record

_PER_CLASS = 2
_FIRST_OF_RUNS = 4


def choose_beats(predictions: BeatPredictions, events: Sequence[Event], at_most: int) -> dict[int, str]:
    """Choose the beats that a reader should see explained.

    First the most certain beat of each class, then the first beats of the longest runs, then the most doubtful beats, then
    the next most certain of each class, until there are ``at_most``.

    Parameters
    ----------
    predictions : BeatPredictions
    events : sequence of Event
    at_most : int

    Returns
    -------
    dict of int to str
        Place of each chosen beat and why it was chosen, in the order of time.
    """
    allowed = predictions.classes != ""
    certain = {name: _most_certain(predictions, allowed, place) for place, name in enumerate(predictions.class_names)}
    wanted: list[tuple[int, str]] = [(beats[0], f"the most certain {name} beat") for name, beats in certain.items() if beats]
    runs = sorted((event for event in events if event.kind == "run"), key=lambda event: -event.n_beats)
    wanted += [(e.first_beat, f"the first of a run of {e.n_beats} {e.beat_class} beats") for e in runs[:_FIRST_OF_RUNS]]
    margin = _margin(predictions)
    doubtful = np.flatnonzero(predictions.uncertain & allowed & np.isfinite(margin))
    doubtful = doubtful[np.argsort(margin[doubtful], kind="stable")]
    wanted += [(beat, "among the most doubtful") for beat in doubtful[: max(3, at_most // 3)].tolist()]
    wanted += [(beat, f"among the most certain {name} beats") for name, beats in certain.items() for beat in beats[1:]]
    chosen: dict[int, str] = {}
    for beat, why in wanted:
        if allowed[beat] and beat not in chosen and len(chosen) < at_most:
            chosen[beat] = why
    return dict(sorted(chosen.items()))


def _most_certain(predictions: BeatPredictions, allowed: npt.NDArray[np.bool_], place: int) -> list[int]:
    name = predictions.class_names[place]
    if name in {"", "Q"}:
        return []
    members = np.flatnonzero((predictions.classes == name) & allowed)
    ranked: list[int] = members[np.argsort(-predictions.probabilities[members, place], kind="stable")].tolist()
    # Normal beats are many and alike: one is enough beside the others.
    return ranked[: _PER_CLASS if name not in NOT_ECTOPIC else 1]


def _margin(predictions: BeatPredictions) -> npt.NDArray[np.floating]:
    """Return how far the most probable class is ahead of the next: small where the model is in doubt."""
    ordered = np.sort(predictions.probabilities, axis=1)
    margin: npt.NDArray[np.floating] = ordered[:, -1] - ordered[:, -2]
    return margin


def explain_chosen(
    model: Any,
    record: Record,
    samples: npt.NDArray[np.int64],
    chosen: dict[int, str],
    *,
    method: str | None,
    predictions: BeatPredictions | None = None,
) -> tuple[tuple[ExplainedBeat, ...], str]:
    """Explain the chosen beats, where there is a way to explain this model.

    Parameters
    ----------
    model : object
        The model that judged them.
    record : Record
    samples : ndarray of int, shape (n_beats,)
        R peaks of all beats.
    chosen : dict of int to str
        From `choose_beats`; each of these beats was judged.
    method : str, optional
        One of `beatlens.explain.methods.METHODS`; by default the one that measured best for the model.
    predictions : BeatPredictions, optional
        What the model said of all beats, if it was asked already: ``rhythm-lstm`` is then not asked again.

    Returns
    -------
    explained : tuple of ExplainedBeat
    note : str
        Why there are none; empty otherwise.
    """
    if not chosen:
        return (), ""
    if not can_explain(model):
        return (), f"The beats are not explained: there is no way yet to explain the model {model.name}."
    beats = np.array(list(chosen), dtype=np.int64)
    if predictions is not None and isinstance(model, RhythmLSTM):
        read = read_rhythm_beats(record, samples, model, beats, predictions=predictions)
        explanations = explain_read_beats(record, samples, model, read, method=method or default_method(model))
    else:
        explanations = explain_beats(record, samples, model, which=beats, method=method)
    found = {each.sample: each for each in explanations}
    kept = [(beat, why) for beat, why in chosen.items() if int(samples[beat]) in found]
    return tuple(ExplainedBeat(beat, why, found[int(samples[beat])]) for beat, why in kept), ""


def explain(analysis: Analysis, beat: int, *, method: str | None = None, options: Options | None = None) -> Explanation:
    """Say what decided the call of one beat of an analysed recording.

    Parameters
    ----------
    analysis : Analysis
        From `beatlens.analyze`.
    beat : int
        Its place in ``analysis.beats``, from 0; negative from the end.
    method : str, optional
        One of `beatlens.explain.METHODS`; by default the one that measured best for the model.
    options : Options, optional
        Settings of the methods.

    Returns
    -------
    Explanation
        With ``.attribution`` (one row a sample, one column a lead), ``.segments``, ``.rhythm``, ``.neighbours``, ``.sentence``.

    Raises
    ------
    ConfigurationError
        If there is no such beat, or its model cannot be explained.
    SignalError
        If the beat was not judged.
    UnknownNameError
        If there is no such method.

    Examples
    --------
    >>> import beatlens as bl
    >>> from beatlens.records.bundled import read_bundled
    >>> analysis = bl.analyze(read_bundled(), settings=bl.analysis.Settings(explanations=0))  # doctest: +SKIP
    >>> bl.explain(analysis, beat=3).sentence  # doctest: +SKIP
    """
    n_beats = len(analysis.beats)
    if not -n_beats <= beat < n_beats:
        raise ConfigurationError(
            f"'beat' must be less than {n_beats}, the number of beats; got {beat}, in {analysis.record.name}"
        )
    place = beat % n_beats
    row = analysis.beats.iloc[place]
    if not row["judged"]:
        raise SignalError(f"beat {place} of {analysis.record.name} was not judged: {row['reason']}")
    model = analysis.judge or _load_again(analysis)
    samples = analysis.beats["sample"].to_numpy()
    return explain_beats(analysis.record, samples, model, which=np.array([place]), method=method, options=options)[0]


def _load_again(analysis: Analysis) -> Any:
    model = load_model(analysis.model.name)
    if model.card.sha256 != analysis.model.sha256:
        raise ConfigurationError(
            f"the beats were judged by other weights ({analysis.model.sha256[:12]}…) than those of {model.name} at hand",
            hint="Analyse the recording again.",
        )
    return model
