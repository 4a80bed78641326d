"""``rhythm-lstm``: the trained network, from a recording and its R peaks to a class for each beat."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens._threads import map_threads
from beatlens.beats.morphology import FS
from beatlens.errors import FormatError, SignalError
from beatlens.models.card import ModelCard
from beatlens.models.engine import load_jax
from beatlens.models.predictions import BeatPredictions
from beatlens.models.programs import keep_program
from beatlens.models.rhythm_encoding import FEATURES, EncodedBeats, encode_beats, stretches
from beatlens.models.rhythm_forward import forward
from beatlens.models.rhythm_leads import describe_choice, read_leads
from beatlens.models.rhythm_network import CLASSES, N_FEATURES, N_LEADS, N_SAMPLES
from beatlens.models.rhythm_shapes import hear_like_beats
from beatlens.models.rhythm_steps import RhythmSteps
from beatlens.models.rhythm_weights import RhythmWeights
from beatlens.records import Record

SEQUENCE: Final = 256
"""Beats that the network reads at a time."""
OVERLAP: Final = 32
"""Beats at each end of a sequence that are read for context only."""
BATCH: Final = 4
MARGIN: Final = 0.2
"""A beat whose two likeliest classes are nearer than this is marked as uncertain."""
FEW_BEATS: Final = 8
NOISY: Final = -2.15
"""Limit of the feature ``noise``, beyond which the shape of a beat is not to be trusted; some 99.8 % of DS1 lie below."""

TINIEST: Final = 1e-30
"""Probabilities are bounded below by this before their logarithm is taken."""

Inputs = dict[str, npt.NDArray[np.float32]]


class RhythmLSTM:
    """The trained network with its card.

    Parameters
    ----------
    keras_model : keras.Model or callable
        Of `beatlens.models.rhythm_network.build_rhythm_network`'s architecture; with ``weights`` a function that returns
        it, called when ``.keras_model`` is first asked for.
    card : ModelCard
        ``card.calibration["temperature"]`` divides the logits; 1 if it is missing. ``["abnormal_threshold"]`` is the
        probability from which on a beat is best called abnormal; 0.5 if it is missing.
    weights : RhythmWeights, optional
        What the networks learned, if they see no windows: beats are then judged without Keras.

    Raises
    ------
    FormatError
        If the network has other inputs or outputs.
    """

    classes: Final = CLASSES
    fs: Final = FS
    feature_names: Final = FEATURES

    def __init__(self, keras_model: Any, card: ModelCard, *, weights: RhythmWeights | None = None) -> None:
        self._network, self._learned = keras_model, weights
        self.card = card
        self.name = card.name
        self.temperature = float(card.calibration.get("temperature", 1.0))
        self.abnormal_threshold = float(card.calibration.get("abnormal_threshold", 0.5))
        self._names = {"features", "mask"}
        if weights is None:
            self._names = {tensor.name for tensor in keras_model.inputs}
            if not {"features", "mask"} <= self._names or keras_model.output_shape[-1] != len(CLASSES):
                raise FormatError(
                    f"a rhythm-lstm network must read 'features' and 'mask' and end in {len(CLASSES)} logits; "
                    f"got {sorted(self._names)} and {keras_model.output_shape}"
                )

    @cached_property
    def keras_model(self) -> Any:
        """The network in Keras, to train it further, to save it or to convert it."""
        return self._network if self._learned is None else self._network()

    @cached_property
    def steps(self) -> RhythmSteps:
        """The network opened beat by beat, for explanations."""
        if self._learned is None:
            return RhythmSteps.of_keras(self.keras_model, self.temperature)
        return RhythmSteps(self._learned, temperature=self.temperature)

    def logits(self, inputs: dict[str, Any]) -> Any:
        """Return calibrated logits: a pure function of JAX arrays, differentiable, without dropout.

        Parameters
        ----------
        inputs : dict of arrays
            ``features`` (n, beats, 69), ``mask`` (n, beats, 1), ``windows`` (n, beats, 112, 2), ``dominant`` (n, 112, 2),
            ``leads`` (n, 2), as made by `sequences`.

        Returns
        -------
        array of shape (n, beats, 4)
            For N, S, V, F; their softmax is the probability.
        """
        if self._learned is not None:
            return forward(self._learned, inputs["features"], inputs["mask"]) / self.temperature
        return self.keras_model({name: inputs[name] for name in self._names}, training=False) / self.temperature

    def predict_encoded(self, beats: EncodedBeats) -> npt.NDArray[np.float32]:
        """Return the probabilities of N, S, V, F for each beat of a stretch, shape (n_beats, 4).

        Those of the network, after beats of one shape have agreed on V: `beatlens.models.rhythm_shapes.hear_like_beats`.
        """
        from scipy.special import softmax

        return np.asarray(softmax(hear_like_beats(self.own_logits(beats), beats.windows), axis=1), np.float32)

    def own_logits(self, beats: EncodedBeats) -> npt.NDArray[np.float32]:
        """Return the logarithms of `own_probabilities`, shape (n_beats, 4)."""
        return np.log(np.maximum(self.own_probabilities(beats), TINIEST))

    def own_probabilities(self, beats: EncodedBeats) -> npt.NDArray[np.float32]:
        """Return what the network says of each beat of a stretch, before others of its shape are heard: shape (n_beats, 4)."""
        result = np.zeros((len(beats), len(CLASSES)), np.float32)
        pieces = sequence_pieces(len(beats))
        for start in range(0, len(pieces), BATCH):
            part = pieces[start : start + BATCH]
            values = np.asarray(self._compiled(sequences(beats, part, size=BATCH, windows="windows" in self._names)))
            for row, (read, keep) in enumerate(part):
                result[keep] = values[row, keep.start - read.start : keep.stop - read.start]
        return result

    def predict_record(self, record: Record, r_samples: npt.NDArray[np.integer]) -> BeatPredictions:
        """Judge the beats of a recording.

        Parameters
        ----------
        record : Record
            At 80 Hz or more; one or two leads are read: see `beatlens.models.rhythm_leads.read_leads`.
        r_samples : ndarray of int, shape (n_beats,)
            R peaks in order, as sample numbers of ``record``.

        Returns
        -------
        BeatPredictions
            Beats in a gap of the signal are not judged; the reason says so.

        Raises
        ------
        SignalError
            If the R peaks are out of order or outside the recording, or the sampling rate is too low.
        """
        at: npt.NDArray[np.int64] = np.asarray(r_samples, dtype=np.int64)
        if len(at) and (at[0] < 0 or at[-1] >= record.n_samples or (np.diff(at) < 0).any()):
            raise SignalError(f"'r_samples' must be in order and inside the recording; got others, in {record.name}")
        n = len(at)
        probabilities = np.full((n, len(CLASSES)), np.nan, np.float32)
        noise = np.zeros(n, np.float32)
        n_context = np.zeros(n, np.int64)
        leads = read_leads(record, at)
        judged = find_readable(record, at, leads)
        parts = [
            (np.flatnonzero(judged[beats]) + beats.start, first, last)
            for beats, first, last in (stretches(at, record.n_samples, record.fs) if leads else [])
        ]

        def encode(part: tuple[npt.NDArray[np.int64], int, int]) -> EncodedBeats:
            number, first, last = part
            return encode_beats(record.signal[first:last][:, leads], record.fs, at[number] - first)

        for (number, _, _), encoded in zip(parts, map_threads(encode, parts), strict=True):
            probabilities[number] = self.predict_encoded(encoded)
            noise[number] = encoded.features[:, FEATURES.index("noise")]
            n_context[number] = len(number)
        found = self._predictions(probabilities, judged, noise, n_context)
        return replace(found, notes=describe_choice(record, leads), leads=leads)

    def _predictions(
        self,
        probabilities: npt.NDArray[np.float32],
        judged: npt.NDArray[np.bool_],
        noise: npt.NDArray[np.float32],
        n_context: npt.NDArray[np.int64],
    ) -> BeatPredictions:
        ordered = np.sort(np.nan_to_num(probabilities), axis=1)
        reasons = np.full(len(judged), "", dtype=object)
        reasons[ordered[:, -1] - ordered[:, -2] < MARGIN] = "two classes are about as likely"
        reasons[noise > NOISY] = "noise hides the shape of the beat"
        reasons[n_context < FEW_BEATS] = "too few beats to know the usual one"
        if len(judged):
            reasons[0] = reasons[0] or "the interval before the first beat is unknown"
        reasons[~judged] = "the signal is missing around the beat"
        names = np.array(CLASSES)[np.nan_to_num(probabilities).argmax(axis=1)] if len(judged) else np.zeros(0, "<U1")
        return BeatPredictions(
            class_names=CLASSES,
            classes=np.where(judged, names, ""),
            probabilities=probabilities,
            abnormal=1 - probabilities[:, 0],
            uncertain=reasons != "",
            reasons=tuple(reasons.tolist()),
        )

    @cached_property
    def _compiled(self) -> Any:
        jax = load_jax()
        identity = "" if self._learned is None else f"calls {self.steps.identity}"
        return keep_program(lambda inputs: jax.nn.softmax(self.logits(inputs), axis=-1), identity)


def find_readable(record: Record, r_samples: npt.NDArray[np.int64], leads: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which beats have a signal: in every lead that is read, 150 ms either way, nine samples of ten or more."""
    if not leads:
        return np.zeros(len(r_samples), bool)
    if np.isfinite(record.signal).all():
        return np.ones(len(r_samples), bool)
    finite = np.logical_and.reduce([np.isfinite(record.signal[:, lead]) for lead in leads])
    total = np.zeros(len(finite) + 1, np.int32)
    np.cumsum(finite, out=total[1:])
    reach = int(0.15 * record.fs)
    low, high = np.maximum(r_samples - reach, 0), np.minimum(r_samples + reach + 1, record.n_samples)
    inside: npt.NDArray[np.bool_] = (total[high] - total[low]) >= 0.9 * (high - low)
    return inside


