"""The models' cards."""

from __future__ import annotations

import streamlit as st

from beatlens.app.drawing.pages import draw_counts, draw_table
from beatlens.app.services.results import confusions_of, figures_of
from beatlens.app.ui.session import choose_model, chosen_model
from beatlens.models.card import ModelCard
from beatlens.models.registry import list_models
from beatlens.reports.style import CLASS_STYLES


def show_models() -> None:
    """Show the card of every model that comes with the package."""
    cards = sorted(list_models(), key=lambda card: card.name != chosen_model())
    for tab, card in zip(st.tabs([card.name for card in cards]), cards, strict=True):
        with tab:
            _show_card(card)


def _show_card(card: ModelCard) -> None:
    used = card.name == chosen_model()
    st.button(
        "In use" if used else f"Use {card.name}",
        icon=":material/check:" if used else None,
        type="primary",
        key=f"use_{card.name}",
        on_click=choose_model,
        args=(card.name,),
        disabled=used,
    )
    left, right = st.columns(2, gap="large")
    with left:
        classes = ", ".join(f"{CLASS_STYLES[name].name} ({CLASS_STYLES[name].letter})" for name in card.classes)
        rows = [
            ("version", f"{card.version}, weights {card.sha256[:12]}…"),
            ("architecture", card.architecture),
            ("parameters", f"{card.n_parameters:,}"),
            ("tells apart", classes),
            ("reads", card.preprocessing),
            ("learned from", f"{card.data.name} {card.data.version}, {len(card.training_records)} records"),
            ("split", card.protocol_note),
            ("meant for", card.intended_use),
            ("not for", card.not_for),
        ]
        st.html(str(draw_table(("", ""), rows)))
        if card.known_failures:
            st.markdown("**Where it fails**\n\n" + "\n".join(f"- {failure}" for failure in card.known_failures))
    with right:
        for figures in figures_of(card):
            st.markdown(f"**{figures.title}**")
            st.html(str(draw_table(figures.columns, figures.rows)))
        for confusion in confusions_of(card):
            st.markdown(f"**{confusion.title}**")
            st.html(str(draw_counts(confusion.rows, confusion.columns, confusion.counts, of=("reference", card.name))))
