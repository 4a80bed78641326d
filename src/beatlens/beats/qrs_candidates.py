"""Where a QRS complex might be in one lead, and what the signal around each such place looks like.

The lead is brought to 120 Hz and to zero-phase bands. The envelope of the QRS band (4 to 20 Hz), divided by the level that
QRS complexes have around that time, has a local maximum at nearly every beat, small or wide ones included, and at many
T waves, P waves and artefacts too: `beatlens.beats.qrs_network` tells them apart. Everything is relative to the local level
and to the sign of the deflection, so that unit, gain, offset and polarity do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy import signal as dsp

from beatlens.beats.signals import fill_gaps, filter_both_ways, find_flat, find_gaps

Float = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]

RATE_HZ: Final = 120.0
VOLTAGE_BAND_HZ: Final = (1.5, 28.0)
QRS_BAND_HZ: Final = (4.0, 20.0)
NOISE_ABOVE_HZ: Final = 25.0
MIN_HEIGHT: Final = 0.08
"""A candidate's envelope is at least this share of the local level."""
MIN_DISTANCE_S: Final = 0.12
LEVEL_BLOCK_S: Final = 1.5
LEVEL_BLOCKS: Final = 9
LEVEL_FLOOR: Final = 0.08
"""The local level is never taken for less than this share of the recording's median level."""

_SMOOTHING: Final = 7  # samples, twice: a triangle about as wide as a narrow QRS complex
_SHAPE: Final = np.arange(-43, 44, 2)  # 0.36 s on either side, every other sample
_BIN: Final = 6  # 50 ms
_CONTEXT: Final = np.arange(-24, 25) * _BIN  # 1.2 s on either side
_POLARITY: Final = np.arange(-8, 9)
_CHUNK: Final = 20_000  # candidates described at a time: bounds the memory
_PIECE: Final = 1 << 18

N_FEATURES: Final = len(_SHAPE) + 2 * len(_CONTEXT) + 2


@dataclass(frozen=True, eq=False)
class Trace:
    """One lead at 120 Hz, ready for the search.

    Parameters
    ----------
    voltage : ndarray of float32, shape (n,)
        The lead from 1.5 to 28 Hz, in its own unit.
    qrs : ndarray of float32, shape (n,)
        The lead from 4 to 20 Hz.
    envelope : ndarray of float32, shape (n,)
        ``|qrs|``, smoothed.
    level : ndarray of float32, shape (n,)
        What the envelope reaches at the QRS complexes around that time: the median of nine maxima over 1.5 s each.
    noise : ndarray of float32, shape (n,)
        Mean absolute voltage above 25 Hz over one second.
    usable : ndarray of bool, shape (n,)
        False in a gap and where the lead is constant.
    ratio : Fraction
        Samples of the lead per sample here.
    """

    voltage: Float
    qrs: Float
    envelope: Float
    level: Float
    noise: Float
    usable: npt.NDArray[np.bool_]
    ratio: Fraction


