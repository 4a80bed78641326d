"""R peaks on the MIT-BIH Arrhythmia Database, beside other open detectors, under the rules of ANSI/AAMI EC57 (WFDB's bxb).

    BEATLENS_DATA=FOLDER python benchmarks/r_peaks.py [--peers sleepecg xqrs neurokit gqrs] [--records 100 101 ...] [--json]
    BEATLENS_DATA=FOLDER python benchmarks/r_peaks.py --speed [--json]

The comparison starts at 5:00, the window is 150 ms, ventricular fibrillation is left out: what bxb does. Gross figures over
all beats. A peer that is not installed is named as such; gqrs is read from the annotations in ../ec57/annotations beside
the data, if they are there. ``--speed`` measures the time for 24 hours of one lead at 360 Hz (record 100, tiled) instead.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from table import Table, describe_machine

from beatlens.beats.detector import detect_r_peaks
from beatlens.databases.mitdb import DS1, DS2, RECORDS, read_mitdb
from beatlens.evaluation.ec57 import compare_beats
from beatlens.labels import BEAT_SYMBOLS
from beatlens.records import Annotations, Record
from beatlens.records.wfdb_format import read_annotations

Detector = Callable[[Record], np.ndarray]


def ours_first(record: Record) -> np.ndarray:
    """Beatlens, from the first lead alone."""
    return detect_r_peaks(record, leads=record.lead_names[:1])


def ours_both(record: Record) -> np.ndarray:
    """Beatlens, from the leads that it chooses."""
    return detect_r_peaks(record)


def sleepecg(record: Record) -> np.ndarray:
    """Return SleepECG's peaks of the first lead."""
    return importlib.import_module("sleepecg").detect_heartbeats(record.signal[:, 0].astype(float), record.fs)


def xqrs(record: Record) -> np.ndarray:
    """Return XQRS's peaks of the first lead."""
    processing = importlib.import_module("wfdb.processing")
    with contextlib.redirect_stdout(io.StringIO()):
        return processing.xqrs_detect(record.signal[:, 0].astype(float), record.fs, verbose=False)


def neurokit(record: Record) -> np.ndarray:
    """Return NeuroKit's peaks of the first lead, its own cleaning and method."""
    nk = importlib.import_module("neurokit2")
    rate = round(record.fs)
    cleaned = nk.ecg_clean(record.signal[:, 0].astype(float), sampling_rate=rate)
    return np.asarray(nk.ecg_peaks(cleaned, sampling_rate=rate)[1]["ECG_R_Peaks"])


def gqrs(record: Record) -> np.ndarray:
    """Return the annotations that WFDB's gqrs wrote for the first lead."""
    folder = Path(os.environ.get("BEATLENS_DATA", ".")).resolve().parent / "ec57" / "annotations"
    found = read_annotations(folder / record.name, "gq")
    return found.samples[np.isin(found.symbols, list(BEAT_SYMBOLS))]


PEERS: dict[str, Detector] = {"gqrs": gqrs, "sleepecg": sleepecg, "xqrs": xqrs, "neurokit": neurokit}
NAMES = {"gqrs": "gqrs (WFDB)", "sleepecg": "SleepECG", "xqrs": "XQRS", "neurokit": "NeuroKit"}


def count(record: Record, found: np.ndarray) -> np.ndarray:
    """Return beats found, beats in the reference, detections that count; as bxb counts them."""
    found = np.unique(np.asarray(found, dtype=np.int64))
    found = found[(found >= 0) & (found < record.n_samples)]
    test = Annotations(found, np.full(len(found), "N"))
    result = compare_beats(record.annotations, test, fs=record.fs, n_samples=record.n_samples)
    return np.array([result.qrs_sensitivity.hits, result.qrs_sensitivity.cases, result.qrs_predictivity.cases])


def offsets_ms(record: Record, found: np.ndarray) -> np.ndarray:
    """Return how far each reference beat's nearest detection within 150 ms lies from it, in ms."""
    beats = record.annotations.samples[np.isin(record.annotations.symbols, list(BEAT_SYMBOLS))]
    near = np.clip(np.searchsorted(found, beats), 1, len(found) - 1)
    left, right = found[near - 1] - beats, found[near] - beats
    offset = np.where(np.abs(left) < np.abs(right), left, right) / record.fs * 1000
    return offset[np.abs(offset) <= 150]


