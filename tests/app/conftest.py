"""What the tests of the app share: an analysis of the made-up recording, and a store of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from beatlens.app.services.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty database of corrections."""
    return Store(tmp_path / "corrections.sqlite3")


@pytest.fixture(scope="session")
def plain_analysis(known_analysis):
    """The analysis of the made-up recording."""
    return known_analysis
