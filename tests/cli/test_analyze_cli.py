"""``beatlens analyze`` as a shell sees it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beatlens._io import sha256_of
from beatlens.models.card import ModelCard, write_card

SMALL = Path(__file__).parents[1] / "golden" / "small-seed-lstm-tensorflow.keras"


@pytest.fixture(scope="module")
def small_model(tmp_path_factory):
    """A network of the seed's form, small, with a card."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    shutil.copy(SMALL, path)
    card = {
        "name": "seed-lstm", "version": "0", "architecture": "A fixture.", "n_parameters": 1,
        "classes": ("normal", "abnormal"), "fs": 360.0, "preprocessing": "z-score", "protocol": "none",
        "protocol_note": "It is a fixture.", "training_records": (),
        "data": {"name": "none", "version": "0", "licence": "none", "citation": "none"}, "data_sha256": "",
        "configuration": {}, "figures": {}, "intended_use": "Tests.", "not_for": "Anything else.",
        "sha256": sha256_of(path),
    }  # fmt: skip
    write_card(path.with_suffix(".json"), ModelCard.model_validate(card))
    return str(path)


def test_the_default_recording_gives_a_report(run_beatlens, small_model, tmp_path):
    """Without a file, the bundled ECG is analysed; the summary is printed, and the folder holds what it says."""
    out = tmp_path / "demo"
    done = run_beatlens("analyze", "--out", str(out), "--model", small_model, "--explanations", "2")
    assert (done.status, "not a medical device" in done.errors) == (0, True)
    assert "MIT-BIH 208, five minutes" in done.output
    assert " in 5 min, at a mean rate of " in done.output
    assert str(out / "report.html") in done.output
    table = pd.read_csv(out / "beats.csv")
    document = json.loads((out / "analysis.json").read_text(encoding="utf-8"))
    assert (
        len(table) == document["summary"]["n_beats"] == sum(document["summary"]["counts"].values()) + (~table["judged"]).sum()
    )
    assert 1 <= len(document["explained"]) <= 2
    again = run_beatlens("analyze", "--out", str(out), "--model", small_model, "--explanations", "0")
    assert (again.status, again.output) == (1, "")
    assert again.errors.startswith("error: ")
    assert "holds an earlier analysis" in again.errors
    assert "hint: Replace it with --force" in again.errors


def test_a_file_gives_json(run_beatlens, small_model, tmp_path, monkeypatch):
    """A CSV file is read; with --json one document is printed; the folder is named after the recording."""
    t = np.arange(2500) / 250
    ecg = np.exp(-((((t + 0.4) % 0.8 - 0.4) / 0.012) ** 2))
    pd.DataFrame({"II": ecg}).to_csv(tmp_path / "night one.csv", index=False)
    monkeypatch.chdir(tmp_path)
    words = ("--fs", "250", "--unit", "mV", "--model", small_model, "--explanations", "0", "--json")
    done = run_beatlens("analyze", "night one.csv", *words)
    assert done.status == 0, done.errors
    document = json.loads(done.output)
    assert document["recording"]["lead_names"] == ["II"]
    assert document["summary"]["duration_s"] == 10
    assert Path(document["folder"]) == Path("night-one-report")
    assert (tmp_path / "night-one-report" / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nowhere.edf",), "no recording at nowhere.edf"),
        (("--model", "seed-lstn"), "no model 'seed-lstn'"),
        (("--method", "salency"), "no explanation method 'salency'"),
        (("--pause", "0.1"), "'pause_s' must be at least 0.5"),
        (("--lead", "V9"), "no lead 'V9'"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(run_beatlens, small_model, tmp_path, words, sentence, monkeypatch):
    """Exit status 1, an error line, no traceback, and no folder."""
    monkeypatch.chdir(tmp_path)
    model = () if "--model" in words else ("--model", small_model)
    done = run_beatlens("analyze", *words, "--out", "out", *model)
    assert (done.status, done.output) == (1, "")
    assert sentence in done.errors
    assert "Traceback" not in done.errors
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_way_is_said_before_any_work(run_beatlens, small_model, tmp_path):
    """A folder of something else is refused at once, forced or not."""
    (tmp_path / "mine.txt").write_text("mine")
    done = run_beatlens("analyze", "--out", str(tmp_path), "--model", small_model, "--force")
    assert done.status == 1
    assert "is not an earlier analysis" in done.errors
