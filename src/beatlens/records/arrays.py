"""Arrays: NumPy's .npy and .npz, and MATLAB's .mat up to version 7. Nothing pickled is ever loaded."""

from __future__ import annotations

import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import scipy.io

from beatlens.errors import BeatlensError, FormatError, SignalError
from beatlens.records.record import Record
from beatlens.records.request import MOST_LEADS, Channel, Request, unreadable

_RATE_NAMES = (
    "fs",
    "sfreq",
    "srate",
    "frequency",
    "freq",
    "sampling_rate",
    "samplingrate",
    "sample_rate",
    "samplerate",
    "sampling_frequency",
)
_LEAD_NAMES = ("lead_names", "leads", "lead", "sig_name", "sig_names", "channels", "channel_names", "names", "labels")
_UNIT_NAMES = ("unit", "units")
_SIGNAL_NAMES = ("signal", "signals", "ecg", "ekg", "p_signal", "val", "data", "x", "y")
_MAT_CLASSES = {
    "double": 8,
    "single": 4,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
}
_SMALL = 1 << 26  # bytes that any array may have; beyond, a packed one may be so many times its file
_MOST_PACKED = 64

_BROKEN = (
    ValueError, TypeError, LookupError, OSError, EOFError, ArithmeticError, AttributeError, RuntimeError, SyntaxError,
    tokenize.TokenError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


def read_npy(path: Path, request: Request) -> Record:
    """Read one array of NumPy's: samples, or samples by leads. It states no rate and no unit: the caller does.

    Raises
    ------
    FormatError
        If the file is damaged, truncated, or holds objects.
    SignalError
        If the rate or the unit is not given, or the array has no shape of a recording.
    """
    with path.open("rb") as file:
        shape, dtype = _npy_header(file, path.name)
        held, size = path.stat().st_size - file.tell(), math.prod(shape) * dtype.itemsize
    if held < size:
        raise FormatError(f"{path.name} is truncated: it holds {held // max(1, dtype.itemsize)} of {math.prod(shape)} values")
    array = np.load(path, mmap_mode="r" if size > _SMALL else None, allow_pickle=False)
    return _record(path, request, array, {}, "npy")


def read_npz(path: Path, request: Request) -> Record:
    """Read an archive of arrays: the signal, and beside it ``fs``, ``unit`` and ``lead_names`` where they are there.

    Raises
    ------
    FormatError
        If the archive is damaged, holds objects, or unpacks to far more than its size.
    SignalError
        As `read_npy`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            shapes: dict[str, tuple[int, ...]] = {}
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    continue
                with archive.open(member) as file:
                    shape, dtype = _npy_header(cast("BinaryIO", file), f"{member.filename} in {path.name}")
                size = math.prod(shape) * dtype.itemsize
                if dtype.kind in "fiu" or size < 1 << 16:
                    _check_unpacked(path, max(size, member.file_size), member.filename)
                    shapes[member.filename.removesuffix(".npy")] = shape
        name = _signal_name(shapes, path)
        with np.load(path, allow_pickle=False) as loaded:
            small = {key: loaded[key] for key, shape in shapes.items() if key != name and math.prod(shape) <= 1024}
            array = loaded[name]
    except _BROKEN as error:
        if isinstance(error, BeatlensError):
            raise
        raise unreadable(f"{path.name} cannot be read as an archive of arrays", error) from error
    return _record(path, request, array, small, "npz")


def read_mat(path: Path, request: Request) -> Record:
    """Read a MATLAB file of version 5 to 7: the signal, and beside it ``fs``, ``unit`` and lead names where they are there.

    Raises
    ------
    FormatError
        If the file is damaged or unpacks to far more than its size.
    SignalError
        As `read_npy`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            listed = [
                (name, shape, kind)
                for name, shape, kind in scipy.io.whosmat(str(path))
                if kind in (*_MAT_CLASSES, "char", "cell")
            ]
            for name, shape, kind in listed:
                _check_unpacked(path, math.prod(shape) * _MAT_CLASSES.get(kind, 8), name)
            name = _signal_name({name: shape for name, shape, kind in listed if kind in _MAT_CLASSES}, path)
            wanted = [other for other, shape, _ in listed if other == name or math.prod(shape) <= 1024]
            found = scipy.io.loadmat(str(path), variable_names=wanted)
            array = np.asarray(found[name])
    except _BROKEN as error:
        if isinstance(error, BeatlensError):
            raise
        raise unreadable(f"{path.name} cannot be read as a MATLAB file", error) from error
    return _record(path, request, array, {key: found[key] for key in wanted if key != name and key in found}, "mat")


def _npy_header(file: BinaryIO, where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, _, dtype = read(file)
    except _BROKEN as error:
        raise unreadable(f"{where} has a header that cannot be read", error) from error
    if dtype.hasobject:
        raise FormatError(f"{where} must hold numbers; it holds Python objects", hint="Save the array with a numeric dtype.")
    if any(length < 0 for length in shape):
        raise FormatError(f"{where} states the shape {shape}, which cannot be")
    return tuple(int(length) for length in shape), dtype


def _check_unpacked(path: Path, size: int, name: str) -> None:
    if size > max(_SMALL, _MOST_PACKED * path.stat().st_size):
        raise FormatError(
            f"'{name}' in {path.name} claims {size} bytes, far more than a file of {path.stat().st_size} bytes can hold"
        )


def _signal_name(shapes: Mapping[str, tuple[int, ...]], path: Path) -> str:
    """Return which array is the signal: one of a usual name, or else the largest."""
    candidates = {name: shape for name, shape in shapes.items() if math.prod(shape) > 1 and _plain(name) not in _RATE_NAMES}
    for usual in _SIGNAL_NAMES:
        for name in candidates:
            if _plain(name) == usual:
                return name
    if not candidates:
        raise SignalError(
            f"{path.name} must hold an array of samples; it holds {', '.join(sorted(shapes)[:8]) or 'no array of numbers'}"
        )
    return max(candidates, key=lambda name: math.prod(candidates[name]))


def _record(path: Path, request: Request, array: npt.NDArray[Any], beside: Mapping[str, Any], source: str) -> Record:
    if array.dtype.kind not in "fiu":
        raise SignalError(f"the samples of {path.name} must be real numbers; got {array.dtype}")
    shape = tuple(length for length in array.shape if length != 1) or (array.size,)
    if len(shape) > 2 or not array.size or min(shape[1:], default=1) > MOST_LEADS < shape[0]:
        raise SignalError(f"the array of {path.name} must be samples, or samples by leads; got shape {array.shape}")
    matrix = array.reshape(shape)[:, None] if len(shape) == 1 else array.reshape(shape)
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T  # leads by samples, as MATLAB users and the PhysioNet challenges write it
    names = _texts(beside, _LEAD_NAMES)
    if len(names) != matrix.shape[1]:
        names = ["ECG"] if matrix.shape[1] == 1 else [f"ECG {n}" for n in range(1, matrix.shape[1] + 1)]
    units = _texts(beside, _UNIT_NAMES)
    units = units if len(units) == len(names) else [units[0] if len(units) == 1 else ""] * len(names)
    rate = _number(beside, _RATE_NAMES)
    chosen = request.choose([Channel(name, unit, rate) for name, unit in zip(names, units, strict=True)], path.name)
    first, last = request.window(chosen.fs, matrix.shape[0], path.name)
    signal = np.empty((last - first, len(chosen.index)), np.float32)
    for column, (index, factor) in enumerate(zip(chosen.index, chosen.factors, strict=True)):
        np.multiply(matrix[first:last, index], factor, out=signal[:, column], dtype=np.float64, casting="unsafe")
    return Record(signal=signal, fs=chosen.fs, lead_names=chosen.lead_names, name=path.stem, source=source, notes=chosen.notes)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _find(beside: Mapping[str, Any], names: Iterable[str]) -> Any:
    known = {_plain(key): value for key, value in beside.items()}
    return next((known[name] for name in names if name in known), None)


def _number(beside: Mapping[str, Any], names: Iterable[str]) -> float | None:
    value = _find(beside, names)
    array = np.asarray(value) if value is not None else np.zeros(0)
    return float(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "fiu" else None


def _texts(beside: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return an array of texts as a list: NumPy's of str, MATLAB's rows of characters or cells."""
    value = _find(beside, names)
    if value is None:
        return []
    flat = np.asarray(value).reshape(-1)[:MOST_LEADS]
    texts = [item.item() if isinstance(item, np.ndarray) and item.size == 1 else item for item in flat]
    return [str(text).strip() for text in texts if isinstance(text, str) and text.strip()]
