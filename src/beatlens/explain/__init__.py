"""What decided a call: attribution, its naming, and tests of its faithfulness.

The package can be called: ``beatlens.explain(analysis, beat=812)`` is `beatlens.analysis.explaining.explain`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from beatlens.explain.explanation import Explanation, stack_explanations, tabulate_explanations
from beatlens.explain.methods import METHODS, Attribution, attribute, default_method
from beatlens.explain.options import Options
from beatlens.explain.players import Players
from beatlens.explain.record import explain_beats, explain_seed_beats
from beatlens.explain.subject import Subject

__all__ = [
    "METHODS",
    "Attribution",
    "Explanation",
    "Options",
    "Players",
    "Subject",
    "attribute",
    "default_method",
    "explain_beats",
    "explain_seed_beats",
    "stack_explanations",
    "tabulate_explanations",
]


class _Callable(ModuleType):
    """A package that is also the function a user looks for under its name."""

    def __call__(self, analysis: Any, beat: int, *, method: str | None = None, options: Options | None = None) -> Explanation:
        """Explain one beat of an analysis; see `beatlens.analysis.explaining.explain`."""
        # The one place where this room points forward: the function needs an analysis, its name is this room's.
        explain: Any = import_module("beatlens.analysis.explaining").explain
        return explain(analysis, beat, method=method, options=options)  # type: ignore[no-any-return]


sys.modules[__name__].__class__ = _Callable
