"""R peaks on the MIT-BIH Arrhythmia Database, beside other open detectors, under the rules of ANSI/AAMI EC57 (WFDB's bxb).

    BEATLENS_DATA=FOLDER python benchmarks/r_peaks.py [--peers sleepecg xqrs neurokit gqrs] [--records 100 101 ...] [--speed]

The comparison starts at 5:00, the window is 150 ms, ventricular fibrillation is left out: what bxb does. Gross figures over
all beats. A peer that is not installed is named as such; gqrs is read from the annotations in ../ec57/annotations beside
the data, if they are there. ``--speed`` adds the time for 24 hours of one lead at 360 Hz (record 100, tiled).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

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


PEERS: dict[str, Detector] = {"sleepecg": sleepecg, "xqrs": xqrs, "neurokit": neurokit, "gqrs": gqrs}


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
    return f"{100 * hits / beats:6.2f} {100 * hits / detections:6.2f}"


def run(name: str, detector: Detector, records: list[str], *, verbose: bool) -> None:
    """Print a row of the table."""
    total, offsets, began = {}, [], time.perf_counter()
    try:
        for record_name in records:
            record = read_mitdb(record_name)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = detector(record)
            total[record_name] = count(record, found)
            offsets.append(offsets_ms(record, found))
            if verbose:
                hits, beats, detections = total[record_name]
                print(f"    {record_name} missed {beats - hits} false {detections - hits}", flush=True)
    except ImportError:
        print(f"{name:<24} not installed")
        return
    except FileNotFoundError as error:
        print(f"{name:<24} not there: {error}")
        return
    groups = [[r for r in records if r in group] for group in (DS1, DS2, RECORDS)]
    cells = "  ".join(figures(sum(total[r] for r in group)) if group else " " * 13 for group in groups)
    offset = np.concatenate(offsets)
    low, middle, high = np.percentile(offset, [5, 50, 95])
    seconds = time.perf_counter() - began
    print(f"{name:<24} {cells}  {middle:5.1f} ({low:.0f} to {high:.0f})  {seconds:6.1f}", flush=True)


def measure_speed(detectors: dict[str, Detector]) -> None:
    """Print how long 24 hours of one lead take."""
    record = read_mitdb("100")
    n = int(24 * 3600 * record.fs)
    signal = np.tile(record.signal[:, :1], (n // record.n_samples + 1, 1))[:n]
    long = Record(signal, record.fs, record.lead_names[:1], name="24 hours")
    for name, detector in detectors.items():
        began = time.process_time(), time.perf_counter()
        try:
            found = detector(long)
        except ImportError:
            continue
        busy, passed = time.process_time() - began[0], time.perf_counter() - began[1]
        print(
            f"24 h of one lead: {name:<24} {len(found)} beats, {busy:.1f} s of processor time, {passed:.1f} s passed",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--records", nargs="*", default=list(RECORDS))
    parser.add_argument("--speed", action="store_true", help="also time 24 hours of one lead (not xqrs)")
    parser.add_argument("--verbose", action="store_true", help="print the errors of each record")
    options = parser.parse_args()
    print(f"{'Se and +P in %':<24} {'DS1':^13}  {'DS2':^13}  {'all 48':^13}  offset in ms: median (5 to 95 %)  seconds")
    detectors = {"beatlens, first lead": ours_first, "beatlens, both leads": ours_both}
    detectors |= {f"{name}, first lead": PEERS[name] for name in options.peers}
    for name, detector in detectors.items():
        run(name, detector, options.records, verbose=options.verbose)
    if options.speed:
        slow = ("beatlens, both leads", "xqrs, first lead", "gqrs, first lead")
        measure_speed({name: detector for name, detector in detectors.items() if name not in slow})


if __name__ == "__main__":
    main()
