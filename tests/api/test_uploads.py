"""What a stranger's files may be called, and what may be in a zip: names are compared, never used as paths."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from beatlens.api.problems import RequestError
from beatlens.api.uploads import Part, lay_out
from beatlens.records import read

HOSTILE = (
    "../../../../tmp/evil.csv",
    "/etc/cron.d/evil",
    "..\\..\\evil.csv",
    "C:\\Windows\\evil.csv",
    "evil\x00.csv",
    ".",
    "..",
    "",
    "a" * 3000,
    "jobs.sqlite3",
    "\u202egpj.csv",
    "$(touch evil).csv",
)


@pytest.fixture
def arrived(tmp_path: Path) -> Callable[..., list[Part]]:
    """Return a function that stores files as the server does."""
    folder = tmp_path / "arrived"
    folder.mkdir()

    def store(**files: bytes) -> list[Part]:
        return store_all(files.items())

    def store_all(files: Any) -> list[Part]:
        parts = []
        for number, (name, content) in enumerate(files):
            path = folder / f"part-{number}"
            path.write_bytes(content)
            parts.append(Part(name, path))
        return parts

    store.all = store_all  # type: ignore[attr-defined]
    return store


@pytest.fixture
def wfdb_files(synthetic: ModuleType, tmp_path: Path) -> dict[str, bytes]:
    """The files of a small WFDB record."""
    folder = tmp_path / "original"
    folder.mkdir()
    synthetic.write_wfdb(folder, synthetic.beats(), name="r100")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """The module `synthetic_recordings`."""
    import importlib.util

    place = Path(__file__).parents[1] / "records" / "synthetic_recordings.py"
    spec = importlib.util.spec_from_file_location("synthetic_recordings", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of some files."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return file.getvalue()


def all_files(folder: Path) -> Iterator[str]:
    """Yield the names of all files below a folder."""
    return (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_never_a_path(client: TestClient, strip_csv: bytes, name: str, tmp_path: Path) -> None:
    """Whatever an upload is called, it is analysed, and no file is made but those of its job."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % name.encode()
        + strip_csv
        + b"\r\n--x--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/analyses", params={"wait": 30}, content=body, headers=headers)
    if name == "":  # a part without a file name is a field
        assert answer.status_code in (200, 422)
        return
    assert answer.status_code == 200, answer.text
    shown = answer.json()["name"]
    assert shown
    assert len(shown) <= 80
    assert not set("/\\\x00\n\u202e") & set(shown)
    own = f"data/jobs/{answer.json()['id']}/results/"
    made = [file for file in all_files(tmp_path) if not file.startswith((own, "data/jobs.sqlite3"))]
    assert made == []


def test_two_files_with_hostile_names(client: TestClient, strip_csv: bytes, tmp_path: Path) -> None:
    """Two files that name paths outside, and each other's, are refused as no record, and leave nothing."""
    files = [("file", ("../../a.hea", b"a 1 250 10\n../../b.dat 16 200 16 0 0 0 0 II\n")), ("file", ("/etc/passwd", strip_csv))]
    answer = client.post("/v1/analyses", files=files)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "a WFDB header names '../../b.dat', which was not sent"
    assert [file for file in all_files(tmp_path) if not file.startswith("data/jobs.sqlite3")] == []


def test_a_wfdb_record_as_parts_and_as_a_zip(client: TestClient, synthetic: ModuleType, wfdb_files: dict[str, bytes]) -> None:
    """The files of a record, in any order and with folders in their names, give the record."""
    parts = [("file", (f"some\\folder/{name}", content)) for name, content in sorted(wfdb_files.items(), reverse=True)]
    nested = zipped({f"deep/er/{name}": content for name, content in wfdb_files.items()} | {"__MACOSX/._r100.hea": b"x"})
    for files in (parts, [("file", ("archive.zip", nested))]):
        answer = client.post("/v1/analyses", params={"wait": 30}, files=files)
        assert answer.status_code == 200, answer.text
        assert answer.json()["name"] == "r100"
        assert answer.json()["analysis"]["recording"]["source"] == "wfdb"
        assert set(answer.json()["analysis"]["recording"]["lead_names"]) == set(synthetic.LEADS)


def test_a_rewritten_header_reads_as_the_original(
    synthetic: ModuleType, wfdb_files: dict[str, bytes], arrived: Any, tmp_path: Path
) -> None:
    """The signal is the one that was sent, and what a header says of a person is gone."""
    wfdb_files["r100.hea"] += b"# 69 M John Doe\n"
    path, name = lay_out(arrived.all(wfdb_files.items()), most_bytes=1 << 20)
    assert name == "r100"
    np.testing.assert_array_equal(read(path).signal, read(tmp_path / "original" / "r100").signal)
    assert "Doe" not in path.read_text()


def test_a_record_of_several_segments(synthetic: ModuleType, arrived: Any, tmp_path: Path) -> None:
    """Segments and gaps are found by the names that they have here."""
    folder = tmp_path / "segments"
    folder.mkdir()
    for name in ("s1", "s2"):
        synthetic.write_wfdb(folder, synthetic.beats(500), name=name)
    (folder / "whole.hea").write_text("whole/3 2 250 1250\ns1 500\n~ 250\ns2 500\n")
    path, name = lay_out(arrived.all((p.name, p.read_bytes()) for p in folder.iterdir()), most_bytes=1 << 20)
    assert name == "whole"
    np.testing.assert_array_equal(read(path).signal, read(folder / "whole").signal)


