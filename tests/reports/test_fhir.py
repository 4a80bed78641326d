"""The FHIR bundle: that it is FHIR R5, what it says, and what it keeps to itself."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pytest

from beatlens.reports.fhir import NOTICE, make_bundle
from beatlens.reports.fhir_codes import effective, lead_concept, sampled_data

NOW = dt.datetime(2021, 3, 4, 5, 6, 7, tzinfo=dt.UTC)


def resources(bundle, kind):
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def observation(bundle, text):
    (found,) = [each for each in resources(bundle, "Observation") if each["code"]["text"].startswith(text)]
    return found


def part(of, text):
    (found,) = [each for each in of["component"] if each["code"]["text"] == text]
    return found


@pytest.fixture(scope="module")
def bundle(known_analysis):
    return make_bundle(known_analysis, now=NOW)


@pytest.fixture(scope="module")
def validate():
    """Return what reads a bundle as FHIR R5 and writes it again."""
    module = pytest.importorskip("fhir.resources.bundle", reason="fhir.resources is not installed")

    def run(value):
        return json.loads(module.Bundle.model_validate(value).model_dump_json())

    return run


def as_written(value):
    """JSON has one kind of number, and UTC has two signs."""
    return json.loads(json.dumps(value, sort_keys=True).replace('+00:00"', 'Z"'), parse_int=float)


def test_the_bundle_is_fhir_r5(bundle, validate):
    """The R5 models accept it, and what they write is what they were given: nothing was dropped."""
    assert as_written(validate(bundle)) == as_written(bundle)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda each: each.pop("status"),
        lambda each: each.update(valueInteger=3),
        lambda each: each.update(valueColour="red"),
    ],
    ids=["no status", "two values", "unknown field"],
)
def test_the_check_can_fail(bundle, validate, spoil):
    """A bundle with a damaged observation is refused by the same models."""
    wrong = json.loads(json.dumps(bundle))
    spoil(resources(wrong, "Observation")[0])
    with pytest.raises(ValueError, match="validation error"):
        validate(wrong)


def test_parts_refer_to_parts_of_the_bundle(bundle):
    """Every reference leads to an entry, and every entry has an address of its own, which is its id."""
    addresses = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(addresses)) == len(addresses)
    assert addresses == [f"urn:uuid:{entry['resource']['id']}" for entry in bundle["entry"]]

    def references(value):
        if isinstance(value, dict):
            if "reference" in value:
                yield value["reference"]
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    assert set(references(bundle)) <= set(addresses)


def test_numbers_are_those_of_the_analysis(bundle, known_analysis):
    """Heart rate, beats of each class with their burden, pauses, and what could be read."""
    summary = known_analysis.summary
    rate = observation(bundle, "Mean heart rate")
    assert {coding["code"] for coding in rate["code"]["coding"]} == {"8867-4", "147842"}
    assert rate["valueQuantity"]["value"] == pytest.approx(summary.heart_rate.mean, rel=1e-5)
    assert part(rate, "Highest heart rate, a mean over 8 intervals")["valueQuantity"]["value"] == pytest.approx(
        summary.heart_rate.highest, rel=1e-5
    )
    ventricular = observation(bundle, "Beats called ventricular ectopic")
    assert ventricular["valueQuantity"]["value"] == 11
    assert [coding["code"] for coding in ventricular["code"]["coding"]] == ["148065"]
    burden = part(ventricular, "Burden: share of the classified beats")["valueQuantity"]
    assert (burden["value"], burden["code"]) == (pytest.approx(summary.burden_percent["V"], rel=1e-5), "%")
    rhythm = observation(bundle, "Pauses of 2 s or longer")
    assert rhythm["valueInteger"] == 1
    assert part(rhythm, "Longest pause")["valueQuantity"]["value"] == pytest.approx(2.6, abs=0.01)
    assert part(rhythm, "Runs of ventricular ectopic beats (V)")["valueInteger"] == 1
    assert observation(bundle, "Share of the recording")["valueQuantity"]["value"] == 100


def test_strips_are_the_signal(bundle, known_analysis):
    """The samples of a strip times their factor are the recording's voltage where the strip says that it lies."""
    strips = [each for each in resources(bundle, "Observation") if each["code"]["text"].startswith("ECG strip")]
    assert len(strips) >= 3
    for strip in strips:
        at = round(part(strip, "Time since the start of the recording")["valueQuantity"]["value"] * known_analysis.record.fs)
        data = part(strip, "Lead II")["valueSampledData"]
        values = np.array(data["data"].split(), np.float64) * data["factor"]
        assert (data["interval"], data["intervalUnit"], data["origin"]["code"]) == (4.0, "ms", "mV")
        np.testing.assert_allclose(values, known_analysis.record.signal[at : at + len(values), 0], atol=6e-4)


def test_a_short_recording_is_there_whole(analyse_beats, validate):
    """Up to a minute, the bundle holds every sample of every lead."""
    found = analyse_beats([(0.8, "N")] * 8)
    bundle = make_bundle(found, now=NOW)
    validate(bundle)
    data = part(observation(bundle, "ECG strip: The whole recording"), "Lead II")["valueSampledData"]["data"]
    assert len(data.split()) == found.record.n_samples


