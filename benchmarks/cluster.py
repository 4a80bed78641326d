"""``beatlens batch`` on workers: hours of ECG per second, and a cluster of two hosts of which one dies.

    BEATLENS_DATA=FOLDER python benchmarks/cluster.py one [--hours 24]
    BEATLENS_DATA=FOLDER python benchmarks/cluster.py throughput [--recordings 4] [--hours 24] [--workers 1 2] [--repeat 3]
    BEATLENS_DATA=FOLDER python benchmarks/cluster.py tasks [--n 500]
    BEATLENS_DATA=FOLDER python benchmarks/cluster.py hosts [--recordings 8] [--hours 2]

``one`` measures one recording in this process. ``throughput`` writes recordings of that length (MIT-BIH 200, from another
sample on in each, so that no two are the same) and analyses them in processes of this machine, the numbers of workers in
turns; the clock runs when the workers are warm. Beside the time stands the processor time of the workers, which a busy
machine changes less. ``tasks`` measures what Dask itself costs a recording. ``hosts`` needs root and ``ip``: it makes two
network namespaces joined by a cable, starts a scheduler and a worker in one and a worker in the other, kills the second
one's worker midway, and compares all shards with those of one process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from beatlens.analysis import Settings
from beatlens.batch import Wanted
from beatlens.batch.cluster import Batch, local_cluster
from beatlens.batch.identity import hash_content
from beatlens.batch.one import analyse_one
from beatlens.batch.places import Place
from beatlens.batch.remote import find_batch
from beatlens.batch.shards import ShardStore
from beatlens.databases.mitdb import read_mitdb
from beatlens.models.registry import load_card

WANTED = Wanted("rhythm-lstm", settings=Settings(explanations=0))
HOSTS = {"bl-host-a": "10.77.0.1", "bl-host-b": "10.77.0.2"}
PORT = 8786


def write_recordings(folder: Path, n: int, hours: float) -> None:
    """Write ``n`` recordings of ``hours`` each as WFDB in format 16, two leads at 360 Hz."""
    record = read_mitdb("200")
    n_samples = round(hours * 3600 * record.fs)
    counts = np.rint(record.signal * 200).astype("<i2")
    for place in range(n):
        name = f"r{place:04d}"
        long = np.tile(np.roll(counts, -5000 * (place + 1), axis=0), (-(-n_samples // len(counts)), 1))[:n_samples]
        long.tofile(folder / f"{name}.dat")
        sums = long.sum(axis=0, dtype=np.int64).astype(np.int16)  # WFDB's checksum is the sum in 16 bits
        leads = zip(long[0], sums, record.lead_names, strict=True)
        lines = [f"{name}.dat 16 200(0)/mV 16 0 {first} {check} 0 {lead}" for first, check, lead in leads]
        header = "\n".join([f"{name} 2 {record.fs:g} {n_samples}", *lines])
        (folder / f"{name}.hea").write_text(header + "\n", encoding="ascii")


def processor_seconds() -> float:
    """Return the processor time of this process so far."""
    return time.process_time()


def largest_megabytes() -> float:
    """Return the largest memory that this process has used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path, warm: Path, workers: int) -> dict[str, float]:
    """Analyse the folder once; the workers have analysed the recording in ``warm`` before."""
    with local_cluster(workers) as client, tempfile.TemporaryDirectory() as scratch:
        for turn in range(workers):
            Batch(find_batch(str(warm)), WANTED, f"{scratch}/warm{turn}").run(contextlib.nullcontext(client))
        for address in client.scheduler_info(n_workers=-1)["workers"]:  # each worker has loaded and compiled the model
            client.submit(_load, WANTED.model, workers=[address], pure=False).result()
        before = sum(client.run(processor_seconds).values())
        began = time.perf_counter()
        result = Batch(find_batch(str(folder)), WANTED, f"{scratch}/out").run(contextlib.nullcontext(client))
        seconds = time.perf_counter() - began
        assert not result.failed, result.failed
        rows = [pq.read_table(file).to_pylist()[0] for file in Path(scratch, "out", "recordings").iterdir()]
        written = sum(file.stat().st_size for file in Path(scratch, "out").rglob("*.parquet"))
        hours = sum(row["duration_s"] for row in rows) / 3600
        return {
            "hours_per_s": hours / seconds,
            "processor_s_per_day": 24 * (sum(client.run(processor_seconds).values()) - before) / hours,
            "megabytes": max(client.run(largest_megabytes).values()),
            "read_mb_per_day": 24 * sum(file.stat().st_size for file in folder.iterdir()) / hours / 1e6,
            "written_mb_per_day": 24 * written / hours / 1e6,
        }


