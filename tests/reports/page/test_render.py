"""The report as a document: what a reader finds in it, and what must never be in it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from beatlens.explain.measured import Interval, Measured
from beatlens.reports.page import render, render_report

VOID = {"meta", "path", "rect", "br", "img", "link", "input"}


class Outline(HTMLParser):
    """Collects texts by element, and checks that every element is closed in order."""

    def __init__(self, document):
        super().__init__()
        self.open, self.headings, self.labels, self.tags = [], [], [], []
        self.text = ""
        self.feed(document)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if dict(attrs).get("role") == "img":
            self.labels.append(dict(attrs)["aria-label"])

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in {"h1", "h2"}:
            self.headings.append(data)
        if "style" not in self.open:
            self.text += data + " "


@pytest.fixture(scope="module")
def document(known_analysis):
    return render_report(known_analysis)


@pytest.fixture(scope="module")
def outline(document):
    return Outline(document)


def squeezed(text):
    return re.sub(r"\s+", " ", text)


def test_sections_come_in_the_order_of_a_reader(outline):
    """Summary first, what it rests on last."""
    assert outline.headings == [
        "made up",
        "Summary",
        "Overview",
        "Events",
        "Shapes of beats",
        "Why beats were called as they were",
        "Intervals",
        "Not judged",
        "About this report",
    ]


@pytest.mark.parametrize(
    "words",
    [
        "For research; not a medical device",
        "2020-05-17 23:59:00",
        "11 ventricular ectopic (11.1 %)",
        "Longest run of 4 beats (V), 150 per minute",
        "Longest pause, 2.6 s",
        "25 mm/s, 10 mm/mV",
        "Single ventricular ectopic beat (V)",
        "The most certain V beat. Called V (0.90): the logit of V is most sensitive 40 ms after the R peak.",
        "pre rr −100 %",
        "a slope is not evidence",
        "Every beat that was found was classified, and the whole recording could be read.",
        "width 1.2 ( abababababab ): A threshold on the width.",
        "It saw no patient.",
        "Pause: 2 s or longer.",
    ],
)
def test_the_report_says(outline, words):
    """What a reader needs is in the text, with its numbers."""
    assert words in squeezed(outline.text)


def test_the_report_loads_nothing(document):
    """No script, no address, no file: it opens anywhere, offline, and tells nobody."""
    outline = Outline(document)
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in outline.tags}
    attributes = [(name, value) for _, attrs in outline.tags for name, value in attrs.items()]
    assert not [value for name, value in attributes if name in {"src", "href", "srcset", "action"} or name.startswith("on")]
    assert "http" not in document.replace("http-equiv", "")
    assert "@import" not in document
    assert set(re.findall(r"url\((.*?)\)", document)) == {"#mm1", "#mm5"}


def test_names_cannot_write_html(known_analysis):
    """A recording, lead or patient field is text, whatever is in it."""
    evil = '<script>alert(1)</script>"><img src=x>'
    record = replace(known_analysis.record, name=evil, lead_names=(evil,), patient={evil: evil})
    document = render_report(replace(known_analysis, record=record, notes=(evil,)))
    assert "<script" not in document
    assert "<img" not in document
    Outline(document)


def test_no_patient_unless_the_record_says_who(known_analysis, document):
    """Fields of the patient appear if they were asked for when the file was read, and only then."""
    named = render_report(replace(known_analysis, record=replace(known_analysis.record, patient={"name": "Ada Example"})))
    assert "Ada Example" in named
    assert "Ada Example" not in document


def test_light_dark_and_paper_are_there(document):
    """The page follows the reader's light or dark, fits a phone, and has a page size."""
    assert "prefers-color-scheme:dark" in document
    assert "size: A4" in document
    assert 'name="viewport"' in document


def test_every_class_colour_of_the_page_is_defined(document):
    """A colour variable that a drawing uses has a value."""
    used = set(re.findall(r"var\((--[\w-]+)\)", document))
    assert used <= set(re.findall(r"(--[\w-]+):", document))


def test_each_drawing_has_a_description(outline):
    """A reader without eyes for it is told what each drawing is."""
    assert len(outline.labels) >= 8
    assert all(outline.labels)
    assert "beat of II with the importance of each instant" in outline.labels


def test_a_short_strip_is_shown_whole(analyse_beats):
    """Ten seconds: no trend, no selection, the whole recording on paper."""
    found = analyse_beats([(0.8, "N")] * 11 + [(0.5, "V")], tail_s=0.7)
    outline = Outline(render_report(found))
    assert found.record.duration_s == pytest.approx(10)
    assert "The whole recording" in outline.headings
    assert "Overview" not in outline.headings
    assert sum(label.startswith("ECG, II") for label in outline.labels) == 2


def test_nothing_to_report_is_a_report(made_up):
    """Without beats, every section that needs some is left out, and the rest stands."""
    from beatlens.analysis import analyze

    found = analyze(made_up.make_record([(0.8, "N")] * 90), model=made_up.WidthModel(), r_samples=[])
    outline = Outline(render_report(found))
    assert "Shapes of beats" not in outline.headings
    assert "No pause, run, couplet or bigeminy." in squeezed(outline.text)


def test_hours_are_listed_when_there_are_several(made_up):
    """A table row an hour, with counts and rate; parts that could not be read are named with their times."""
    from beatlens.analysis import analyze

    beats = [(1.0, "N")] * 4000
    record = made_up.make_record(beats, fs=100.0)
    record.signal[100_000:110_000] = float("nan")
    found = analyze(record, model=made_up.WidthModel(), r_samples=made_up.r_samples_of(record, beats))
    text = squeezed(Outline(render_report(found)).text)
    assert "Hour by hour" in text
    assert "16:40 to 18:20: gap" in text
    first, second = found.summary.hours
    assert f"0:00 {first.n_beats:,} 60 60 60" in text
    assert (second.start_s, second.n_beats) == (3600, 401)


def test_how_far_to_trust_the_pictures(known_analysis, document, monkeypatch: pytest.MonkeyPatch):
    """The figures of the method on these very weights; where there are none, that is said."""
    assert "This method was not measured on these weights." in document
    found = Measured(120, Interval(-0.2, -0.3, -0.1), Interval(-0.3, -0.4, -0.2), 40, 0.75, 0.1)
    asked = []
    monkeypatch.setattr(render, "find_measured", lambda *names: asked.append(names) or found)
    told = render_report(known_analysis)
    model = known_analysis.model
    assert asked == [(model.name, model.sha256, known_analysis.settings.method)]
    for words in (found.verdict, "Measured on 120 beats", "−0.200 [−0.300, −0.100]; ", "planted waves found 75 % of 40"):
        assert words in told
