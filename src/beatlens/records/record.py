"""What a file becomes: a `Record`, with its `Annotations` if it has any."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from beatlens.errors import AnnotationError, RecordNotFoundError, SignalError, closest


@dataclass(frozen=True, eq=False)
class Annotations:
    """Marks on a recording, in the order of time, as WFDB uses them.

    Parameters
    ----------
    samples : ndarray of int64, shape (n_annotations,)
        Sample number of each mark, never decreasing.
    symbols : ndarray of str, shape (n_annotations,)
        WFDB annotation symbols (``N``, ``V``, ``+``, ``~``, ...).
    aux_notes : tuple of str
        Text of each mark (``"(AFIB"`` at a rhythm change), empty where there is none.
    subtypes : ndarray of int64, shape (n_annotations,), optional
        WFDB's ``subtyp`` field; zeros where it is not given.
    fs : float, optional
        Sampling rate that the sample numbers refer to, in Hz, where the file states it.

    Raises
    ------
    AnnotationError
        If the lengths differ or the marks are out of order.
    """

    samples: npt.NDArray[np.int64]
    symbols: npt.NDArray[np.str_]
    aux_notes: tuple[str, ...] = ()
    subtypes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    fs: float | None = None

    def __post_init__(self) -> None:
        n = len(self.samples)
        if not self.aux_notes:
            object.__setattr__(self, "aux_notes", ("",) * n)
        if not len(self.subtypes):
            object.__setattr__(self, "subtypes", np.zeros(n, np.int64))
        if not n == len(self.symbols) == len(self.aux_notes) == len(self.subtypes):
            raise AnnotationError(
                f"every field of the annotations must have one entry per mark; got {n} samples and {len(self.symbols)} symbols"
            )
        steps = np.diff(self.samples)
        if n and (self.samples[0] < 0 or (steps < 0).any()):
            where = 0 if self.samples[0] < 0 else int(np.argmax(steps < 0)) + 1
            raise AnnotationError(
                f"annotations must be in the order of time; got mark {where} at sample {self.samples[where]}",
                hint="Sort the annotations by sample number first.",
            )

    def __len__(self) -> int:
        return len(self.samples)

    def select(self, keep: npt.NDArray[np.bool_]) -> Annotations:
        """Return the marks where ``keep`` (bool, shape (n_annotations,)) is true."""
        notes = tuple(note for note, kept in zip(self.aux_notes, keep, strict=True) if kept)
        return Annotations(self.samples[keep], self.symbols[keep], notes, self.subtypes[keep], self.fs)


@dataclass(frozen=True, eq=False)
class Record:
    """An ECG recording.

    Parameters
    ----------
    signal : ndarray of float32, shape (n_samples, n_leads)
        Voltage in mV. NaN where the recording has a gap.
    fs : float
        Sampling rate in Hz.
    lead_names : tuple of str
        One name a lead (``"MLII"``, ``"V5"``, ...).
    name : str
        What the recording is called; never used as a path.
    start_time : datetime, optional
        When the first sample was taken, where the file says so.
    source : str
        The format that the recording was read from (``"wfdb"``, ``"edf"``, ...).
    annotations : Annotations, optional
        Marks that came with the recording.
    patient : mapping of str to str
        Fields that identify the patient: empty unless they were asked for.
    notes : tuple of str
        What the reader decided or found and a user should know, one sentence each.

    Raises
    ------
    SignalError
        If the signal has no samples or leads, the rate is not positive, or names and leads differ in number.
    """

    signal: npt.NDArray[np.float32]
    fs: float
    lead_names: tuple[str, ...]
    name: str = "recording"
    start_time: dt.datetime | None = None
    source: str = "array"
    annotations: Annotations | None = None
    patient: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.signal.ndim != 2:
            raise SignalError(f"'signal' must have shape (n_samples, n_leads); got {self.signal.shape}, in {self.name}")
        if not self.signal.size:
            raise SignalError(
                f"'signal' must hold at least one sample of one lead; got shape {self.signal.shape}, in {self.name}"
            )
        if not (np.isfinite(self.fs) and self.fs > 0):
            raise SignalError(f"'fs' must be a positive number of Hz; got {self.fs}, in {self.name}")
        if len(self.lead_names) != self.signal.shape[1]:
            raise SignalError(
                f"'lead_names' must name each of the {self.signal.shape[1]} leads; got {len(self.lead_names)}, in {self.name}"
            )

    @property
    def n_samples(self) -> int:
        """Number of samples of each lead."""
        return int(self.signal.shape[0])

    @property
    def n_leads(self) -> int:
        """Number of leads."""
        return int(self.signal.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.fs

    def lead(self, name: str) -> npt.NDArray[np.float32]:
        """Return the voltage of one lead in mV, shape (n_samples,).

        Raises
        ------
        RecordNotFoundError
            If the recording has no lead of that name.
        """
        if name not in self.lead_names:
            raise RecordNotFoundError(f"{self.name} has no lead '{name}'", hint=closest(name, self.lead_names))
        return self.signal[:, self.lead_names.index(name)]

    def select_leads(self, names: tuple[str, ...]) -> Record:
        """Return the recording with these leads only, in this order.

        Raises
        ------
        RecordNotFoundError
            If the recording has no lead of one of the names.
        """
        signal = np.stack([self.lead(name) for name in names], axis=1)
        return replace(self, signal=signal, lead_names=tuple(names))
