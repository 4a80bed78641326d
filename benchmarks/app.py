"""How fast the app is: from its command to the first picture, and a page of a recording of 24 hours.

python benchmarks/app.py startup     # needs Chromium; wall time, and CPU time of the app's process
python benchmarks/app.py day         # no browser: what a page of a day's recording costs, in time and in bytes
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ARGUMENTS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking".split()


def measure_startup(runs: int, chromium: str) -> None:
    """Start the app, open the built-in recording, and wait for its overview; once unmeasured, so that caches are warm."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for run in range(runs + 1):
            times = _start_once(browser)
            print(f"{'warm-up' if run == 0 else f'run {run}'}: {times[0]:.1f} s, CPU of the app {times[1]:.1f} s")
            found += [times] if run else []
        browser.close()
    wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
    print(f"median of {runs}: {wall:.1f} s from the command to the first picture, CPU of the app {cpu:.1f} s")
    print(f"load average over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _start_once(browser) -> tuple[float, float]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        command = [sys.executable, "-m", "beatlens", "app", "--port", str(port)]
        environment = {**os.environ, "BEATLENS_DATA_HOME": home}
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(process, port)
                page = browser.new_page()
                page.set_default_timeout(300_000)
                page.goto(f"http://127.0.0.1:{port}")
                page.get_by_role("button", name="Open the built-in recording").click()
                page.locator(".bl.chart .rate").wait_for()
                wall = time.perf_counter() - began
                ticks = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
                page.close()
            finally:
                process.terminate()
    return wall, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _wait(process: subprocess.Popen, port: int) -> None:
    """Return when the app answers; it is asked again every 50 ms."""
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    raise SystemExit("the app ended")


def measure_day() -> None:
    """Time what the strip, the corrections and the gallery cost on 24 hours: the built-in recording, 288 times."""
    from beatlens.analysis import Settings, analyze
    from beatlens.app.drawing.strip import Paper, draw_strip, measure_spaces
    from beatlens.app.services.gallery import find_clusters
    from beatlens.app.services.navigation import Window
    from beatlens.app.services.review import apply_changes, relabel
    from beatlens.app.services.store import Change
    from beatlens.records.bundled import read_bundled

    record = read_bundled()
    short = analyze(record, settings=Settings(explanations=0))
    one = short.beats["sample"].to_numpy()
    at = (one[None] + record.n_samples * np.arange(288)[:, None]).ravel()
    long = replace(record, signal=np.tile(record.signal, (288, 1)))
    began = time.perf_counter()
    day = analyze(long, r_samples=at, settings=Settings(explanations=0))
    print(f"analysis of {day.record.duration_s / 3600:.0f} h, {len(day.beats):,} beats: {time.perf_counter() - began:.1f} s")
    review = apply_changes(day, (), reviewer="x")
    samples = day.beats.loc[day.beats["class"] == "V", "sample"].tolist()
    made = Change(1, "", "", "", "done", relabel(review, samples, "F"))
    paper = Paper((0,), measure_spaces(long))
    steps = {
        "a page of 10 s": lambda: draw_strip(review, Window(50_000, 50_010), paper),
        "a page of 60 s": lambda: draw_strip(review, Window(50_000, 50_060), paper),
        f"{len(samples):,} beats corrected at once": lambda: apply_changes(day, [made], reviewer="x"),
        "the gallery": lambda: find_clusters(day),
    }
    for name, act in steps.items():
        spent = []
        for _ in range(3):
            began = time.process_time()
            result = act()
            spent.append(time.process_time() - began)
        size = f", {len(str(result)) / 1000:.0f} kB" if "page" in name else ""
        print(f"{name}: {1000 * statistics.median(spent):.0f} ms of CPU{size}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("startup", "day"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    chosen = parser.parse_args()
    measure_startup(chosen.runs, chosen.chromium) if chosen.what == "startup" else measure_day()


if __name__ == "__main__":
    main()
