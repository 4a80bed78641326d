"""One run at a time writes to a folder; a run that was killed holds no one up."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Final, Self

from beatlens.batch.places import Place
from beatlens.errors import BeatlensError, OutputError

NAME: Final = "run.lock"
BEAT_S: Final = 20.0
"""How often a run says that it goes on, in seconds."""
DEAD_S: Final = 120.0
"""A run on another host that has said nothing for as long is taken for dead."""


@dataclass
class RunLock:
    """Says on the file system that a run goes on, and finds out whether another does.

    Parameters
    ----------
    place : Place
        The folder that results go to.
    """

    place: Place
    _token: str = field(default_factory=lambda: secrets.token_hex(8))
    _said: float = 0.0

    def __enter__(self) -> Self:
        held = self._held()
        if held and _is_alive(held):
            raise OutputError(
                f"another run (process {held.get('process')} on {held.get('host')}) writes to {self.place.url}",
                hint=f"Wait for it, or choose another --out; a run that is dead is passed over after {DEAD_S:g} s.",
            )
        self.say()
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(BeatlensError):  # a lock that stays is passed over: it must not hide how the run ended
            if (self._held() or {}).get("token") == self._token:
                self.place.remove(NAME)

    def say(self) -> None:
        """Say that the run goes on; cheap when it was said a short time ago."""
        if time.monotonic() - self._said < BEAT_S and self._said:
            return
        self._said = time.monotonic()
        mark = {"host": socket.gethostname(), "process": os.getpid(), "time": time.time(), "token": self._token}
        self.place.write(NAME, json.dumps(mark).encode())

    def _held(self) -> dict[str, Any] | None:
        content = self.place.read(NAME)
        try:
            held = json.loads(content) if content else None
        except ValueError:
            return None
        return held if isinstance(held, dict) else None


def _is_alive(held: dict[str, Any]) -> bool:
    if held.get("host") != socket.gethostname():
        return time.time() - float(held.get("time", 0)) < DEAD_S
    try:
        os.kill(int(held["process"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return int(held["process"]) != os.getpid() or time.time() - float(held.get("time", 0)) < DEAD_S
