"""The bedside simulator of the examples."""

from __future__ import annotations

import runpy
from pathlib import Path


def test_the_bedside_example_runs(monkeypatch, capsys):
    """It plays the bundled recording and prints beats that are not normal, the heart rate, and the notice."""
    example = Path(__file__).parents[2] / "examples" / "bedside.py"
    monkeypatch.setattr("sys.argv", ["bedside.py", "--speed", "100000", "--seconds", "41"])
    runpy.run_path(str(example), run_name="__main__")
    told = capsys.readouterr().out
    assert "not a medical device" in told
    assert "beats per minute" in told
    assert " s later" in told
    assert "in 41 s of signal" in told
