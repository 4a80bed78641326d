"""Many recordings: one function that analyses one of them, and what runs it over all of them."""

from beatlens.batch.identity import Wanted
from beatlens.batch.one import Outcome, analyse_one
from beatlens.batch.sources import Source, find_sources

__all__ = ["Outcome", "Source", "Wanted", "analyse_one", "find_sources"]
