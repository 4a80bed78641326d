"""What is read in before it is asked for: the pages while the browser opens, and the model while the first page is read."""

from __future__ import annotations

import contextlib
import threading
from typing import Final

from beatlens.errors import BeatlensError

PAUSE_S: Final = 2.0
"""A page is drawn, and what a quick hand clicks next as well, before the model takes the processor."""

_begun: Final[list[threading.Thread]] = []
_models: Final[set[str]] = set()


def begin() -> None:
    """Read in what the pages need, beside the server that starts. To be called once, in the server's process."""
    _begun.append(threading.Thread(target=_read_pages, daemon=True, name="beatlens-pages"))
    _begun[0].start()


def wait() -> None:
    """Return when the pages are read in: two threads that import the same modules only hold each other up."""
    for thread in _begun:
        thread.join()


def load_model_soon(name: str) -> None:
    """Load a model beside the page that was just shown, so that the next one need not wait for it.

    Without `begin` nothing is done: a test of a page says itself which model it needs.
    """
    if _begun and name not in _models:
        _models.add(name)
        timer = threading.Timer(PAUSE_S, _load_model, args=(name,))
        timer.daemon = True
        timer.start()


def _read_pages() -> None:
    from beatlens.app.ui import cards, clusters, correcting, differing, explained, starting

    del cards, clusters, correcting, differing, explained  # each has brought in what its page needs
    starting.bundled()


def _load_model(name: str) -> None:
    from beatlens.app.ui.session import library

    with contextlib.suppress(BeatlensError):  # the page that needs it says what is wrong
        library().model(name)
