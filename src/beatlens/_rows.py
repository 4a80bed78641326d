"""Medians and other quantiles of many short rows: what is sorted with the processor's wide instructions is sorted quickly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def quantiles_of_rows(values: npt.NDArray[np.floating[Any]], *shares: float) -> list[npt.NDArray[np.floating[Any]]]:
    """Return ``np.quantile(values, share, axis=1)`` for each share, NaN for a row that has one.

    Short rows are sorted faster than they are parted, and once for all shares.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n), n from 1 on
    shares : float
        From 0 to 1.
    """
    ordered = np.sort(values, axis=1)
    last = ordered.shape[1] - 1
    found = []
    for share in shares:
        low = min(int(share * last), max(last - 1, 0))
        between = ordered.dtype.type(share * last - low)
        found.append(ordered[:, low] + between * (ordered[:, min(low + 1, last)] - ordered[:, low]))
        found[-1][np.isnan(ordered[:, -1])] = np.nan  # which come last
    return found


def median_of_all(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Return ``np.median(values, axis=0)``."""
    rows = np.ascontiguousarray(values.reshape(len(values), -1).T)
    return quantiles_of_rows(rows, 0.5)[0].reshape(values.shape[1:])
