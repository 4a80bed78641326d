"""The seed protocol's data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beatlens.beats.seed_windows import SeedBeats, balance_beats, load_seed_beats, seed_windows_of, split_beats
from beatlens.errors import ConfigurationError
from beatlens.records import Record


def make_beats(n_normal: int, n_abnormal: int) -> SeedBeats:
    n = n_normal + n_abnormal
    labels = np.repeat([0, 1], [n_normal, n_abnormal])
    return SeedBeats(
        windows=np.arange(n * 180, dtype=np.float32).reshape(n, 180),
        labels=labels,
        records=np.full(n, "100"),
        symbols=np.where(labels, "V", "N"),
        samples=np.arange(n),
    )


@pytest.mark.database
def test_the_database_yields_110714_windows(mitdb_folder: Path) -> None:
    """Every annotation other than + and ~ whose window fits; balanced, twice the abnormal ones."""
    beats = load_seed_beats(folder=mitdb_folder)
    assert len(beats) == 110_714
    assert not np.isin(beats.symbols, ["+", "~"]).any()
    balanced = balance_beats(beats)
    assert len(balanced) == 2 * int(beats.labels.sum()) == 71_362
    split = split_beats(balanced)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [51_382, 5_708, 14_272]


@pytest.mark.database
def test_the_first_channel_is_taken_whatever_its_name(mitdb_folder: Path) -> None:
    """Record 114's first channel is V5: the seed protocol takes it all the same."""
    from beatlens.beats.windows import zscore
    from beatlens.databases.mitdb import read_mitdb

    beats = load_seed_beats(("114",), folder=mitdb_folder)
    record = read_mitdb("114", mitdb_folder)
    assert record.lead_names == ("V5", "MLII")
    first = int(beats.samples[0])
    np.testing.assert_array_equal(beats.windows[:1], zscore(record.lead("V5")[None, first - 90 : first + 90]))


def test_balance_keeps_every_abnormal_beat() -> None:
    """The normal ones are drawn without repetition, and the same ones for the same seed."""
    beats = make_beats(50, 20)
    balanced = balance_beats(beats)
    assert balanced.labels.sum() == 20
    assert len(balanced) == len(np.unique(balanced.samples)) == 40
    np.testing.assert_array_equal(balanced.samples, balance_beats(beats).samples)
    assert not np.array_equal(balanced.samples, balance_beats(beats, seed=1).samples)


def test_split_keeps_the_parts_apart_and_the_labels_even() -> None:
    """Each beat stands in one part; each part has both labels in equal shares."""
    split = split_beats(make_beats(500, 500))
    parts = [split.train, split.validation, split.test]
    assert [len(part) for part in parts] == [720, 80, 200]
    assert [int(part.labels.sum()) for part in parts] == [360, 40, 100]
    samples = np.concatenate([part.samples for part in parts])
    assert len(np.unique(samples)) == 1000


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_split_refuses_a_share_outside_zero_to_one(fraction: float) -> None:
    """The setting is named."""
    with pytest.raises(ConfigurationError, match="'test_fraction' must lie between 0 and 1"):
        split_beats(make_beats(50, 50), test_fraction=fraction)


def test_split_refuses_too_few_beats() -> None:
    """A part without one of the labels could not be measured."""
    with pytest.raises(ConfigurationError, match="beats of both labels; got 0 with label 1"):
        split_beats(make_beats(50, 0))


def test_windows_of_any_record_say_why_a_beat_has_none() -> None:
    """Ends, gaps and flat parts are told apart."""
    signal = np.random.default_rng(0).normal(size=(3600, 1)).astype(np.float32)
    signal[1500] = np.nan
    signal[2400:2800] = 0.5
    windows, judged, reasons = seed_windows_of(Record(signal, 360.0, ("MLII",)), np.array([10, 500, 1480, 2600, 3599]))
    assert judged.tolist() == [False, True, False, False, False]
    assert windows.shape == (1, 180)
    assert reasons == (
        "too near an end of the recording",
        "",
        "a gap in the signal",
        "a flat signal",
        "too near an end of the recording",
    )


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 500.0, 1000.0])
def test_another_sampling_rate_gives_the_same_windows(fs: float) -> None:
    """A smooth signal sampled at another rate is seen by the network as at 360 Hz."""

    def sampled(rate: float) -> Record:
        t = np.arange(int(10 * rate)) / rate
        voltage = np.sin(2 * np.pi * 1.3 * t) + 0.5 * np.sin(2 * np.pi * 7 * t)
        return Record(voltage[:, None].astype(np.float32), rate, ("II",))

    times_s = np.array([3.0, 5.0, 7.0])
    expected, _, _ = seed_windows_of(sampled(360.0), (times_s * 360).astype(np.int64))
    found, judged, _ = seed_windows_of(sampled(fs), (times_s * fs).astype(np.int64))
    assert judged.all()
    np.testing.assert_allclose(found, expected, atol=0.02)
