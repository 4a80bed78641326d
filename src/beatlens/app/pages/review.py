"""Corrections: what was changed, what follows from it, and what to take away."""

from __future__ import annotations

import streamlit as st

from beatlens.app.ui import frame, taking
from beatlens.app.ui.session import require


def show() -> None:
    """Show the page."""
    now = require()
    frame.show_title(
        "Corrections", "Kept as they are made, under your name, for this very recording whatever its file is called."
    )
    if not frame.can_correct():
        st.info("Write your name under *Reviewer*, on the left: corrections are kept under it.", icon=":material/person:")
    taking.show_undo(now)
    left, right = st.columns(2, gap="large")
    with left:
        taking.show_counts(now)
        taking.show_changes(now)
    with right:
        taking.show_agreement(now)
        taking.show_exports(now)


if __name__ == "__main__":
    show()
