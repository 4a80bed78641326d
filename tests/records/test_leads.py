"""Lead names, units, and the choice of leads."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.errors import ConfigurationError
from beatlens.records import Record, choose_leads
from beatlens.records.choice import usable_share
from beatlens.records.leads import STANDARD_LEADS, looks_like_ecg, normalise_lead, unique_names
from beatlens.records.units import is_unscaled, millivolts, voltage_unit


@pytest.mark.parametrize("lead", STANDARD_LEADS)
@pytest.mark.parametrize(
    "form", ["{}", "ECG {}", "Lead {}", "MDC_ECG_LEAD_{}", "EKG-{}", "ecg lead {}", "Ableitung {}", " '{}' "]
)
def test_every_spelling_of_a_standard_lead(lead: str, form: str) -> None:
    """The twelve leads are known in upper and lower case, with the prefixes that files use."""
    for spelled in (lead, lead.upper(), lead.lower()):
        assert normalise_lead(form.format(spelled)) == lead


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mlii", "MLII"),
        ("ML2", "MLII"),
        ("DII", "II"),
        ("V5R", "V5R"),
        ("Lead I (Einthoven)", "I"),
        ("ECG", "ECG"),
        ("ekg", "ECG"),
        ("ECG1", "ECG1"),
        ("Chest\x00strap\n", "Chest strap"),
        ("", "ECG"),
        ("x" * 100, "x" * 40),
    ],
)
def test_other_names(name: str, expected: str) -> None:
    """Modified leads are known, ECG alone stays, and what is not known comes back clean and short."""
    assert normalise_lead(name) == expected


@pytest.mark.parametrize(
    "name", ["Resp", "RESP THORAX", "SpO2", "ABP", "EEG Fpz-Cz", "C4-M1", "EMG chin", "EDF Annotations", "acc_x", "Temp", "HR"]
)
def test_what_is_not_ecg(name: str) -> None:
    """Other signals of a polysomnogram or monitor are known by their names."""
    assert not looks_like_ecg(name)


@pytest.mark.parametrize("name", ["ECG", "MLII", "V5", "avr", "ECG 1", "X", "Channel 3", "ECG LL-RA", "CM5", "ECG II+"])
def test_what_may_be_ecg(name: str) -> None:
    """Leads, and channels that are not named as anything else, may be ECG."""
    assert looks_like_ecg(name)


def test_repeated_names_are_told_apart() -> None:
    """A repeated name gets a number that no other name has."""
    assert unique_names(["ECG", "ecg", "ECG (2)", "V1"]) == ("ECG", "ECG (2)", "ECG (2) (2)", "V1")


@pytest.mark.parametrize(
    ("label", "unit"),
    [("mV", "mV"), ("[µV]", "uV"), ("\u03bcV", "uV"), ("UV", "uV"), ("Volts", "V"), ("nV", "nV"), ("mmHg", None), ("", None)],
)
def test_units(label: str, unit: str | None) -> None:
    """Every spelling of a unit of voltage is known; another unit is none."""
    assert voltage_unit(label) == unit


def test_scales() -> None:
    """A volt is a thousand millivolts, and an unscaled label is not another unit."""
    assert [millivolts(unit) for unit in ("V", "mV", "uV", "nV")] == [1e3, 1.0, 1e-3, 1e-6]
    assert is_unscaled("adu")
    assert not is_unscaled("mmHg")


def recording(*names: str) -> Record:
    wave = np.sin(np.arange(2500) / 20)[:, None] * np.ones(len(names))
    return Record(signal=wave.astype(np.float32), fs=250.0, lead_names=names)


@pytest.mark.parametrize(
    ("names", "n", "expected"),
    [
        (STANDARD_LEADS, 2, ("II", "V5")),
        (STANDARD_LEADS, 1, ("II",)),
        (("V5", "MLII"), 1, ("MLII",)),
        (("ECG", "V1"), 1, ("V1",)),
        (("ECG 2", "ECG 1"), 1, ("ECG 2",)),
        (("V1",), 2, ("V1",)),
    ],
)
def test_leads_are_chosen_by_name(names: tuple[str, ...], n: int, expected: tuple[str, ...]) -> None:
    """Among leads that are equally usable, a lead II comes first and a chest lead second."""
    chosen = choose_leads(recording(*names), n)
    assert chosen.lead_names == expected
    assert bool(chosen.notes) == (len(names) > n)


def test_a_lead_that_fell_off_is_not_chosen() -> None:
    """A lead II that is flat for half the time gives way to one that is not, and the note says how much is usable."""
    record = recording("II", "V1")
    record.signal[1250:, 0] = 0.0
    chosen = choose_leads(record, 1)
    assert chosen.lead_names == ("V1",)
    assert chosen.notes[-1] == "Of 2 leads, V1 (100% usable) was chosen, by name and by signal."


@pytest.mark.parametrize(("value", "share"), [(np.nan, 0.5), (0.0, 0.5), (100.0, 0.5)])
def test_the_usable_share(value: float, share: float) -> None:
    """Missing, flat and wild seconds are not usable."""
    voltage = np.sin(np.arange(2500) / 20).astype(np.float32)
    voltage[1250:] = value if value != 100.0 else voltage[1250:] * value
    assert usable_share(voltage, 250.0) == share


def test_no_lead_cannot_be_chosen() -> None:
    """Fewer than one lead is refused."""
    with pytest.raises(ConfigurationError, match="'n' must be at least 1"):
        choose_leads(recording("II"), 0)
