"""Codes and small parts of HL7 FHIR R5 resources, as plain dictionaries.

LOINC codes are those of `loinc.org`, MDC codes those of ISO/IEEE 11073-10101 (and of its ECG part, 10102), units are UCUM.
What has no code there is described in words: a code that nearly fits would be read as if it fitted.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LOINC: Final = "http://loinc.org"
MDC: Final = "urn:iso:std:iso:11073:10101"
UCUM: Final = "http://unitsofmeasure.org"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
AGENT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"

Json = dict[str, Any]

ECG_STUDY: Final = (LOINC, "11524-6", "EKG study")
HOLTER_STUDY: Final = (LOINC, "18754-2", "Holter monitor study")
HEART_RATE: Final = ((LOINC, "8867-4", "Heart rate"), (MDC, "147842", "MDC_ECG_HEART_RATE"))
MEAN_RR: Final = (MDC, "147240", "MDC_ECG_TIME_PD_RR_GL")
SDNN: Final = (LOINC, "80404-7", "R-R interval.standard deviation (Heart rate variability)")
VENTRICULAR_COUNT: Final = (MDC, "148065", "MDC_ECG_V_P_C_CNT")
ECG_VOLTAGE: Final = (MDC, "131328", "MDC_ECG_ELEC_POTL")

_LEADS: Final = {
    "I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64,
}  # fmt: skip
_LEAD_BY_NAME: Final = {name.upper(): (131328 + number, name.upper()) for name, number in _LEADS.items()}


def concept(text: str, *codings: tuple[str, str, str]) -> Json:
    """Return a CodeableConcept: words, and a coding for each (system, code, display)."""
    found: Json = {"text": text}
    if codings:
        found["coding"] = [{"system": system, "code": code, "display": display} for system, code, display in codings]
    return found


def lead_concept(name: str) -> Json:
    """Return the code of a lead's voltage; a lead that the nomenclature does not name keeps its name and the general code."""
    known = _LEAD_BY_NAME.get(name.upper())
    if known is None:
        return concept(f"Lead {name}", ECG_VOLTAGE)
    return concept(f"Lead {name}", (MDC, str(known[0]), f"MDC_ECG_ELEC_POTL_{known[1]}"))


def quantity(value: float, unit: str, code: str | None = None) -> Json:
    """Return a Quantity in a UCUM unit, with six digits at most."""
    return {"value": short(value), "unit": unit, "system": UCUM, "code": code or unit}


def short(value: float) -> float | int:
    """Return a number with six digits, whole numbers as such."""
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded == int(rounded) else rounded


def measured(value: float | None, unit: str, code: str | None = None) -> Json:
    """Return the value of an observation or a component, or that it could not be computed."""
    if value is None or not math.isfinite(value):
        return {"dataAbsentReason": concept("too few beats to compute it", (ABSENT, "unknown", "Unknown"))}
    return {"valueQuantity": quantity(value, unit, code)}


def component(code: Json, value: Json) -> Json:
    """Return a component of an observation."""
    return {"code": code, **value}


def sampled_data(values: npt.NDArray[np.floating], fs: float) -> Json:
    """Return one lead as SampledData: whole microvolts with a factor of 0.001 to mV, ``E`` where nothing was recorded."""
    present = np.isfinite(values)
    microvolts = np.rint(1000 * np.where(present, values, 0)).astype(np.int64).tolist()
    return {
        "origin": quantity(0, "mV"),
        "interval": float(f"{1000 / fs:.12g}"),
        "intervalUnit": "ms",
        "factor": 0.001,
        "dimensions": 1,
        "data": " ".join(str(value) if known else "E" for value, known in zip(microvolts, present.tolist(), strict=True)),
    }


def effective(start: dt.datetime | None, from_s: float, to_s: float) -> Json:
    """Return when something happened, as exactly as FHIR allows.

    FHIR asks for the time zone of every time of day. Hardly any recording states one: then only the date is given, and the
    observation's components say how many seconds after the start of the recording it was.
    """
    if start is None:
        return {}
    first, last = (start + dt.timedelta(seconds=seconds) for seconds in (from_s, to_s))
    if start.tzinfo is None:
        one, other = first.date().isoformat(), last.date().isoformat()
        return {"effectiveDateTime": one} if one == other else {"effectivePeriod": {"start": one, "end": other}}
    one, other = (moment.isoformat(timespec="milliseconds") for moment in (first, last))
    return {"effectivePeriod": {"start": one, "end": other}}
