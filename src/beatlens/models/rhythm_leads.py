"""Which leads of a recording ``rhythm-lstm`` reads: two at most, and none that is much noisier than the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from beatlens.beats.morphology import FS, QRS, align_beats, cut_padded, prepare_signal
from beatlens.models.rhythm_encoding import choose_leads

if TYPE_CHECKING:
    from beatlens.records.record import Record

NOISIER: Final = 1.7
"""A lead that is more than so many times as noisy as the other is left out; chosen on DS1 (docs/experiments.md)."""
NOISY_SHARE: Final = 0.75
"""Three quarters of a lead's beats are at most as noisy as it is said to be: short bursts do not count."""
EXCERPT_S: Final = 30.0
EXCERPTS: Final = 60
"""Noise is measured in at most so many excerpts, spread over the recording."""
FEW_BEATS: Final = 8
"""From fewer beats nothing is said of noise."""


def read_leads(record: Record, r_samples: npt.NDArray[np.integer]) -> tuple[int, ...]:
    """Return the numbers of the leads that the model reads.

    Parameters
    ----------
    record : Record
    r_samples : ndarray of int, shape (n_beats,)
        R peaks in order, as sample numbers of ``record``.

    Returns
    -------
    tuple of int
        At most two leads, none that is flat or missing; of two, one alone if the other is `NOISIER` times as noisy.

    Notes
    -----
    What the network reads of a beat is told by both leads together: a lead of little else than noise takes away from what the
    other one says. In the folds of DS1 it made whole recordings of normal beats supraventricular.
    """
    leads = choose_leads(record.signal, record.lead_names)
    if len(leads) < 2:
        return leads
    noise = measure_noise(record, np.asarray(r_samples, np.int64), leads)
    return tuple(lead for lead, level in zip(leads, noise, strict=True) if not level > NOISIER * noise.min())


def describe_choice(record: Record, leads: tuple[int, ...]) -> tuple[str, ...]:
    """Return one sentence if a lead was left out for its noise; none otherwise."""
    if len(leads) != 1 or record.n_leads == 1:  # nothing was left out, and a day of signal need not be looked at again
        return ()
    left = [record.lead_names[k] for k in choose_leads(record.signal, record.lead_names) if k not in leads]
    if not left:
        return ()
    return (f"the model read {record.lead_names[leads[0]]} alone: {left[0]} is more than {NOISIER:g} times as noisy",)


def measure_noise(record: Record, r_samples: npt.NDArray[np.int64], leads: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return how noisy each lead is around its beats, as a share of the height of its usual complex, shape (n_leads,).

    Noise is the mean size of the second difference of the signal at 128 Hz, 0.5 to 40 Hz. NaN if there are too few beats.
    """
    rough, heights = [], []
    for first, last in _excerpts(record.n_samples, record.fs):
        at = r_samples[(r_samples >= first + 0.5 * record.fs) & (r_samples < last - 0.5 * record.fs)] - first
        if not len(at):
            continue
        x = prepare_signal(record.signal[first:last][:, leads], record.fs)
        windows = cut_padded(x, align_beats(x, np.round(at / record.fs * FS).astype(np.int64)))
        rough.append(np.abs(np.diff(windows, n=2, axis=1)).mean(axis=1))
        heights.append(np.ptp(windows[:, QRS], axis=1))
    if sum(len(part) for part in rough) < FEW_BEATS:
        return np.full(len(leads), np.nan)
    height = np.median(np.concatenate(heights), axis=0) + 1e-3
    return np.asarray(np.quantile(np.concatenate(rough) / height + 1e-3, NOISY_SHARE, axis=0), np.float64)


def _excerpts(n_samples: int, fs: float) -> list[tuple[int, int]]:
    """Return where each excerpt starts and ends; a recording that is hardly longer than they are is one."""
    length = int(EXCERPT_S * fs)
    if n_samples <= EXCERPTS * length:
        return [(0, n_samples)]
    return [(start, start + length) for start in np.linspace(0, n_samples - length, EXCERPTS).astype(int).tolist()]
