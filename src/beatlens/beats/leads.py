"""Which one or two leads the beats are looked for in: chosen by name and signal quality, and the choice reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens._threads import map_threads
from beatlens.beats.quality import SignalQuality, assess_signal
from beatlens.beats.signals import find_flat, find_gaps
from beatlens.errors import RecordNotFoundError, SignalError, closest
from beatlens.records.leads import beat_order

MAX_LEADS: Final = 2
NAME_STEP: Final = 0.05
"""What one place in the order of names is worth in quality: a familiar lead wins unless another is clearly cleaner."""
POOR: Final = 0.2
POOR_SHARE: Final = 0.3
"""A second lead of less quality than both, the latter as a share of the first lead's, would do more harm than good."""
DEAD_SHARE: Final = 0.999
"""A lead that is missing or flat for more than this share of the recording carries nothing."""


@dataclass(frozen=True)
class LeadChoice:
    """The leads that beats are looked for in.

    Parameters
    ----------
    indices : tuple of int
        Their columns; the first is the one that R peaks are placed in.
    names : tuple of str
        Their names.
    notes : tuple of str
        Why these, and what was left out, one sentence each.
    """

    indices: tuple[int, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def choose_leads(
    signal: npt.NDArray[np.floating],
    fs: float,
    names: Sequence[str],
    *,
    wanted: Sequence[str] | None = None,
    quality: SignalQuality | None = None,
    where: str = "signal",
) -> LeadChoice:
    """Choose one or two leads to look for beats in.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_leads)
        Voltage, in any unit; NaN in gaps.
    fs : float
        Sampling rate in Hz.
    names : sequence of str
        Name of each lead.
    wanted : sequence of str, optional
        The leads to use, the one to place the R peaks in first. Chosen when not given: up to two leads, by
        quality, a usual lead for rhythm (II, V5, ...) before an unusual one of about the same quality.
    quality : SignalQuality, optional
        Quality of each lead, where it is known already.
    where : str
        What to call the recording in an error.

    Returns
    -------
    LeadChoice

    Raises
    ------
    RecordNotFoundError
        If there is no lead of a wanted name.
    SignalError
        If no lead is wanted, or all of them are flat or empty.
    """
    if wanted is not None and not len(wanted):
        raise SignalError(f"'leads' must name at least one lead; got none, in {where}")
    for name in wanted or ():
        if name not in names:
            raise RecordNotFoundError(f"{where} has no lead '{name}'", hint=closest(name, names))
    asked = list(range(len(names))) if wanted is None else [list(names).index(name) for name in dict.fromkeys(wanted)]
    alive = [i for i, known in zip(asked, map_threads(lambda i: _is_alive(signal[:, i], fs), asked), strict=True) if known]
    notes = [f"'{names[i]}' was left out: it is flat or empty" for i in asked if i not in alive]
    if not alive:
        raise SignalError(
            f"'signal' must have a lead with a signal; got {len(asked)} flat or empty, in {where}",
            hint="Check that the electrodes were connected and that the file's channels are ECG leads.",
        )
    if wanted is None and len(alive) > 1:
        told = signal if len(alive) == signal.shape[1] else signal[:, alive]  # a day is not copied without need
        judged = assess_signal(told, fs).overall() if quality is None else quality.overall()[alive]
        alive, note = _rank(judged, names, alive)
        notes.append(note)
    return LeadChoice(tuple(alive), tuple(names[i] for i in alive), tuple(notes))


def _rank(quality: npt.NDArray[np.floating], names: Sequence[str], alive: list[int]) -> tuple[list[int], str]:
    place = np.empty(len(alive))
    place[list(beat_order([names[i] for i in alive]))] = np.arange(len(alive))
    order = np.argsort(-(quality - NAME_STEP * place), kind="stable")[:MAX_LEADS]
    worth = (quality[order] >= POOR) | (quality[order] >= POOR_SHARE * quality[order[0]])
    order = order[worth]
    chosen = [alive[k] for k in order.tolist()]
    told = " and ".join(f"{names[alive[k]]} (quality {quality[k]:.2f})" for k in order.tolist())
    left = len(alive) - len(chosen)
    return chosen, f"beats were looked for in {told}" + (f", chosen of {len(alive)} leads" if left else "")


def _is_alive(values: npt.NDArray[np.floating], fs: float) -> bool:
    dead = find_gaps(values) | find_flat(values, fs)
    return bool(dead.mean() < DEAD_SHARE)
