"""HTML of the app: overview, shapes, tables of counts, tags, and the style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from beatlens.analysis import Analysis
from beatlens.app.drawing.strip import PATTERNS
from beatlens.reports.page.cards import ShapeCard
from beatlens.reports.page.chart import draw_overview
from beatlens.reports.style import CLASS_STYLES, IMPORTANCE_STEPS, class_style
from beatlens.reports.words import write_duration

UNITS = {"thin": "marked where it could not be read"}
"""What the app says in the place of the report's words: there, what is marked is dark in both schemes."""

_DARK_IMPORTANCE = ("#5E6B78", "#9A7B66", "#E08A55", "#FF9C7D", "#FFE3D3")


@cache
def stylesheet() -> str:
    """Return the app's style: the palette of the reports, for light and dark, and the rules."""
    colours = [f"--c-{name}:light-dark({style.colour},{style.dark});" for name, style in CLASS_STYLES.items()]
    colours += [
        f"--i{place}:light-dark({light},{dark});"
        for place, (light, dark) in enumerate(zip(IMPORTANCE_STEPS, _DARK_IMPORTANCE, strict=True))
    ]
    rules = (files("beatlens.app.drawing") / "style.css").read_text(encoding="utf-8")
    return f"<style>:root{{{''.join(colours)}}}\n{rules}</style>"


def draw_tag(name: str) -> Markup:
    """Return a class as a coloured tag with its letter."""
    letter = class_style(name).letter if name else "–"
    colour = f"var(--c-{escape(name)})" if name in CLASS_STYLES else "var(--soft)"
    return Markup('<span class="tag" style="background:{}">{}</span>').format(Markup(colour), letter)  # noqa: S704


def draw_trend(analysis: Analysis, at_s: float | None) -> Markup:
    """Return heart rate, ectopy and quality over the whole recording; a line marks where the reader is."""
    duration = analysis.record.duration_s
    overview = draw_overview(analysis)
    panels = []
    for panel in overview.panels:
        name = f"{class_style(panel.title).letter}: {class_style(panel.title).name}" if panel.kind == "short" else panel.title
        unit = f"beats in {write_duration(overview.step_s)}" if panel.kind == "short" else UNITS.get(panel.kind, panel.unit)
        labels = "".join(f'<span style="bottom:{label.percent:.1f}%">{escape(label.text)}</span>' for label in panel.labels)
        panels.append(
            f'<div class="panel {escape(panel.kind)}"><p class="name"><strong>{escape(name)}</strong> {escape(unit)}</p>'
            f'<div class="axis">{labels}</div><div class="plot" data-from="0" data-to="{duration:.3f}">{panel.drawing}'
            + (f'<i class="here" style="left:{100 * at_s / duration:.3f}%"></i>' if at_s is not None else "")
            + "</div></div>"
        )
    times = "".join(f'<span style="left:{label.percent:.2f}%">{escape(label.text)}</span>' for label in overview.times)
    return Markup(  # noqa: S704 - made of numbers, and of text that was escaped
        f'<div class="bl chart">{"".join(panels)}<div class="times"><div>{times}</div></div></div>'
    )


def draw_card(card: ShapeCard) -> Markup:
    """Return the mean of a group of beats that look alike, with its spread."""
    return Markup('<div class="bl bl-shape">{}{}</div>').format(PATTERNS, card.drawing)


def draw_tiles(tiles: Iterable[tuple[str, str, str]]) -> Markup:
    """Return figures side by side: what, value, and a line below it."""
    cells = [Markup("<div><dt>{}</dt><dd>{}</dd><p>{}</p></div>").format(title, value, below) for title, value, below in tiles]
    half = -(-len(cells) // 2)  # two full rows on a narrow screen, one on a wide one
    return Markup('<dl class="bl tiles" style="--half:{};--all:{}">{}</dl>').format(half, len(cells), Markup("").join(cells))


def draw_counts(rows: Sequence[str], columns: Sequence[str], counts: npt.ArrayLike, *, of: tuple[str, str]) -> Markup:
    """Return a table of counts, each cell shaded by its share of its row; ``of`` says what rows and columns are."""
    values = np.asarray(counts, np.int64)
    totals = np.maximum(values.sum(axis=1, keepdims=True), 1)
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in columns)
    body = []
    for k, name in enumerate(rows):
        cells = []
        for j in range(len(columns)):
            share = round(100 * values[k, j] / totals[k, 0])
            right = "right" if name == columns[j] else "wrong"
            cells.append(
                Markup('<td class="{}" style="--share:{}%">{}</td>').format(
                    right if values[k, j] else "", share, f"{values[k, j]:,}"
                )
            )
        body.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, Markup("").join(cells)))
    return Markup(
        '<div class="bl"><table class="counts"><caption>Rows: {}. Columns: {}.</caption><thead><tr><td></td>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(*of, head, Markup("").join(body))


def draw_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """Return a plain table."""
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in columns)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row)) for row in rows
    )
    return Markup('<div class="bl"><table class="plain"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        head, body
    )
