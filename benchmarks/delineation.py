"""Measure the delineator on LUDB, beside NeuroKit's, in one run.

    python benchmarks/delineation.py FOLDER [--records even|odd|all] [--leads all|ii]

FOLDER is the unpacked Lobachevsky University Database 1.0.1 (the folder that holds ``data/``), or its zip archive. Every
method gets the same R peaks: the reference's own QRS marks of the lead. A wave is found if a mark of its kind lies within
150 ms of the reference peak, each mark serving once; scored between the first and the last marked QRS, since the first and
last cycles are mostly unmarked. The settings were chosen on the odd records of the first hundred: the even ones are the test.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import wfdb

from beatlens.explain.delineation import WAVES, delineate

Array = npt.NDArray[np.float64]
Delineator = Callable[[Array, float, npt.NDArray[np.int64]], Array]

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
TOLERANCE_S = 0.15


class Lead(NamedTuple):
    """One lead with its reference: for each wave an array (n_waves, 3) of onset, peak, end in samples, NaN if not marked."""

    signal: Array
    fs: float
    waves: tuple[Array, Array, Array]


@contextlib.contextmanager
def unpacked(folder: Path, wanted: Sequence[str] = ("",)) -> Iterator[Path]:
    """Yield the database's folder; of an archive, only the members whose name holds one of the ``wanted`` strings."""
    if not zipfile.is_zipfile(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(folder) as archive:
        archive.extractall(temporary, [name for name in archive.namelist() if any(part in name for part in wanted)])
        (data,) = Path(temporary).glob("*/data")
        yield data.parent


def read_lead(record: wfdb.Record, path: Path, lead: str) -> Lead:
    """Read one lead and its reference marks."""
    marks = wfdb.rdann(str(path), lead)
    listed = list(zip(marks.sample.tolist(), marks.symbol, strict=True))
    waves: dict[str, list[tuple[float, float, float]]] = {"p": [], "N": [], "t": []}
    for k, (at, symbol) in enumerate(listed):
        if symbol in waves:
            onset = listed[k - 1][0] if k and listed[k - 1][1] == "(" else np.nan
            end = listed[k + 1][0] if k + 1 < len(listed) and listed[k + 1][1] == ")" else np.nan
            waves[symbol].append((onset, at, end))
    column = [name.lower() for name in record.sig_name].index(lead)
    arrays = tuple(np.array(waves[symbol], float).reshape(-1, 3) for symbol in "pNt")
    return Lead(record.p_signal[:, column], float(record.fs), arrays)  # type: ignore[arg-type]


def read_leads(folder: Path, records: list[int], leads: tuple[str, ...]) -> Iterator[Lead]:
    """Read the leads that have at least two marked QRS."""
    for number in records:
        path = folder / "data" / str(number)
        record = wfdb.rdrecord(str(path))
        for name in leads:
            lead = read_lead(record, path, name)
            if len(lead.waves[1]) >= 2:
                yield lead


def ours(signal: Array, fs: float, r: npt.NDArray[np.int64]) -> Array:
    """Run Beatlens's delineator."""
    return delineate(signal, fs, r).marks


def neurokit(method: str) -> Delineator | None:
    """Return NeuroKit's delineator in our shape, or None if it is not installed; it refuses some leads, which find nothing."""
    try:
        import neurokit2
    except ImportError:
        return None
    columns = (("P_Onsets", "P_Peaks", "P_Offsets"), ("R_Onsets", "", "R_Offsets"), ("T_Onsets", "T_Peaks", "T_Offsets"))

    def run(signal: Array, fs: float, r: npt.NDArray[np.int64]) -> Array:
        found = np.full((len(r), 3, 3), np.nan)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                clean = neurokit2.ecg_clean(signal, sampling_rate=int(fs))
                _, waves = neurokit2.ecg_delineate(clean, rpeaks=r, sampling_rate=int(fs), method=method)
        except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError):
            return found
        for k, names in enumerate(columns):
            for j, name in enumerate(names):
                values = np.asarray(waves.get(f"ECG_{name}", []) if name else r, float)
                if len(values) == len(r):
                    found[:, k, j] = values
        return found

    return run


def match_waves(found: Array, reference: Array, tolerance: float) -> list[tuple[int, int]]:
    """Pair each reference peak with the nearest unused mark within the tolerance."""
    used: set[int] = set()
    pairs = []
    for k, peak in enumerate(reference[:, 1]):
        apart = np.abs(found[:, 1] - peak)
        apart[list(used)] = np.inf
        if len(apart) and apart.min() <= tolerance:
            used.add(int(apart.argmin()))
            pairs.append((int(apart.argmin()), k))
    return pairs


def score(leads: list[Lead], method: Delineator) -> list[str]:
    """Return one line a wave: sensitivity, positive predictive value, and each mark's error."""
    counts, errors = np.zeros((3, 3), int), [[np.zeros((0, 3))] for _ in WAVES]
    for lead in leads:
        marks = method(lead.signal, lead.fs, lead.waves[1][:, 1].astype(np.int64))
        first, last = lead.waves[1][[0, -1], 1]
        for k in range(3):
            reference, found = (w[(w[:, 1] >= first) & (w[:, 1] <= last)] for w in (lead.waves[k], marks[:, k]))
            pairs = match_waves(found, reference, TOLERANCE_S * lead.fs)
            counts[k] += len(pairs), len(reference) - len(pairs), len(found) - len(pairs)
            if pairs:
                mine, theirs = np.array(pairs).T
                errors[k].append((found[mine] - reference[theirs]) * 1000 / lead.fs)
    rows = []
    for k, name in enumerate(WAVES):
        hit, missed, extra = counts[k]
        off = np.concatenate(errors[k])
        cells = [f"{np.nanmean(off[:, j]):+7.1f} ± {np.nanstd(off[:, j]):5.1f}" for j in range(3)]
        found_share, right_share = 100 * hit / (hit + missed), 100 * hit / max(hit + extra, 1)
        rows.append(f"{name:5s} {found_share:7.2f} {right_share:7.2f}  {'  '.join(cells)}  {hit + missed:6d}")
    return rows


def main() -> None:
    """Measure what is installed, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", choices=("even", "odd", "all"), default="even")
    parser.add_argument("--leads", choices=("all", "ii"), default="all")
    options = parser.parse_args()
    numbers = {"even": range(2, 101, 2), "odd": range(1, 101, 2), "all": range(1, 101)}[options.records]
    with unpacked(options.folder) as folder:
        leads = list(read_leads(folder, list(numbers), LEADS if options.leads == "all" else ("ii",)))
    print(
        f"LUDB, {options.records} records of the first 100, leads: {options.leads}; {len(leads)} leads; errors in ms, mean ± SD"
    )
    methods = {"beatlens": ours, "NeuroKit prominence": neurokit("prominence"), "NeuroKit dwt": neurokit("dwt")}
    for name, method in methods.items():
        if method is None:
            print(f"\n{name}: not installed")
            continue
        start = time.perf_counter()
        rows = score(leads, method)
        print(f"\n{name} ({time.perf_counter() - start:.1f} s)")
        print("wave   Se (%)  +P (%)  onset            peak             end                waves", *rows, sep="\n", flush=True)


if __name__ == "__main__":
    main()
