"""Time and memory of ``beatlens analyze``, from a WFDB file to all outputs, stage by stage.

    BEATLENS_DATA=FOLDER python benchmarks/analyze.py [--hours 0.5 2 8 24 96] [--repeat 3] [--cold | --warm] [--json]
    BEATLENS_DATA=FOLDER python benchmarks/analyze.py --others [--neurokit PYTHON] [--json]

The record is tiled to each length and written as WFDB first. Each run is a process of its own, so that its start, its
imports and its compilation count, and so does its largest memory. Medians over the repeats; beside the seconds that passed
stand those of the processor, which other work on the machine changes less (two cores at work count twice). A first run that
does not count leaves compiled programs on disk; ``--cold`` gives every run an empty cache instead, and ``--warm`` measures the
second analysis of one process.

``--others`` measures two other ways on ten minutes: the seed's (a two-layer LSTM of 256 units in Keras over a window of every
beat, nothing else), and NeuroKit's detection and delineation of one lead, by a Python that has it (it needs pandas below 3).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from table import Table, describe_machine

from beatlens.databases.mitdb import read_mitdb

STAGES = (
    "imports", "reading", "loading the model", "quality", "R peaks", "classes", "rhythm", "explanations", "report", "tables",
    "figures",
)  # fmt: skip
NEUROKIT = """
import sys, time, numpy as np, neurokit2 as nk
ecg = np.load(sys.argv[1])
began = time.process_time()
clean = nk.ecg_clean(ecg, sampling_rate=360)
_, found = nk.ecg_peaks(clean, sampling_rate=360)
nk.ecg_delineate(clean, found["ECG_R_Peaks"], sampling_rate=360, method="dwt")
print(time.process_time() - began)
"""


def write_tiled(folder: Path, name: str, hours: float) -> Path:
    """Write the record, repeated to this length, as a WFDB record, and return its path."""
    record = read_mitdb(name)
    n_samples = round(hours * 3600 * record.fs)
    stem = f"tiled_{hours:g}h".replace(".", "_")
    steps = np.rint(200 * record.signal).astype("<i2")
    sums = np.zeros(record.n_leads, np.int64)
    with (folder / f"{stem}.dat").open("wb") as file:
        for start in range(0, n_samples, record.n_samples):
            piece = steps[: n_samples - start]
            sums += piece.sum(axis=0, dtype=np.int64)
            file.write(piece.tobytes())
    # WFDB's checksum of a lead is the sum of its samples in 16 bits.
    leads = zip(steps[0], sums.astype(np.int16), record.lead_names, strict=True)
    lines = [f"{stem} {record.n_leads} {record.fs:g} {n_samples}"]
    lines += [f"{stem}.dat 16 200(0)/mV 16 0 {first} {check} 0 {lead}" for first, check, lead in leads]
    (folder / f"{stem}.hea").write_text("\n".join(lines) + "\n")
    return folder / stem


def run_once(path: Path, out: Path, model: str, *, warm: bool = False) -> dict[str, float]:
    """Analyse and save in this process, ``warm`` once more; return processor seconds by stage, and the largest memory."""
    if warm:
        run_once(path, out.with_name(f"{out.name}-before"), model)
    started, began = time.process_time() if warm else 0.0, time.perf_counter()
    stages: dict[str, float] = {}
    now = {"stage": "imports", "since": started}

    def tell(stage: str, _share: float) -> None:
        if stage != now["stage"]:
            at = time.process_time()
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
        "processor": time.process_time() - started,
        **({"all": time.perf_counter() - began} if warm else {}),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "beats": len(analysis.beats),
    }


def measure(options: argparse.Namespace) -> Table:
    """Make the table of all lengths, one row each."""
    table = Table(
        "Speed",
        "`beatlens analyze`, from a WFDB file of two leads at 360 Hz to all outputs"
        + (", nothing compiled before" * options.cold)
        + (", the second time in one process" * options.warm),
        ("hours", "beats", "seconds", "hours of ECG a second", "processor seconds", "MB", *STAGES),
        as_json=options.json,
    )
    with tempfile.TemporaryDirectory() as scratch:
        if not options.cold:
            run_apart(write_tiled(Path(scratch), options.record, 0.1), Path(scratch, "first"), options.model)
        for hours in options.hours:
            path = write_tiled(Path(scratch), options.record, hours)
            runs = []
            for number in range(options.repeat):
                out = Path(f"{path}-{number}")
                cache = Path(scratch, f"cache-{hours:g}-{number}") if options.cold else None
                runs.append(run_apart(path, out, options.model, cache, warm=options.warm))
                shutil.rmtree(out)
            path.with_suffix(".dat").unlink()
            middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            cells = [f"{hours:g}", f"{middle['beats']:,.0f}", f"{middle['all']:.1f}", f"{hours / middle['all']:.2f}"]
            cells += [f"{middle['processor']:.1f}", f"{middle['megabytes']:,.0f}"]
            table.add(*cells, *(f"{middle.get(stage, 0):.1f}" for stage in STAGES))
    counted = "of which the first analysis is not counted" if options.warm else "its start and imports counted"
    table.note = (
        f"MIT-BIH record {options.record}, repeated; {options.model}; each run a process of its own, {counted}; medians of "
        f"{options.repeat} runs. The columns after MB are processor seconds by stage. {describe_machine()}."
    )
    return table


def run_apart(path: Path, out: Path, model: str, cache: Path | None = None, *, warm: bool = False) -> dict[str, float]:
    """Analyse in a process of its own, with compiled programs kept in a folder of its own or in the usual one."""
    words = ["--model", model, "--once", str(path), str(out), *(["--warm"] if warm else [])]
    # An installed package has its bytecode on disk; where none may be written, every process would compile all of it anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"BEATLENS_CACHE": str(cache)} if cache else {}
    began = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"all": time.perf_counter() - began} | found


def measure_others(options: argparse.Namespace) -> Table:
    """Measure what the seed's way and NeuroKit need for ten minutes, and what that makes for a day."""
    record = read_mitdb(options.record)
    minutes = 10
    signal = record.signal[: round(60 * minutes * record.fs), 0]
    beats = int((np.asarray(record.annotations.samples) < len(signal)).sum()) if record.annotations else 0
    columns = ("way", "processor seconds for 10 min", "for 24 h, scaled")
    table = Table("Speed", "Other ways on ten minutes of one lead", columns, as_json=options.json)

    def add(way: str, seconds: float) -> None:
        table.add(way, f"{seconds:.1f}", f"{seconds * 144:,.0f}")

    from beatlens.models.seed_lstm import build_seed_lstm

    network = build_seed_lstm(seed=0)
    windows = np.random.default_rng(0).normal(size=(beats, 180, 1)).astype(np.float32)
    network.predict(windows[:64], batch_size=32, verbose=0)  # compiled before the clock starts
    began = time.process_time()
    network.predict(windows, batch_size=32, verbose=0)
    add(f"the seed's LSTM in Keras over {beats} windows, batches of 32", time.process_time() - began)
    if options.neurokit:
        with tempfile.TemporaryDirectory() as scratch:
            np.save(Path(scratch) / "ecg.npy", signal.astype(np.float64))
            words = [options.neurokit, "-c", NEUROKIT, f"{scratch}/ecg.npy"]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
        add("NeuroKit: cleaning, R peaks, delineation (dwt) of one lead", float(done.stdout.splitlines()[-1]))
    table.note = f"MIT-BIH record {options.record}, the first ten minutes; everything compiled before. {describe_machine()}."
    return table


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="rhythm-lstm")
    parser.add_argument("--record", default="200")
    parser.add_argument("--hours", type=float, nargs="+", default=[0.5, 2, 8, 24, 96])
    parser.add_argument("--repeat", type=int, default=3)
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--cold", action="store_true")
    start.add_argument("--warm", action="store_true")
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--neurokit", metavar="PYTHON")
    parser.add_argument("--json", action="store_true", help="print what docs/tools/keep.py keeps")
    parser.add_argument("--once", nargs=2, metavar=("RECORD", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(run_once(Path(options.once[0]), Path(options.once[1]), options.model, warm=options.warm)))
    else:
        (measure_others(options) if options.others else measure(options)).end()


if __name__ == "__main__":
    main()
