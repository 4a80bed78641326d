"""How long the EC57 comparison of all 48 MIT-BIH records takes once the annotation files are read.

Run ``python benchmarks/ec57_speed.py [FOLDER ANNOTATOR]``: the reference against an annotator, or against itself.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from beatlens.databases import mitdb
from beatlens.evaluation.ec57 import Comparison, compare_record, make_reports
from beatlens.records.wfdb_format import read_annotations

N_SAMPLES, FS = 650_000, 360.0


def main() -> None:
    """Read everything, then time the comparison and the text of all nine reports; the best of three."""
    database = mitdb.find_database()
    folder, annotator = (Path(sys.argv[1]), sys.argv[2]) if len(sys.argv) == 3 else (database, "atr")
    started = time.perf_counter()
    pairs = {name: (read_annotations(database / name), read_annotations(folder / name, annotator)) for name in mitdb.RECORDS}
    print(f"read 96 files in {time.perf_counter() - started:.2f} s")
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        records = [compare_record(*pair, fs=FS, n_samples=N_SAMPLES, name=name) for name, pair in pairs.items()]
        reports = make_reports(Comparison(reference="atr", test=annotator, start_s=300.0, records=tuple(records)))
        best = min(best, time.process_time() - started)
    n_beats = sum(len(marks) for pair in pairs.values() for marks in pair)
    print(f"compared {n_beats} annotations of 48 records into {len(reports)} reports in {best:.2f} s of one core")


if __name__ == "__main__":
    main()
