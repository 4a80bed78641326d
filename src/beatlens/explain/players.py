"""The named players of segment Shapley values: which segment, lead group or feature each value of the inputs belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beatlens.errors import ConfigurationError
from beatlens.explain.perturbations import MAX_PLAYERS
from beatlens.explain.subject import Arrays, Subject

DEFAULT_EDGES_MS = (-200.0, -120.0, -50.0, 50.0, 120.0, 200.0)
"""Without a delineation a time input is cut here, relative to the R peak."""


@dataclass(frozen=True, eq=False)
class Players:
    """Who plays.

    Parameters
    ----------
    names : tuple of str
        At most 12.
    ids : mapping of str to ndarray of int
        For each input, an array of its shape: the place in ``names`` of the player that each value belongs to. In a time
        input a player is one stretch of time.

    Raises
    ------
    ConfigurationError
        If there are more than 12 players, or an id has no name.
    """

    names: tuple[str, ...]
    ids: dict[str, npt.NDArray[np.int32]]

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= MAX_PLAYERS:
            raise ConfigurationError(
                f"'players' must be 1 to {MAX_PLAYERS}, so that every coalition can be asked; got {len(self.names)}",
                hint="Join features into groups that have one name.",
            )
        for name, ids in self.ids.items():
            if ids.size and not (ids.min() >= 0 and ids.max() < len(self.names)):
                raise ConfigurationError(f"every player of '{name}' must have a name; got {ids.min()} to {ids.max()}")


def default_players(subject: Subject, inputs: Arrays) -> Players:
    """Return fixed stretches of time around the R peak, and one player for each input that is not of time."""
    names: list[str] = []
    ids: dict[str, npt.NDArray[np.int32]] = {}
    for name, x in inputs.items():
        if name in subject.time_inputs:
            times = subject.times_ms(x.shape[1])
            stretch = np.searchsorted(DEFAULT_EDGES_MS, times, side="right")
            used, of_sample = np.unique(stretch, return_inverse=True)
            edges = (times[0], *DEFAULT_EDGES_MS, times[-1])
            new = [f"{edges[k]:+.0f} to {edges[k + 1]:+.0f} ms" for k in used]
            known = [names.index(label) if label in names else len(names) + new.index(label) for label in new]
            names += [label for label in new if label not in names]
            row = np.array(known, np.int32)[of_sample]
            ids[name] = np.ascontiguousarray(np.broadcast_to(row.reshape(1, -1, *(1,) * (x.ndim - 2)), x.shape))
        else:
            names.append(name)
            ids[name] = np.full(x.shape, len(names) - 1, np.int32)
    return Players(tuple(names), ids)
