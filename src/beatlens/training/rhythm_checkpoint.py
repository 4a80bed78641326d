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

    def resume(self, network: Any, optimizer: Any, rng: np.random.Generator) -> tuple[int, int]:
        """Put everything back as it was at the end of the last epoch.

        Returns
        -------
        epoch, n_steps : int
            How many epochs and steps are done; 0 if nothing was kept.

        Raises
        ------
        FormatError
            If the file is damaged.
        ConfigurationError
            If it was written under other settings or for other examples.
        """
        file = self._file
        if file is None or not file.is_file():
            return 0, 0
        try:
            with np.load(file, allow_pickle=False) as kept:
                state = json.loads(str(kept["state"]))
                arrays = {name: kept[name] for name in kept.files if name != "state"}
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise FormatError(f"{file} is not a checkpoint: {error}", hint="Start again with --force.") from error
        if state["identity"] != self.identity:
            raise ConfigurationError(
                f"a run must be resumed with the settings and the data that it started with; {file} is of others",
                hint="Start again with --force.",
            )
        optimizer.build(network.trainable_variables)
        for name, variables in _groups(network, optimizer).items():
            for k, variable in enumerate(variables):
                variable.assign(arrays[f"{name}/{k}"])
        rng.bit_generator.state = state["rng"]
        return int(state["epoch"]), int(state["n_steps"])

    def save(self, network: Any, optimizer: Any, rng: np.random.Generator, *, epoch: int, n_steps: int) -> None:
        """Write a checkpoint: ``epoch`` epochs and ``n_steps`` steps are done."""
        if self._file is None:
            return
        arrays: dict[str, Any] = {
            f"{name}/{k}": np.asarray(variable.value)
            for name, variables in _groups(network, optimizer).items()
            for k, variable in enumerate(variables)
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
    return Keeper(folder / FOLDER, json.dumps([settings.model_dump(mode="json"), len(examples), seen], sort_keys=True))


def _groups(network: Any, optimizer: Any) -> dict[str, Any]:
    return {"network": network.variables, "optimizer": optimizer.variables}
