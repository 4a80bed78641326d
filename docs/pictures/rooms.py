"""Draw the rooms of the package and who imports from whom, from the code. The site's build calls `draw`.

``python docs/pictures/rooms.py`` writes the picture to ``rooms.svg`` in the working folder.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from boxes import arc, box, document, text

from beatlens._io import write_text
from beatlens.reports.style import SOFT_INK

PACKAGE = Path(__file__).parents[2] / "src" / "beatlens"
ORDER = (
    "errors", "labels", "records", "databases", "beats", "models", "training", "evaluation", "explain", "analysis", "reports",
    "batch", "api", "app", "cli",
)  # fmt: skip
WHAT = {
    "errors": "every deliberate error",
    "labels": "from annotation letter to class",
    "records": "a file becomes a Record",
    "databases": "fetch, verify, split by patient",
    "beats": "Record to R peaks, windows, features",
    "models": "beats to probabilities",
    "training": "configuration to a trained model",
    "evaluation": "predictions to figures",
    "explain": "model and beat to an Explanation",
    "analysis": "all of it for one recording",
    "reports": "Analysis to HTML, CSV, WFDB, JSON",
    "batch": "many recordings",
    "api": "over HTTP",
    "app": "in the browser",
    "cli": "in the terminal",
}
ROW, TOP, LEFT, WIDTH = 44, 24, 20, 400


def files_of(room: str) -> list[Path]:
    """Return the modules of a room; a room may be a single file."""
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]


def imports_of(room: str) -> Counter[str]:
    """Return how many modules of a room import from each other room."""
    found: Counter[str] = Counter()
    for path in files_of(room):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("beatlens"):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names if alias.name.startswith("beatlens.")}
        found.update({name.split(".")[1] for name in names} & set(ORDER) - {room})
    return found


def draw() -> str:
    """Return the drawing."""
    rooms = [room for room in ORDER if files_of(room) and files_of(room)[0].exists()]
    middle = {room: TOP + ROW * place + 17 for place, room in enumerate(rooms)}
    parts = []
    for room in rooms:
        y = middle[room] - 17
        lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files_of(room))
        parts += [
            box(LEFT, y, WIDTH, 34, fill="#F3F6F9"),
            text(LEFT + 12, y + 22, room, bold=True),
            text(LEFT + 110, y + 22, WHAT[room], size=12, colour=SOFT_INK),
            text(LEFT + WIDTH - 10, y + 22, f"{round(lines, -2) or 100:,}", size=11, colour=SOFT_INK, anchor="end"),
        ]
    for room in rooms:
        for other, count in imports_of(room).items():
            distance = rooms.index(room) - rooms.index(other)
            parts.append(arc(LEFT + WIDTH, middle[room], middle[other], 24 + 17 * distance, width=0.8 + 0.35 * min(count, 8)))
    note = TOP + ROW * len(rooms) + 12
    parts += [
        text(
            LEFT,
            note,
            "Data travel downwards. An arc ends in a dot at the room that is imported from: always further up.",
            size=12,
        ),
        text(LEFT, note + 18, "Lines of code stand at the right of each room, rounded to hundreds.", size=12, colour=SOFT_INK),
    ]
    return document(parts, 660, note + 36, "The rooms of Beatlens in the order in which data travel, and their imports")


if __name__ == "__main__":
    write_text(Path("rooms.svg"), draw())
