"""The reference beside the model: counts, figures, and each disagreement to step to."""

from __future__ import annotations

import streamlit as st

from beatlens.app.services.comparison import Agreement, compare_with_reference, reference_of
from beatlens.app.services.navigation import nearest_beat
from beatlens.app.ui import frame, paper, taking
from beatlens.app.ui.session import Here, library, move_to, tell
from beatlens.reports.words import write_time

MOST_ROWS = 1000


def _agreement(now: Here) -> Agreement:
    original = now.review.original
    key = (now.opened.sha256, "reference", original.model.name, now.opened.record.name)
    return library().remember(key, lambda: compare_with_reference(original))


def show_comparison(now: Here) -> None:
    """Show the comparison, or why there is none."""
    reference = reference_of(now.review.original)
    if reference is None:
        st.info(
            "This recording came without reference annotations. Open a WFDB record together with its annotation file (.atr) "
            "to compare.",
            icon=":material/info:",
        )
        return
    found = _agreement(now)
    n = int(found.counts.sum())
    st.markdown(f"**{found.n_agreed:,} of {n:,} beats agree**; {len(found.disagreements):,} do not.")
    left, right = st.columns(2, gap="large")
    with left:
        taking.show_figures(found)
    with right:
        _show_list(now, found)
    frame.show_now(now)
    marks = dict(zip(reference.samples.tolist(), reference.classes.tolist(), strict=True))
    window = paper.neighbourhood(now)
    fs = now.opened.record.fs
    near = {sample: name for sample, name in marks.items() if window.start_s <= sample / fs < window.end_s}
    paper.show_paper(now, window, now.analysis.record.lead_names[:1], key="compared", reference=near)
    st.caption("Upper letters: the model, with your corrections. Lower letters: the reference.")


def _show_list(now: Here, found: Agreement) -> None:
    import pandas as pd

    st.subheader("Disagreements", anchor=False)
    if not found.disagreements:
        st.write("None.")
        return
    with st.container(horizontal=True, gap="small"):
        for label, icon, direction, shortcut in (
            ("Disagreement", ":material/chevron_left:", -1, "Shift+Left"),
            ("Disagreement", ":material/chevron_right:", 1, "Shift+Right"),
        ):
            st.button(
                label, icon=icon, key=f"differ_{direction}", on_click=_step, args=(now, found, direction), shortcut=shortcut
            )
    start = now.opened.record.start_time
    shown = found.disagreements[:MOST_ROWS]
    table = pd.DataFrame(
        {
            "time": [write_time(each.time_s, start, tenths=True) for each in shown],
            found.names[0]: [each.first for each in shown],
            found.names[1]: [each.second for each in shown],
        }
    )

    def chosen() -> None:
        rows = st.session_state["differences"].selection.rows
        if rows:
            _go(now, shown[rows[0]].time_s)

    st.dataframe(table, key="differences", hide_index=True, on_select=chosen, selection_mode="single-row", height=300)
    if len(found.disagreements) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(found.disagreements):,}.")


def _step(now: Here, found: Agreement, direction: int) -> None:
    at = st.session_state.get("difference_s", now.cursor_s or 0.0)
    times = [each.time_s for each in found.disagreements if (each.time_s - at) * direction > 1e-6]
    if not times:
        tell("There is no further disagreement." if direction > 0 else "There is no earlier disagreement.")
        return
    _go(now, times[0 if direction > 0 else -1])


def _go(now: Here, at_s: float) -> None:
    """Choose the beat nearest to a disagreement: where the model found none, there is none at the very place."""
    near = nearest_beat(now.analysis.beats, at_s)
    if near is not None:
        move_to(near)
        st.session_state["difference_s"] = at_s
