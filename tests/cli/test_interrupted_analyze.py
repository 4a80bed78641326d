"""``beatlens analyze`` stopped from outside while it writes: nothing half-written is left where a result would be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beatlens.reports.saving import LEFT_OVER_S, save_analysis

ENDS_IN_S = 240
RECORDINGS = Path(__file__).parents[1] / "reports" / "made_up_recording.py"
COMMAND = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("made_up_recording", sys.argv.pop(1))
made_up = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made_up)
import beatlens.analysis.pipeline
beatlens.analysis.pipeline.load_model = lambda _name: made_up.WidthModel()  # quick to load, and not what is tested here
from beatlens.cli import main
main()
"""


def stop_while_writing(folder: Path, number: signal.Signals) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, and send it a signal as soon as its hidden folder appears."""
    words = [sys.executable, "-c", COMMAND, str(RECORDINGS)]
    words += ["analyze", "--method", "saliency", "--explanations", "0", "--out", str(folder / "out")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy()) as process:
        end = time.monotonic() + ENDS_IN_S
        while process.poll() is None and not any(folder.iterdir()) and time.monotonic() < end:
            time.sleep(0.005)
        process.send_signal(number)
        output, errors = process.communicate(timeout=ENDS_IN_S)
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_stop_it_leaves_nothing(tmp_path, number, status):
    """After Ctrl-C, or a polite kill: no folder, hidden or not, the usual status, and a sentence instead of a traceback."""
    done = stop_while_writing(tmp_path, number)
    assert (done.returncode, list(tmp_path.iterdir())) == (status, [])
    assert "stopped: nothing is half-written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_killed_outright_it_leaves_no_result(tmp_path):
    """After kill -9 there is no folder of the result's name; what is left is hidden."""
    assert stop_while_writing(tmp_path, signal.SIGKILL).returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert all(path.name.startswith(".out.") for path in tmp_path.iterdir())


def test_what_a_killed_run_left_is_cleared_by_a_later_one(known_analysis, tmp_path, monkeypatch):
    """Hidden folders of this result's name that nobody touched for an hour go; younger ones, and all else, stay."""
    monkeypatch.setattr("beatlens.reports.saving.draw_figures", lambda _analysis: [])
    old = [tmp_path / name for name in (".out.0123abcd", ".out.0123abcd.old", ".other.0123abcd", ".out.notes")]
    young = tmp_path / ".out.89abcdef"
    for path in [*old, young]:
        path.mkdir()
        (path / "file").write_text("x")
    for path in old:
        os.utime(path, times=(time.time() - LEFT_OVER_S - 60,) * 2)
    save_analysis(known_analysis, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {
        "out", ".out.0123abcd.old", ".other.0123abcd", ".out.notes", ".out.89abcdef",
    }  # fmt: skip
