"""Names of leads: one spelling for each, and whether a name is that of an ECG lead at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The leads of a 12-lead ECG, in their usual order."""

_CHEST = tuple(f"V{n}" for n in range(1, 10)) + tuple(f"V{n}R" for n in range(1, 10))
_OTHERS = ("-aVR", "X", "Y", "Z", "MLI", "MLII", "MLIII", *(f"MV{n}" for n in range(1, 7)), "CM2", "CM5", "CC5", "ML5")
_EASI = ("ES", "AS", "AI")
_CANONICAL = {name.lower(): name for name in (*STANDARD_LEADS, *_CHEST, *_OTHERS, *_EASI)}
_ALIASES = {"di": "I", "dii": "II", "diii": "III", "d1": "I", "d2": "II", "d3": "III"}
_ALIASES |= {"ml1": "MLI", "ml2": "MLII", "ml3": "MLIII", "mlv1": "MV1", "mlv5": "MV5", "mcl1": "MV1"}

# Words that files put before a lead's name, in the languages that telephones export in.
_PREFIX = re.compile(
    r"^(?:mdc[_ ]ecg[_ ](?:lead[_ ])?"
    r"|(?:(?:ecg|ekg|lead|channel|ableitung|d[ée]rivation|derivaci[óo]n|derivazione|deriva[çc][ãa]o|afleiding|avledning)"
    r"(?![a-z0-9])[\s_:.\-]*)+)",
    re.IGNORECASE,
)
_EINTHOVEN = re.compile(r"\s*\((?:einthoven|goldberger|wilson)\)$", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

_NOT_ECG = re.compile(
    r"resp|breath|thora|abdo(?!minal ecg)|pleth|ppg|spo2|sao2|puls|abp|\bbp\b|\bart\b|press|\bpap\b|\bcvp\b|\bicp\b|co2|temp"
    r"|marker|event|trigger|status|annotation|emg|eeg|eog|accel|\bacc(?:[\s_\-]?[xyz])?\b|gyro|magn|battery|flow|snor|sound"
    r"|light|position|\bhr\b|heart\s?rate|\brr\b|impedance|eda\b|gsr|crc\b|index|quality",
    re.IGNORECASE,
)
_SCALP = re.compile(
    r"^(?:fp[12z]|af[3478z]|f[34789z]|fc[1-6z]|c[34z]|t[3-8]|p[347-9z]|o[12z]|a1|a2|m1|m2)(?:-\S+)?$", re.IGNORECASE
)


def normalise_lead(name: str) -> str:
    """Return the one spelling of a lead's name; a name that is not known comes back as it is, cleaned of control characters.

    Examples
    --------
    >>> [normalise_lead(name) for name in ("ECG II", "Lead ii", "MDC_ECG_LEAD_AVR", "v5", "ML2", "Chest strap")]
    ['II', 'II', 'aVR', 'V5', 'MLII', 'Chest strap']
    """
    text = " ".join(_CONTROL.sub(" ", name).split()).strip("'\"")[:40]
    core = _EINTHOVEN.sub("", _PREFIX.sub("", text)).strip()
    known = _CANONICAL.get(core.lower()) or _ALIASES.get(core.lower())
    return known or (text if core else "ECG")


def is_standard_lead(name: str) -> bool:
    """Say whether a name, once normalised, is one of the leads that have a spelling here."""
    return normalise_lead(name).lower() in _CANONICAL


def is_known_lead(name: str) -> bool:
    """Say whether a name, once normalised, is a lead's, or says ``ECG``."""
    return is_standard_lead(name) or re.search(r"e[ck]g", name, re.IGNORECASE) is not None


def looks_like_ecg(name: str) -> bool:
    """Say whether a channel of this name may be an ECG lead: it is named as one, or at least not as something else."""
    if is_known_lead(name):
        return not re.search(r"annotation|status|resp|quality|rate", name, re.IGNORECASE)
    return not (_NOT_ECG.search(name) or _SCALP.match(name.strip()))


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return normalised names, a repeated one told apart by a number: ``II``, ``II (2)``.

    Examples
    --------
    >>> unique_names(["ECG", "ECG", "V1"])
    ('ECG', 'ECG (2)', 'V1')
    """
    result: list[str] = []
    for plain in map(normalise_lead, names):
        name, count = plain, 1
        while name in result:
            count += 1
            name = f"{plain} ({count})"
        result.append(name)
    return tuple(result)


_BEAT_ORDER = (
    "MLII",
    "II",
    "V5",
    "MV5",
    "CM5",
    "V2",
    "V1",
    "MV1",
    "V4",
    "V3",
    "V6",
    "I",
    "MLI",
    "aVF",
    "III",
    "MLIII",
    "aVL",
    "aVR",
)


def beat_order(names: Sequence[str]) -> tuple[int, ...]:
    """Return the positions of leads, those first in which beats are best told apart by convention: II, then V5, V2, V1.

    The order follows what MIT-BIH and AAMI recordings use: a modified lead II first, a chest lead second.
    """
    rank = {name: place for place, name in enumerate(_BEAT_ORDER)}
    return tuple(sorted(range(len(names)), key=lambda i: (rank.get(names[i], len(rank)), i)))
