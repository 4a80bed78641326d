"""Quantiles of rows are NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens._rows import median_of_all, quantiles_of_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 121])
def test_they_are_those_of_numpy(n, dtype):
    values = np.random.default_rng(n).normal(size=(20, n)).astype(dtype)
    for share, found in zip((0, 0.5, 0.8, 0.9, 1), quantiles_of_rows(values, 0, 0.5, 0.8, 0.9, 1), strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, np.quantile(values, share, axis=1), rtol=1e-5, atol=1e-6)


def test_a_row_with_nan_has_none():
    values = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]])
    (found,) = quantiles_of_rows(values, 0.5)
    assert np.isnan(found[0])
    assert found[1] == 2


@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_the_median_of_all_is_numpys(n):
    values = np.random.default_rng(n).normal(size=(n, 112, 2)).astype(np.float32)
    np.testing.assert_allclose(median_of_all(values), np.median(values, axis=0), rtol=1e-6, atol=1e-7)
