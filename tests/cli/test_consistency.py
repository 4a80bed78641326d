"""Every command answers the same way: to -h, to wrong options, and in the names of what they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from beatlens.cli.main import app


def walk(command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from walk(below, (*words, name))


COMMANDS = dict(walk(get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "beatlens")
def test_help_and_wrong_options(words):
    """-h is --help; an option that does not exist ends with status 2, and is named."""
    short, long = (CliRunner().invoke(app, [*words, option]) for option in ("-h", "--help"))
    assert (short.exit_code, long.exit_code) == (0, 0)
    assert short.output == long.output
    wrong = CliRunner().invoke(app, [*words, "--no-such-option"])
    assert wrong.exit_code == 2
    assert "--no-such-option" in wrong.output + wrong.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "beatlens")
def test_options_are_described_and_named_alike(words):
    """Every option and argument says what it is; where results go is --out and -o everywhere; a rate goes with a unit."""
    options = {name: parameter for parameter in COMMANDS[words].params for name in parameter.opts}
    assert [name for name, parameter in options.items() if not getattr(parameter, "help", None)] == []
    assert ("--out" in options) == ("-o" in options)
    assert ("--fs" in options) <= ("--unit" in options)
