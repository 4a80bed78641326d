"""What can be read of a signal, against signals spoiled on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.analysis.quality import MEANING, REASONS, assess_quality

FS = 100.0


def clean(seconds=20.0):
    """Return beats of 1 mV, once a second, with a little noise."""
    t = np.arange(round(seconds * FS)) / FS
    x = np.exp(-((((t + 0.5) % 1 - 0.5) / 0.03) ** 2)) + np.random.default_rng(0).normal(0, 0.005, t.size)
    return x.astype(np.float32)


def spoil(x, how):
    x = x.copy()
    part = slice(500, 1000)
    rng = np.random.default_rng(1)
    if how == "gap":
        x[600:700] = np.nan
    elif how == "flat":
        x[part] = 0.2
    elif how == "saturated":
        x[part] = np.clip(5 * np.sin(np.arange(500) / 8), -1, 1)
    elif how == "noise":
        x[part] += rng.normal(0, 0.4, 500)
    elif how == "artefact":
        x[750:1000] += 3
    return x


@pytest.mark.parametrize("how", sorted(MEANING))
def test_each_fault_is_found_where_it_is(how):
    """Only the spoiled stretch is taken out, and for the right reason."""
    quality = assess_quality(spoil(clean(), how)[:, None], FS)
    assert [REASONS[code] for code in quality.codes[:, 0]] == ["", how, "", ""]
    (span,) = quality.spans
    assert (span.start_s, span.end_s, span.reason) == (5.0, 10.0, how)
    assert quality.unreadable_s == 5.0
    assert quality.reasons_at(np.array([4.99, 5.0, 9.99, 10.0])).tolist() == ["", how, how, ""]


@pytest.mark.parametrize("seconds", [0.5, 3.0, 5.0, 5.01, 7.3, 20.0])
def test_clean_signals_of_any_length_can_be_read(seconds):
    """The last, shorter stretch is judged fairly, and the whole length is covered."""
    quality = assess_quality(clean(seconds)[:, None], FS)
    assert not quality.codes.any()
    assert len(quality.codes) == int(np.ceil(round(seconds * FS) / 500))
    assert quality.reasons_at(np.array([seconds])).tolist() == [""]


def test_one_readable_lead_is_enough():
    """A stretch is lost only where every lead is, for the first lead's reason."""
    leads = np.stack([spoil(clean(), "flat"), clean()], axis=1)
    assert assess_quality(leads, FS).spans == ()
    leads[500:1000, 1] = np.nan
    assert [span.reason for span in assess_quality(leads, FS).spans] == ["flat"]


def test_neighbouring_stretches_are_joined_and_the_end_is_the_end():
    """Ten bad seconds are one span; the last one ends with the recording."""
    x = clean(17.0)
    x[500:] = np.nan
    (span,) = assess_quality(x[:, None], FS).spans
    assert (span.start_s, span.end_s) == (5.0, 17.0)


def test_an_hour_boundary_changes_nothing():
    """Long signals are judged an hour at a time, with the same result as in one piece."""
    x = np.tile(clean(20.0), 183)
    x[360000:360250] = np.nan
    codes = assess_quality(x[:, None], FS).codes[:, 0]
    assert np.flatnonzero(codes).tolist() == [720]
    assert len(codes) == 732
