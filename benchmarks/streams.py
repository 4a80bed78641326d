"""How far a stream agrees with the analysis of the whole recording, and how fast it is.

    BEATLENS_DATA=FOLDER python benchmarks/streams.py [--records bundled 106 119 203 ...] [--lookahead 4.9 9.9 19.9]

For each recording: beats that both found at the same sample, those of them with the same class, beats that only one found,
and how many times faster than real time the stream was. Records of DS1 only, unless others are named.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from beatlens.analysis import Settings, analyze
from beatlens.analysis import stream as streaming
from beatlens.databases.mitdb import read_mitdb
from beatlens.models import load_model
from beatlens.records import Record
from beatlens.records.bundled import read_bundled


def compare(record: Record, batch: Any, model: Any) -> tuple[int, int, int, float]:
    """Return beats found by both, those of the same class, beats found by one only, and seconds of work."""
    began = time.perf_counter()
    source = streaming.BeatStream(record.fs, record.lead_names, model=model, leads=record.lead_names)
    beats = source.push(record.signal) + source.finish()
    seconds = time.perf_counter() - began
    ours = {beat.sample: beat.beat_class for beat in beats}
    theirs = dict(zip(batch["sample"].tolist(), batch["class"].tolist(), strict=True))
    both = ours.keys() & theirs.keys()
    return len(both), sum(ours[at] == theirs[at] for at in both), len(ours.keys() ^ theirs.keys()), seconds


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", nargs="+", default=["bundled", "106", "119", "203", "208", "209", "223"])
    parser.add_argument("--lookahead", nargs="+", type=float, default=[streaming.LOOKAHEAD_S])
    parser.add_argument("--model", default="rhythm-lstm")
    options = parser.parse_args()
    model = load_model(options.model)
    print("| record | look-ahead (s) | same R peak | same class (%) | one only | times real time |")
    print("|---|---|---|---|---|---|")
    total: dict[float, list[int]] = {}
    for name in options.records:
        record = read_bundled() if name == "bundled" else read_mitdb(name)
        analysis = analyze(record, model=model, settings=Settings(explanations=0))
        for ahead in options.lookahead:
            streaming.LOOKAHEAD_S = ahead  # type: ignore[misc]
            both, same, apart, seconds = compare(analysis.record, analysis.beats, model)
            pace = record.duration_s / seconds
            print(f"| {name} | {ahead:g} | {both:,} | {100 * same / both:.1f} | {apart} | {pace:.0f} |", flush=True)
            total[ahead] = np.add(total.get(ahead, [0, 0, 0]), [both, same, apart]).tolist()
    for ahead, (both, same, apart) in total.items():
        print(f"| all | {ahead:g} | {both:,} | {100 * same / both:.1f} | {apart} | |")


if __name__ == "__main__":
    main()
