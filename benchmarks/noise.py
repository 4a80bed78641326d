"""R peaks under noise: the MIT-BIH Noise Stress Test's recorded noise, added to clean records of DS2.

    BEATLENS_DATA=FOLDER python benchmarks/noise.py --noise FOLDER [--peers sleepecg xqrs neurokit] [--kinds bw em ma]
        [--records 100 ...] [--json]

``--noise`` names the folder of the unpacked noise recordings bw, em and ma (two channels each, 360 Hz). As the database's own
program ``nst`` does it, noise is added for two minutes and left out for two, in turn, from 5:00 on; the first channel to the
first lead, the second to the second. The signal-to-noise ratio is nst's: S is an eighth of the squared peak-to-peak
amplitude of the QRS complexes (from 50 ms before to 50 ms after the annotation, the first 300 normal beats, the mean without
the largest and the smallest 5 %), N the squared RMS of the noise (300 stretches of one second, each about its mean, the mean
without the largest and the smallest 5 %), for each lead by itself.

Only the noisy two-minute parts are counted; beats are paired as bxb pairs them.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import warnings
from pathlib import Path

import numpy as np
from r_peaks import PEERS, Detector, choose_detectors
from table import Table

from beatlens.databases.mitdb import read_mitdb
from beatlens.evaluation.ec57 import compare_beats
from beatlens.records import Annotations, Record
from beatlens.records.wfdb_format import read_wfdb

CLEAN = ("100", "113", "123", "202", "213", "219", "231", "233")
"""The DS2 records in which no change of signal quality is annotated."""
KINDS = {"bw": "baseline wander", "em": "electrode motion", "ma": "muscle artefact"}
LEVELS = (24, 18, 12, 6, 0, -6)
START_S, PART_S = 300, 120


def trimmed_mean(values: np.ndarray) -> float:
    """Return the mean without the largest and the smallest 5 %."""
    cut = round(0.05 * len(values))
    return float(np.sort(values)[cut : len(values) - cut].mean())


def signal_power(lead: np.ndarray, beats: np.ndarray, fs: float) -> float:
    """Return nst's S of a lead."""
    half = round(0.05 * fs)
    return trimmed_mean(np.array([np.ptp(lead[t - half : t + half + 1]) for t in beats[beats >= half][:300]])) ** 2 / 8


def noise_power(noise: np.ndarray, fs: float) -> float:
    """Return nst's N of a channel."""
    n = round(fs)
    parts = noise[: 300 * n].reshape(300, n)
    return trimmed_mean(parts.std(axis=1)) ** 2


def noisy_parts(n_samples: int, fs: float) -> list[tuple[int, int]]:
    """Return where noise is added: two minutes on, two off, from 5:00."""
    starts = range(round(START_S * fs), n_samples, round(2 * PART_S * fs))
    return [(start, min(start + round(PART_S * fs), n_samples)) for start in starts]


def add_noise(record: Record, noise: np.ndarray, snr_db: float) -> Record:
    """Return the record with noise."""
    signal = record.signal.astype(float)
    beats = record.annotations.samples[record.annotations.symbols == "N"]
    for lead in range(2):
        gain = np.sqrt(signal_power(signal[:, lead], beats, record.fs) / noise_power(noise[:, lead], record.fs))
        for begin, end in noisy_parts(len(signal), record.fs):
            signal[begin:end, lead] += gain * 10 ** (-snr_db / 20) * noise[begin:end, lead]
    return dataclasses.replace(record, signal=signal.astype(np.float32))


def count(record: Record, found: np.ndarray) -> np.ndarray:
    """Return beats found, beats in the reference, detections, in the noisy parts."""
    found = np.unique(np.asarray(found, dtype=np.int64))
    total = np.zeros(3, int)
    for begin, end in noisy_parts(record.n_samples, record.fs):
        marks = record.annotations
        reference = marks.select(marks.samples < end)
        test = found[(found < end) & (found >= 0)]
        result = compare_beats(
            reference,
            Annotations(test, np.full(len(test), "N")),
            fs=record.fs,
            n_samples=end,
            start_s=begin / record.fs,
        )
        total += [result.qrs_sensitivity.hits, result.qrs_sensitivity.cases, result.qrs_predictivity.cases]
    return total


def row(detector: Detector, records: list[Record], noise: np.ndarray) -> list[str]:
    """Return 'Se / +P' for each level."""
    cells = []
    for level in LEVELS:
        total = np.zeros(3, int)
        for record in records:
            noisy = add_noise(record, noise, level)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                total += count(noisy, detector(noisy))
        cells.append(f"{100 * total[0] / total[1]:.2f} / {100 * total[0] / max(total[2], 1):.2f}")
    return cells


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--noise", type=Path, required=True)
    peers = [name for name in PEERS if name != "gqrs"]
    parser.add_argument("--peers", nargs="*", default=peers, choices=peers)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--records", nargs="*", default=list(CLEAN))
    parser.add_argument("--json", action="store_true", help="print what docs/tools/keep.py keeps")
    options = parser.parse_args()
    records = [read_mitdb(name) for name in options.records]
    columns = ("noise", "detector", *(f"{level} dB" for level in LEVELS))
    note = (
        f"Se / +P in % over the noisy parts of {', '.join(options.records)}. The recorded noise of the MIT-BIH Noise Stress "
        "Test Database is added as its program `nst` adds it, two minutes on, two off from 5:00; beats are paired as by `bxb`. "
        "None of this noise was trained on."
    )
    table = Table("R peaks", "Under recorded noise", columns, note, options.json)
    for kind in options.kinds:
        noise, title = read_wfdb(options.noise / kind).signal.astype(float), KINDS[kind]
        for name, detector in choose_detectors(options.peers).items():
            try:
                table.add(title, name, *row(detector, records, noise))
                title = ""
            except ImportError as error:
                print(f"{name} is not there: {error}", file=sys.stderr)
    table.end()


if __name__ == "__main__":
    main()
