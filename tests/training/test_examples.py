"""The configurations in ``examples/`` are valid, and the shipped weights were trained with theirs."""

from __future__ import annotations

import re
from pathlib import Path

from beatlens.models.registry import load_card
from beatlens.training.config import SeedTraining, load_config

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_shipped_seed_model_was_trained_as_the_example_says() -> None:
    """Every setting of the last of its four runs, but for how often it was saved; the others come before it in the file."""
    path = EXAMPLES / "seed-lstm-longer.toml"
    last = re.findall(r"^#   beatlens train (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)[-1]
    overrides = re.findall(r"--set (\S+)", last)
    assert overrides
    config = load_config(SeedTraining, path, overrides).model_dump(mode="json")
    found = dict(load_card("seed-lstm").configuration)
    for settings in (config, found):
        settings.pop("checkpoint_every_s")
    # settings that came after this training had the meaning of their defaults
    assert {**SeedTraining().model_dump(mode="json"), **found, "checkpoint_every_s": 60.0} == {
        **config,
        "checkpoint_every_s": 60.0,
    }


def test_the_runs_before_it_are_of_the_same_split() -> None:
    """What decides which beats are held out is nowhere changed."""
    split = {"protocol", "seed", "test_fraction", "validation_fraction", "records", "max_beats"}
    for name in ("seed-lstm-short.toml", "seed-lstm-longer.toml"):
        assert not split & set(load_config(SeedTraining, EXAMPLES / name).model_dump(exclude_unset=True))
