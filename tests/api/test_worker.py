"""A worker process is ended when it takes too long, too much, or when its server ends."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from beatlens.api import worker as module
from beatlens.api.problems import TaskError
from beatlens.api.worker import Worker, resident_bytes

TASKS = """
import json, os, sys, time
def say(message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()
say({"kind": "done", "result": {}})
for line in sys.stdin:
    task = json.loads(line)
    if task["do"] == "sleep":
        time.sleep(60)
    if task["do"] == "eat":
        eaten = bytearray(os.urandom(1 << 20) * 300)
        time.sleep(60)
    if task["do"] == "end":
        os._exit(3)
    if task["do"] == "fail":
        problem = {"title": "Bad", "status": 422, "detail": "it is bad", "error": "SignalError"}
        say({"kind": "failed", "problem": problem})
        continue
    say({"kind": "progress", "stage": "half", "share": 0.5})
    say({"kind": "done", "result": {"pid": os.getpid()}})
"""


@pytest.fixture
def made_up_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers run a small program in the place of `beatlens.api.tasks`."""
    program = tmp_path / "program.py"
    program.write_text(TASKS)
    start = asyncio.create_subprocess_exec

    async def exec_program(python: str, *_words: str, **options: Any) -> Any:
        return await start(python, str(program), **options)

    monkeypatch.setattr(module.asyncio, "create_subprocess_exec", exec_program)


async def outcome(worker: Worker, do: str, *, limit_s: float = 30) -> Any:
    try:
        return await worker.run({"do": do}, limit_s=limit_s)
    except TaskError as error:
        return error.problem


@pytest.mark.usefixtures("made_up_tasks")
@pytest.mark.parametrize(
    ("do", "limit_s", "status", "sentence"),
    [
        ("sleep", 0.3, 504, "it must be done within 0.3 s; it was not"),
        ("eat", 30, 413, "it must be done in 200 MB of memory; it needs more"),
        ("end", 30, 500, "the process that worked on it ended unexpectedly (exit status 3)"),
    ],
)
def test_a_task_that_goes_wrong_ends_its_process(do: str, limit_s: float, status: int, sentence: str) -> None:
    """The task fails with its sentence, and the next one finds a new process."""
    if do == "eat" and not resident_bytes(os.getpid()):
        pytest.skip("this system does not tell how much memory a process holds")

    async def run() -> None:
        worker = Worker(model="none", memory_bytes=200 << 20)
        before = await outcome(worker, "work")
        problem = await outcome(worker, do, limit_s=limit_s)
        assert (problem.status, problem.detail) == (status, sentence)
        after = await outcome(worker, "work")
        assert after["pid"] != before["pid"]
        assert not Path(f"/proc/{before['pid']}").exists()
        assert worker.starts == 2
        await worker.stop()

    asyncio.run(run())


@pytest.mark.usefixtures("made_up_tasks")
def test_a_task_that_fails_keeps_its_process() -> None:
    """A recording that cannot be analysed costs no new process, and progress is told."""

    async def run() -> None:
        worker = Worker(model="none", memory_bytes=1 << 30)
        assert (await outcome(worker, "fail")).detail == "it is bad"
        told: list[Any] = []
        await worker.run({"do": "work"}, limit_s=30, tell=lambda stage, share: told.append((stage, share)))
        assert told == [("half", 0.5)]
        assert worker.starts == 1
        await worker.stop()

    asyncio.run(run())


@pytest.mark.usefixtures("made_up_tasks")
def test_a_cancelled_task_ends_its_process() -> None:
    """Who cancels does not wait for the end of the task."""

    async def run() -> None:
        worker = Worker(model="none", memory_bytes=1 << 30)
        pid = (await outcome(worker, "work"))["pid"]
        task = asyncio.create_task(worker.run({"do": "sleep"}, limit_s=30))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not Path(f"/proc/{pid}").exists()

    asyncio.run(run())
