"""Everything for one recording: `analyze` takes a `Record` and gives an `Analysis`."""

from beatlens.analysis.pipeline import analyze
from beatlens.analysis.result import Analysis
from beatlens.analysis.settings import Settings

__all__ = ["Analysis", "Settings", "analyze"]
