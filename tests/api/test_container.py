"""The container file: who the server runs as, what it is given, and that its command is one that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import typer.main

from beatlens.cli.main import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def values(word: str) -> list[str]:
    """What follows an instruction, in order."""
    return re.findall(rf"^{word} (.*)$", TEXT, re.MULTILINE)


def test_the_server_is_not_root() -> None:
    """The last stage ends as a numbered user, so that a cluster can see that it is not root."""
    last = TEXT.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\S+)$", last, re.MULTILINE) == ["10001"]
    assert last.index("\nUSER ") < last.index("\nENTRYPOINT ")


def test_the_command_can_be_parsed() -> None:
    """`beatlens` takes the words of the entry point."""
    (entry,) = map(json.loads, values("ENTRYPOINT"))
    assert entry[:2] == ["beatlens", "serve"]
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    found = command.make_context("serve", entry[2:]).params
    assert (found["host"], found["port"], str(found["data"])) == ("0.0.0.0", 8000, "/data/serve")  # noqa: S104
    assert values("EXPOSE") == [str(found["port"])]


def test_what_the_build_needs_is_let_in() -> None:
    """The ignore file lets in what pyproject.toml names, and nothing that is not there."""
    allowed = [line[1:] for line in (ROOT / ".containerignore").read_text().split() if line.startswith("!")]
    assert all((ROOT / name).exists() for name in allowed)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = ["README.md", "LICENSE", "NOTICE", "docs/results", "src"]
    assert all(f'"{name}' in project and name in allowed for name in named)
