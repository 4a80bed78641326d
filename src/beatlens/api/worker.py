"""A process that does what is heavy or reads a stranger's file, one thing at a time, and can be ended at any moment.

It speaks JSON, one line a message, over its standard input and output. Nothing is pickled. When this process ends, however it
ends, the worker's standard input closes, and it ends too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from beatlens.api.problems import Problem, RequestError, TaskError, make_problem

log = logging.getLogger("beatlens.api")

Tell = Callable[[str, float], None]
_LONGEST_LINE: Final = 1 << 27
_LOOK_S: Final = 0.5
_START_S: Final = 600.0
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Worker:
    """A worker process; it starts when it is first needed, and again after it was ended.

    Parameters
    ----------
    model : str
        The model that it loads while it starts.
    memory_bytes : int
        It is ended when it holds more (Linux; elsewhere this is not watched).
    """

    def __init__(self, *, model: str, memory_bytes: int) -> None:
        self.starts = 0
        self._model = model
        self._memory_bytes = memory_bytes
        self._process: asyncio.subprocess.Process | None = None
        self._idle = False
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Start the process, if it does not run, and wait until it is ready."""
        async with self._turn:
            await self._ready()

    async def run(self, task: Mapping[str, Any], *, limit_s: float, tell: Tell = lambda _stage, _share: None) -> dict[str, Any]:
        """Have a task done.

        Parameters
        ----------
        task : mapping
            In the types of JSON; ``kind`` is one of `beatlens.api.tasks.TASKS`.
        limit_s : float
            Seconds after which the process is ended.
        tell : callable
            Called with what is being done, and how much of it is done.

        Returns
        -------
        dict
            What the task returns.

        Raises
        ------
        TaskError
            If the task fails, takes too long or too much memory, or its process ends.
        """
        async with self._turn:
            process = await self._ready()
            try:
                async with asyncio.timeout(limit_s):
                    await _send(process, task)
                    return await self._listen(process, tell)
            except TimeoutError as error:
                raise TaskError(
                    make_problem(
                        504,
                        f"it must be done within {limit_s:g} s; it was not",
                        hint="Ask for a part of the recording (start_s, end_s), or for fewer explanations.",
                        error="TimeLimit",
                    )
                ) from error
            finally:
                if not self._idle:  # too long, too large, cancelled: whatever it is doing, nobody waits for it
                    await self.stop()

    async def stop(self) -> None:
        """End the process at once."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "beatlens.api.tasks",
            self._model,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        self._process, self._idle = process, False
        self.starts += 1
        try:
            async with asyncio.timeout(_START_S):
                await self._listen(process, lambda _stage, _share: None)
        except TimeoutError as error:
            problem = make_problem(503, f"a worker must start within {_START_S:g} s; it did not", error="WorkerLate")
            raise TaskError(problem) from error
        finally:
            if not self._idle:
                await self.stop()
        return process

    async def _listen(self, process: asyncio.subprocess.Process, tell: Tell) -> dict[str, Any]:
        self._idle = False
        line = asyncio.ensure_future(_receive(process))
        try:
            while True:
                await asyncio.wait([line], timeout=_LOOK_S)
                self._check_memory(process)
                if not line.done():
                    continue
                message: dict[str, Any] = json.loads(line.result() or b'{"kind": "ended"}')
                if message["kind"] == "progress":
                    tell(message["stage"], message["share"])
                    line = asyncio.ensure_future(_receive(process))
                    continue
                if message["kind"] == "ended":
                    raise await _ended(process)
                self._idle = True
                if message["kind"] == "failed":
                    raise TaskError(Problem(**message["problem"]))
                return dict(message["result"])
        finally:
            line.cancel()

    def _check_memory(self, process: asyncio.subprocess.Process) -> None:
        if resident_bytes(process.pid) > self._memory_bytes:
            limit = f"{self._memory_bytes >> 20} MB"
            problem = make_problem(
                413,
                f"it must be done in {limit} of memory; it needs more",
                hint="Ask for a part of the recording: start_s, end_s, leads.",
                error="MemoryLimit",
            )
            raise TaskError(problem)


def resident_bytes(pid: int) -> int:
    """Return how much memory a process holds; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


async def _send(process: asyncio.subprocess.Process, task: Mapping[str, Any]) -> None:
    if process.stdin is None:
        raise RequestError("a worker process has no input", status=500)
    process.stdin.write(json.dumps(task).encode() + b"\n")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended: the answer will say so
        await process.stdin.drain()


async def _receive(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise RequestError("a worker process has no output", status=500)
    return await process.stdout.readline()


async def _ended(process: asyncio.subprocess.Process) -> TaskError:
    code = await process.wait()
    said = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    log.error("a worker process ended unexpectedly: %s", said)
    return TaskError(
        make_problem(
            500,
            f"the process that worked on it ended unexpectedly ({said})",
            hint="The recording may be damaged in a way that no check finds; the server's log has the details.",
            error="WorkerEnded",
        )
    )
