"""The command's frame: help, version, and what an error looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beatlens import __version__


def test_help_names_every_command(run_beatlens: Callable[..., Any]) -> None:
    """And says that it is no medical device."""
    done = run_beatlens("--help")
    assert done.status == 0
    assert "not a medical device" in done.output
    for command in ("batch", "data", "info", "train", "models", "explain", "ec57", "analyze", "evaluate", "peaks"):
        assert command in done.output


def test_the_version_is_printed(run_beatlens: Callable[..., Any]) -> None:
    """On stdout, and nothing else."""
    assert run_beatlens("--version").output == f"beatlens {__version__}\n"


def test_an_error_is_one_sentence_and_a_hint(run_beatlens: Callable[..., Any]) -> None:
    """On stderr, with status 1 and without a traceback."""
    done = run_beatlens("data", "fetch", "mitbd")
    assert (done.status, done.output) == (1, "")
    assert done.errors == "error: there is no database 'mitbd'\n\nhint: Did you mean 'mitdb'? Known: mitdb.\n"


@pytest.mark.parametrize("words", [("analize",), ("data", "fetch"), ("train", "seed-lstm"), ("--no-such-option",)])
def test_wrong_usage_ends_with_status_2(run_beatlens: Callable[..., Any], words: tuple[str, ...]) -> None:
    """An unknown command or option, or a missing argument."""
    done = run_beatlens(*words)
    assert done.status == 2
    assert "Error" in done.errors


def test_debug_shows_the_traceback(run_beatlens: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error itself comes out, for the interpreter to print."""
    from beatlens.cli import console
    from beatlens.errors import UnknownNameError

    monkeypatch.setattr(console.state, "debug", False)
    with pytest.raises(UnknownNameError):
        run_beatlens("--debug", "data", "fetch", "nothing")
