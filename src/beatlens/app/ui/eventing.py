"""The figures of a recording, and its events: pauses, runs, couplets and bigeminy, to step through."""

from __future__ import annotations

import streamlit as st

from beatlens.analysis.rhythm import NORMAL, Event
from beatlens.app.ui.session import Here, here, move_to, tell
from beatlens.reports.style import class_style
from beatlens.reports.words import write_duration, write_percent, write_time

MOST_ROWS = 500


def tiles(now: Here) -> list[tuple[str, str, str]]:
    """Return the figures to show first: what, value, and what stands below it."""
    summary, rate = now.analysis.summary, now.analysis.summary.heart_rate
    found = [
        ("Beats", f"{summary.n_beats:,}", write_duration(summary.duration_s)),
        (
            "Heart rate",
            "–" if rate.mean is None else f"{rate.mean:.0f}",
            "" if rate.mean is None else f"{rate.lowest:.0f} to {rate.highest:.0f} per minute",
        ),
    ]
    found += [
        (class_style(name).name.capitalize(), f"{count:,}", write_percent(100 * count / max(summary.n_judged, 1)))
        for name, count in summary.counts.items()
        if count or name in NORMAL
    ]
    found.append(("In doubt", f"{summary.n_uncertain:,}", "for you to judge"))
    share = write_percent(100 * (1 - summary.unreadable_s / summary.duration_s))
    found.append(("Readable", share, f"{summary.n_beats - summary.n_judged:,} beats not judged"))
    return found


def step_event(direction: int) -> None:
    """Choose the first beat of the next event, or of the one before."""
    now = here()
    if now is None or now.cursor_s is None:
        return
    starts = [event for event in now.analysis.events if (event.start_s - now.cursor_s) * direction > 1e-6]
    if not starts:
        tell("There is no further event." if direction > 0 else "There is no earlier event.")
        return
    event = starts[0 if direction > 0 else -1]
    move_to(int(now.analysis.beats["sample"].iloc[event.first_beat]))


def _describe(event: Event, now: Here) -> dict[str, object]:
    return {
        "time": write_time(event.start_s, now.opened.record.start_time, tenths=True),
        "what": event.kind,
        "class": class_style(event.beat_class).name if event.beat_class else "",
        "beats": event.n_beats or None,
        "length (s)": round(event.end_s - event.start_s, 1),
        "rate (per minute)": None if event.rate_bpm is None else round(event.rate_bpm),
    }


def show_events(now: Here) -> None:
    """Show the events as a table; a row that is chosen leads to its first beat."""
    import pandas as pd

    events = now.analysis.events
    st.subheader("Events", anchor=False)
    if not events:
        st.write("No pauses, runs, couplets or bigeminy.")
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Event", icon=":material/chevron_left:", key="event_back", on_click=step_event, args=(-1,), shortcut="Shift+Left"
        )
        st.button(
            "Event", icon=":material/chevron_right:", key="event_on", on_click=step_event, args=(1,), shortcut="Shift+Right"
        )
        st.page_link("pages/strip.py", label="Show on the strip", icon=":material/ecg:")

    def chosen() -> None:
        rows = st.session_state["events"].selection.rows
        if rows:
            move_to(int(now.analysis.beats["sample"].iloc[events[rows[0]].first_beat]))

    table = pd.DataFrame([_describe(event, now) for event in events[:MOST_ROWS]])
    st.dataframe(
        table, key="events", hide_index=True, on_select=chosen, selection_mode="single-row", height=300, placeholder=""
    )
    if len(events) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS} of {len(events):,} events.")
