"""Work that goes on beside the page that waits for it, tells how far it is, and can be stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from beatlens.errors import BeatlensError

WORDS: Final = {
    "": "waiting for another analysis",
    "model": "loading the model",
    "quality": "looking for what cannot be read",
    "R peaks": "finding the heartbeats",
    "classes": "judging the heartbeats",
    "rhythm": "counting",
    "explanations": "done",
}
"""What is done in each stage, in the order of the stages."""


class CancelledError(BeatlensError):
    """Work that somebody stopped."""


class Job:
    """One piece of work."""

    def __init__(self) -> None:
        self.waiting = 0
        self._guard = threading.Lock()
        self._stage = ""
        self._began = time.monotonic()
        self._stopped = threading.Event()
        self._finished = threading.Event()
        self._error: BaseException | None = None

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1: the share of the stages."""
        return list(WORDS).index(self._stage) / (len(WORDS) - 1)

    @property
    def words(self) -> str:
        """What is done now, and for how long the work has been going on."""
        seconds = int(time.monotonic() - self._began)
        return f"{WORDS[self._stage]} ({seconds} s)" if seconds else WORDS[self._stage]

    def tell(self, stage: str, _share: float) -> None:
        """Take down the stage that begins now.

        Raises
        ------
        CancelledError
            If the work was stopped meanwhile: it ends here.
        """
        if self._stopped.is_set():
            raise CancelledError("the analysis was cancelled")
        self._stage = stage

    def cancel(self) -> None:
        """Ask the work to end before its next stage."""
        self._stopped.set()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Mark the end of the work, and keep its error for whoever waits."""
        try:
            yield
        except BaseException as error:
            self._error = error
        finally:
            self._finished.set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count the caller among those who wait, as long as it does."""
        with self._guard:
            self.waiting += 1
        try:
            yield
        finally:
            with self._guard:
                self.waiting -= 1

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, at most so long; return whether it has come.

        Raises
        ------
        BeatlensError
            What the work raised.
        """
        ended = self._finished.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return ended
