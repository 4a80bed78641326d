"""One beat explained in the app, with a small network of the seed's form, and the test of its picture."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.analysis import Settings, analyze
from beatlens.app.services.explaining import explain_beat, judge_window, measure_trust, methods_of
from beatlens.app.services.opening import parse_window
from beatlens.errors import ConfigurationError, SignalError
from beatlens.explain.methods import DEFAULTS


@pytest.fixture(scope="module")
def model(made_up):
    """An untrained network: what it says means nothing, how it is explained is the same."""
    return made_up.untrained_seed_lstm()


@pytest.fixture(scope="module")
def analysis(made_up, model):
    """The first beats of the made-up recording."""
    beats = made_up.RHYTHM[:24]
    record = made_up.make_record(beats, fs=360.0)
    r_samples = made_up.r_samples_of(record, beats)
    return analyze(record, model=model, r_samples=r_samples, settings=Settings(explanations=0))


def test_methods_begin_with_the_best(model, made_up) -> None:
    """The one that measured best for the model comes first, each once; a model that cannot be explained is said."""
    methods = methods_of(model)
    assert methods[0] == DEFAULTS["seed-lstm"]
    assert len(set(methods)) == len(methods) > 4
    with pytest.raises(ConfigurationError, match="no way to explain the model width"):
        methods_of(made_up.WidthModel())


def test_a_beat_is_explained_at_its_place(model, analysis) -> None:
    """The explanation is that of the beat which was asked for."""
    sample = int(analysis.beats["sample"].iloc[7])
    why = explain_beat(model, analysis, sample, method="saliency")
    assert (why.sample, why.predicted) == (sample, analysis.beats["class"].iloc[7])
    with pytest.raises(SignalError, match="no beat at sample 3"):
        explain_beat(model, analysis, 3, method="saliency")


def test_a_beat_that_was_not_judged(model, analysis, made_up) -> None:
    """The sentence says why."""
    from dataclasses import replace

    beats = analysis.beats.copy()
    beats["class"] = beats["class"].astype(object)
    beats.loc[7, ["class", "reason"]] = ["", "noise as large as the waves"]
    with pytest.raises(SignalError, match="did not judge this beat: noise"):
        explain_beat(model, replace(analysis, beats=beats), int(beats["sample"].iloc[7]), method="saliency")


def test_a_picture_is_tested_against_random_orders(model, analysis) -> None:
    """All curves begin at the call's probability and end where nothing of the beat is left; the sentence tells the areas."""
    sample = int(analysis.beats["sample"].iloc[7])
    trust = measure_trust(model, analysis, sample, method="saliency")
    assert trust.curve[0] == pytest.approx(trust.random[0])
    assert trust.curve[-1] == pytest.approx(trust.random[-1])
    assert trust.curve[0] == pytest.approx(analysis.beats["probability"].iloc[7], abs=1e-4)
    assert 0 <= trust.better_than <= 1
    assert f"{trust.area:.2f}" in trust.sentence
    assert measure_trust(model, analysis, sample, method="segment-shapley") is None


def test_one_window_is_judged_as_in_a_recording(model, analysis) -> None:
    """180 pasted values, in another scale, give the call and the probability of the same beat in its recording."""
    row = analysis.beats.iloc[7]
    at = int(row["sample"])
    values = 12 + 40 * analysis.record.signal[at - 90 : at + 90, 0].astype(np.float64)
    found = judge_window(model, parse_window(" ".join(f"{value:.6f}" for value in values)))
    assert found.called == row["class"]
    assert found.probability == pytest.approx(float(row["probability"]), abs=1e-3)
    assert found.explanation.attribution.shape == (180, 1)
    with pytest.raises(SignalError, match="a window must have 180 values"):
        judge_window(model, analysis.record.__class__(analysis.record.signal[:100], 360.0, ("II",)))
