"""An analysis as files: what is in each, and that nothing is ever half-written or lost."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import wfdb

from beatlens.errors import OutputError
from beatlens.reports import saving
from beatlens.reports.document import make_document, make_schema, schema_path
from beatlens.reports.saving import STAGES, save_analysis


@pytest.fixture(scope="module")
def folder(known_analysis, tmp_path_factory):
    return known_analysis.save(tmp_path_factory.mktemp("saved") / "report")


@pytest.fixture
def _no_figures(monkeypatch):
    """Figures take most of the time, and many of these tests are not about them."""
    monkeypatch.setattr(saving, "draw_figures", lambda _analysis: [])


def test_the_folder_holds_everything(folder):
    """Report, document, tables, annotations and each figure in both formats, and no leftovers beside it."""
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"beats.parquet"}
    figures = {f"figures/{name}.{kind}" for name in ("overview", "shapes", "explained-beats") for kind in ("png", "svg")}
    assert files == {"report.html", "analysis.json", "fhir.json", "beats.csv", "beats.bl", "beats.hea"} | figures
    assert [path.name for path in folder.parent.iterdir()] == ["report"]


def test_the_table_has_one_row_a_beat(folder, known_analysis):
    """Reading the CSV gives back the table, to its digits."""
    table = pd.read_csv(folder / "beats.csv", index_col="beat", keep_default_na=False, na_values={"rr_s": [""]})
    assert list(table.columns) == list(known_analysis.beats.columns)
    assert table["class"].tolist() == known_analysis.beats["class"].tolist()
    np.testing.assert_array_equal(table["sample"], known_analysis.beats["sample"])
    np.testing.assert_allclose(table["rr_s"], known_analysis.beats["rr_s"], atol=1e-4)
    np.testing.assert_allclose(table["p_V"].astype(float), known_analysis.beats["p_V"], atol=1e-4)


def test_wfdb_reads_the_annotations_back(folder, known_analysis):
    """Samples, symbols, rate, and class with probability in each note."""
    found = wfdb.rdann(str(folder / "beats"), "bl")
    beats = known_analysis.beats
    np.testing.assert_array_equal(found.sample, beats["sample"])
    assert found.symbol == beats["class"].tolist()
    assert found.fs == known_analysis.record.fs
    notes = [note.rstrip("\x00") for note in found.aux_note]
    assert notes[0] == "N 0.800"
    assert notes[20] == "V 0.900"
    header = wfdb.rdheader(str(folder / "beats"))
    assert (header.fs, header.sig_len, header.n_sig) == (250, known_analysis.record.n_samples, 0)


@pytest.mark.usefixtures("_no_figures")
def test_beats_that_were_not_judged_are_marked_so(analyse_beats, tmp_path):
    """A beat without a class is Q with the reason in its note, and an empty cell in the table."""
    found = analyse_beats([(0.8, "N")] * 4)
    beats = found.beats.copy()
    beats.loc[2, ["class", "reason"]] = ["", "noise"]
    beats.loc[2, ["probability", "p_N", "p_S", "p_V", "abnormal"]] = np.nan
    saved = replace(found, beats=beats).save(tmp_path / "out")
    marks = wfdb.rdann(str(saved / "beats"), "bl")
    assert (marks.symbol[2], marks.aux_note[2].rstrip("\x00")) == ("Q", "not judged: noise")
    assert (saved / "beats.csv").read_text().splitlines()[3].split(",")[3:5] == ["", ""]


def test_the_document_follows_the_published_schema(known_analysis, folder):
    """analysis.json validates; the published schema is the one that the code makes; a wrong document does not validate."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json.loads(schema_path().read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    document = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    validator.validate(document)
    del document["summary"]["counts"]
    assert not validator.is_valid(document)


def test_the_published_schema_is_up_to_date():
    """Run ``python -m beatlens.reports.document`` when this fails."""
    assert json.loads(schema_path().read_text(encoding="utf-8")) == make_schema()


def test_every_field_of_the_schema_is_described():
    """Readers of the JSON need no Python to know what a number means."""
    schema = make_schema()
    for each in (schema, *schema["$defs"].values()):
        assert each["description"]
        assert [name for name, inner in each["properties"].items() if not inner.get("description")] == []


