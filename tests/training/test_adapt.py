"""Adapting rhythm-lstm to one patient: what moves, what is seen, what the card says, and what refuses the adapted model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from beatlens._io import sha256_of
from beatlens.errors import AnnotationError, BeatlensError, LeakageError
from beatlens.evaluation.protocols.models import check_leakage
from beatlens.models.card import write_card
from beatlens.models.registry import load_card, load_model
from beatlens.models.rhythm_encoding import EncodedBeats
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.models.rhythm_network import N_FEATURES, average_networks, build_rhythm_network
from beatlens.training.adapt import Adaptation, Adapter
from beatlens.training.adapt_run import encode_labelled, read_labelled
from beatlens.training.rhythm import label_numbers

SETTINGS = Adaptation(steps=20, learning_rate=0.01, pull=0.0)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a run's: two small networks that have learned nothing, said to be trained on DS1."""
    folder = tmp_path_factory.mktemp("start")
    networks = [build_rhythm_network(seed=seed, n_units=4, windows=False) for seed in (1, 2)]
    for network in networks:
        network.get_layer("scaling").adapt(np.random.default_rng(0).normal(0.5, 2, (1, 500, N_FEATURES)))
    network = average_networks(networks)
    network.save(folder / "model.keras")
    card = load_card("rhythm-lstm").model_copy(update={"sha256": sha256_of(folder / "model.keras"), "figures": {}})
    write_card(folder / "model.json", card)
    return folder


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, own_folder: ModuleType) -> Path:
    """A recording of six minutes with annotations beside it."""
    folder = tmp_path_factory.mktemp("recordings")
    own_folder.write_record(folder, "holter", duration_s=360)
    return folder / "holter"


@pytest.fixture(scope="module")
def first_minutes(recording: Path) -> tuple[list[EncodedBeats], Any]:
    labelled = read_labelled(recording)
    return encode_labelled(labelled.record, labelled.samples, labelled.classes, labelled.until_s)


def moved(adapter: Adapter, weights: Any) -> dict[str, float]:
    names = [variable.path for variable in adapter._networks[0].trainable_variables]
    pairs = zip(adapter.start[0], weights[0], strict=True)
    return {name: float(np.abs(after - before).max()) for name, (before, after) in zip(names, pairs, strict=True)}


