"""Open: choose a recording."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from beatlens.app.drawing.beat import draw_beat, draw_key
from beatlens.app.drawing.pages import draw_tag
from beatlens.app.options import MOST_MB
from beatlens.app.services.opening import MOST_HOURS
from beatlens.app.ui import frame, starting
from beatlens.app.ui.picture import show_picture
from beatlens.app.ui.session import catching
from beatlens.records import Record
from beatlens.reports.style import class_style

FORMATS = "WFDB, EDF/BDF, ISHNE, DICOM, SCP-ECG, HL7 aECG, GE MUSE and Philips XML, CSV, MATLAB, NumPy"
NEXT = "pages/overview.py"


def show() -> None:
    """Show the page."""
    frame.show_title(
        "Open a recording", "Every heartbeat is found, called normal or abnormal, and explained; you have the last word."
    )
    if st.session_state.pop("cancelled", False):
        st.info("The analysis was cancelled.", icon=":material/info:")
    starting.show_start_error()
    left, right = st.columns([3, 2], gap="large")
    with left:
        _show_upload()
        _show_paste()
    with right, st.container(border=True):
        st.subheader("Nothing at hand?", anchor=False)
        st.write("Five minutes of MIT-BIH record 208 come with Beatlens: one lead, many ventricular and fusion beats.")
        if st.button("Open the built-in recording", type="primary", key="open_bundled", shortcut="B"):
            starting.open_bundled()
            st.switch_page(NEXT)
    window = st.session_state.get("one_window")
    if window is not None:
        _show_window(window)


def _show_upload() -> None:
    files = st.file_uploader(
        "Recording",
        accept_multiple_files=True,
        key="files",
        max_upload_size=MOST_MB,
        help="For a WFDB record choose the header (.hea), its signal files, and its annotations (.atr) together.",
    )
    st.caption(f"{FORMATS}. At most {MOST_MB} MB a file and {MOST_HOURS} h. The file stays on the machine that runs Beatlens.")
    with st.expander("If the file does not say it"):
        rate, unit = st.columns(2)
        fs = rate.number_input("Sampling rate (Hz)", min_value=1.0, max_value=100_000.0, value=None, key="fs")
        volts = unit.selectbox("Unit", ["mV", "uV", "V", "nV"], index=None, key="unit", placeholder="as in the file")
    if st.button("Open the file", type="primary", key="open_files", disabled=not files) and starting.upload(files, fs, volts):
        st.switch_page(NEXT)


def _show_paste() -> None:
    with st.expander("One beat as 180 numbers"):
        st.caption("Half a second at 360 Hz, the R peak at the 91st value, in any scale: seed-lstm says normal or abnormal.")
        text = st.text_area("Values", key="values", height=120, placeholder="-0.12, -0.10, -0.11, …")
        if st.button("Judge this beat", key="judge", disabled=not text.strip()):
            starting.paste(text)


def _show_window(record: Record) -> None:
    with catching(stop=True), st.spinner("Judging the beat"):
        found = starting.verdict(record)
    st.subheader("What seed-lstm says of this beat", anchor=False)
    sure = "> 0.99" if found.probability > 0.995 else f"{found.probability:.2f}"
    st.html(
        Markup('<p class="bl bl-now">{} <strong>{}</strong> <span>probability {}</span></p>').format(
            draw_tag(found.called), class_style(found.called).name, sure
        )
    )
    picture, words = st.columns([3, 2], gap="large")
    with picture:
        show_picture(draw_beat(found.explanation), key="window_picture")
        st.html(str(draw_key(usual=False)))
    with words:
        st.write(found.explanation.sentence)
        st.caption("The colour is the saliency: how much the decision changes with the voltage of each instant.")


if __name__ == "__main__":
    show()
