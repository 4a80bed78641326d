"""Composed recordings: rhythms that the training patients never had, spliced from their beats.

Twenty-two patients show few of the rhythms there are. A composed recording takes complexes of one training patient (and
ectopic complexes of the same or another one), places them at times of a made-up rhythm, adds or leaves out their P waves, and
knows each beat's class by construction. Everything happens on prepared signals (128 Hz).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from beatlens.beats.morphology import AFTER, BEFORE, FS, Array, cut_padded

Rhythm = Literal["runs", "fibrillation", "ectopy", "atrial", "ventricular", "branch"]
RHYTHMS: Final[tuple[Rhythm, ...]] = ("runs", "fibrillation", "ectopy", "atrial", "ventricular", "branch")

_P_STARTS: Final = BEFORE - 38
_QRS_STARTS: Final = BEFORE - 10
_ENDS: Final = BEFORE + 60


@dataclass(frozen=True, eq=False)
class BeatPool:
    """Beats that composed recordings are spliced from.

    Parameters
    ----------
    windows : ndarray of float32, shape (n_beats, 112, n_leads)
        Windows of a prepared signal, divided by the size of the usual complex.
    classes : ndarray of str, shape (n_beats,)
    rr_s : float
        The patient's median interval in seconds.
    """

    windows: Array
    classes: npt.NDArray[np.str_]
    rr_s: float

    def of_class(self, name: str) -> Array:
        """Return the windows of one class."""
        chosen: Array = self.windows[self.classes == name]
        return chosen


@dataclass(frozen=True, eq=False)
class Composed:
    """A composed recording: signal (n_samples, n_leads) at 128 Hz, R positions, classes."""

    signal: Array
    r_samples: npt.NDArray[np.int64]
    classes: npt.NDArray[np.str_]


def beat_pool(x: Array, r_samples: npt.NDArray[np.integer], classes: npt.NDArray[np.str_]) -> BeatPool:
    """Cut the beats of a prepared signal for splicing."""
    windows = cut_padded(x, r_samples)
    size = np.median(np.ptp(windows[:, BEFORE - 14 : BEFORE + 18], axis=1), axis=0) + 1e-3
    rr = float(np.median(np.diff(r_samples)) / FS) if len(r_samples) > 1 else 0.8
    return BeatPool((windows / size).astype(np.float32), classes, rr)


def compose_recording(
    pool: BeatPool, ectopic: BeatPool, rhythm: Rhythm, rng: np.random.Generator, *, n_beats: int = 700
) -> Composed:
    """Compose one recording.

    Parameters
    ----------
    pool : BeatPool
        Patient whose normal complexes are used.
    ectopic : BeatPool
        Patient whose ventricular complexes are used; may be the same.
    rhythm : {"runs", "fibrillation", "ectopy", "atrial", "ventricular", "branch"}
        ``runs``: slow sinus beats with P waves (N) between early, regular runs without them, or with another one (S).
        ``fibrillation``: no P waves, irregular (N), some ventricular beats. ``ectopy``: sinus rhythm with ventricular beats,
        atrial beats, and fusions of the normal and the ventricular complex. ``atrial``: sinus rhythm that breathes and drifts,
        with pauses, and early atrial beats of all patterns. ``ventricular``: sinus or fibrillation with ventricular bigeminy,
        trigeminy and single beats that come and go, with and without a pause. ``branch``: sinus rhythm whose complex takes
        another shape (N) for some beats or some minutes, as with another axis or a bundle branch that conducts late, and now
        and then a ventricular beat.
    rng : numpy Generator
    n_beats : int
    """
    makers = {
        "runs": _runs,
        "fibrillation": _fibrillation,
        "ectopy": _ectopy,
        "atrial": _atrial,
        "ventricular": _ventricular,
        "branch": _branch,
    }
    kinds, intervals = makers[rhythm](pool, rng, n_beats)
    times = np.cumsum(intervals)
    r = np.round(times * FS).astype(np.int64) + BEFORE
    n_leads = pool.windows.shape[2]
    signal = np.zeros((int(r[-1]) + 2 * AFTER, n_leads))
    normal = _clean(pool.of_class("N"))
    other = _clean(ectopic.of_class("V"))
    other = other if len(other) else -np.roll(np.repeat(normal, 2, axis=1)[:, BEFORE : BEFORE + 112], 0, axis=1)
    # One or two ventricular foci a recording, each a small set of like beats.
    foci = [_stretch(_alike(other, rng), rng.uniform(0.85, 1.25)) * rng.uniform(0.7, 1.4, n_leads) for _ in range(2)]
    blend = _Blend(rng.uniform(0.15, 0.8), rng.uniform(0.3, 1.0), int(rng.integers(-6, 4)))
    changed_p = np.float32(rng.choice([0.0, 0.0, 0.0, -0.6, 0.3, 0.7, -1.0]))
    usual = _alike(normal, rng, 200)
    turned = _turn(usual, rng) if rhythm == "branch" else usual
    for kind, at in zip(kinds, r, strict=True):
        beat = usual[rng.integers(len(usual))]
        if kind == "N":
            piece = _taper(beat, _P_STARTS)
        elif kind == "B":
            piece = _taper(turned[rng.integers(len(turned))], _P_STARTS)
        elif kind == "A":
            piece = _taper(beat, _QRS_STARTS)
        elif kind == "S":
            piece = _taper(beat, _QRS_STARTS) + changed_p * (_taper(beat, _P_STARTS) - _taper(beat, _QRS_STARTS))
        else:
            focus = foci[0] if rng.random() < 0.9 else foci[1]
            piece = _taper(focus[rng.integers(len(focus))], _P_STARTS + 14)
            if kind == "F":
                piece = blend.of(_taper(beat, _P_STARTS if rng.random() < 0.8 else _QRS_STARTS), piece, rng)
        signal[at - BEFORE : at + AFTER] += piece
    signal += _background(len(signal), n_leads, rng, fibrillation=rhythm == "fibrillation")
    classes = np.array([{"A": "N", "B": "N"}.get(kind, kind) for kind in kinds], dtype="<U1")
    return Composed(signal.astype(np.float32), r, classes)


@dataclass(frozen=True)
class _Blend:
    """How much of the normal and of the ventricular complex the fusions of a recording hold, and how they lie in time."""

    normal: float
    ventricular: float
    lag: int

    def of(self, beat: Array, wide: Array, rng: np.random.Generator) -> Array:
        """Return one fusion; they vary, for each begins at another moment."""
        share = rng.normal(0, 0.12)
        weights = np.array([self.normal, self.ventricular], np.float32) + np.array([share, -share], np.float32)
        weights = np.maximum(weights, np.array([0, 0.1], np.float32))
        moved = np.roll(wide, self.lag + int(rng.integers(-1, 2)), axis=0)
        mixed: Array = weights[0] * beat + weights[1] * moved
        return mixed


def _stretch(windows: Array, factor: float) -> Array:
    """Make complexes wider or narrower in time, about their R position."""
    at = BEFORE + (np.arange(windows.shape[1]) - BEFORE) / factor
    low = np.clip(np.floor(at).astype(int), 0, windows.shape[1] - 2)
    part = np.clip(at - low, 0, 1)[:, None].astype(np.float32)
    stretched: Array = windows[:, low] * (1 - part) + windows[:, low + 1] * part
    return stretched


def _clean(windows: Array) -> Array:
    """Take away the straight line between both ends of each window."""
    first, last = windows[:, _P_STARTS - 4 : _P_STARTS + 2].mean(axis=1), windows[:, _ENDS - 6 : _ENDS].mean(axis=1)
    slope = np.linspace(0, 1, windows.shape[1])[:, None]
    return np.asarray(windows - (first[:, None] + slope * (last - first)[:, None]))


def _alike(windows: Array, rng: np.random.Generator, n: int = 40) -> Array:
    """Return the beats most like a random one."""
    flat = windows[:, BEFORE - 14 : BEFORE + 18].reshape(len(windows), -1)
    distance = ((flat - flat[rng.integers(len(flat))]) ** 2).sum(axis=1)
    return windows[np.argsort(distance)[:n]]


def _taper(beat: Array, start: int) -> Array:
    shape = np.zeros(len(beat), np.float32)
    shape[start:_ENDS] = 1
    ramp = np.hanning(13)[:7]
    shape[start : start + 7] = ramp
    shape[_ENDS - 14 : _ENDS] = np.hanning(29)[14:28]
    return beat * shape[:, None]


def _background(n: int, n_leads: int, rng: np.random.Generator, *, fibrillation: bool) -> npt.NDArray[np.float64]:
    noise = rng.normal(0, rng.uniform(0.003, 0.02), (n, n_leads))
    noise = (noise + np.roll(noise, 1, axis=0) + np.roll(noise, 2, axis=0)) / 1.7
    if fibrillation:
        phase = (
            2
            * np.pi
            * np.cumsum(
                rng.uniform(4, 8) + 1.5 * np.interp(np.arange(n), np.arange(0, n, 32), rng.normal(size=len(range(0, n, 32))))
            )
            / FS
        )
        noise += np.sin(phase)[:, None] * rng.uniform(0, 0.08, n_leads)
    return noise


def _runs(pool: BeatPool, rng: np.random.Generator, n_beats: int) -> tuple[list[str], list[float]]:
    slow = float(np.clip(pool.rr_s * rng.uniform(1.0, 2.2), 0.75, 2.1))
    fast = float(np.clip(slow * rng.uniform(0.38, 0.65), 0.36, 0.85))
    run, rest = rng.choice([1, 2, 5, 15, 30]), rng.choice([1, 3, 8, 25])
    kinds: list[str] = []
    intervals: list[float] = []
    while len(kinds) < n_beats:
        for _ in range(rng.geometric(1 / rest)):
            kinds.append("N")
            intervals.append(slow * rng.normal(1, 0.05))
        for _ in range(rng.geometric(1 / run)):
            kinds.append("S")
            intervals.append(fast * rng.normal(1, 0.02))
    return kinds, list(np.clip(intervals, 0.3, 3))


def _fibrillation(pool: BeatPool, rng: np.random.Generator, n_beats: int) -> tuple[list[str], list[float]]:
    base = pool.rr_s * rng.uniform(0.7, 1.2)
    spread = rng.uniform(0.12, 0.3)
    intervals = base * np.exp(spread * rng.normal(size=n_beats))
    rate = rng.choice([0, 0.01, 0.06])
    kinds = ["V" if u < rate else "A" for u in rng.random(n_beats)]
    intervals = np.where([k == "V" for k in kinds], intervals * 0.75, intervals)
    return kinds, list(np.clip(intervals, 0.35, 2.5))


def _ectopy(pool: BeatPool, rng: np.random.Generator, n_beats: int) -> tuple[list[str], list[float]]:
    base = float(np.clip(pool.rr_s * rng.uniform(0.8, 1.3), 0.5, 1.4))
    ventricular, atrial, fused = rng.choice([0.03, 0.1, 0.3]), rng.choice([0, 0.01, 0.06]), rng.choice([0, 0.01, 0.05, 0.12])
    runs = rng.choice([0.0, 0.1, 0.6])
    early = rng.uniform(0.55, 0.9)
    kinds: list[str] = []
    intervals: list[float] = []
    owed = 0.0
    while len(kinds) < n_beats:
        u = rng.random()
        wander = base * rng.normal(1, 0.04)
        if u < ventricular:
            step = base * early * rng.normal(1, 0.05)
            # Mostly single beats; now and then a couplet or a run.
            run = int(rng.geometric(0.5)) if rng.random() < runs else 1
            kinds += ["V"] * run
            intervals += [step, *(base * early * rng.normal(1, 0.08, run - 1))]
            owed = 2 * base - step if rng.random() < 0.85 else 0.0
        elif u < ventricular + atrial:
            kinds.append("S")
            intervals.append(base * rng.uniform(0.5, 0.85))
            owed = base * rng.uniform(1.0, 1.25)
        else:
            fusion = u > 1 - fused
            kinds.append("F" if fusion else "N")
            intervals.append((owed or wander) * (rng.uniform(0.86, 1.02) if fusion else 1.0))
            owed = 0.0
    return kinds, list(np.clip(intervals, 0.3, 3))


def _atrial(pool: BeatPool, rng: np.random.Generator, n_beats: int) -> tuple[list[str], list[float]]:
    base = float(np.clip(pool.rr_s * rng.uniform(0.8, 1.4), 0.5, 1.5))
    breath, period, drift = rng.uniform(0, 0.12), rng.uniform(3, 7), rng.uniform(0, 0.02)
    coupling, rest = rng.uniform(0.45, 0.88), rng.uniform(0.95, 1.3)
    rate, pattern = rng.choice([0.01, 0.05, 0.15]), int(rng.choice([0, 0, 0, 2, 3]))
    run, pauses, ventricular = rng.choice([0.0, 0.2, 0.5]), rng.choice([0.0, 0.02]), rng.choice([0.0, 0.0, 0.03])
    kinds: list[str] = []
    intervals: list[float] = []
    level = owed = 0.0
    in_pattern = False
    while len(kinds) < n_beats:
        level = float(np.clip(0.98 * level + rng.normal(0, drift), -0.3, 0.3))
        usual = base * np.exp(level + breath * np.sin(2 * np.pi * len(kinds) / period)) * rng.normal(1, 0.02)
        # Bigeminy and trigeminy come and go.
        in_pattern = (rng.random() < 0.97) if in_pattern else bool(pattern and rng.random() < 0.02)
        due = in_pattern and kinds[-pattern + 1 :] == ["N"] * (pattern - 1)
        u = rng.random()
        if due or (not in_pattern and u < rate):
            n_early = int(rng.integers(2, 6)) if rng.random() < run and not due else 1
            kinds += ["S"] * n_early
            intervals += list(usual * coupling * rng.normal(1, 0.05, n_early))
            owed = usual * rest
        elif u > 1 - ventricular:
            kinds.append("V")
            intervals.append(usual * rng.uniform(0.55, 0.85))
            owed = 2 * usual - intervals[-1]
        else:
            kinds.append("N")
            # A pause is a beat that was not conducted, or a slow escape of the same focus.
            intervals.append((owed or usual) * (rng.uniform(1.25, 1.9) if rng.random() < pauses else 1.0))
            owed = 0.0
    return kinds, list(np.clip(intervals, 0.3, 3))


def _turn(windows: Array, rng: np.random.Generator) -> Array:
    """Return the same beats conducted another way: leads mixed as by another axis, part of the complex late, another size."""
    n_leads = windows.shape[2]
    angle = rng.uniform(0.2, 1.2) * rng.choice([-1.0, 1.0])
    mixed = np.eye(n_leads)
    if n_leads > 1:
        mixed = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    late = rng.uniform(0, 0.8, n_leads) * rng.choice([-1.0, 1.0, 1.0], n_leads)
    turned = windows @ mixed + late * np.roll(windows, int(rng.integers(3, 8)), axis=1)
    turned = turned * rng.uniform(0.7, 1.4, n_leads)
    # The atria do not change: the P wave stays as it was.
    share = np.zeros((windows.shape[1], 1), np.float32)
    share[_QRS_STARTS:] = 1
    share[_QRS_STARTS : _QRS_STARTS + 5, 0] = np.linspace(0.2, 1, 5)
    return np.asarray(windows * (1 - share) + turned * share, np.float32)


def _ventricular(pool: BeatPool, rng: np.random.Generator, n_beats: int) -> tuple[list[str], list[float]]:
    base = float(np.clip(pool.rr_s * rng.uniform(0.8, 1.4), 0.5, 1.4))
    breath, period, spread = rng.uniform(0, 0.1), rng.uniform(3, 7), rng.uniform(0.01, 0.04)
    irregular = rng.random() < 0.25
    coupling, loose = rng.uniform(0.5, 0.85), rng.choice([0.02, 0.08])
    rate, pattern, stay = rng.choice([0.0, 0.02, 0.08]), int(rng.choice([2, 2, 3, 4])), rng.choice([0.8, 0.95, 0.99])
    paused = rng.choice([0.3, 0.9])
    kinds: list[str] = []
    intervals: list[float] = []
    owed = 0.0
    in_pattern = False
    while len(kinds) < n_beats:
        usual = base * np.exp(breath * np.sin(2 * np.pi * len(kinds) / period)) * rng.normal(1, spread)
        if irregular:
            usual = base * np.exp(0.18 * rng.normal())
        in_pattern = rng.random() < (stay if in_pattern else 0.03)
        due = in_pattern and "V" not in kinds[-pattern + 1 :]
        if due or (not in_pattern and rng.random() < rate):
            kinds.append("V")
            intervals.append(usual * coupling * rng.normal(1, loose))
            owed = max(0.7 * usual, (2 * usual if rng.random() < paused else usual * rng.uniform(1.0, 1.3)) - intervals[-1])
        else:
            kinds.append("A" if irregular else "N")
            intervals.append(owed or usual)
            owed = 0.0
    return kinds, list(np.clip(intervals, 0.3, 3))


def _branch(pool: BeatPool, rng: np.random.Generator, n_beats: int) -> tuple[list[str], list[float]]:
    base = float(np.clip(pool.rr_s * rng.uniform(0.8, 1.4), 0.5, 1.4))
    breath, period, spread = rng.uniform(0, 0.1), rng.uniform(3, 7), rng.uniform(0.01, 0.06)
    usual_stay, other_stay = rng.choice([5.0, 30.0, 150.0]), rng.choice([1.0, 4.0, 30.0])
    ventricular, coupling = rng.choice([0.0, 0.02, 0.08]), rng.uniform(0.5, 0.8)
    kinds: list[str] = []
    intervals: list[float] = []
    owed = 0.0
    turned = False
    while len(kinds) < n_beats:
        turned ^= bool(rng.random() < 1 / (other_stay if turned else usual_stay))
        usual = base * np.exp(breath * np.sin(2 * np.pi * len(kinds) / period)) * rng.normal(1, spread)
        if rng.random() < ventricular:
            kinds.append("V")
            intervals.append(usual * coupling * rng.normal(1, 0.04))
            owed = 2 * usual - intervals[-1]
        else:
            kinds.append("B" if turned else "N")
            intervals.append(owed or usual)
            owed = 0.0
    return kinds, list(np.clip(intervals, 0.3, 3))
