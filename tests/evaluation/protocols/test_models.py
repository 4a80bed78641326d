"""Leaks are refused; models are asked at the right beats."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from beatlens.databases import mitdb
from beatlens.errors import ConfigurationError, LeakageError
from beatlens.evaluation.protocols import models
from beatlens.evaluation.protocols.models import annotate_records, call_known_beats, check_leakage
from beatlens.records import Annotations, Record


@pytest.mark.parametrize("card", [{"training_records": ("100", "101")}, SimpleNamespace(training_records=("100", "101"))])
def test_a_record_seen_in_training_is_refused(card: Any) -> None:
    """A card may be a mapping or an object."""
    with pytest.raises(LeakageError, match="measured on records that it was trained on; mine saw 100") as caught:
        check_leakage(card, ["100", "103"], model="mine")
    assert caught.value.hint


def test_the_pair_that_the_usual_split_shares_is_said() -> None:
    """201 and 202 are of one patient, on both sides of de Chazal's split."""
    assert check_leakage({"training_records": mitdb.DS1}, mitdb.DS2) == (mitdb.ONE_PATIENT_NOTE,)
    assert check_leakage({"training_records": ("101",)}, ("100",)) == ()


def test_the_same_pair_the_other_way_round_is_refused() -> None:
    with pytest.raises(LeakageError, match="202 with 201"):
        check_leakage({"training_records": ("202",)}, ["201"])


@pytest.mark.parametrize("card", [{}, SimpleNamespace(), {"training_records": None}])
def test_a_card_that_does_not_say_is_refused(card: Any) -> None:
    with pytest.raises(ConfigurationError, match="the card of mine must list its training records"):
        check_leakage(card, ["100"], model="mine")


@dataclass
class Model:
    """Calls every beat the same, and keeps what it was asked."""

    call: str = "N"
    name: str = "always"
    card: dict[str, Any] = field(default_factory=lambda: {"training_records": (), "sha256": "0"})
    asked: list[np.ndarray] = field(default_factory=list)

    def predict_record(self, _record: Record, r_samples: np.ndarray) -> SimpleNamespace:
        self.asked.append(r_samples)
        return SimpleNamespace(classes=np.full(len(r_samples), self.call), abnormal=np.full(len(r_samples), 0.25))


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Record:
    """Put one record in the place of the database."""
    marks = Annotations(np.array([10, 300, 600, 900]), np.array(list("+NV~")))
    found = Record(np.zeros((1000, 1), np.float32), 360.0, ("MLII",), annotations=marks)
    monkeypatch.setattr(models.mitdb, "find_database", lambda: tmp_path)
    monkeypatch.setattr(models.mitdb, "read_mitdb", lambda *_: found)
    return found


def test_known_beats_are_those_of_the_reference(record: Record) -> None:
    """Rhythm and noise marks are no beats."""
    model, seen = Model(), []
    calls, reference = call_known_beats(model, ["100"], on_record=seen.append)
    assert model.asked[0].tolist() == [300, 600]
    assert calls["100"].samples.tolist() == [300, 600]
    assert calls["100"].classes.tolist() == ["N", "N"]
    assert reference["100"] is record.annotations
    assert seen == ["100"]


@pytest.mark.parametrize(("call", "symbol"), [("V", "V"), ("", "Q")])
def test_annotations_stand_at_the_peaks_that_were_found(record: Record, call: str, symbol: str) -> None:
    """A beat that was not judged is of unknown class."""
    found = annotate_records(Model(call), ["100"], detect=lambda _: np.array([305, 610]))["100"]
    assert found.samples.tolist() == [305, 610]
    assert found.symbols.tolist() == [symbol, symbol]


def test_a_model_without_classes_cannot_annotate(record: Record) -> None:
    with pytest.raises(ConfigurationError, match="needs a model that tells the classes N, S, V and F apart; always does not"):
        annotate_records(Model("normal"), ["100"], detect=lambda _: np.array([305]))
