"""What a release says of itself agrees with itself."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_fallback_versions_agree(project: dict[str, Any]) -> None:
    """A copy that was not built, and one that is built without git, say the same."""
    version = project["tool"]["hatch"]["version"]
    source = (ROOT / "src" / "beatlens" / "_version.py").read_text(encoding="utf-8")
    assert version["fallback-version"] == version["raw-options"]["fallback_version"]
    assert f'_built = "{version["fallback-version"]}"' in source


def test_an_unbuilt_copy_has_the_fallback_version(tmp_path: Path) -> None:
    """`_version.py` needs nothing beside it, and no installed package is asked."""
    package = tmp_path / "beatlens"
    package.mkdir()
    (package / "__init__.py").touch()
    source = (ROOT / "src" / "beatlens" / "_version.py").read_text(encoding="utf-8")
    (package / "_version.py").write_text(source, encoding="utf-8")
    script = "import sys; from beatlens._version import __version__; print(__version__, 'importlib.metadata' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.1.0.dev0", "False"]


def test_the_citation_is_complete() -> None:
    """The fields that the Citation File Format 1.2.0 asks for, and the version at the top of the changelog."""
    yaml = pytest.importorskip("yaml")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["cff-version"] == "1.2.0"
    assert all("name" in author or "family-names" in author for author in cited["authors"])
    for reference in cited["references"]:
        assert {"type", "title", "authors"} <= set(reference)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    top = re.search(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert top is not None
    assert cited["version"] == top[1]
    assert cited["license"] == "Apache-2.0"


def test_every_extra_of_dev_exists(project: dict[str, Any]) -> None:
    """`beatlens[X]` in one extra names another one."""
    extras = project["project"]["optional-dependencies"]
    named = {name for needs in extras.values() for need in needs for name in re.findall(r"^beatlens\[(\w+)\]$", need)}
    assert named <= set(extras)


def test_python_versions_are_claimed_from_the_lowest_on(project: dict[str, Any]) -> None:
    """The classifiers begin with what `requires-python` asks for."""
    claimed = re.findall(r":: (3\.\d+)$", "\n".join(project["project"]["classifiers"]), re.MULTILINE)
    assert project["project"]["requires-python"] == f">={claimed[0]}"
    assert claimed == sorted(claimed, key=lambda each: int(each.partition(".")[2]))
