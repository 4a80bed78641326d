"""Beats of a signal that is still arriving: classified a bounded time after they happened.

The signal is read in blocks of five seconds, whatever the sizes of the chunks it comes in. After each block the last five
minutes are looked at as if they were a recording of their own: R peaks are found, quality is judged, the model says what it
thinks, and the beats that have `LOOKAHEAD_S` of signal after them are told, once. Nothing depends on where the chunks were
cut, and the memory does not grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis.pipeline import UNREADABLE, classify_beats
from beatlens.analysis.quality import STRETCH_S, Quality, assess_quality
from beatlens.analysis.rhythm import beat_intervals
from beatlens.beats.detector import APART_S, detect_r_peaks
from beatlens.beats.leads import MAX_LEADS
from beatlens.beats.signals import MIN_DURATION_S, MIN_FS
from beatlens.errors import RecordNotFoundError, SignalError, closest
from beatlens.models.registry import load_model
from beatlens.models.seed_lstm import SeedLSTM
from beatlens.records import Record
from beatlens.records.leads import beat_order

BLOCK_S: Final = STRETCH_S
"""The signal is looked at every so many seconds: once a stretch of it can be judged."""
LOOKAHEAD_S: Final = 9.9
"""A beat is told when at least this much signal after it has arrived, as the model reads the beats that follow too."""
CONTEXT_S: Final = 300.0
"""How much of the past is looked at: what is usual for this patient is learned from it."""
FIRST_S: Final = 30.0
"""Nothing is told before this much has arrived: too little is known of what is usual."""
DETECT_S: Final = 60.0
"""R peaks are looked for in the last minute; those found before are kept."""
_SLACK_S: Final = 0.1
"""By so much an R peak may move between two looks without being lost at the border of what was told."""
DELAY_S: Final = LOOKAHEAD_S + BLOCK_S + _SLACK_S
"""A beat is told at most this long after it happened (15 s), those of the first `FIRST_S` when these are over."""

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StreamedBeat:
    """A beat of a stream.

    Parameters
    ----------
    sample : int
        Sample number of its R peak since the start of the stream.
    time_s : float
        The same in seconds.
    beat_class : str
        Its class; empty if it was not judged.
    probability : float
        Of that class; NaN if it was not judged.
    probabilities : dict of str to float
        Of each class of the model.
    abnormal : float
        Probability that it is not normal; NaN if it was not judged.
    rr_s : float
        Interval before it in seconds; NaN for the first beat, and where the signal between could not be read.
    uncertain : bool
        Whether a person should look at it.
    reason : str
        Why it was not judged, or is uncertain.
    told_s : float
        How much of the stream had arrived when it was told, in seconds: ``told_s - time_s`` is its delay.
    """

    sample: int
    time_s: float
    beat_class: str
    probability: float
    probabilities: dict[str, float]
    abnormal: float
    rr_s: float
    uncertain: bool
    reason: str
    told_s: float


class BeatStream:
    """Takes samples as they come, and gives classified beats.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz.
    lead_names : sequence of str
        One name a lead, in the order of the columns that will come.
    model : str, Path or object
        Name or path of a model, or a loaded one.
    leads : sequence of str
        The leads to use, two at most, the first being the one that a model of one lead reads; by default the most familiar
        ones. Unlike a recording, a stream cannot be searched for its cleanest leads before it is read.

    Raises
    ------
    SignalError
        If the rate is too low or there is no lead.
    RecordNotFoundError
        If there is no lead of one of the names.
    UnknownNameError
        If there is no such model.

    Examples
    --------
    >>> from beatlens.records.bundled import read_bundled
    >>> record = read_bundled()
    >>> stream = BeatStream(record.fs, record.lead_names)  # doctest: +SKIP
    >>> beats = stream.push(record.signal[:7200]) + stream.finish()  # doctest: +SKIP
    """

    def __init__(self, fs: float, lead_names: Sequence[str], *, model: Any = "rhythm-lstm", leads: Sequence[str] = ()) -> None:
        if not (np.isfinite(fs) and fs >= MIN_FS):
            raise SignalError(f"'fs' must be at least {MIN_FS:g} Hz; got {fs}, in a stream")
        if not len(lead_names):
            raise SignalError("'lead_names' must name at least one lead; got none, in a stream")
        self.fs = float(fs)
        self.lead_names = tuple(lead_names)
        self.model = load_model(model) if isinstance(model, str | Path) else model
        self._columns = self._choose(tuple(leads))
        self._block = max(1, round(BLOCK_S * self.fs))
        self._kept = round(CONTEXT_S / BLOCK_S) * self._block
        self._buffer = np.zeros((self._kept, len(self._columns)), np.float32)
        self._filled = 0
        self._arrived = 0
        self._found = np.zeros(0, np.int64)
        self._told = 0
        self._finished = False

    @property
    def duration_s(self) -> float:
        """How much of the stream has arrived, in seconds."""
        return self._arrived / self.fs

    def push(self, chunk: npt.ArrayLike) -> list[StreamedBeat]:
        """Take samples and return the beats that can be told now, in the order of time; mostly none.

        Parameters
        ----------
        chunk : array_like of shape (n_samples, n_leads)
            Voltage in mV, NaN where nothing was recorded; of any length. One lead may come as (n_samples,).

        Raises
        ------
        SignalError
            If the chunk has another shape, does not hold numbers, or comes after the end.
        """
        if self._finished:
            raise SignalError("'chunk' must come before the stream is finished; got one after it")
        rest = self._check(chunk)[:, self._columns]
        beats: list[StreamedBeat] = []
        while len(rest):
            room = self._block - self._arrived % self._block
            part, rest = rest[:room], rest[room:]
            self._take(part)
            if self._arrived % self._block == 0 and self.duration_s >= FIRST_S:
                beats += self._tell(self._arrived - round(LOOKAHEAD_S * self.fs))
        return beats

    def finish(self) -> list[StreamedBeat]:
        """Say that no more samples will come, and return the beats that are left; calling it again returns none."""
        if self._finished:
            return []
        self._finished = True
        return self._tell(self._arrived) if self.duration_s >= MIN_DURATION_S else []

    def _choose(self, wanted: tuple[str, ...]) -> list[int]:
        for name in wanted:
            if name not in self.lead_names:
                raise RecordNotFoundError(f"the stream has no lead '{name}'", hint=closest(name, self.lead_names))
        if wanted:
            return [self.lead_names.index(name) for name in dict.fromkeys(wanted)][:MAX_LEADS]
        return list(beat_order(self.lead_names))[:MAX_LEADS]

    def _check(self, chunk: npt.ArrayLike) -> Float:
        values = np.asarray(chunk)
        if values.ndim == 1 and len(self.lead_names) == 1:
            values = values[:, None]
        if values.ndim != 2 or values.shape[1] != len(self.lead_names):
            raise SignalError(
                f"'chunk' must have shape (n_samples, {len(self.lead_names)}); got {values.shape}, at {self.duration_s:.2f} s",
                hint=f"One column a lead: {', '.join(self.lead_names)}.",
            )
        if values.dtype.kind not in "fiu":
            raise SignalError(f"'chunk' must hold real numbers; got {values.dtype}, at {self.duration_s:.2f} s")
        return values.astype(np.float32, copy=False)

    def _take(self, part: Float) -> None:
        """Put less than a block, or one, into the buffer; the oldest block makes room when it is full."""
        if self._filled + len(part) > self._kept:
            self._buffer[: -self._block] = self._buffer[self._block :].copy()
            self._filled -= self._block
        self._buffer[self._filled : self._filled + len(part)] = part
        self._filled += len(part)
        self._arrived += len(part)

    def _tell(self, until: int) -> list[StreamedBeat]:
        """Look at the buffer as at a recording, and tell the beats before sample ``until`` that were not told yet."""
        start = self._arrived - self._filled
        record = Record(
            self._buffer[: self._filled].copy(), self.fs, tuple(self.lead_names[i] for i in self._columns), name="stream"
        )
        quality = assess_quality(record.signal[:, : 1 if isinstance(self.model, SeedLSTM) else MAX_LEADS], self.fs)
        since, self._told = self._told - round(_SLACK_S * self.fs), until
        self._found = self._found[self._found >= start]
        samples = self._find_beats(record, quality, since)
        told = np.flatnonzero((samples >= since) & (samples < until) & ~np.isin(samples, self._found))
        self._found = samples[samples < until]
        if not len(told):
            return []
        return self._describe(record, quality, samples - start, told)

    def _find_beats(self, record: Record, quality: Quality, since: int) -> npt.NDArray[np.int64]:
        """Return the R peaks of the buffer, counted from the start of the stream: those told before stay as they were."""
        start = self._arrived - self._filled
        first = max(0, self._filled - round(DETECT_S * self.fs)) // self._block * self._block
        last = Record(record.signal[first:], self.fs, record.lead_names, name="stream")
        try:
            new = detect_r_peaks(last, leads=last.lead_names) + first
        except SignalError:  # every lead is flat or empty, or the rest is too short: there is no beat to be found
            new = np.zeros(0, np.int64)
        new = new[~np.isin(quality.reasons_at(new / self.fs), UNREADABLE)] + start
        border = max(since, int(self._found[-1]) + round(APART_S * self.fs)) if len(self._found) else since
        return np.concatenate([self._found, new[new >= border]])

    def _describe(
        self, record: Record, quality: Quality, samples: npt.NDArray[np.int64], told: npt.NDArray[np.int64]
    ) -> list[StreamedBeat]:
        start = self._arrived - self._filled
        # seed-lstm judges each beat by itself: only a model that reads the rhythm is asked about all of them again.
        asked = told if isinstance(self.model, SeedLSTM) else np.arange(len(samples))
        said, reasons = classify_beats(self.model, record, samples[asked], quality)
        rr = beat_intervals(samples / self.fs, [(span.start_s, span.end_s) for span in quality.spans])
        beats = []
        for beat, k in zip(told.tolist(), np.searchsorted(asked, told).tolist(), strict=True):
            name, sample = str(said.classes[k]), start + int(samples[beat])
            probabilities = dict(zip(said.class_names, said.probabilities[k].tolist(), strict=True))
            beats.append(
                StreamedBeat(
                    sample=sample,
                    time_s=sample / self.fs,
                    beat_class=name,
                    probability=probabilities.get(name, float("nan")),
                    probabilities=probabilities,
                    abnormal=float(said.abnormal[k]),
                    rr_s=float(rr[beat]),
                    uncertain=bool(said.uncertain[k]),
                    reason=str(reasons[k]),
                    told_s=self.duration_s,
                )
            )
        return beats


def stream(
    chunks: Iterable[npt.ArrayLike],
    *,
    fs: float,
    lead_names: Sequence[str],
    model: Any = "rhythm-lstm",
    leads: Sequence[str] = (),
) -> Iterator[StreamedBeat]:
    """Yield the classified beats of a signal that arrives in chunks.

    Parameters
    ----------
    chunks : iterable of array_like, each of shape (n_samples, n_leads)
        Voltage in mV, NaN where nothing was recorded; of any lengths. One lead may come as (n_samples,).
    fs : float
        Sampling rate in Hz.
    lead_names, model, leads : sequence of str, str, sequence of str
        As for `BeatStream`.

    Yields
    ------
    StreamedBeat
        In the order of time, each at most `DELAY_S` after it happened.

    Examples
    --------
    >>> from beatlens.records.bundled import read_bundled
    >>> record = read_bundled()
    >>> chunks = (record.signal[at : at + 90] for at in range(0, 20_000, 90))
    >>> [beat.beat_class for beat in stream(chunks, fs=record.fs, lead_names=record.lead_names)][:3]  # doctest: +SKIP
    ['N', 'N', 'V']
    """
    source = BeatStream(fs, lead_names, model=model, leads=leads)
    for chunk in chunks:
        yield from source.push(chunk)
    yield from source.finish()
