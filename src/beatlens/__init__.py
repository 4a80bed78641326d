"""Beatlens reads ECG recordings, classifies every heartbeat, and shows what decided each call.

For research; not a medical device.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from beatlens._version import __version__

if TYPE_CHECKING:
    from beatlens import explain
    from beatlens.analysis import Analysis, analyze
    from beatlens.analysis.stream import BeatStream, StreamedBeat, stream
    from beatlens.beats.detector import detect_r_peaks
    from beatlens.models import load_model
    from beatlens.records import Annotations, Record, read

__all__ = [
    "Analysis",
    "Annotations",
    "BeatStream",
    "Record",
    "StreamedBeat",
    "__version__",
    "analyze",
    "detect_r_peaks",
    "explain",
    "load_model",
    "read",
    "stream",
]

_HOMES = {
    "Analysis": "beatlens.analysis",
    "Annotations": "beatlens.records",
    "BeatStream": "beatlens.analysis.stream",
    "Record": "beatlens.records",
    "StreamedBeat": "beatlens.analysis.stream",
    "analyze": "beatlens.analysis",
    "detect_r_peaks": "beatlens.beats.detector",
    "load_model": "beatlens.models",
    "read": "beatlens.records",
    "stream": "beatlens.analysis.stream",
}


def __getattr__(name: str) -> Any:  # imported when first used: 'import beatlens' stays instant
    if name == "explain":  # a package that can be called
        return importlib.import_module("beatlens.explain")
    if name not in _HOMES:
        raise AttributeError(f"module 'beatlens' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