def test_the_document_says_what_was_found(known_analysis):
    """Numbers, events, explained beats, model, settings and the notice are those of the analysis."""
    document = make_document(known_analysis)
    assert document["notice"] == "For research; not a medical device."
    assert document["recording"]["start_time"] == "2020-05-17T23:59:00"
    assert document["summary"]["counts"] == {"N": 88, "S": 0, "V": 11}
    assert [event["kind"] for event in document["events"]] == ["couplet", "run", "bigeminy", "pause"]
    assert document["model"]["sha256"] == "ab" * 32
    assert document["settings"]["pause_s"] == 2.0
    (beat,) = document["explained"]
    assert (beat["beat"], beat["predicted"], beat["salient_times_ms"], beat["gap"]) == (20, "V", [40.0], None)
    assert len(beat["time_ms"]) == len(beat["signal_mv"]) == len(beat["attribution"]) == 150
    json.dumps(document, allow_nan=False)


@pytest.mark.usefixtures("_no_figures")
def test_an_earlier_analysis_is_kept_unless_forced(known_analysis, tmp_path):
    """A second save is refused and changes nothing; with force it replaces the folder, whole."""
    target = known_analysis.save(tmp_path / "out")
    (target / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds an earlier analysis") as caught:
        known_analysis.save(target)
    assert "--force" in caught.value.hint
    assert (target / "notes.txt").exists()
    known_analysis.save(target, force=True)
    assert not (target / "notes.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_something_else_is_never_replaced(known_analysis, tmp_path, force):
    """Force replaces earlier analyses, not anything."""
    (tmp_path / "thesis.tex").write_text("ten years of work")
    with pytest.raises(OutputError, match="is not an earlier analysis"):
        known_analysis.save(tmp_path, force=force)
    assert (tmp_path / "thesis.tex").read_text() == "ten years of work"


@pytest.mark.usefixtures("_no_figures")
def test_an_empty_folder_is_filled(known_analysis, tmp_path):
    """A folder with nothing in it may be used."""
    assert (known_analysis.save(tmp_path) / "report.html").is_file()


@pytest.mark.usefixtures("_no_figures")
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("force", [False, True])
def test_an_interruption_leaves_nothing_behind(known_analysis, tmp_path, stage, force):
    """Stopped at any stage: the earlier folder is untouched, and no temporary one stays."""
    target = tmp_path / "out"
    if force:
        target.mkdir()
        (target / "analysis.json").write_text("{}")

    def interrupt(now, _share):
        if now == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_analysis(known_analysis, target, force=force, progress=interrupt)
    assert [path.name for path in tmp_path.rglob("*")] == (["out", "analysis.json"] if force else [])


@pytest.mark.usefixtures("_no_figures")
def test_a_failed_swap_gives_the_earlier_folder_back(known_analysis, tmp_path, monkeypatch):
    """If the new folder cannot take its place, the old one returns."""
    target = known_analysis.save(tmp_path / "out")
    before = (target / "report.html").read_bytes()
    rename = saving.Path.rename

    def fail(path, to):
        if path.name.startswith(".out") and not path.name.endswith(".old"):
            raise OSError(28, "No space left on device")
        return rename(path, to)

    monkeypatch.setattr(saving.Path, "rename", fail)
    with pytest.raises(OutputError, match="cannot be written: No space left"):
        known_analysis.save(target, force=True)
    assert (target / "report.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.usefixtures("_no_figures")
def test_no_beats_are_saved_too(made_up, tmp_path):
    """A recording without beats gives a report, an empty table and annotations that can be read."""
    from beatlens.analysis import analyze

    found = analyze(made_up.make_record([(0.8, "N")] * 3), model=made_up.WidthModel(), r_samples=[])
    saved = found.save(tmp_path / "out")
    assert "No heartbeat was found" in (saved / "report.html").read_text(encoding="utf-8")
    assert len(pd.read_csv(saved / "beats.csv")) == 0
    assert len(wfdb.rdann(str(saved / "beats"), "bl").sample) == 0
