"""The parts of a model's inputs that are taken away one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from beatlens.explain.subject import Subject

UNIT_MS: Final = 14.0
"""Time is taken away in stretches of this length: five samples at 360 Hz."""


@dataclass(frozen=True, eq=False)
class Units:
    """A stretch of one lead, a feature, a neighbouring beat or a state: what is there as a whole or not at all.

    Parameters
    ----------
    ids : dict of str to ndarray of int64
        For each input that is cut, of the shape of one beat's input: the unit of each value.
    n_units : int
        How many.
    """

    ids: dict[str, npt.NDArray[np.int64]]
    n_units: int

    def sum_over(self, values: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
        """Return the sum of an array's values over each unit, shape (n_beats, n_units)."""
        n_beats = len(next(iter(values.values())))
        total = np.zeros((n_beats, self.n_units))
        for name, ids in self.ids.items():
            flat = values[name].reshape(n_beats, -1)
            onto = np.equal.outer(ids.ravel(), np.arange(self.n_units)).astype(np.float64)
            total += flat @ onto
        return total


def cut_units(
    subject: Subject,
    inputs: Mapping[str, Any],
    *,
    names: Sequence[str] | None = None,
    ms: float = UNIT_MS,
    offset: int = 0,
) -> Units:
    """Cut the inputs of a model into units.

    Parameters
    ----------
    subject, inputs : Subject, mapping of str to array
        The model and its inputs.
    names : sequence of str, optional
        The inputs to cut; all that are attributed if not given.
    ms : float
        Length of the stretches of a time input.
    offset : int
        How many samples the first stretch is shorter than the others.
    """
    ids: dict[str, npt.NDArray[np.int64]] = {}
    start = 0
    for name, x in subject.open_inputs(inputs).items():
        if names is not None and name not in names:
            continue
        shape = x.shape[1:]
        timed = name in subject.time_inputs
        along = (np.arange(shape[0]) + offset) // max(1, round(ms * subject.fs / 1000)) if timed else np.arange(shape[0])
        n_along = int(along[-1]) + 1
        n_leads = int(np.prod(shape[1:])) if timed else 1
        unit = along[:, None] + n_along * np.arange(n_leads)
        ids[name] = start + np.broadcast_to(unit, (shape[0], int(np.prod(shape[1:])))).reshape(shape)
        start += n_along * n_leads
    return Units(ids, start)
