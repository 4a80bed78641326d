"""Which leads rhythm-lstm reads: both, unless one is little but noise beside the other."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.models.rhythm_leads import EXCERPT_S, EXCERPTS, NOISIER, measure_noise, read_leads
from beatlens.records import Record

FS = 250.0


def two_leads(noise: tuple[float, float], *, minutes: float = 2.0, height: tuple[float, float] = (1.0, 1.0)) -> tuple:
    """Return a recording of the same beats in two leads, each with noise of its own, and the R peaks."""
    rng = np.random.default_rng(0)
    n = int(minutes * 60 * FS)
    r = np.arange(int(FS), n - int(FS), int(0.8 * FS))
    t = np.arange(n)
    beats = np.zeros(n)
    for at in r:
        near = slice(max(0, at - 40), at + 40)
        beats[near] += np.exp(-0.5 * ((t[near] - at) / 4) ** 2)
    leads = [h * beats + rng.normal(0, level, n) for level, h in zip(noise, height, strict=True)]
    return Record(np.stack(leads, axis=1).astype(np.float32), FS, ("MLII", "V1")), r


@pytest.mark.parametrize(
    ("noise", "height", "read"),
    [
        ((0.02, 0.02), (1, 1), (0, 1)),
        ((0.02, 0.1), (1, 1), (0,)),
        ((0.1, 0.02), (1, 1), (1,)),
        ((0.1, 0.02), (5, 1), (0, 1)),  # as noisy beside its complex as the other one
    ],
)
def test_a_lead_that_is_much_noisier_is_left_out(noise, height, read) -> None:
    """Noise counts beside the height of the lead's own complexes."""
    assert read_leads(*two_leads(noise, height=height)) == read


def test_bursts_of_noise_do_not_count() -> None:
    """A lead that is noisy for a tenth of the time is read."""
    record, r = two_leads((0.02, 0.02))
    x = record.signal.copy()
    x[:3000, 1] += np.random.default_rng(1).normal(0, 0.3, 3000)
    assert read_leads(Record(x, FS, record.lead_names), r) == (0, 1)


def test_from_a_few_beats_nothing_is_said_of_noise() -> None:
    record, r = two_leads((0.02, 0.1))
    assert np.isnan(measure_noise(record, r[:4], (0, 1))).all()
    assert read_leads(record, r[:4]) == (0, 1)


def test_one_lead_is_read_and_a_flat_one_is_not() -> None:
    record, r = two_leads((0.02, 0.02))
    assert read_leads(record.select_leads(("V1",)), r) == (0,)
    flat = record.signal.copy()
    flat[:, 0] = 0
    assert read_leads(Record(flat, FS, record.lead_names), r) == (1,)


def test_a_long_recording_is_measured_in_excerpts() -> None:
    """What is measured hardly differs from that of the whole, though most of the signal is not looked at."""
    record, r = two_leads((0.02, 0.1), minutes=1.2 * EXCERPTS * EXCERPT_S / 60)
    noise = measure_noise(record, r, (0, 1))
    short, r_short = two_leads((0.02, 0.1))
    np.testing.assert_allclose(noise, measure_noise(short, r_short, (0, 1)), rtol=0.05)
    assert noise[1] / noise[0] > NOISIER
