"""The jobs of a server: taken in, queued, run by workers, waited for, cancelled, removed when their time is over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, Final

from beatlens.api.metrics import Metrics
from beatlens.api.problems import RequestError, TaskError, busy, make_problem, problem_of
from beatlens.api.settings import ServerSettings
from beatlens.api.store import UNFINISHED, Job, Store
from beatlens.api.worker import Tell, Worker

log = logging.getLogger("beatlens.api")

MOST_ATTEMPTS: Final = 3
_MOST_WAITING: Final = 8  # explanations
_SWEEP_S: Final = 60.0

Progress = tuple[str, float]


class Service:
    """Everything that the routes ask for.

    Parameters
    ----------
    settings : ServerSettings
    metrics : Metrics
    make_worker : callable, optional
        Makes a `Worker`, or what behaves like one.
    """

    def __init__(self, settings: ServerSettings, metrics: Metrics, *, make_worker: Callable[[], Any] | None = None) -> None:
        self.settings = settings
        self.metrics = metrics
        self.new_worker: Callable[[], Any] = make_worker or (
            lambda: Worker(model=settings.model, memory_bytes=settings.memory_bytes)
        )
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._live: dict[str, asyncio.Event] = {}
        self._progress: dict[str, Progress] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._arriving = 0
        self._waiting = 0
        self._tasks: list[asyncio.Task[None]] = []
        metrics.watch("queued", "Recordings that wait.", lambda: self.queued)
        metrics.watch("running", "Recordings that are being analysed.", lambda: self.running)

    @property
    def queued(self) -> int:
        """Recordings that wait."""
        return len(self._live) - len(self._running)

    @property
    def running(self) -> int:
        """Recordings that are being analysed."""
        return len(self._running)

    async def start(self) -> None:
        """Open the store, queue what a stopped server left, and start the workers."""
        self.store = await asyncio.to_thread(Store, self.settings.data)
        for job_id in await asyncio.to_thread(self.store.recover):
            self._enqueue(job_id)
        self._workers = [self.new_worker() for _ in range(self.settings.workers)]
        self._explainer = self.new_worker()
        self._tasks = [asyncio.create_task(self._work(worker)) for worker in self._workers]
        self._tasks.append(asyncio.create_task(self._sweep()))

    async def stop(self) -> None:
        """End the workers; what they were doing is done again after the next start."""
        running = [*self._tasks, *self._running.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for worker in (*self._workers, self._explainer):
            await worker.stop()
        self.store.close()

    @contextlib.asynccontextmanager
    async def arrival(self) -> AsyncIterator[Path]:
        """Yield a new folder for an upload, with a place in the queue kept for it; the folder is gone afterwards.

        Raises
        ------
        RequestError
            With 429 if the queue is full, 507 if the server's disk space is used up.
        """
        if self.queued + self._arriving >= self.settings.queue:
            raise busy(f"at most {self.settings.queue} recordings may wait", status=429, retry_s=10)
        self._arriving += 1
        folder = self.store.folder / "temporary" / secrets.token_hex(16)
        try:
            if await asyncio.to_thread(self.store.size_bytes) > self.settings.disk_bytes:
                raise RequestError(
                    f"the server may keep {self.settings.disk_bytes >> 20} MB; it keeps more",
                    hint="DELETE analyses that are no longer needed.",
                    status=507,
                )
            await asyncio.to_thread(folder.mkdir, mode=0o700)
            yield folder
        finally:
            self._arriving -= 1
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def submit(self, folder: Path, path: Path, options: dict[str, Any]) -> Job:
        """Make a job of the recording at ``path`` in ``folder``, from `arrival`."""
        job_id = secrets.token_hex(16)

        def keep() -> Job:
            home = self.store.folder_of(job_id)
            home.mkdir(mode=0o700)
            folder.rename(home / "upload")
            return self.store.add(job_id, {"file": path.name, "options": options})

        job = await asyncio.to_thread(keep)
        self._enqueue(job_id)
        return job

    async def find(self, job_id: str, *, wait_s: float = 0.0) -> Job:
        """Return a job; wait for its end for up to ``wait_s`` seconds.

        Raises
        ------
        RequestError
            With 404 if there is none of that name.
        """
        ended = self._live.get(job_id)
        if ended is not None and wait_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), wait_s)
        job = await asyncio.to_thread(self.store.find, job_id)
        if job is None:
            raise RequestError(
                f"there is no analysis {job_id}", hint="It may have been deleted, or its time is over.", status=404
            )
        return job

    async def newest(self, *, limit: int, before: int | None) -> list[Job]:
        """Return the newest jobs, the newest first."""
        return await asyncio.to_thread(lambda: self.store.newest(limit=limit, before=before))

    def progress_of(self, job: Job) -> Progress:
        """Return what is being done for a job, and how much of it is done."""
        if job.state in UNFINISHED:
            return self._progress.get(job.id, (job.state, 0.0))
        return job.state, float(job.state == "done")

    async def result(self, job_id: str, name: str) -> Path:
        """Return one of the files that an analysis made.

        Raises
        ------
        RequestError
            With 404 if there is no such analysis or file, 409 if it is not done or failed.
        """
        job = await self.find(job_id)
        if job.problem is not None:
            raise RequestError(f"the analysis failed: {job.problem['detail']}", hint=job.problem["hint"], status=409)
        if job.state != "done":
            stage, share = self.progress_of(job)
            raise RequestError(
                f"the analysis is not done: {stage}, {share:.0%}",
                hint=f"Wait for it: GET /v1/analyses/{job_id}?wait=30",
                status=409,
            )
        path = self.store.folder_of(job_id) / "results" / name
        if not await asyncio.to_thread(path.is_file):
            raise RequestError(f"this analysis has no {name}", status=404)
        return path

    async def explain(self, job_id: str, beat: int, method: str) -> dict[str, Any]:
        """Explain one beat of a finished analysis.

        Raises
        ------
        RequestError
            With 404, 409 as `result`, 503 if too many wait for one.
        TaskError
            As the explanation does.
        """
        folder = (await self.result(job_id, "analysis.json")).parent
        if self._waiting >= _MOST_WAITING:
            raise busy(f"at most {_MOST_WAITING} explanations may wait")
        self._waiting += 1
        try:
            task = {"kind": "explain", "out": str(folder), "beat": beat, "method": method}
            found: dict[str, Any] = await self._explainer.run(task, limit_s=self.settings.explanation_s)
        finally:
            self._waiting -= 1
        self.metrics.explanations.inc()
        return found

    async def remove(self, job_id: str) -> None:
        """Cancel a job if it is not done, and delete all that is kept of it."""
        await self.find(job_id)
        running = self._running.get(job_id)
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        await asyncio.to_thread(self.store.remove, job_id)
        self._end(job_id)

    def _enqueue(self, job_id: str) -> None:
        self._live[job_id] = asyncio.Event()
        self._queue.put_nowait(job_id)

    def _end(self, job_id: str) -> None:
        self._progress.pop(job_id, None)
        ended = self._live.pop(job_id, None)
        if ended is not None:
            ended.set()

    async def _work(self, worker: Any) -> None:
        try:
            await worker.start()
        except Exception:  # the next job starts it again, and tells its client if that fails, too
            log.exception("a worker could not be started")
        while True:
            job_id = await self._queue.get()
            job = await asyncio.to_thread(self.store.claim, job_id)
            if job is None:  # deleted while it waited
                continue
            run = self._running[job_id] = asyncio.create_task(self._run(job, worker))
            try:
                await asyncio.wait([run])
            finally:
                del self._running[job_id]

    async def _run(self, job: Job, worker: Any) -> None:
        begun = time.perf_counter()
        try:
            await self._analyze(job, worker, lambda stage, share: self._progress.__setitem__(job.id, (stage, share)))
            problem = None
        except Exception as error:
            if not isinstance(error, TaskError | RequestError):
                log.exception("job %s failed", job.id)
            problem = problem_of(error).model_dump()
        await asyncio.to_thread(shutil.rmtree, self.store.folder_of(job.id) / "upload", ignore_errors=True)
        await asyncio.to_thread(self.store.finish, job.id, problem)
        self.metrics.analyses.labels("failed" if problem else "done").inc()
        self.metrics.analysis_s.observe(time.perf_counter() - begun)
        self._end(job.id)

    async def _analyze(self, job: Job, worker: Any, tell: Tell) -> None:
        if job.attempts > MOST_ATTEMPTS:
            problem = make_problem(
                500, f"the server stopped {MOST_ATTEMPTS} times while it worked on this recording", error="Interrupted"
            )
            raise TaskError(problem)
        home = self.store.folder_of(job.id)
        attempt, results = home / f"attempt-{job.attempts}", home / "results"
        # What an attempt that was cut off left is in its own folder, and goes.
        await asyncio.to_thread(_clear, home, keep=("upload",))
        task = {"kind": "analyze", "path": str(home / "upload" / job.request["file"]), "out": str(attempt)}
        await worker.run(task | {"options": job.request["options"]}, limit_s=self.settings.analysis_s, tell=tell)
        await asyncio.to_thread(attempt.rename, results)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_S, self.settings.keep_s))
            try:
                for job_id in await asyncio.to_thread(self.store.expired, self.settings.keep_s):
                    await asyncio.to_thread(self.store.remove, job_id)
            except Exception:
                log.exception("old analyses could not be removed")


def _clear(folder: Path, *, keep: Iterable[str]) -> None:
    for path in folder.iterdir():
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)
