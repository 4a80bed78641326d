"""``beatlens train``, ``models`` and ``data`` as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed's stack with few units, so that a run takes seconds."""
    from beatlens.models.engine import load_keras

    def build(*, seed: int | None = None) -> Any:
        keras = load_keras()
        keras.utils.set_random_seed(seed or 0)
        layers = keras.layers
        return keras.Sequential(
            [keras.Input((180, 1)), layers.LSTM(4), layers.Dense(4, activation="relu"), layers.Dense(1, activation="sigmoid")]
        )

    monkeypatch.setattr("beatlens.training.seed.build_seed_lstm", build)


@pytest.mark.database
def test_a_run_leaves_everything_and_can_be_loaded(
    run_beatlens: Callable[..., Any], small_network: None, mitdb_folder: Path, tmp_path: Path
) -> None:
    """Configuration, history, weights with a card, figures, tables; a second run is refused, a resumed one agrees."""
    run = tmp_path / "run"
    words = ("train", "seed-lstm", "--out", str(run), "--set", 'records=["208","119"]', "--set", "epochs=2")
    done = run_beatlens(*words, "--set", "max_beats=600", "--json")
    assert done.status == 0, done.errors
    figures = json.loads(done.output)
    assert figures == json.loads((run / "metrics.json").read_text())
    assert "432 beats train, 48 validate, 120 test" in done.errors
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert {
        "configuration.json",
        "history.json",
        "model.keras",
        "model.json",
        "predictions.csv",
        "explanations.csv",
        "figures/confusion.png",
        "figures/training.svg",
        "figures/outcomes.png",
        "figures/average-saliency.png",
        "figures/misclassified.png",
    } <= names
    assert not [name for name in names if Path(name).name.startswith(".")]

    card = json.loads(run_beatlens("models", "show", str(run), "--json").output)
    assert card["training_records"] == ["119", "208"]
    assert card["data"]["licence"] == "ODC-By 1.0"
    assert "unseen patients" in card["protocol_note"]
    assert card["figures"]["seed"]

    again = run_beatlens(*words)
    assert (again.status, again.output) == (1, "")
    assert "already holds a run" in again.errors
    resumed = run_beatlens("train", "seed-lstm", "--out", str(run), "--resume", "--json")
    assert resumed.status == 0, resumed.errors
    assert json.loads(resumed.output) == figures


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--set", "epocs=3"), "'epocs' is not a setting"),
        (("--set", "learning_rate=-1"), "'learning_rate' is not valid"),
        (("--config", "no-such.toml"), "no configuration at no-such.toml"),
        (("--resume",), "there is no run to resume"),
        (("--set", 'records=["999"]'), "'999' is not a record"),
    ],
)
def test_a_mistake_leaves_nothing_behind(
    run_beatlens: Callable[..., Any], tmp_path: Path, words: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, status 1, and no run folder."""
    monkeypatch.setattr("beatlens.databases.mitdb.find_database", lambda: tmp_path)
    done = run_beatlens("train", "seed-lstm", "--out", str(tmp_path / "run"), *words)
    assert done.status == 1
    assert sentence in done.errors
    assert not (tmp_path / "run").exists()


def test_the_shipped_models_are_listed_with_their_licence(run_beatlens: Callable[..., Any]) -> None:
    """Every model of the package has a card that names its data, licence and citation, and a hash that holds."""
    from beatlens._io import sha256_of
    from beatlens.models.registry import weights_folder

    cards = json.loads(run_beatlens("models", "list", "--json").output)
    assert "seed-lstm" in [card["name"] for card in cards]
    for card in cards:
        assert card["data"]["licence"] == "ODC-By 1.0"
        assert "Moody" in card["data"]["citation"]
        assert sha256_of(weights_folder() / f"{card['name']}.keras") == card["sha256"]
        assert card["notice"] == "For research; not a medical device."
        assert card["name"] in run_beatlens("models", "list").output
