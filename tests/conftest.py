"""Where the tests find data that is not in the repository, and what every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DATA = Path(os.environ["BEATLENS_DATA"]).resolve() if os.environ.get("BEATLENS_DATA") else None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that ``BEATLENS_DATA`` names; the test is skipped without it."""
    if DATA is None or not DATA.is_dir():
        pytest.skip("BEATLENS_DATA names no folder with the MIT-BIH Arrhythmia Database")
    return DATA


@pytest.fixture(scope="session")
def mitdb_folder(data_folder: Path) -> Path:
    """The unpacked MIT-BIH Arrhythmia Database; the test is skipped without it."""
    from beatlens.databases.mitdb import find_database
    from beatlens.errors import RecordNotFoundError

    try:
        return find_database()
    except RecordNotFoundError as error:
        pytest.skip(f"{error.message}")


@pytest.fixture(scope="session")
def golden_folder(data_folder: Path) -> Path:
    """Reference results that stand beside the data; the test is skipped without them."""
    folder = data_folder.parent / "golden"
    if not folder.is_dir():
        pytest.skip(f"no reference results in {folder}")
    return folder


@pytest.fixture(scope="session")
def ec57_folder(data_folder: Path) -> Path:
    """Annotators and what WFDB's tools print for them, beside the data; the test is skipped without them."""
    folder = data_folder.parent / "ec57"
    if not folder.is_dir():
        pytest.skip(f"no reference results in {folder}")
    return folder


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that opens a connection to another machine."""
    import socket

    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> object:
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            host = str(address[0])
            if host not in ("127.0.0.1", "::1", "localhost"):
                pytest.fail(f"a test must not use the network; it tried {address}")
        return connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", refuse)


@dataclass(frozen=True)
class Finished:
    """What a command left: its exit status, stdout and stderr."""

    status: int
    output: str
    errors: str


@pytest.fixture
def run_beatlens(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """Run ``beatlens`` with the given words in this process, as a shell would."""

    def run(*words: str) -> Finished:
        from beatlens.cli import main

        monkeypatch.setattr("sys.argv", ["beatlens", *words])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        found = capsys.readouterr()
        return Finished(status, found.out, found.err)

    return run


@pytest.fixture(scope="session")
def made_up() -> ModuleType:
    """The module `made_up_recording`."""
    return load_module(Path(__file__).parent / "reports" / "made_up_recording.py")


@pytest.fixture(scope="session")
def own_folder() -> ModuleType:
    """The module `own_folder`."""
    return load_module(Path(__file__).parent / "own_folder.py")


def load_module(path: Path) -> ModuleType:
    """Import a module of the tests by its file."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def known_analysis(made_up: ModuleType) -> Any:
    """An analysis with every kind of event, one explained beat, and a time of day."""
    import datetime as dt
    from dataclasses import replace

    from beatlens.analysis import Settings, analyze

    record = made_up.make_record(made_up.RHYTHM, start=dt.datetime(2020, 5, 17, 23, 59, 0))
    found = analyze(
        record,
        model=made_up.WidthModel(),
        r_samples=made_up.r_samples_of(record, made_up.RHYTHM),
        settings=Settings(explanations=6, method="saliency"),
    )
    return replace(found, explained=(made_up.explain_first(found),), notes=())


@pytest.fixture(scope="session")
def analyse_beats(made_up: ModuleType) -> Callable[..., Any]:
    """Return a function that analyses a made-up rhythm with the made-up model."""
    from beatlens.analysis import analyze

    def run(beats: Any, **options: Any) -> Any:
        record = made_up.make_record(beats, **options)
        return analyze(record, model=made_up.WidthModel(), r_samples=made_up.r_samples_of(record, beats))

    return run
