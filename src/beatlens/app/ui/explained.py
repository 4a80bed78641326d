"""The chosen beat's explanation: picture, sentence, method, and the test of the picture."""

from __future__ import annotations

import streamlit as st

from beatlens.app.drawing.beat import draw_beat, draw_key, draw_trust
from beatlens.app.drawing.pages import draw_table
from beatlens.app.services.explaining import Trust, explain_beat, measure_trust, methods_of, usual_beat
from beatlens.app.ui.paper import kept
from beatlens.app.ui.picture import show_picture
from beatlens.app.ui.session import Here, catching, chosen_model, library, show_error
from beatlens.errors import BeatlensError
from beatlens.explain.explanation import Explanation
from beatlens.explain.measured import find_measured
from beatlens.explain.methods import METHODS
from beatlens.reports.words import write_percent

_PLACES = {"before": "signal before the P wave", "after": "signal after the T wave"}


def show_explanation(now: Here) -> None:
    """Show why the chosen beat was called as it was, in the method that the reader chose."""
    if now.cursor is None or not (now.review.original.beats["sample"] == now.cursor).any():
        st.info("You added this beat: the model has nothing to explain about it.", icon=":material/info:")
        return
    picture, beside = st.columns([3, 2], gap="large")
    with beside, catching(stop=True):
        method = _choose_method()
        st.caption(f"It shows {METHODS[method].shows}. Caveat: {METHODS[method].caveat}.")
    try:
        with picture, st.spinner("Explaining the beat", show_time=True):
            found = _explain(now, method)
    except BeatlensError as error:
        with picture:
            show_error(error)
        return
    usual = usual_beat(now.analysis, found.times_ms)
    with picture:
        lead = _choose_lead(found)
        place = now.analysis.record.lead_names.index(found.lead_names[lead])
        show_picture(draw_beat(found, usual[:, place], lead=lead), key="beat_picture")
        st.html(str(draw_key(usual=True)))
        _show_trust(now, method)
    with beside:
        st.markdown(f"#### {found.sentence}")
        _show_parts(found)


def _choose_method() -> str:
    methods = library().remember(("", "methods", chosen_model()), lambda: methods_of(library().model(chosen_model())))
    kept("method_widget", "method", methods[0])
    if st.session_state["method_widget"] not in methods:
        st.session_state["method_widget"] = methods[0]
    chosen = st.selectbox("Method", methods, key="method_widget", format_func=lambda name: METHODS[name].title)
    st.session_state["method"] = chosen
    return str(chosen)


def _choose_lead(found: Explanation) -> int:
    if len(found.lead_names) == 1:
        return 0
    chosen = st.segmented_control("Lead", found.lead_names, default=found.lead_names[0], required=True, key="beat_lead")
    return found.lead_names.index(chosen) if chosen in found.lead_names else 0


def _explain(now: Here, method: str) -> Explanation:
    original = now.review.original
    key = (now.opened.sha256, "why", chosen_model(), method, str(now.cursor))
    model = library().model(chosen_model())
    return library().remember(key, lambda: explain_beat(model, original, now.cursor or 0, method=method))


def _show_parts(found: Explanation) -> None:
    """Show the rhythm's features and the neighbours, where the model reads any."""
    evidence = METHODS[found.method].evidence
    shares = sorted(found.shares.items(), key=lambda item: -abs(item[1]))[:5]
    if shares:
        rows = [
            (_PLACES.get(name, name), write_percent(100 * abs(part)) + (" against" if part < 0 and evidence else ""))
            for name, part in shares
        ]
        st.html(str(draw_table(("part of the evidence" if evidence else "part of the sensitivity", ""), rows)))
    falls = sorted(found.neighbours.items(), key=lambda item: -abs(item[1]))[:4]
    if falls:
        words = [f"{abs(place)} {'before' if place < 0 else 'after'}: {fall:+.2f}" for place, fall in sorted(falls)]
        st.caption(
            "How far the logit falls if a neighbour is replaced by the usual beat (beats away): " + ", ".join(words) + "."
        )


def _show_measured(now: Here, method: str) -> None:
    """Show what the tests found for this method on the model's weights, over many beats."""
    model = now.analysis.model
    found = find_measured(model.name, model.sha256, method)
    if found is None:
        st.caption("This method was not measured on these weights.")
        return
    st.write(found.verdict)
    st.html(str(draw_table((f"measured on {found.n_beats} beats of MIT-BIH", ""), found.rows)))
    st.caption("In brackets 95 % over records. An area below 0: the call is lost sooner when what matters is taken away first.")


def _show_trust(now: Here, method: str) -> None:
    """Show how far to trust this picture: tested when asked, since the test runs the model many times."""
    key = (now.opened.sha256, "trust", chosen_model(), method, str(now.cursor))
    with st.container(border=True):
        st.markdown("**How far to trust this picture**")
        _show_measured(now, method)
        if not library().has(key) and not st.button("Test it on this beat", key="trust", shortcut="T"):
            st.caption("Takes the important instants away, and watches whether the call falls faster than in random order.")
            return
        with st.spinner("Taking the beat apart", show_time=True):
            model, original = library().model(chosen_model()), now.review.original
            trust: Trust | None = library().remember(
                key, lambda: measure_trust(model, original, now.cursor or 0, method=method)
            )
        if trust is None:
            st.caption("This test does not suit this model and method.")
            return
        show_picture(draw_trust(trust), key="trust_picture")
        st.caption(f"{trust.sentence} Solid: this picture. Dashed: random.")
