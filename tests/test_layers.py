"""The rooms of the package, in the order that data travels: a module imports only from its own room and those above it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "beatlens"

LAYERS = (
    ("errors", "_version", "_tag"),
    ("labels", "_io", "_optional", "_rows", "_threads"),
    ("records",),
    ("databases",),
    ("beats",),
    ("models",),
    ("training",),
    ("evaluation",),
    ("explain",),
    ("analysis",),
    ("reports",),
    ("batch",),
    ("api",),
    ("app",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py" and path != PACKAGE / "__main__.py")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a module imports from, wherever in the file the import stands."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                rooms.add("relative import")
            names = [node.module or ""]
            if node.module == "beatlens":
                names = [f"beatlens.{alias.name}" for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("beatlens.")}
    return rooms


def test_every_room_has_its_place() -> None:
    assert {room_of(path) for path in MODULES} <= set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_up(path: Path) -> None:
    """Nothing is imported from a later room, and nothing relatively."""
    level = LEVEL[room_of(path)]
    later = {room for room in imported_rooms(path) if LEVEL.get(room, len(LAYERS)) > level and room != "_version"}
    assert not later, f"{path.relative_to(PACKAGE)} imports from {sorted(later)}"
