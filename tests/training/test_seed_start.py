"""Training further from an earlier run: only from one that held out the same beats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beatlens.beats.seed_windows import SeedBeats, SeedSplit
from beatlens.errors import ConfigurationError, LeakageError
from beatlens.models.registry import load_model
from beatlens.training.config import SeedTraining
from beatlens.training.seed import train_seed_lstm


class StoppedError(Exception):
    """Ends a training before its first step."""


def first_weights(monkeypatch: pytest.MonkeyPatch, config: SeedTraining, folder: Path) -> list[np.ndarray]:
    """The weights that the loop is handed."""
    given: list[list[np.ndarray]] = []

    def stop(model: object, *_: object, **__: object) -> None:
        given.append(model.get_weights())  # type: ignore[attr-defined]
        raise StoppedError

    monkeypatch.setattr("beatlens.training.seed.fit_binary", stop)
    with pytest.raises(StoppedError):
        train_seed_lstm(config, made_up_split(), folder=folder)
    return given[0]


def made_up_split() -> SeedSplit:
    rng = np.random.default_rng(0)
    part = SeedBeats(
        windows=rng.normal(size=(4, 180)).astype(np.float32),
        labels=np.array([0, 1, 0, 1]),
        records=np.array(["100"] * 4),
        samples=np.arange(4),
        symbols=np.array(["N", "V"] * 2),
    )
    return SeedSplit(part, part, part)


def test_it_starts_from_the_weights_of_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And from fresh ones where none are named."""
    shipped = load_model("seed-lstm").keras_model.get_weights()
    further = first_weights(monkeypatch, SeedTraining(start_from="seed-lstm"), tmp_path)
    fresh = first_weights(monkeypatch, SeedTraining(), tmp_path)
    for ours, theirs in zip(further, shipped, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert any(not np.array_equal(ours, theirs) for ours, theirs in zip(fresh, shipped, strict=True))


@pytest.mark.parametrize(("setting", "value"), [("seed", 43), ("protocol", "inter-patient")])
def test_another_split_would_leak(tmp_path: Path, setting: str, value: object) -> None:
    """A beat that is held out here may have been in the other's training."""
    config = SeedTraining(**{setting: value}, start_from="seed-lstm")  # type: ignore[arg-type]
    with pytest.raises(LeakageError, match=f"must name a model of the same split; {setting} of seed-lstm differ"):
        train_seed_lstm(config, made_up_split(), folder=tmp_path)


def test_only_a_seed_lstm_will_do(tmp_path: Path) -> None:
    """The flagship has other weights."""
    with pytest.raises(ConfigurationError, match="must name a seed-lstm; got rhythm-lstm"):
        train_seed_lstm(SeedTraining(start_from="rhythm-lstm"), made_up_split(), folder=tmp_path)
