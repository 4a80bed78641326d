"""What is kept of the built-in recording, and work that goes on beside the page."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from beatlens.analysis import Settings, analyze
from beatlens.app.services import kept, library
from beatlens.app.services.identity import hash_record
from beatlens.app.services.jobs import CancelledError, Job
from beatlens.app.services.library import Library
from beatlens.errors import SignalError
from beatlens.models.registry import load_card


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test's own."""
    monkeypatch.setenv("BEATLENS_CACHE", str(tmp_path))
    return tmp_path / "calls"


@pytest.fixture
def card():
    """The card of a model that tells N, S, V and F apart."""
    return load_card("rhythm-lstm")


def test_kept_calls_give_the_same_analysis(known_analysis, cache: Path, card) -> None:
    """Beats, classes, probabilities, doubts and reasons come back as they were; the model is not asked."""
    key = hash_record(known_analysis.record)
    assert kept.read_calls(card, key) is None
    kept.keep_calls(card, key, known_analysis)
    calls = kept.read_calls(card, key)
    settings = Settings(explanations=0, method="saliency")
    again = analyze(known_analysis.record, model=calls, r_samples=calls.samples, settings=settings)
    pd.testing.assert_frame_equal(again.beats, known_analysis.beats)
    assert (again.model.name, again.model.sha256) == ("rhythm-lstm", card.sha256)


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"name": "another"}])
def test_calls_of_other_weights_are_not_used(known_analysis, cache: Path, card, change: dict[str, str]) -> None:
    """Nothing is found under another hash or name."""
    kept.keep_calls(card, "recording", known_analysis)
    assert kept.read_calls(card, "recording") is not None
    assert kept.read_calls(card.model_copy(update=change), "recording") is None
    assert kept.read_calls(card, "another recording") is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 damaged", b"\x80\x04\x95nonsense"])
def test_a_damaged_file_is_as_good_as_none(known_analysis, cache: Path, card, content: bytes) -> None:
    """The analysis is made anew then; nothing is unpickled."""
    kept.keep_calls(card, "recording", known_analysis)
    (path,) = cache.iterdir()
    path.write_bytes(content)
    assert kept.read_calls(card, "recording") is None


def test_a_cache_that_cannot_be_written_is_done_without(known_analysis, tmp_path: Path, monkeypatch, card) -> None:
    """No error, and nothing is kept."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("BEATLENS_CACHE", str(tmp_path / "file"))
    kept.keep_calls(card, "recording", known_analysis)
    assert kept.read_calls(card, "recording") is None


@pytest.fixture
def slow(known_analysis, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A library whose analysis waits at its second stage until it is let go."""
    reached, go = threading.Event(), threading.Event()

    def pretend(record, *, progress, **_settings):
        progress("quality", 0.0)
        reached.set()
        assert go.wait(30)
        progress("R peaks", 0.0)
        return known_analysis

    monkeypatch.setattr(library, "analyze", pretend)
    mine = Library()
    mine._models["width"] = SimpleNamespace(name="width")
    return SimpleNamespace(library=mine, opened=mine.add(known_analysis.record), reached=reached, go=go)


def test_an_analysis_goes_on_beside_its_readers(slow: SimpleNamespace, known_analysis) -> None:
    """Two readers wait for one piece of work; it tells its stage, and both find its result."""
    job = slow.library.start(slow.opened, "width")
    assert slow.reached.wait(30)
    assert slow.library.start(slow.opened, "width") is job
    assert not job.wait(0)
    assert job.words.startswith("looking for what cannot be read")
    assert 0 < job.share < 0.5
    slow.go.set()
    assert job.wait(30)
    assert slow.library.analyse(slow.opened, "width") is known_analysis


def test_an_analysis_is_cancelled(slow: SimpleNamespace) -> None:
    """It ends before its next stage, nothing of it is kept, and it can be begun again."""
    job = slow.library.start(slow.opened, "width")
    assert slow.reached.wait(30)
    assert slow.library.cancel(slow.opened, "width")
    slow.go.set()
    with pytest.raises(CancelledError, match="cancelled"):
        job.wait(30)
    assert not slow.library.is_analysed(slow.opened, "width")
    assert slow.library.start(slow.opened, "width").wait(30)
    assert not slow.library.cancel(slow.opened, "width")


def test_one_reader_does_not_cancel_for_another(slow: SimpleNamespace) -> None:
    """As long as somebody waits the work goes on."""
    job = slow.library.start(slow.opened, "width")
    with job.watching():
        assert not slow.library.cancel(slow.opened, "width")
    slow.go.set()
    assert job.wait(30)


def test_an_error_reaches_everyone_who_waits(known_analysis) -> None:
    """The sentence is that of the analysis."""
    mine = Library()
    mine._models["width"] = SimpleNamespace(name="width", card=None)
    flat = replace(known_analysis.record, signal=np.zeros_like(known_analysis.record.signal))
    job = mine.start(mine.add(flat), "width")
    for _ in range(2):
        with pytest.raises(SignalError, match="flat"):
            job.wait(30)


def test_a_job_says_how_long_it_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whole seconds, from the first on."""
    from beatlens.app.services import jobs

    now = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    job = Job()
    assert job.words == "waiting for another analysis"
    now[0] = 103.4
    job.tell("classes", 0.0)
    assert job.words == "judging the heartbeats (3 s)"
