"""How ``seed-lstm`` is explained: one lead, 180 samples at 360 Hz, 90 of them before the R peak."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from beatlens.beats.seed_windows import BEFORE
from beatlens.errors import ConfigurationError
from beatlens.explain.subject import Subject

if TYPE_CHECKING:
    from beatlens.models.seed_lstm import SeedLSTM

WINDOW = "window"
"""The name of the model's one input, shape (n_beats, 180)."""


@lru_cache(maxsize=4)
def seed_subject(model: SeedLSTM) -> Subject:
    """Return the seed network as an explainer sees it; the same object for the same model, so that it compiles once.

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
