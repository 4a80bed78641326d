"""Which recordings there are in a folder, and which files each is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from beatlens.batch.sources import find_sources, group_files, parse_header
from beatlens.errors import RecordNotFoundError


def touch(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def holters(tmp_path: Path) -> Path:
    """A folder with a WFDB record, one of two segments, an EDF file, texts beside them, and an earlier analysis."""
    touch(
        tmp_path,
        {
            "a.hea": "a 1 250 9\na.dat 16\n", "a.dat": "x", "a.atr": "y", "a.csv": "table",
            "long.hea": "long/2 1 250 20\nlong_1 10\nlong_2 10\n",
            "long_1.hea": "long_1 1 250 10\nlong_1.dat 16\n", "long_1.dat": "1",
            "long_2.hea": "long_2 1 250 10\nlong_2.dat 16\n", "long_2.dat": "2",
            "nights/b.EDF": "edf", "README.txt": "about", ".hidden.edf": "no",
            "report/analysis.json": "{}", "report/beats.csv": "1",
            "marks.hea": "marks 0 360 100\n", "notes.docx": "no",
        },
    )  # fmt: skip
    return tmp_path


def test_a_folder_is_searched(holters):
    """A record counts once with all its files; segments, texts, hidden files and earlier analyses are not recordings."""
    found = {source.name: [part.name for part in source.parts] for source in find_sources([holters])}
    assert {name: sorted(parts) for name, parts in found.items()} == {
        "a": ["a.atr", "a.dat", "a.hea"],
        "a.csv": ["a.csv"],
        "long": ["long.hea", "long_1.dat", "long_1.hea", "long_2.dat", "long_2.hea"],
        "nights/b.EDF": ["b.EDF"],
    }


@pytest.mark.parametrize("name", ["a", "a.hea", "a.dat", "a.atr"])
def test_a_record_may_be_named_by_any_of_its_files(holters, name):
    """The same files belong to it, and the same name stands in tables."""
    (source,) = find_sources([holters / name])
    assert (source.name, [part.name for part in source.parts]) == ("a", ["a.hea", "a.dat", "a.atr"])


def test_a_table_beside_a_header_is_a_table(holters):
    """Its name says so, as for the reader."""
    (source,) = find_sources([holters / "a.csv"])
    assert [part.name for part in source.parts] == ["a.csv"]


def test_what_is_given_twice_is_there_once_and_what_is_not_there_is_kept(holters):
    """A missing file becomes a recording without parts: a row that says so comes of it."""
    found = find_sources([holters / "a.hea", holters, holters / "none.edf"])
    assert [source.name for source in found] == ["a", "a.csv", "long", "nights/b.EDF", "none.edf"]
    assert (found[-1].parts, found[-1].stamp) == ((), "")


def test_a_folder_without_recordings_is_refused(tmp_path):
    """In one sentence that says what was looked for."""
    with pytest.raises(RecordNotFoundError, match="no recording in") as caught:
        find_sources([tmp_path])
    assert ".edf" in (caught.value.hint or "")


def test_links_in_a_circle_end(holters):
    """A link to a folder is not followed."""
    (holters / "nights" / "up").symlink_to(holters, target_is_directory=True)
    assert len(find_sources([holters])) == 4


def test_a_header_that_names_itself_ends():
    """Nothing is read twice, whatever a header says."""
    header = b"x/1 1 250 10\nx 10\n"
    assert parse_header(header) == (["x.hea"], ["x"])
    assert group_files([], "/", lambda _urls: {}) == []


def test_names_outside_the_folder_are_left_out():
    """A header cannot make another folder's files part of a recording."""
    assert parse_header(b"x 2 250 10\n../secret.dat 16\nx.dat 16\n")[0] == ["x.dat"]


def test_the_stamp_follows_the_files(holters):
    """It changes when a file of the recording does."""
    before = find_sources([holters / "a"])[0].stamp
    (holters / "a.dat").write_text("longer")
    assert find_sources([holters / "a"])[0].stamp != before
