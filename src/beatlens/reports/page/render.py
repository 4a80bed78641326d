"""Put the report together."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from beatlens._version import __version__
from beatlens.analysis.result import Analysis
from beatlens.analysis.rhythm import Event
from beatlens.explain.measured import find_measured
from beatlens.explain.methods import METHODS
from beatlens.reports.page.cards import make_beat_cards, make_shape_cards
from beatlens.reports.page.chart import draw_overview
from beatlens.reports.page.choose import WHOLE_UP_TO_S, choose_strips
from beatlens.reports.page.strip import draw_strip
from beatlens.reports.shapes import find_shapes
from beatlens.reports.style import CLASS_STYLES, IMPORTANCE_STEPS, class_style
from beatlens.reports.words import describe_analysis, write_count, write_duration, write_percent, write_time

MOST_EVENTS = 30
_RANK = ("pause", "run", "bigeminy", "couplet")
_DARK_IMPORTANCE = ("#5E6B78", "#9A7B66", "#E08A55", "#FF9C7D", "#FFE3D3")


def render_report(analysis: Analysis) -> str:
    """Return the report as one HTML document that loads nothing."""
    shapes, other = find_shapes(analysis)
    start = analysis.record.start_time
    strips = choose_strips(analysis)
    context: dict[str, Any] = {
        "analysis": analysis,
        "record": analysis.record,
        "summary": analysis.summary,
        "model": analysis.model,
        "settings": analysis.settings,
        "method": METHODS[analysis.settings.method],
        "measured": find_measured(analysis.model.name, analysis.model.sha256, analysis.settings.method),
        "version": __version__,
        "css": _stylesheet(),
        "sentences": describe_analysis(analysis),
        "whole": analysis.record.duration_s <= WHOLE_UP_TO_S,
        "overview": draw_overview(analysis),
        "strips": [(strip, draw_strip(analysis, strip)) for strip in strips],
        "shape_cards": make_shape_cards(shapes, analysis.summary.n_judged),
        "other_shapes": other,
        "beat_cards": make_beat_cards(analysis),
        "events": [describe_event(event, analysis) for event in rank_events(analysis.events)],
        "at": lambda seconds: write_time(seconds, start),
    }
    return _environment().get_template("report.html.j2").render(context)


def rank_events(events: tuple[Event, ...]) -> list[Event]:
    """Return the events to list, in the order of time: if there are too many, pauses first, then runs, the longest first."""
    ranked = sorted(events, key=lambda event: (_RANK.index(event.kind), event.start_s - event.end_s))
    return sorted(ranked[:MOST_EVENTS], key=lambda event: event.start_s)


def describe_event(event: Event, analysis: Analysis) -> dict[str, str]:
    """Return the cells of an event's row."""
    length = event.end_s - event.start_s
    return {
        "at": write_time(event.start_s, analysis.record.start_time, tenths=True),
        "kind": event.kind,
        "beat_class": event.beat_class,
        "letter": class_style(event.beat_class).letter if event.beat_class else "",
        "beats": str(event.n_beats) if event.n_beats else "",
        "length": f"{length:.1f} s",
        "rate": f"{event.rate_bpm:.0f}" if event.rate_bpm is not None else "",
    }


def _as_sentence(text: str) -> str:
    """Return a text with its first letter large and the others as they are: V stays V."""
    return text[:1].upper() + text[1:]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("beatlens.reports.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": write_duration,
        "percent": write_percent,
        "style": class_style,
        "sentence": _as_sentence,
    }
    environment.globals["count"] = write_count
    return environment


@cache
def _stylesheet() -> Markup:
    """Return the page's style, with the palette that the figures use."""
    light = "".join(f"--c-{name}:{style.colour};" for name, style in CLASS_STYLES.items())
    dark = "".join(f"--c-{name}:{style.dark};" for name, style in CLASS_STYLES.items())
    light += "".join(f"--i{place}:{colour};" for place, colour in enumerate(IMPORTANCE_STEPS))
    dark += "".join(f"--i{place}:{colour};" for place, colour in enumerate(_DARK_IMPORTANCE))
    text = (files("beatlens.reports.page") / "templates" / "report.css").read_text(encoding="utf-8")
    return Markup(f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{text}")  # noqa: S704
