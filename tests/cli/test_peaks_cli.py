"""``beatlens peaks``: R peaks as CSV, JSON or a WFDB annotation file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from beatlens.cli.peaks import peaks


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Twenty seconds of a made ECG, as CSV, with 24 beats."""
    t = np.arange(7200) / 360
    ecg = sum(np.exp(-0.5 * ((t - r) / 0.012) ** 2) + 0.25 * np.exp(-0.5 * ((t - r - 0.28) / 0.05) ** 2) for r in BEATS)
    path = tmp_path / "made.csv"
    rows = "".join(f"{a:.6f},{b:.4f}\n" for a, b in zip(t, ecg, strict=True))
    path.write_text("time_s,II_mV\n" + rows, encoding="utf-8")
    return path


BEATS = np.arange(0.5, 19.7, 0.8)


@pytest.fixture
def run_peaks() -> Callable[..., Any]:
    """Run the command by itself."""
    app = typer.Typer()
    app.command()(peaks)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_csv_is_the_default(run_peaks: Callable[..., Any], recording: Path) -> None:
    """One row a beat on stdout."""
    done = run_peaks(recording)
    assert done.exit_code == 0, done.output
    header, *rows = done.stdout.splitlines()
    assert header == "sample,time_s,confidence"
    found = np.array([float(row.split(",")[1]) for row in rows])
    np.testing.assert_allclose(found, BEATS, atol=0.006)


def test_json_is_one_document(run_peaks: Callable[..., Any], recording: Path) -> None:
    """With the rate and the leads."""
    found = json.loads(run_peaks(recording, "--json").stdout)
    assert (found["fs_hz"], found["leads"], len(found["samples"])) == (360.0, ["II"], len(BEATS))


def test_wfdb_annotations_are_read_back(run_peaks: Callable[..., Any], recording: Path, tmp_path: Path) -> None:
    """Every beat stands in the file, as N."""
    from beatlens.records.wfdb_format import read_annotations

    done = run_peaks(recording, "--format", "wfdb", "--out", tmp_path / "made.bl")
    assert done.exit_code == 0, done.output
    marks = read_annotations(tmp_path / "made", "bl")
    np.testing.assert_allclose(marks.samples / 360, BEATS, atol=0.006)
    assert set(marks.symbols.tolist()) == {"N"}


def test_wfdb_needs_a_file_name(run_peaks: Callable[..., Any], recording: Path) -> None:
    """It cannot go to stdout."""
    assert run_peaks(recording, "--format", "wfdb").exit_code == 2
