"""Results as folders: each appears whole, is known again, and is named after its recording alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beatlens.batch.folders import MARK, FolderStore, name_targets
from beatlens.batch.one import DONE, KEPT, Outcome
from beatlens.batch.sources import Source
from beatlens.errors import OutputError

SOURCE = Source("/data/x.edf", "x.edf", ())
DONE_NOW = Outcome(DONE, SOURCE.url, SOURCE.name, identity="ab" * 16, content="cd" * 32, facts={"n_beats": 3})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore({SOURCE.url: tmp_path / "x.edf"})


def test_what_is_saved_is_found(store, known_analysis, tmp_path):
    """With its row; under another identity, or with a file missing, nothing is."""
    where = store.save(DONE_NOW, known_analysis)
    assert where == str(tmp_path / "x.edf")
    found = store.find(DONE_NOW.identity, SOURCE)
    assert (found.status, found.facts, found.output) == (KEPT, {"n_beats": 3}, where)
    assert store.find("other", SOURCE) is None
    (tmp_path / "x.edf" / "report.html").unlink()
    assert store.find(DONE_NOW.identity, SOURCE) is None
    assert [path.name for path in tmp_path.iterdir()] == ["x.edf"]


def test_an_earlier_analysis_is_replaced_only_by_force(store, known_analysis, tmp_path):
    """And a folder of something else never."""
    store.save(DONE_NOW, known_analysis)
    with pytest.raises(OutputError, match="holds an earlier analysis"):
        store.save(DONE_NOW, known_analysis)
    other = Outcome(DONE, SOURCE.url, SOURCE.name, identity="ef" * 16)
    forced = FolderStore(store.targets, force=True)
    forced.save(other, known_analysis)
    assert json.loads((tmp_path / "x.edf" / MARK).read_text())["identity"] == "ef" * 16
    assert [path.name for path in tmp_path.iterdir()] == ["x.edf"]
    mine = FolderStore({SOURCE.url: tmp_path / "mine"}, force=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="not an earlier analysis"):
        mine.save(DONE_NOW, known_analysis)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "mine"


def test_what_a_killed_run_left_is_removed(store, tmp_path):
    """Only what has the form of our own unfinished folders."""
    for name in (".x.edf.01234567", ".x.edf.89abcdef", ".y.edf.01234567", ".git", ".x.edf.keep", "y"):
        (tmp_path / name).mkdir()
    store.remove_leftovers()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", ".x.edf.keep", ".y.edf.01234567", "y"]


def test_a_damaged_mark_is_no_analysis(store, tmp_path):
    """Whatever it holds."""
    (tmp_path / "x.edf").mkdir()
    for content in ("", "[]", "{}", '{"identity": 1, "surprise": 2}'):
        (tmp_path / "x.edf" / MARK).write_text(content)
        assert store.find("ab" * 16, SOURCE) is None


def test_names_of_folders_never_meet(tmp_path):
    """Not even where capitals are not told apart, and never outside the folder."""
    sources = [Source(url, name, ()) for url, name in (("/a/1", "x/1"), ("/b/1", "x-1"), ("/c", "X-1"), ("/d", "../../etc"))]
    targets = name_targets(sources, tmp_path)
    names = [path.name for path in targets.values()]
    assert len({name.lower() for name in names}) == 4
    assert all(path.parent == tmp_path for path in targets.values())
    assert names[3] == "etc"
    assert name_targets(sources[:1], tmp_path) == {"/a/1": tmp_path / "x-1"}
