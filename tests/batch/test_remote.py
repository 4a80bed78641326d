"""The recordings of a batch: of a folder, a list, or a URL."""

from __future__ import annotations

import fsspec
import pytest

from beatlens.batch.one import local_files
from beatlens.batch.remote import find_batch, read_list
from beatlens.errors import FormatError, RecordNotFoundError


@pytest.fixture
def bucket(recordings):
    """The recordings in a store that only fsspec reaches."""
    memory = fsspec.filesystem("memory")
    memory.put(str(recordings), "/bucket/", recursive=True)
    yield f"memory://bucket/{recordings.name}"
    memory.rm("/bucket", recursive=True)


def test_a_folder_elsewhere_is_searched_like_one_here(bucket, recordings):
    """The same names, the same files with the same sizes; the place for results is left out."""
    here, there = find_batch(str(recordings)), find_batch(bucket, leave_out=[f"{bucket}/deep"])
    assert [source.name for source in here] == ["bad.edf", "deep/three", "one", "two"]
    assert [source.name for source in there] == ["bad.edf", "one", "two"]
    sizes = {source.name: [(part.name, part.size) for part in source.parts] for source in here}
    assert all([(part.name, part.size) for part in source.parts] == sizes[source.name] for source in there)
    assert all(source.stamp for source in there)


def test_what_is_elsewhere_is_copied_for_as_long_as_it_is_read(bucket, recordings):
    """With its name, under a folder that is gone afterwards."""
    (source,) = [each for each in find_batch(bucket) if each.name == "one"]
    with local_files(source) as (first, *files):
        assert first.name == "one.hea"
        assert [file.read_bytes() for file in files] == [(recordings / file.name).read_bytes() for file in files]
    assert not first.parent.exists()


def test_a_list_names_recordings_here_and_elsewhere(bucket, recordings):
    """Relative to the list, or by URL; what is not there becomes a recording without files, each counts once."""
    file = recordings.parent / "list.csv"
    file.write_text(
        f"patient,path\n1,{recordings.name}/one\n2,{bucket}/two\n3,nowhere.edf\n4,{bucket}/none\n5,{recordings.name}/one\n"
    )
    found = {source.name: [part.name for part in source.parts] for source in find_batch(str(file))}
    assert found == {
        f"{recordings.name}/one": ["one.hea", "one.dat"],
        f"{bucket}/two": ["two.hea", "two.dat"],
        "nowhere.edf": [],
        f"{bucket}/none": [],
    }


def test_a_list_elsewhere(bucket):
    """Such as the file RECORDS of a database."""
    with fsspec.open(f"{bucket}/RECORDS", "w") as file:
        file.write("one\ndeep/three\n")
    assert [source.parts[0].name for source in find_batch(f"{bucket}/RECORDS")] == ["one.hea", "three.hea"]


@pytest.mark.parametrize(
    ("content", "entries"),
    [
        (b"100\n101\n", ["100", "101"]),
        (b"\xef\xbb\xbf# night\r\na b.edf\r\n\r\n", ["a b.edf"]),
        (b'id\turl\n1\t"s3://x/a,b.edf"\n', ["s3://x/a,b.edf"]),
        (b"a.edf,first\nb.edf,second\n", ["a.edf", "b.edf"]),
    ],
)
def test_lists_of_every_kind(content, entries):
    """Lines, tables with a header in any separator, tables without one."""
    assert read_list(content, "list") == entries


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"path\n", b"\xff\xfe\x00a"])
def test_a_list_of_nothing_is_refused(content):
    """In one sentence."""
    with pytest.raises(FormatError, match="list must"):
        read_list(content, "list")


def test_a_recording_is_not_taken_for_a_list(tmp_path):
    """A table of samples begins with a number that is no file."""
    (tmp_path / "ecg.csv").write_text("0.1,0.2\n0.2,0.3\n")
    with pytest.raises(FormatError, match=r"it begins with the number 0\.1") as caught:
        find_batch(str(tmp_path / "ecg.csv"))
    assert "beatlens analyze FILE" in (caught.value.hint or "")


@pytest.mark.parametrize("place", ["nowhere", "memory://test_remote/nowhere"])
def test_a_place_without_recordings_is_refused(place, tmp_path, monkeypatch):
    """Here and elsewhere."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordNotFoundError):
        find_batch(place)
