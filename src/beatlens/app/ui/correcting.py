"""Correcting: the buttons that change a class, add or delete a beat, and take that back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from beatlens.app.services import review as reviewing
from beatlens.app.services.navigation import snap_to_peak
from beatlens.app.services.store import Edit
from beatlens.app.ui.session import Here, here, move_to, store, tell
from beatlens.errors import BeatlensError
from beatlens.reports.style import class_style
from beatlens.reports.words import write_count, write_time

SHORT: Final = {"S": "Supraventricular", "V": "Ventricular", "Q": "Unknown"}
"""What a class is called on a button."""


def set_class(name: str) -> None:
    """Give the chosen beat a class."""
    now = here()
    if now is not None and now.cursor is not None:
        _keep(now, lambda: reviewing.relabel(now.review, [now.cursor or 0], name), f"{_at(now, now.cursor)} is {name}")


def set_all(samples: Sequence[int], name: str, cluster: str) -> None:
    """Give a whole cluster a class."""
    now = here()
    if now is not None:
        title = f"{write_count(len(samples), 'beat')} of {cluster} are {name}"
        _keep(now, lambda: reviewing.relabel(now.review, samples, name), title)


def delete_beat() -> None:
    """Delete the chosen beat; the one after it is chosen then."""
    now = here()
    if now is None or now.cursor is None:
        return
    chosen = now.cursor
    samples = now.analysis.beats["sample"]
    later = samples[samples > chosen]
    if _keep(now, lambda: (reviewing.remove(now.review, chosen),), f"{_at(now, chosen)} deleted") and len(later):
        move_to(int(later.iloc[0]))


def add_beat(name: str) -> None:
    """Add a beat at the instant that was pointed at, on the largest deflection near it."""
    now, at = here(), st.session_state.get("pin_s")
    if now is None or at is None:
        return
    sample = snap_to_peak(now.opened.record, at)
    if _keep(now, lambda: (reviewing.insert(now.review, sample, name),), f"{_at(now, sample)} added as {name}"):
        move_to(sample)


def undo() -> None:
    """Take the last change back."""
    now = here()
    if now is not None and now.key is not None:
        _turn(now, back=True)


def redo() -> None:
    """Do again what was taken back last."""
    now = here()
    if now is not None and now.key is not None:
        _turn(now, back=False)


def _turn(now: Here, *, back: bool) -> None:
    if now.key is None:
        return
    try:
        change = store().undo(now.key) if back else store().redo(now.key)
    except BeatlensError as error:
        tell(error.message)
        return
    if change is None:
        tell("There is nothing to undo." if back else "There is nothing to redo.")
        return
    tell(f"{'Undone' if back else 'Done again'}: {change.title}")
    if change.edits and len(change.edits) == 1:
        move_to(change.edits[0].sample)


def _keep(now: Here, make: Callable[[], Sequence[Edit]], title: str) -> bool:
    """Write a change to the database; say why not where it cannot be."""
    if now.key is None:
        tell("Write your name under Reviewer first: every correction is kept under it.")
        return False
    record, model = now.opened.record, now.review.original.model
    try:
        edits = make()
        if not edits:
            return False
        store().add(
            now.key,
            title,
            edits,
            model=f"{model.name} {model.version}",
            recording=(record.name, record.fs, record.n_samples),
        )
    except BeatlensError as error:
        tell(f"{error.message[:1].upper()}{error.message[1:]}. {error.hint or ''}".strip())
        return False
    return True


def _at(now: Here, sample: int) -> str:
    record = now.opened.record
    return f"The beat at {write_time(sample / record.fs, record.start_time, tenths=True)}"


def show_tools(now: Here) -> None:
    """Show the buttons for the chosen beat; the keys stand on them."""
    locked = now.key is None
    done, undone = (any(change.state == state for change in now.changes) for state in ("done", "undone"))
    labels = reviewing.labels_of(now.review.original)
    with st.container(horizontal=True, gap="xsmall", key="tools"):
        for name in labels:
            letter = class_style(name).letter
            st.button(
                SHORT.get(name, class_style(name).name.capitalize()),
                key=f"set_{name}",
                on_click=set_class,
                args=(name,),
                disabled=locked or now.cursor is None,
                shortcut=letter[0],
                help=f"This beat is {class_style(name).name}",
            )
        st.button("Remove", key="delete", on_click=delete_beat, disabled=locked or now.cursor is None, shortcut="Delete")
        st.button("Undo", icon=":material/undo:", key="undo", on_click=undo, disabled=locked or not done, shortcut="Ctrl+Z")
        st.button("Redo", icon=":material/redo:", key="redo", on_click=redo, disabled=locked or not undone, shortcut="Ctrl+Y")
    if locked:
        st.caption("To correct beats, write your name under *Reviewer*, on the left.")
    _show_adding(now, labels, locked=locked)


def _show_adding(now: Here, labels: tuple[str, ...], *, locked: bool) -> None:
    at = st.session_state.get("pin_s")
    if at is None or locked:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="adding"):
        st.markdown(f"Add a beat at **{write_time(at, now.opened.record.start_time, tenths=True)}** as")
        for name in labels:
            st.button(class_style(name).letter, key=f"add_{name}", on_click=add_beat, args=(name,), help=class_style(name).name)
        st.button("Cancel", key="unpin", on_click=lambda: st.session_state.pop("pin_s", None), type="tertiary")
