"""Recordings that are open and what was found in them, kept for everyone who looks at the same recording.

A recording is found again by its hash: a page that is loaded anew goes on where it was, and two readers of one recording share
one analysis. What is kept is never changed; corrections are kept elsewhere, one reviewer apart from another.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from beatlens.analysis import Analysis, analyze
from beatlens.analysis.settings import Settings
from beatlens.app.services import kept
from beatlens.app.services.identity import hash_record
from beatlens.app.services.jobs import Job
from beatlens.explain.methods import DEFAULTS
from beatlens.models.registry import load_card, load_model
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
        self._jobs: dict[tuple[str, ...], Job] = {}
        self._work = threading.RLock()
        self._loading = threading.RLock()  # a model may be loaded beside other work: the first page does not wait for it

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
        with self._loading:
            if name not in self._models:
                self._models[name] = load_model(name)
            return self._models[name]

    def start(self, opened: Opened, model: str) -> Job:
        """Begin to analyse a recording beside the caller, or return the work of whoever began it before."""
        key = _analysis_of(opened, model)
        with self._guard:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = Job()
                threading.Thread(target=self._run, args=(key, job, opened, model), daemon=True, name="beatlens-job").start()
            return job

    def cancel(self, opened: Opened, model: str) -> bool:
        """Stop analysing a recording, unless somebody waits for it; return whether it was stopped."""
        with self._guard:
            job = self._jobs.get(_analysis_of(opened, model))
            if job is None or job.waiting:
                return False
            job.cancel()
            return True

    def _run(self, key: tuple[str, ...], job: Job, opened: Opened, model: str) -> None:
        with job.ending():
            try:
                self.analyse(opened, model, progress=job.tell)
            finally:
                with self._guard:
                    del self._jobs[key]

    def analyse(self, opened: Opened, model: str, *, progress: Progress | None = None) -> Analysis:
        """Analyse a recording, once for each model; beats are explained when they are looked at.

        Raises
        ------
        BeatlensError
            As `beatlens.analysis.analyze` raises it.
        """

        def work() -> Analysis:
            if progress is not None:
                progress("model", 0.0)
            settings = Settings(explanations=0)
            if opened.record.source != "bundled":
                return analyze(opened.record, model=self.model(model), settings=settings, progress=progress)
            card = load_card(model)
            calls = kept.read_calls(card, opened.sha256)
            if calls is not None:
                same = replace(settings, method=DEFAULTS.get(model, ""))
                return replace(analyze(opened.record, model=calls, r_samples=calls.samples, settings=same), judge=None)
            found = analyze(opened.record, model=self.model(model), settings=settings, progress=progress)
            kept.keep_calls(card, opened.sha256, found)
            return found

        return self.remember(_analysis_of(opened, model), work)

    def is_analysed(self, opened: Opened, model: str) -> bool:
        """Say whether a recording's analysis is there at once."""
        return self.has(_analysis_of(opened, model))

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


def _analysis_of(opened: Opened, model: str) -> tuple[str, ...]:
    return opened.sha256, "analysis", model, opened.record.name
