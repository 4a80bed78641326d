"""Composed recordings: the rhythm, the classes and the blends that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.beats.morphology import AFTER, BEFORE, FS
from beatlens.training.compose import RHYTHMS, BeatPool, compose_recording

T = np.arange(-BEFORE, AFTER)


@pytest.fixture(scope="module")
def pool() -> BeatPool:
    """Drawn beats of one patient: upright and narrow, or turned and wide."""
    rng = np.random.default_rng(1)
    normal = np.exp(-0.5 * (T / 1.6) ** 2) + 0.15 * np.exp(-0.5 * ((T + 21) / 3) ** 2)
    wide = -1.5 * np.exp(-0.5 * (T / 6) ** 2)
    rows = np.stack([normal] * 60 + [wide] * 20)[..., None] + rng.normal(0, 0.01, (80, BEFORE + AFTER, 1))
    return BeatPool(rows.astype(np.float32), np.array(["N"] * 60 + ["V"] * 20), 0.8)


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_a_recording_is_complete_and_the_same_for_the_same_seed(pool: BeatPool, rhythm) -> None:
    """Beats are in order, inside the signal, of known classes; the seed decides everything."""
    made = [compose_recording(pool, pool, rhythm, np.random.default_rng(5), n_beats=200) for _ in range(2)]
    assert np.array_equal(made[0].signal, made[1].signal)
    assert set(made[0].classes) <= set("NSVF")
    steps = np.diff(made[0].r_samples) / FS
    assert len(made[0].classes) == len(made[0].r_samples) >= 200
    assert steps.min() > 0.28
    assert made[0].r_samples[-1] < len(made[0].signal)


def test_atrial_beats_are_early_and_have_a_narrow_complex(pool: BeatPool) -> None:
    """Over many recordings: S come earlier than N, and look like them at the R position."""
    early, usual, heights = [], [], []
    for seed in range(12):
        made = compose_recording(pool, pool, "atrial", np.random.default_rng(seed), n_beats=200)
        before = np.diff(made.r_samples, prepend=made.r_samples[0]) / FS
        early += before[made.classes == "S"].tolist()
        usual += before[1:][made.classes[1:] == "N"].tolist()
        heights += made.signal[made.r_samples[made.classes == "S"], 0].tolist()
    assert len(early) > 50
    assert np.median(early) < 0.85 * np.median(usual)
    assert np.median(heights) > 0.8


def test_fusions_hold_both_complexes_in_many_shares(pool: BeatPool) -> None:
    """Recordings differ in how much of each a fusion holds: at the R position they lie between the two."""
    heights = []
    for seed in range(40):
        made = compose_recording(pool, pool, "ectopy", np.random.default_rng(seed), n_beats=200)
        fusions = made.r_samples[made.classes == "F"]
        if len(fusions):
            heights.append(float(np.median(made.signal[fusions, 0])))
    assert len(heights) >= 10
    assert min(heights) > -2
    assert max(heights) < 1
    assert np.ptp(heights) > 0.5


def test_ventricular_beats_alternate_with_normal_ones(pool: BeatPool) -> None:
    """Over many recordings: most ventricular beats come early, and many are every second beat."""
    early, between = [], []
    for seed in range(12):
        made = compose_recording(pool, pool, "ventricular", np.random.default_rng(seed), n_beats=300)
        before = np.diff(made.r_samples, prepend=made.r_samples[0]) / FS
        ventricular = np.flatnonzero(made.classes == "V")
        assert set(made.classes) <= {"N", "V"}
        early += (before[ventricular] / np.median(before)).tolist()
        between += np.diff(ventricular).tolist()
    assert np.median(early) < 0.9
    assert np.mean(np.array(between) == 2) > 0.2


def test_a_branch_block_changes_the_complex_but_neither_class_nor_p_wave(pool: BeatPool) -> None:
    """Normal beats have two shapes after the R position, and one where the P wave is."""
    spreads, p_waves = [], []
    for seed in range(12):
        made = compose_recording(pool, pool, "branch", np.random.default_rng(seed), n_beats=300)
        normal = made.r_samples[made.classes == "N"][1:-1]
        late = made.signal[normal[:, None] + np.arange(3, 10), 0]
        spreads.append(float(np.ptp(np.quantile(late, [0.02, 0.98], axis=0), axis=0).max()))
        waves = made.signal[normal - 21, 0]
        p_waves.append(float(np.ptp(np.quantile(waves, [0.05, 0.95]))))
    assert np.median(spreads) > 0.2
    assert np.median(p_waves) < 0.1
