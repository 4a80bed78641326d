"""Figures as files."""

from __future__ import annotations

import pytest

from beatlens.errors import OutputError
from beatlens.reports.figures import plot_confusion_matrix, save_figure


def a_figure():
    return plot_confusion_matrix([[3, 1], [0, 2]], ["normal", "abnormal"], title="A title & more")


def test_both_formats_are_written_and_reproducible(tmp_path):
    """The PNG and SVG of one figure have the same bytes every time, text stays text, and no date stands in them."""
    first = save_figure(a_figure(), tmp_path / "one" / "figure.v2")
    second = save_figure(a_figure(), tmp_path / "two" / "figure.v2")
    assert [path.name for path in first] == ["figure.v2.png", "figure.v2.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].read_bytes().startswith(b"\x89PNG")
    svg = first[1].read_text(encoding="utf-8")
    assert "A title &amp; more" in svg
    assert "<dc:date>" not in svg
    assert sorted(path.name for path in first[0].parent.iterdir()) == ["figure.v2.png", "figure.v2.svg"]


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    """A file where a folder is needed gives one sentence."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_figure(a_figure(), tmp_path / "taken" / "figure")


def test_pyplot_is_left_alone():
    """No figure is registered with pyplot: nothing is kept alive, nothing opens a window."""
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    a_figure()
    assert plt.get_fignums() == before
