"""Shape of each beat beside the others of its recording."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.beats.morphology import (
    AFTER,
    ALIKE,
    BEFORE,
    FS,
    align_beats,
    are_alike,
    cut_padded,
    describe_shapes,
    group_beats,
    likeness,
    prepare_signal,
)
from beatlens.beats.rhythm import rhythm_features
from beatlens.beats.shape_features import SHAPE_FEATURES, shape_features
from beatlens.errors import SignalError


def drawn_ecg(n_beats: int = 40, *, wide: tuple[int, ...] = (), no_p: tuple[int, ...] = (), n_leads: int = 2):
    """Return an ECG of drawn waves at 128 Hz and its R positions; ``wide`` beats are broad and turned, ``no_p`` lack a P."""
    rng = np.random.default_rng(3)
    r = (np.arange(n_beats) * 0.8 + 0.7) * FS
    t = np.arange(int(r[-1] + FS)) / FS
    x = np.zeros(len(t))
    for k, at in enumerate(r / FS):
        bump = lambda centre, width, height: height * np.exp(-0.5 * ((t - at - centre) / width) ** 2)  # noqa: B023, E731
        x += bump(0.01, 0.045, -1.6) if k in wide else bump(0, 0.012, 1.0) + bump(0.03, 0.01, -0.25)
        x += 0 if k in wide or k in no_p else bump(-0.16, 0.02, 0.15)
        x += bump(0.28, 0.04, 0.25)
    signal = np.stack([x * (1 - 0.4 * k) for k in range(n_leads)], axis=1) + rng.normal(0, 0.005, (len(t), n_leads))
    return signal.astype(np.float32), np.round(r).astype(np.int64)


def columns(x: np.ndarray, r: np.ndarray) -> dict[str, np.ndarray]:
    rhythm = rhythm_features(r / FS)
    features = shape_features(describe_shapes(x, align_beats(x, r)), rhythm[:, 2], rhythm[:, 0])
    return dict(zip(SHAPE_FEATURES, features.T, strict=True))


@pytest.mark.parametrize("n_beats", [1, 2, 3, 30])
@pytest.mark.parametrize("n_leads", [1, 2])
def test_any_number_of_beats_and_leads_gives_finite_features(n_beats: int, n_leads: int) -> None:
    x, r = drawn_ecg(n_beats, n_leads=n_leads)
    found = columns(x, r)
    assert all(len(values) == n_beats and np.isfinite(values).all() for values in found.values())


def test_a_flat_signal_gives_finite_features() -> None:
    found = columns(np.zeros((2000, 2), np.float32), np.arange(100, 1900, 100))
    assert all(np.isfinite(values).all() for values in found.values())


def test_a_wide_beat_stands_out() -> None:
    """It is unlike the dominant beat, wider, and of a group of its own kind."""
    found = columns(*drawn_ecg(wide=(11, 25, 33)))
    for name, extreme in (("qrs_corr", np.argmin), ("qrs_width_to_dominant", np.argmax)):
        assert int(extreme(found[name])) in {11, 25, 33}
    assert set(np.flatnonzero(found["group_is_dominant"] == 0)) == {11, 25, 33}


def test_a_missing_p_wave_is_seen() -> None:
    """Where the P wave is missing, what lies there is unlike what the recording shows after long intervals."""
    without = (8, 17, 30)
    found = columns(*drawn_ecg(no_p=without))
    assert found["p_share_long"][list(without)].max() < 0.5
    assert np.delete(found["p_share_long"], without).min() > 0.7


@pytest.mark.parametrize("change", ["gain", "polarity", "swap"])
def test_features_do_not_depend_on(change: str) -> None:
    """Gain, polarity and the order of the leads leave every column as it is."""
    x, r = drawn_ecg(wide=(11, 25))
    changed = {"gain": x * 3, "polarity": -x, "swap": x[:, ::-1]}[change]
    before, after = columns(x, r), columns(np.ascontiguousarray(changed), r)
    for name in SHAPE_FEATURES:
        np.testing.assert_allclose(after[name], before[name], atol=0.03, err_msg=name)


def test_alignment_forgets_where_the_reader_marked() -> None:
    """A mark some 20 ms off gives the same window, to one sample."""
    x, r = drawn_ecg()
    jitter = np.random.default_rng(0).integers(-3, 4, len(r))
    assert np.abs(align_beats(x, r + jitter) - align_beats(x, r)).max() <= 1


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0, 1000.0])
def test_prepare_brings_any_rate_to_128_hz(fs: float) -> None:
    """A 10 Hz wave keeps its times and size at whatever rate it was sampled."""
    t = np.arange(int(8 * fs)) / fs
    x = prepare_signal(np.sin(2 * np.pi * 10 * t)[:, None], fs)
    expected = np.sin(2 * np.pi * 10 * np.arange(len(x)) / FS)
    assert abs(len(x) - 8 * FS) <= 1
    np.testing.assert_allclose(x[256:-256, 0], expected[256:-256], atol=0.03)


def test_prepare_bridges_gaps() -> None:
    x = np.sin(np.arange(4000) / 20)[:, None]
    x[1000:1100] = np.nan
    assert np.isfinite(prepare_signal(x, 360.0)).all()


def test_prepare_refuses_a_rate_that_shows_no_shape() -> None:
    with pytest.raises(SignalError, match="'fs' must be at least 80 Hz to describe the shape of beats; got 50"):
        prepare_signal(np.zeros((100, 1)), 50)


def test_windows_beyond_the_ends_repeat_the_edge() -> None:
    x = np.arange(200, dtype=np.float32)[:, None]
    window = cut_padded(x, np.array([10]))[0, :, 0]
    assert window.shape == (BEFORE + AFTER,)
    assert window[0] == 0
    assert window[BEFORE] == 10


def test_groups_are_in_the_order_of_their_size() -> None:
    a, b = np.sin(np.linspace(0, 6, 32)), np.cos(np.linspace(0, 6, 32))
    complexes = np.stack([a, b, a, a, b, a * 5])[:, :, None]
    assert group_beats(complexes).tolist() == [0, 1, 0, 0, 1, 2]


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 300])
def test_likenesses_by_rows_are_those_of_the_whole(n: int) -> None:
    """Looked at some rows at a time, the same beats are alike, to the last bit."""
    rng = np.random.default_rng(1)
    flat = rng.normal(size=(n, 64)).astype(np.float32)
    flat[n // 2 :] = flat[0] + 0.25 * flat[n // 2 :]  # near the limit
    expected = likeness(flat, flat) >= ALIKE
    np.fill_diagonal(expected, True)
    assert np.array_equal(are_alike(flat), expected)
