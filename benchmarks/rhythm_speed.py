"""How fast rhythm-lstm judges beats: from windows to probabilities, and from a half-hour recording to classes.

    python benchmarks/rhythm_speed.py [--beats 20480]

Uses made-up beats, the shipped weights, and whatever cores the process may use (said in the output).
"""

from __future__ import annotations

import argparse
import json
import os
import time

import numpy as np

from beatlens.beats.morphology import AFTER, BEFORE
from beatlens.models.registry import load_model
from beatlens.models.rhythm_encoding import FEATURES, EncodedBeats
from beatlens.records import Record


def made_beats(n: int) -> EncodedBeats:
    """Return encoded beats of noise: the network's work does not depend on their values."""
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(n, BEFORE + AFTER, 2)).astype(np.float32)
    return EncodedBeats(rng.normal(size=(n, len(FEATURES))).astype(np.float32), windows, windows[0], np.arange(n))


def made_recording(minutes: float, fs: float = 360.0) -> tuple[Record, np.ndarray]:
    """Return a drawn recording of 75 beats a minute on two leads."""
    r = (np.arange(0.7, minutes * 60 - 1, 0.8) * fs).astype(np.int64)
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.01, (int(minutes * 60 * fs), 2)).astype(np.float32)
    at = np.arange(-20, 21)
    for lead in range(2):
        signal[r[:, None] + at, lead] += np.exp(-0.5 * (at / 5) ** 2).astype(np.float32)
    return Record(signal, fs, ("MLII", "V1"), name="drawn"), r


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beats", type=int, default=20_480)
    chosen = parser.parse_args()
    started = time.perf_counter()
    model = load_model("rhythm-lstm")
    beats = made_beats(chosen.beats)
    loaded = time.perf_counter()
    model.predict_encoded(beats)
    first = time.perf_counter()
    runs = []
    for _ in range(5):
        began = time.perf_counter()
        model.predict_encoded(beats)
        runs.append(time.perf_counter() - began)
    record, r = made_recording(30)
    began = time.perf_counter()
    model.predict_record(record, r)
    figures = {
        "cores": len(os.sched_getaffinity(0)),
        "beats": chosen.beats,
        "load_s": round(loaded - started, 2),
        "first_call_s": round(first - loaded, 2),
        "beats_per_s_network_median": round(chosen.beats / float(np.median(runs))),
        "beats_per_s_network_best": round(chosen.beats / min(runs)),
        "half_hour_recording_s": round(time.perf_counter() - began, 2),
        "half_hour_beats": len(r),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
