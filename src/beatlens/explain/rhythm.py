"""How ``rhythm-lstm`` is explained: the voltage around the beat, its place in the rhythm, and what the other beats bring to it.

The network reads numbers made of these, not samples. Here those numbers are computed again from the voltage, differentiably
(`beatlens.explain.shape_port`), and what the other beats say enters as the state that the recurrent layer brings to the beat
(`beatlens.models.rhythm_steps`): so a change of the beat's signal, of an interval, or of its company moves the network's own
logits. What belongs to the recording (its usual beat, its groups of like beats, the rows of the other beats) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from beatlens._threads import map_threads
from beatlens.beats.likeness_features import LIKENESS_FEATURES
from beatlens.beats.morphology import BEFORE, FS, BeatShapes, prepare_signal
from beatlens.beats.rhythm import RHYTHM_FEATURES
from beatlens.explain.likeness_port import LIKENESS_CONTEXT, build_likeness_context, likeness_columns
from beatlens.explain.rhythm_context import build_context
from beatlens.explain.shape_port import scale_windows, shape_columns
from beatlens.explain.subject import Subject
from beatlens.models.programs import keep_program
from beatlens.models.rhythm_encoding import encode_shapes, stretches
from beatlens.models.rhythm_leads import read_leads
from beatlens.models.rhythm_lstm import BATCH, RhythmLSTM, find_readable, sequence_pieces, sequences

if TYPE_CHECKING:
    import jax

    from beatlens.models.predictions import BeatPredictions
    from beatlens.models.rhythm_encoding import EncodedBeats
    from beatlens.models.rhythm_steps import RhythmSteps
    from beatlens.records.record import Record

Arrays = dict[str, npt.NDArray[np.float32]]

WINDOW, RHYTHM, COMPANY = "window", "rhythm", "company"
"""The inputs: voltage in mV (n, 112, leads); the 22 rhythm features (n, 22); the states brought by the other beats."""
CONTEXT: Final = (
    "gain", "dominant", "previous_qrs", "next_qrs", "group", "usual_p", "long_p", "long_coherence", "local_p", "local_width",
    "wide_p", "wide_width", "usual_qrs", "other_qrs", "other_pinv", "other_allowed", *LIKENESS_CONTEXT,
)  # fmt: skip
USUAL: Final = {WINDOW: "usual_window", RHYTHM: "usual_rhythm", COMPANY: "usual_company"}
"""For each input, the fixed input that holds the recording's usual value of it."""
SETTLED: Final = 64
"""After this many usual beats the recurrent layer brings what usual company brings."""
REACH: Final = 4
"""Neighbours, before and after, that are each told apart."""


@dataclass(frozen=True, eq=False)
class RhythmBeats:
    """Beats of one recording as `rhythm_subject` reads them.

    Parameters
    ----------
    inputs : dict of ndarray, shape (n_beats, ...)
        Those of the subject: voltage, rhythm, company, and everything fixed.
    beats : ndarray of int64, shape (n_beats,)
        Place of each among the R peaks.
    offset_ms : ndarray of float64, shape (n_beats,)
        Where the window's zero lies, relative to the R peak: complexes are aligned before they are compared.
    near : dict of int to ndarray, shape (n_beats, 4, networks, units)
        What would be brought to the beat if the neighbour at that distance (-1: the one before) were the usual beat.
    leads : tuple of int
        The leads that are read.
    probabilities : ndarray of float32, shape (n_beats, 4)
        What the model says of them in the end, beats of the same shape heard; the subject's logits are the network's own.
    """

    inputs: Arrays
    beats: npt.NDArray[np.int64]
    offset_ms: npt.NDArray[np.float64]
    near: dict[int, npt.NDArray[np.float32]]
    leads: tuple[int, ...]
    probabilities: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.beats)


@lru_cache(maxsize=4)
def rhythm_subject(model: RhythmLSTM) -> Subject:
    """Return the network as an explainer sees it; the same object for the same model, so that it compiles once."""
    steps = model.steps
    return subject_of_steps(model, lambda _: steps, identity=steps.identity)


