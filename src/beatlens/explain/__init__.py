"""What decided a call: attribution, its naming, and tests of its faithfulness."""

from beatlens.explain.explanation import Explanation, tabulate_explanations
from beatlens.explain.methods import METHODS, Attribution, attribute
from beatlens.explain.options import Options
from beatlens.explain.players import Players
from beatlens.explain.record import explain_seed_beats
from beatlens.explain.subject import Subject

__all__ = [
    "METHODS",
    "Attribution",
    "Explanation",
    "Options",
    "Players",
    "Subject",
    "attribute",
    "explain_seed_beats",
    "tabulate_explanations",
]
