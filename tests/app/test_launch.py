"""How the app is started: on this machine only, silent towards others, told what to open."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from beatlens.app import launch, options, warming
from beatlens.errors import MissingDependencyError


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """What would have been run."""
    runs: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(launch, "run", lambda command, environment: runs.append((command, dict(environment))))
    return runs


def test_the_command_listens_to_this_machine_and_tells_nobody(run_beatlens: Callable[..., Any], started: list[Any]) -> None:
    """Loopback, no statistics, no question for an e-mail address, no traceback for readers."""
    found = run_beatlens("app")
    assert found.status == 0
    ((command, environment),) = started
    assert command[:4] == [sys.executable, "-m", "beatlens.app", "run"]
    assert {
        "--server.address=127.0.0.1",
        "--server.port=8501",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--server.maxUploadSize=400",
    } <= set(command)
    assert options.FILE not in environment
    assert "http://localhost:8501" in found.errors
    assert "warning" not in found.errors


def test_what_it_is_told(run_beatlens: Callable[..., Any], started: list[Any], tmp_path: Path) -> None:
    """File, model, rate and unit reach the app; a path becomes absolute."""
    path = tmp_path / "x.csv"
    path.write_text("0\n")
    run_beatlens("app", str(path), "--model", "seed-lstm", "--fs", "250", "--unit", "mV", "--theme", "dark")
    ((command, environment),) = started
    names = (options.FILE, options.MODEL, options.FS, options.UNIT)
    assert [environment[name] for name in names] == [str(path.resolve()), "seed-lstm", "250", "mV"]
    assert "--theme.base=dark" in command
    assert not any(flag.startswith("--theme.light") for flag in command)


def test_an_open_address_is_warned_about(run_beatlens: Callable[..., Any], started: list[Any]) -> None:
    """Whoever listens to other machines is told where to read about it."""
    found = run_beatlens("app", "--address", "192.0.2.1")
    assert "docs/guides/app.md" in found.errors
    assert len(started) == 1


def test_the_command_needs_nothing_heavy() -> None:
    """What the app's process imports anyway is not imported before it by the command that becomes it."""
    code = "import sys, beatlens.cli.main, beatlens.app.launch; print({'numpy', 'pandas', 'streamlit'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_no_page_brings_what_only_a_model_or_a_report_needs() -> None:
    """Keras, JAX and Matplotlib take seconds: the first page does without them."""
    code = (
        "import sys\nfrom beatlens.app import warming\nwarming.begin()\nwarming.wait()\n"
        "import beatlens.app.main\nprint({'keras', 'jax', 'matplotlib'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_a_model_is_loaded_soon_in_the_apps_process_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each model; without the process that began to read in, not at all."""
    loaded: list[str] = []
    library = SimpleNamespace(model=loaded.append)
    monkeypatch.setattr("beatlens.app.ui.session.library", lambda: library)
    monkeypatch.setattr(warming, "PAUSE_S", 0.0)
    monkeypatch.setattr(warming, "_models", set())
    warming.load_model_soon("seed-lstm")
    assert not warming._models
    monkeypatch.setattr(warming, "_begun", [threading.Thread()])
    for name in ("seed-lstm", "seed-lstm", "rhythm-lstm"):
        warming.load_model_soon(name)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(30)
    assert sorted(loaded) == ["rhythm-lstm", "seed-lstm"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nowhere.edf",), "no recording at nowhere.edf"),
        (("--model", "rythm-lstm"), "there is no model 'rythm-lstm'"),
        (("--theme", "pink"), "'theme' must be system, light or dark; got 'pink'"),
    ],
)
def test_wrong_words(run_beatlens: Callable[..., Any], started: list[Any], words: tuple[str, ...], sentence: str) -> None:
    """One sentence, exit 1, and nothing is started."""
    found = run_beatlens("app", *words)
    assert found.status == 1
    assert sentence in found.errors
    assert not started


def test_a_missing_streamlit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setattr(launch, "find_spec", {}.get)
    with pytest.raises(MissingDependencyError, match="streamlit") as caught:
        launch.check_streamlit()
    assert "beatlens[app]" in caught.value.hint
