"""The page of results and the drawings are what their commands make."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import beside
import boxes
import keep
import pytest
import reliability_picture
import results
import results_picture

from beatlens.models import list_models
from beatlens.reports.style import PAPER

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_results_is_what_the_command_makes() -> None:
    """`make results` changes nothing."""
    page = results.make_page(results.load_results(), list_models())
    assert (DOCS / "results" / "index.md").read_text(encoding="utf-8") == page, "run 'make results'"


def test_the_picture_of_results_is_what_the_command_makes() -> None:
    """Its dots stand where the kept figures are."""
    kept = results.load_results()["rhythm-lstm-inter-patient"]
    drawn = results_picture.draw(kept)
    assert (DOCS / "pictures" / "results.svg").read_text(encoding="utf-8") == drawn, "run 'make results'"
    value = kept["figures"]["mappings"]["paper"]["subsets"]["without 232"]["classes"]["S"]["f1"]["value"]
    assert f'cx="{results_picture.at(value):.1f}"' in drawn


def test_the_reliability_diagram_is_what_the_command_makes() -> None:
    """It has one dot for each bin with beats, hollow where they are few."""
    kept = results.load_results()["rhythm-lstm-inter-patient"]
    drawn = reliability_picture.draw(kept)
    assert (DOCS / "pictures" / "reliability.svg").read_text(encoding="utf-8") == drawn, "run 'make results'"
    bins = [each["n_beats"] for kind in kept["figures"]["calibration"].values() for each in kind["bins"] if each["n_beats"]]
    assert drawn.count('r="4.5"') == len(bins)
    assert drawn.count(f'fill="{PAPER}" stroke') == sum(n < reliability_picture.FEW for n in bins)


@pytest.mark.parametrize("name", ["seed-lstm", "rhythm-lstm"])
def test_the_drawing_of_a_model_is_of_its_weights(name: str) -> None:
    """`python docs/pictures/models.py` changes nothing."""
    import models

    text = (DOCS / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert text == models.draw(name), "run 'python docs/pictures/models.py'"


def test_every_kept_run_says_how_to_repeat_it() -> None:
    """A command stands below each of its tables, and a commit wherever one was kept."""
    for name, found in results.load_results().items():
        assert results.source(found).startswith("Repeat: `"), name
        if "kept" in found or "provenance" in found:
            assert "commit not recorded" not in results.source(found), name
        assert "``" not in results.source(found), name


def test_a_kept_result_carries_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command, date, commit and kind of machine, but no name of a machine."""
    import platform

    monkeypatch.setattr(keep, "RESULTS", tmp_path)
    table = {"section": "Speed", "title": "Two", "columns": ["what", "s"], "rows": [["a", 1]]}
    file = keep.keep(table, "two", "python two.py", today=dt.date(2026, 1, 2))
    kept = json.loads(file.read_text(encoding="utf-8"))["kept"]
    assert kept["command"] == "python two.py"
    assert kept["date"] == "2026-01-02"
    assert "cores" in kept["hardware"]
    assert platform.node() not in file.read_text(encoding="utf-8")


def test_words_in_a_drawing_are_escaped() -> None:
    """A name with < or & does not break the file."""
    import xml.etree.ElementTree as ET

    drawing = boxes.document([boxes.text(0, 0, "a < b & c")], 10, 10, "<title>")
    assert "a < b & c" in [part.text for part in ET.fromstring(drawing).iter()]  # noqa: S314


def test_models_stand_beside_each_other_with_what_each_has(tmp_path: Path) -> None:
    """A run that is kept has its row; a model that knows normal and abnormal only has no figures of classes."""
    one = {"value": 0.5}
    subset = {
        "macro_f1": one,
        "classes": {name: {"f1": one} for name in "NSVF"},
        "abnormal": {"f1": {"value": 0.25}},
        "auroc": one,
    }
    run = {"figures": {"mappings": {"paper": {"subsets": {"all": subset, "without 232": subset, "without 213": subset}}}}}
    for stem in ("rhythm-lstm-inter-patient", "seed-lstm-ds1-inter-patient"):
        (tmp_path / f"{stem}.json").write_text(json.dumps(run), encoding="utf-8")
    (tmp_path / "baseline-boosting.json").write_text(json.dumps({"DS2": {"S F1": 0.125}}), encoding="utf-8")
    rows = {row[0]: row[1:] for row in beside.rows(tmp_path)}
    assert len(rows) == 5
    assert rows["`rhythm-lstm`, without record 213"] == ("50.0", "50.0", "50.0", "50.0", "25.0", "50.0")
    assert [row for title, row in rows.items() if "boosting" in title] == [("-", "12.5", "-", "-", "-", "-")]
    assert [row for title, row in rows.items() if "seed-lstm" in title] == [("-", "-", "-", "-", "25.0", "50.0")]
