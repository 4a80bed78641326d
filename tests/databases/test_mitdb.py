"""The MIT-BIH Arrhythmia Database: its splits, how it is found, fetched and verified."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from beatlens.databases import fetch, mitdb
from beatlens.errors import DownloadError, FormatError, HashMismatchError, LeakageError, RecordNotFoundError


def test_the_split_covers_the_database_once() -> None:
    """22 records each in DS1 and DS2, four paced ones, 48 in all."""
    assert len(mitdb.DS1) == len(mitdb.DS2) == 22
    assert len(mitdb.RECORDS) == len({*mitdb.DS1, *mitdb.DS2, *mitdb.PACED}) == 48


@pytest.mark.parametrize(("train", "test", "pair"), [(["100"], ["100"], "100"), (["201"], ["202"], "201 with 202")])
def test_a_patient_on_both_sides_is_a_leak(train: list[str], test: list[str], pair: str) -> None:
    """By record, and by patient: 201 and 202 are one."""
    with pytest.raises(LeakageError, match=f"both sides of an inter-patient split; got {pair}"):
        mitdb.check_patients_apart(train, test)


def test_the_known_leak_of_the_split_can_be_stated() -> None:
    """De Chazal's split passes only if its one shared patient is named."""
    with pytest.raises(LeakageError):
        mitdb.check_patients_apart(mitdb.DS1, mitdb.DS2)
    mitdb.check_patients_apart(mitdb.DS1, mitdb.DS2, allow=[("201", "202")])


def test_every_file_has_a_sum() -> None:
    """Three files a record, and two lists."""
    assert len(fetch.expected_sums()) == 3 * 48 + 2


def test_an_unknown_record_is_one_sentence_with_the_closest_name() -> None:
    """Before anything is looked for on disk."""
    with pytest.raises(RecordNotFoundError, match="'299' is not a record") as caught:
        mitdb.read_mitdb("299", Path("nowhere"))
    assert "Did you mean" in str(caught.value.hint)


def test_a_missing_database_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways are named: the command and the variable."""
    monkeypatch.setenv("BEATLENS_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with pytest.raises(RecordNotFoundError) as caught:
        mitdb.find_database()
    assert "beatlens data fetch mitdb" in str(caught.value.hint)
    assert "BEATLENS_DATA" in str(caught.value.hint)


@pytest.fixture
def two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of two files, one of them text with the other line ending."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "100.hea").write_bytes(b"100 2 360 650000\r\n")
    (source / "100.dat").write_bytes(bytes(range(256)) * 40)
    sums = {
        "100.hea": fetch.sha256_of(source / "100.hea", normalise_newlines=True),
        "100.dat": fetch.sha256_of(source / "100.dat"),
    }
    monkeypatch.setattr(fetch, "expected_sums", lambda: sums)
    return source


def test_fetching_from_a_folder_verifies_and_normalises(two_files: Path, tmp_path: Path) -> None:
    """Headers arrive with LF, and the second time nothing is brought."""
    seen: list[str] = []
    folder = fetch.fetch_database(source=two_files, destination=tmp_path / "db", on_progress=lambda name, *_: seen.append(name))
    assert (folder / "100.hea").read_bytes() == b"100 2 360 650000\n"
    assert fetch.verify_database(folder) == []
    fetch.fetch_database(source=two_files, destination=folder, on_progress=lambda name, *_: seen.append(name))
    assert seen == ["100.hea", "100.dat"]


def test_a_damaged_file_is_refused_and_what_was_whole_is_kept(two_files: Path, tmp_path: Path) -> None:
    """No file appears under its name before it is verified; a repaired source then completes the fetch."""
    data = (two_files / "100.dat").read_bytes()
    (two_files / "100.dat").write_bytes(data[:-1] + b"\x00")
    destination = tmp_path / "db"
    with pytest.raises(HashMismatchError, match=r"100\.dat"):
        fetch.fetch_database(source=two_files, destination=destination)
    assert [path.name for path in destination.iterdir()] == ["100.hea"]
    (two_files / "100.dat").write_bytes(data)
    assert fetch.verify_database(fetch.fetch_database(source=two_files, destination=destination)) == []


def test_fetching_from_an_archive(two_files: Path, tmp_path: Path) -> None:
    """Members are found by their names, in whatever folder of the archive they stand."""
    archive = tmp_path / "db.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as file:
        for path in two_files.iterdir():
            file.write(path, f"mitdb/{path.name}")
    assert fetch.verify_database(fetch.fetch_database(source=archive, destination=tmp_path / "db")) == []


def test_a_truncated_archive_is_one_sentence(two_files: Path, tmp_path: Path) -> None:
    """A zip without its end is no zip."""
    archive = tmp_path / "db.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(two_files / "100.dat", "100.dat")
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(FormatError, match="must be a zip archive or a folder"):
        fetch.fetch_database(source=archive, destination=tmp_path / "db")


@pytest.mark.parametrize("kind", ["missing", "incomplete"])
def test_a_source_that_lacks_files_is_named(kind: str, two_files: Path, tmp_path: Path) -> None:
    """The sentence names the source, or the file that it lacks."""
    if kind == "missing":
        with pytest.raises(RecordNotFoundError, match="does not exist"):
            fetch.fetch_database(source=tmp_path / "nowhere", destination=tmp_path / "db")
    else:
        (two_files / "100.dat").unlink()
        with pytest.raises(RecordNotFoundError, match=r"lacks the file 100\.dat"):
            fetch.fetch_database(source=two_files, destination=tmp_path / "db")


def test_offline_says_what_to_do(two_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence and a hint, and nothing half-written."""
    monkeypatch.setattr(fetch, "PHYSIONET", "http://127.0.0.1:9/")
    with pytest.raises(DownloadError, match="cannot be fetched") as caught:
        fetch.fetch_database(destination=tmp_path / "db")
    assert "--from" in str(caught.value.hint)
    assert not list((tmp_path / "db").iterdir())


def test_downloading_verifies_every_file(two_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files arrive over HTTP from a server of this test."""
    import functools
    import http.server
    import threading

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(two_files))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(fetch, "PHYSIONET", f"http://127.0.0.1:{server.server_port}/")
        folder = fetch.fetch_database(destination=tmp_path / "db")
        server.shutdown()
    assert fetch.verify_database(folder) == []


@pytest.mark.database
def test_a_record_is_read_with_both_leads_and_its_annotations(mitdb_folder: Path) -> None:
    """Record 208: MLII and V1, half an hour at 360 Hz, 3,040 marks."""
    record = mitdb.read_mitdb("208", mitdb_folder)
    assert record.lead_names == ("MLII", "V1")
    assert record.signal.shape == (650_000, 2)
    assert record.signal.dtype == np.float32
    assert record.annotations is not None
    assert len(record.annotations) == 3_040
