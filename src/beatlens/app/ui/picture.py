"""A drawing on a page: SVG that can be clicked, which Streamlit's own elements do not offer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st
from markupsafe import Markup
from streamlit.components import v2

NAME = "beatlens_picture"


@cache
def _script() -> str:
    return (files("beatlens.app.ui") / "picture.js").read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return v2.component(NAME, html='<div class="bl-pictured"></div>', js=_script(), isolate_styles=False)


def show_picture(drawing: Markup, *, key: str, on_pick: Callable[[dict[str, float]], None] | None = None) -> None:
    """Show a drawing.

    Parameters
    ----------
    drawing : Markup
        HTML in which every text was escaped.
    key : str
        Its name on the page.
    on_pick : callable, optional
        Called with ``{"sample": ...}`` when a beat was clicked, and with ``{"seconds": ...}`` when a place was.
    """

    def picked() -> None:
        told = st.session_state.get(key)
        what = getattr(told, "picked", None)
        if on_pick is not None and what:
            on_pick(dict(what))

    _component()(key=key, data={"html": str(drawing)}, on_picked_change=picked)