def subject_of_steps(
    model: RhythmLSTM,
    steps_for: Callable[[dict[str, jax.Array]], RhythmSteps],
    *,
    fixed: tuple[str, ...] = (),
    identity: str = "",
) -> Subject:
    """Return the network as an explainer sees it, its weights taken from the inputs.

    Parameters
    ----------
    model : RhythmLSTM
    steps_for : callable
        From the inputs to the network.
    fixed : tuple of str
        Further fixed inputs, that ``steps_for`` reads.
    identity : str
        Of the network, if it is always the same one.
    """
    import jax

    def look(inputs: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        import jax.numpy as jnp

        context = {name: inputs[name] for name in CONTEXT}
        w = scale_windows(inputs[WINDOW], context)
        columns = [inputs[RHYTHM], shape_columns(w, context), likeness_columns(w, context)]
        return jnp.concatenate(columns, axis=1), w, inputs["dominant"]

    def logits(inputs: dict[str, jax.Array]) -> jax.Array:
        steps = steps_for(inputs)
        return steps.logits(steps.encode_rows(*look(inputs)), inputs[COMPANY])

    def encode(inputs: dict[str, jax.Array]) -> jax.Array:
        _, w, dominant = look(inputs)
        maps = steps_for(inputs).shape_maps(w, dominant)
        return maps.reshape(*maps.shape[:2], -1)

    def decode(inputs: dict[str, jax.Array], maps: jax.Array) -> jax.Array:
        steps, (features, w, _) = steps_for(inputs), look(inputs)
        shaped = maps.reshape(*maps.shape[:2], steps.n_networks, w.shape[2], -1)
        return steps.logits(steps.encode_rows(features, maps=shaped), inputs[COMPANY])

    sees_shapes = bool(model.steps.encoders)
    return Subject(
        model.name,
        model.classes,
        jax.jit(logits),  # it stands in several programs, and so is traced once
        (WINDOW,),
        FS,
        BEFORE,
        fixed_inputs=(*CONTEXT, *USUAL.values(), *fixed),
        baseline_names=USUAL,
        encode=encode if sees_shapes else None,
        decode=decode if sees_shapes else None,
        identity=identity,
    )


def read_rhythm_beats(
    record: Record,
    r_samples: npt.NDArray[np.integer],
    model: RhythmLSTM,
    chosen: npt.NDArray[np.integer] | None = None,
    *,
    neighbours: bool = True,
    leads: tuple[int, ...] | None = None,
    predictions: BeatPredictions | None = None,
) -> RhythmBeats:
    """Lay out beats of a recording for `rhythm_subject`.

    Parameters
    ----------
    record : Record
    r_samples : ndarray of int, shape (n_all,)
        Every R peak of the recording, in order.
    model : RhythmLSTM
    chosen : ndarray of int, optional
        Places of the beats in question; all if not given. Those that the model cannot judge are left out.
    neighbours : bool
        Whether to work out what each neighbour brings.
    leads : tuple of int, optional
        The leads to read; those that the model reads if not given.
    predictions : BeatPredictions, optional
        What the model said of ``r_samples``, if it was asked already.

    Raises
    ------
    SignalError
        If the sampling rate is too low, or the R peaks are out of order.
    """
    at = np.asarray(r_samples, np.int64)
    if leads is None:
        leads = (predictions.leads if predictions else ()) or read_leads(record, at)
    wanted = np.zeros(len(at), bool)
    wanted[slice(None) if chosen is None else np.asarray(chosen, np.int64)] = True
    if predictions is not None:
        wanted &= predictions.classes != ""
    readable = find_readable(record, at, leads)
    asked = []
    for beats, first, last in stretches(at, record.n_samples, record.fs) if leads else []:
        number = np.flatnonzero(readable[beats]) + beats.start
        if wanted[number].any():
            asked.append((number, first, last))

    def encode(part: tuple[npt.NDArray[np.int64], int, int]) -> _Stretch:
        number, first, last = part
        x, times_s = prepare_signal(record.signal[first:last][:, leads], record.fs), (at[number] - first) / record.fs
        return _Stretch(number, times_s, x, *encode_shapes(x, times_s))

    parts = [
        _read_stretch(stretch, model, np.flatnonzero(wanted[stretch.number]), neighbours, leads, predictions)
        for stretch in map_threads(encode, asked)
    ]
    if not parts:
        return RhythmBeats({}, np.zeros(0, np.int64), np.zeros(0), {}, leads, np.zeros((0, len(model.classes)), np.float32))
    return RhythmBeats(
        {name: np.concatenate([part.inputs[name] for part in parts]) for name in parts[0].inputs},
        np.concatenate([part.beats for part in parts]),
        np.concatenate([part.offset_ms for part in parts]),
        {place: np.concatenate([part.near[place] for part in parts]) for place in parts[0].near},
        leads,
        np.concatenate([part.probabilities for part in parts]),
    )


class _Stretch(NamedTuple):
    """Beats of some minutes: their places among the R peaks, their times, the prepared signal, and what was made of both."""

    number: npt.NDArray[np.int64]
    times_s: npt.NDArray[np.float64]
    x: npt.NDArray[np.float32]
    encoded: EncodedBeats
    shapes: BeatShapes


def _read_stretch(
    stretch: _Stretch,
    model: RhythmLSTM,
    rows: npt.NDArray[np.int64],
    neighbours: bool,
    leads: tuple[int, ...],
    predictions: BeatPredictions | None,
) -> RhythmBeats:
    number, times_s, x, encoded, shapes = stretch
    n_rhythm = len(RHYTHM_FEATURES)
    pre_rr = encoded.features[:, RHYTHM_FEATURES.index("pre_rr")]
    voltage, context = build_context(x, encoded.r_samples, shapes, encoded.features[:, n_rhythm:], pre_rr)
    likeness = encoded.features[:, -len(LIKENESS_FEATURES) :]
    usual = np.median(encoded.features[shapes.groups == 0], axis=0)
    company = _Company(model, encoded, usual, rows)
    inputs: Arrays = {name: values[rows] for name, values in context.items()}
    pre_to_local = encoded.features[:, RHYTHM_FEATURES.index("pre_to_local")]
    inputs |= build_likeness_context(shapes, likeness, pre_to_local, rows)
    inputs[WINDOW], inputs[RHYTHM] = voltage[rows], encoded.features[rows, :n_rhythm]
    inputs[COMPANY] = company.brought[rows]
    usual_window = inputs["dominant"] / inputs["gain"][:, None]
    # at the level of the beat, or a baseline that wanders would be a difference from the usual
    inputs["usual_window"] = usual_window + np.median(inputs[WINDOW] - usual_window, axis=1, keepdims=True)
    inputs["usual_rhythm"] = np.broadcast_to(usual[:n_rhythm], inputs[RHYTHM].shape)
    inputs["usual_company"] = np.broadcast_to(company.usual, inputs[COMPANY].shape)
    offset = (encoded.r_samples[rows] / FS - times_s[rows]) * 1000
    near = company.without(rows) if neighbours else {}
    probabilities = model.predict_encoded(encoded)[rows] if predictions is None else predictions.probabilities[number[rows]]
    return RhythmBeats(inputs, number[rows], offset, near, leads, probabilities)


class _Company:
    """What the recurrent layer brings to each beat of a stretch, and what it would bring if a neighbour were the usual beat."""

    def __init__(
        self, model: RhythmLSTM, encoded: EncodedBeats, usual: npt.NDArray[np.float32], asked: npt.NDArray[np.int64]
    ) -> None:
        self.steps = model.steps
        self.n = len(encoded)
        n_leads = encoded.windows.shape[2]
        program = _reader(model, n_leads)
        self.brought = np.zeros((self.n, 4, self.steps.n_networks, self.steps.n_units), np.float32)
        shape = (encoded.dominant[None], encoded.dominant[None]) if self.steps.encoders else ()
        self.usual_row = np.asarray(self.steps.encode_rows(usual[None], *shape))[0]
        self.rows = np.zeros((self.n, *self.usual_row.shape), np.float32)
        # Of the others, only those next to the beats that are asked about.
        pieces = [
            (read, keep)
            for read, keep in sequence_pieces(self.n)
            if ((asked >= keep.start - REACH) & (asked < keep.stop + REACH)).any()
        ]
        for start in range(0, len(pieces), BATCH):
            part = pieces[start : start + BATCH]
            laid = sequences(encoded, part, size=BATCH, windows=bool(self.steps.encoders))
            encoded_rows, brought = (np.asarray(values) for values in program(laid))
            for row, (read, keep) in enumerate(part):
                inner = slice(keep.start - read.start, keep.stop - read.start)
                self.brought[keep], self.rows[keep] = brought[row, inner], encoded_rows[row, inner]
        settled = [np.zeros((2, 1, self.steps.n_networks, self.steps.n_units), np.float32)] * 2
        for side in (0, 1):
            for _ in range(SETTLED):
                settled[side] = np.stack(self.steps.step(side, self.usual_row[None], *settled[side]))
        self.usual = np.concatenate(settled)[:, 0]

    def without(self, places: npt.NDArray[np.int64]) -> dict[int, npt.NDArray[np.float32]]:
        """Return, for each neighbour, what would be brought to these beats if it were the usual beat."""
        found: dict[int, npt.NDArray[np.float32]] = {}
        for distance in range(1, REACH + 1):
            for side, sign in ((0, -1), (1, 1)):
                known = (places + sign * distance >= 0) & (places + sign * distance < self.n)
                start = np.clip(places + sign * distance, 0, self.n - 1)
                half = slice(0, 2) if side == 0 else slice(2, 4)
                hidden, cell = np.moveaxis(self.brought[start, half], 1, 0)
                for back in range(distance, 0, -1):
                    place = np.clip(places + sign * back, 0, self.n - 1)
                    row = np.broadcast_to(self.usual_row, self.rows[place].shape) if back == distance else self.rows[place]
                    hidden, cell = self.steps.step(side, row, hidden, cell)
                brought = self.brought[places].copy()
                brought[known, half] = np.stack([hidden, cell], axis=1)[known]
                found[sign * distance] = brought
        return found


@lru_cache(maxsize=8)
def _reader(model: RhythmLSTM, n_leads: int) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    """Return the program from a batch of sequences to the rows and states of every beat."""
    steps = model.steps

    def read(inputs: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        n, length = inputs["features"].shape[:2]
        flat = [inputs["features"].reshape(n * length, -1)]
        if steps.encoders:
            import jax.numpy as jnp

            windows = inputs["windows"][..., :n_leads]
            dominant = jnp.repeat(inputs["dominant"][:, None, :, :n_leads], length, axis=1)
            flat += [windows.reshape(n * length, *windows.shape[2:]), dominant.reshape(n * length, *dominant.shape[2:])]
        rows = steps.encode_rows(*flat).reshape(n, length, steps.n_networks, -1) * inputs["mask"][..., None]
        return rows, steps.states(rows)

    return keep_program(read, steps.identity and f"states {steps.identity}")
