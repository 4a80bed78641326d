"""Overview: the whole recording at a glance, and its events."""

from __future__ import annotations

import streamlit as st

from beatlens.app.drawing.pages import draw_tiles, draw_trend
from beatlens.app.ui import eventing, frame, moving
from beatlens.app.ui.picture import show_picture
from beatlens.app.ui.session import require
from beatlens.reports.words import describe_analysis


def show() -> None:
    """Show the page."""
    now = require()
    frame.show_title(now.opened.record.name)
    st.html(str(draw_tiles(eventing.tiles(now))))
    st.write(
        " ".join(describe_analysis(now.analysis)).replace("~", r"\~").replace(" %", "\u00a0%").replace(" s (", "\u00a0s (")
    )
    frame.show_now(now)
    show_picture(draw_trend(now.analysis, now.cursor_s), key="trend", on_pick=moving.pick_time)
    st.caption("Click anywhere to go there. Counts and rates follow your corrections.")
    eventing.show_events(now)
    for note in now.analysis.notes:
        st.caption(note)


if __name__ == "__main__":
    show()
