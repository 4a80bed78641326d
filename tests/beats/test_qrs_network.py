"""The small network's weights: intact, described, and independent of polarity and gain."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

import numpy as np
import pytest

from beatlens.beats import qrs_network
from beatlens.beats.qrs_candidates import N_FEATURES, describe_candidates, find_candidates, trace_lead
from beatlens.databases.mitdb import DS1
from beatlens.errors import HashMismatchError


def test_the_card_describes_the_weights() -> None:
    """Their hash, their shapes, and that they saw DS1 only."""
    card = qrs_network.load_card()
    content = resources.files("beatlens.beats").joinpath(qrs_network.WEIGHTS).read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    layers = qrs_network.load_layers()
    assert [layers[0][0].shape[0], *(weight.shape[1] for weight, _ in layers)] == card["sizes"]
    assert card["sizes"][0] == N_FEATURES
    assert card["trained_on"]["records"] == list(DS1)


def test_changed_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash that differs from the card's is an error, not a worse detector."""
    monkeypatch.setattr(qrs_network, "load_card", lambda: {"sha256": "0" * 64})
    qrs_network.load_layers.cache_clear()
    try:
        with pytest.raises(HashMismatchError, match="must have SHA-256 0000"):
            qrs_network.load_layers()
    finally:
        qrs_network.load_layers.cache_clear()


@pytest.mark.parametrize("gain", [-1.0, 250.0, -0.004])
def test_gain_and_polarity_leave_the_features_alone(toy_ecg: Any, gain: float) -> None:
    """What the network sees is the same, so that its answer is."""
    ecg, fs = toy_ecg
    plain, changed = trace_lead(ecg[:18000], fs), trace_lead(gain * ecg[:18000], fs)
    candidates = find_candidates(plain)
    np.testing.assert_array_equal(find_candidates(changed), candidates)
    np.testing.assert_allclose(
        describe_candidates(changed, candidates), describe_candidates(plain, candidates), atol=1e-3, rtol=1e-3
    )


def test_beats_score_higher_than_other_waves(regular_ecg: Any) -> None:
    """Every R peak is above zero, every other candidate below."""
    ecg, times = regular_ecg
    trace = trace_lead(ecg, 360)
    candidates = find_candidates(trace)
    logits = qrs_network.score(describe_candidates(trace, candidates))
    near = np.abs(candidates[:, None] / 120 - times).min(axis=1) < 0.05
    assert near.sum() == len(times)
    assert not near.all()
    assert logits[near].min() > 0 > logits[~near].max()
