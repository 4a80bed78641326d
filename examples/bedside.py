"""A bedside monitor: plays the recording that comes with the package as if it arrived now, and prints its beats as they come.

python examples/bedside.py                  # five minutes in thirty seconds
python examples/bedside.py --speed 1        # in real time
python examples/bedside.py --seconds 60     # the first minute only
"""

from __future__ import annotations

import argparse
import math
import time

import beatlens as bl
from beatlens.analysis.stream import DELAY_S, FIRST_S
from beatlens.records.bundled import read_bundled

CHUNK_S = 0.25


def main() -> None:
    """Play, and print one line a beat that is not normal, and the heart rate every ten seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", type=float, default=10.0, help="seconds of signal per second")
    parser.add_argument("--seconds", type=float, default=300.0, help="how much of the recording")
    parser.add_argument("--model", default="rhythm-lstm")
    options = parser.parse_args()
    record = read_bundled()
    monitor = bl.BeatStream(record.fs, record.lead_names, model=options.model)
    size, end = round(CHUNK_S * record.fs), min(record.n_samples, round(options.seconds * record.fs))
    print(f"{record.name}, {options.speed:g} times real time. For research; not a medical device.")
    print(f"Each beat is told at most {DELAY_S:g} s after it happened, the first ones after {FIRST_S:g} s.")
    began, beats, intervals, shown = time.monotonic(), 0, [], 0.0
    for at in range(0, end, size):
        due = began + at / record.fs / options.speed
        time.sleep(max(0.0, due - time.monotonic()))  # a monitor cannot hurry its patient
        told = monitor.push(record.signal[at : min(at + size, end)])
        if at + size >= end:
            told += monitor.finish()
        for beat in told:
            beats += 1
            intervals = [*intervals, beat.rr_s][-10:]
            if beat.beat_class not in ("N", "normal"):
                what = beat.beat_class or "not judged"
                late = beat.told_s - beat.time_s
                print(
                    f"{beat.time_s:8.2f} s  {what:10s} {beat.probability:.2f}  told {late:4.1f} s later  {beat.reason}".rstrip()
                )
        if monitor.duration_s - shown >= 10 and beats > 10:
            known = [rr for rr in intervals if not math.isnan(rr)]
            print(f"{monitor.duration_s:8.2f} s  {60 * len(known) / sum(known):.0f} beats per minute, {beats} beats so far")
            shown = monitor.duration_s
    print(f"{beats} beats in {monitor.duration_s:.0f} s of signal, {time.monotonic() - began:.1f} s of work and waiting")


if __name__ == "__main__":
    main()
