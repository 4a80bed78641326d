"""Opening: what was given at the start, uploaded, pasted, or comes with the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from beatlens.app import options
from beatlens.app.services.explaining import WindowVerdict, judge_window
from beatlens.app.services.opening import Upload, check_length, is_window, open_uploads, parse_window
from beatlens.app.ui.session import catching, library, open_record, show_error
from beatlens.errors import BeatlensError
from beatlens.records import Record, read
from beatlens.records.bundled import read_bundled

SEED = "seed-lstm"


@st.cache_resource(show_spinner=False)
def bundled() -> Record:
    """Return the built-in recording, read once."""
    return read_bundled()


@st.cache_resource(show_spinner="Reading the recording")
def _read_start_file(path: str, fs: float | None, unit: str | None) -> Record:
    return check_length(read(path, fs=fs, unit=unit))


def open_start_file() -> None:
    """Open the recording that the app was started with, once for each reader."""
    path = options.start_file()
    if path is None or st.session_state.get("started"):
        return
    st.session_state["started"] = True
    if "recording" in st.session_state:
        return
    try:
        _open(_read_start_file(path, options.start_rate(), options.start_unit()))
    except BeatlensError as error:
        st.session_state["start_error"] = error


def show_start_error() -> None:
    """Say what is wrong with the file that the app was started with."""
    error = st.session_state.get("start_error")
    if error is not None:
        show_error(error)


def open_bundled() -> None:
    """Open the built-in recording."""
    _open(bundled())


def upload(files: Sequence[Any], fs: float | None, unit: str | None) -> bool:
    """Open what was uploaded; return whether a recording is open now, and not a single window."""
    with catching():
        record = open_uploads([Upload(file.name, file.getvalue()) for file in files], fs=fs, unit=unit)
        return _open(record)
    return False


def paste(text: str) -> None:
    """Judge pasted values."""
    with catching():
        _open(parse_window(text))


def _open(record: Record) -> bool:
    if is_window(record):
        st.session_state["one_window"] = record
        return False
    st.session_state.pop("one_window", None)
    st.session_state.pop("start_error", None)
    open_record(record)
    return True


def verdict(record: Record) -> WindowVerdict:
    """Return what ``seed-lstm`` says of one window."""
    found = library().add(record)
    return library().remember((found.sha256, "window"), lambda: judge_window(library().model(SEED), record))
