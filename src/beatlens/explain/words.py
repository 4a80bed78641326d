"""An explanation in words. Every number in the sentence was measured; what was not measured is not mentioned."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def describe_time(time_ms: float) -> str:
    """Return an instant relative to the R peak in words.

    Examples
    --------
    >>> describe_time(-41.7), describe_time(0.0), describe_time(12.2)
    ('42 ms before the R peak', 'at the R peak', '12 ms after the R peak')
    """
    rounded = round(time_ms)
    if rounded == 0:
        return "at the R peak"
    return f"{abs(rounded)} ms {'before' if rounded < 0 else 'after'} the R peak"


def join_words(parts: Sequence[str]) -> str:
    """Join with commas and one 'and'.

    Examples
    --------
    >>> join_words(["P", "QRS", "T"])
    'P, QRS and T'
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def describe_call(predicted: str, probability: float) -> str:
    """Return what the model said, with a probability that is never rounded up to certainty.

    Examples
    --------
    >>> describe_call("V", 0.9997), describe_call("N", 0.9)
    ('Called V (> 0.99)', 'Called N (0.90)')
    """
    shown = "> 0.99" if probability > 0.995 else f"{probability:.2f}"
    return f"Called {predicted} ({shown})"


@dataclass(frozen=True)
class Facts:
    """What was measured of a beat and of its recording; NaN or None where it could not be.

    Parameters
    ----------
    qrs_ms, usual_qrs_ms : float
        Duration of the beat's QRS, and the recording's median.
    likeness : float
        Correlation of the window with the recording's median window.
    p_found : bool or None
        Whether a P wave stands out.
    pre_ms, post_ms, usual_rr_ms : float
        The intervals to the beat before and to the one after, and the recording's median interval.
    """

    qrs_ms: float = math.nan
    usual_qrs_ms: float = math.nan
    likeness: float = math.nan
    p_found: bool | None = None
    pre_ms: float = math.nan
    post_ms: float = math.nan
    usual_rr_ms: float = math.nan

    def to_dict(self) -> dict[str, float | bool | None]:
        """Return the facts in the types of JSON; what could not be measured is None."""
        known = dataclasses.asdict(self)
        return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in known.items()}


WIDE_MS = 120.0
"""A QRS from here on is called wide, as cardiologists do."""

SHORT, LONG = 0.85, 1.15
"""An interval below, or above, this share of the usual one is called short, or long."""

INTERVALS = {"interval before": "interval before it", "interval after": "interval after it"}
AROUND = {"rhythm around": "the rhythm around it", "other beats": "what the other beats are like"}

LIKE = 0.9
"""A window whose correlation with the usual one is lower is called unlike it."""


def describe_segments(
    predicted: str, probability: float, shares: Mapping[str, float], facts: Facts, *, evidence: bool, true: str = ""
) -> str:
    """Return the sentence of a beat whose segments are known.

    Parameters
    ----------
    predicted, probability : str, float
        The class that the model calls, and its probability.
    shares : mapping of str to float
        Part of the attribution on each segment, positive where it speaks for ``predicted``; the two largest are told.
    facts : Facts
        What was measured of the beat.
    evidence : bool
        Whether the parts are evidence (with a sign) or sensitivity.
    true : str
        The reference's class, if any.

    Examples
    --------
    >>> describe_segments("V", 0.98, {"QRS": 0.71, "T": -0.2}, Facts(152.0, 96.0), evidence=True)
    'Called V (0.98): 71 % of the evidence is the QRS, which is wide (152 ms, usual 96 ms); 20 %, against it, is the T wave.'
    """
    call = describe_call(predicted, probability)
    told = sorted(shares.items(), key=lambda item: -abs(item[1]))[:2]
    told = [(name, share) for name, share in told if abs(share) >= 0.1] or told[:1]
    if not told:
        return f"{call}: the attribution is 0 everywhere.{_checked(predicted, true)}"
    parts: list[str] = []
    for name, share in told:
        of_what = (" of the evidence" if evidence else " of the sensitivity") if not parts else ""
        side = ", against it," if evidence and share < 0 else ""
        parts.append(f"{abs(share) * 100:.0f} %{of_what}{side} is {_name_segment(name, facts)}")
    if facts.p_found is False:
        parts.append("no P wave was found")
    return f"{call}: {'; '.join(parts)}.{_checked(predicted, true)}"


def _name_interval(name: str, facts: Facts) -> str:
    lasts = facts.pre_ms if name == "interval before" else facts.post_ms
    if math.isnan(lasts):
        return f"the {INTERVALS[name]}"
    if math.isnan(facts.usual_rr_ms):
        return f"the {INTERVALS[name]} ({lasts:.0f} ms)"
    ratio = lasts / facts.usual_rr_ms
    kind = "short " if ratio < SHORT else "long " if ratio > LONG else ""
    return f"the {kind}{INTERVALS[name]} ({lasts:.0f} ms, usual {facts.usual_rr_ms:.0f} ms)"


def _name_segment(name: str, facts: Facts) -> str:
    if name in INTERVALS:
        return _name_interval(name, facts)
    if name in AROUND:
        return AROUND[name]
    if name in {"before", "after"}:
        first = "QRS" if facts.p_found is False else "P wave"
        return f"what comes before the {first}" if name == "before" else "what comes after the last wave"
    if name != "QRS":
        return f"the {name} {'wave' if name in {'P', 'T'} else 'segment'}"
    if math.isnan(facts.qrs_ms):
        return "the QRS"
    usual = "" if math.isnan(facts.usual_qrs_ms) else f", usual {facts.usual_qrs_ms:.0f} ms"
    wide = ", which is wide" if facts.qrs_ms >= WIDE_MS else ""
    unlike = (
        f", in a beat unlike this recording's usual one (correlation {facts.likeness:.2f})" if facts.likeness < LIKE else ""
    )
    return f"the QRS{wide} ({facts.qrs_ms:.0f} ms{usual}){unlike}"


def _checked(predicted: str, true: str) -> str:
    return "" if not true else " The reference agrees." if true == predicted else f" The reference says {true}."


def describe_beat(
    predicted: str, probability: float, salient_ms: Sequence[float], *, target: str, evidence: bool, true: str = ""
) -> str:
    """Return the sentence of one beat.

    Parameters
    ----------
    predicted, probability : str, float
        The class that the model calls, and its probability.
    salient_ms : sequence of float
        Peaks of the attribution relative to the R peak, in ms, the highest first; the first three are told.
    target : str
        The class whose logit was explained.
    evidence : bool
        Whether the method measures evidence, or how sensitive the logit is.
    true : str
        The reference's class, if any.
    """
    call = describe_call(predicted, probability)
    places = [describe_time(time) for time in salient_ms[:3]]
    if not places:
        why = "the attribution is 0 everywhere"
    elif evidence:
        why = f"the largest parts of the evidence about {target} lie {join_words(places)}"
    else:
        why = f"the logit of {target} is most sensitive {join_words(places)}"
    return f"{call}: {why}.{_checked(predicted, true)}"
