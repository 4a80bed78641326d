"""What the reference is made of is complete: docstrings, helps, cures."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest
import reference

import beatlens

ROOMS = ("records", "models", "explain", "analysis", "evaluation.ec57")
# not PR03: fields that belong together are described together; not PR07 and RT03: a type can say it all ("settings : Settings")
CHECKS = set("GL01 GL02 GL05 GL06 GL07 GL08 GL10 PR01 PR02 PR04 PR10 SS01 SS02 SS04".split())


def public_names() -> list[str]:
    """Return the dotted name of everything that the package and its rooms offer."""
    found = set()
    modules = [beatlens, *(importlib.import_module(f"beatlens.{room}") for room in ROOMS)]
    for module in modules:
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            fields = hasattr(thing, "model_fields")  # of a pydantic model: each carries its own description
            if (inspect.isclass(thing) and not fields) or inspect.isfunction(thing):
                found.add(f"{thing.__module__}.{thing.__qualname__}")
    return sorted(found)


@pytest.mark.parametrize("name", public_names())
def test_docstring_is_numpydoc(name: str) -> None:
    """Every parameter is described, in order, with its type; nothing is described that is not there."""
    validate = pytest.importorskip("numpydoc.validate").validate
    problems = [problem for problem in validate(name)["errors"] if problem[0] in CHECKS]
    assert problems == []


def options_of(command: Any, names: tuple[str, ...] = ("beatlens",)) -> list[tuple[str, str, str]]:
    """Return each parameter of each command with its help."""
    found = [(" ".join(names), each.name, each.help or "") for each in command.params if each.name != "help"]
    for name, inner in getattr(command, "commands", {}).items():
        found += options_of(inner, (*names, name))
    return found


def test_every_option_says_what_it_does() -> None:
    """No argument and no option is without words."""
    from typer.main import get_command

    from beatlens.cli.main import app

    assert [(command, name) for command, name, told in options_of(get_command(app)) if not told.strip()] == []


def test_every_setting_says_what_it_does() -> None:
    """So it is with the settings of a training."""
    from beatlens.training.config import SeedTraining
    from beatlens.training.rhythm import RhythmTraining

    fields = {**SeedTraining.model_fields, **RhythmTraining.model_fields}
    assert [name for name, field in fields.items() if not field.description] == []


def test_every_error_has_a_cure() -> None:
    """`describe_errors` refuses a class of errors without cures, and cures of errors that do not exist."""
    page = reference.describe_errors()
    assert "## LeakageError" in page
    assert "## BeatlensError" not in page


def test_the_reference_names_every_command() -> None:
    """The page of the command is made from the command."""
    page = reference.describe_command()
    assert "`beatlens ec57 compare`" in page
    assert re.search(r"^\| `--protocol` (`[\w-]+` )+\| How figures are taken\. \| must be given \|$", page, re.MULTILINE)
    assert "| `--protocol` `seed` `inter-patient` `ec57` " in page
