"""``beatlens batch``: thousands of recordings on Dask, into Parquet shards."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beatlens.cli import console
from beatlens.errors import ConfigurationError

if TYPE_CHECKING:
    from beatlens.batch import Outcome, Source
    from beatlens.batch.cluster import Result

SAY_EVERY_S = 10.0


def batch(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A folder, a list of recordings (text or CSV), or a URL that fsspec opens.")
    ],
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder or URL that collects the results.")],
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Address of a Dask scheduler; processes of this machine if not given.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes of this machine; as many as fit if not given.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", help="What each of them may use, such as 3GB; its share if not given.")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="Name or path of a model.")] = "rhythm-lstm",
    lead: Annotated[list[str] | None, typer.Option("--lead", help="A lead to use, the first first; may be repeated.")] = None,
    pause: Annotated[float, typer.Option("--pause", help="Length from which an interval is a pause, in s.")] = 2.0,
    fs: Annotated[float | None, typer.Option("--fs", help="Sampling rate in Hz, where files do not state it.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="mV, uV, V or nV, where files do not state it.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try recordings again whose content failed.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Hash every file again, also where size and time are the same.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Analyse anew what another model, version or setting made.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print events, one JSON document a line.")] = False,
) -> None:
    """Analyse many recordings with Dask; stopped at any moment and run again, it goes on.

    OUT collects Parquet files: recordings/ (one summary row each, also of those that failed), beats/ and events/. Exit status 1
    if a recording failed. Needs the extra 'cluster'.
    """
    if scheduler and (workers or memory):
        raise typer.BadParameter(
            "--workers and --memory are for the processes of this machine; leave them out with --scheduler"
        )
    from beatlens.analysis import Settings
    from beatlens.batch import Wanted
    from beatlens.batch.cluster import Batch, local_cluster, remote_cluster
    from beatlens.batch.processes import count_workers
    from beatlens.batch.remote import find_batch

    for place in (source, out):
        if place.startswith("memory://"):
            raise ConfigurationError(f"{place} is seen by one process only", hint="Choose a place that every worker reaches.")
    wanted = Wanted(model, tuple(lead or ()), fs=fs, unit=unit, settings=Settings(explanations=0, pause_s=pause))
    wanted.describe()  # a model that does not exist is said before anything is listed
    run = Batch(find_batch(source, leave_out=[out]), wanted, out, retry=retry_failed, force=force, verify=verify)
    cluster = remote_cluster(scheduler) if scheduler else local_cluster(count_workers(workers, len(run.sources)), memory=memory)
    with _telling(run.sources, as_json=as_json) as tell:
        result = run.run(_quiet(cluster), tell)
    _end(result, len(run.sources), out, as_json=as_json)


@contextmanager
def _quiet(cluster: AbstractContextManager[Any]) -> Iterator[Any]:
    """Enter a cluster, and keep Dask's own messages back: what is lost is said once, by an error; ``--debug`` shows all."""
    with cluster as client:
        if not console.state.debug:  # Dask sets its levels when it is imported
            for name in ("distributed", "distributed.client", "distributed.core"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
        yield client


@dataclass
class Pace:
    """How fast a run is: recordings, bytes and seconds of ECG since the first moment.

    Parameters
    ----------
    n_all, bytes_all : int
        What there is to do.
    """

    n_all: int
    bytes_all: int
    n: int = 0
    failed: int = 0
    bytes_before: int = 0
    bytes_now: int = 0
    ecg_s: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def count(self, source: Source, outcome: Outcome) -> None:
        """Take one recording into account."""
        self.n += 1
        self.failed += outcome.status == "failed"
        if outcome.status == "kept" or not outcome.seconds:
            self.bytes_before += source.size
            return
        self.bytes_now += source.size
        self.ecg_s += float(outcome.facts.get("duration_s") or 0.0)

    def to_dict(self) -> dict[str, object]:
        """Return it with rate and time left; None where they are not known yet."""
        spent = max(time.monotonic() - self.began, 1e-9)
        rest = self.bytes_all - self.bytes_before - self.bytes_now
        left = round(spent * rest / self.bytes_now, 1) if self.bytes_now else None
        return {
            "done": self.n,
            "of": self.n_all,
            "failed": self.failed,
            "elapsed_s": round(spent, 1),
            "ecg_hours": round(self.ecg_s / 3600, 3),
            "ecg_hours_per_s": round(self.ecg_s / 3600 / spent, 4),
            "left_s": left,
        }

    def in_words(self) -> str:
        """Return it as one line."""
        now = self.to_dict()
        left = "" if now["left_s"] is None else f", {_clock(float(str(now['left_s'])))} left"
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.n} of {self.n_all} recordings{failed}, {now['ecg_hours_per_s']:.3g} hours of ECG per second{left}"


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"


@contextmanager
def _telling(sources: Sequence[Source], *, as_json: bool) -> Iterator[Callable[[Source, Outcome], None]]:
    """Yield what is called with every recording: it prints events, or moves a bar or writes a line on stderr now and then."""
    pace = Pace(len(sources), sum(source.size for source in sources))
    said = time.monotonic()
    if as_json:
        _event("start", recordings=pace.n_all, bytes=pace.bytes_all)
    with console.progress_bar("recordings") as bar:
        task = bar.add_task("", total=pace.n_all)

        def tell(source: Source, outcome: Outcome) -> None:
            nonlocal said
            pace.count(source, outcome)
            bar.update(task, completed=pace.n, description=f"{pace.to_dict()['ecg_hours_per_s']:.3g} hours of ECG per second")
            if as_json:
                _event("recording", **outcome.to_dict())
            now = time.monotonic()
            if now - said >= SAY_EVERY_S or pace.n == pace.n_all:
                said = now
                if as_json:
                    _event("progress", **pace.to_dict())
                elif not console.errors.is_terminal:
                    console.errors.print(pace.in_words(), markup=False)

        yield tell


def _event(kind: str, **fields: object) -> None:
    print(json.dumps({"event": kind, **fields}, allow_nan=False, ensure_ascii=False), flush=True)  # noqa: T201


def _end(result: Result, n: int, out: str, *, as_json: bool) -> None:
    counts = result.counts
    if as_json:
        _event("end", out=out, recordings=n, same_content=result.same, **counts)
    else:
        kept = f" ({counts['kept']} of them before)" if counts["kept"] else ""
        same = f", {result.same} the same as another" if result.same else ""
        console.output.print(
            f"{counts['done'] + counts['kept']} analysed{kept}{same}, {counts['failed']} failed. Results: {out}", markup=False
        )
    if not result.failed:
        return
    console.errors.print(f"[bold red]error:[/] {len(result.failed)} of {n} recordings failed")
    for entry in result.failed[:10]:
        console.errors.print(f"  {entry.name}: {entry.reason}", markup=False)
    if len(result.failed) > 10:
        console.errors.print(f"  and {len(result.failed) - 10} more")
    console.errors.print("\n[bold cyan]hint:[/] ", end="")
    console.errors.print("Their rows in recordings/ have the reasons; --retry-failed tries them again.", markup=False)
    raise typer.Exit(1)
