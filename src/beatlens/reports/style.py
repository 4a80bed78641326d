"""How every figure and page looks: one palette, one set of marks, one type size.

The colours are told apart by readers with any form of colour blindness (after Okabe and Ito's set), and colour is never
the only sign: each class also has a letter, a marker and a hatch. Importance runs from light to dark, so that it survives
a greyscale print.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from beatlens._io import plain_text

if TYPE_CHECKING:  # pages and tables take the colours alone, and Matplotlib takes most of a second to import
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ClassStyle:
    """How a class of beats is drawn.

    Parameters
    ----------
    name : str
        What the class is called in a sentence.
    letter : str
        Its sign where there is room for a letter only (not A, which is WFDB's sign of an atrial premature beat).
    colour : str
        Colour, ``#rrggbb``, for a light background.
    dark : str
        The same for a dark background.
    marker : str
        Matplotlib marker.
    hatch : str
        Matplotlib hatch of filled areas.
    """

    name: str
    letter: str
    colour: str
    dark: str
    marker: str
    hatch: str


INK: Final = "#1B2733"
SOFT_INK: Final = "#5B6875"
RULE: Final = "#D5DBE1"
PAPER: Final = "#FFFFFF"
RIGHT: Final = "#1F6FB4"
WRONG: Final = "#C2371B"
IMPORTANCE_STEPS: Final = ("#A9B4C0", "#C9A489", "#DE7F45", "#C2371B", "#7F0F1F")

SIGNED_STEPS: Final = ("#0B3C6F", "#2F7FC1", "#B4BDC6", "#DE7F45", "#8C1D04")
"""Against, nothing, for: blue and orange stay apart with every form of colour blindness, and both ends are dark."""

_UNKNOWN: Final = ClassStyle("not classified", "?", "#7A7F87", "#A7ADB5", "X", "xx")
CLASS_STYLES: Final = MappingProxyType(
    {
        "N": ClassStyle("normal", "N", "#1F6FB4", "#6BB1EC", "o", ""),
        "S": ClassStyle("supraventricular ectopic", "S", "#D98E04", "#F3B845", "^", "//"),
        "V": ClassStyle("ventricular ectopic", "V", "#C2371B", "#FF8466", "s", "\\\\"),
        "F": ClassStyle("fusion", "F", "#7B4FA3", "#C39BE6", "D", ".."),
        "Q": ClassStyle("unknown or paced", "Q", "#7A7F87", "#A7ADB5", "X", "xx"),
        "normal": ClassStyle("normal", "N", "#1F6FB4", "#6BB1EC", "o", ""),
        "abnormal": ClassStyle("abnormal", "Ab", "#C2371B", "#FF8466", "s", "\\\\"),
    }
)
"""Style of each class: the AAMI ones, and those of a model that knows only normal and abnormal."""


def class_style(name: str) -> ClassStyle:
    """Return the style of a class; a neutral one, with a question mark, for a class that is not known."""
    return CLASS_STYLES.get(name, _UNKNOWN)


def figure_text(text: str) -> str:
    """Return a text from a file as Matplotlib should show it: no control characters, and a dollar sign is a dollar sign."""
    return plain_text(text).replace("$", r"\$")


def importance_colormap() -> LinearSegmentedColormap:
    """Return the colour map of importance: grey to dark red, ever darker."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("importance", list(IMPORTANCE_STEPS))


def signed_colormap() -> LinearSegmentedColormap:
    """Return the colour map of signed evidence: blue speaks against, grey says nothing, orange to dark red speaks for."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", list(SIGNED_STEPS))


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches, outside pyplot's state, drawn without a display."""
    return _empty_figure(width, height, layout="constrained")


class Margins(NamedTuple):
    """What lies around a grid of axes, and between its columns and rows, in inches."""

    top: float
    bottom: float = 0.55
    left: float = 0.7  # ticks of five figures and a label
    right: float = 0.12
    across: float = 0.0
    down: float = 0.0


def new_grid(
    rows: int, columns: int, *, title: str, size: tuple[float, float], margins: Margins, **subplots: Any
) -> tuple[Figure, npt.NDArray[Any]]:
    """Return a figure with a title and a grid of axes, whose places are said and not measured.

    To measure them takes longer than to draw what is laid out: every label is set twice to see how large it is.

    Parameters
    ----------
    rows, columns : int
    title : str
        At the top left.
    size : tuple of float
        Width and height of the figure, in inches.
    margins : Margins
    **subplots
        Passed on to `matplotlib.figure.Figure.subplots`.

    Returns
    -------
    tuple of Figure and ndarray of Axes, shape (rows, columns)
    """
    width, height = size
    figure = _empty_figure(width, height, layout=None)
    figure.suptitle(title, x=0.01, y=1 - 0.06 / height, ha="left", va="top", fontsize=12, fontweight="bold", color=INK)
    inside_x = width - margins.left - margins.right - margins.across * (columns - 1)
    inside_y = height - margins.top - margins.bottom - margins.down * (rows - 1)
    figure.subplots_adjust(
        left=margins.left / width,
        right=1 - margins.right / width,
        top=1 - margins.top / height,
        bottom=margins.bottom / height,
        wspace=margins.across * columns / inside_x,
        hspace=margins.down * rows / inside_y,
    )
    return figure, figure.subplots(rows, columns, squeeze=False, **subplots)


def _empty_figure(width: float, height: float, *, layout: Literal["constrained"] | None) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor=PAPER, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, *, title: str = "", x: str = "", y: str = "", grid: bool = True) -> None:
    """Give axes the house's look: title at the left, labels with units, thin rules."""
    # Where it lies by default, but said: else Matplotlib looks at every draw whether ticks at the top are in its way.
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=8, y=1.0)
    axes.set_xlabel(x, fontsize=9.5, color=INK)
    axes.set_ylabel(y, fontsize=9.5, color=INK)
    axes.tick_params(labelsize=8.5, colors=SOFT_INK, labelcolor=INK, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT_INK)
        axes.spines[side].set_linewidth(0.8)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(visible=True, color=RULE, linewidth=0.6)
