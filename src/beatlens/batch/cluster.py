"""Recordings on a Dask cluster: which are still to do, a few of them at a time on the workers, and what is done when one is."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from beatlens.batch.identity import Wanted, make_identity
from beatlens.batch.lock import RunLock
from beatlens.batch.manifest import Entry, Manifest, digest, load_manifest
from beatlens.batch.one import DONE, FAILED, KEPT, Outcome, analyse_one
from beatlens.batch.places import TEMPORARY, Place, plain_path, require
from beatlens.batch.shards import KINDS, RECORDINGS, ShardStore
from beatlens.batch.sources import Source
from beatlens.errors import BeatlensError, ConfigurationError
from beatlens.models.registry import load_card

AHEAD: Final = 2
"""Recordings that are handed out for each worker: one that it works on, one that waits there."""
_SAVE_S: Final = 5.0
_TURN_S: Final = 5.0
_WORKERS_S: Final = 60.0

_ONE_AT_A_TIME = threading.Lock()  # however many threads a worker has: its memory is that of one recording

Tell = Callable[[Source, Outcome], None]


@dataclass(frozen=True)
class Result:
    """What a run ended with.

    Parameters
    ----------
    counts : dict of str to int
        Recordings of this run that were analysed, were there before, and failed, by status.
    failed : tuple of Entry
        Those that failed, with the reasons.
    same : int
        Recordings whose content is that of another one: they have no rows of their own.
    """

    counts: dict[str, int]
    failed: tuple[Entry, ...]
    same: int


@dataclass
class Batch:
    """One run over many recordings.

    Parameters
    ----------
    sources : sequence of Source
    wanted : Wanted
    out : str
        Folder or URL that collects the results.
    retry : bool
        Try recordings again that failed because of their content.
    force : bool
        Analyse anew what was analysed otherwise: with another model, other settings or another version.
    verify : bool
        Read every recording's content again, also where its size and time of change are the same.

    Raises
    ------
    UnknownNameError
        If there is no such model.
    """

    sources: Sequence[Source]
    wanted: Wanted
    out: str
    retry: bool = False
    force: bool = False
    verify: bool = False
    manifest: Manifest = field(default_factory=Manifest, init=False)

    def __post_init__(self) -> None:
        self.described = self.wanted.describe()
        self.asked = digest(self.described)
        place = Place(plain_path(self.out))
        self.store = ShardStore(place, self.wanted, load_card(self.wanted.model).classes, retry=self.retry)

    def run(self, cluster: AbstractContextManager[Any], tell: Tell = lambda _source, _outcome: None) -> Result:
        """Analyse what is not there yet.

        Parameters
        ----------
        cluster : context manager of distributed.Client
            Entered only if there is something to do; `local_cluster` or `remote_cluster`, or ``nullcontext(client)``. The
            workers must reach the sources and the results by the same paths or URLs.
        tell : callable
            Called with every recording and what became of it, those first that need no work.

        Raises
        ------
        ConfigurationError
            If the folder holds results that were made otherwise, or a worker has another version.
        OutputError
            If another run writes there, or results cannot be written.
        BeatlensError
            If the cluster is lost.
        """
        with RunLock(self.store.place) as lock:
            self.manifest = load_manifest(self.store)
            self._check_asked()
            listed = {kind: self.store.identities(kind) for kind in KINDS}
            counts = {DONE: 0, KEPT: 0, FAILED: 0}
            try:
                for source, outcome in self._outcomes(cluster, listed, lock):
                    counts[outcome.status] += 1
                    tell(source, outcome)
            except BaseException:
                with contextlib.suppress(BeatlensError):  # what went wrong is the news, not that this went wrong as well
                    self.manifest.save(self.store.place)
                raise
            self.manifest.save(self.store.place)
            self._clean(listed)
        entries = [self.manifest.entries[source.url] for source in self.sources]
        return Result(
            counts, tuple(entry for entry in entries if entry.status == FAILED), sum(bool(e.same_as) for e in entries)
        )

    def _check_asked(self) -> None:
        if not self.force and any(entry.asked != self.asked for entry in self.manifest.entries.values()):
            raise ConfigurationError(
                f"{self.out} holds results of another model, other settings or another version of Beatlens",
                hint="Choose another --out, or analyse all of it anew with --force.",
            )

    def _outcomes(
        self, cluster: AbstractContextManager[Any], listed: dict[str, set[str]], lock: RunLock
    ) -> Iterator[tuple[Source, Outcome]]:
        waiting = []
        for source in self.sources:
            kept = None if self.verify else self._known(source, listed)
            if kept is None:
                waiting.append(source)
            else:
                yield source, kept
        if waiting:
            with cluster as client:
                check_workers(client)
                yield from self._analyse(waiting, client, lock)

    def _analyse(self, waiting: list[Source], client: Any, lock: RunLock) -> Iterator[tuple[Source, Outcome]]:
        saved = time.monotonic()
        for source, outcome in run_on_cluster(waiting, self.wanted, self.store, client, self.described, idle=lock.say):
            obsolete = self.manifest.record(source, outcome, self.asked)
            if obsolete:
                self.store.remove([obsolete])
            if time.monotonic() - saved > _SAVE_S:
                began = time.monotonic()
                self.manifest.save(self.store.place)
                saved = time.monotonic() + 20 * (time.monotonic() - began)  # a long manifest is written less often
            yield source, outcome

    def _known(self, source: Source, listed: dict[str, set[str]]) -> Outcome | None:
        """Return what became of a source in an earlier run, if its files are the same and its shards are there."""
        entry = self.manifest.entries.get(source.url)
        if entry is None or not source.stamp or entry.stamp != source.stamp or entry.asked != self.asked:
            return None
        if entry.status == FAILED:
            again = self.retry or not entry.final or entry.identity not in listed[RECORDINGS]
            return None if again else Outcome(FAILED, source.url, source.name, identity=entry.identity, reason=entry.reason)
        whole = all(entry.identity in listed[kind] for kind in KINDS)
        return Outcome(KEPT, source.url, source.name, identity=entry.identity) if whole else None

    def _clean(self, listed: dict[str, set[str]]) -> None:
        """Remove shards that were there at the beginning and that nothing refers to, and files that were never finished.

        What came during the run stays: workers of a run whose client was killed may still be at it.
        """
        used = self.manifest.identities()
        self.store.remove(sorted(set().union(*listed.values()) - used))
        for kind in KINDS:
            for name in self.store.place.list(kind):
                if name.endswith(TEMPORARY) and name.startswith("."):
                    self.store.place.remove(f"{kind}/{name}")


def run_on_cluster(
    sources: Sequence[Source],
    wanted: Wanted,
    store: ShardStore,
    client: Any,
    described: dict[str, Any],
    *,
    idle: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Source, Outcome]]:
    """Hand recordings to the workers, a few at a time, and yield what became of each as it comes.

    Parameters
    ----------
    sources : sequence of Source
    wanted : Wanted
    store : ShardStore
    client : distributed.Client
    described : dict
        From `Wanted.describe`, for the workers to compare.
    idle : callable
        Called every few seconds.

    Raises
    ------
    OutputError
        If the results cannot be written.
    BeatlensError
        If the cluster is lost.
    """
    distributed = require("distributed")
    waiting = list(reversed(sources))
    running: dict[Any, Source] = {}
    try:
        while waiting or running:
            with _lost_cluster():
                room = AHEAD * max(1, len(client.nthreads())) - len(running) if waiting else 0
                for _ in range(min(room, len(waiting))):
                    source = waiting.pop()
                    running[client.submit(analyse_task, source, wanted, store, described, pure=False)] = source
                done = _wait(distributed, list(running))
            idle()
            for future in done:
                source = running.pop(future)
                yield source, _outcome_of(future, source, store, described)
    finally:
        with contextlib.suppress(Exception):  # the cluster may be gone
            client.cancel(list(running))


def analyse_task(source: Source, wanted: Wanted, store: ShardStore, described: dict[str, Any]) -> Outcome:
    """Analyse one recording on a worker.

    Raises
    ------
    ConfigurationError
        If the worker has another version of Beatlens, or another model under the name.
    """
    if wanted.describe() != described:
        raise ConfigurationError(
            "every worker must have the same version of Beatlens and of the model as the one who asks",
            hint="Install the same version on every host, and give a model of your own by a path that all of them see.",
        )
    with _ONE_AT_A_TIME:
        return analyse_one(source, wanted, store)


def check_workers(client: Any) -> None:
    """Refuse a cluster without workers, or whose workers do not have this package.

    Raises
    ------
    BeatlensError
        If there is no worker within a minute.
    ConfigurationError
        If a worker has another version, or none.
    """
    from beatlens._version import __version__

    try:
        client.wait_for_workers(1, timeout=_WORKERS_S)
        versions = client.run(worker_version)
    except TimeoutError as error:
        raise BeatlensError("the cluster has no worker", hint="Start some: dask worker SCHEDULER --nthreads 1") from error
    except ImportError as error:
        raise ConfigurationError(f"the workers cannot import Beatlens: {error}", hint="Install it on every host.") from error
    other = sorted(set(versions.values()) - {__version__})
    if other:
        raise ConfigurationError(f"every worker must have Beatlens {__version__}; one has {other[0]}")


def worker_version() -> str:
    """Return the version of the package where this runs."""
    from beatlens._version import __version__

    return __version__


def _wait(distributed: Any, futures: list[Any]) -> list[Any]:
    try:
        return list(distributed.wait(futures, timeout=_TURN_S, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []
    except CancelledError:
        return [future for future in futures if future.status in {"finished", "error"}] or _raise_lost()


def _raise_lost() -> list[Any]:
    raise ConnectionError("its tasks were cancelled")


@contextlib.contextmanager
def _lost_cluster() -> Iterator[None]:
    try:
        yield
    except (OSError, CancelledError, RuntimeError, ValueError) as error:
        if isinstance(error, BeatlensError):
            raise
        raise BeatlensError(
            f"the Dask cluster is lost: {str(error) or type(error).__name__}",
            hint="Start it again and run the same command: it goes on where it was.",
        ) from error


def _outcome_of(future: Any, source: Source, store: ShardStore, described: dict[str, Any]) -> Outcome:
    killed = require("distributed.scheduler").KilledWorker
    with _lost_cluster():
        try:
            return future.result()  # type: ignore[no-any-return]
        except killed:
            outcome = Outcome(
                FAILED, source.url, source.name, identity=make_identity(source.url, described), error="KilledWorker",
                reason="several workers that analysed it were ended from outside",
                hint="It may need more memory than a worker may use: fewer workers, or --memory.",
            )  # fmt: skip
            store.save_failure(outcome)
            return outcome


@contextlib.contextmanager
def local_cluster(workers: int, *, memory: str | None = None) -> Iterator[Any]:
    """Yield a client of a cluster on this machine: one process and one thread a worker, without a dashboard.

    Parameters
    ----------
    workers : int
        How many processes.
    memory : str, optional
        What each may use, as Dask writes it (``"3GB"``); an equal share of the machine's if not given.
    """
    import logging
    from tempfile import TemporaryDirectory

    distributed = require("distributed")
    limit = {"memory_limit": memory} if memory else {}
    with TemporaryDirectory(prefix="beatlens-dask-") as folder:
        try:
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1",
                local_directory=folder, silence_logs=logging.CRITICAL, **limit,
            )  # fmt: skip
        except ValueError as error:
            raise ConfigurationError(f"'memory' must be a size such as 3GB; got '{memory}'") from error
        with cluster, distributed.Client(cluster) as client:
            yield client


@contextlib.contextmanager
def remote_cluster(address: str, *, timeout_s: float = 20.0) -> Iterator[Any]:
    """Yield a client of a cluster that runs already.

    Parameters
    ----------
    address : str
        Of its scheduler: ``tcp://HOST:8786``.
    timeout_s : float
        How long to wait for an answer, in seconds.

    Raises
    ------
    BeatlensError
        If nothing answers there.
    """
    distributed = require("distributed")
    try:
        client = distributed.Client(address, timeout=timeout_s)
    except (OSError, ValueError, TimeoutError, ImportError) as error:
        raise BeatlensError(
            f"no Dask scheduler answers at {address}",
            hint="Start one: dask scheduler, and workers: dask worker ADDRESS --nthreads 1",
        ) from error
    with client:
        yield client
