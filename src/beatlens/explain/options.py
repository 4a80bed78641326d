"""What a method is told, what it is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from beatlens.errors import ConfigurationError

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Options:
    """Settings of the methods; each reads what it needs.

    Parameters
    ----------
    steps : int
        Points of each path of integrated gradients.
    samples : int
        Noisy copies of SmoothGrad.
    noise : float
        Standard deviation of SmoothGrad's noise, as a share of the beat's own range.
    patch_ms, stride_ms : float
        Width of what occlusion hides at a time, and the step from one patch to the next.
    group_ms : float
        Width of the groups of samples that temporal saliency rescaling hides in turn.
    unit_ms : float
        Length of the stretches of time that sampled Shapley values are of.
    orders : int
        Orders in which they arrive, in pairs: a random one, and the same from its end.
    flank_ms : float
        What lies this close to a hidden stretch sets the level of the line drawn through it.
    seed : int
        Of everything that is drawn at random.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    steps: int = 32
    samples: int = 16
    noise: float = 0.05
    patch_ms: float = 40.0
    stride_ms: float = 12.0
    group_ms: float = 20.0
    unit_ms: float = 28.0
    orders: int = 12
    flank_ms: float = 12.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "samples", "noise", "patch_ms", "stride_ms", "group_ms", "unit_ms", "orders", "flank_ms"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"'{name}' must be positive; got {getattr(self, name)}")
        if self.stride_ms > self.patch_ms:
            raise ConfigurationError(
                f"'stride_ms' must not exceed 'patch_ms', or samples are skipped; got {self.stride_ms} and {self.patch_ms}"
            )


class Batch(NamedTuple):
    """One batch of beats, as a program gets it.

    Parameters
    ----------
    inputs : dict of str to jax array of shape (batch, ...)
        The model's inputs.
    target : jax array of int, shape (batch,)
        The class whose logit is explained.
    index : jax array of int, shape (batch,)
        Each beat's place among those that were asked for.
    players : dict of str to jax array of int
        For each input, which player (`beatlens.explain.players`) each value belongs to.
    """

    inputs: dict[str, jax.Array]
    target: jax.Array
    index: jax.Array
    players: dict[str, jax.Array]


class Parts(NamedTuple):
    """What a method finds: one signed value for each value of each input, and the completeness gap of each beat."""

    values: dict[str, jax.Array]
    gap: jax.Array | None = None


Built = Callable[[Batch], Parts]
