"""Contenders that are timed in turns: each a process of its own, which has compiled what it needs before the clock runs."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Mapping

LOOP = """
import sys, time
run()
for line in sys.stdin:
    began = time.perf_counter()
    run()
    print(time.perf_counter() - began, flush=True)
"""


class Turns:
    """The seconds of every contender in every round.

    Parameters
    ----------
    programs : mapping of str to (str, str)
        By name, a Python and a program for it that defines ``run()``.
    n_rounds : int
    """

    def __init__(self, programs: Mapping[str, tuple[str, str]], n_rounds: int) -> None:
        running = {name: _start(python, program + LOOP) for name, (python, program) in programs.items()}
        try:
            for process in running.values():
                _time(process)
            self.rounds = [{name: _time(process) for name, process in running.items()} for _ in range(n_rounds)]
        finally:
            for process in running.values():
                process.kill()

    def seconds(self, name: str) -> float:
        """Return a contender's median."""
        return statistics.median(found[name] for found in self.rounds)

    def ratio(self, name: str, to: str) -> float:
        """Return the median of a contender's times relative to those of another one in the same round."""
        return statistics.median(found[name] / found[to] for found in self.rounds)


def _start(python: str, program: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([python, "-c", program], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)


def _time(process: subprocess.Popen[str]) -> float:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError
    process.stdin.write("go\n")
    process.stdin.flush()
    return float(process.stdout.readline())
