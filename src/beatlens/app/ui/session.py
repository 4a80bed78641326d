"""A reader's session: which recording, which model, which beat, and who reviews. Nothing of it is shared with another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from beatlens.analysis import Analysis
from beatlens.app import options
from beatlens.app.services.identity import corrections_path
from beatlens.app.services.library import Library, Opened
from beatlens.app.services.navigation import nearest_beat
from beatlens.app.services.review import Review, apply_changes, labels_of
from beatlens.app.services.store import Change, Key, Store, check_reviewer
from beatlens.errors import BeatlensError
from beatlens.models.registry import list_models
from beatlens.records import Record


@dataclass(frozen=True, eq=False)
class Here:
    """What this reader looks at.

    Parameters
    ----------
    opened : Opened
        The recording.
    review : Review
        The analysis, with this reviewer's corrections.
    key : Key or None
        Under which corrections are kept; None as long as the reviewer has no name.
    changes : tuple of Change
        What this reviewer did.
    cursor : int or None
        R peak of the chosen beat; None in a recording without beats.
    revision : tuple of str
        What changes whenever the corrections do.
    """

    opened: Opened
    review: Review
    key: Key | None
    changes: tuple[Change, ...]
    cursor: int | None
    revision: tuple[str, ...] = ()

    @property
    def analysis(self) -> Analysis:
        """The analysis with the corrections."""
        return self.review.current

    @property
    def cursor_s(self) -> float | None:
        """Time of the chosen beat in seconds."""
        return None if self.cursor is None else self.cursor / self.opened.record.fs

    @property
    def row(self) -> Any:
        """The chosen beat's row of the table; None if there is none."""
        beats = self.analysis.beats
        found = beats.index[beats["sample"] == self.cursor]
        return beats.loc[found[0]] if len(found) else None


@cache
def library() -> Library:
    """Return the recordings that are open in this process."""
    return Library()


@st.cache_resource(show_spinner=False)
def _store(path: str) -> Store:
    return Store(Path(path))


def store() -> Store:
    """Return the database of corrections."""
    return _store(str(corrections_path()))


def chosen_model() -> str:
    """Return the name of the model that this reader uses."""
    return str(st.session_state.get("model") or options.default_model())


def reviewer() -> str:
    """Return who reviews, or an empty text while the name is missing or wrong."""
    try:
        return check_reviewer(st.session_state.get("reviewer", ""))
    except BeatlensError:
        return ""


def open_record(record: Record) -> None:
    """Open a recording for this reader, at its first beat."""
    st.session_state["recording"] = library().add(record).sha256
    for name in ("cursor", "pin_s", "window"):
        st.session_state.pop(name, None)


def choose_model(name: str) -> None:
    """Use another model from now on; the place in the recording stays."""
    st.session_state["model"] = name


def move_to(sample: int) -> None:
    """Choose a beat."""
    st.session_state["cursor"] = int(sample)
    st.session_state.pop("pin_s", None)


def tell(sentence: str) -> None:
    """Keep a sentence for `require`, which shows it with the page that comes."""
    st.session_state["told"] = sentence


def restore() -> None:
    """Take up what the address says after the page was loaded anew, and write into it where this reader is now."""
    state, asked = st.session_state, st.query_params
    if "restored" not in state:
        state["restored"] = True
        if "recording" in asked and library().find(asked["recording"]) is not None:
            state["recording"] = asked["recording"]
        if "reviewer" in asked:
            state["reviewer"] = asked["reviewer"]
        if asked.get("model") in {card.name for card in list_models()}:
            state["model"] = asked["model"]
        if asked.get("beat", "").isdecimal():
            state["cursor"] = int(asked["beat"])


def write_address() -> None:
    """Write into the address where this reader is, so that loading the page anew goes on there."""
    state = st.session_state
    now = {
        "recording": state.get("recording"),
        "model": state.get("model"),
        "reviewer": reviewer() or None,
        "beat": str(state["cursor"]) if state.get("cursor") is not None else None,
    }
    wanted = {name: value for name, value in now.items() if value}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def here() -> Here | None:
    """Return what this reader looks at; None if no recording is open. The analysis must have been made."""
    opened = library().find(st.session_state.get("recording", ""))
    if opened is None:
        return None
    analysis = library().analyse(opened, chosen_model())
    who = reviewer()
    key = Key(opened.sha256, " ".join(labels_of(analysis)), who) if who else None
    changes: tuple[Change, ...] = ()
    revision: tuple[str, ...] = ()
    review = Review(analysis, analysis)
    if key is not None:
        revision = (key.labels, who, *(str(part) for part in store().revision(key)))
        changes = library().remember((opened.sha256, "changes", *revision), lambda: store().changes(key))
        name = (opened.sha256, "review", chosen_model(), opened.record.name, *revision)
        review = library().remember(name, lambda: apply_changes(analysis, changes, reviewer=who))
    return Here(opened, review, key, changes, _cursor(review), revision)


def _cursor(review: Review) -> int | None:
    """Return the chosen beat, or the one nearest to where it was."""
    beats, chosen = review.current.beats, st.session_state.get("cursor")
    if chosen is None:
        return int(beats["sample"].iloc[0]) if len(beats) else None
    if (beats["sample"] == chosen).any():
        return int(chosen)
    return nearest_beat(beats, chosen / review.current.record.fs)


def require() -> Here:
    """Return what this reader looks at, analysing the recording first where that is still to be done.

    Stops the page with a sentence where there is no recording, or it cannot be analysed.
    """
    if st.session_state.get("cancelled"):
        st.switch_page("pages/start.py")
    opened = library().find(st.session_state.get("recording", ""))
    if opened is None:
        gone = "recording" in st.session_state
        st.info("The recording is no longer open: open it again." if gone else "No recording is open yet.")
        st.page_link("pages/start.py", label="Open a recording", icon=":material/folder_open:")
        st.stop()
    with catching(stop=True):
        if not library().is_analysed(opened, chosen_model()):
            _analyse(opened)
        found = here()
    if found is None:
        st.stop()
    told = st.session_state.pop("told", None)
    if told:
        st.toast(told)
    return found


def _analyse(opened: Opened) -> None:
    """Show how far the analysis is until it is done. It goes on beside this page, also when another page is looked at."""
    model = chosen_model()
    place = st.empty()
    with place.container():
        st.markdown(f"**{plain(opened.record.name)}** is being analysed by {model}.")
        bar = st.progress(0.0)
        st.button("Cancel", key="cancel", icon=":material/close:", on_click=_cancel, args=(opened, model), shortcut="Escape")
    job = library().start(opened, model)
    with job.watching():
        while not job.wait(0.15):
            bar.progress(job.share, text=job.words.capitalize())
    place.empty()


def _cancel(opened: Opened, model: str) -> None:
    """Close a recording whose analysis takes too long; the work ends unless another reader waits for it."""
    library().cancel(opened, model)
    for name in ("recording", "cursor", "pin_s"):
        st.session_state.pop(name, None)
    st.session_state["cancelled"] = True


@contextmanager
def catching(*, stop: bool = False) -> Iterator[None]:
    """Show a deliberate error of the block as its sentence and its hint."""
    try:
        yield
    except BeatlensError as error:
        show_error(error)
        if stop:
            st.stop()


def show_error(error: BeatlensError) -> None:
    """Show an error as the command line does: one sentence, and what can be done about it."""
    text = error.message[:1].upper() + error.message[1:]
    hint = f"\n\n{plain(error.hint)}" if error.hint else ""
    st.error(f"{plain(text)}{hint}", icon=":material/error:")


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#$|~:" else letter for letter in text)
