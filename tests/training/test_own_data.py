"""Training rhythm-lstm on a folder of one's own: folds, card, fine-tuning, and what the figures must not be mixed with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from beatlens.errors import BeatlensError, ConfigurationError, LeakageError
from beatlens.evaluation.protocols.models import check_leakage
from beatlens.models.registry import load_model
from beatlens.models.rhythm_network import networks_of
from beatlens.training.own_data import FINE_TUNING, OwnTraining, own_set, own_settings, share_out_patients

PATIENTS = [("100", "anna"), ("103", "bert"), ("105", "bert"), ("111", "cara"), ("113", "dora")]
SMALL = ["epochs=1", "networks=2", "units=3", "composed_copies=0", "degraded_copies=0", "batch_size=8", "sequence=16"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, own_folder: ModuleType) -> Path:
    """A folder ``mine`` with the table ``mine.csv`` beside it; names that MIT-BIH has too, in DS2."""
    base = tmp_path_factory.mktemp("own")
    own_folder.write_folder(base / "mine", PATIENTS)
    return base


def words(folder: Path, out: Path, *more: str) -> list[str]:
    settings = [word for setting in SMALL for word in ("--set", setting)]
    where = ["--data", str(folder / "mine"), "--patients", str(folder / "mine.csv"), "--folds", "2"]
    return ["train", "rhythm-lstm", *where, "--out", str(out), *settings, *more]


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    from beatlens.training.rhythm_run import train_rhythm_lstm
    from beatlens.training.run import open_run

    values = dict(setting.split("=") for setting in SMALL) | {
        "data": {"folder": str(folder / "mine"), "patients": str(folder / "mine.csv"), "folds": 2, "licence": "none"}
    }
    settings = own_settings(values)
    open_run(folder / "run", settings)
    train_rhythm_lstm(settings, folder / "run", data=own_set(settings))
    return folder / "run"


def test_the_card_says_whose_data_they_are(trained: Path) -> None:
    """Own records by data and name, with what tells them again; the data's licence; no path of this machine; never MIT-BIH."""
    card = load_model(trained).card
    assert card.protocol == "own-data"
    assert card.training_records == ("mine:100", "mine:103", "mine:105", "mine:111", "mine:113")
    assert (card.data.name, card.data.licence) == ("mine", "none")
    assert [seen.patient for seen in card.own_records] == [patient for _, patient in PATIENTS]
    folds = [set(fold) for fold in card.configuration["folds"]]
    assert len(folds) == 2
    assert any({"mine:103", "mine:105"} <= fold for fold in folds)
    text = card.model_dump_json()
    assert str(trained.parent) not in text
    assert "MIT-BIH" not in text
    figures = card.figures["mine, 2 patient-wise folds, reference R peaks, paper mapping"]
    assert {"N F1", "V F1", "macro-F1", "abnormal F1"} <= set(figures)
    assert card.calibration["fitted on"] == "out-of-fold predictions of mine"


def test_own_numbers_are_not_those_of_mitdb(trained: Path) -> None:
    """A hospital's record 100 does not bar DS2's; a copy of DS2's under any name does."""
    card = load_model(trained).card
    assert check_leakage(card, ["100", "103"]) == ()
    copied = card.model_copy(update={"training_records": (*card.training_records, "100")})
    with pytest.raises(LeakageError, match="saw 100"):
        check_leakage(copied, ["100", "103"])


def test_a_copy_that_the_card_knows_by_its_beats_alone_is_found(trained: Path, mitdb_folder: Path) -> None:
    """Where the database was not at hand while it was trained, the intervals of its beats give it away."""
    from beatlens.databases.identity import mitdb_beats, print_of

    card = load_model(trained).card
    first = card.own_records[0].model_copy(update={"intervals_ms": print_of(mitdb_beats("100", mitdb_folder))})
    hidden = card.model_copy(update={"own_records": (first,)})
    assert check_leakage(hidden, ["103"], folder=mitdb_folder) == ()
    with pytest.raises(LeakageError, match="saw 100"):
        check_leakage(hidden, ["100", "103"], folder=mitdb_folder)


def test_a_fine_tuning_keeps_network_and_scaling(
    trained: Path, folder: Path, tmp_path: Path, own_folder: ModuleType, run_beatlens: Callable[..., Any]
) -> None:
    """Same architecture, the start's scaling of the columns, other weights; the card names both data; DS1 is still refused."""
    own_folder.write_folder(tmp_path / "other", [("a", "a"), ("b", "b")], fs=360, leads=1)
    done = run_beatlens(
        "train", "rhythm-lstm", "--data", str(tmp_path / "other"), "--patients", str(tmp_path / "other.csv"),
        "--from", str(trained), "--out", str(tmp_path / "tuned"), "--name", "Other", "--set", "epochs=1", "--json",
    )  # fmt: skip
    assert done.status == 0, done.errors
    assert "Other, 2 patient-wise folds" in done.output
    start, tuned = load_model(trained), load_model(tmp_path / "tuned")
    for before, after in zip(networks_of(start.keras_model), networks_of(tuned.keras_model), strict=True):
        np.testing.assert_array_equal(before.get_layer("scaling").mean, after.get_layer("scaling").mean)
        moved = np.abs(np.asarray(before.get_layer("logits").kernel) - np.asarray(after.get_layer("logits").kernel)).max()
        assert 0 < moved < 0.1
    card = tuned.card
    assert card.training_records == (*start.card.training_records, "Other:a", "Other:b")
    assert card.data.name == "Other"
    assert "trained on mine" in card.started_from
    assert card.configuration["learning_rate"] == FINE_TUNING["learning_rate"]


