"""The quality index, and the choice of leads that follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from beatlens.beats.leads import choose_leads
from beatlens.beats.quality import assess_signal
from beatlens.errors import SignalError


def test_an_ecg_is_better_than_noise(toy_ecg: Any) -> None:
    """A clean lead is near 1, noise near 0, and the index falls as noise grows."""
    ecg, fs = toy_ecg
    noise = np.random.default_rng(0).standard_normal(len(ecg))
    overall = [float(assess_signal(ecg + gain * noise, fs).overall()[0]) for gain in (0, 0.2, 0.6, 2)]
    assert overall[0] > 0.8
    assert overall == sorted(overall, reverse=True)
    assert assess_signal(noise, fs).overall()[0] < 0.05


@pytest.mark.parametrize("change", [lambda x: -x, lambda x: 1000 * x, lambda x: x + 300])
def test_unit_and_polarity_do_not_change_the_index(toy_ecg: Any, change: Any) -> None:
    """It speaks of shares only."""
    ecg, fs = toy_ecg
    np.testing.assert_allclose(assess_signal(change(ecg), fs).values, assess_signal(ecg, fs).values, atol=0.01)


def test_only_the_disturbed_window_suffers(toy_ecg: Any) -> None:
    """A gap, a flat part and noise each lower the index of their ten seconds; a time finds its window."""
    ecg, fs = toy_ecg
    signal = ecg.copy()
    signal[7200:10800] = np.nan
    signal[14400:18000] = 0.1
    signal[21600:25200] += 3 * np.random.default_rng(1).standard_normal(3600)
    quality = assess_signal(signal, fs)
    assert quality.values[[2, 4, 6], 0].max() < 0.1
    np.testing.assert_allclose(quality.values[[0, 1, 3, 5, 7], 0], assess_signal(ecg, fs).values[[0, 1, 3, 5, 7], 0], atol=0.02)
    assert quality.at(np.array([25.0, 5.0]))[:, 0].tolist() == quality.values[[2, 0], 0].tolist()


def test_the_last_window_ends_with_the_recording(toy_ecg: Any) -> None:
    """25 s have three windows, 4 s one."""
    ecg, fs = toy_ecg
    assert assess_signal(ecg[:9000], fs).starts_s.tolist() == [0.0, 10.0, 15.0]
    short = assess_signal(ecg[:1440], fs)
    assert (short.starts_s.tolist(), short.window_s) == ([0.0], 4.0)


def test_two_good_leads_are_chosen_by_name() -> None:
    """Of leads that are equally clean, II comes first, then a chest lead."""
    lead = np.tile(np.eye(1, 300, 100)[0] + np.eye(1, 300, 103)[0], 40)
    names = ("I", "II", "III", "V1", "V5")
    choice = choose_leads(np.stack([lead] * 5, axis=1), 360, names)
    assert choice.names == ("II", "V5")
    assert "chosen of 5 leads" in choice.notes[-1]


def test_a_noisy_lead_gives_way(toy_ecg: Any) -> None:
    """Quality outweighs the name, and noise alone is not taken as a second lead."""
    ecg, fs = toy_ecg
    noise = np.random.default_rng(0).standard_normal(len(ecg))
    assert choose_leads(np.stack([noise, ecg], axis=1), fs, ("II", "aVR")).names == ("aVR",)
    assert choose_leads(np.stack([noise, ecg, ecg], axis=1), fs, ("II", "aVR", "V5")).names == ("V5", "aVR")


def test_wanted_leads_are_taken_in_their_order(toy_ecg: Any) -> None:
    """Even when they are noisy; none at all is an error."""
    ecg, fs = toy_ecg
    signal = np.stack([np.random.default_rng(0).standard_normal(len(ecg)), ecg], axis=1)
    choice = choose_leads(signal, fs, ("II", "V1"), wanted=("V1", "II"))
    assert (choice.names, choice.indices) == (("V1", "II"), (1, 0))
    with pytest.raises(SignalError, match="at least one lead"):
        choose_leads(signal, fs, ("II", "V1"), wanted=())
