"""Training on several devices: each holds all weights and takes its share of every batch.

It is the data parallelism of ``keras.distribution.DataParallel``, said to JAX directly (docs/decisions/13). The program is
the one of a single device, compiled for arrays that lie on several: sums over a batch then run over all devices, and dropout
masks are drawn for the whole batch, so that the weights are those of one device up to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from beatlens.errors import ConfigurationError

COORDINATOR: Final = "JAX_COORDINATOR_ADDRESS"
N_PROCESSES: Final = "JAX_NUM_PROCESSES"
PROCESS: Final = "JAX_PROCESS_ID"


@dataclass(frozen=True)
class Spread:
    """Where the arrays of a training lie.

    Parameters
    ----------
    whole : jax.sharding.NamedSharding, optional
        Of what every device holds; None on a single device, where arrays are left to JAX.
    """

    whole: Any = None

    @property
    def n_devices(self) -> int:
        """How many devices share the work."""
        return 1 if self.whole is None else int(self.whole.mesh.size)

    def copy(self, values: Any) -> Any:
        """Return a tree of arrays (lists, tuples, dicts) of which every device holds a copy."""
        return self._place(values, self.whole)

    def share(self, values: Any, *, axis: int = 0) -> Any:
        """Return a tree of arrays whose ``axis`` is shared out; its length must be a multiple of the number of devices."""
        if self.whole is None:
            return values
        from jax.sharding import NamedSharding, PartitionSpec

        return self._place(values, NamedSharding(self.whole.mesh, PartitionSpec(*[None] * axis, "batch")))

    def compile(self, function: Callable[..., Any]) -> Any:
        """Compile a function whose results every device needs."""
        import jax

        return jax.jit(function) if self.whole is None else jax.jit(function, out_shardings=self.whole)

    def _place(self, values: Any, where: Any) -> Any:
        if where is None:
            return values
        import jax

        def place(value: Any) -> Any:
            if isinstance(value, jax.Array) and value.sharding.is_equivalent_to(where, value.ndim):
                return value
            here = np.asarray(value)
            # Each process brings the parts of its own devices: all of them hold the same data.
            return jax.make_array_from_callback(here.shape, where, lambda part: here[part])

        return jax.tree.map(place, values)


ONE: Final = Spread()
"""A single device."""


def spread_over(n_devices: int, batch_size: int) -> Spread:
    """Return how the arrays of a training lie on so many devices.

    Parameters
    ----------
    n_devices : int
        0 for all that there are, on all hosts that work together.
    batch_size : int
        What each step takes; every device takes as much of it.

    Raises
    ------
    ConfigurationError
        If there are fewer devices, the batch cannot be shared out evenly, or hosts would be left out.
    """
    if n_devices == 1 and not hosts_are_named():
        return ONE
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    there = jax.devices()
    wanted = n_devices or len(there)
    kinds = f"{len(there)} ({there[0].platform})"
    if wanted > len(there):
        raise ConfigurationError(
            f"'devices' must be at most the number that JAX sees, {kinds}; got {wanted}",
            hint="python -c 'import jax; print(jax.devices())' lists them; a GPU needs jax[cuda].",
        )
    if jax.process_count() > 1 and wanted < len(there):
        raise ConfigurationError(
            f"hosts that work together must use all their devices, {kinds}; got {wanted}", hint="Say --set devices=0."
        )
    if batch_size % wanted:
        raise ConfigurationError(
            f"'batch_size' must be a multiple of the number of devices, {wanted}; got {batch_size}",
            hint=f"Say --set batch_size={-(-batch_size // wanted) * wanted}, or use fewer devices.",
        )
    if wanted == 1:
        return ONE
    return Spread(NamedSharding(Mesh(np.array(there[:wanted]), ("batch",)), PartitionSpec()))


def hosts_are_named() -> bool:
    """Return whether the environment says that this process is one of several that train together."""
    return bool(os.environ.get(COORDINATOR))


def join_hosts() -> None:
    """Wait for the other processes of this training, where the environment names them; must come before any use of JAX.

    ``JAX_COORDINATOR_ADDRESS`` is the address and port of the first process, ``JAX_NUM_PROCESSES`` how many there are,
    ``JAX_PROCESS_ID`` which this one is, from 0. Under Slurm, Open MPI and the like the last two may be left out.

    Raises
    ------
    ConfigurationError
        If a number is none, or the processes do not find each other.
    """
    if not hosts_are_named():
        return
    numbers = []
    for name in (N_PROCESSES, PROCESS):
        text = os.environ.get(name)
        if text is not None and not text.isdecimal():
            raise ConfigurationError(f"{name} must be a whole number; got '{text}'")
        numbers.append(int(text) if text is not None else None)
    _join(os.environ[COORDINATOR], *numbers)


@cache
def _join(address: str, n_processes: int | None, process: int | None) -> None:
    import jax

    try:
        jax.distributed.initialize(address, n_processes, process)
    except (RuntimeError, ValueError) as error:
        raise ConfigurationError(
            f"the processes of this training must find each other at {COORDINATOR}={address}; {error}",
            hint=f"Set {N_PROCESSES} and {PROCESS} too, and start every process within five minutes.",
        ) from error


def check_alike(place: tuple[int, ...]) -> None:
    """Raise `ConfigurationError` if the processes of a training do not go on from the same place."""
    import jax

    if jax.process_count() == 1:
        return
    from jax.experimental.multihost_utils import process_allgather

    places = np.asarray(process_allgather(np.array(place)))
    if (places != places[0]).any():
        raise ConfigurationError(
            "all processes of a training must go on from the same checkpoint; theirs were written at other steps",
            hint="Copy the run's folder of the first process to the others.",
        )
