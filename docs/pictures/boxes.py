"""The few SVG elements that the drawings of models and rooms are made of: plain text files, the same on every machine."""

from __future__ import annotations

from html import escape

from beatlens.reports.style import INK, PAPER, RIGHT, RULE, SOFT_INK, WRONG

FONT = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


def text(
    x: float, y: float, words: str, *, size: float = 13, colour: str = INK, bold: bool = False, anchor: str = "start"
) -> str:
    """Return a line of text whose baseline starts at (x, y)."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'
    )


def box(x: float, y: float, width: float, height: float, *, fill: str = PAPER, stroke: str = RULE) -> str:
    """Return a rectangle with round corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}" stroke="{stroke}" '
        'stroke-width="1.2"/>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """Return a straight arrow."""
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{SOFT_INK}" stroke-width="1.4" fill="none" marker-end="url(#tip)"/>'


def arc(x: float, y1: float, y2: float, bulge: float, *, colour: str = RIGHT, width: float = 1.2) -> str:
    """Return an arc at the right of a column, from height y1 to height y2."""
    return (
        f'<path d="M{x:g} {y1:g}C{x + bulge:g} {y1:g} {x + bulge:g} {y2:g} {x:g} {y2:g}" stroke="{colour}" '
        f'stroke-width="{width:g}" stroke-opacity="0.55" fill="none" marker-end="url(#dot)"/>'
    )


def document(parts: list[str], width: float, height: float, title: str) -> str:
    """Return a whole SVG document with a title for readers who do not see it."""
    tips = (
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{SOFT_INK}"/></marker>'
        f'<marker id="dot" viewBox="0 0 6 6" refX="3" refY="3" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse">'
        f'<circle cx="3" cy="3" r="3" fill="{WRONG}"/></marker></defs>'
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img" font-family="{FONT}"><title>{escape(title)}</title>'
    )
    ground = f'<rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>'
    return "\n".join([head, tips, ground, *parts, "</svg>"]) + "\n"
