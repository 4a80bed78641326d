"""``beatlens info``: what it prints, and what it keeps to itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from beatlens.cli.read import info
from beatlens.errors import SignalError

app = typer.Typer()
app.command()(info)

EXPORT = (
    'Name,Jane Doe\nDate of Birth,"Jan 1, 1980"\nRecorded Date,2020-10-05 09:36:20 +0100\nSample Rate,512 hertz\n\n'
    "Lead,Lead I\nUnit,µV\n\n" + "".join(f"{value}\n" for value in range(1024))
)


def test_json_holds_what_is_in_the_file(tmp_path: Path) -> None:
    """The JSON has the format, leads, rate, length and start, and no name."""
    (tmp_path / "ecg.csv").write_text(EXPORT, encoding="utf-8")
    result = CliRunner().invoke(app, [str(tmp_path / "ecg.csv"), "--json", "--patient"])
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert (facts["format"], facts["leads"], facts["fs_hz"], facts["duration_s"]) == ("apple-health", ["I"], 512.0, 2.0)
    assert facts["start"] == "2020-10-05T09:36:20"
    assert facts["range_mv"] == {"I": [0.0, 1.023]}
    assert "Jane" not in result.output


def test_text_says_the_same(tmp_path: Path) -> None:
    """The text names the leads and the share of missing values."""
    signal = np.where(np.arange(1000) < 250, np.nan, 1.0)
    np.save(tmp_path / "x.npy", signal)
    result = CliRunner().invoke(app, [str(tmp_path / "x.npy"), "--fs", "250", "--unit", "mV", "--lead", "ecg"])
    assert result.exit_code == 0
    assert "ECG: 25.00%" in result.stdout
    assert "4 (0:00:04.000)" in result.stdout


def test_a_question_is_an_error_with_its_option(tmp_path: Path) -> None:
    """A file without a rate raises the error that the command shows, its hint naming --fs."""
    np.save(tmp_path / "x.npy", np.zeros(10))
    with pytest.raises(SignalError) as caught:
        CliRunner().invoke(app, [str(tmp_path / "x.npy")], catch_exceptions=False)
    assert "--fs" in str(caught.value.hint)
