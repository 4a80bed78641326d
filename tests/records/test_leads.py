"""Lead names and units."""

from __future__ import annotations

import pytest

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
