"""How figures are rounded on their way into a summary."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.evaluation.ec57 import BeatComparison, Ratio, summarize_beats


def test_rr_errors_are_averaged_as_they_are_printed() -> None:
    """``sumstats`` reads two decimals."""
    found = BeatComparison(np.zeros((7, 7), np.int64), rr_squares=1, n_rr=3, shutdown_samples=0, fs=1000.0)
    assert found.rr_error_ms == pytest.approx(0.57735, abs=1e-5)
    assert summarize_beats([found]).average_rr_error_ms == 0.58


@pytest.mark.parametrize(("hits", "cases", "percent"), [(1, 200, 1), (1, 201, 0), (2, 3, 67), (1, 3, 33), (3, 3, 100)])
def test_whole_percentages_are_rounded_half_up(hits: int, cases: int, percent: int) -> None:
    assert Ratio(hits, cases).whole_percent == percent


def test_no_case_has_no_percentage() -> None:
    assert Ratio(0, 0).whole_percent is None
