"""R peaks in each of twelve leads by itself, on the Lobachevsky University Database, which took no part in training.

    python benchmarks/r_peaks_ludb.py --ludb FOLDER

``--ludb`` names the folder of the unpacked records (``1.hea``, ...). Each lead has QRS marks of its own; the first and the
last cycle are mostly unmarked, so that only the time between the first and the last mark (50 ms more on either side) counts.
A detection within 150 ms of a mark finds it; a second one for the same mark is false.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from r_peaks import sleepecg

from beatlens.beats.detector import detect_r_peaks
from beatlens.records import Record
from beatlens.records.wfdb_format import read_annotations, read_wfdb

WINDOW_S, MARGIN_S = 0.15, 0.05


def count(reference: np.ndarray, found: np.ndarray, fs: float) -> np.ndarray:
    """Return marks, missed and false detections of one lead."""
    inside = (found >= reference[0] - MARGIN_S * fs) & (found <= reference[-1] + MARGIN_S * fs)
    near = np.abs(reference[:, None] - found[inside][None, :]) <= WINDOW_S * fs
    hits = int(near.any(axis=1).sum())
    return np.array([len(reference), len(reference) - hits, int(inside.sum()) - hits])


def main() -> None:
    """Print a row a lead."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ludb", type=Path, required=True)
    options = parser.parse_args()
    headers = sorted(options.ludb.rglob("*.hea"))
    detectors = {"beatlens": detect_r_peaks, "sleepecg": sleepecg}
    total: dict[tuple[str, str], np.ndarray] = {}
    for header in headers:
        record = read_wfdb(header)
        for column, lead in enumerate(record.lead_names):
            marks = read_annotations(header, lead.lower())
            alone = Record(record.signal[:, column : column + 1], record.fs, (lead,), name=record.name)
            for name, detector in detectors.items():
                counts = count(marks.samples[marks.symbols == "N"], np.asarray(detector(alone)), record.fs)
                total[name, lead] = total.get((name, lead), 0) + counts
    for name in detectors:
        rows = {lead: counts for (detector, lead), counts in total.items() if detector == name}
        for lead, (marks, missed, false) in {**rows, "all": sum(rows.values())}.items():
            hits = marks - missed
            print(f"{name:<9} {lead:<4} {marks:6d} marks, missed {missed:4d}, false {false:4d}", end="  ")
            print(f"Se {100 * hits / marks:6.2f}  +P {100 * hits / (hits + false):6.2f}")


if __name__ == "__main__":
    main()
