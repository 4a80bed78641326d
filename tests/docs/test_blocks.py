"""Every code block and command of the documentation runs, and prints what the page says."""

from __future__ import annotations

from pathlib import Path

import blocks
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def with_code(page: Path) -> bool:
    found = blocks.find_blocks(page.read_text(encoding="utf-8"))
    return any(block.language in ("python", *blocks.SHELLS) for block in found)


@pytest.fixture(autouse=True)
def _quiet_figures() -> None:
    import matplotlib as mpl

    mpl.use("Agg")


@pytest.mark.parametrize("page", [page for page in PAGES if with_code(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, tmp_path: Path) -> None:
    """What needs the database or a network is marked, and left out where it is missing."""
    blocks.example_folder(tmp_path)
    outcome = blocks.run_page(page, tmp_path)
    if not outcome.ran:
        pytest.skip("; ".join(outcome.skipped))


def run(tmp_path: Path, text: str, *, update: bool = False) -> blocks.Outcome:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    return blocks.run_page(page, tmp_path, update=update)


def test_output_that_differs_is_found(tmp_path: Path) -> None:
    """A page that says 3 where 4 is printed is wrong."""
    text = "```python\nprint(2 + 2)\n```\n\n```output\n3\n```\n"
    with pytest.raises(blocks.BlockError, match="line 5: the page says"):
        run(tmp_path, text)
    assert "```output\n4\n```" in run(tmp_path, text, update=True).text


def test_error_in_a_block_names_its_line(tmp_path: Path) -> None:
    """So does a command that fails, and one that nobody knows how to run."""
    with pytest.raises(blocks.BlockError, match=r"line 3: ZeroDivisionError"):
        run(tmp_path, "# Title\n\n```python\n1 / 0\n```\n")
    with pytest.raises(blocks.BlockError, match="do not know how to run: rm"):
        run(tmp_path, "```console\n$ rm everything\n```\n")


def test_marked_blocks_are_left_out(tmp_path: Path) -> None:
    """With the reason; a mark that nobody knows is an error."""
    outcome = run(tmp_path, '```console skip="takes an hour"\n$ rm everything\n```\n')
    assert outcome.ran == 0
    assert outcome.skipped == ["line 1: takes an hour"]
    with pytest.raises(blocks.BlockError, match="unknown mark needs=databse"):
        run(tmp_path, "```python needs=databse\n```\n")


@pytest.mark.parametrize(
    ("expected", "got", "right"),
    [
        ("F1 0.982", "F1 0.981", True),
        ("F1 0.98", "F1 0.95", False),
        ("0.02 s", "0.03 s", True),
        ("3 beats", "4 beats", False),
        ("1,000 beats", "1,009  beats", True),
        ("1000 beats", "1020 beats", False),
        ("start ... end", "start\nand much\nend", True),
        ("beats.csv", "beats.cvs", False),
        ("v2 of 3", "v2 of 5", False),
    ],
)
def test_outputs_agree_within_a_percent(expected: str, got: str, right: bool) -> None:
    """Numbers may differ in the last decimal or by one percent; words and small counts may not."""
    assert blocks.same(expected, got) is right
