"""The frame around every page: style, sidebar, and the line that says which beat is chosen."""

from __future__ import annotations

import math
from pathlib import Path

import streamlit as st
from markupsafe import Markup

from beatlens.app.drawing.pages import draw_table, draw_tag, stylesheet
from beatlens.app.services.store import MOST_LETTERS
from beatlens.app.ui.session import Here, chosen_model, library, reviewer
from beatlens.reports.style import class_style
from beatlens.reports.words import write_duration, write_time

LOGO = Path(__file__).parent / "logo.svg"
MARK = Path(__file__).parent / "mark.svg"  # a named icon would be fetched from another machine


def dress() -> None:
    """Set what every page looks like."""
    st.set_page_config(page_title="Beatlens", page_icon=str(MARK), layout="wide")
    st.logo(str(LOGO), size="large")
    st.html(stylesheet())


KEYS = (
    ("← →", "previous, next beat"),
    ("Page Up, Page Down", "previous, next page of paper"),
    ("Shift+S, V, F, A", "next supraventricular, ventricular, fusion, abnormal beat"),
    ("Shift+D", "next beat in doubt"),
    ("Shift+← →", "previous, next event or disagreement"),
    ("N S V F Q, A", "the chosen beat is of this class (A: abnormal)"),
    ("Delete", "remove the chosen beat"),
    ("Ctrl+Z, Ctrl+Y", "undo, redo"),
    ("T", "test the explanation on this beat"),
    ("Esc", "cancel an analysis"),
)
"""What each key does, on the pages that show its button."""


def show_sidebar() -> None:
    """Show who reviews, and what is open."""
    with st.sidebar:
        st.text_input(
            "Reviewer",
            key="reviewer",
            max_chars=MOST_LETTERS,
            placeholder="Your name or initials",
            help="Corrections are kept under this name, apart from those of other reviewers.",
        )
        opened = library().find(st.session_state.get("recording", ""))
        if opened is not None:
            record = opened.record
            st.html(
                Markup('<div class="bl bl-side"><b>{}</b><br>{} · {:g} Hz · {}<br>{}</div>').format(
                    record.name, write_duration(record.duration_s), record.fs, ", ".join(record.lead_names), chosen_model()
                )
            )
        with st.popover("Keys", icon=":material/keyboard:", type="tertiary"):
            st.html(str(draw_table(("key", "does"), KEYS)))
        st.html('<p class="bl bl-notice">For research; not a medical device.</p>')


def show_now(here: Here) -> None:
    """Show which beat is chosen, and what it was called."""
    row = here.row
    if row is None:
        st.html('<p class="bl bl-now">No heartbeat was found in this recording.</p>')
        return
    at = write_time(float(row["time_s"]), here.opened.record.start_time, tenths=True)
    name, probability = str(row["class"]), float(row["probability"])
    words = class_style(name).name if name else "not judged"
    sure = "" if math.isnan(probability) else f"probability {'> 0.99' if probability > 0.995 else f'{probability:.2f}'}"
    facts = [f"beat {int(row.name) + 1:,} of {len(here.analysis.beats):,}"]
    if not math.isnan(row["rr_s"]):
        facts.append(f"RR {1000 * row['rr_s']:.0f} ms")
    if row["uncertain"]:
        facts.append("in doubt")
    if row["reason"]:
        facts.append(str(row["reason"]))
    st.html(
        Markup('<p class="bl bl-now"><strong>{}</strong> {} <b>{}</b> <span>{}</span> <span>{}</span></p>').format(
            at, draw_tag(name), words, sure, " · ".join(facts)
        )
    )


def show_title(title: str, below: str = "") -> None:
    """Show a page's heading."""
    st.title(title, anchor=False)
    if below:
        st.caption(below)


def can_correct() -> bool:
    """Say whether the reviewer has a name."""
    return bool(reviewer())
