"""Which parts of a recording can be read, and why the others cannot."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens._rows import quantiles_of_rows
from beatlens._threads import map_threads

STRETCH_S: Final = 5.0
"""The signal is judged in stretches of this length."""

GAP_SHARE: Final = 0.1
FLAT_MV: Final = 0.03
SATURATED_SHARE: Final = 0.1
NOISE_MV: Final = 0.08
NOISE_SHARE: Final = 0.12
SWING_MV: Final = 2.0
TINY_MV: Final = 0.02
HUGE_MV: Final = 40.0
"""A lead whose swing over five seconds mostly lies outside these is not in mV."""

GOOD: Final = ""
REASONS: Final = ("", "gap", "flat", "saturated", "noise", "artefact")
"""Reason by code; the first means that nothing is wrong."""

MEANING: Final = {
    "gap": "part of the signal is missing",
    "flat": "flat line: a lead was off, or the heart stood still",
    "saturated": "the amplifier was saturated",
    "noise": "noise as large as the waves",
    "artefact": "the baseline jumped",
}
"""Each reason in words."""


@dataclass(frozen=True)
class Span:
    """A part of the recording that was not judged.

    Parameters
    ----------
    start_s, end_s : float
        From where to where, in seconds.
    reason : str
        One of `MEANING`.
    """

    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True, eq=False)
class Quality:
    """How well a recording can be read, stretch by stretch.

    Parameters
    ----------
    codes : ndarray of int8, shape (n_stretches, n_leads)
        Place in `REASONS` of what is wrong with each lead.
    duration_s : float
        Length of the recording in seconds.
    """

    codes: npt.NDArray[np.int8]
    duration_s: float

    @property
    def overall(self) -> npt.NDArray[np.int8]:
        """Code of each stretch, all leads together: it can be read as long as one lead can. Shape (n_stretches,)."""
        readable = (self.codes == 0).any(axis=1)
        return np.where(readable, 0, self.codes[:, 0]).astype(np.int8)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The parts that cannot be read, neighbouring stretches of one reason joined."""
        codes = self.overall
        edges = np.flatnonzero(np.diff(codes)) + 1
        bounds = [0, *edges.tolist(), len(codes)]
        return tuple(
            Span(start * STRETCH_S, min(end * STRETCH_S, self.duration_s), REASONS[codes[start]])
            for start, end in itertools.pairwise(bounds)
            if codes[start]
        )

    @property
    def unreadable_s(self) -> float:
        """How much cannot be read, in seconds."""
        return sum(span.end_s - span.start_s for span in self.spans)

    def reasons_at(self, times_s: npt.NDArray[np.floating]) -> npt.NDArray[np.str_]:
        """Return what is wrong at each instant, empty where the signal can be read; shape (n_times,)."""
        place = np.clip((times_s / STRETCH_S).astype(np.int64), 0, len(self.codes) - 1)
        return np.array(REASONS)[self.overall[place]]