def test_it_learns_the_labelled_beats_and_leaves_the_model_alone(start: Path, first_minutes: Any) -> None:
    """More of them are called right, by whichever leads; a model of its own says the same; the start is as it was."""
    model = load_model(start)
    before = [np.array(values) for values in model.keras_model.get_weights()]
    adapter = Adapter(model, SETTINGS)
    ways, labels = first_minutes
    weights = adapter.adapt(ways, labels)
    for beats in ways:
        quick = adapter.with_weights(weights).predict_encoded(beats)
        right = [(said.argmax(axis=1) == labels).mean() for said in (model.predict_encoded(beats), quick)]
        assert right[1] > max(0.95, right[0])
    own = adapter.as_model(weights, model.card)
    np.testing.assert_allclose(own.predict_encoded(beats), quick, atol=1e-5)
    np.testing.assert_allclose(
        adapter.with_weights(adapter.start).predict_encoded(beats), model.predict_encoded(beats), atol=1e-5
    )
    for ours, theirs in zip(model.keras_model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_pull_holds_weights_back_and_the_head_moves_alone(start: Path, first_minutes: Any) -> None:
    model = load_model(start)
    free, held, head = (
        Adapter(model, SETTINGS.model_copy(update=change)) for change in ({}, {"pull": 100.0}, {"layers": "head"})
    )
    distance = {name: moved(adapter, adapter.adapt(*first_minutes)) for name, adapter in {"free": free, "held": held}.items()}
    assert max(distance["held"].values()) < 0.5 * max(distance["free"].values())
    of_head = moved(head, head.adapt(*first_minutes))
    assert {name for name, value in of_head.items() if value > 0} == {
        "joined/kernel", "joined/bias", "logits/kernel", "logits/bias"
    }  # fmt: skip


def test_nothing_behind_the_first_minutes_is_seen(recording: Path) -> None:
    """Whatever the signal and the labels are from 5:00 on, the same beats are learned from."""
    labelled = read_labelled(recording)
    record = labelled.record
    changed = type(record)(record.signal.copy(), record.fs, record.lead_names, record.name)
    changed.signal[int(300 * record.fs) :] = 0
    early = labelled.samples < 300 * record.fs
    one, _ = encode_labelled(record, labelled.samples, labelled.classes, 300.0)
    two, labels = encode_labelled(changed, labelled.samples[early], labelled.classes[early], 300.0)
    assert [beats.windows.shape[2] for beats in one] == [2, 1, 1]  # both leads, and each alone
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(ours.features, theirs.features)
    np.testing.assert_array_equal(labels, label_numbers(labelled.classes[early]))


def test_too_few_labels(start: Path, first_minutes: Any) -> None:
    ways, labels = first_minutes
    few = np.where(np.arange(len(labels)) < 9, labels, -1)
    with pytest.raises(AnnotationError, match="at least ten labelled beats are needed to adapt to; got 9"):
        Adapter(load_model(start), SETTINGS).adapt(ways, few)


@pytest.fixture
def adapted(start: Path, recording: Path, tmp_path: Path, run_beatlens: Callable[..., Any]) -> tuple[Path, Any]:
    done = run_beatlens("adapt", str(recording), "--model", str(start), "--out", str(tmp_path / "run"), "--set", "steps=5")
    assert done.status == 0, done.errors
    return tmp_path / "run", done


def test_the_card_of_an_adapted_model_and_who_refuses_it(
    adapted: tuple[Path, Any], start: Path, recording: Path, tmp_path: Path, run_beatlens: Callable[..., Any]
) -> None:
    """It names the record and its own protocol; figures of both models are of the rest; no other protocol takes it."""
    folder, done = adapted
    assert "holter from 5:00 on, as it was" in done.output
    assert "holter from 5:00 on, adapted" in done.output
    model = load_model(folder)
    assert isinstance(model, RhythmLSTM)
    card = model.card
    assert (card.protocol, card.adapted_to) == ("patient-adapted", ("holter",))
    assert card.training_records[-1] == "recording:holter"
    assert card.own_records[-1].files == {
        "holter.atr": sha256_of(recording.with_suffix(".atr")),
        "holter.dat": sha256_of(recording.with_suffix(".dat")),
    }
    assert card.configuration["adaptation"]["steps"] == 5
    with pytest.raises(LeakageError, match="adapted to holter"):
        check_leakage(card, ["100"])
    table = tmp_path / "t.csv"
    table.write_text("record,patient\nholter,x\n", encoding="utf-8")
    where = ("--data", str(recording.parent), "--patients", str(table))
    again, new = ("--out", str(tmp_path / "again")), ("--out", str(tmp_path / "x"))
    adapt = ("adapt", str(recording), "--model")
    for words, message in [
        (("evaluate", str(folder), "--protocol", "own-data", *where), "adapted to holter"),
        ((*adapt, str(folder), *again), "must not be adapted already"),
        ((*adapt, "seed-lstm", *again), "must be a rhythm-lstm"),
        ((*adapt, str(start), "--out", str(folder)), "already holds a run"),
        ((*adapt, str(start), "--labels", "me", *new), "no annotation file at"),
    ]:
        refused = run_beatlens(*words)
        assert refused.status == 1
        assert message in refused.errors
    assert not (tmp_path / "x").exists()


def test_own_labels_are_learned_from_as_far_as_they_go(
    start: Path, recording: Path, tmp_path: Path, run_beatlens: Callable[..., Any]
) -> None:
    """All of them, of a file beside the recording or anywhere else; nothing is left to measure on then."""
    import wfdb

    labelled = read_labelled(recording)
    early = labelled.samples[:60]
    wfdb.wrann("labels", "mine", early, symbol=labelled.classes[:60].tolist(), fs=250, write_dir=str(tmp_path))
    own = read_labelled(recording, str(tmp_path / "labels.mine"))
    assert len(own.samples) == 60
    assert own.until_s == pytest.approx(early[-1] / 250 + 1)
    words = ("--labels", str(tmp_path / "labels.mine"), "--out", str(tmp_path / "run"), "--set", "steps=2", "--json")
    done = run_beatlens("adapt", str(recording), "--model", str(start), *words)
    assert done.status == 0, done.errors
    assert json.loads(done.output) == {}
    wfdb.wrann("labels", "far", np.array([10, 250 * 400]), symbol=["N", "N"], fs=250, write_dir=str(tmp_path))
    with pytest.raises(BeatlensError, match="must lie inside its 360"):
        read_labelled(recording, str(tmp_path / "labels.far"))


def test_a_recording_of_the_training_is_refused(
    start: Path, mitdb_folder: Path, tmp_path: Path, run_beatlens: Callable[..., Any]
) -> None:
    """Record 101 of DS1 under its own name; there is nothing to adapt to."""
    done = run_beatlens("adapt", str(mitdb_folder / "101"), "--model", str(start), "--out", str(tmp_path / "run"))
    assert done.status == 1
    assert "saw 101" in done.errors
