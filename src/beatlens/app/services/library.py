"""Recordings that are open and what was found in them, kept for everyone who looks at the same recording.

A recording is found again by its hash: a page that is loaded anew goes on where it was, and two readers of one recording share
one analysis. What is kept is never changed; corrections are kept elsewhere, one reviewer apart from another.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from beatlens.analysis import Analysis, analyze
from beatlens.analysis.settings import Settings
from beatlens.app.services.identity import hash_record
from beatlens.models.registry import load_model
from beatlens.records import Record

MOST_RECORDINGS: Final = 4
MOST_RESULTS: Final = 400

Progress = Callable[[str, float], None]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Opened:
    """A recording that is open, as it was read, and its SHA-256."""

    record: Record
    sha256: str


class Library:
    """What is open; safe to use from many threads.

    Parameters
    ----------
    most : int
        How many recordings are kept; the one that was not looked at for the longest time goes first, with all that was found
        in it.
    """

    def __init__(self, most: int = MOST_RECORDINGS) -> None:
        self._most = most
        self._recordings: OrderedDict[str, Opened] = OrderedDict()
        self._results: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._models: dict[str, Any] = {}
        self._guard = threading.RLock()
        self._work = threading.RLock()

    def add(self, record: Record) -> Opened:
        """Keep a recording; one that is open already is not kept twice."""
        opened = Opened(record, hash_record(record))
        with self._guard:
            known = self._recordings.get(opened.sha256)
            if known is not None and known.record.name == record.name and record.annotations is None:
                opened = known  # whoever else looks at it keeps the analysis of the very same object
            self._recordings[opened.sha256] = opened
            self._recordings.move_to_end(opened.sha256)
            while len(self._recordings) > self._most:
                gone, _ = self._recordings.popitem(last=False)
                for key in [key for key in self._results if key[0] == gone]:
                    del self._results[key]
        return opened

    def find(self, sha256: str) -> Opened | None:
        """Return an open recording by its hash; None if it is not, or no longer, open."""
        with self._guard:
            if sha256 in self._recordings:
                self._recordings.move_to_end(sha256)
            return self._recordings.get(sha256)

    def model(self, name: str) -> Any:
        """Return a model, loaded once."""
        with self._work:
            if name not in self._models:
                self._models[name] = load_model(name)
            return self._models[name]

    def analyse(self, opened: Opened, model: str, *, progress: Progress | None = None) -> Analysis:
        """Analyse a recording, once for each model; beats are explained when they are looked at.

        Raises
        ------
        BeatlensError
            As `beatlens.analysis.analyze` raises it.
        """

        def work() -> Analysis:
            settings = Settings(explanations=0)
            return analyze(opened.record, model=self.model(model), settings=settings, progress=progress)

        return self.remember((opened.sha256, "analysis", model, opened.record.name), work)

    def is_analysed(self, opened: Opened, model: str) -> bool:
        """Say whether a recording's analysis is there at once."""
        return self.has((opened.sha256, "analysis", model, opened.record.name))

    def has(self, key: tuple[str, ...]) -> bool:
        """Say whether a result is there at once."""
        with self._guard:
            return key in self._results

    def remember(self, key: tuple[str, ...], work: Callable[[], T]) -> T:
        """Return what ``work`` returns, done once for a key whose first part is a recording's hash.

        One piece of work is done at a time: it uses every core by itself.
        """
        with self._guard:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]  # type: ignore[no-any-return]
        with self._work:
            with self._guard:
                if key in self._results:
                    return self._results[key]  # type: ignore[no-any-return]
            found = work()
            with self._guard:
                self._results[key] = found
                while len(self._results) > MOST_RESULTS:
                    self._results.popitem(last=False)
            return found
