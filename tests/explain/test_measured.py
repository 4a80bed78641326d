"""What readers are told of how far to trust a method: from the package, for these very weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beatlens.explain import measured
from beatlens.explain.measured import Interval, Measured, find_measured, gather_measured
from beatlens.explain.methods import DEFAULTS
from beatlens.models.registry import list_models

RESULTS = Path(__file__).parents[2] / "docs" / "results"

REPORT = {
    "model": "m",
    "weights": "abc",
    "n_beats": {"N": 3, "V": 4},
    "faithfulness": [
        {
            "class": "V",
            "order": "saliency",
            "less than random": "-9.0 [-9.0, -9.0]",
            "less than amplitude": "-9.0 [-9.0, -9.0]",
        },
        {
            "class": "all",
            "order": "saliency",
            "less than random": "-0.2 [-0.3, -0.1]",
            "less than amplitude": "0.1 [-0.1, 0.2]",
        },
        {"class": "all", "order": "random order", "less than random": "-", "less than amplitude": "0.1 [-0.1, 0.2]"},
    ],
    "randomisation": [{"shuffled from": "last", "saliency": 0.9}, {"shuffled from": "first", "saliency": 0.25}],
    "lateness": [{"method": "saliency", "planted": 40, "found": 0.75}],
}


def test_what_a_report_says_of_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """All classes together, every layer shuffled, the baselines left out."""
    monkeypatch.setattr(measured, "_read", lambda: {"m": gather_measured(REPORT)})
    found = find_measured("m", "abc", "saliency")
    assert found == Measured(7, Interval(0.1, -0.1, 0.2), Interval(-0.2, -0.3, -0.1), 40, 0.75, 0.25)
    assert dict(found.rows) == {
        "deletion area, less that of the largest voltages": "0.100 [−0.100, 0.200]",
        "deletion area, less that of a random order": "−0.200 [−0.300, −0.100]",
        "planted waves found": "75 % of 40",
        "likeness to pictures of shuffled weights": "0.25",
    }
    assert found.verdict == "It beats chance, but not surely pointing at the largest voltages."


@pytest.mark.parametrize("asked", [("m", "other", "saliency"), ("m", "abc", "random order"), ("n", "abc", "saliency")])
def test_other_weights_and_methods_have_no_figures(monkeypatch: pytest.MonkeyPatch, asked: tuple[str, str, str]) -> None:
    """What was not measured is not told."""
    monkeypatch.setattr(measured, "_read", lambda: {"m": gather_measured(REPORT)})
    assert find_measured(*asked) is None


BETTER, WORSE = Interval(-0.2, -0.3, -0.1), Interval(-0.1, -0.2, 0.1)


@pytest.mark.parametrize(
    ("amplitude", "chance", "shuffled", "words"),
    [
        (BETTER, BETTER, 0.1, "better than the largest voltages and chance do."),
        (BETTER, BETTER, 0.7, "not what was learned."),
        (WORSE, BETTER, None, "not surely pointing at the largest voltages."),
        (WORSE, WORSE, -0.4, "It does not surely beat chance."),
    ],
)
def test_the_verdict(amplitude: Interval, chance: Interval, shuffled: float | None, words: str) -> None:
    """Sure is what holds for the whole interval; likeness to shuffled weights is said where it is large."""
    assert Measured(9, amplitude, chance, None, None, shuffled).verdict.endswith(words)


@pytest.mark.parametrize("card", list_models(), ids=lambda card: card.name)
def test_the_package_holds_what_was_measured(card) -> None:
    """The package's figures are those of docs/results; the default method has some wherever these weights were tested."""
    report = json.loads((RESULTS / f"explanations-{card.name}.json").read_text(encoding="utf-8"))
    assert measured._read()[card.name] == gather_measured(report)
    found = find_measured(card.name, card.sha256, DEFAULTS[card.name])
    assert (found is None) == (report["weights"] != card.sha256)
