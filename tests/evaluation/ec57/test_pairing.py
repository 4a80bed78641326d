"""Which beats are the same, from sample numbers alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatlens.evaluation.ec57.pairing import pair_beats

times = st.lists(st.integers(0, 60), max_size=40).map(lambda steps: np.cumsum(steps, dtype=np.int64))


@pytest.mark.parametrize(
    ("reference", "test", "expected"),
    [
        ([100, 200], [100, 200], [0, 1]),
        ([100, 200], [95, 203, 210], [0, 1]),
        ([100, 200], [116, 185], [-1, 1]),
        ([100, 110], [105], [-1, 0]),
        ([100], [], [-1]),
        ([], [100], []),
    ],
)
def test_partners(reference: list[int], test: list[int], expected: list[int]) -> None:
    found = pair_beats(np.array(reference, np.int64), np.array(test, np.int64), window=15)
    assert found.tolist() == expected


@given(reference=times, test=times)
@settings(max_examples=200, deadline=None)
def test_no_beat_has_two_partners_or_one_too_far(reference: np.ndarray, test: np.ndarray) -> None:
    """Partners are in order, within the window, and never shared."""
    partner = pair_beats(reference, test, window=15)
    found = partner >= 0
    assert (np.diff(partner[found]) > 0).all()
    assert (np.abs(reference[found] - test[partner[found]]) <= 15).all()


@given(reference=times.map(np.unique))
@settings(max_examples=100, deadline=None)
def test_a_beat_is_its_own_partner(reference: np.ndarray) -> None:
    """However close the beats are, as long as no two are at one instant."""
    np.testing.assert_array_equal(pair_beats(reference, reference, window=15), np.arange(len(reference)))