def assess_quality(signal: npt.NDArray[np.floating], fs: float) -> Quality:
    """Judge a signal in stretches of five seconds.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_leads)
        Voltage in mV; NaN in gaps.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    Quality

    Notes
    -----
    The rules are deliberately plain, so that a reader can check them: a stretch is a gap if more than 10 % of it is missing;
    flat if it stays within 0.03 mV; saturated if more than 10 % of it stands at its own extreme; noise if what a 25 ms mean
    leaves over (1.48 times the median of its size) is larger than 0.08 mV and than 12 % of the swing of that mean; artefact
    if the medians of its ten half seconds differ by more than 2 mV, as no heartbeat makes them.
    """
    n_samples, n_leads = signal.shape
    length = max(1, round(STRETCH_S * fs))
    n_stretches = -(-n_samples // length)
    smooth = max(3, round(0.025 * fs))
    codes = np.zeros((n_stretches, n_leads), np.int8)
    for lead, found in enumerate(map_threads(lambda lead: _judge_lead(signal[:, lead], length, smooth), range(n_leads))):
        codes[:, lead] = found
    return Quality(codes, n_samples / fs)


def describe_scale(signal: npt.NDArray[np.floating], fs: float, name: str) -> str:
    """Say so where the voltage of a lead can hardly be in mV: empty where nothing is odd.

    The rules above are in mV, and so are the report's strips: a recording in another unit is not judged at all.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        One lead, in what is taken for mV.
    fs : float
        Sampling rate in Hz.
    name : str
        What to call the lead.
    """
    length = max(1, round(STRETCH_S * fs))
    starts = np.linspace(0, max(0, len(signal) - length), 200).astype(np.int64)
    parts = np.stack([signal[start : start + length] for start in np.unique(starts)])
    parts = parts[np.isfinite(parts).all(axis=1)]
    swings = np.ptp(parts, axis=1)
    swings = swings[swings > 0]
    if not swings.size or TINY_MV <= np.median(swings) <= HUGE_MV:
        return ""
    swing = float(np.median(swings))
    if swing > HUGE_MV:
        return (
            f"'{name}' swings by {swing:,.0f} mV, far more than a heart makes: its values are probably in µV or in steps of "
            "the recorder, and were read as mV (--unit says what they are)"
        )
    return (
        f"'{name}' swings by {swing:.2g} mV, far less than a heart makes: its values are probably in V, and were read as mV "
        "(--unit says what they are)"
    )


def _judge_lead(x: npt.NDArray[np.floating], length: int, smooth: int) -> npt.NDArray[np.int8]:
    step = 720 * length  # an hour at a time: memory does not grow with the recording
    whole = len(x) // length * length
    parts = [_judge_blocks(x[at : min(at + step, whole)].reshape(-1, length), smooth) for at in range(0, whole, step)]
    if len(x) > whole:  # the rest is judged as the last five seconds, of which it is the end
        rest = x[-length:] if whole else np.resize(x, length)
        parts.append(_judge_blocks(rest[None], smooth))
    return np.concatenate(parts)


def _judge_blocks(x: npt.NDArray[np.floating], smooth: int) -> npt.NDArray[np.int8]:
    from scipy.ndimage import uniform_filter1d

    blocks = x.astype(np.float32)
    absent = ~np.isfinite(blocks)
    gap = absent.mean(axis=1) > GAP_SHARE
    if absent.any():
        blocks[absent] = np.nan  # an infinite value is as good as none
        fill = np.nanmean(np.where(gap[:, None], 0, blocks), axis=1, keepdims=True)
        blocks = np.where(absent, fill, blocks)
    low, high = blocks.min(axis=1), blocks.max(axis=1)
    swing = high - low
    at_end = ((blocks >= high[:, None] - 1e-4).mean(axis=1) > SATURATED_SHARE) | (
        (blocks <= low[:, None] + 1e-4).mean(axis=1) > SATURATED_SHARE
    )
    smoothed = uniform_filter1d(blocks, smooth, axis=1)
    rest = np.abs(blocks - smoothed)[:, ::3]
    noise = 1.4826 * quantiles_of_rows(rest, 0.5)[0]
    tenth = max(1, blocks.shape[1] // 10)
    tenths = blocks[:, : blocks.shape[1] // tenth * tenth].reshape(-1, tenth)[:, ::2]
    levels = quantiles_of_rows(tenths, 0.5)[0].reshape(len(blocks), -1)
    conditions: Sequence[npt.NDArray[np.bool_]] = (
        gap,
        swing < FLAT_MV,
        at_end,
        (noise > NOISE_MV) & (noise > NOISE_SHARE * np.ptp(smoothed, axis=1)),
        np.ptp(levels, axis=1) > SWING_MV,
    )
    return np.select(conditions, [1, 2, 3, 4, 5], 0).astype(np.int8)
