"""One recording is analysed and kept, or becomes a row that says why not."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from beatlens._io import sha256_of
from beatlens.analysis import Settings, analyze
from beatlens.batch.identity import Wanted, hash_content, make_identity
from beatlens.batch.one import DONE, FAILED, KEPT, Outcome, analyse_one
from beatlens.batch.sources import find_sources
from beatlens.errors import OutputError, RecordNotFoundError, UnknownNameError
from beatlens.records import read

WANTED = Wanted("rhythm-lstm", settings=Settings(explanations=0))


@dataclass
class Shelf:
    """Keeps results in memory."""

    held: dict = field(default_factory=dict)
    failures: list = field(default_factory=list)
    beats: dict = field(default_factory=dict)

    def find(self, identity, source):
        held = self.held.get(identity)
        return replace(held, status=KEPT) if held else None

    def save(self, outcome, analysis):
        self.held[outcome.identity] = outcome
        self.beats[outcome.identity] = analysis.beats
        return "shelf"

    def save_failure(self, outcome):
        self.failures.append(outcome)


def source_of(path: Path):
    (source,) = find_sources([path])
    return source


def test_a_recording_is_analysed_once(recordings):
    """The row says what `analyze` says; the second time what is kept is returned."""
    shelf = Shelf()
    first = analyse_one(source_of(recordings / "one.hea"), WANTED, shelf)
    assert (first.status, first.output, first.reason) == (DONE, "shelf", "")
    direct = analyze(read(recordings / "one"), model="rhythm-lstm", settings=WANTED.settings)
    assert first.facts["n_beats"] == direct.summary.n_beats > 20
    assert {name: first.facts[f"n_{name}"] for name in "NSVF"} == direct.summary.counts
    assert shelf.beats[first.identity].equals(direct.beats)
    assert analyse_one(source_of(recordings / "one.dat"), WANTED, shelf).status == KEPT
    assert len(shelf.held) == 1


def test_identity_is_content_and_what_was_asked(recordings, tmp_path):
    """A copy is the same analysis; another content, model or setting is another."""
    for file in recordings.glob("one.*"):
        shutil.copy(file, tmp_path)
    described = WANTED.describe()
    first = hash_content([recordings / "one.hea", recordings / "one.dat"])
    assert first == hash_content([tmp_path / "one.dat", tmp_path / "one.hea"])
    assert hash_content([tmp_path / "one.dat"]) == sha256_of(tmp_path / "one.dat")
    data = bytearray((tmp_path / "one.dat").read_bytes())
    data[0] ^= 1
    (tmp_path / "one.dat").write_bytes(data)
    assert first != hash_content([tmp_path / "one.hea", tmp_path / "one.dat"])
    others = [
        replace(WANTED, model="seed-lstm"),
        replace(WANTED, leads=("II",)),
        replace(WANTED, settings=Settings(explanations=0, pause_s=3.0)),
    ]
    identities = {make_identity(first, each.describe()) for each in [WANTED, *others]}
    assert len(identities) == 4
    assert make_identity(first, described) in identities


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [("bad.edf", "FormatError", "is not a recording"), ("nowhere.edf", "RecordNotFoundError", "no recording at")],
)
def test_a_bad_file_is_a_row_with_its_reason(recordings, name, error, sentence):
    """And is handed to the store, for it to keep or not."""
    shelf = Shelf()
    outcome = analyse_one(source_of(recordings / name), WANTED, shelf)
    assert (outcome.status, outcome.error, outcome.facts) == (FAILED, error, {})
    assert sentence in outcome.reason
    assert shelf.failures == [outcome]


def test_a_fault_of_the_code_is_a_row_too(recordings, monkeypatch):
    """It says what happened, and the run can go on."""

    def trip(*_args, **_options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("beatlens.analysis.analyze", trip)
    outcome = analyse_one(source_of(recordings / "one.hea"), WANTED, Shelf())
    assert (outcome.status, outcome.reason) == (FAILED, "an unexpected ZeroDivisionError: division by zero")
    assert outcome.hint == "This is a fault of Beatlens."


def test_a_place_that_cannot_be_written_is_not_the_recordings_fault(recordings, monkeypatch):
    """The error goes on to whoever runs the batch."""

    def full(*_args):
        raise OutputError("the disk is full")

    monkeypatch.setattr(Shelf, "save", full)
    with pytest.raises(OutputError, match="full"):
        analyse_one(source_of(recordings / "one.hea"), WANTED, Shelf())


def test_a_file_that_goes_away_is_named(tmp_path):
    """Between listing and reading."""
    with pytest.raises(RecordNotFoundError, match=r"gone\.dat cannot be read"):
        hash_content([tmp_path / "gone.dat"])


def test_an_unknown_model_is_said_before_any_work():
    """By describing what is wanted."""
    with pytest.raises(UnknownNameError, match="rhytm"):
        Wanted("rhytm-lstm").describe()


def test_an_outcome_prints_without_what_is_empty():
    """As one flat row in the types of JSON."""
    row = Outcome(DONE, "/a/x.edf", "x.edf", identity="ab", facts={"n_beats": 3}, seconds=1.23456).to_dict()
    assert row == {"status": "done", "source": "/a/x.edf", "name": "x.edf", "identity": "ab", "seconds": 1.235, "n_beats": 3}
