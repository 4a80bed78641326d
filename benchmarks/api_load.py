"""``beatlens serve`` under load: time to answer and errors by number of clients, and memory over many requests.

    python benchmarks/api_load.py clients [--clients 1 8 32] [--seconds 20] [--workers 1]
    python benchmarks/api_load.py memory [--requests 10000] [--analyses 200]

Each starts a server of its own at a free port of this machine, in a temporary folder. ``clients`` lets each client send one
request after the other, without pause: a strip of 30 s to be analysed, waited for and deleted; and, in a run of its own, what
is read of a finished analysis (its state, its beats, its report, the server's health). ``memory`` sends reads and, evenly
among them, strips, from eight clients, and prints the memory of the server and of its workers as it goes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
import numpy as np

from beatlens.records.bundled import read_bundled

STRIP_S = 30
READS = ("/v1/analyses/{id}", "/v1/analyses/{id}/beats.json", "/v1/analyses/{id}/report.html", "/health")

Request = Callable[[httpx.AsyncClient, int], Awaitable[str]]
"""Sends the k-th request, and returns what came of it: a status, or the name of an error."""


def make_strip() -> dict[str, object]:
    """Return the first seconds of the recording that comes with the package, as the API takes numbers."""
    record = read_bundled()
    lead = record.signal[: STRIP_S * round(record.fs), 0]
    return {"samples": [np.round(lead.astype(float), 3).tolist()], "lead_names": ["MLII"], "fs": record.fs, "unit": "mV"}


@contextlib.asynccontextmanager
async def serving(*words: str) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """Start a server; yield a client of it and the number of its process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "beatlens", "serve", "--port", "0", "--data", folder, *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as client:
                yield client, process.pid
        finally:
            process.terminate()
            process.wait(60)


async def analyse(client: httpx.AsyncClient, strip: dict[str, object]) -> tuple[str, str]:
    """Have a strip analysed; return what came of it, and the analysis's name."""
    answer = await client.post("/v1/analyses?wait=60", json=strip)
    if answer.status_code >= 300:
        return str(answer.status_code), ""
    found = answer.json()
    return (str(answer.status_code) if found["state"] == "done" else found["state"]), found["id"]


@dataclass
class Load:
    """What the clients of one run saw."""

    seconds: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    async def client(self, client: httpx.AsyncClient, request: Request, until: Callable[[int], bool]) -> None:
        """Send one request after the other until it is enough."""
        while until(place := self.outcomes.total()):
            self.outcomes["under way"] += 1
            began = time.perf_counter()
            try:
                outcome = await request(client, place)
            except httpx.HTTPError as error:
                outcome = type(error).__name__
            self.seconds.append(time.perf_counter() - began)
            self.outcomes["under way"] -= 1
            self.outcomes[outcome] += 1


async def run_load(client: httpx.AsyncClient, request: Request, n_clients: int, seconds: float) -> str:
    """Return a row of the table: requests a second, p50, p99, largest, and what did not succeed."""
    load, began = Load(), time.perf_counter()

    def goes_on(_place: int) -> bool:
        return time.perf_counter() - began < seconds

    await asyncio.gather(*(load.client(client, request, goes_on) for _ in range(n_clients)))
    took = time.perf_counter() - began
    p50, p99, most = (1000 * value for value in np.quantile(load.seconds, (0.5, 0.99, 1)))
    failed = {name: n for name, n in load.outcomes.items() if n and not name.startswith("2")}
    rate = len(load.seconds) / took
    times = " | ".join(f"{value:>8.0f}" for value in (p50, p99, most))
    return f"{n_clients:>7} | {rate:>10.1f} | {times} | {len(load.seconds):>8} | {failed or 'none'}"


async def clients(options: argparse.Namespace) -> None:
    """Print a table of strips analysed and one of results read."""
    strip = make_strip()
    async with serving("--workers", str(options.workers)) as (client, _):
        _, kept = await analyse(client, strip)

        async def strips(client: httpx.AsyncClient, _place: int) -> str:
            outcome, name = await analyse(client, strip)
            if name:
                await client.delete(f"/v1/analyses/{name}")
            return outcome

        async def reads(client: httpx.AsyncClient, place: int) -> str:
            return str((await client.get(READS[place % len(READS)].format(id=kept))).status_code)

        for title, request in ((f"strips of {STRIP_S} s analysed, {options.workers} workers", strips), ("reads", reads)):
            print(f"\n{title}\nclients | requests/s | p50 (ms) | p99 (ms) | max (ms) | requests | not answered 2xx")
            for n_clients in options.clients:
                print(await run_load(client, request, n_clients, options.seconds), flush=True)
    print(f"\nload of the machine {os.getloadavg()[0]:.1f}, processors {os.cpu_count()}")


def megabytes(process: int) -> tuple[float, list[float]]:
    """Return the memory of a process that is not shared with files, and that of each of its children."""
    own = re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{process}/status").read_text(encoding="ascii"))
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return int(own[1]) / 1024 if own else 0.0, sorted(megabytes(int(child))[0] for child in children)


async def memory(options: argparse.Namespace) -> None:
    """Print the memory after each tenth of the requests."""
    strip, every = make_strip(), max(1, options.requests // options.analyses)
    async with serving() as (client, process):
        _, kept = await analyse(client, strip)
        load = Load()
        print("requests | server (MB) | workers (MB) | not answered 2xx")

        async def request(client: httpx.AsyncClient, place: int) -> str:
            if place % every == 0:
                outcome, name = await analyse(client, strip)
                return outcome if not name else str((await client.delete(f"/v1/analyses/{name}")).status_code)
            return str((await client.get(READS[place % len(READS)].format(id=kept))).status_code)

        for tenth in range(11):
            most = options.requests * tenth // 10
            await asyncio.gather(*(load.client(client, request, lambda place, most=most: place < most) for _ in range(8)))
            server, workers = megabytes(process)
            failed = {name: n for name, n in load.outcomes.items() if n and not name.startswith("2")}
            each = ", ".join(f"{value:.0f}" for value in workers)
            print(f"{most:>8} | {server:>11.1f} | {each:>12} | {failed or 'none'}", flush=True)
    print(f"every {every}th request was a strip of {STRIP_S} s to analyse; load of the machine {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Run the part that was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("clients")
    part.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    part.add_argument("--seconds", type=float, default=20)
    part.add_argument("--workers", type=int, default=1)
    part.set_defaults(run=clients)
    part = parts.add_parser("memory")
    part.add_argument("--requests", type=int, default=10_000)
    part.add_argument("--analyses", type=int, default=200)
    part.set_defaults(run=memory)
    options = parser.parse_args()
    asyncio.run(options.run(options))


if __name__ == "__main__":
    main()