def test_a_start_that_has_seen_a_patient_is_refused(
    trained: Path, folder: Path, run_beatlens: Callable[..., Any], tmp_path: Path
) -> None:
    """Its folds would be of patients that it knows; also when record and data have another name."""
    done = run_beatlens(*words(folder, tmp_path / "run", "--from", str(trained), "--name", "renamed"))
    assert done.status == 1
    assert "must not have seen a patient of a fold" in done.errors
    assert "hint:" in done.errors


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"units": 4}, "'units' must be that of the model to start from, 3; got 4"),
        ({"networks": 1}, "'networks' must be that of the model to start from, 2; got 1"),
    ],
)
def test_another_architecture_is_refused(trained: Path, values: dict[str, Any], message: str) -> None:
    data = {"folder": "x", "patients": "y"}
    with pytest.raises(ConfigurationError, match=message):
        own_settings({"start_from": str(trained), "data": data, **values})


def test_measuring_on_own_records(
    trained: Path, folder: Path, tmp_path: Path, own_folder: ModuleType, run_beatlens: Callable[..., Any]
) -> None:
    """Those that it was trained on are refused; others are measured patient by patient, those of the fold 'test' alone."""
    where = ("--data", str(folder / "mine"), "--patients", str(folder / "mine.csv"))
    refused = run_beatlens("evaluate", str(trained), "--protocol", "own-data", *where)
    assert refused.status == 1
    assert "saw those of 100, 103, 105, 111, 113" in refused.errors
    table = own_folder.write_folder(tmp_path / "new", [("a", "1"), ("b", "2"), ("c", "2"), ("d", "3")], fs=500)
    lines = table.read_text(encoding="utf-8").split()
    folds = ["fold", "test", "test", "test", "other"]
    table.write_text("\n".join(f"{line},{fold}" for line, fold in zip(lines, folds, strict=True)), encoding="utf-8")
    done = run_beatlens(
        "evaluate", str(trained), "--protocol", "own-data", "--data", str(tmp_path / "new"), "--patients", str(table),
        "--resamples", "10", "--json",
    )  # fmt: skip
    assert done.status == 0, done.errors
    found = json.loads(done.output)
    assert found["provenance"]["protocol"] == "own-data"
    assert found["provenance"]["split"] == "3 records of 2 patients; trained on 5 records of mine"
    assert set(found["figures"]["mappings"]["paper"]["records"]) == {"patient 1", "patient 2"}
    assert found["figures"]["n_missed"] == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--from", "rhythm-lstm"), "needs data of your own"),
        (("--data", "mine"), "needs --patients TABLE.csv"),
        (("--set", "epochs=0"), "'epochs' is not valid"),
        (("--data", "none", "--patients", "none.csv"), "no folder of records at none"),
        (
            ("--data", "none", "--patients", "none.csv", "--from", "seed-lstm"),
            "must be a rhythm-lstm; seed-lstm is a seed-lstm",
        ),
        (("--data", "none", "--patients", "none.csv", "--folds", "1"), "'data.folds' is not valid"),
    ],
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path, run_beatlens: Callable[..., Any], more: tuple[str, ...], message: str
) -> None:
    done = run_beatlens("train", "rhythm-lstm", "--out", str(tmp_path / "run"), *more)
    assert done.status == 1
    assert message in done.errors
    assert not (tmp_path / "run").exists()


