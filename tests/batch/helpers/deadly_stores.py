"""Stores for tests in other processes: one keeps nothing, and dies where it is told to."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass


@dataclass(frozen=True)
class DeadlyStore:
    """Ends its own process, as the kernel does with one that needs too much memory, at the recordings of a name."""

    deadly: str = ""
    full: str = ""

    def find(self, identity, source):
        if source.name == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def save(self, outcome, analysis):
        if outcome.name == self.full:
            from beatlens.errors import OutputError

            raise OutputError("the disk is full", hint="Make room.")
        return str(os.getpid())

    def save_failure(self, outcome):
        pass
