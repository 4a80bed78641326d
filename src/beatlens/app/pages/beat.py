"""Beat: why one beat was called as it was."""

from __future__ import annotations

import streamlit as st

from beatlens.app.ui import correcting, explained, frame, moving, paper
from beatlens.app.ui.session import require


def show() -> None:
    """Show the page."""
    now = require()
    moving.show_jumps(now)
    frame.show_now(now)
    correcting.show_tools(now)
    explained.show_explanation(now)
    st.subheader("Its neighbours", anchor=False)
    paper.show_paper(now, paper.neighbourhood(now), now.analysis.record.lead_names[:1], key="neighbours")


if __name__ == "__main__":
    show()
