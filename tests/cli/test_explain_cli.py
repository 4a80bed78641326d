"""``beatlens explain``, on a network small enough to be read at once."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import wfdb
from typer.testing import CliRunner

from beatlens.cli.explain import app
from beatlens.errors import AnnotationError, ConfigurationError, RecordNotFoundError, SignalError, UnknownNameError

R_SAMPLES = np.array([20, 400, 700, 1000, 1300])


@pytest.fixture(scope="module")
def tiny_model() -> object:
    """Return a seed-lstm whose network is one dense layer: its saliency is the layer's weights."""
    from beatlens.models.card import ModelCard
    from beatlens.models.engine import load_keras
    from beatlens.models.seed_lstm import SeedLSTM

    keras = load_keras()
    keras.utils.set_random_seed(0)
    layers = [keras.Input((180, 1)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]
    return SeedLSTM(keras.Sequential(layers), ModelCard.model_construct(name="seed-lstm", sha256="5" * 64))


@pytest.fixture(autouse=True)
def known_model(monkeypatch: pytest.MonkeyPatch, tiny_model: object) -> None:
    monkeypatch.setattr("beatlens.models.load_model", lambda _: tiny_model)


def write_record(folder: Path, signal: npt.NDArray[np.float64], *, annotated: bool = True) -> str:
    wfdb.wrsamp("made", 360, ["mV"], ["MLII"], signal[:, None], fmt=["16"], write_dir=str(folder))
    if annotated:
        wfdb.wrann("made", "atr", R_SAMPLES, ["N", "N", "V", "+", "N"], aux_note=["", "", "", "(N", ""], write_dir=str(folder))
    return str(folder / "made")


@pytest.fixture
def record(tmp_path: Path) -> str:
    """Five seconds of noise with spikes; the first beat is too near the start, the fourth mark is no beat."""
    signal = np.random.default_rng(3).normal(scale=0.05, size=1800)
    signal[R_SAMPLES] += 1.0
    return write_record(tmp_path, signal)


def run_explain(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_all_beats_as_a_table(record: str) -> None:
    """Every beat with a whole window, with its reference; rhythm marks are not beats."""
    table = pd.read_csv(io.StringIO(run_explain(record, "--all", "--csv")))
    assert table["sample"].tolist() == [400, 700, 1300]
    assert table["true"].tolist() == ["normal", "abnormal", "normal"]
    assert table["correct"].tolist() == [t == p for t, p in zip(table["true"], table["predicted"], strict=True)]


@pytest.mark.parametrize("choice", [("--beat", "2"), ("--sample", "690")])
def test_one_beat_by_its_place_or_the_nearest_sample(choice: tuple[str, str], record: str) -> None:
    (found,) = json.loads(run_explain(record, *choice, "--json"))
    assert (found["sample"], found["true"]) == (700, "abnormal")
    assert found["signal_mv"][90][0] == pytest.approx(1.0, abs=0.3)
    assert 1 / (1 + math.exp(-found["logit"])) == pytest.approx(found["probability"])


def test_the_first_whole_beat_is_explained_unless_told_which(record: str) -> None:
    text = run_explain(record, "--method", "saliency")
    assert text.startswith("made, sample 400: Called ")
    assert "% of the sensitivity is " in text
    assert "The reference" in text


def test_the_method_is_used(record: str, tiny_model: object) -> None:
    """Integrated gradients report their gap; saliency has none, and is the slope of the scaled window's weighted sum."""
    (exact,) = json.loads(run_explain(record, "--beat", "1", "--json", "--method", "integrated-gradients"))
    (slope,) = json.loads(run_explain(record, "--beat", "1", "--json", "--method", "saliency"))
    assert abs(exact["completeness_gap"]) < 1e-3
    assert slope["completeness_gap"] is None
    weights = np.asarray(tiny_model.keras_model.layers[-1].kernel)[:, 0]  # type: ignore[attr-defined]
    volts = np.array(slope["signal_mv"])[:, 0]
    z = (volts - volts.mean()) / volts.std()
    expected = weights - weights.mean() - z * (weights * z).mean()  # scaling takes away level and size
    np.testing.assert_allclose(np.array(slope["attribution"])[:, 0], expected, atol=2e-3)


def test_beats_are_found_where_there_are_no_annotations(tmp_path: Path) -> None:
    times = np.arange(3600) / 360
    signal = sum(np.exp(-(((times - at) / 0.012) ** 2)) for at in np.arange(0.5, 10, 0.8))
    path = write_record(tmp_path, signal, annotated=False)
    table = pd.read_csv(io.StringIO(run_explain(path, "--all", "--csv")))
    assert len(table) == 12
    assert table["true"].isna().all()
    assert np.abs(table["sample"] / 360 - np.arange(0.5, 10, 0.8)).max() < 0.02


def test_the_bundled_recording_is_the_default() -> None:
    (found,) = json.loads(run_explain("--json"))
    assert found["record"] == "MIT-BIH 208, five minutes"
    assert found["true"] is None


def test_results_are_written_whole(record: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_explain(record, "--all", "--out", str(out))
    assert sorted(path.name for path in out.iterdir()) == ["attribution.npz", "explanations.csv", "explanations.json"]
    with np.load(out / "attribution.npz") as arrays:
        assert arrays["attribution"].shape == (3, 180, 1)
    assert len(json.loads((out / "explanations.json").read_text(encoding="utf-8"))) == 3


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (["--beat", "9"], ConfigurationError, "'beat' must be less than 4, the number of beats; got 9"),
        (["--sample", "1800"], ConfigurationError, "'sample' must be less than 1800; got 1800"),
        (["--beat", "0"], SignalError, "got too near an end of the recording, in made"),
        (["--method", "salency"], UnknownNameError, "no explanation method 'salency'"),
        (["--method", "grad-cam"], ConfigurationError, "needs a convolutional encoder"),
    ],
)
def test_a_wrong_question_gets_one_sentence(arguments: list[str], error: type[Exception], sentence: str, record: str) -> None:
    with pytest.raises(error) as caught:
        run_explain(record, *arguments)
    assert sentence in str(caught.value)


def test_a_missing_record_is_named() -> None:
    with pytest.raises(RecordNotFoundError, match="no recording 'nowhere'"):
        run_explain("nowhere")


def test_annotations_that_are_not_there_are_missed(tmp_path: Path) -> None:
    path = write_record(tmp_path, np.random.default_rng(0).normal(size=900), annotated=False)
    with pytest.raises(AnnotationError, match="made has no annotations"):
        run_explain(path, "--peaks", "annotations")


@pytest.mark.parametrize("options", [("--beat", "1", "--all"), ("--json", "--csv")])
def test_contradicting_options_are_a_usage_error(options: tuple[str, ...], record: str) -> None:
    assert CliRunner().invoke(app, [record, *options]).exit_code == 2


def test_evaluate_prints_and_writes_the_report(tiny_model: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``evaluate`` is a command, not the name of a recording; its report comes as Markdown or JSON."""
    from beatlens.explain.evaluate import Report

    def made(model: object, sample: object, *, n_planted: int, seed: int, tell: object) -> Report:
        assert (model, sample) == (tiny_model, ("sample", 5, 3))
        return Report("seed-lstm", "A note.", {"N": n_planted}, agreement=[{"method": "saliency", "saliency": float("nan")}])

    monkeypatch.setattr("beatlens.explain.evaluate_seed.evaluate_seed_explanations", made)
    monkeypatch.setattr(
        "beatlens.explain.evaluate_seed.pick_seed_sample", lambda *, per_class, seed: ("sample", per_class, seed)
    )
    common = ("evaluate", "seed-lstm", "--beats-per-class", "5", "--planted", "7", "--seed", "3")
    text = run_explain(*common, "--out", str(tmp_path / "out"))
    assert "A note." in text
    assert (tmp_path / "out" / "explanations-seed-lstm.md").read_text(encoding="utf-8") == text
    document = json.loads(run_explain(*common, "--json"))
    assert document["n_beats"] == {"N": 7}
    assert document["weights"] == "5" * 64
    assert document["agreement"] == [{"method": "saliency", "saliency": None}]
    assert json.loads((tmp_path / "out" / "explanations-seed-lstm.json").read_text(encoding="utf-8")) == document
