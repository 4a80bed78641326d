"""``beatlens evaluate`` from the outside."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer
import wfdb
from typer.testing import CliRunner

from beatlens.beats.seed_windows import LEAK_NOTE
from beatlens.cli.evaluate import evaluate
from beatlens.databases import mitdb
from beatlens.errors import AnnotationError, BeatlensError, ConfigurationError, LeakageError, RecordNotFoundError
from beatlens.labels import BEAT_SYMBOLS
from beatlens.records.wfdb_format import read_annotations
from beatlens.training.config import SeedTraining
from beatlens.training.seed import prepare_seed_split

RECORDS = ("100", "202")


@pytest.fixture(scope="module")
def database() -> Path:
    try:
        return mitdb.find_database()
    except RecordNotFoundError as error:
        pytest.skip(f"{error.message}: set BEATLENS_DATA")


@pytest.fixture
def folder(tmp_path: Path, database: Path) -> Path:
    """Return a folder with an annotator ``me`` that calls every beat of two records normal, and the list of the two."""
    for name in RECORDS:
        marks = read_annotations(database / name, "atr")
        samples = marks.samples[np.isin(marks.symbols, list(BEAT_SYMBOLS))]
        wfdb.wrann(name, "me", samples, symbol=["N"] * len(samples), write_dir=str(tmp_path))
    (tmp_path / "list.txt").write_text("\n".join(RECORDS), encoding="utf-8")
    return tmp_path


class Model:
    """Knows the right class of every beat."""

    name = "oracle"

    def __init__(self, *trained: str) -> None:
        self.card = SimpleNamespace(training_records=trained, sha256="f" * 64)

    def predict_record(self, record: Any, r_samples: np.ndarray) -> SimpleNamespace:
        marks = record.annotations
        nearest = np.abs(marks.samples[:, None] - r_samples[None]).argmin(axis=0)
        classes = np.where(np.isin(marks.symbols[nearest], ["V"]), "V", "N")
        return SimpleNamespace(classes=classes, abnormal=(classes == "V") * 0.8 + 0.1)


def run(*arguments: object) -> Any:
    app = typer.Typer()
    app.command()(evaluate)
    return CliRunner().invoke(app, [str(argument) for argument in (*arguments, "--resamples", 20)])


@pytest.mark.database
@pytest.mark.parametrize("protocol", ["inter-patient", "ec57"])
def test_someones_annotations_are_measured(folder: Path, protocol: str) -> None:
    """All beats are found, none is called ectopic, and the source is named."""
    arguments = ("--annotations", folder, "--protocol", protocol, "--records", folder / "list.txt", "--json")
    result = run(*arguments, "--log", folder / "log.md")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["provenance"]["model"] == "annotator me"
    assert found["provenance"]["split"].startswith("records 100 202; ")
    assert len(found["provenance"]["weights"]) == 64
    assert mitdb.ONE_PATIENT_NOTE in found["notes"]
    if protocol == "ec57":
        assert found["figures"]["gross"]["qrs_sensitivity"]["value"] == 1.0
        assert found["figures"]["gross"]["veb_sensitivity"]["value"] == 0.0
    else:
        assert found["figures"]["n_missed"] == found["figures"]["n_false"] == 0
        assert found["figures"]["mappings"]["paper"]["subsets"]["all"]["classes"]["V"]["sensitivity"]["value"] == 0.0
    assert f"| annotator me | {found['provenance']['weights'][:12]} | {protocol} |" in (folder / "log.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.database
@pytest.mark.parametrize(("form", "mark"), [("--markdown", "| --- |"), ("--latex", r"\toprule"), (None, "macro-F1 (N S V F)")])
def test_a_model_is_measured_and_printed(folder: Path, monkeypatch: pytest.MonkeyPatch, form: str | None, mark: str) -> None:
    """At the reference's peaks; what it was trained on stands beside the figures."""
    monkeypatch.setattr("beatlens.models.load_model", lambda _: Model("101", "201"))
    arguments = ["oracle", "--protocol", "inter-patient", "--records", folder / "list.txt", *([form] if form else [])]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert mark in result.stdout
    assert "trained on 101 201" in result.stdout
    assert mitdb.ONE_PATIENT_NOTE in result.stdout


@pytest.mark.database
def test_a_model_is_measured_from_the_raw_signal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package's own R peaks."""
    monkeypatch.setattr("beatlens.models.load_model", lambda _: Model("101"))
    result = run("oracle", "--protocol", "ec57", "--records", folder / "list.txt", "--json")
    assert result.exit_code == 0, result.output
    gross = json.loads(result.stdout)["figures"]["gross"]
    assert gross["qrs_sensitivity"]["value"] > 0.98
    assert gross["veb_sensitivity"]["value"] > 0.8


@pytest.mark.database
@pytest.mark.parametrize(("asked", "expected"), [((), 0.95), (("--threshold", "0.5"), 0.5)])
def test_a_model_brings_its_own_threshold(
    folder: Path, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...], expected: float
) -> None:
    """Beats of probability 0.9 are abnormal from 0.5 on, and none is from the model's own 0.95 on; the notes tell which."""

    class Careful(Model):
        abnormal_threshold = 0.95

    monkeypatch.setattr("beatlens.models.load_model", lambda _: Careful("101"))
    result = run("me", "--protocol", "inter-patient", "--records", folder / "list.txt", "--json", *asked)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert f"A beat counts as abnormal from a probability of {expected:g} on." in found["notes"]
    sensitivity = found["figures"]["mappings"]["paper"]["subsets"]["all"]["abnormal"]["sensitivity"]["value"]
    assert (sensitivity > 0) == (expected == 0.5)


