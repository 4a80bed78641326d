"""Training rhythm-lstm: killed at any moment, it goes on and ends with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatlens.errors import ConfigurationError, FormatError
from beatlens.models.rhythm_encoding import FEATURES, EncodedBeats
from beatlens.training import rhythm_run
from beatlens.training.rhythm import Example, RhythmTraining
from beatlens.training.rhythm_run import train_rhythm_lstm

SETTINGS = RhythmTraining(epochs=2, batch_size=4, sequence=8, units=3, networks=2, seed=3, jobs=1)
FOLDS = (("a",),)


class KilledError(Exception):
    """Stands for a kill at any moment."""


def made_examples(*_: Any, **__: Any) -> list[Example]:
    """Three patients whose class is the sign of a feature."""
    rng = np.random.default_rng(0)
    made = []
    for name in "abc":
        features = rng.normal(size=(60, len(FEATURES))).astype(np.float32)
        windows = np.zeros((60, 112, 1), np.float32)
        labels = np.where(features[:, 0] > 0.8, 2, np.where(features[:, 1] > 1, 1, 0))
        made.append(Example("real", frozenset({name}), EncodedBeats(features, windows, windows[0], np.arange(60)), labels))
    return made


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rhythm_run, "make_examples", made_examples)
    monkeypatch.setattr(rhythm_run, "FOLDS", FOLDS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rhythm_run, "make_examples", made_examples)
        patch.setattr(rhythm_run, "FOLDS", FOLDS)
        folder = tmp_path_factory.mktemp("whole")
        return train_rhythm_lstm(SETTINGS, folder), folder


def kill_at(count: int) -> Callable[[str], None]:
    lines: list[str] = []

    def report(line: str) -> None:
        lines.append(line)
        if len(lines) == count:
            raise KilledError

    return report


@pytest.mark.parametrize("counts", [(1,), (3, 2), (7,)], ids=["first epoch", "twice in the folds", "second of all"])
def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path, undisturbed: Any, counts: tuple[int, ...]) -> None:
    """Bit for bit, with the same figures and the same temperature; what was done is not done again."""
    for count in counts:
        with pytest.raises(KilledError):
            train_rhythm_lstm(SETTINGS, tmp_path, kill_at(count), resume=True)
    lines: list[str] = []
    resumed = train_rhythm_lstm(SETTINGS, tmp_path, lines.append, resume=True)
    assert len(lines) == 2 * 2 * 2 - sum(counts)
    for ours, theirs in zip(resumed.keras_model.get_weights(), undisturbed[0].keras_model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert resumed.card.figures == undisturbed[0].card.figures
    assert resumed.temperature == undisturbed[0].temperature
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "model.json", "model.keras"]


def test_a_run_that_is_done_is_not_trained_again(undisturbed: Any) -> None:
    first, folder = undisturbed
    assert train_rhythm_lstm(SETTINGS, folder, kill_at(1), resume=True).card == first.card


def test_other_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train_rhythm_lstm(SETTINGS, tmp_path, kill_at(1))
    other = SETTINGS.model_copy(update={"learning_rate": 0.5})
    with pytest.raises(ConfigurationError, match="must be resumed with the settings and the data that it started with"):
        train_rhythm_lstm(other, tmp_path, resume=True)


def test_a_damaged_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(KilledError):
        train_rhythm_lstm(SETTINGS, tmp_path, kill_at(1))
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(FormatError, match="is not a checkpoint") as caught:
        train_rhythm_lstm(SETTINGS, tmp_path, resume=True)
    assert "--force" in str(caught.value.hint)
