"""Many recordings on Dask: everything once, nothing twice, whatever happens between."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from beatlens.analysis import Settings, analyze
from beatlens.batch import cluster as on_cluster
from beatlens.batch.cluster import Batch
from beatlens.batch.identity import Wanted
from beatlens.batch.lock import NAME as LOCK
from beatlens.batch.lock import RunLock
from beatlens.batch.manifest import NAME as MANIFEST
from beatlens.batch.places import Place
from beatlens.batch.remote import find_batch
from beatlens.errors import BeatlensError, ConfigurationError, OutputError
from beatlens.records import read

distributed = pytest.importorskip("distributed")

WANTED = Wanted("rhythm-lstm", settings=Settings(explanations=0))


@pytest.fixture(scope="module")
def client():
    """A cluster in this process: a scheduler and one worker with two threads."""
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0") as found:
        yield found


@pytest.fixture
def own(recordings, tmp_path):
    """A copy of the recordings that a test may change."""
    return Path(shutil.copytree(recordings, tmp_path / "in"))


@pytest.fixture
def run(client, own, tmp_path):
    """Return a function that runs a batch and returns the result with the status of every recording."""

    def go(out=tmp_path / "out", **options):
        wanted = options.pop("wanted", WANTED)
        statuses = {}
        batch = Batch(find_batch(str(own), leave_out=[str(out)]), wanted, str(out), **options)
        result = batch.run(
            contextlib.nullcontext(client), lambda source, outcome: statuses.update({source.name: outcome.status})
        )
        return result, statuses

    return go


ALL_DONE = {"bad.edf": "failed", "deep/three": "done", "one": "done", "two": "done"}
ALL_KEPT = {"bad.edf": "failed", "deep/three": "kept", "one": "kept", "two": "kept"}


def rows_of(out: Path, kind: str = "recordings"):
    """All rows of the shards of a kind, as a query over the folder sees them."""
    return [row for file in sorted((out / kind).glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_every_recording_is_one_row_and_the_same_as_alone(run, own, tmp_path):
    """Beats to the last digit, events and summary as `analyze` gives them; the bad file is a row with its reason."""
    result, statuses = run()
    assert statuses == ALL_DONE
    assert (result.counts, result.same) == ({"done": 3, "kept": 0, "failed": 1}, 0)
    rows = {row["name"]: row for row in rows_of(tmp_path / "out")}
    assert set(rows) == set(ALL_DONE)
    assert (rows["bad.edf"]["status"], rows["bad.edf"]["n_beats"]) == ("failed", None)
    assert "is not a recording" in rows["bad.edf"]["reason"]
    alone = analyze(read(own / "deep" / "three"), model="rhythm-lstm", settings=WANTED.settings)
    row = rows["deep/three"]
    beats = pq.read_table(tmp_path / "out" / "beats" / f"{row['id']}.parquet").to_pandas()
    assert set(beats.pop("id")) == {row["id"]}
    assert beats.pop("beat").tolist() == list(range(len(beats)))
    for name in alone.beats.columns:
        exact = np.float64 if alone.beats[name].dtype.kind == "f" else object
        found, expected = (table[name].to_numpy(exact) for table in (beats, alone.beats))
        np.testing.assert_array_equal(found, expected, err_msg=name)
    events = pq.read_table(tmp_path / "out" / "events" / f"{row['id']}.parquet").to_pylist()
    assert [(event["kind"], event["start_s"]) for event in events] == [(event.kind, event.start_s) for event in alone.events]
    assert {name: row[f"n_{name}"] for name in "NSVF"} == alone.summary.counts
    assert json.loads(row["asked"])["model"]["sha256"] == row["model_sha256"] == alone.model.sha256


def test_the_second_run_finds_everything(run, own, tmp_path, monkeypatch):
    """Without asking the cluster, and without reading a recording; nothing changes."""
    run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    monkeypatch.setattr(on_cluster, "run_on_cluster", None)
    result, statuses = run()
    assert statuses == ALL_KEPT
    assert result.counts == {"done": 0, "kept": 3, "failed": 1}
    assert result.failed[0].reason.startswith("bad.edf is not a recording")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")} == before
    assert not (tmp_path / "out" / LOCK).exists()


@pytest.mark.parametrize("damage", ["lost", "damaged"])
def test_a_manifest_that_is_gone_is_made_anew(run, tmp_path, damage):
    """From the rows: the sources are read again, and not analysed."""
    run()
    manifest = tmp_path / "out" / MANIFEST
    if damage == "lost":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text()[:-20])
    assert run()[1] == ALL_KEPT
    assert len(manifest.read_text().splitlines()) == 4
    assert len(rows_of(tmp_path / "out")) == 4


@pytest.mark.parametrize("kind", ["beats", "events", "recordings"])
def test_a_shard_that_is_gone_is_made_anew(run, tmp_path, kind):
    """As after a kill between the shards of one recording."""
    run()
    (row,) = [row for row in rows_of(tmp_path / "out") if row["name"] == "one"]
    (tmp_path / "out" / kind / f"{row['id']}.parquet").unlink()
    assert run()[1] == {**ALL_KEPT, "one": "done"}
    assert len(rows_of(tmp_path / "out", kind)) > 0
    assert (tmp_path / "out" / kind / f"{row['id']}.parquet").is_file()


def test_what_has_changed_is_analysed_and_its_old_rows_go(run, own, tmp_path, write_recording):
    """A new content takes the place of the old; a touched file is read, and kept."""
    run()
    write_recording(own, "one", seconds=36)
    (own / "two.dat").touch()
    assert run()[1] == {**ALL_KEPT, "one": "done"}
    rows = rows_of(tmp_path / "out")
    assert sorted(row["name"] for row in rows) == sorted(ALL_DONE)
    assert len(list((tmp_path / "out" / "beats").iterdir())) == 3
    assert {row["duration_s"] > 30 for row in rows if row["name"] == "one"} == {True}


def test_a_copy_has_no_rows_of_its_own(run, own, tmp_path):
    """It is counted, and named in the manifest."""
    for suffix in ("hea", "dat"):
        (own / "copy").mkdir(exist_ok=True)
        shutil.copy(own / f"one.{suffix}", own / "copy")
    result, _ = run()
    assert (result.same, len(rows_of(tmp_path / "out"))) == (1, 4)
    entries = [json.loads(line) for line in (tmp_path / "out" / MANIFEST).read_text().splitlines()]
    assert sum(bool(entry["same_as"]) for entry in entries) == 1


def test_other_settings_are_refused_unless_forced(run, tmp_path):
    """Rows of two kinds never stand side by side; --force replaces them all."""
    run()
    other = replace(WANTED, settings=Settings(explanations=0, pause_s=3.0))
    with pytest.raises(ConfigurationError, match="holds results of another model, other settings"):
        run(wanted=other)
    assert run(wanted=other, force=True)[1] == ALL_DONE
    assert {json.loads(row["asked"])["settings"]["pause_s"] for row in rows_of(tmp_path / "out")} == {3.0}
    assert len(rows_of(tmp_path / "out")) == 4


def test_failures_are_tried_again_when_asked_or_when_not_of_the_content(run, own, tmp_path, monkeypatch):
    """And a success takes the place of the failure."""
    run()
    assert run(retry=True)[0].counts == {"done": 0, "kept": 3, "failed": 1}
    (own / "bad.edf").unlink()
    listed = find_batch(str(own))
    shutil.move(own / "one.dat", tmp_path / "one.dat")
    shutil.rmtree(tmp_path / "out")
    gone = Batch(listed, WANTED, str(tmp_path / "out"))
    client = distributed.default_client()
    assert (
        gone.run(contextlib.nullcontext(client)).failed[0].reason.endswith("one.dat cannot be read: No such file or directory")
    )
    shutil.move(tmp_path / "one.dat", own / "one.dat")
    assert run()[1] == {"deep/three": "kept", "one": "done", "two": "kept"}
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["done"] * 3


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(run, monkeypatch):
    """In one sentence; no shard is half-written, no recording has two rows."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "helpers"))
    disk = importlib.import_module("full_disk").FullDisk
    fsspec.register_implementation("fulldisk", disk, clobber=True)
    disk.store.clear()
    disk.room = 25_000
    with pytest.raises(OutputError, match="No space left on device"):
        run(out="fulldisk://shards")
    held = [path for path in disk.store if path.endswith(".parquet")]
    assert all(pq.read_table(io.BytesIO(disk.store[path].getvalue())).num_rows >= 0 for path in held)
    assert not [path for path in disk.store if path.endswith(".part")]
    disk.room = 1_000_000
    result, statuses = run(out="fulldisk://shards")
    assert set(statuses) == set(ALL_DONE)
    assert result.counts["done"] + result.counts["kept"] == 3
    assert len([path for path in disk.store if "/recordings/" in path]) == 4