@pytest.mark.database
@pytest.mark.parametrize("protocol", ["inter-patient", "ec57"])
def test_a_model_may_be_shown_the_first_lead_only(folder: Path, monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    """It sees one lead of each record, and the figures and the log say so."""
    seen = []

    class Watching(Model):
        def predict_record(self, record: Any, r_samples: np.ndarray) -> SimpleNamespace:
            seen.append(record.lead_names)
            return super().predict_record(record, r_samples)

    monkeypatch.setattr("beatlens.models.load_model", lambda _: Watching("101"))
    arguments = ("--protocol", protocol, "--records", folder / "list.txt", "--leads", 1, "--log", folder / "log.md")
    result = run("oracle", *arguments, "--json")
    assert result.exit_code == 0, result.output
    assert seen == [("MLII",), ("MLII",)]
    assert json.loads(result.stdout)["provenance"]["split"] == "records 100 202, first lead only; trained on 101"
    assert "first lead only" in (folder / "log.md").read_text(encoding="utf-8")


@pytest.mark.database
def test_figures_are_drawn_where_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibration stands in the result, and its diagram beside the confusion matrix."""
    monkeypatch.setattr("beatlens.models.load_model", lambda _: Model("101"))
    arguments = ("--protocol", "inter-patient", "--records", folder / "list.txt", "--figures", folder / "drawn")
    result = run("oracle", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["figures"]["calibration"]["abnormal"]
    assert found["n_beats"] > 4000
    assert found["expected_calibration_error"]["value"] == pytest.approx(0.1, abs=0.05)
    assert {path.name for path in (folder / "drawn").iterdir()} == {
        "confusion.png",
        "confusion.svg",
        "reliability.png",
        "reliability.svg",
    }


@pytest.mark.database
def test_a_leak_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beatlens.models.load_model", lambda _: Model("100", "101"))
    result = run("oracle", "--protocol", "inter-patient", "--records", folder / "list.txt")
    assert isinstance(result.exception, LeakageError)
    assert "oracle saw 100" in str(result.exception)


@pytest.mark.database
def test_seed_measures_the_held_out_part_that_the_card_describes(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    """The split is made again from the settings of the training; the leak that it has is said."""
    config = SeedTraining(records=("100", "208"), max_beats=60)
    model = Model("100", "208")
    model.card.protocol, model.card.configuration = "seed", config.model_dump(mode="json")
    model.predict_abnormal = lambda windows: np.full(len(windows), 0.75)  # type: ignore[attr-defined]
    monkeypatch.setattr("beatlens.models.load_model", lambda _: model)
    result = run("oracle", "--protocol", "seed", "--database", database, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    held_out = prepare_seed_split(config, folder=database).test
    assert found["figures"]["n_beats"] == len(held_out) == 12
    assert found["figures"]["recall"] == 1.0
    assert found["figures"]["precision"] == 0.5
    assert found["notes"] == [LEAK_NOTE]


@pytest.mark.database
def test_seed_needs_a_card_with_its_split(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    monkeypatch.setattr("beatlens.models.load_model", lambda _: Model("100"))
    result = run("oracle", "--protocol", "seed", "--database", database)
    assert isinstance(result.exception, ConfigurationError)
    assert "needs a model whose card describes its split" in str(result.exception)


@pytest.mark.database
@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ("other annotator", ConfigurationError, "must hold one annotator's files; it holds me, you"),
        ("missing file", RecordNotFoundError, "the test annotations of record 202 are missing"),
        ("unknown record", RecordNotFoundError, "'999' is not a record of the MIT-BIH Arrhythmia Database"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(folder: Path, change: str, kind: type[BeatlensError], message: str) -> None:
    if change == "other annotator":
        (folder / "100.you").write_bytes(b"")
    elif change == "missing file":
        (folder / "202.me").unlink()
    else:
        (folder / "list.txt").write_text("999", encoding="utf-8")
    result = run("--annotations", folder, "--protocol", "ec57", "--records", folder / "list.txt")
    assert isinstance(result.exception, kind)
    assert message in str(result.exception)
    assert result.exception.hint


@pytest.mark.database
@pytest.mark.parametrize("protocol", ["inter-patient", "ec57"])
def test_annotations_of_another_rate_are_refused(folder: Path, protocol: str) -> None:
    """Whatever the protocol."""
    wfdb.wrann("202", "me", np.array([500]), symbol=["N"], fs=250, write_dir=str(folder))
    result = run("--annotations", folder, "--protocol", protocol, "--records", folder / "list.txt")
    assert isinstance(result.exception, AnnotationError)
    assert "must be at the recording's 360 Hz; got 250 Hz, in record 202" in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--protocol", "ec57"),
        ("mine", "--annotations", "somewhere", "--protocol", "ec57"),
        ("mine", "--protocol", "ec57", "--json", "--latex"),
        ("mine", "--protocol", "other"),
        ("mine", "--protocol", "seed", "--leads", "1"),
        ("mine", "--protocol", "inter-patient", "--leads", "0"),
        ("mine", "--protocol", "inter-patient", "--leads", "3"),
        ("--annotations", "somewhere", "--protocol", "ec57", "--leads", "1"),
        ("mine", "--protocol", "ec57", "--figures", "somewhere"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    """Exit code 2, before anything is read."""
    assert run(*arguments).exit_code == 2
