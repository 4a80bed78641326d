"""``beatlens ec57 compare`` from the outside: files, table, JSON, errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
import wfdb
from typer.testing import CliRunner

from beatlens.cli.ec57 import app, parse_time
from beatlens.errors import RecordNotFoundError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of one record of 1,000 s at 100 Hz with two annotators, the second of which misses a beat."""
    (tmp_path / "r1.hea").write_text("r1 1 100 100000\nr1.dat 16 200 11 0 0 0 0 MLII\n", encoding="utf-8")
    (tmp_path / "RECORDS").write_text("r1\n", encoding="utf-8")
    beats = np.arange(10_000, 90_000, 100)
    wfdb.wrann("r1", "atr", beats, symbol=["N"] * len(beats), write_dir=str(tmp_path))
    wfdb.wrann("r1", "me", beats[:-1], symbol=["N"] * (len(beats) - 1), write_dir=str(tmp_path))
    return tmp_path


def test_reports_and_table(folder: Path) -> None:
    """The reports are written, and the gross figures printed; only these stand on stdout."""
    result = CliRunner().invoke(app, ["compare", str(folder), "--test", "me", "--out", str(folder / "out")])
    assert result.exit_code == 0, result.output
    assert (folder / "out" / "bxb_line.txt").read_text(encoding="utf-8").splitlines()[1].startswith("  r1   599   0")
    assert result.stdout.startswith("me against atr in 1 records, from 300 s on")
    assert "99.83 (599/600)" in result.stdout
    assert "wrote 9 reports" in result.stderr


def test_json_from_the_start_given(folder: Path) -> None:
    """Stdout is one JSON document."""
    arguments = ["compare", str(folder), "--test", "me", "--out", str(folder / "out"), "--start", "0:14:00", "--json"]
    result = CliRunner().invoke(app, arguments)
    found = json.loads(result.stdout)
    assert found["start_s"] == 840
    assert found["gross"]["qrs_sensitivity"] == {"hits": 59, "cases": 60, "value": 59 / 60}


def test_a_list_of_records_can_be_given(folder: Path) -> None:
    (folder / "list").write_text("r1\nr2\n", encoding="utf-8")
    arguments = ["compare", str(folder), "--test", "me", "--out", str(folder / "out"), "--records", str(folder / "list")]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, RecordNotFoundError)
    assert str(result.exception).endswith("r2.hea")
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("90", 90.0), ("5:00", 300.0), ("1:30.5", 90.5), ("1:00:00", 3600.0), ("0:5:1", 301.0)]
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "5:ab", "-1", "1:60", "1:2:3:4", "1.5:00", "nan", "inf", "5:"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a time must be seconds, M:SS or H:MM:SS"):
        parse_time(text)
