"""How much memory and time reading a 24-hour recording of three leads takes, beyond what is returned; and a minute of it.

Usage: ``python benchmarks/read_memory.py [--hours 24] [--fs 250] [--folder DIR]``. The files are written first, from one
seed, into a temporary folder (or DIR, where they are kept for the next run). Each reading runs in processes of its own: one
for the processor time; one for the peak of the process's own pages (Linux: RssAnon, sampled every 2 ms) less what stood
before and less the bytes of the returned signal; one for tracemalloc's peak, less the same. Both are also given for each
sample of the whole recording.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

LEADS = ("II", "V1", "V5")
FORMATS = ("wfdb-212", "wfdb-16", "edf", "bdf", "ishne")


def counts(hours: float, fs: int) -> np.ndarray:
    """Return an ECG-like signal of three leads in steps of 5 µV, shape (n_samples, 3), int16."""
    rng = np.random.default_rng(1)
    minute = np.round(400 * np.exp(-(((np.arange(60 * fs) / fs % 0.8) - 0.3) ** 2) / 2e-4) + rng.normal(0, 5, 60 * fs))
    return np.tile(np.stack([minute, -minute, minute], axis=1).astype("<i2"), (round(hours * 60), 1))


def write(kind: str, folder: Path, hours: float, fs: int) -> Path:
    """Write the recording in one format, block by block; return its path."""
    path = folder / f"{kind}-{hours:g}h-{fs}hz"
    done = {"edf": path.with_suffix(".edf"), "bdf": path.with_suffix(".bdf"), "ishne": path.with_suffix(".ecg")}.get(
        kind, path.with_suffix(".hea")
    )
    if done.is_file():
        return done
    signal = counts(hours, fs)
    if kind.startswith("wfdb"):
        import wfdb

        # one minute gives the header and the packed bytes; the rest repeats them
        minute = signal[: 60 * fs]
        wfdb.wrsamp(
            path.name, fs, ["mV"] * 3, list(LEADS), d_signal=minute.astype(np.int64), fmt=[kind[5:]] * 3, adc_gain=[200.0] * 3,
            baseline=[0] * 3, write_dir=str(folder),
        )  # fmt: skip
        data = path.with_suffix(".dat")
        data.write_bytes(data.read_bytes() * round(hours * 60))
        sums = signal.sum(axis=0, dtype=np.int64).astype(np.int16)
        lines = [f"{path.name} 3 {fs} {len(signal)}"]
        lines += [f"{data.name} {kind[5:]} 200(0)/mV 16 0 {signal[0, i]} {sums[i]} 0 {lead}" for i, lead in enumerate(LEADS)]
        done.write_text("\n".join(lines) + "\n")
    elif kind == "ishne":
        import binascii
        import struct

        body = (
            struct.pack("<iiiih", 0, len(signal), 522, 522, 1)
            + bytes(100)
            + struct.pack("<hh3h3h3h3h", 0, 0, *[1, 1, 2000] * 3, 0, 0, 0)
        )
        body += struct.pack("<h12h12h12h", 3, 6, 11, 15, *[0] * 9, *[0] * 12, *[5000] * 3, *[0] * 9)
        body += bytes(42) + struct.pack("<h", fs) + bytes(248)
        with done.open("wb") as file:
            file.write(b"ISHNE1.0" + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF)) + body)
            signal.tofile(file)
    else:
        import edfio

        channel, file = (edfio.BdfSignal, edfio.Bdf) if kind == "bdf" else (edfio.EdfSignal, edfio.Edf)
        channels = [
            channel(signal[:, i] * 0.005, fs, label=f"ECG {lead}", physical_dimension="mV", physical_range=(-5, 5))
            for i, lead in enumerate(LEADS)
        ]
        file(channels, data_record_duration=1).write(done)
    return done


def own_pages() -> int:
    """Return the bytes of memory that are this process's own, files that are mapped left out."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not tell RssAnon")


def measure(path: str, start_s: float | None, end_s: float | None, how: str) -> dict[str, float]:
    """Read a file once; return seconds of processor time, the samples read, and the peak beyond the result in bytes."""
    import tracemalloc

    from beatlens.records import read

    read(path, start_s=0, end_s=1)  # imports
    peak, stop = [own_pages()], threading.Event()
    before = peak[0]

    def watch() -> None:
        while not stop.wait(0.002):
            peak[0] = max(peak[0], own_pages())

    watcher = threading.Thread(target=watch)
    if how == "tracemalloc":
        tracemalloc.start()
    elif how == "pages":
        watcher.start()
    begun = time.process_time()
    record = read(path, start_s=start_s, end_s=end_s)
    seconds = time.process_time() - begun
    held = 0
    if how == "tracemalloc":
        held = tracemalloc.get_traced_memory()[1] - record.signal.nbytes
    elif how == "pages":
        stop.set()
        watcher.join()
        held = max(peak[0], own_pages()) - before - record.signal.nbytes
    return {"seconds": seconds, "samples": record.signal.size, "beyond_bytes": held}


def in_a_process(path: Path, start: str, end: str, how: str) -> dict[str, float]:
    """Return what `measure` finds in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(path), start, end, how]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def main() -> None:
    """Write the files, read each in processes of its own, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--fs", type=int, default=250)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", nargs=4, metavar=("PATH", "START", "END", "HOW"), help="used by the program itself")
    chosen = parser.parse_args()
    if chosen.measure:
        path, start, end, how = chosen.measure
        print(json.dumps(measure(path, float(start) if start else None, float(end) if end else None, how)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = chosen.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{chosen.hours:g} h, 3 leads, {chosen.fs} Hz: {round(chosen.hours * 3600) * chosen.fs * 3 / 1e6:.1f} M samples")
        heads = ("format", "part", "CPU s", "returned MB", "beyond it MB", "B/sample", "traced MB", "B/sample")
        print("{:<10}{:<10}{:>7}{:>13}{:>14}{:>10}{:>11}{:>10}".format(*heads))
        middle = chosen.hours * 1800
        for kind in FORMATS:
            path = write(kind, folder, chosen.hours, chosen.fs)
            for part, start, end in (("whole", "", ""), ("1 minute", str(middle), str(middle + 60))):
                plain, own, traced = (in_a_process(path, start, end, how) for how in ("plain", "pages", "tracemalloc"))
                whole = round(chosen.hours * 3600) * chosen.fs * 3
                print(
                    f"{kind:<10}{part:<10}{plain['seconds']:>7.2f}{own['samples'] * 4 / 1e6:>13.1f}"
                    f"{own['beyond_bytes'] / 1e6:>14.1f}{own['beyond_bytes'] / whole:>10.3f}"
                    f"{traced['beyond_bytes'] / 1e6:>11.1f}{traced['beyond_bytes'] / whole:>10.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