def _load(model: str) -> None:
    from beatlens.analysis import analyze
    from beatlens.records.bundled import read_bundled

    analyze(read_bundled(), model=model, settings=WANTED.settings)


def throughput(options: argparse.Namespace) -> None:
    """Print one line a number of workers: medians over the repeats, and their ratio."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, warm = Path(scratch, "long"), Path(scratch, "short")
        for each, n, hours in ((folder, options.recordings, options.hours), (warm, 1, 0.05)):
            each.mkdir()
            write_recordings(each, n, hours)
        runs: dict[int, list[dict[str, float]]] = {workers: [] for workers in options.workers}
        for _ in range(options.repeat):
            for workers, found in runs.items():
                found.append(measure(folder, warm, workers))
                print(
                    json.dumps({"workers": workers, **{key: round(value, 4) for key, value in found[-1].items()}}), flush=True
                )
        print(f"{options.recordings} recordings of {options.hours:g} h, medians of {options.repeat}")
        print(f"load of the machine {os.getloadavg()[0]:.1f}, processors {os.cpu_count()}")
        base = 0.0
        for workers, found in runs.items():
            middle = {key: statistics.median(run[key] for run in found) for key in found[0]}
            base = base or middle["hours_per_s"]
            rate = middle["hours_per_s"]
            print(f"{workers} workers: {rate:.2f} hours of ECG per second (x {rate / base:.2f})")
            print(f"    a day: {middle['processor_s_per_day']:.1f} s of processor, {middle['read_mb_per_day']:.1f} MB read,")
            print(f"    {middle['written_mb_per_day']:.2f} MB written; at most {middle['megabytes']:,.0f} MB a worker")


def one(options: argparse.Namespace) -> None:
    """Print what one recording costs in one process: processor seconds by step, memory, bytes read and written."""
    with tempfile.TemporaryDirectory() as scratch:
        write_recordings(Path(scratch), 1, options.hours)
        (source,) = find_batch(scratch)
        before = processor_seconds()
        _load(WANTED.model)
        print(f"imports, model and programs: {processor_seconds() - before:.1f} s of processor, {largest_megabytes():,.0f} MB")
        store = ShardStore(Place(f"{scratch}/out"), WANTED, load_card(WANTED.model).classes)
        spent, began = processor_seconds(), time.perf_counter()
        outcome = analyse_one(source, WANTED, store)
        spent, seconds = processor_seconds() - spent, time.perf_counter() - began
        assert outcome.status == "done", outcome
        written = sum(file.stat().st_size for file in Path(scratch, "out").rglob("*.parquet"))
        reading = processor_seconds()
        hash_content([Path(part.url) for part in source.parts])
        reading = processor_seconds() - reading
    print(
        f"{options.hours:g} h, {outcome.facts['n_beats']:,} beats: {spent:.1f} s of processor, of which hashing {reading:.2f} s"
    )
    print(f"{seconds:.1f} s on the clock (load {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors)")
    print(f"at most {largest_megabytes():,.0f} MB; {source.size / 1e6:.1f} MB read, {written / 1e6:.2f} MB written")


def tasks(options: argparse.Namespace) -> None:
    """Print what a recording costs without its analysis: recordings of which nothing is there, so that each fails at once."""
    with tempfile.TemporaryDirectory() as scratch, local_cluster(1) as client:
        listed = Path(scratch, "list.txt")
        listed.write_text("".join(f"nowhere{place}.edf\n" for place in range(options.n)))
        sources = find_batch(str(listed))
        began = time.perf_counter()
        Batch(sources, WANTED, f"{scratch}/out").run(contextlib.nullcontext(client))
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        Path(scratch, "out", "manifest.jsonl").unlink()
        Batch([], WANTED, f"{scratch}/out").run(contextlib.nullcontext(client))
        rebuilt = time.perf_counter() - began
    each, again = (f"{1000 * spent / options.n:.2f} ms" for spent in (seconds, rebuilt))
    print(f"{options.n} empty recordings: {each} each; the manifest made anew from the rows: {again} each")


def ip(*words: str) -> None:
    """Run ``ip``."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def two_hosts() -> Iterator[None]:
    """Two network namespaces, joined by a cable, for as long as the block runs."""
    (a, address_a), (b, address_b) = HOSTS.items()
    made = []
    try:
        for name in (a, b):
            ip("netns", "add", name)
            made.append(name)
        ip("link", "add", "bl-veth-a", "netns", a, "type", "veth", "peer", "name", "bl-veth-b", "netns", b)
        for name, link, address in ((a, "bl-veth-a", address_a), (b, "bl-veth-b", address_b)):
            ip("-n", name, "address", "add", f"{address}/24", "dev", link)
            ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in made:
            ip("netns", "delete", name)


