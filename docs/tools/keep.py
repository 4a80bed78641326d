"""Keep the JSON that a command prints, with what a figure needs beside it: command, date, commit, kind of machine.

    beatlens evaluate rhythm-lstm --protocol ec57 --json > found.json
    python docs/tools/keep.py found.json rhythm-lstm-ec57 "beatlens evaluate rhythm-lstm --protocol ec57 --json"

writes docs/results/rhythm-lstm-ec57.json; ``make results`` then writes the page. A table of a benchmark is kept in the same
way; it is an object with ``section``, ``title``, ``columns``, ``rows`` and, if need be, ``note``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
from pathlib import Path
from typing import Any

from beatlens._io import write_json
from beatlens.training.run import source_commit

RESULTS = Path(__file__).parents[1] / "results"


def hardware() -> str:
    """Return number of cores and family of processor; never the name of a machine."""
    family = platform.machine()
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        family = found[1].strip() if found else family
    except OSError:
        pass
    return f"{os.cpu_count()} cores, {family}"


def keep(found: dict[str, Any], name: str, command: str, *, today: dt.date | None = None) -> Path:
    """Write a result with what belongs to it; return the file."""
    kept = {
        "command": command,
        "date": (today or dt.date.today()).isoformat(),
        "commit": source_commit(),
        "hardware": hardware(),
    }
    target = RESULTS / f"{name}.json"
    write_json(target, {"kept": kept, **found})
    return target


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Keep a result.")
    parser.add_argument("file", type=Path, help="the JSON that the command printed")
    parser.add_argument("name", help="name of the file in docs/results, without .json")
    parser.add_argument("command", help="the command, as somebody else would type it")
    options = parser.parse_args()
    print(keep(json.loads(options.file.read_text(encoding="utf-8")), options.name, options.command))
