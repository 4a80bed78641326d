"""Stepping and jumping through a recording, by button and by key."""

from __future__ import annotations

import streamlit as st

from beatlens.app.services.navigation import find_next, find_window, nearest_beat, parse_time
from beatlens.app.ui.session import Here, here, move_to, tell
from beatlens.errors import BeatlensError
from beatlens.reports.style import class_style

SELECT_S = 0.12
"""A click closer to a beat than this chooses it."""

_WORDS = {"doubtful": "doubtful", "abnormal": "abnormal", "any": ""}


def step(kind: str, direction: int = 1) -> None:
    """Choose the next beat of a kind, or say that there is none."""
    now = here()
    if now is None or now.cursor is None:
        return
    found = find_next(now.analysis.beats, kind, now.cursor, step=direction)
    if found is None:
        words = _WORDS.get(kind, class_style(kind).name)
        tell(f"There is no {'further' if direction > 0 else 'earlier'} {words} beat.".replace("  ", " "))
        return
    move_to(found)


def turn_page(length_s: float, direction: int) -> None:
    """Choose the first beat of the next page of paper, or of the one before."""
    now = here()
    if now is None or now.cursor_s is None:
        return
    window = find_window(now.cursor_s, length_s, now.opened.record.duration_s)
    at = window.end_s + 1e-3 if direction > 0 else window.start_s - length_s + 1e-3
    if not 0 <= at < now.opened.record.duration_s:
        tell("This is the last page." if direction > 0 else "This is the first page.")
        return
    beats = now.analysis.beats
    later = beats.loc[beats["time_s"] >= at, "sample"]
    target = int(later.iloc[0]) if len(later) else nearest_beat(beats, at)
    if target is None:
        return
    shown = find_window(target / now.opened.record.fs, length_s, now.opened.record.duration_s)
    if direction < 0 and shown.start_s >= window.start_s:  # a page without beats lies between
        target = find_next(beats, "any", round(window.start_s * now.opened.record.fs), step=-1) or target
    move_to(target)


def go_to_time() -> None:
    """Choose the beat nearest to the time that was typed."""
    now, text = here(), st.session_state.get("wanted_time", "")
    if now is None or not text.strip():
        return
    try:
        at = parse_time(text, duration_s=now.opened.record.duration_s, start=now.opened.record.start_time)
    except BeatlensError as error:
        tell(f"{error.message[:1].upper()}{error.message[1:]}.")
        return
    found = nearest_beat(now.analysis.beats, at)
    if found is not None:
        move_to(found)
    st.session_state["wanted_time"] = ""


def pick(what: dict[str, float]) -> None:
    """Choose the beat that was clicked; a click beside every beat marks the instant, where one may be added."""
    now = here()
    if now is None:
        return
    if "sample" in what:
        move_to(int(what["sample"]))
        return
    at = min(max(what["seconds"], 0.0), now.opened.record.duration_s)
    near = nearest_beat(now.analysis.beats, at)
    if near is not None and abs(near / now.opened.record.fs - at) <= SELECT_S:
        move_to(near)
    else:
        st.session_state["pin_s"] = at


def pick_time(what: dict[str, float]) -> None:
    """Choose the beat nearest to an instant that was clicked in the overview."""
    now = here()
    near = nearest_beat(now.analysis.beats, what.get("seconds", 0.0)) if now is not None else None
    if near is not None:
        move_to(near)


def show_jumps(now: Here) -> None:
    """Show the buttons that lead from beat to beat; the keys stand on them."""
    counts = now.analysis.summary.counts
    with st.container(horizontal=True, gap="small", key="jumps"):
        st.button("Beat", icon=":material/chevron_left:", key="back", on_click=step, args=("any", -1), shortcut="Left")
        st.button("Beat", icon=":material/chevron_right:", key="on", on_click=step, args=("any",), shortcut="Right")
        for name in counts:
            if class_style(name).letter == "N":
                continue
            st.button(
                f"Next {class_style(name).letter}",
                key=f"next_{name}",
                on_click=step,
                args=(name,),
                shortcut=f"Shift+{class_style(name).letter[0]}",
                disabled=not counts[name],
                help=f"The next {class_style(name).name} beat",
            )
        st.button(
            "Next doubtful",
            key="next_doubtful",
            on_click=step,
            args=("doubtful",),
            shortcut="Shift+D",
            disabled=not now.analysis.summary.n_uncertain,
        )
