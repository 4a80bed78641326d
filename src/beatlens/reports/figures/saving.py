"""A figure becomes a PNG and an SVG, the same bytes every time."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from beatlens._io import replacing

DPI = 160


def save_figure(figure: Figure, path: str | Path) -> tuple[Path, Path]:
    """Write a figure as PNG and as SVG, each whole or not at all.

    Text stays text in the SVG. Neither file holds a date, so that the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
        What to draw.
    path : str or Path
        Where to, without extension (``.png`` or ``.svg`` at the end is taken off).

    Returns
    -------
    tuple of Path
        The PNG and the SVG.

    Raises
    ------
    OutputError
        If a file cannot be written there.
    """
    path = Path(path)
    stem = path.with_suffix("") if path.suffix.lower() in {".png", ".svg"} else path
    png, svg = (stem.with_name(stem.name + suffix) for suffix in (".png", ".svg"))
    look = mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "beatlens"})
    with warnings.catch_warnings(), look:
        # A name in a script that the font lacks is drawn as boxes in the PNG; the SVG keeps it as text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        _write(figure, png, svg)
    return png, svg


def _write(figure: Figure, png: Path, svg: Path) -> None:
    # `Figure.savefig` goes through all of the figure once more before it draws, in case something is still to be laid out.
    canvas, dpi = figure.canvas, figure.dpi
    try:
        with _laid_out_once(figure):
            figure.dpi = DPI
            with replacing(png) as temporary:
                FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": "Beatlens"})  # type: ignore[no-untyped-call]
            figure.dpi = dpi
            with replacing(svg) as temporary:
                FigureCanvasSVG(figure).print_svg(temporary, metadata={"Date": None, "Creator": "Beatlens"})  # type: ignore[no-untyped-call]
    finally:
        figure.set_canvas(canvas)
        figure.dpi = dpi


@contextlib.contextmanager
def _laid_out_once(figure: Figure) -> Iterator[None]:
    """Lay the figure out now and not again at every save: that takes as long as drawing it."""
    engine = figure.get_layout_engine()
    if engine is None:
        yield
        return
    engine.execute(figure)
    figure.set_layout_engine("none")
    try:
        yield
    finally:
        figure.set_layout_engine(engine)
