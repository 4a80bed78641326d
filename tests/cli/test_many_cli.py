"""``beatlens analyze`` with several recordings, as a shell sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

OPTIONS = ("--model", "rhythm-lstm", "--explanations", "0", "--workers", "1", "--fs", "250", "--unit", "mV")


@pytest.fixture
def strips(tmp_path, made_up):
    """Two recordings and a file that is none."""
    folder = tmp_path / "strips"
    folder.mkdir()
    for name, n in (("a", 20), ("b", 26)):
        np.save(folder / f"{name}.npy", made_up.make_record([(0.8, "N")] * n).signal[:, 0])
    (folder / "c.csv").write_text("not;a\ntable,")
    return folder


def test_a_folder_gives_a_table_and_goes_on_after_a_bad_file(run_beatlens, strips, tmp_path):
    """Exit status 1, the reasons on stderr; the second time what is complete is kept, and --json says the same."""
    out = tmp_path / "out"
    done = run_beatlens("analyze", str(strips), "--out", str(out), *OPTIONS)
    assert done.status == 1
    lines = done.output.splitlines()
    assert lines[0].split() == [
        "recording",
        "length",
        "beats",
        *lines[0].split()[3:-4],
        "doubtful",
        "rate/min",
        "pauses",
        "runs",
    ]
    assert lines[1].split()[:2] == ["a.npy", "17"]
    assert lines[3].split() == ["c.csv", "failed"]
    assert lines[4] == f"2 analysed, 1 failed. Reports: {out}"
    assert "error: 1 of 3 recordings failed" in done.errors
    assert "hint: " in done.errors
    assert "Traceback" not in done.errors
    assert sorted(path.name for path in out.iterdir()) == ["a.npy", "b.npy"]
    before = (out / "a.npy" / "report.html").stat().st_mtime_ns
    (strips / "c.csv").unlink()
    again = run_beatlens("analyze", str(strips / "a.npy"), str(strips / "b.npy"), "--out", str(out), "--json", *OPTIONS)
    assert again.status == 0, again.errors
    document = json.loads(again.output)
    assert (document["done"], document["kept"], document["failed"]) == (0, 2, 0)
    assert [row["name"] for row in document["recordings"]] == ["a.npy", "b.npy"]
    assert document["recordings"][1]["n_beats"] == 26
    assert (out / "a.npy" / "report.html").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--model", "rhytm-lstm"), "no model 'rhytm-lstm'"),
        (("--method", "salency"), "no explanation method 'salency'"),
        (("--out", "strips/a.npy"), "must be a folder; it is a file"),
    ],
)
def test_what_holds_for_all_is_said_once(run_beatlens, strips, tmp_path, monkeypatch, words, sentence):
    """Before any work, in one sentence, and nothing is left."""
    monkeypatch.chdir(tmp_path)
    done = run_beatlens("analyze", "strips", *words)
    assert (done.status, done.output) == (1, "")
    assert sentence in done.errors
    assert [path.name for path in tmp_path.iterdir()] == ["strips"]


def test_a_folder_without_recordings_is_one_sentence(run_beatlens, tmp_path):
    """With what was looked for."""
    done = run_beatlens("analyze", str(tmp_path))
    assert done.status == 1
    assert "error: no recording in" in done.errors


def test_killed_and_run_again(strips, tmp_path, made_up):
    """Killed hard in the middle: no half folder under a final name; the next run keeps what is whole and does the rest."""
    (strips / "c.csv").unlink()
    for place in range(3):
        np.save(strips / f"more{place}.npy", made_up.make_record([(0.8, "N")] * 30).signal[:, 0])
    out = tmp_path / "out"
    words = [sys.executable, "-m", "beatlens", "analyze", str(strips), "--out", str(out), "--json", *OPTIONS]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(out.glob("[!.]*/report.html")) or process.poll() is not None)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    whole = {path.parent.name for path in out.glob("[!.]*/report.html")}
    assert whole
    assert all((out / name / "source.json").is_file() for name in whole)
    again = subprocess.run(words, check=True, capture_output=True, text=True)
    document = json.loads(again.stdout)
    assert document["done"] + document["kept"] == 5
    assert document["kept"] >= len(whole)
    assert sorted(path.name for path in out.iterdir()) == sorted(source.name for source in strips.iterdir())


def wait_for(happened) -> None:
    """Wait until something has happened; the test's own limit ends it if it never does."""
    while not happened():
        time.sleep(0.02)


def test_one_file_is_as_before(run_beatlens, strips, tmp_path, monkeypatch):
    """One folder named after the recording, and its summary."""
    monkeypatch.chdir(tmp_path)
    done = run_beatlens("analyze", "strips/a.npy", *OPTIONS)
    assert done.status == 0, done.errors
    assert Path("a-report", "report.html").is_file()
    assert "Report: a-report/report.html" in done.output
