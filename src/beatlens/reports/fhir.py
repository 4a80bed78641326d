"""An analysis as an HL7 FHIR R5 bundle, for systems that read nothing else.

A collection of: the Device (Beatlens with its model), a DiagnosticReport with Observations of the heart rate, of the
intervals, of the beats of each class, of the rhythm and of what could be read, Observations with SampledData (the strips
that the report shows, or all of a short recording), one Observation for each explained beat, and the Provenance of all of
it. Nothing says who the patient is, unless the recording was read with those fields.

Everything is *preliminary*: no person has checked it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable
from typing import Any, Final

from beatlens._version import __version__
from beatlens.analysis.result import Analysis, ExplainedBeat
from beatlens.analysis.rhythm import NORMAL, Event
from beatlens.reports.fhir_codes import (
    AGENT,
    CATEGORY,
    ECG_STUDY,
    ECG_VOLTAGE,
    HEART_RATE,
    HOLTER_STUDY,
    MEAN_RR,
    SDNN,
    VENTRICULAR_COUNT,
    Json,
    component,
    concept,
    effective,
    lead_concept,
    measured,
    quantity,
    sampled_data,
)
from beatlens.reports.page.choose import WHOLE_UP_TO_S, choose_strips
from beatlens.reports.style import class_style
from beatlens.reports.words import describe_analysis

NOTICE: Final = "For research; not a medical device. Computed by a machine and checked by nobody."
HOLTER_FROM_S: Final = 3 * 3600.0
"""A recording of at least this length is called a Holter study, a shorter one an ECG study."""

_SPACE: Final = uuid.UUID("5d0f1d5e-5b0c-5f6e-9a53-0a4c1e6fb8f2")
_SEXES: Final = {"m": "male", "male": "male", "f": "female", "female": "female"}


def make_bundle(analysis: Analysis, *, now: dt.datetime | None = None) -> dict[str, Any]:
    """Return an analysis as a FHIR R5 bundle in the types of JSON.

    Parameters
    ----------
    analysis : Analysis
    now : datetime, optional
        When the analysis was made, with its time zone; this moment if not given. Everything else depends on the analysis
        alone: the same analysis has the same identifiers.

    Returns
    -------
    dict
        A ``Bundle`` of type ``collection``; its parts refer to each other by ``urn:uuid:``.

    Examples
    --------
    >>> from beatlens.analysis import analyze
    >>> from beatlens.records.bundled import read_bundled
    >>> bundle = make_bundle(analyze(read_bundled()))  # doctest: +SKIP
    >>> bundle["resourceType"], bundle["type"]  # doctest: +SKIP
    ('Bundle', 'collection')
    """
    made = (now or dt.datetime.now(dt.UTC)).isoformat(timespec="seconds")
    name_of = _namer(analysis)
    patient = _make_patient(analysis)
    device = _make_device(analysis)
    observations = [*_measurements(analysis), *_strips(analysis), *_explained(analysis)]
    common: Json = {"device": {"reference": name_of(device)}}
    if patient:
        common["subject"] = {"reference": name_of(patient)}
    for observation in observations:
        observation.update(common)
    report = _make_report(analysis, [name_of(each) for each in observations])
    report |= {name: value for name, value in common.items() if name == "subject"}
    provenance = _make_provenance(
        analysis, made=made, device=name_of(device), targets=[name_of(each) for each in (report, *observations)]
    )
    resources = [*([patient] if patient else []), device, report, *observations, provenance]
    return {
        "resourceType": "Bundle",
        "id": name_of({"resourceType": "Bundle", "id": "bundle"}).removeprefix("urn:uuid:"),
        "type": "collection",
        "timestamp": made,
        "entry": [
            {"fullUrl": name_of(each), "resource": {**each, "id": name_of(each).removeprefix("urn:uuid:")}}
            for each in resources
        ],
    }


def _namer(analysis: Analysis) -> Callable[[Json], str]:
    """Return what gives each resource its identifier: the same analysis gives the same ones, another gives others."""
    digest = hashlib.sha256(f"{analysis.record.name}|{analysis.record.fs}|{analysis.model.sha256}|{__version__}".encode())
    digest.update(analysis.beats["sample"].to_numpy().tobytes())
    digest.update("".join(analysis.beats["class"].tolist()).encode())
    space = uuid.uuid5(_SPACE, digest.hexdigest())
    return lambda resource: f"urn:uuid:{uuid.uuid5(space, resource['resourceType'] + resource['id'])}"


def _make_device(analysis: Analysis) -> Json:
    model = analysis.model
    return {
        "resourceType": "Device",
        "id": "device",
        "status": "active",
        "displayName": "Beatlens",
        "name": [{"value": "Beatlens", "type": "user-friendly-name", "display": True}],
        "modelNumber": model.name,
        "type": [concept("Software that classifies the heartbeats of an ECG")],
        "version": [
            {"type": concept("Beatlens"), "value": __version__},
            {"type": concept(f"weights of {model.name}"), "value": model.version},
        ],
        "property": [
            {"type": concept("SHA-256 of the weights"), "valueString": model.sha256},
            {"type": concept("trained on"), "valueString": model.trained_on},
        ],
        "note": [{"text": NOTICE}],
    }


def _make_patient(analysis: Analysis) -> Json | None:
    fields = dict(analysis.record.patient)
    if not fields:
        return None
    patient: Json = {"resourceType": "Patient", "id": "patient"}
    name: Json = {}
    if fields.get("name"):
        name["text"] = fields["name"].replace("^", " ").strip()
    if fields.get("last_name"):
        name["family"] = fields["last_name"]
    if fields.get("first_name"):
        name["given"] = [fields["first_name"]]
    if name:
        patient["name"] = [name]
    if fields.get("id"):
        patient["identifier"] = [{"value": fields["id"]}]
    if fields.get("sex", "").lower() in _SEXES:
        patient["gender"] = _SEXES[fields["sex"].lower()]
    born = _as_date(fields.get("birth_date", ""))
    if born:
        patient["birthDate"] = born
    return patient


def _as_date(text: str) -> str:
    """Return a date as FHIR writes it, empty if it cannot be read: a wrong birthday is worse than none."""
    for form in ("%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%d.%m.%Y"):
        try:
            return dt.datetime.strptime(text.strip().title(), form).date().isoformat()
        except ValueError:
            continue
    return ""


def _make_report(analysis: Analysis, results: list[str]) -> Json:
    study = HOLTER_STUDY if analysis.record.duration_s >= HOLTER_FROM_S else ECG_STUDY
    return {
        "resourceType": "DiagnosticReport",
        "id": "report",
        "status": "preliminary",
        "code": concept("Automatic analysis of an ECG", study),
        "result": [{"reference": result} for result in results],
        "conclusion": " ".join(describe_analysis(analysis)),
        "note": [{"text": text} for text in (NOTICE, *analysis.notes)],
        **_whole(analysis),
    }


def _observation(name: str, code: Json, value: Json, *, components: list[Json] | None = None, note: str = "") -> Json:
    found: Json = {
        "resourceType": "Observation",
        "id": name,
        "status": "preliminary",
        "category": [concept("Procedure", (CATEGORY, "procedure", "Procedure"))],
        "code": code,
        **value,
    }
    if components:
        found["component"] = components
    if note:
        found["note"] = [{"text": note}]
    return found


def _whole(analysis: Analysis) -> Json:
    return effective(analysis.record.start_time, 0.0, analysis.record.duration_s)


def _moment(analysis: Analysis, from_s: float, to_s: float) -> Json:
    return effective(analysis.record.start_time, from_s, to_s)


def _seconds(text: str, value: float) -> Json:
    return component(concept(text), {"valueQuantity": quantity(value, "s")})


def _measurements(analysis: Analysis) -> list[Json]:
    """Return what was measured over the whole recording."""
    found = [_rate(analysis), _intervals(analysis), *_classes(analysis), _rhythm(analysis), _signal(analysis)]
    return [{**each, **_whole(analysis)} for each in found]


def _rate(analysis: Analysis) -> Json:
    rate, over = analysis.summary.heart_rate, analysis.settings.rate_beats
    components = []
    for word, value, at in (("Lowest", rate.lowest, rate.lowest_at_s), ("Highest", rate.highest, rate.highest_at_s)):
        code = concept(f"{word} heart rate, a mean over {over} intervals")
        components.append(component(code, measured(value, "beats/min", "/min")))
        if at is not None:
            components.append(_seconds(f"{word} heart rate: time since the start of the recording", at))
    mean = measured(rate.mean, "beats/min", "/min")
    return _observation("heart-rate", concept("Mean heart rate", *HEART_RATE), mean, components=components)


def _intervals(analysis: Analysis) -> Json:
    found = analysis.summary.intervals
    components = [
        component(concept("SDNN", SDNN), measured(found.sdnn_ms, "ms")),
        component(concept("RMSSD"), measured(found.rmssd_ms, "ms")),
        component(concept("pNN50"), measured(found.pnn50_percent, "%")),
        component(concept("Shortest interval between two beats"), measured(found.shortest_ms, "ms")),
        component(concept("Longest interval between two beats"), measured(found.longest_ms, "ms")),
        component(concept("Intervals between two normal beats"), {"valueInteger": found.n_normal}),
    ]
    code = concept("Mean interval between two normal beats", MEAN_RR)
    return _observation("intervals", code, measured(found.mean_normal_ms, "ms"), components=components)


def _classes(analysis: Analysis) -> list[Json]:
    """Return one observation a class: how many beats it has, and which share of those that were judged."""
    summary = analysis.summary
    found = []
    for name, count in summary.counts.items():
        codings = (VENTRICULAR_COUNT,) if name == "V" else ()
        components = []
        if summary.n_judged:
            share = 100 * count / summary.n_judged
            what = "Share of the classified beats" if name in NORMAL else "Burden: share of the classified beats"
            components.append(component(concept(what), {"valueQuantity": quantity(share, "%")}))
        code = concept(f"Beats called {class_style(name).name} ({name})", *codings)
        value = {"valueQuantity": quantity(count, "beats", "{beats}")}
        found.append(_observation(f"beats-{name}", code, value, components=components))
    return found


def _rhythm(analysis: Analysis) -> Json:
    summary = analysis.summary
    components = [
        component(concept(f"{words[kind]} of {class_style(name).name} beats ({name})"), {"valueInteger": number})
        for words in ({"run": "Runs", "couplet": "Couplets", "bigeminy": "Stretches of bigeminy"},)
        for kind, by_class in summary.episodes.items()
        for name, number in by_class.items()
    ]
    for word, event in (("Longest run", summary.longest_run), ("Fastest run", summary.fastest_run)):
        components += _about_run(word, event)
    pause = summary.longest_pause
    if pause is not None:
        components.append(_seconds("Longest pause", pause.end_s - pause.start_s))
        components.append(_seconds("Longest pause: time since the start of the recording", pause.start_s))
    code = concept(f"Pauses of {analysis.settings.pause_s:g} s or longer")
    return _observation("rhythm", code, {"valueInteger": summary.n_pauses}, components=components)


def _about_run(word: str, event: Event | None) -> list[Json]:
    if event is None:
        return []
    kind = f"{word}, of {class_style(event.beat_class).name} beats"
    found = [component(concept(f"{kind}: number of beats"), {"valueInteger": event.n_beats})]
    if event.rate_bpm is not None:
        found.append(component(concept(f"{kind}: rate"), measured(event.rate_bpm, "beats/min", "/min")))
    return [*found, _seconds(f"{kind}: time since the start of the recording", event.start_s)]


def _signal(analysis: Analysis) -> Json:
    summary = analysis.summary
    components = [
        _seconds("Length of the recording", summary.duration_s),
        component(concept("Beats that were found"), {"valueInteger": summary.n_beats}),
        component(concept("Beats that were classified"), {"valueInteger": summary.n_judged}),
        component(concept("Beats that the model was in doubt about"), {"valueInteger": summary.n_uncertain}),
        *(component(concept(f"Beats not classified: {why}"), {"valueInteger": n}) for why, n in analysis.not_judged.items()),
    ]
    share = 100 * (1 - summary.unreadable_s / summary.duration_s)
    code = concept("Share of the recording that could be read")
    return _observation("signal", code, {"valueQuantity": quantity(share, "%")}, components=components)


def _strips(analysis: Analysis) -> list[Json]:
    """Return the signal itself: all of a short recording, else the strips that the report shows."""
    record = analysis.record
    if record.duration_s <= WHOLE_UP_TO_S:
        parts = [("The whole recording", 0.0, record.duration_s)]
    else:
        parts = [("; ".join(strip.titles), strip.start_s, strip.end_s) for strip in choose_strips(analysis)]
    found = []
    for number, (title, start, end) in enumerate(parts):
        first, last = round(start * record.fs), min(record.n_samples, round(end * record.fs))
        components = [
            component(lead_concept(name), {"valueSampledData": sampled_data(record.signal[first:last, lead], record.fs)})
            for lead, name in enumerate(record.lead_names)
        ]
        components.append(_seconds("Time since the start of the recording", first / record.fs))
        code = concept(f"ECG strip: {title}", ECG_STUDY, ECG_VOLTAGE)
        strip = _observation(f"strip-{number}", code, {}, components=components)
        found.append({**strip, **_moment(analysis, start, end)})
    return found


def _explained(analysis: Analysis) -> list[Json]:
    return [_explain_beat(analysis, each) for each in analysis.explained]


def _explain_beat(analysis: Analysis, each: ExplainedBeat) -> Json:
    row, why = analysis.beats.iloc[each.beat], each.explanation
    at, name = float(row["time_s"]), str(row["class"])
    components = [
        component(concept("Probability of this class"), {"valueQuantity": quantity(float(row["probability"]), "1")}),
        component(concept("Probability that the beat is not normal"), {"valueQuantity": quantity(float(row["abnormal"]), "1")}),
        _seconds("Time since the start of the recording", at),
        component(concept("Why this beat was chosen"), {"valueString": each.why}),
        component(concept("Method of the explanation"), {"valueString": why.method}),
    ]
    value = {"valueCodeableConcept": concept(f"{class_style(name).name} ({name})")}
    found = _observation(f"beat-{each.beat}", concept("Class of a heartbeat"), value, components=components, note=why.sentence)
    return {**found, **_moment(analysis, at, at)}


def _make_provenance(analysis: Analysis, *, made: str, device: str, targets: list[str]) -> Json:
    return {
        "resourceType": "Provenance",
        "id": "provenance",
        "target": [{"reference": target} for target in targets],
        "recorded": made,
        "activity": concept("Automatic analysis of an ECG recording"),
        "agent": [{"type": concept("Assembler", (AGENT, "assembler", "Assembler")), "who": {"reference": device}}],
        "entity": [{"role": "source", "what": {"display": f"{analysis.record.name} ({analysis.record.source})"}}],
    }
