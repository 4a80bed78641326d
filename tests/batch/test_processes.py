"""Recordings in processes: one bad file, or one dead process, costs one recording."""

from __future__ import annotations

import importlib
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from beatlens.analysis import Settings
from beatlens.batch import processes
from beatlens.batch.identity import Wanted
from beatlens.batch.sources import find_sources
from beatlens.errors import ConfigurationError


def test_a_dead_process_costs_its_recording_only(recordings, monkeypatch):
    """The others are analysed, by two processes; every recording has exactly one outcome, in whatever order."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "helpers"))
    store = importlib.import_module("deadly_stores").DeadlyStore(deadly="deep/three", full="two")
    sources = find_sources([recordings])
    wanted = Wanted("rhythm-lstm", settings=Settings(explanations=0))
    outcomes = {each.name: each for each in processes.run_in_processes(sources, wanted, store, workers=2)}
    assert {name: each.status for name, each in outcomes.items()} == {
        "one": "done",
        "two": "failed",
        "deep/three": "failed",
        "bad.edf": "failed",
    }
    assert outcomes["deep/three"].reason == "the process that analysed it was ended from outside"
    assert outcomes["two"].reason == "the disk is full"
    assert "is not a recording" in outcomes["bad.edf"].reason


def test_the_number_of_processes_fits_the_machine(monkeypatch):
    """No more than recordings, processors, and memory for each; the user's word counts."""
    monkeypatch.setattr(processes, "_processors", lambda: 8)
    monkeypatch.setattr(processes, "_memory", lambda: 4 * processes.WORKER_BYTES)
    assert [processes.count_workers(None, n) for n in (1, 3, 100)] == [1, 3, 4]
    assert processes.count_workers(6, 100) == 6
    monkeypatch.setattr(processes, "_memory", lambda: 1)
    assert processes.count_workers(None, 100) == 1
    with pytest.raises(ConfigurationError, match="'workers' must be at least 1; got 0"):
        processes.count_workers(0, 3)


def test_a_process_that_died_idle_is_replaced(monkeypatch):
    """The recording goes to a new one."""

    class Dead:
        def submit(self, *_words):
            raise BrokenProcessPool("dead")

        def shutdown(self, **_options):
            pass

    class Alive(Dead):
        def submit(self, *words):
            return words

    worker = processes._Worker()
    worker._pool = Dead()
    monkeypatch.setattr(processes, "ProcessPoolExecutor", lambda *_words, **_options: Alive())
    assert worker.submit("source", "wanted", "store") == (processes.analyse_one, "source", "wanted", "store")
