"""Strip: the recording on ECG paper."""

from __future__ import annotations

import streamlit as st

from beatlens.app.ui import correcting, frame, moving, paper
from beatlens.app.ui.session import require


def show() -> None:
    """Show the page."""
    now = require()
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        length = paper.choose_length()
        leads = paper.choose_leads(now)
        st.button(
            "Page",
            icon=":material/keyboard_double_arrow_left:",
            key="page_back",
            on_click=moving.turn_page,
            args=(length, -1),
            shortcut="PageUp",
        )
        st.button(
            "Page",
            icon=":material/keyboard_double_arrow_right:",
            key="page_on",
            on_click=moving.turn_page,
            args=(length, 1),
            shortcut="PageDown",
        )
        st.text_input("Go to", key="wanted_time", placeholder="1:15", on_change=moving.go_to_time, width=120)
    moving.show_jumps(now)
    frame.show_now(now)
    paper.show_paper(now, paper.window_around(now, length), leads, key="paper")
    correcting.show_tools(now)
    st.caption("25 mm/s, 10 mm/mV. Click a beat to choose it, or the paper where a beat is missing.")


if __name__ == "__main__":
    show()