def sequence_pieces(n_beats: int) -> list[tuple[slice, slice]]:
    """Return which beats each sequence reads, and which of them it is asked about."""
    pieces = []
    start = 0
    while start < n_beats:
        low = max(0, start - OVERLAP)
        high = min(n_beats, low + SEQUENCE)
        stop = high if high == n_beats else high - OVERLAP
        pieces.append((slice(low, high), slice(start, stop)))
        start = stop
    return pieces


def sequences(
    beats: EncodedBeats, pieces: list[tuple[slice, slice]], *, size: int, length: int = SEQUENCE, windows: bool = True
) -> Inputs:
    """Lay pieces of a stretch into the network's inputs, ``size`` rows of ``length`` beats, padded with zeros."""
    inputs = empty_inputs(size, length, windows=windows)
    for row, (read, _) in enumerate(pieces):
        fill_row(inputs, row, beats, read)
    return inputs


def fill_row(inputs: Inputs, row: int, beats: EncodedBeats, read: slice) -> None:
    """Lay the beats ``read`` of a stretch into one row of the network's inputs."""
    n, n_leads = read.stop - read.start, beats.windows.shape[2]
    inputs["features"][row, :n] = beats.features[read]
    inputs["mask"][row, :n] = 1
    if "windows" in inputs:
        inputs["windows"][row, :n, :, :n_leads] = beats.windows[read]
        inputs["dominant"][row, :, :n_leads] = beats.dominant
        inputs["leads"][row] = np.arange(N_LEADS) < n_leads


def empty_inputs(size: int, length: int, *, windows: bool = True) -> Inputs:
    """Return inputs without beats; every row has one lead, so that a mean over its leads exists."""
    inputs: Inputs = {
        "features": np.zeros((size, length, N_FEATURES), np.float32),
        "mask": np.zeros((size, length, 1), np.float32),
    }
    if windows:
        leads = np.zeros((size, N_LEADS), np.float32)
        leads[:, 0] = 1
        inputs |= {
            "windows": np.zeros((size, length, N_SAMPLES, N_LEADS), np.float32),
            "dominant": np.zeros((size, N_SAMPLES, N_LEADS), np.float32),
            "leads": leads,
        }
    return inputs