class OnHost:
    """A process in a namespace; it is ended with the block."""

    def __init__(self, host: str, log: Path, *words: str) -> None:
        self.log = log
        with log.open("ab") as file:
            command = ["ip", "netns", "exec", host, sys.executable, *words]
            self.process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)

    def wait_until_it_says(self, words: str, within_s: float = 120) -> None:
        """Return when the words stand in its log; a busy host may take long to start."""
        until = time.monotonic() + within_s
        while words not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.process.args} did not say '{words}': {self.log.read_text()[-500:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it and what it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start_worker(host: str, scratch: Path) -> OnHost:
    """Start a Dask worker on a host: one process, one thread, without a guardian that would start it again."""
    words = ("-m", "distributed.cli.dask_worker", f"tcp://{HOSTS['bl-host-a']}:{PORT}", "--host", HOSTS[host])
    local = scratch / f"{host}-local"
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(local), "--memory-limit", "3GB")
    return OnHost(host, scratch / f"{host}.log", *words, *options)


def run_on_two_hosts(folder: Path, out: Path, scratch: Path, *, kill_after: int) -> dict[str, object]:
    """Run ``beatlens batch`` on the first host; after some recordings kill the second host's worker, and start another one.

    Returns
    -------
    dict
        The command's last event, and how many recordings were done when the worker was killed.
    """
    running: list[OnHost] = []
    with two_hosts():
        try:
            words = (
                "-m",
                "distributed.cli.dask_scheduler",
                "--host",
                HOSTS["bl-host-a"],
                "--port",
                str(PORT),
                "--no-dashboard",
            )
            running.append(OnHost("bl-host-a", scratch / "scheduler.log", *words))
            running[0].wait_until_it_says("Scheduler at:")
            running += [start_worker(host, scratch) for host in HOSTS]
            command = ["ip", "netns", "exec", "bl-host-a", sys.executable, "-m", "beatlens", "batch", str(folder)]
            command += ["--out", str(out), "--scheduler", f"tcp://{HOSTS['bl-host-a']}:{PORT}", "--json"]
            events, done = [], 0
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
                assert client.stdout
                for line in client.stdout:
                    events.append(json.loads(line))
                    done += events[-1]["event"] == "recording"
                    if events[-1]["event"] == "recording" and done == kill_after:
                        running[2].kill()
                        running.append(start_worker("bl-host-b", scratch))
            return {**events[-1], "killed_after": kill_after, "status": client.returncode}
        finally:
            for each in reversed(running):
                each.kill()


def same_shards(one: Path, other: Path) -> int:
    """Return how many beats two folders of results hold, if their beats and events are the same to the last digit."""
    beats = 0
    for kind in ("beats", "events"):
        names = sorted(file.name for file in (one / kind).glob("*.parquet"))
        assert names == sorted(file.name for file in (other / kind).glob("*.parquet")), (kind, names)
        for name in names:
            first, second = pq.read_table(one / kind / name).to_pandas(), pq.read_table(other / kind / name).to_pandas()
            assert first.equals(second), (kind, name)
            beats += len(first) if kind == "beats" else 0
    return beats


def hosts(options: argparse.Namespace) -> None:
    """Show the run on two hosts, and that its results are those of one process."""
    if os.geteuid() or not shutil.which("ip"):
        print("this needs root and the command 'ip'", file=sys.stderr)
        raise SystemExit(1)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = scratch / "recordings"
        folder.mkdir()
        write_recordings(folder, options.recordings, options.hours)
        end = run_on_two_hosts(folder, scratch / "two", scratch, kill_after=max(1, options.recordings // 3))
        store = ShardStore(Place(str(scratch / "one")), WANTED, load_card(WANTED.model).classes)
        for source in find_batch(str(folder)):
            analyse_one(source, WANTED, store)
        beats = same_shards(scratch / "one", scratch / "two")
    print(f"two hosts, a worker killed after {end['killed_after']} of {options.recordings} recordings: {end}")
    print(f"the same {beats:,} beats, and the same events, as in one process")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    for run, defaults in (
        (one, {"hours": 24.0}),
        (throughput, {"recordings": 4, "hours": 24.0, "workers": [1, 2], "repeat": 3}),
        (tasks, {"n": 500}),
        (hosts, {"recordings": 8, "hours": 2.0}),
    ):
        kind = kinds.add_parser(run.__name__, help=(run.__doc__ or "").splitlines()[0])
        kind.set_defaults(run=run)
        for name, value in defaults.items():
            many = {"nargs": "+", "type": int} if isinstance(value, list) else {"type": type(value)}
            kind.add_argument(f"--{name}", default=value, **many)  # type: ignore[arg-type]
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
