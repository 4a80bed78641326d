"""An explanation in words. Every number in the sentence was measured; what was not measured is not mentioned."""

from __future__ import annotations

from collections.abc import Sequence


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
    checked = "" if not true else " The reference agrees." if true == predicted else f" The reference says {true}."
    return f"{call}: {why}.{checked}"