def figures(counts: np.ndarray) -> str:
    """Return sensitivity and positive predictivity in percent."""
    hits, beats, detections = counts
    return f"{100 * hits / beats:.2f} {100 * hits / detections:.2f}"


def run(detector: Detector, records: list[str], *, verbose: bool) -> list[str]:
    """Return the cells of a row."""
    total, offsets = {}, []
    for name in records:
        record = read_mitdb(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = detector(record)
        total[name] = count(record, found)
        offsets.append(offsets_ms(record, found))
        if verbose:
            hits, beats, detections = total[name]
            print(f"    {name} missed {beats - hits} false {detections - hits}", file=sys.stderr, flush=True)
    groups = [[r for r in records if r in group] for group in (DS1, DS2, RECORDS)]
    low, middle, high = np.percentile(np.concatenate(offsets), [5, 50, 95])
    cells = [figures(sum(total[r] for r in group)) if group else "" for group in groups]
    return [*cells, f"{middle:.1f} ({low:.0f} to {high:.0f})"]


def choose_detectors(peers: list[str]) -> dict[str, Detector]:
    """Return the detectors to compare, by the names of their rows."""
    ours = {"Beatlens, leads chosen by itself": ours_both, "Beatlens, first lead": ours_first}
    return ours | {f"{NAMES[name]}, first lead": PEERS[name] for name in peers}


def measure(options: argparse.Namespace) -> Table:
    """Compare the detectors with the reference."""
    table = Table(
        "R peaks",
        "Beside other open detectors, MIT-BIH",
        ("detector", "DS1", "DS2", "all 48", "offset to the reference, ms: median (5 to 95 %)"),
        "MIT-BIH Arrhythmia Database under the rules of WFDB's `bxb`: 150 ms, from 5:00, ventricular fibrillation left out, "
        "gross over all beats; Se and +P in %. DS1 is what the detector of Beatlens learned from: its figures, and so those of "
        "all 48 records, are partly in-sample. DS2 is not. With the patients of DS1 held out in folds the figures on DS1 are "
        "lower: `benchmarks/train_qrs_network.py --folds` prints them.",
        options.json,
    )
    for name, detector in choose_detectors(options.peers).items():
        try:
            table.add(name, *run(detector, options.records, verbose=options.verbose))
        except (ImportError, FileNotFoundError) as error:
            print(f"{name} is not there: {error}", file=sys.stderr)
    return table


def measure_speed(options: argparse.Namespace) -> Table:
    """Time the detectors of one lead on 24 hours."""
    record = read_mitdb("100")
    n = int(24 * 3600 * record.fs)
    signal = np.tile(record.signal[:, :1], (n // record.n_samples + 1, 1))[:n]
    long = Record(signal, record.fs, record.lead_names[:1], name="24 hours")
    columns = ("detector", "seconds", "processor seconds")
    table = Table("Speed", "R peaks in 24 hours of one lead at 360 Hz", columns, as_json=options.json)
    for name, detector in choose_detectors([peer for peer in options.peers if peer not in ("xqrs", "gqrs")]).items():
        if detector is ours_both:
            continue
        runs = []
        try:
            for _ in range(3):
                began = time.perf_counter(), time.process_time()
                detector(long)
                runs.append((time.perf_counter() - began[0], time.process_time() - began[1]))
        except ImportError as error:
            print(f"{name} is not there: {error}", file=sys.stderr)
            continue
        table.add(name, *(round(float(middle), 1) for middle in np.median(runs, axis=0)))
    table.note = f"Record 100, repeated; reading left out; medians of three runs. {describe_machine()}."
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--records", nargs="*", default=list(RECORDS))
    parser.add_argument("--speed", action="store_true", help="time 24 hours of one lead instead (not xqrs)")
    parser.add_argument("--verbose", action="store_true", help="print the errors of each record")
    parser.add_argument("--json", action="store_true", help="print what docs/tools/keep.py keeps")
    options = parser.parse_args()
    (measure_speed(options) if options.speed else measure(options)).end()


if __name__ == "__main__":
    main()