def test_what_killed_runs_left_goes_at_the_end(run, tmp_path):
    """Shards without a row, and files that were never finished; other files stay."""
    for name in ("beats/0123.parquet", "beats/.a.parquet.00112233.part", "beats/mine.txt"):
        (tmp_path / "out" / "beats").mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(b"left")
    run()
    left = {path.name for path in (tmp_path / "out" / "beats").iterdir()}
    assert "mine.txt" in left
    assert len(left) == 4


def test_two_runs_do_not_write_to_one_place(run, tmp_path):
    """The second is refused while the first says that it goes on; a dead one holds nobody up."""
    place = Place(str(tmp_path / "out"))
    with RunLock(place), pytest.raises(OutputError, match="another run"):
        run()
    place.write(LOCK, json.dumps({"host": "elsewhere", "process": 1, "time": 0, "token": "x"}).encode())
    assert run()[1] == ALL_DONE


def test_a_worker_of_another_version_is_refused(run, monkeypatch):
    """Before anything is written under a wrong name."""
    monkeypatch.setattr("beatlens._version.__version__", "0.0.0")
    with pytest.raises(ConfigurationError, match="same version"):
        on_cluster.analyse_task(None, WANTED, None, {"beatlens": "9"})


def test_a_scheduler_that_is_not_there_is_one_sentence():
    """With how to start one."""
    with (
        pytest.raises(BeatlensError, match="no Dask scheduler answers") as caught,
        on_cluster.remote_cluster("tcp://127.0.0.1:9"),
    ):
        pass
    assert "dask scheduler" in (caught.value.hint or "")


def test_a_killed_worker_costs_nothing(own, tmp_path):
    """Another takes over what it had; every recording is there once."""
    killed = []
    with on_cluster.local_cluster(1) as client:

        def tell(_source, _outcome):
            if not killed:
                killed.extend(client.run(os.getpid).values())
                os.kill(killed[0], signal.SIGKILL)

        result = Batch(find_batch(str(own)), WANTED, str(tmp_path / "out")).run(contextlib.nullcontext(client), tell)
    assert killed
    assert result.counts == {"done": 3, "kept": 0, "failed": 1}
    assert sorted(row["name"] for row in rows_of(tmp_path / "out")) == sorted(ALL_DONE)