def test_too_few_patients_or_classes(tmp_path: Path, own_folder: ModuleType) -> None:
    table = own_folder.write_folder(tmp_path / "mine", [("a", "x"), ("b", "x")])
    settings = OwnTraining(data={"folder": str(tmp_path / "mine"), "patients": str(table)})  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="at least two patients are needed") as caught:
        own_set(settings)
    assert "beatlens adapt" in str(caught.value.hint)
    own_folder.write_record(tmp_path / "mine", "b", duration_s=21)
    import wfdb

    wfdb.wrann("b", "atr", np.arange(100, 4000, 200), symbol=["N"] * 20, fs=250, write_dir=str(tmp_path / "mine"))
    table.write_text("record,patient\na,x\nb,y\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="got N of 2 and the others of 1"):
        own_set(settings)


def test_one_recording_under_two_names_is_refused(tmp_path: Path, own_folder: ModuleType) -> None:
    """It would stand on both sides of a fold."""
    table = own_folder.write_folder(tmp_path / "mine", [("a", "x"), ("b", "y")])
    own_folder.write_record(tmp_path / "mine", "b", fs=300)
    for part in ("dat", "atr"):
        (tmp_path / "mine" / f"c.{part}").write_bytes((tmp_path / "mine" / f"a.{part}").read_bytes())
    header = (tmp_path / "mine" / "a.hea").read_text(encoding="ascii")
    (tmp_path / "mine" / "c.hea").write_text(header.replace("a.dat", "c.dat").replace("a ", "c ", 1), encoding="ascii")
    table.write_text("record,patient\na,x\nb,y\nc,z\n", encoding="utf-8")
    settings = OwnTraining(data={"folder": str(tmp_path / "mine"), "patients": str(table)})  # type: ignore[arg-type]
    with pytest.raises(LeakageError, match="a and c must not be one recording"):
        own_set(settings)


def test_folds_share_out_the_classes() -> None:
    """The two patients with most S beats part, so do those with most V; the same seed gives the same folds; none is empty."""
    counts = {f"p{k}": [100, 0, 0, 0] for k in range(8)} | {"s1": [50, 40, 0, 0], "s2": [50, 38, 0, 0]}
    counts |= {"v1": [10, 0, 300, 0], "v2": [10, 0, 280, 0]}
    folds = share_out_patients(counts, 2, 7)
    of = {patient: number for number, fold in enumerate(folds) for patient in fold}
    assert len(of) == len(counts)
    assert of["s1"] != of["s2"]
    assert of["v1"] != of["v2"]
    assert folds == share_out_patients(counts, 2, 7)
    assert all(share_out_patients({"a": [1, 1], "b": [0, 1], "c": [0, 1]}, 5, 0))


def test_long_records_are_learned_from_in_parts(
    tmp_path: Path, own_folder: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than half an hour is described at a time; every beat stands in one part; parts stay in one fold."""
    from beatlens.training import own_data

    monkeypatch.setattr(own_data, "STRETCH_S", 25.0)
    table = own_folder.write_folder(tmp_path / "mine", [("a", "x"), ("b", "y")], duration_s=100)
    settings = OwnTraining(data={"folder": str(tmp_path / "mine"), "patients": str(table)})  # type: ignore[arg-type]
    data = own_set(settings)
    assert [name for name in data.records if name.startswith("mine:a")] == ["mine:a", "mine:a#2", "mine:a#3", "mine:a#4"]
    sources = [data.read(name) for name in data.records]
    from beatlens.databases.own import find_records

    whole = find_records(tmp_path / "mine", table)
    assert sum(len(source.times_s) for source in sources) == sum(len(record.times_s) for record in whole)
    assert {frozenset(fold) for fold in data.folds} == {
        frozenset(name for name in data.records if name.startswith(f"mine:{record}")) for record in "ab"
    }
    assert data.card["training_records"] == ("mine:a", "mine:b")


def test_records_of_one_and_two_leads_train_together(tmp_path: Path, own_folder: ModuleType) -> None:
    """Composed recordings take beats of recordings with as many leads; short recordings give no strips."""
    from beatlens.training.rhythm import make_examples

    table = own_folder.write_folder(tmp_path / "mine", [("a", "x"), ("b", "y")], duration_s=60)
    own_folder.write_record(tmp_path / "mine", "b", duration_s=60, leads=1)
    data = {"folder": str(tmp_path / "mine"), "patients": str(table)}
    settings = OwnTraining(data=data, composed_copies=1, degraded_copies=1)  # type: ignore[arg-type]
    found = own_set(settings)
    examples = make_examples(settings, found.records, read=found.read)
    assert all(len(example.patients) == 1 for example in examples)
    assert {"ectopy", "runs", "fibrillation", "real", "degraded"} <= {example.kind for example in examples}
    assert "strip" not in {example.kind for example in examples}


def test_examples_are_the_same_to_the_last_bit_on_any_number_of_threads(tmp_path: Path, own_folder: ModuleType) -> None:
    """Of NumPy's matrix products as of the recordings made at the same time: a run can be resumed on another machine."""
    from threadpoolctl import threadpool_limits

    from beatlens.training.rhythm import make_examples

    table = own_folder.write_folder(tmp_path / "mine", [("a", "x"), ("b", "y")], duration_s=300)
    data = {"folder": str(tmp_path / "mine"), "patients": str(table)}
    made = []
    for jobs, threads in ((1, 1), (1, 2), (2, 2)):
        settings = OwnTraining(data=data, composed_copies=1, degraded_copies=1, jobs=jobs)  # type: ignore[arg-type]
        found = own_set(settings)
        with threadpool_limits(limits=threads, user_api="blas"):
            made.append(make_examples(settings, found.records, read=found.read))
    for examples in made[1:]:
        for one, other in zip(made[0], examples, strict=True):
            assert one.beats.features.tobytes() == other.beats.features.tobytes()


def test_a_run_is_resumed_without_naming_anything_again(trained: Path, run_beatlens: Callable[..., Any]) -> None:
    """Settings and data come from its folder; what is done is not done again."""
    before = (trained / "model.keras").read_bytes()
    done = run_beatlens("train", "rhythm-lstm", "--out", str(trained), "--resume", "--json")
    assert done.status == 0, done.errors
    assert (trained / "model.keras").read_bytes() == before
    with pytest.raises(BeatlensError):
        load_model(trained / "none.keras")
