"""How ``seed-lstm`` is explained: one lead, 180 samples at 360 Hz, 90 of them before the R peak."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from beatlens.beats.seed_windows import BEFORE
from beatlens.beats.windows import STD_FLOOR
from beatlens.errors import ConfigurationError
from beatlens.explain.subject import Subject

if TYPE_CHECKING:
    import jax

    from beatlens.models.seed_lstm import SeedLSTM

WINDOW = "window"
"""The name of the model's one input, shape (n_beats, 180)."""
USUAL = "usual_window"
"""The recording's usual beat, at the level and in the units of the window; fixed."""


@lru_cache(maxsize=4)
def network_subject(model: SeedLSTM) -> Subject:
    """Return the bare network, a function of z-scored windows; the same object for the same model, so that it compiles once.

    Raises
    ------
    ConfigurationError
        If the model is of another architecture.
    """
    if not hasattr(model, "logit"):
        raise ConfigurationError(
            f"only networks of seed-lstm's architecture can be explained so far; got {model.name}",
            hint="Use --model seed-lstm.",
        )
    return Subject(model.name, model.classes, lambda inputs: model.logit(inputs[WINDOW]), (WINDOW,), model.fs, BEFORE)


@lru_cache(maxsize=4)
def seed_subject(model: SeedLSTM) -> Subject:
    """Return the model as its users see it, z-scoring included: what is explained is the voltage, in the window's own units.

    A window that was changed is scaled anew before the network reads it. Were it not, the network would be asked of windows
    that no recording can give it, and a wave that is added would seem to change every sample.

    Raises
    ------
    ConfigurationError
        If the model is of another architecture.
    """
    bare = network_subject(model)
    return Subject(
        bare.name,
        bare.classes,
        lambda inputs: model.logit(_scale(inputs[WINDOW])),
        bare.time_inputs,
        bare.fs,
        bare.r_index,
        fixed_inputs=(USUAL,),
        baseline_names={WINDOW: USUAL},
    )


def _scale(x: jax.Array) -> jax.Array:
    """Do what `beatlens.beats.windows.zscore` does; a flat window becomes zeros, and has no slope."""
    import jax.numpy as jnp

    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1, keepdims=True)
    return centred / (jnp.sqrt(jnp.maximum(variance, STD_FLOOR**2)) + STD_FLOOR)


def seed_inputs(
    windows: npt.NDArray[np.floating], voltage: npt.NDArray[np.floating], usual: npt.NDArray[np.floating]
) -> dict[str, npt.NDArray[np.float32]]:
    """Return the inputs of `seed_subject`.

    Parameters
    ----------
    windows : ndarray of shape (n_beats, 180)
        Z-scored.
    voltage, usual : ndarray of shape (n_beats, 180)
        The same windows, and the recording's usual beat, in mV. It is moved to the level of each beat.
    """
    level = np.median(voltage - usual, axis=1, keepdims=True)
    mean, size = voltage.mean(axis=1, keepdims=True), voltage.std(axis=1, keepdims=True) + STD_FLOOR
    return {WINDOW: np.asarray(windows, np.float32), USUAL: np.asarray((usual + level - mean) / size, np.float32)}