@pytest.mark.parametrize(
    ("files", "status", "sentence"),
    [
        ({}, 422, "must have a file"),
        ({"a.csv": b"1\n", "b.csv": b"2\n"}, 422, "got no header among a.csv, b.csv"),
        ({"a.hea": b"a 0 1\n", "b.hea": b"b 0 1\n"}, 422, "must be one record; got the headers of a, b"),
        ({"a/r.hea": b"r 0 1\n", "b/r.hea": b"r 0 1\n"}, 422, "one name twice"),
        ({"r.hea": b"# only a comment\n"}, 422, "must have a record line"),
        ({"r.hea": b"r/1 1 250 10\nx/../y 10\n"}, 422, r"names 'x/../y.hea', which was not sent"),
        ({"a.bin": bytes(range(256))}, 415, "the file is not a recording"),
        ({"a.csv": b""}, 415, "the file is empty"),
        ({"a.gz": b"\x1f\x8b\x08" + bytes(64)}, 415, r"compressed \(gzip\)"),
        ({"a.zip": zipped({})}, 422, "must hold the files of a recording; it holds none"),
        ({"a.zip": zipped({"a.csv": b"1\n", "b.csv": b"1\n"})}, 422, "got no header"),
        ({"a.zip": zipped({"b.zip": zipped({"a.csv": b"1\n"})})}, 415, r"an archive \(zip\)"),
        ({"a.zip": zipped({"a.csv": b"1\n"}, zipfile.ZIP_LZMA)}, 415, "must be stored or deflated"),
        ({"a.zip": zipped({f"{n}.csv": b"" for n in range(1025)})}, 422, "at most 1024 files; got 1025"),
        ({"a.zip": zipped({"a.csv": b"1\n" * 50})[:-40]}, 422, "list of files is damaged"),
        ({"a.zip": zipped({"a.csv": bytes(3 << 20)})}, 413, "must unpack to at most 2 MB"),
        ({"a.zip": zipped({f"{n}": bytes(1 << 20) for n in range(3)})}, 413, "must unpack to at most 2 MB"),
    ],
)
def test_uploads_that_are_refused(arrived: Any, files: dict[str, bytes], status: int, sentence: str) -> None:
    """Each has its status and its sentence; a zip that unpacks to more than it may is stopped on the way."""
    with pytest.raises(RequestError, match=sentence) as refusal:
        lay_out(arrived.all(files.items()), most_bytes=2 << 20)
    assert refusal.value.status == status


def test_a_zip_that_lies_about_its_sizes(arrived: Any) -> None:
    """What counts is what comes out: a member that claims 10 bytes and holds 3 MB is refused."""
    raw = bytearray(zipped({"a.csv": bytes(3 << 20)}))
    directory = raw.rindex(b"PK\x01\x02")
    raw[22:26] = raw[directory + 24 : directory + 28] = struct.pack("<I", 10)
    with pytest.raises(RequestError) as refusal:
        lay_out(arrived.all([("a.zip", bytes(raw))]), most_bytes=2 << 20)
    assert refusal.value.status in (413, 422)


def test_a_zip_whose_list_of_files_is_a_bomb(arrived: Any) -> None:
    """A list of files of gigabytes is refused before Python reads it."""
    raw = bytearray(zipped({"a.csv": b"1\n"}))
    end = raw.rindex(b"PK\x05\x06")
    raw[end + 12 : end + 16] = struct.pack("<I", 1 << 30)
    with pytest.raises(RequestError, match="damaged or too long"):
        lay_out(arrived.all([("a.zip", bytes(raw))]), most_bytes=2 << 20)


def test_links_in_a_zip_are_files(arrived: Any) -> None:
    """A symbolic link in a zip is unpacked as the text that it holds, and read as no recording."""
    info = zipfile.ZipInfo("link.csv")
    info.external_attr = 0o120777 << 16
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(info, "/etc/passwd")
        raw = file.getvalue()
    path, _ = lay_out(arrived.all([("a.zip", raw)]), most_bytes=2 << 20)
    assert not path.is_symlink()
    assert path.read_text() == "/etc/passwd"


def test_numpy_archives_go_to_their_reader(arrived: Any) -> None:
    """An .npz is a zip, too, and is read as it is."""
    with io.BytesIO() as file:
        np.savez(file, signal=np.zeros((500, 1)), fs=250.0, unit=np.array("mV"), lead_names=np.array(["II"]))
        raw = file.getvalue()
    path, _ = lay_out(arrived.all([("a.npz", raw)]), most_bytes=2 << 20)
    assert read(path).fs == 250


@pytest.mark.parametrize("text", ["<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><AnnotatedECG>&x;</AnnotatedECG>"])
def test_entities_in_an_upload(client: TestClient, text: str) -> None:
    """XML that declares entities is refused; nothing of the file that it points at comes back."""
    answer = client.post("/v1/analyses", params={"wait": 30}, files={"file": ("a.xml", text.encode())})
    assert answer.status_code == 422
    assert "declares XML entities" in answer.json()["detail"]
    assert "root:" not in answer.text
