"""Checkpoints of ``rhythm-lstm``'s training: killed at any moment, it goes on and ends with the same weights.

One file for each network of each part of a run (its folds, then all of the data), written whole or not at all after every
epoch: weights, the state of the dropout masks, the optimizer, the random generator of the order, and the place. A network that
is done is not trained again; what was only half an epoch is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from beatlens._io import replacing
from beatlens.errors import ConfigurationError, FormatError

FOLDER = "checkpoints"

Groups = dict[str, list[Any]]
"""Arrays by what they are: weights, the other variables of the network, those of the optimizer."""


@dataclass(frozen=True)
class Keeper:
    """Where the checkpoints of one part of a run are kept; nowhere if there is no path.

    Parameters
    ----------
    path : Path, optional
        Of a network's file, or of a part's folder.
    identity : str
        What must be the same for a run to go on: settings and examples.
    """

    path: Path | None = None
    identity: str = ""

    def inside(self, name: str) -> Keeper:
        """Return the keeper of a part, or of one of its networks."""
        return self if self.path is None else Keeper(self.path / name, self.identity)

    def load(self, groups: Groups, rng: np.random.Generator) -> tuple[Groups, int, int]:
        """Return everything as it was at the end of the last epoch, and put the random generator back.

        Parameters
        ----------
        groups : dict of str to list of array
            What `save` is given, as it is before the first step: returned if nothing was kept.
        rng : numpy Generator
            Of the order of the examples.

        Returns
        -------
        groups : dict of str to list of array
        epoch, n_steps : int
            How many epochs and steps are done.

        Raises
        ------
        FormatError
            If the file is damaged.
        ConfigurationError
            If it was written under other settings or for other examples.
        """
        file = self._file
        if file is None or not file.is_file():
            return groups, 0, 0
        try:
            with np.load(file, allow_pickle=False) as kept:
                state = json.loads(str(kept["state"]))
                arrays = {name: kept[name] for name in kept.files if name != "state"}
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise FormatError(f"{file} is not a checkpoint: {error}", hint="Start again with --force.") from error
        loaded = {name: [arrays.get(f"{name}/{k}") for k in range(len(group))] for name, group in groups.items()}
        pairs = [pair for name, group in groups.items() for pair in zip(loaded[name], group, strict=True)]
        alike = all(ours is not None and ours.shape == np.shape(theirs) for ours, theirs in pairs)
        if state["identity"] != self.identity or not alike:
            raise ConfigurationError(
                f"a run must be resumed with the settings and the data that it started with; {file} is of others",
                hint="Start again with --force.",
            )
        rng.bit_generator.state = state["rng"]
        return loaded, int(state["epoch"]), int(state["n_steps"])

    def save(self, groups: Groups, rng: np.random.Generator, *, epoch: int, n_steps: int) -> None:
        """Write a checkpoint: ``epoch`` epochs and ``n_steps`` steps are done, ``groups`` decides the next one."""
        if self._file is None:
            return
        arrays: dict[str, Any] = {
            f"{name}/{k}": np.asarray(value) for name, group in groups.items() for k, value in enumerate(group)
        }
        state = {"identity": self.identity, "epoch": epoch, "n_steps": n_steps, "rng": rng.bit_generator.state}
        arrays["state"] = np.array(json.dumps(state))
        with replacing(self._file) as temporary:
            np.savez(temporary, **arrays)

    @property
    def _file(self) -> Path | None:
        return None if self.path is None else self.path.with_suffix(".npz")


NOWHERE: Final = Keeper()
"""Keeps nothing."""


def keep_in(folder: Path, settings: Any, examples: Sequence[Any]) -> Keeper:
    """Return the keeper of a run in this folder, with these settings (a pydantic model) and examples."""
    seen = 0
    for example in examples:
        seen = zlib.crc32(example.labels.tobytes(), zlib.crc32(example.beats.features.tobytes(), seen))
    decisive = settings.model_dump(mode="json", exclude={"devices"})
    return Keeper(folder / FOLDER, json.dumps([decisive, len(examples), seen], sort_keys=True))


def values_of(variables: dict[str, Any]) -> Groups:
    """Return the arrays of groups of Keras variables."""
    return {name: [variable.value for variable in group] for name, group in variables.items()}
