"""Corrections are kept as they are made, apart from those of others, and nothing is lost."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from beatlens.app.services.identity import corrections_path, hash_record
from beatlens.app.services.store import Edit, Key, Store, check_reviewer
from beatlens.errors import ConfigurationError, OutputError
from beatlens.records import Record

ANN = Key("ab" * 32, "N S V F Q", "ann")
BOB = Key("ab" * 32, "N S V F Q", "bob")
RECORDING = ("night", 360.0, 108000)


def add(store: Store, key: Key, sample: int, after: str | None = "V") -> None:
    store.add(key, f"beat {sample}", [Edit(sample, "N", after)], model="rhythm-lstm 1", recording=RECORDING)


def states(store: Store, key: Key) -> list[str]:
    return [change.state for change in store.changes(key)]


def test_a_change_is_on_the_disk_at_once(store: Store) -> None:
    """Another connection sees it as soon as `add` returns: a crash afterwards loses nothing."""
    add(store, ANN, 100)
    with sqlite3.connect(store.path) as database:
        assert database.execute("SELECT sample, before, after FROM edits").fetchall() == [(100, "N", "V")]
    (kept,) = Store(store.path).changes(ANN)
    assert kept.edits == (Edit(100, "N", "V"),)
    assert kept.made_at.endswith("+00:00")


def test_undo_and_redo_walk_along_the_changes(store: Store) -> None:
    """Undo takes the last one, redo gives it back, in order."""
    for sample in (1, 2, 3):
        add(store, ANN, sample)
    assert [store.undo(ANN).edits[0].sample for _ in range(2)] == [3, 2]
    assert states(store, ANN) == ["done", "undone", "undone"]
    assert store.redo(ANN).edits[0].sample == 2
    assert states(store, ANN) == ["done", "done", "undone"]


def test_a_new_change_ends_what_could_be_redone(store: Store) -> None:
    """What was undone stays in the database, and is not redone any more."""
    add(store, ANN, 1)
    store.undo(ANN)
    add(store, ANN, 2)
    assert states(store, ANN) == ["dropped", "done"]
    assert store.redo(ANN) is None


def test_nothing_to_undo(store: Store) -> None:
    """An empty history is no error."""
    assert store.undo(ANN) is None
    assert store.redo(ANN) is None


def test_reviewers_do_not_mix(store: Store) -> None:
    """Undo of one leaves the other's corrections of the same recording alone."""
    add(store, ANN, 1)
    add(store, BOB, 2, None)
    store.undo(ANN)
    assert states(store, BOB) == ["done"]
    assert [change.edits[0].after for change in store.changes(BOB)] == [None]
    assert store.reviewers(ANN.recording, ANN.labels) == ("ann", "bob")


def test_the_revision_changes_with_every_step(store: Store) -> None:
    """No two states of the history have the same revision."""
    seen = [store.revision(ANN)]
    for act in (lambda: add(store, ANN, 1), lambda: add(store, ANN, 2), lambda: store.undo(ANN), lambda: add(store, ANN, 3)):
        act()
        seen.append(store.revision(ANN))
    assert len(set(seen)) == len(seen)


def test_many_write_at_once(store: Store) -> None:
    """Threads that write together wait for each other; every change is there."""

    def work(key: Key) -> None:
        for sample in range(10):
            add(store, key, sample)

    threads = [threading.Thread(target=work, args=(Key("cd" * 32, "N", f"r{k}"),)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(store.changes(Key("cd" * 32, "N", f"r{k}"))) for k in range(4)] == [10] * 4


def test_an_empty_change_is_refused(store: Store) -> None:
    """A change without edits would undo nothing."""
    with pytest.raises(ConfigurationError, match="at least one edit"):
        store.add(ANN, "nothing", [], model="m", recording=RECORDING)


def test_a_database_of_a_later_version_is_not_touched(store: Store) -> None:
    """It is refused with what to do."""
    with sqlite3.connect(store.path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="later version"):
        Store(store.path)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """A file in the place of the folder is one sentence with a hint."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="cannot be kept") as caught:
        Store(tmp_path / "taken" / "corrections.sqlite3")
    assert "BEATLENS_DATA_HOME" in caught.value.hint


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is refused, and left as it is."""
    path = tmp_path / "corrections.sqlite3"
    path.write_text("this is not a database " * 100)
    with pytest.raises(OutputError, match="cannot be kept"):
        Store(path)
    assert path.read_text().startswith("this is not")


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_names_that_are_refused(name: str) -> None:
    """A name must be there and fit to be shown."""
    with pytest.raises(ConfigurationError, match="reviewer"):
        check_reviewer(name)


def test_a_name_is_kept_without_spaces_around_it() -> None:
    """Two spellings that look alike are one reviewer."""
    assert check_reviewer("  Ann   Bee ") == "Ann Bee"


def test_where_corrections_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """BEATLENS_DATA_HOME goes before XDG_DATA_HOME."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("BEATLENS_DATA_HOME", raising=False)
    assert corrections_path() == tmp_path / "xdg" / "beatlens" / "corrections.sqlite3"
    monkeypatch.setenv("BEATLENS_DATA_HOME", str(tmp_path / "own"))
    assert corrections_path() == tmp_path / "own" / "corrections.sqlite3"


def test_the_hash_is_of_the_voltages(made_up) -> None:
    """A name does not change it; a sample, a rate and a lead's name do."""
    record = made_up.make_record(made_up.RHYTHM)
    same = Record(record.signal.copy(), record.fs, record.lead_names, name="other")
    louder = Record(record.signal + 0.001, record.fs, record.lead_names)
    faster = Record(record.signal, 360.0, record.lead_names)
    renamed = Record(record.signal, record.fs, ("V1",))
    hashes = [hash_record(each) for each in (record, same, louder, faster, renamed)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4
