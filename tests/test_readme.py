"""The README is true: its figures are the cards', its links lead somewhere, its commands exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from beatlens.models import list_models

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_results_are_those_of_the_cards() -> None:
    """`python docs/update_readme.py` changes nothing."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert load_script(ROOT / "docs" / "update_readme.py").update(text, list_models()) == text
    assert "seed-lstm" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and picture of every page is a file."""
    text = page.read_text(encoding="utf-8")
    targets = [each for each in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) if "://" not in each]
    missing = [each for each in targets if not (page.parent / each).exists() and not is_made(page, each)]
    assert not missing


def is_made(page: Path, target: str) -> bool:
    """Say whether a link leads to what is made from the code while the site is built; tests/docs/test_site.py checks those."""
    place = (page.parent / target).resolve()
    return ROOT / "docs" / "reference" in place.parents or place.name == "rooms.svg" or "tools" in page.parts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pictures_have_words(page: Path) -> None:
    """Each picture says in its alternative text what it shows."""
    assert not re.findall(r"!\[\s*\]", page.read_text(encoding="utf-8"))


def test_commands_of_the_readme_exist() -> None:
    """Each `beatlens COMMAND` and `make TARGET` in a block of code."""
    from typer.main import get_command

    from beatlens.cli.main import app

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"^\S*bin/beatlens (\w+)", text, re.MULTILINE))
    assert named
    assert named <= known
    targets = set(re.findall(r"^make (\w+)", text, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets == {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
