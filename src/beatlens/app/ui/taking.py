"""The page of corrections: counts before and after, the list of changes, agreement, and the exports."""

from __future__ import annotations

import math

import streamlit as st

from beatlens.app.drawing.pages import draw_counts, draw_table
from beatlens.app.services import exports
from beatlens.app.services.comparison import Agreement, compare_with_reviewer
from beatlens.app.ui import correcting
from beatlens.app.ui.session import Here, reviewer
from beatlens.reports.style import class_style
from beatlens.reports.words import write_percent

_STATES = {"done": "", "undone": "undone", "dropped": "taken back"}


def show_undo(now: Here) -> None:
    """Show the buttons that take a change back and do it again."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for label, icon, state, act, shortcut in (
            ("Undo", ":material/undo:", "done", correcting.undo, "Ctrl+Z"),
            ("Redo", ":material/redo:", "undone", correcting.redo, "Ctrl+Y"),
        ):
            none = not any(change.state == state for change in now.changes)
            st.button(label, icon=icon, key=label.lower(), on_click=act, disabled=none, shortcut=shortcut)
        st.page_link("pages/strip.py", label="Go on with the strip", icon=":material/ecg:")


def _signed(change: int) -> str:
    return f"{change:+,}".replace("-", "−") if change else ""


def show_counts(now: Here) -> None:
    """Show how many beats of each class there are, the model's and with the corrections."""
    st.subheader("Counts and burden", anchor=False)
    before, after = now.review.original.summary, now.analysis.summary
    rows = []
    for name in dict.fromkeys([*after.counts, *before.counts]):
        old, new = before.counts.get(name, 0), after.counts.get(name, 0)
        change = _signed(new - old)
        share = write_percent(100 * new / max(after.n_judged, 1))
        rows.append((class_style(name).name, f"{old:,}", f"{new:,}", change, share))
    rows.append(("all judged", f"{before.n_judged:,}", f"{after.n_judged:,}", _signed(after.n_judged - before.n_judged), ""))
    st.html(str(draw_table(("class", "model", "reviewed", "change", "share"), rows)))


def show_changes(now: Here) -> None:
    """Show what was done, the last first."""
    st.subheader("Changes", anchor=False)
    if not now.changes:
        st.write("None yet.")
        return
    rows = [
        (change.made_at[:19].replace("T", " "), change.title, change.model, _STATES[change.state])
        for change in reversed(now.changes[-200:])
    ]
    st.html(str(draw_table(("when (UTC)", "what", "corrected", ""), rows)))


def show_figures(agreement: Agreement) -> None:
    """Show the table of counts of an agreement, and EC57's figures where there are any."""
    st.html(str(draw_counts(agreement.labels, agreement.labels, agreement.counts, of=agreement.names)))
    if agreement.figures:
        figures = [
            (title, "–" if math.isnan(value) else f"{value:.2f} %", f"{hits}/{cases}")
            for title, value, hits, cases in agreement.figures
        ]
        st.html(str(draw_table(("ANSI/AAMI EC57, from the first second on", "", ""), figures)))


def show_agreement(now: Here) -> None:
    """Show how far the reviewer agrees with the model."""
    st.subheader("Agreement of reviewer and model", anchor=False)
    st.caption("The reviewed beats are the reference. Beats that you did not look at count as agreed.")
    show_figures(compare_with_reviewer(now.review, reviewer()))


def show_exports(now: Here) -> None:
    """Show what can be taken away."""
    st.subheader("Export", anchor=False)
    who = reviewer() or "reviewer"
    offered = (
        ("Beats (CSV)", "beats.csv", "text/csv", lambda: exports.write_csv(now.review, now.changes, who)),
        ("WFDB annotations", "annotations.zip", "application/zip", lambda: exports.write_wfdb(now.review)),
        (
            "Report and everything",
            "review.zip",
            "application/zip",
            lambda: exports.write_everything(now.review, now.changes, who),
        ),
    )
    with st.container(horizontal=True, gap="small"):
        for label, name, mime, write in offered:
            st.download_button(label, write, file_name=name, mime=mime, key=f"export_{name}", on_click="ignore")
    st.caption("Each holds the model's original beside what you corrected. The report takes some seconds.")
