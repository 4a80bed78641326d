"""The configurations in ``examples/`` are valid, and the shipped weights were trained with theirs."""

from __future__ import annotations

from pathlib import Path

from beatlens.models.registry import load_card
from beatlens.training.config import SeedTraining, load_config

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_shipped_seed_model_was_trained_as_the_example_says() -> None:
    """Every setting, but for how often it was saved."""
    config = load_config(SeedTraining, EXAMPLES / "seed-lstm-short.toml").model_dump(mode="json")
    found = dict(load_card("seed-lstm").configuration)
    for settings in (config, found):
        settings.pop("checkpoint_every_s")
    assert found == config
