"""Damaged recordings: whatever is done to a file's bytes, only a `BeatlensError` comes out, soon, and in little memory.

Run as a script this file does the mutations, in a process whose address space may grow by 1 GB and no further:
``python tests/properties/test_reader_fuzz.py --count 10000 --seed 1``. The test runs a small number of them; the environment
variable BEATLENS_FUZZ sets another.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from types import FrameType, ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beatlens.errors import BeatlensError
from beatlens.records import Record, read

LIMIT_BYTES = 1 << 30
LIMIT_S = 10


def synthetic() -> ModuleType:
    place = Path(__file__).parents[1] / "records" / "synthetic_recordings.py"
    spec = importlib.util.spec_from_file_location("synthetic_recordings", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numbers(rng: random.Random) -> bytes:
    """Return a number that a header might hold and should not, as text or in binary."""
    value = rng.choice([0, 1, -1, 255, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 10**8 - 1, 99999999, 10**15, 1e300])
    if rng.random() < 0.6:
        return str(value).encode()
    return (int(value) & 0xFFFFFFFF).to_bytes(4, rng.choice(["little", "big"])) if isinstance(value, int) else b"\xff" * 4


def mutate(raw: bytes, rng: random.Random) -> bytes:
    """Return the bytes with one to four things done to them, headers being struck more often than samples."""
    data = bytearray(raw)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        if data:
            at = rng.randrange(min(len(data), 1024) if rng.random() < 0.7 else len(data))
            rng.choice(DAMAGES)(data, at, rng.choice([1, 2, 4, 16, 200, 4096]), rng)
    return bytes(data)


def flip(data: bytearray, at: int, span: int, rng: random.Random) -> None:
    data[at] ^= 1 << rng.randrange(8)


def overwrite(data: bytearray, at: int, span: int, rng: random.Random) -> None:
    data[at : at + span] = rng.randbytes(min(span, len(data) - at))


def truncate(data: bytearray, at: int, span: int, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def remove(data: bytearray, at: int, span: int, rng: random.Random) -> None:
    del data[at : at + span]


def insert(data: bytearray, at: int, span: int, rng: random.Random) -> None:
    data[at:at] = rng.randbytes(span)


def repeat(data: bytearray, at: int, span: int, rng: random.Random) -> None:
    data[at:at] = data[at : at + span] * rng.choice([1, 3, 50])


def absurd(data: bytearray, at: int, span: int, rng: random.Random) -> None:
    number = numbers(rng)
    data[at : at + len(number)] = number


def misprint(data: bytearray, at: int, span: int, rng: random.Random) -> None:
    digits = [i for i in range(min(len(data), 4096)) if 48 <= data[i] < 58]
    if digits:
        at = rng.choice(digits)
        data[at : at + 1] = rng.choice([b"9", b"-", b"99999999", b"0", b".", b"e9", b"nan"])


DAMAGES = (flip, overwrite, truncate, remove, insert, repeat, absurd, misprint)


def sources(folder: Path) -> list[tuple[str, Path, dict[str, object]]]:
    """Return a synthetic file of every format, and the real files that BEATLENS_DATA has, each in a folder of its own."""
    module = synthetic()
    found: list[tuple[str, Path, dict[str, object]]] = []
    for name, write in module.WRITERS.items():
        place = folder / name
        place.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append((name, write(place, module.beats(750)), {"fs": 250, "unit": "mV"} if name == "npy" else {}))
    for fmt in ("8", "16", "24", "32", "80", "310", "311", "516"):
        place = folder / f"wfdb-{fmt}"
        place.mkdir()
        if fmt in ("8", "310", "311"):
            (place / "rec.hea").write_text(f"rec 1 250 300\nrec.dat {fmt} 200 0 0 0 0 0 II\n")
            (place / "rec.dat").write_bytes(bytes(range(200)) * 2)
            found.append((f"wfdb-{fmt}", place / "rec.hea", {}))
        else:
            found.append((f"wfdb-{fmt}", module.write_wfdb(place, module.beats(750), fmt=fmt).with_suffix(".hea"), {}))
    data = Path(os.environ.get("BEATLENS_DATA", "")) / "formats"
    if os.environ.get("BEATLENS_DATA") and data.is_dir():
        for file in sorted(data.iterdir()):
            place = folder / f"real-{file.name}"
            place.mkdir()
            shutil.copyfile(file, place / file.name)
            found.append((place.name, place / file.name, {}))
    return found


class TooSlowError(BaseException):
    """A reading took longer than it may."""


def strike(number: int, frame: FrameType | None) -> None:
    raise TooSlowError(f"{LIMIT_S} s")


def attempt(path: Path, options: dict[str, object]) -> str:
    """Read a file; return what came out: ``read``, ``refused``, or the trace of what must not."""
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)  # processor time: a busy machine is not the reader's fault
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            record = read(path, **options)  # type: ignore[arg-type]
        return "read" if np.isinf(record.signal).sum() == 0 else "infinite values"
    except BeatlensError as error:
        return "refused" if error.message and "\n" not in error.message else f"not one sentence: {error.message!r}"
    except BaseException:
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def run(count: int, seed: int, only: str) -> dict[str, object]:
    """Do the mutations; return counts, the slowest, the largest memory, and what went wrong."""
    signal.signal(signal.SIGPROF, strike)
    outcome: dict[str, int] = {"read": 0, "refused": 0}
    wrong: list[dict[str, object]] = []
    slowest = ("", 0.0)
    with tempfile.TemporaryDirectory() as name:
        files = [each for each in sources(Path(name)) if only in each[0]]
        for _, path, options in files:  # imports happen here, before memory is limited
            attempt(path, options)
        grown = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + LIMIT_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (grown, grown))
        for case in range(count):
            rng = random.Random(f"{seed}-{case}")  # noqa: S311
            label, path, options = files[case % len(files)]
            victims = [file for file in path.parent.iterdir() if file.is_file()]
            victim = rng.choice([path, *victims])
            whole = victim.read_bytes()
            victim.write_bytes(mutate(whole, rng))
            started = time.process_time()
            said = attempt(path, options)
            slowest = max(slowest, (f"{label} case {case}", time.process_time() - started), key=lambda pair: pair[1])
            victim.write_bytes(whole)
            if said in outcome:
                outcome[said] += 1
            else:
                wrong.append({"case": case, "label": label, "victim": victim.name, "said": said[-3000:]})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"count": count, "seed": seed, **outcome, "wrong": wrong, "slowest": slowest, "peak_rss_mb": round(peak)}


@pytest.mark.skipif(
    sys.platform != "linux", reason="the address space is limited through /proc and RLIMIT_AS, which are Linux's"
)
def test_mutated_files_are_refused_in_one_sentence() -> None:
    """Flipped, cut, inserted, repeated bytes and absurd sizes end in a BeatlensError within 10 s and 1 GB, or in a record."""
    count = int(os.environ.get("BEATLENS_FUZZ", "300"))
    command = [sys.executable, __file__, "--count", str(count), "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["read"] + result["refused"] == count
    assert result["refused"] > count // 4  # the mutations do reach the readers' checks


def outcome_of(path: Path, **options: object) -> Record | BeatlensError:
    try:
        return read(path, **options)  # type: ignore[arg-type]
    except BeatlensError as error:
        return error


CELL = st.one_of(
    st.floats(width=32).map(str),
    st.integers(-(10**9), 10**9).map(str),
    st.sampled_from(
        ["", "nan", "1,5", "-0,05", "abc", "1e400", "0:01.5", "2020-01-01 00:00:00", "µV", '"', "'", "512 hertz", "Lead I"]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=12), mark=st.sampled_from([",", ";", "\t", " "])
)
@example(rows=[["0.0", "512 hertz"], ["0.0", "0.0"]], mark=",")
@example(rows=[['"'], ["0.0", "0.0"], ["0.0", "0.0"]], mark=",")
def test_any_table_is_a_record_or_one_sentence(tmp_path: Path, rows: list[list[str]], mark: str) -> None:
    """Tables of odd cells, ragged or not, become a record without infinite values, or are refused."""
    path = tmp_path / "table.csv"
    path.write_text("\n".join(mark.join(row) for row in rows), encoding="utf-8")
    found = outcome_of(path, fs=250, unit="mV")
    assert isinstance(found, BeatlensError) or not np.isinf(found.signal).any()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary(max_size=600),
    head=st.sampled_from([b"", b"0       ", b"ISHNE1.0", b"\x93NUMPY", b"PK\x03\x04", b"<", b"\xff\xfe"]),
)
def test_any_bytes_are_a_record_or_one_sentence(tmp_path: Path, raw: bytes, head: bytes) -> None:
    """Arbitrary bytes after the first bytes of a known format are refused, or read."""
    path = tmp_path / "bytes.bin"
    path.write_bytes(head + raw)
    assert isinstance(outcome_of(path, fs=250, unit="mV"), (Record, BeatlensError))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="formats whose name contains this")
    chosen = parser.parse_args()
    sys.stdout.write(json.dumps(run(chosen.count, chosen.seed, chosen.only)) + "\n")