def trace_lead(values: npt.NDArray[np.floating], fs: float) -> Trace:
    """Prepare one lead for the search.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        The lead, in any unit; NaN in gaps.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    Trace
    """
    down_per_up = Fraction(RATE_HZ / fs).limit_denominator(10_000)
    bad = find_gaps(values) | find_flat(values, fs)
    x = fill_gaps(values)
    x = x - np.float32(np.median(x[:: max(len(x) // 100_000, 1)]))  # near enough to zero for the filters' ends
    x = dsp.resample_poly(x, down_per_up.numerator, down_per_up.denominator)
    usable = np.ones(len(x), np.bool_)
    if bad.any():
        index = np.minimum(np.rint(np.arange(len(x)) / float(down_per_up)).astype(np.int64), len(values) - 1)
        usable = ~bad[index]
    qrs = _band(x, QRS_BAND_HZ)
    envelope = _smooth(np.abs(qrs), _SMOOTHING, _SMOOTHING)
    sharp = filter_both_ways(x, dsp.butter(2, NOISE_ABOVE_HZ, "highpass", fs=RATE_HZ, output="sos"))
    noise = _smooth(np.abs(sharp, out=sharp), int(RATE_HZ))
    return Trace(
        voltage=_band(x, VOLTAGE_BAND_HZ),
        qrs=qrs,
        envelope=envelope,
        level=_local_level(envelope, usable),
        noise=noise,
        usable=usable,
        ratio=1 / down_per_up,
    )


def find_candidates(trace: Trace) -> Index:
    """Return where a QRS complex might be: local maxima of the envelope; sample numbers at 120 Hz, increasing."""
    if not trace.usable.any():
        return np.zeros(0, np.int64)
    relative, apart = trace.envelope / trace.level, int(MIN_DISTANCE_S * RATE_HZ)
    relative[~trace.usable] = 0
    # Piece by piece, since SciPy takes six times the memory of what it is given; none begins near a candidate.
    edges = [0]
    while edges[-1] < len(relative):
        edges.append(_find_quiet(relative, edges[-1] + _PIECE, apart))
    peaks = [
        start + dsp.find_peaks(relative[start:stop], height=MIN_HEIGHT, distance=apart)[0] for start, stop in pairwise(edges)
    ]
    return np.concatenate(peaks).astype(np.int64)


def _find_quiet(relative: Float, start: int, length: int) -> int:
    """Return the middle of the first ``length`` samples from ``start`` on that are all too low for a candidate, or the end."""
    for at in range(start, len(relative), _PIECE):
        low = np.cumsum(relative[at : at + _PIECE + length] < MIN_HEIGHT)
        (quiet,) = np.nonzero(low[length:] - low[:-length] == length)
        if len(quiet):
            return at + int(quiet[0]) + 1 + length // 2
    return len(relative)


def bin_context(trace: Trace) -> tuple[Float, Float]:
    """Return the largest envelope, and the largest absolute voltage (in quarters), of the 50 ms around each sample."""
    return _largest_of_six(trace.envelope), _largest_of_six(trace.voltage, 4)


def describe_candidates(trace: Trace, candidates: Index, bins: tuple[Float, Float] | None = None) -> Float:
    """Return what the signal looks like around each candidate.

    Parameters
    ----------
    trace : Trace
        The lead.
    candidates : ndarray of int, shape (n_candidates,)
        As `find_candidates` returns them.
    bins : pair of ndarray, optional
        From `bin_context`, where it is at hand: it looks at the whole lead.

    Returns
    -------
    ndarray of float32, shape (n_candidates, N_FEATURES)
        The wave itself, with its main deflection upwards, over 0.36 s on either side; the envelope and the absolute
        voltage in 50 ms bins over 1.2 s on either side; the candidate's height; the noise. All relative to the level.
    """
    bins = bin_context(trace) if bins is None else bins
    parts = [_describe(trace, bins, candidates[i : i + _CHUNK]) for i in range(0, len(candidates), _CHUNK)]
    return np.concatenate(parts) if parts else np.zeros((0, N_FEATURES), np.float32)


def _largest_of_six(values: Float, parts: int = 1) -> Float:
    """Return ``ndimage.maximum_filter1d(np.abs(values) / parts, 6)``, by three steps over each piece of the array."""
    n = len(values)
    if n < _BIN:
        return np.asarray(ndimage.maximum_filter1d(np.abs(values) / parts, _BIN), np.float32)
    largest: Float = np.empty(n, np.float32)
    for start in range(0, n, _PIECE):
        stop = min(start + _PIECE, n)
        # The window of six reaches three samples back and two ahead; beyond the ends the signal is mirrored.
        piece = np.pad(values[max(start - 3, 0) : stop + 2], (max(3 - start, 0), max(stop + 2 - n, 0)), mode="symmetric")
        x = np.abs(piece) / np.float32(parts)
        pairs = np.maximum(x[:-1], x[1:])
        np.maximum(np.maximum(pairs[:-4], pairs[2:-2]), pairs[4:], out=largest[start:stop])
    return largest


def _describe(trace: Trace, bins: tuple[Float, Float], candidates: Index) -> Float:
    scale = (1 / trace.level[candidates])[:, None]
    near = _take(trace.qrs, candidates, _POLARITY)
    main = np.take_along_axis(near, np.abs(near).argmax(axis=1)[:, None], axis=1)
    shape = _take(trace.voltage, candidates, _SHAPE) * scale * np.where(main < 0, np.float32(-1), np.float32(1))
    context = [np.log(_take(values, candidates, _CONTEXT) * scale + 0.03) / 2 + 0.7 for values in bins]
    height = np.log(trace.envelope[candidates] / trace.level[candidates] + 0.01)
    noise = np.log(trace.noise[candidates] / trace.level[candidates] + 0.003) + 3
    return np.concatenate([np.arcsinh(shape) / 1.5, *context, height[:, None], noise[:, None]], axis=1, dtype=np.float32)


def _take(values: Float, centres: Index, offsets: npt.NDArray[np.int64]) -> Float:
    """Return ``values`` around each centre, zero outside the recording; shape (n_centres, n_offsets)."""
    index = centres[:, None] + offsets
    inside = (index >= 0) & (index < len(values))
    return np.where(inside, values[np.clip(index, 0, len(values) - 1)], np.float32(0))


def _smooth(values: Float, *lengths: int) -> Float:
    """Return running means of running means, in the memory of the values."""
    for length in lengths:
        ndimage.uniform_filter1d(values, length, output=values)
    return values


def _band(x: npt.NDArray[np.floating], band: tuple[float, float]) -> Float:
    return filter_both_ways(x, dsp.butter(2, band, "bandpass", fs=RATE_HZ, output="sos"))


def _local_level(envelope: Float, usable: npt.NDArray[np.bool_]) -> Float:
    block = int(LEVEL_BLOCK_S * RATE_HZ)
    n_blocks = max(len(envelope) // block, 1)
    length = min(block, len(envelope))
    tops = envelope[: n_blocks * length].reshape(n_blocks, length).max(axis=1)
    # Blocks in gaps would pull the level of their neighbours down.
    known = np.flatnonzero(usable[: n_blocks * length].reshape(n_blocks, length).mean(axis=1) > 0.5)
    if not len(known):
        known = np.arange(n_blocks)
    tops = tops[known]
    level = ndimage.percentile_filter(tops, 50, size=min(LEVEL_BLOCKS, 2 * len(tops) - 1), mode="nearest")
    floor = max(LEVEL_FLOOR * float(np.median(level)), 1e-30)
    level = np.maximum(level, floor)
    spread = np.empty(len(envelope), np.float32)
    for start in range(0, len(envelope), _PIECE):  # a whole day at once would take its length thrice over
        stop = min(start + _PIECE, len(envelope))
        spread[start:stop] = np.interp(np.arange(start, stop), (known + 0.5) * block, level)
    return spread
