"""One result as text, JSON, Markdown and LaTeX; and the log of looks."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path

import numpy as np
import pytest

from beatlens.errors import ConfigurationError, OutputError
from beatlens.evaluation.bootstrap import Interval
from beatlens.evaluation.look_log import log_look
from beatlens.evaluation.metrics import Figure
from beatlens.evaluation.protocols.ec57 import evaluate_ec57
from beatlens.evaluation.protocols.inter_patient import BeatCalls, evaluate_inter_patient
from beatlens.evaluation.protocols.reports import report_ec57, report_inter_patient, report_seed
from beatlens.evaluation.protocols.seed import evaluate_seed
from beatlens.evaluation.result import Measured, Provenance, Result, Table
from beatlens.records import Annotations

SOURCE = Provenance(
    protocol="inter-patient",
    data="MIT-BIH",
    split="DS2; trained on DS1",
    mapping="paper",
    model="my_model",
    weights="abc123def456789",
    commit="0123456",
    version="0.1.0",
)
MARKS = Annotations(np.array([300, 600, 900, 1200]), np.array(list("NAVF")))


def small() -> Result:
    return Result(
        provenance=SOURCE,
        tables=(
            Table(
                "A table",
                ("class", "Se", "n"),
                (
                    ("S | F", Measured(Figure(0.5), Interval(0.25, 0.75)), 12),
                    ("V_1", Measured(Figure(math.nan, "no beat of class V")), 0),
                ),
            ),
        ),
        figures={"Se": Measured(Figure(0.5), Interval(0.25, 0.75, 3)).to_dict()},
        key_figures={"macro-F1": Measured(Figure(0.8125)), "AUROC": Measured(Figure(math.nan, "no probability"))},
        notes=("A note.",),
    )


def three() -> dict[str, Result]:
    records = {"100": MARKS, "232": MARKS}
    calls = {name: BeatCalls(MARKS.samples, MARKS.symbols, np.array([0.1, 0.9, 0.8, 0.7])) for name in records}
    lengths = dict.fromkeys(records, 2000)
    seed = evaluate_seed([0, 1], [0.2, 0.7], records=["100", "100"], symbols=["N", "V"])
    return {
        "seed": report_seed(seed, SOURCE),
        "inter-patient": report_inter_patient(evaluate_inter_patient(calls, records, n_resamples=5), SOURCE, ("Mind this.",)),
        "ec57": report_ec57(evaluate_ec57(records, records, n_samples=lengths, start_s=0.0, n_resamples=5), SOURCE),
    }


def test_text_is_aligned_and_names_its_source() -> None:
    assert (
        small().as_text()
        == """\
protocol: inter-patient
data: MIT-BIH
split: DS2; trained on DS1
mapping: paper
model: my_model
weights: SHA-256 abc123def456789
code: Beatlens 0.1.0, commit 0123456

A table
class                  Se   n
-----  ------------------  --
S | F  50.00 [25.0, 75.0]  12
V_1                     -   0

A note.
For research; not a medical device.
"""
    )


def test_markdown_escapes_bars() -> None:
    lines = small().as_markdown().splitlines()
    assert r"| S \| F | 50.00 [25.0, 75.0] | 12 |" in lines
    assert "| --- | ---: | ---: |" in lines
    assert "- weights: SHA-256 abc123def456789" in lines


def test_latex_escapes_what_it_must() -> None:
    lines = small().as_latex().splitlines()
    assert r"V\_1 & - & 0 \\" in lines
    assert "% model: my_model" in lines
    assert lines.count(r"\begin{table}") == lines.count(r"\end{table}") == 1


def test_json_says_why_a_figure_is_missing() -> None:
    assert Measured(Figure(math.nan, "no beat")).to_dict() == {"value": None, "reason": "no beat"}
    document = json.loads(json.dumps(small().to_dict(), allow_nan=False))
    assert document["provenance"]["weights"] == "abc123def456789"
    assert document["figures"]["Se"] == {"value": 0.5, "interval_95": [0.25, 0.75], "n_undefined": 3}
    assert document["notice"] == "For research; not a medical device."


@pytest.mark.parametrize("protocol", ["seed", "inter-patient", "ec57"])
def test_every_protocol_prints_in_every_form(protocol: str) -> None:
    """All rows of a table are of one width; JSON holds plain values; the key figures are defined."""
    result = three()[protocol]
    for table in result.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}
    json.dumps(result.to_dict(), allow_nan=False)
    for text in (result.as_text(), result.as_markdown(), result.as_latex()):
        assert "inter-patient" in text
        assert text.endswith("\n")
    assert any(measured.figure.defined for measured in result.key_figures.values())


def test_inter_patient_report_has_both_mappings_the_records_and_the_notes() -> None:
    text = three()["inter-patient"].as_text()
    for part in ("F1 (paper)", "F1 (bxb)", "without 232", "By record", "macro-F1 (N S V F)", "Mind this.", "8 beats, 0 missed"):
        assert part in text


def test_ec57_gross_figures_are_those_of_the_comparison() -> None:
    """Fusion beats called S count in a record's SVEB +P and not in the gross one, in figure and interval alike."""
    test = Annotations(MARKS.samples, np.array(list("NAVA")))
    records = {"100": MARKS, "232": MARKS}
    found = evaluate_ec57(dict.fromkeys(records, test), records, n_samples=dict.fromkeys(records, 2000), start_s=0.0)
    assert found.comparison.records[0].beats.sveb_predictivity.percent == 50.0
    assert found.gross["sveb_predictivity"] == Measured(Figure(1.0), Interval(1.0, 1.0))


@pytest.mark.parametrize("records", [{}, {"101": MARKS}])
def test_ec57_needs_the_same_records(records: dict[str, Annotations]) -> None:
    with pytest.raises(ConfigurationError, match="must be of the same records, at least one"):
        evaluate_ec57(records, {}, n_samples={})


def test_looks_are_appended_to_a_table(tmp_path: Path) -> None:
    """Date, commit, model, weights, protocol, records, and the figures that are defined."""
    log = tmp_path / "docs" / "ds2-log.md"
    for day in (1, 2):
        log_look(log, small(), date=dt.date(2026, 1, day))
    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines[-2:] == [
        f"| 2026-01-0{day} | 0123456 | my_model | abc123def456 | inter-patient | DS2; trained on DS1 | macro-F1 81.25 |"
        for day in (1, 2)
    ]
    assert lines[0] == "# Looks at DS2"


def test_another_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("mine\n", encoding="utf-8")
    with pytest.raises(OutputError, match=r"notes\.md must be a log of evaluations"):
        log_look(tmp_path / "notes.md", small())
    assert (tmp_path / "notes.md").read_text(encoding="utf-8") == "mine\n"
