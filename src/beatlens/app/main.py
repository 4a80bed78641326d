"""The script that Streamlit runs for every reader: the frame, then the page that was chosen."""

from __future__ import annotations

import streamlit as st

from beatlens.app import warming

warming.wait()

from beatlens.app.ui import frame, session, starting  # noqa: E402 - the pages are read in by then


def run() -> None:
    """Show the app."""
    frame.dress()
    session.restore()
    starting.open_start_file()
    opened = session.library().find(st.session_state.get("recording", "")) is not None
    pages = [
        st.Page("pages/start.py", title="Open", icon=":material/folder_open:", url_path="open", default=not opened),
        st.Page("pages/overview.py", title="Overview", icon=":material/monitoring:", url_path="overview", default=opened),
        st.Page("pages/strip.py", title="Strip", icon=":material/ecg:", url_path="strip"),
        st.Page("pages/beat.py", title="Beat", icon=":material/cardiology:", url_path="beat"),
        st.Page("pages/gallery.py", title="Gallery", icon=":material/grid_view:", url_path="gallery"),
        st.Page("pages/review.py", title="Corrections", icon=":material/edit_note:", url_path="corrections"),
        st.Page("pages/compare.py", title="Compare", icon=":material/difference:", url_path="compare"),
        st.Page("pages/models.py", title="Models", icon=":material/neurology:", url_path="models"),
    ]
    page = st.navigation(pages)
    frame.show_sidebar()
    session.write_address()
    try:
        page.run()
    finally:  # a page may stop
        warming.load_model_soon(session.chosen_model())


if __name__ == "__main__":
    run()
