"""The strip on a page: which leads and how much of them, and the paper itself."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from beatlens.app.drawing.strip import Paper, Space, draw_strip, measure_spaces
from beatlens.app.services.navigation import LENGTHS_S, Window, find_window
from beatlens.app.ui import moving
from beatlens.app.ui.picture import show_picture
from beatlens.app.ui.session import Here, library

MOST_LEADS = 3


def kept(widget: str, name: str, initial: object) -> None:
    """Give a widget the value that it had before another page was shown."""
    st.session_state.setdefault(widget, st.session_state.get(name, initial))


def choose_length() -> float:
    """Let the reader choose how much is shown; return it in seconds."""
    kept("length_widget", "length_s", LENGTHS_S[0])
    chosen = st.segmented_control(
        "Shown at once", LENGTHS_S, format_func=lambda seconds: f"{seconds} s", key="length_widget", required=True
    )
    st.session_state["length_s"] = chosen or LENGTHS_S[0]
    return float(st.session_state["length_s"])


def choose_leads(now: Here) -> tuple[str, ...]:
    """Let the reader choose the leads, where there are more than one."""
    names = now.analysis.record.lead_names
    if len(names) == 1:
        return names
    before = [name for name in st.session_state.get("leads", ()) if name in names] or [names[0]]
    kept("leads_widget", "leads", before)
    st.session_state["leads_widget"] = [name for name in st.session_state["leads_widget"] if name in names] or before
    chosen = st.multiselect("Leads", names, key="leads_widget", max_selections=MOST_LEADS)
    st.session_state["leads"] = chosen or [names[0]]
    return tuple(st.session_state["leads"])


def spaces_of(now: Here) -> tuple[Space, ...]:
    """Return the room of each lead on paper, measured once."""
    record = now.analysis.record
    key = (now.opened.sha256, "spaces", ",".join(record.lead_names))
    return library().remember(key, lambda: measure_spaces(record))


def show_paper(
    now: Here, window: Window, leads: tuple[str, ...], *, key: str, reference: Mapping[int, str] | None = None
) -> None:
    """Show a part of the recording on paper; a beat or a place on it can be clicked."""
    record = now.analysis.record
    paper = Paper(
        leads=tuple(record.lead_names.index(name) for name in leads if name in record.lead_names) or (0,),
        spaces=spaces_of(now),
        cursor=now.cursor,
        pin_s=st.session_state.get("pin_s"),
        reference=reference or {},
    )
    show_picture(draw_strip(now.review, window, paper), key=key, on_pick=moving.pick)


def window_around(now: Here, length_s: float) -> Window:
    """Return the page that the chosen beat lies on."""
    return find_window(now.cursor_s or 0.0, length_s, now.opened.record.duration_s)


def neighbourhood(now: Here, length_s: float = 10.0) -> Window:
    """Return a window with the chosen beat in its middle."""
    duration = now.opened.record.duration_s
    start = min(max((now.cursor_s or 0.0) - length_s / 2, 0.0), max(duration - length_s, 0.0))
    return Window(start, min(start + length_s, duration))
