"""How ``seed-lstm`` is explained: one lead, 180 samples at 360 Hz, 90 of them before the R peak."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from beatlens.beats.seed_windows import BEFORE
from beatlens.explain.subject import Subject

if TYPE_CHECKING:
    from beatlens.models.seed_lstm import SeedLSTM

WINDOW = "window"
"""The name of the model's one input, shape (n_beats, 180)."""


@lru_cache(maxsize=4)
def seed_subject(model: SeedLSTM) -> Subject:
    """Return the seed network as an explainer sees it; the same object for the same model, so that it compiles once."""
    return Subject(model.name, model.classes, lambda inputs: model.logit(inputs[WINDOW]), (WINDOW,), model.fs, BEFORE)
