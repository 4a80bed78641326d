"""The table that a benchmark ends with: shown to a person, or as the JSON that `docs/tools/keep.py` keeps."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Table:
    """Rows under columns; a row is shown as soon as it is added."""

    section: str
    title: str
    columns: tuple[str, ...]
    note: str = ""
    as_json: bool = False
    rows: list[list[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.as_json:
            print(f"{self.title}\n\n| {' | '.join(self.columns)} |\n|{'---|' * len(self.columns)}")

    def add(self, *cells: Any) -> None:
        """Add a row."""
        self.rows.append(list(cells))
        if not self.as_json:
            print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)

    def end(self) -> None:
        """Show what stands below, or print the document."""
        if self.as_json:
            found = {name: value for name, value in asdict(self).items() if name != "as_json"}
            print(json.dumps(found, indent=1, ensure_ascii=False))
        else:
            print(f"\n{self.note}")


def describe_machine() -> str:
    """Return how many processors this process may use, and how busy they were."""
    return f"{len(os.sched_getaffinity(0))} cores; mean load of the machine {os.getloadavg()[1]:.1f}"
