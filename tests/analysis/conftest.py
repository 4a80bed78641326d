"""A made-up recording whose every beat is known, analysed once."""

from __future__ import annotations

import datetime as dt
import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from beatlens.analysis import Settings, analyze

PLACE = Path(__file__).parents[1] / "reports" / "made_up_recording.py"


@pytest.fixture(scope="session")
def made_up():
    """The module `made_up_recording`."""
    spec = importlib.util.spec_from_file_location("made_up_recording", PLACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def known_analysis(made_up):
    """An analysis with every kind of event, one explained beat, and a time of day."""
    record = made_up.make_record(made_up.RHYTHM, start=dt.datetime(2020, 5, 17, 23, 59, 0))
    found = analyze(
        record,
        model=made_up.WidthModel(),
        r_samples=made_up.r_samples_of(record, made_up.RHYTHM),
        settings=Settings(explanations=6),
    )
    return replace(found, explained=(made_up.explain_first(found),), notes=())


@pytest.fixture(scope="session")
def analyse_beats(made_up):
    """Return a function that analyses a made-up rhythm with the made-up model."""

    def run(beats, **options):
        record = made_up.make_record(beats, **options)
        return analyze(record, model=made_up.WidthModel(), r_samples=made_up.r_samples_of(record, beats))

    return run
