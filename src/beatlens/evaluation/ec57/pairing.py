"""Which beats of two annotators are the same beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

NEVER: Final = 1 << 62
"""Time of the beat after the last one."""

Outcome = Literal["pair", "reference alone", "test alone"]


def pair_beats(reference: npt.NDArray[np.integer], test: npt.NDArray[np.integer], *, window: int) -> npt.NDArray[np.int64]:
    """Find the partner of each beat of the reference.

    Parameters
    ----------
    reference, test : ndarray of int, shapes (n_reference,) and (n_test,)
        Sample numbers of the beats, never decreasing.
    window : int
        Beats further apart than this, in samples, are never a pair.

    Returns
    -------
    ndarray of int64, shape (n_reference,)
        Place of the partner among the test's beats; -1 where there is none.

    Examples
    --------
    >>> pair_beats(np.array([100, 200]), np.array([95, 203, 210]), window=54).tolist()
    [0, 1]
    """
    partner = np.full(len(reference), -1, np.int64)
    times = [*reference.tolist(), NEVER, NEVER], [*test.tolist(), NEVER, NEVER]
    for i, j, outcome in walk_beats(*times, window=window):
        if outcome == "pair":
            partner[i] = j
    return partner


def walk_beats(
    reference: Sequence[int],
    test: Sequence[int],
    *,
    window: int,
    first: tuple[int, int] = (0, 0),
    end: int = NEVER - 1,
) -> Iterator[tuple[int, int, Outcome]]:
    """Walk along two streams of beats, always the earlier of the two current ones first, the reference's on a tie.

    Parameters
    ----------
    reference, test : sequence of int
        Sample numbers of the beats, then twice `NEVER`.
    window : int
        Match window in samples, its ends included.
    first : (int, int)
        Places of the current beats to begin with.
    end : int
        The walk goes on while either current beat is at or before this sample.

    Yields
    ------
    (int, int, str)
        Places of the current beats of both streams, and whether they pair or which of them stands alone.
    """
    i, j = first
    while reference[i] <= end or test[j] <= end:
        if test[j] < reference[i]:
            paired, alone = _is_pair(test[j], reference[i], test[j + 1], reference[i + 1], window), (0, 1)
        else:
            paired, alone = _is_pair(reference[i], test[j], reference[i + 1], test[j + 1], window), (1, 0)
        if paired:
            yield i, j, "pair"
            i, j = i + 1, j + 1
        else:
            yield i, j, "test alone" if alone[1] else "reference alone"
            i, j = i + alone[0], j + alone[1]


def _is_pair(earlier: int, later: int, after_earlier: int, after_later: int, window: int) -> bool:
    """Tell whether the current beats of two streams pair, given the beats after them.

    They do if they lie within the window, unless the later one is closer to the beat after the earlier one, and that one has
    no better partner of its own.
    """
    if later == NEVER or later - earlier > window:
        return False
    rival = abs(later - after_earlier)
    return later - earlier < rival or abs(after_later - after_earlier) < rival
