"""``beatlens batch`` as a shell sees it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from beatlens.cli.batch import Pace

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    """A cluster in this process."""
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as found:
        yield found


@pytest.fixture
def here(client, monkeypatch):
    """Let the command use the cluster in this process."""
    monkeypatch.setattr("beatlens.batch.cluster.local_cluster", lambda *_args, **_options: contextlib.nullcontext(client))


@pytest.fixture
def strips(tmp_path, made_up):
    """Four recordings and a file that is none."""
    folder = tmp_path / "strips"
    folder.mkdir()
    for name, n in (("a", 20), ("b", 26), ("c", 28), ("d", 30)):
        np.save(folder / f"{name}.npy", made_up.make_record([(0.8, "N")] * n).signal[:, 0])
    (folder / "e.edf").write_bytes(b"\x00\x01")
    return folder


OPTIONS = ("--fs", "250", "--unit", "mV")


def test_a_folder_becomes_shards(run_beatlens, here, strips, tmp_path):
    """Exit status 1 for the one that failed, its reason on stderr; the second time all is there, and events are printed."""
    out = tmp_path / "out"
    done = run_beatlens("batch", str(strips), "--out", str(out), *OPTIONS)
    assert (done.status, done.output) == (1, f"4 analysed, 1 failed. Results: {out}\n")
    assert "5 of 5 recordings, 1 failed, " in done.errors
    assert "hours of ECG per second" in done.errors
    assert "error: 1 of 5 recordings failed\n  e.edf: " in done.errors
    assert "hint: " in done.errors
    (strips / "e.edf").unlink()
    again = run_beatlens("batch", str(strips), "--out", str(out), "--json", *OPTIONS)
    assert again.status == 0, again.errors
    events = [json.loads(line) for line in again.output.splitlines()]
    assert [event["event"] for event in events] == ["start", *["recording"] * 4, "progress", "end"]
    assert (events[-1]["kept"], events[-1]["done"], events[-1]["failed"]) == (4, 0, 0)
    assert events[1]["status"] == "kept"


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("strips", "--out", "o", "--model", "rhytm-lstm"), 1, "no model 'rhytm-lstm'"),
        (("nowhere", "--out", "o"), 1, "no recordings at"),
        (("strips", "--out", "memory://o"), 1, "is seen by one process only"),
        (("strips", "--out", "o", "--scheduler", "tcp://127.0.0.1:9", "--workers", "2"), 2, "leave them out with --scheduler"),
        (("strips",), 2, "--out"),
    ],
)
def test_wrong_use_is_one_sentence(run_beatlens, strips, tmp_path, monkeypatch, words, status, sentence):
    """And nothing is written."""
    monkeypatch.chdir(tmp_path)
    done = run_beatlens("batch", *words)
    assert (done.status, done.output) == (status, "")
    assert sentence in done.errors
    assert [path.name for path in tmp_path.iterdir()] == ["strips"]


def test_killed_and_run_again(run_beatlens, here, strips, tmp_path):
    """The command is killed hard after its first recording; run again it goes on: nothing twice, nothing lost."""
    (strips / "e.edf").unlink()
    out = tmp_path / "out"
    words = ("batch", str(strips), "--out", str(out), "--json", *OPTIONS)
    command = [sys.executable, "-m", "beatlens", *words, "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        first = next(line for line in process.stdout if json.loads(line)["event"] == "recording")
        os.kill(process.pid, signal.SIGKILL)
    again = run_beatlens(*words)
    assert again.status == 0, again.errors
    events = [json.loads(line) for line in again.output.splitlines()]
    assert events[-1]["done"] + events[-1]["kept"] == 4
    statuses = {event["name"]: event["status"] for event in events if event["event"] == "recording"}
    assert statuses[json.loads(first)["name"]] == "kept"
    rows = [row for file in (out / "recordings").glob("*.parquet") for row in pq.read_table(file).to_pylist()]
    assert sorted(row["name"] for row in rows) == ["a.npy", "b.npy", "c.npy", "d.npy"]
    for kind in ("beats", "events"):
        assert {file.stem for file in (out / kind).glob("*.parquet")} == {row["id"] for row in rows}


def test_the_pace_is_of_what_was_done_now(monkeypatch):
    """What was there before does not count towards the rate, nor towards the time left."""
    from beatlens.batch import Outcome, Source
    from beatlens.batch.sources import Part

    now = [100.0]
    monkeypatch.setattr("beatlens.cli.batch.time.monotonic", lambda: now[0])
    pace = Pace(4, 4000, began=100.0)
    source = Source("/x", "x", (Part("/x", 1000, ""),))
    pace.count(source, Outcome("kept", "/x", "x"))
    assert pace.to_dict()["left_s"] is None
    now[0] = 110.0
    pace.count(source, Outcome("done", "/x", "x", seconds=9.0, facts={"duration_s": 72000.0}))
    assert (pace.to_dict()["ecg_hours_per_s"], pace.to_dict()["left_s"]) == (2.0, 20.0)
    assert pace.in_words() == "2 of 4 recordings, 2 hours of ECG per second, 0:00:20 left"
