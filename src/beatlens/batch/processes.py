"""Recordings in the processes of this machine: each process takes one after another, and a dead one costs one recording."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Final

from beatlens.batch.identity import Wanted
from beatlens.batch.one import DONE, FAILED, Outcome, Store, analyse_one
from beatlens.batch.sources import Source
from beatlens.errors import ConfigurationError, OutputError

WORKER_BYTES: Final = 3 << 30
"""Memory that is set aside for a worker: a day of two leads at 360 Hz with its report needs about half of it."""

RENEW_AFTER: Final = 200
"""A process is replaced after this many recordings, so that memory that a library does not give back cannot pile up."""


def count_workers(wanted: int | None, n_recordings: int) -> int:
    """Return how many processes to use: no more than there are recordings, processors, and memory for.

    Parameters
    ----------
    wanted : int, optional
        What the user says; taken as it is, but for the number of recordings.
    n_recordings : int

    Raises
    ------
    ConfigurationError
        If it is less than one.
    """
    if wanted is not None and wanted < 1:
        raise ConfigurationError(f"'workers' must be at least 1; got {wanted}")
    most = wanted or min(_processors(), max(1, _memory() // WORKER_BYTES))
    return max(1, min(most, n_recordings))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> int:
    """Return the memory of the machine, or of the container that this runs in, in bytes."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return WORKER_BYTES  # not known: one worker
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(limit).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return total


def run_in_processes(sources: Sequence[Source], wanted: Wanted, store: Store, *, workers: int) -> Iterator[Outcome]:
    """Analyse recordings in some processes, and yield what became of each as it comes.

    Every process is a pool of its own: one that dies (for want of memory, say) takes its recording with it and nothing else.
    The shortest recording goes alone until it is done: it leaves the compiled programs on disk, from where the other processes
    take them. Then the longest come first, so that no process is left with one at the end.

    Parameters
    ----------
    sources : sequence of Source
    wanted : Wanted
    store : Store
    workers : int
        How many processes; see `count_workers`.
    """
    waiting = _in_order(sources)
    pools = [_Worker() for _ in range(workers)]
    running: dict[Future[Outcome], tuple[_Worker, Source]] = {}
    first = True
    try:
        while waiting or running:
            idle = [pool for pool in pools if pool not in [busy for busy, _ in running.values()]]
            for pool in idle[:1] if first else idle:
                if waiting and not (first and running):
                    source = waiting.pop()
                    running[pool.submit(source, wanted, store)] = (pool, source)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                pool, source = running.pop(future)
                outcome = _outcome_of(future, pool, source)
                first = first and outcome.status != DONE
                yield outcome
    finally:
        for pool in pools:
            pool.close()


def _in_order(sources: Sequence[Source]) -> list[Source]:
    """Return the recordings, the one to begin with last: the smallest, then from the largest on."""
    ordered = sorted(sources, key=lambda source: source.size)
    return [*ordered[1:], *ordered[:1]]


class _Worker:
    """One process, replaced when it dies and after some recordings."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, source: Source, wanted: Wanted, store: Store) -> Future[Outcome]:
        try:
            return self._started().submit(analyse_one, source, wanted, store)
        except BrokenProcessPool:  # it died while it had nothing to do
            self.close()
            return self._started().submit(analyse_one, source, wanted, store)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # 'spawn': a process forked from one that has JAX's threads may hang.
            spawn = get_context("spawn")
            self._pool = ProcessPoolExecutor(1, spawn, initializer=_end_with_parent, max_tasks_per_child=RENEW_AFTER)
        return self._pool

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _end_with_parent() -> None:
    """Let this process end when the one that started it is gone: it would wait for work for ever."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _outcome_of(future: Future[Outcome], pool: _Worker, source: Source) -> Outcome:
    try:
        return future.result()
    except OutputError as error:
        return Outcome(FAILED, source.url, source.name, reason=error.message, hint=error.hint or "", error="OutputError")
    except BrokenProcessPool:
        pool.close()
        hint = "It may have needed more memory than there is: try --workers 1, or a machine with more."
        reason = "the process that analysed it was ended from outside"
        return Outcome(FAILED, source.url, source.name, reason=reason, hint=hint, error="BrokenProcessPool")
