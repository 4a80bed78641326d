"""Units of voltage: what files call them, and what one is in mV."""

from __future__ import annotations

_MILLIVOLTS = {"V": 1e3, "mV": 1.0, "uV": 1e-3, "nV": 1e-6}

_SPELLINGS = {
    "v": "V",
    "volt": "V",
    "volts": "V",
    "mv": "mV",
    "millivolt": "mV",
    "millivolts": "mV",
    "uv": "uV",
    "microvolt": "uV",
    "microvolts": "uV",
    "nv": "nV",
    "nanovolt": "nV",
    "nanovolts": "nV",
}

# Labels that say that no unit is known: counts of a converter, or a signal scaled to a range of its own.
_UNSCALED = {"", "adu", "adc", "count", "counts", "lsb", "nu", "n/a", "na", "none", "unknown", "?", "-", "1", "a.u.", "au"}


def voltage_unit(label: str) -> str | None:
    """Return ``"V"``, ``"mV"``, ``"uV"`` or ``"nV"`` for a label such as ``"µV"``; None if it names no unit of voltage.

    Examples
    --------
    >>> voltage_unit("µV"), voltage_unit("millivolts"), voltage_unit("mmHg")
    ('uV', 'mV', None)
    """
    plain = label.strip().strip("[]()'\"").strip()
    return _SPELLINGS.get(plain.replace("\u00b5", "u").replace("\u03bc", "u").lower())


def is_unscaled(label: str) -> bool:
    """Say whether a label states no unit at all, as ``""`` and ``"adu"`` do; ``"mmHg"`` does state one."""
    return label.strip().strip("[]()'\"").strip().lower() in _UNSCALED


def millivolts(unit: str) -> float:
    """Return how many mV one ``"V"``, ``"mV"``, ``"uV"`` or ``"nV"`` is."""
    return _MILLIVOLTS[unit]