def test_explained_beats_say_why(bundle, known_analysis):
    """Class, probability, place, and the sentence of the explanation."""
    beat = observation(bundle, "Class of a heartbeat")
    assert beat["valueCodeableConcept"]["text"] == "ventricular ectopic (V)"
    assert part(beat, "Probability of this class")["valueQuantity"]["value"] == pytest.approx(0.9)
    assert beat["note"][0]["text"] == known_analysis.explained[0].explanation.sentence


def test_device_and_provenance(bundle, known_analysis):
    """Software and weights with their versions and hash; everything was made by that device, from that recording."""
    (device,) = resources(bundle, "Device")
    assert [each["value"] for each in device["version"]][1] == known_analysis.model.version
    assert device["property"][0]["valueString"] == known_analysis.model.sha256
    assert device["note"][0]["text"] == NOTICE
    (provenance,) = resources(bundle, "Provenance")
    made = {f"urn:uuid:{each['id']}" for kind in ("Observation", "DiagnosticReport") for each in resources(bundle, kind)}
    assert {target["reference"] for target in provenance["target"]} == made
    assert provenance["agent"][0]["who"]["reference"] == f"urn:uuid:{device['id']}"
    assert provenance["recorded"] == bundle["timestamp"] == "2021-03-04T05:06:07+00:00"
    assert provenance["entity"][0]["what"]["display"].startswith("made up")


def test_nothing_is_final(bundle):
    """No person has seen it: every observation and the report are preliminary."""
    found = [*resources(bundle, "Observation"), *resources(bundle, "DiagnosticReport")]
    assert {each["status"] for each in found} == {"preliminary"}


def test_no_patient_unless_asked_for(bundle, known_analysis, validate):
    """Without the patient's fields there is no patient; with them one, and every observation is about that one."""
    assert not resources(bundle, "Patient")
    assert not any("subject" in each for each in resources(bundle, "Observation"))
    fields = {"first_name": "Ada", "last_name": "Byron", "id": "17", "sex": "F", "birth_date": "10-DEC-1815"}
    named = make_bundle(replace(known_analysis, record=replace(known_analysis.record, patient=fields)), now=NOW)
    validate(named)
    (patient,) = resources(named, "Patient")
    assert (patient["name"], patient["gender"], patient["birthDate"]) == (
        [{"family": "Byron", "given": ["Ada"]}],
        "female",
        "1815-12-10",
    )
    assert {each["subject"]["reference"] for each in resources(named, "Observation")} == {f"urn:uuid:{patient['id']}"}


def test_the_same_analysis_has_the_same_identifiers(bundle, known_analysis):
    """Sent twice, it can be recognised; another one has other identifiers."""
    later = make_bundle(known_analysis, now=NOW + dt.timedelta(days=1))
    assert [entry["fullUrl"] for entry in later["entry"]] == [entry["fullUrl"] for entry in bundle["entry"]]
    beats = known_analysis.beats.copy()
    beats.loc[0, "class"] = "V"
    other = make_bundle(replace(known_analysis, beats=beats), now=NOW)
    assert not {entry["fullUrl"] for entry in other["entry"]} & {entry["fullUrl"] for entry in bundle["entry"]}


def test_no_beats_are_a_bundle_too(made_up, validate):
    """Where nothing could be measured the bundle says so, and is still FHIR."""
    from beatlens.analysis import analyze

    bundle = make_bundle(analyze(made_up.make_record([(0.8, "N")] * 3), model=made_up.WidthModel(), r_samples=[]), now=NOW)
    validate(bundle)
    assert "dataAbsentReason" in observation(bundle, "Mean heart rate")


def test_gaps_are_marked():
    """A missing sample is E, and the others keep their place."""
    data = sampled_data(np.array([0.5, np.nan, -0.0012], np.float32), 360.0)
    assert data["data"] == "500 E -1"
    assert data["interval"] == pytest.approx(1000 / 360, rel=1e-11)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (None, {}),
        (dt.datetime(2020, 5, 17, 12), {"effectiveDateTime": "2020-05-17"}),
        (dt.datetime(2020, 5, 17, 23, 59, 59), {"effectivePeriod": {"start": "2020-05-17", "end": "2020-05-18"}}),
        (
            dt.datetime(2020, 5, 17, 12, tzinfo=dt.UTC),
            {"effectivePeriod": {"start": "2020-05-17T12:00:00.000+00:00", "end": "2020-05-17T12:00:07.500+00:00"}},
        ),
    ],
)
def test_a_time_of_day_is_given_only_with_its_zone(start, expected):
    """FHIR wants a zone with every time of day, and none is invented."""
    assert effective(start, 0.0, 7.5) == expected


@pytest.mark.parametrize(
    ("name", "code"), [("II", "131330"), ("avf", "131392"), ("V5", "131335"), ("MLII", "131328"), ("ECG", "131328")]
)
def test_leads_have_the_nomenclatures_code_where_it_has_one(name, code):
    """A lead that is not in the nomenclature is never passed off as one that is."""
    found = lead_concept(name)
    assert (found["coding"][0]["code"], found["text"]) == (code, f"Lead {name}")
