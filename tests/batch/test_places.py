"""Files on any file system: whole, or not there."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path

import fsspec
import pytest

from beatlens.batch.places import Place, is_remote, plain_path, require
from beatlens.errors import MissingDependencyError, OutputError, RecordNotFoundError


@pytest.fixture
def full_disk(monkeypatch):
    """The class `full_disk.FullDisk`, empty, under its own protocol."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "helpers"))
    disk = importlib.import_module("full_disk").FullDisk
    fsspec.register_implementation("fulldisk", disk, clobber=True)
    disk.store.clear()
    disk.room = 0
    return disk


@pytest.mark.parametrize("kind", ["local", "memory"])
def test_what_is_written_is_read_and_listed(kind, tmp_path):
    """On a disk and on a file system of fsspec; nothing temporary stays, and the last writing counts."""
    place = Place(str(tmp_path / "out") if kind == "local" else "memory://test_places/out")
    assert place.read("beats/a") is None
    assert place.list("beats") == {}
    place.write("beats/a", b"one")
    place.write("beats/a", b"two")
    assert (place.read("beats/a"), place.exists("beats/a"), set(place.list("beats"))) == (b"two", True, {"a"})
    assert pickle.loads(pickle.dumps(place)).read("beats/a") == b"two"  # noqa: S301 - our own bytes
    place.remove("beats/a")
    place.remove("beats/a")
    assert not place.exists("beats/a")


def test_a_full_disk_leaves_what_was_there(full_disk):
    """The sentence says what is wrong, the hint that the run goes on; no half file, under no name."""
    place = Place("fulldisk://out")
    full_disk.room = 10
    place.write("a", b"12345")
    with pytest.raises(OutputError, match="fulldisk://out cannot be written: No space left on device") as caught:
        place.write("a", b"1234567890")
    assert "it goes on" in (caught.value.hint or "")
    assert place.read("a") == b"12345"
    assert set(place.list("")) == {"a"}


def test_a_file_in_the_way_is_one_sentence(tmp_path):
    """Not a traceback."""
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        Place(str(tmp_path / "out")).write("beats/a", b"x")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_protocol_that_nobody_knows_is_one_sentence():
    """With what to install."""
    with pytest.raises(RecordNotFoundError, match="nonesuch://x cannot be reached") as caught:
        Place("nonesuch://x").exists("a")
    assert "Install" in (caught.value.hint or "")


def test_a_package_that_is_missing_is_named():
    """With the command that installs it."""
    with pytest.raises(MissingDependencyError, match="need the package 'nonesuch'") as caught:
        require("nonesuch.part")
    assert 'pip install "beatlens[cluster]"' in (caught.value.hint or "")


def test_paths_are_the_same_for_every_process(tmp_path, monkeypatch):
    """Relative ones and file URLs become absolute paths; URLs stay."""
    monkeypatch.chdir(tmp_path)
    assert plain_path("a/b") == str(tmp_path / "a" / "b") == plain_path(f"file://{tmp_path}/a/b")
    assert plain_path("s3://bucket/a/") == "s3://bucket/a"
    assert (is_remote("s3://a"), is_remote("/a"), is_remote("file:///a")) == (True, False, False)
