"""The site builds without a warning, loads nothing from elsewhere, and has every page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import reference

ROOT = Path(__file__).parents[2]

pytest.importorskip("mkdocs", reason="the site needs beatlens[docs]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No script, style, font or picture of another machine: a reader's browser asks nobody else."""
    loading = re.compile(
        r"""<(?:script|img|iframe)[^>]*\ssrc=["']?https?:|<link[^>]*rel=["']?(?:stylesheet|preconnect)[^>]*https?:"""
    )
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    assert [page.name for page in pages if loading.search(page.read_text(encoding="utf-8"))] == []
    styles = [page for page in site.rglob("*.css") if re.search(r"url\(['\"]?https?:", page.read_text(encoding="utf-8"))]
    assert styles == []


def test_every_page_is_in_the_site(site: Path) -> None:
    """Pages of the folder and pages that are made from the code."""
    written = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    made = {Path(name).with_suffix(".html") for name in reference.reference_pages()}
    hidden = {path for path in written if path.parts[0] == "tools"}
    missing = [str(path) for path in (written | made) - hidden if not (site / path).is_file()]
    assert missing == []


def test_the_marks_of_blocks_become_words(site: Path) -> None:
    """A reader sees what a block needs, and never the mark."""
    text = (site / "concepts" / "protocols.html").read_text(encoding="utf-8")
    assert "needs the MIT-BIH Arrhythmia Database" in text
    assert "needs=database" not in text
