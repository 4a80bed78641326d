"""Groups of beats that look alike: a card each, to step through and to relabel as one."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import streamlit as st

from beatlens.app.drawing.pages import draw_card
from beatlens.app.services.gallery import Cluster, find_clusters
from beatlens.app.services.review import labels_of
from beatlens.app.ui import correcting
from beatlens.app.ui.picture import show_picture
from beatlens.app.ui.session import Here, here, library, move_to
from beatlens.reports.page.cards import ShapeCard, make_shape_cards
from beatlens.reports.style import class_style
from beatlens.reports.words import write_count, write_percent

CARD = 212
"""Width of a card in pixels: four stand side by side at 1280, seven at 1920."""


def clusters_of(now: Here) -> tuple[Cluster, ...]:
    """Return the groups of the analysis with its corrections, found once."""
    key = (now.opened.sha256, "clusters", now.analysis.model.name, *now.revision)
    return library().remember(key, lambda: find_clusters(now.analysis))


def step_through(samples: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    """Choose the next beat of a group, and after the last one the first."""
    now = here()
    if now is not None:
        later = samples[samples > (now.cursor if now.cursor is not None else -1)]
        move_to(int(later[0] if len(later) else samples[0]))


def show_clusters(now: Here) -> None:
    """Show every group, class by class."""
    found = clusters_of(now)
    shapes = tuple(cluster.shape for cluster in found if cluster.shape is not None)
    cards = dict(zip((id(shape) for shape in shapes), make_shape_cards(shapes, now.analysis.summary.n_judged), strict=True))
    for name, members in groupby(found, key=lambda cluster: cluster.beat_class):
        group = list(members)
        total = sum(len(cluster.samples) for cluster in group)
        st.subheader(f"{class_style(name).name.capitalize()}: {write_count(total, 'beat')}", anchor=False)
        with st.container(horizontal=True, gap="small"):
            for cluster in group:
                with st.container(border=True, width=CARD, gap="small"):
                    _show_card(now, cluster, cards.get(id(cluster.shape)))


def _show_card(now: Here, cluster: Cluster, card: ShapeCard | None) -> None:
    share = write_percent(100 * len(cluster.samples) / max(now.analysis.summary.n_judged, 1))
    st.markdown(f"**{cluster.name}** · {write_count(len(cluster.samples), 'beat')} · {share}")
    if card is not None:
        show_picture(draw_card(card), key=f"shape_{cluster.name}")
    else:
        st.caption("These look like no others.")
    _show_buttons(now, cluster)


def _show_buttons(now: Here, cluster: Cluster) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Step",
            help="Choose the next beat of this group",
            key=f"through_{cluster.name}",
            on_click=step_through,
            args=(cluster.samples,),
        )
        with st.popover("Relabel", disabled=now.key is None):
            st.caption(f"All {write_count(len(cluster.samples), 'beat')} of {cluster.name} become:")
            for name in labels_of(now.review.original):
                if name == cluster.beat_class:
                    continue
                st.button(
                    class_style(name).name.capitalize(),
                    key=f"all_{cluster.name}_{name}",
                    on_click=correcting.set_all,
                    args=(cluster.samples.tolist(), name, cluster.name),
                    width="stretch",
                )
