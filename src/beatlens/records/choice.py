"""The one or two leads in which beats are judged when the user names none: by name, and by how much of each is usable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from beatlens.errors import ConfigurationError
from beatlens.records.leads import beat_order
from beatlens.records.record import Record

_FLAT_MV = 0.02  # a second of ECG that moves less is flat
_WILD_MV = 20.0  # one that moves more is no ECG


def choose_leads(record: Record, n: int = 2) -> Record:
    """Return a recording with its best leads for beat work, the choice stated in the notes.

    A lead of which a tenth more is usable comes first; among equals the order is that of `beatlens.records.leads.beat_order`.

    Parameters
    ----------
    record : Record
        A recording with any number of leads.
    n : int
        How many leads to keep, 1 or more; all are kept where there are no more.

    Raises
    ------
    ConfigurationError
        If ``n`` is less than 1.
    """
    if n < 1:
        raise ConfigurationError(f"'n' must be at least 1; got {n}")
    if record.n_leads <= n:
        return record
    usable = [usable_share(record.signal[:, lead], record.fs) for lead in range(record.n_leads)]
    order = sorted(beat_order(record.lead_names), key=lambda lead: -round(usable[lead], 1))  # stable: names decide among equals
    names = tuple(record.lead_names[lead] for lead in order[:n])
    shares = " and ".join(f"{record.lead_names[lead]} ({usable[lead]:.0%} usable)" for lead in order[:n])
    note = f"Of {record.n_leads} leads, {shares} {'was' if n == 1 else 'were'} chosen, by name and by signal."
    return replace(record.select_leads(names), notes=(*record.notes, note))


def usable_share(voltage: npt.NDArray[np.float32], fs: float) -> float:
    """Return the share of seconds of a lead that hold a signal: known for 90 % of it, neither flat nor wild; from 0 to 1.

    Parameters
    ----------
    voltage : ndarray of float32, shape (n_samples,)
        Voltage in mV, NaN where it is missing.
    fs : float
        Sampling rate in Hz.
    """
    width = max(1, min(round(fs), len(voltage)))
    seconds = np.asarray(voltage[: len(voltage) // width * width]).reshape(-1, width)
    known = np.isfinite(seconds)
    high = np.where(known, seconds, -np.inf).max(axis=1)
    low = np.where(known, seconds, np.inf).min(axis=1)
    good = (known.mean(axis=1) >= 0.9) & (high - low >= _FLAT_MV) & (high - low <= _WILD_MV)
    return float(good.mean())
