"""Place of each beat in the rhythm."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.beats.rhythm import RHYTHM_FEATURES, neighbour_index, rhythm_features, rr_intervals
from beatlens.errors import SignalError


def column(times_s: np.ndarray, name: str) -> np.ndarray:
    return rhythm_features(times_s)[:, RHYTHM_FEATURES.index(name)]


def premature_at(k: int, n: int = 60, rr_s: float = 0.8) -> np.ndarray:
    times = np.arange(n) * rr_s
    times[k] -= 0.3
    return times


@pytest.mark.parametrize("n", [0, 1, 2, 3, 11, 500])
def test_any_number_of_beats_gives_finite_features(n: int) -> None:
    """A strip of one beat and a long recording both get one finite row a beat."""
    features = rhythm_features(np.arange(n) * 0.8)
    assert features.shape == (n, len(RHYTHM_FEATURES))
    assert np.isfinite(features).all()


def test_a_regular_rhythm_says_nothing() -> None:
    """Without any change of the interval, every ratio of intervals is one."""
    features = rhythm_features(np.arange(40) * 0.7)
    ratios = [k for k, name in enumerate(RHYTHM_FEATURES) if "_to_" in name]
    assert np.abs(features[:, ratios]).max() < 1e-6


def test_a_premature_beat_stands_out_before_and_after() -> None:
    """The interval before it is short, the one after it long, beside its neighbours'."""
    times = premature_at(30)
    before, after = column(times, "pre_to_local"), column(times, "post_to_local")
    assert int(before.argmin()) == 30
    assert int(after.argmax()) == 30
    assert before[30] == pytest.approx(np.log(0.5 / 0.8), abs=1e-5)


@pytest.mark.parametrize("name", ["pre_to_local", "pre_to_long_record", "pre_rank_record", "irregularity_wide"])
def test_a_faster_patient_has_the_same_ratios(name: str) -> None:
    """Ratios and ranks do not depend on the patient's own rate."""
    times = premature_at(20)
    np.testing.assert_allclose(column(times, name), column(times * 0.7, name), atol=1e-5)


def test_runs_are_framed_by_their_long_intervals() -> None:
    """Where early beats are the majority, the local median misleads; the long intervals do not."""
    steps = np.tile([1.8, *[0.72] * 5], 12)
    times = np.cumsum(steps)
    in_run = steps < 1
    in_run[0] = True  # its interval is not known
    assert np.median(column(times, "pre_to_record")[in_run]) == pytest.approx(0, abs=1e-6)
    assert column(times, "pre_to_long_wide")[in_run].max() < np.log(0.72 / 1.7)
    assert column(times, "pre_to_long_wide")[~in_run].min() > -0.05


def test_distance_to_the_last_long_interval_counts_beats() -> None:
    """It counts back from a beat to the last interval that is long beside the beat's own, and forth to the next."""
    steps = np.full(30, 0.6)
    steps[[10, 20]] = 1.5
    times = np.cumsum(steps)
    since, until = np.expm1(column(times, "beats_since_long")), np.expm1(column(times, "beats_until_long"))
    assert since[13] == pytest.approx(3, abs=1e-4)
    assert until[13] == pytest.approx(6, abs=1e-4)


def test_neighbourhoods_stay_inside() -> None:
    """At the ends a neighbourhood is pushed inwards and keeps its size."""
    index = neighbour_index(10, 2)
    assert index.shape == (10, 5)
    assert index[0].tolist() == [0, 1, 2, 3, 4]
    assert index[9].tolist() == [5, 6, 7, 8, 9]


def test_unknown_intervals_are_the_usual_one() -> None:
    """The first beat has no interval before it and the last none after: the median stands in."""
    pre, post = rr_intervals(np.array([0.0, 0.8, 1.6, 2.0]))
    np.testing.assert_allclose(pre, [0.8, 0.8, 0.8, 0.4])
    np.testing.assert_allclose(post, [0.8, 0.8, 0.4, 0.8])


def test_times_out_of_order_are_refused() -> None:
    with pytest.raises(SignalError, match=r"'times_s' must increase; got a step of -0\.500 s after beat 1"):
        rhythm_features(np.array([0.0, 1.0, 0.5]))
