"""What a caller asks of a reader, and the sentences for what a file does not say."""

from __future__ import annotations

import math
from dataclasses import dataclass

from beatlens.errors import ConfigurationError, FormatError, RecordNotFoundError, SignalError, closest
from beatlens.records.leads import looks_like_ecg, normalise_lead, unique_names
from beatlens.records.units import is_unscaled, millivolts, voltage_unit

MOST_LEADS = 64

ANNOTATION = "annotation"
"""The unit of a channel that holds texts and not samples: left out without a word."""


@dataclass(frozen=True)
class Channel:
    """One channel as a file describes it.

    Parameters
    ----------
    name, unit : str
        As the file writes them; the unit may be empty.
    fs : float, optional
        Sampling rate in Hz, where the file states one.
    """

    name: str
    unit: str = ""
    fs: float | None = None


@dataclass(frozen=True)
class Chosen:
    """The channels that are to be read.

    Parameters
    ----------
    index : tuple of int
        Their positions in the file, in the order of the result.
    lead_names : tuple of str
        Their names, normalised.
    factors : tuple of float
        What one unit of each is in mV.
    fs : float
        Their common sampling rate in Hz.
    notes : tuple of str
        What was left out, and why.
    """

    index: tuple[int, ...]
    lead_names: tuple[str, ...]
    factors: tuple[float, ...]
    fs: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """What a caller asks for beyond the file's name; see `beatlens.records.read` for each field."""

    fs: float | None = None
    unit: str | None = None
    leads: tuple[str, ...] | None = None
    start_s: float | None = None
    end_s: float | None = None
    patient: bool = False

    def __post_init__(self) -> None:
        if self.fs is not None and not (math.isfinite(self.fs) and 0 < self.fs <= 1e6):
            raise ConfigurationError(f"'fs' must be a positive number of Hz; got {self.fs}")
        if self.unit is not None and voltage_unit(self.unit) is None:
            raise ConfigurationError(f"'unit' must be a unit of voltage; got '{self.unit}'", hint="Known: mV, uV, V, nV.")
        start, end = self.start_s or 0.0, math.inf if self.end_s is None else self.end_s
        if not (math.isfinite(start) and start >= 0 and end > start):
            raise ConfigurationError(
                f"'start_s' and 'end_s' must be seconds, 0 <= start < end; got {self.start_s}, {self.end_s}"
            )

    def rate(self, stated: float | None, where: str) -> float:
        """Return the sampling rate in Hz: the file's, or the caller's where the file states none.

        Raises
        ------
        SignalError
            If nobody states it, or the two disagree.
        FormatError
            If the file states one that cannot be.
        """
        if stated is None:
            if self.fs is None:
                raise SignalError(
                    f"the sampling rate must be known; {where} does not state it",
                    hint="Say how many samples a second there are: --fs 360 on the command line, fs=360 in Python.",
                )
            return float(self.fs)
        if not (math.isfinite(stated) and 1e-3 <= stated <= 1e6):
            raise FormatError(f"the sampling rate must be a positive number of Hz; {where} states {stated:g}")
        if self.fs is not None and abs(self.fs - stated) > 0.005 * stated:
            raise SignalError(
                f"'fs' must agree with the file; got {self.fs:g} Hz, and {where} states {stated:g} Hz", hint="Leave 'fs' out."
            )
        return stated

    def factor(self, stated: str, what: str) -> float:
        """Return what one unit is in mV: the file's unit, or the caller's where the file states none.

        Raises
        ------
        SignalError
            If nobody states it, or the two disagree.
        """
        unit = voltage_unit(stated)
        asked = voltage_unit(self.unit) if self.unit else None
        if unit is None:
            if asked is None:
                found = f"states '{stated.strip()}'" if stated.strip() else "does not state it"
                raise SignalError(
                    f"the unit of voltage must be known; {what} {found}",
                    hint="Say what one unit is: --unit mV (or uV, V, nV) on the command line, unit='mV' in Python.",
                )
            return millivolts(asked)
        if asked is not None and asked != unit:
            raise SignalError(
                f"'unit' must agree with the file; got {asked}, and {what} states {unit}", hint="Leave 'unit' out."
            )
        return millivolts(unit)

    def window(self, fs: float, n_samples: int, where: str) -> tuple[int, int]:
        """Return the first sample asked for and the one after the last, of a recording of ``n_samples`` at ``fs`` Hz.

        Raises
        ------
        SignalError
            If the recording has no samples, or ends before the part begins.
        """
        if n_samples < 1:
            raise SignalError(f"a recording must hold at least one sample; {where} holds none")
        first = round((self.start_s or 0.0) * fs)
        last = n_samples if self.end_s is None else min(n_samples, round(min(self.end_s, 1e12) * fs))
        if first >= last:
            raise SignalError(
                f"the part asked for must lie within the recording; {where} lasts {n_samples / fs:.3f} s, "
                f"and {self.start_s or 0:g} s to {'its end' if self.end_s is None else f'{self.end_s:g} s'} holds no sample"
            )
        return first, last

    def choose(self, channels: list[Channel], where: str) -> Chosen:
        """Return the ECG leads among the channels of a file, or those of them that the caller names.

        Channels of another rate than the leads' most common one are left out; so are channels that are not ECG.

        Raises
        ------
        SignalError
            If there is no ECG lead, or its rate or unit is not known.
        RecordNotFoundError
            If a lead that the caller names is not there.
        """
        ecg = [i for i, channel in enumerate(channels) if _is_ecg(channel)]
        others = [
            channel.name.strip() or "an unnamed channel"
            for i, channel in enumerate(channels)
            if i not in ecg and channel.unit != ANNOTATION
        ]
        notes = [f"Left out, not ECG: {_listed(others)}."] if others else []
        if not ecg:
            raise SignalError(
                f"a recording must have an ECG lead; {where} has {_listed(others) if others else 'no channels'}",
                hint="Channels count as ECG by their name and by a unit of voltage.",
            )
        if len(ecg) > MOST_LEADS:
            raise SignalError(
                f"a recording must have at most {MOST_LEADS} leads; {where} has {len(ecg)} channels",
                hint="A table with one beat a row is no recording: give the samples of a lead one after the other.",
            )
        names = unique_names(channels[i].name for i in ecg)
        wanted = self._wanted(names, where)
        rates = [channels[ecg[i]].fs for i in wanted]
        common = max(rates, key=lambda rate: (rates.count(rate), rate or 0.0))
        slower = [names[i] for i, rate in zip(wanted, rates, strict=True) if rate != common]
        if slower:
            notes.append(f"Left out, of another rate than {common:g} Hz: {_listed(slower)}.")
        kept = [i for i, rate in zip(wanted, rates, strict=True) if rate == common]
        fs = self.rate(common, where)
        return Chosen(
            index=tuple(ecg[i] for i in kept),
            lead_names=tuple(names[i] for i in kept),
            factors=tuple(self.factor(channels[ecg[i]].unit, f"lead '{names[i]}' of {where}") for i in kept),
            fs=fs,
            notes=tuple(notes),
        )

    def _wanted(self, names: tuple[str, ...], where: str) -> list[int]:
        if self.leads is None:
            return list(range(len(names)))
        wanted = [name if name in names else normalise_lead(name) for name in self.leads]
        for name in wanted:
            if name not in names:
                raise RecordNotFoundError(f"{where} has no lead '{name}'", hint=closest(name, names))
        return [names.index(name) for name in dict.fromkeys(wanted)]


def truncated(where: str, held: int, declared: int, fs: float) -> FormatError:
    """Return the error for a file that ends early: how many samples of how many, and how to read what is there."""
    rest = f"What is there can be read: --end {held / fs:.3f} on the command line, end_s={held / fs:.3f} in Python."
    return FormatError(
        f"{where} is truncated: it holds {held} of {declared} samples a lead",
        hint=rest if held > 0 else "Copy the file from its source again.",
    )


def unreadable(what: str, error: Exception) -> FormatError:
    """Return the error for a file that a package could not read, with what the package says of it."""
    return FormatError(f"{what}: {first_line(error)}", hint="It may be damaged: copy or export the file from its source again.")


def first_line(error: Exception) -> str:
    """Return what a package's exception says, as part of a sentence."""
    return (str(error).splitlines() or [""])[0][:300] or type(error).__name__


def _is_ecg(channel: Channel) -> bool:
    scaled_otherwise = voltage_unit(channel.unit) is None and not is_unscaled(channel.unit)
    return looks_like_ecg(channel.name) and not scaled_otherwise


def _listed(names: list[str]) -> str:
    shown = ", ".join(normalise_lead(name) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
