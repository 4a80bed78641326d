"""Jobs survive: what was queued is queued, what ran is begun again, nothing else is left."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from beatlens.api.metrics import Metrics
from beatlens.api.service import MOST_ATTEMPTS, Service
from beatlens.api.settings import ServerSettings
from beatlens.api.store import Store
from beatlens.errors import OutputError

A, B, C = (letter * 32 for letter in "abc")


def test_a_folder_belongs_to_one_server(tmp_path: Path) -> None:
    """A second server on the same folder is told so; when the first has ended it may."""
    first = Store(tmp_path / "data")
    with pytest.raises(OutputError, match="is in use by another server"):
        Store(tmp_path / "data")
    first.close()
    Store(tmp_path / "data").close()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """One sentence for a path that is a file."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be used for the server's data"):
        Store(tmp_path / "file")


def test_recovery_puts_everything_in_order(tmp_path: Path) -> None:
    """Running and queued jobs are queued in the order of arrival; files of nobody are deleted; finished jobs stay."""
    store = Store(tmp_path)
    for job in (A, B, C):
        store.add(job, {"n": job})
        store.folder_of(job).mkdir()
    assert store.claim(B) is not None
    assert store.claim(B) is None
    store.claim(C)
    store.finish(C)
    store.folder_of("0" * 32).mkdir()
    (tmp_path / "temporary" / "half").mkdir()
    (tmp_path / "temporary" / "spooled").write_text("x")
    store.close()
    store = Store(tmp_path)
    assert store.recover() == [A, B]
    again = store.claim(B)
    assert again is not None
    assert (again.attempts, again.request) == (2, {"n": B})
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == {A, B, C}
    assert list((tmp_path / "temporary").iterdir()) == []
    found = store.find(C)
    assert found is not None
    assert (found.state, found.problem) == ("done", None)
    store.close()


def test_the_folder_is_for_this_user_alone(tmp_path: Path) -> None:
    """Nobody else may read what was sent."""
    store = Store(tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    store.close()


class _Never:
    """A worker that must not be asked."""

    async def start(self) -> None:
        """Be ready."""

    async def stop(self) -> None:
        """Have nothing to end."""

    async def run(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise AssertionError("this job must not be begun again")


def test_a_recording_that_always_ends_the_server_is_given_up(tmp_path: Path) -> None:
    """After some attempts that were cut off the job fails, and the server goes on."""
    store = Store(tmp_path)
    store.add(A, {"file": "x", "options": {"name": "x", "model": "m"}})
    store.folder_of(A).mkdir()
    for _ in range(MOST_ATTEMPTS):
        store.recover()
        store.claim(A)
    store.close()

    async def run() -> Any:
        service = Service(ServerSettings(data=tmp_path), Metrics(), make_worker=_Never)
        await service.start()
        job = await service.find(A, wait_s=30)
        await service.stop()
        return job

    job = asyncio.run(run())
    assert job.state == "failed"
    assert job.problem["detail"] == "the server stopped 3 times while it worked on this recording"
