"""seed-lstm on patients of DS1: patients apart, AAMI's classes, and nothing of DS2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatlens.databases import mitdb
from beatlens.errors import ConfigurationError, LeakageError
from beatlens.labels import classify_symbols
from beatlens.training.config import SeedTraining, build_config
from beatlens.training.seed import prepare_seed_split
from beatlens.training.seed_patients import VALIDATION_RECORDS


def config_of(**values: Any) -> SeedTraining:
    return build_config(SeedTraining, {"protocol": "inter-patient", **values})


def test_the_default_validation_patients_are_of_ds1() -> None:
    assert set(VALIDATION_RECORDS) < set(mitdb.DS1)


@pytest.mark.database
def test_patients_stand_apart_and_classes_are_aamis(mitdb_folder: Path) -> None:
    """Bundle branch block (L of 109) is normal; a part has as many normal beats as abnormal ones."""
    split = prepare_seed_split(config_of(records=("109", "116", "118"), validation_records=("118",)), folder=mitdb_folder)
    assert set(split.train.records) == {"109", "116"}
    assert set(split.validation.records) == {"118"}
    for part in (split.train, split.validation):
        np.testing.assert_array_equal(part.labels, classify_symbols(part.symbols) != "N")
        assert part.labels.mean() == 0.5
    assert (split.train.symbols[split.train.labels == 0] == "L").any()


@pytest.mark.parametrize(
    ("values", "kind", "sentence"),
    [
        ({"records": ["101", "100"]}, LeakageError, "trains on DS1 alone; got 100"),
        ({"records": ["101", "106"]}, ConfigurationError, "'validation_records' must name some of the records; got none"),
        ({"validation_records": ["100"]}, ConfigurationError, "must name some of the records; got 100"),
        ({"records": ["118"]}, ConfigurationError, "at least one record must be left to train on"),
    ],
)
def test_a_split_that_leaks_or_is_empty_is_refused(values: dict[str, Any], kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        prepare_seed_split(config_of(**values), folder=Path("nowhere"))


@pytest.mark.database
def test_a_run_says_what_it_was_measured_on(
    run_beatlens: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, mitdb_folder: Path, tmp_path: Path
) -> None:
    """The card names the patients that early stopping looked at, and can be measured on DS2 but not by the seed protocol."""
    from beatlens.models.engine import load_keras

    def build(*, seed: int | None = None) -> Any:
        keras = load_keras()
        keras.utils.set_random_seed(seed or 0)
        last = keras.layers.Dense(1, activation="sigmoid")
        return keras.Sequential([keras.Input((180, 1)), keras.layers.LSTM(2), last])

    monkeypatch.setattr("beatlens.training.seed.build_seed_lstm", build)
    records = ("--set", 'records=["118","124"]', "--set", 'validation_records=["124"]', "--set", "epochs=1")
    done = run_beatlens("train", "seed-lstm", "--out", str(tmp_path / "run"), "--set", "protocol=inter-patient", *records)
    assert done.status == 0, done.errors
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert card["protocol"] == "inter-patient"
    assert card["training_records"] == ["118", "124"]
    assert "early stopping looked at its patients 124" in card["protocol_note"]
    assert [name for name in card["figures"] if "early stopping looked at" in name]
    refused = run_beatlens("evaluate", str(tmp_path / "run"), "--protocol", "seed")
    assert refused.status == 1
    assert "needs a model whose card describes its split" in refused.errors
