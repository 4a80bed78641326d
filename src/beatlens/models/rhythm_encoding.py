"""From a recording and its R peaks to what ``rhythm-lstm`` reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.beats.likeness_features import LIKENESS_FEATURES, likeness_features
from beatlens.beats.morphology import AFTER, BEFORE, FS, Array, BeatShapes, align_beats, describe_shapes, prepare_signal
from beatlens.beats.rhythm import RHYTHM_FEATURES, rhythm_features
from beatlens.beats.shape_features import SHAPE_FEATURES, shape_features
from beatlens.models.rhythm_network import N_LEADS

FEATURES: Final = RHYTHM_FEATURES + SHAPE_FEATURES + LIKENESS_FEATURES
STRETCH_S: Final = 1800.0
"""A recording is described in stretches of at most this length: what is usual changes over a day."""
FIRST_CHOICE: Final = ("MLII", "II", "ML2", "LEAD II")
SECOND_CHOICE: Final = ("V1", "MLV1", "V5", "MLV5", "V2", "I")


@dataclass(frozen=True, eq=False)
class EncodedBeats:
    """The beats of one stretch of a recording, ready for the network.

    Parameters
    ----------
    features : ndarray of float32, shape (n_beats, 69)
        Columns as in `FEATURES`, not scaled.
    windows : ndarray of float32, shape (n_beats, 112, n_leads)
        See `beatlens.beats.morphology.BeatShapes`.
    dominant : ndarray of float32, shape (112, n_leads)
    r_samples : ndarray of int64, shape (n_beats,)
        Where each window has its R peak, at 128 Hz from the start of the stretch: sample ``BEFORE`` of the window.
    """

    features: Array
    windows: Array
    dominant: Array
    r_samples: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.features)


def encode_prepared(x: Array, times_s: npt.NDArray[np.floating]) -> EncodedBeats:
    """Encode the beats at ``times_s`` (seconds) of a signal from `beatlens.beats.morphology.prepare_signal`."""
    if not len(times_s):
        empty = np.zeros((0, BEFORE + AFTER, x.shape[1]), np.float32)
        return EncodedBeats(
            np.zeros((0, len(FEATURES)), np.float32), empty, np.zeros(empty.shape[1:], np.float32), np.zeros(0, np.int64)
        )
    return encode_shapes(x, times_s)[0]


def encode_shapes(x: Array, times_s: npt.NDArray[np.floating]) -> tuple[EncodedBeats, BeatShapes]:
    """Do the same for one beat or more, and return their shapes as well."""
    aligned = align_beats(x, np.round(np.asarray(times_s) * FS).astype(np.int64))
    rhythm = rhythm_features(times_s)
    shapes = describe_shapes(x, aligned)
    pre_to_local, pre_rr = rhythm[:, RHYTHM_FEATURES.index("pre_to_local")], rhythm[:, RHYTHM_FEATURES.index("pre_rr")]
    shape = shape_features(shapes, pre_to_local, pre_rr)
    columns = np.concatenate([rhythm, shape, likeness_features(shapes, pre_to_local)], axis=1)
    return EncodedBeats(columns, shapes.windows, shapes.dominant, aligned), shapes


def encode_beats(signal: npt.NDArray[np.floating], fs: float, r_samples: npt.NDArray[np.integer]) -> EncodedBeats:
    """Encode the beats of one stretch of a recording.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_leads)
        Voltage in mV; one or two leads.
    fs : float
        Sampling rate in Hz.
    r_samples : ndarray of int, shape (n_beats,)
        R peaks, in order.

    Raises
    ------
    SignalError
        If the R peaks are out of order or the sampling rate is below 80 Hz.
    """
    return encode_prepared(prepare_signal(signal, fs), np.asarray(r_samples) / fs)


def choose_leads(signal: npt.NDArray[np.floating], lead_names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of the leads to read: at most two, none that is flat or missing.

    Of more than two, a lead II and a precordial lead are preferred, as in the recordings that the network learned from.
    """
    alive = [k for k in range(signal.shape[1]) if _alive(signal[:, k])]
    if len(alive) <= N_LEADS:
        return tuple(alive)
    by_name = {lead_names[k].upper(): k for k in reversed(alive)}
    chosen = [next((by_name[name] for name in names if name in by_name), None) for names in (FIRST_CHOICE, SECOND_CHOICE)]
    wanted = [k for k in chosen if k is not None]
    return tuple((wanted + [k for k in alive if k not in wanted])[:N_LEADS])


def _alive(lead: npt.NDArray[np.floating]) -> bool:
    known = np.isfinite(lead)
    values = lead if known.all() else lead[known]
    return len(values) > 0.5 * len(lead) and bool(np.ptp(values) > 0.02)


def stretches(r_samples: npt.NDArray[np.integer], n_samples: int, fs: float) -> list[tuple[slice, int, int]]:
    """Return, for each stretch, which beats it holds and the samples where it starts and stops, five seconds of margin."""
    count = max(1, int(np.ceil(n_samples / fs / STRETCH_S - 0.1)))
    edges = np.linspace(0, n_samples, count + 1)
    beats = np.searchsorted(r_samples, edges)
    beats[-1] = len(r_samples)
    margin = 5 * fs
    return [
        (slice(int(beats[k]), int(beats[k + 1])), max(0, int(edges[k] - margin)), min(n_samples, int(edges[k + 1] + margin)))
        for k in range(count)
        if beats[k + 1] > beats[k]
    ]
