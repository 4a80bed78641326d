"""Synthetic recordings, loaded once: the writers of every format."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """The module `synthetic_recordings` beside this file."""
    spec = importlib.util.spec_from_file_location("synthetic_recordings", Path(__file__).with_name("synthetic_recordings.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def formats_folder(data_folder: Path) -> Path:
    """The folder with one real file a format; the test is skipped without it."""
    folder = data_folder / "formats"
    if not folder.is_dir():
        pytest.skip(f"no real files of other formats in {folder}")
    return folder
