"""Time and memory of ``beatlens analyze``, from a WFDB file to all outputs, stage by stage.

    BEATLENS_DATA=FOLDER python benchmarks/analyze.py [--model seed-lstm] [--record 200] [--hours 0.5 2 8 24] [--repeat 3]

The record is tiled to each length and written as WFDB first. Each run is a process of its own, so that its start, its
imports and its compilation count (the compilation cache on disk is warm from the second run on), and so does its largest
memory. Medians over the repeats are printed; beside them the processor time, which a busy machine does not change.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import wfdb

from beatlens.databases.mitdb import read_mitdb


def write_tiled(folder: Path, name: str, hours: float) -> Path:
    """Write the record, repeated to this length, as a WFDB record, and return its path."""
    record = read_mitdb(name)
    n_samples = round(hours * 3600 * record.fs)
    signal = np.tile(record.signal, (-(-n_samples // record.n_samples), 1))[:n_samples].astype(np.float64)
    stem = f"tiled_{hours:g}h".replace(".", "_")
    wfdb.wrsamp(
        stem,
        fs=record.fs,
        units=["mV"] * record.n_leads,
        sig_name=list(record.lead_names),
        p_signal=signal,
        fmt=["16"] * record.n_leads,
        adc_gain=[200.0] * record.n_leads,
        baseline=[0] * record.n_leads,
        write_dir=str(folder),
    )
    return folder / stem


def run_once(path: Path, out: Path, model: str) -> dict[str, float]:
    """Analyse and save in this process; return seconds by stage, processor seconds and the largest memory."""
    started, used = time.perf_counter(), time.process_time()
    stages: dict[str, float] = {}
    now = {"stage": "imports", "since": started}

    def tell(stage: str, _share: float) -> None:
        if stage != now["stage"]:
            at = time.perf_counter()
            stages[str(now["stage"])] = at - float(now["since"])
            now.update(stage=stage, since=at)

    from beatlens.analysis import analyze
    from beatlens.records import read
    from beatlens.reports.saving import save_analysis

    tell("reading", 0)
    record = read(path)
    tell("loading the model", 0)
    analysis = analyze(record, model=model, progress=tell)
    save_analysis(analysis, out, progress=tell)
    tell("end", 0)
    return {
        **stages,
        "all": time.perf_counter() - started,
        "processor": time.process_time() - used,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "beats": len(analysis.beats),
    }


def main() -> None:
    """Print one line a length, then the median seconds of each stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="seed-lstm")
    parser.add_argument("--record", default="200")
    parser.add_argument("--hours", type=float, nargs="+", default=[0.5, 2, 8, 24])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--once", nargs=2, metavar=("RECORD", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(run_once(Path(options.once[0]), Path(options.once[1]), options.model)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        for hours in options.hours:
            path = write_tiled(Path(scratch), options.record, hours)
            runs = []
            for number in range(options.repeat):
                words = ["--model", options.model, "--once", str(path), f"{path}-{number}"]
                done = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True)
                runs.append(json.loads(done.stdout.splitlines()[-1]))
            middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            print(
                f"{hours:g} h, {middle.pop('beats'):,.0f} beats: {middle.pop('all'):.1f} s "
                f"(processor {middle.pop('processor'):.1f} s), {middle.pop('megabytes'):,.0f} MB"
            )
            print("   " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in middle.items()))


if __name__ == "__main__":
    main()
