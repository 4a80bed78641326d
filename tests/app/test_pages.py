"""Every page, run as Streamlit runs it: no exception, the right content, and what its buttons do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from beatlens.app import main, options
from beatlens.app.services.library import Library
from beatlens.app.services.store import Key, Store
from beatlens.app.ui import session
from beatlens.models.registry import load_card
from beatlens.records import Annotations

PAGES = ("start", "overview", "strip", "beat", "gallery", "review", "compare", "models")
MODEL = "seed-lstm"


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrections of a test go to a folder of its own; nothing of another process is asked."""
    monkeypatch.setenv("BEATLENS_DATA_HOME", str(tmp_path))
    monkeypatch.setenv(options.MODEL, MODEL)
    monkeypatch.delenv(options.FILE, raising=False)


@pytest.fixture
def opened(known_analysis) -> SimpleNamespace:
    """The made-up recording with its reference annotations, open, and analysed by the made-up model."""
    beats = known_analysis.beats
    symbols = np.where(beats["class"] == "V", "V", "N").astype("<U1")
    symbols[5] = "A"
    record = replace(known_analysis.record, annotations=Annotations(beats["sample"].to_numpy(), symbols))
    analysis = replace(known_analysis, record=record)
    library: Library = session.library()
    found = library.add(record)
    library.remember((found.sha256, "analysis", MODEL, record.name), lambda: analysis)
    why = known_analysis.explained[0]
    sample = int(beats["sample"].iloc[why.beat])
    library.remember((found.sha256, "why", MODEL, "saliency", str(sample)), lambda: why.explanation)
    library.remember(("", "methods", MODEL), lambda: ("saliency", "occlusion"))
    library._models[MODEL] = SimpleNamespace(name=MODEL)
    yield SimpleNamespace(sha256=found.sha256, analysis=analysis, explained=sample, beats=beats)
    library._models.pop(MODEL)
    session._store.clear()


def run_page(page: str, opened: SimpleNamespace | None = None, **state: object) -> AppTest:
    at = AppTest.from_file(main.__file__, default_timeout=60)
    if opened is not None:
        at.session_state["recording"] = opened.sha256
    for name, value in state.items():
        at.session_state[name] = value
    at.run()
    if page != ("overview" if opened is not None else "start"):
        at.switch_page(f"pages/{page}.py").run()
    assert not at.exception, [each.message for each in at.exception]
    return at


def text_of(at: AppTest) -> str:
    kinds = ("title", "subheader", "markdown", "caption", "html", "info", "error", "metric")
    parts = [str(getattr(each, "value", "") or getattr(each.proto, "body", "")) for kind in kinds for each in at.get(kind)]
    return "\n".join(parts)


def pictures_of(at: AppTest) -> str:
    return "\n".join(json.loads(each.proto.json)["html"] for each in at.get("bidi_component") if each.proto.json)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_without_a_recording(page: str) -> None:
    """Each says what to do; none fails."""
    at = run_page(page)
    text = text_of(at)
    assert {"start": "Open a recording", "models": "rhythm-lstm"}.get(page, "No recording is open yet") in text
    # AppTest keeps the frame around the page for the first page only
    assert page != "start" or "not a medical device" in text


@pytest.mark.parametrize("page", PAGES)
def test_every_page_with_a_recording(page: str, opened: SimpleNamespace) -> None:
    """Each shows what it is for."""
    at = run_page(page, opened, cursor=opened.explained)
    shown = text_of(at) + pictures_of(at)
    figures = load_card("seed-lstm").figures["seed"]  # of as many normal beats as abnormal ones
    true_negatives = round(figures["specificity"] * figures["n_beats"] / 2)
    expected = {
        "start": ("Open a recording", "400 MB"),
        "overview": ("made up", "ventricular ectopic", 'class="here"', "Events", "1 pause"),
        "strip": ('class="lit"', 'data-pick="', "25 mm/s"),
        "beat": ("most sensitive 40 ms after the R peak", 'class="usual"', "Its neighbours", "Caveat"),
        "gallery": ("Normal:", "Ventricular ectopic:", "V 1", 'class="mean"'),
        "review": ("Counts and burden", "None yet.", "QRS sensitivity", "Export"),
        "compare": ("beats agree", "Disagreements", "reference: V", "VEB sensitivity"),
        "models": ("inter-patient", f"{true_negatives:,}", "Where it fails"),
    }[page]
    for words in expected:
        assert words in shown, words


def test_a_methods_figures_stand_beside_its_picture(opened: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of these very weights; where there are none, that is said."""
    told = text_of(run_page("beat", opened, cursor=opened.explained))
    assert "This method was not measured on these weights." in told
    kept = {"weights": opened.analysis.model.sha256, "n_beats": 120}
    figures = {"amplitude": [-0.2, -0.3, -0.1], "chance": [-0.3, -0.4, -0.2], "planted": 40, "found": 0.75, "shuffled": 0.1}
    kept["methods"] = {"saliency": figures}
    monkeypatch.setattr("beatlens.explain.measured._read", lambda: {opened.analysis.model.name: kept})
    told = text_of(run_page("beat", opened, cursor=opened.explained))
    for words in ("better than the largest voltages", "measured on 120 beats", "−0.200 [−0.300, −0.100]", "75 % of 40"):
        assert words in told


def test_after_cancelling_a_recording_is_chosen_again(opened: SimpleNamespace) -> None:
    """The page of the recording leads to where one is opened, and says why, once."""
    at = run_page("overview", opened)
    at.session_state["cancelled"] = True
    del at.session_state["recording"]
    at.switch_page("pages/overview.py").run()
    assert "Open a recording" in text_of(at)
    assert at.info[0].value == "The analysis was cancelled."
    assert "cancelled" not in at.session_state


def test_jumps_and_steps(opened: SimpleNamespace) -> None:
    """The next V, the beat after it, and a sentence where there is no further one."""
    v = opened.beats.loc[opened.beats["class"] == "V", "sample"].tolist()
    at = run_page("strip", opened)
    at.button(key="next_V").click().run()
    assert at.session_state["cursor"] == v[0]
    assert f'chosen" style="--c:var(--c-V)" data-pick="{v[0]}"' in pictures_of(at)
    at.button(key="on").click().run()
    assert at.session_state["cursor"] == opened.beats["sample"].iloc[opened.beats["sample"].tolist().index(v[0]) + 1]
    at.session_state["cursor"] = v[-1]
    at.button(key="next_V").click().run()
    assert [toast.value for toast in at.toast] == ["There is no further ventricular ectopic beat."]
    at.button(key="next_doubtful").click().run()
    assert at.toast[0].value == "There is no further doubtful beat."


def test_pages_of_paper_and_times(opened: SimpleNamespace) -> None:
    """Turning a page moves by its length; a time that was typed is found; a wrong one is said."""
    at = run_page("strip", opened)
    at.segmented_control(key="length_widget").set_value(30).run()
    at.button(key="page_on").click().run()
    assert 30 <= at.session_state["cursor"] / 250 < 60
    at.text_input(key="wanted_time").set_value("1:05").run()
    assert at.session_state["cursor"] / 250 == pytest.approx(65, abs=1)
    at.text_input(key="wanted_time").set_value("tomorrow").run()
    assert "a time must be written" in at.toast[0].value.lower()
    assert at.session_state["length_s"] == 30


def test_a_correction_is_kept_and_undone(opened: SimpleNamespace, tmp_path: Path) -> None:
    """Relabel, see the counts follow, undo, redo: each step is in the database at once."""
    at = run_page("strip", opened, reviewer="Ann", cursor=opened.explained)
    at.button(key="set_N").click().run()
    assert 'class="mark plain chosen mine"' in pictures_of(at)
    assert "corrected; the model said V (Ann)" in text_of(at)
    key = Key(opened.sha256, "N S V F Q", "Ann")
    store = Store(tmp_path / "corrections.sqlite3")
    assert [change.state for change in store.changes(key)] == ["done"]
    at.button(key="undo").click().run()
    assert [change.state for change in store.changes(key)] == ["undone"]
    assert "corrected" not in text_of(at)
    at.button(key="redo").click().run()
    at.switch_page("pages/review.py").run()
    assert not at.exception
    assert "−1" in text_of(at)
    assert "is N" in text_of(at)


def test_a_beat_is_deleted_and_added(opened: SimpleNamespace) -> None:
    """The beat after a deleted one is chosen; a beat is added where the reader pointed, on the nearest deflection."""
    samples = opened.beats["sample"].tolist()
    at = run_page("strip", opened, reviewer="Ann", cursor=samples[3])
    at.button(key="delete").click().run()
    assert at.session_state["cursor"] == samples[4]
    assert 'class="removed"' in pictures_of(at)
    at.session_state["pin_s"] = samples[3] / 250 + 0.03
    at.run()
    at.button(key="add_S").click().run()
    assert at.session_state["cursor"] == samples[3]
    assert "pin_s" not in at.session_state


def test_without_a_name_nothing_is_corrected(opened: SimpleNamespace, tmp_path: Path) -> None:
    """The buttons are off, and the page says why."""
    at = run_page("strip", opened)
    assert at.button(key="set_V").disabled
    assert at.button(key="delete").disabled
    assert "write your name" in text_of(at)


def test_two_reviewers_do_not_mix(opened: SimpleNamespace) -> None:
    """What Ann corrects, Bob does not see, in one process and on one recording."""
    ann = run_page("strip", opened, reviewer="Ann", cursor=opened.explained)
    bob = run_page("strip", opened, reviewer="Bob", cursor=opened.explained)
    ann.button(key="set_N").click().run()
    bob.button(key="set_F").click().run()
    assert "the model said V (Ann)" in text_of(ann.run())
    assert "the model said V (Bob)" in text_of(bob.run())
    bob.button(key="undo").click().run()
    assert "corrected" not in text_of(bob)
    assert "the model said V (Ann)" in text_of(ann.run())


def test_a_cluster_is_relabelled(opened: SimpleNamespace, tmp_path: Path) -> None:
    """All its beats in one change, which one undo takes back."""
    at = run_page("gallery", opened, reviewer="Ann")
    at.button(key="all_V 1_Q").click().run()
    assert not at.exception
    (change,) = Store(tmp_path / "corrections.sqlite3").changes(Key(opened.sha256, "N S V F Q", "Ann"))
    assert len(change.edits) == int((opened.beats["class"] == "V").sum())
    assert "Unknown or paced:" in text_of(at)


def test_events_and_disagreements_are_stepped_to(opened: SimpleNamespace) -> None:
    """The next event is the first couplet; the one disagreement is found, and it is the only one."""
    at = run_page("overview", opened)
    at.button(key="event_on").click().run()
    event = opened.analysis.events[0]
    assert at.session_state["cursor"] == opened.beats["sample"].iloc[event.first_beat]
    at = run_page("compare", opened)
    at.button(key="differ_1").click().run()
    assert at.session_state["cursor"] == opened.beats["sample"].iloc[5]
    at.button(key="differ_1").click().run()
    assert at.toast[0].value == "There is no further disagreement."


def test_the_page_goes_on_after_a_reload(opened: SimpleNamespace) -> None:
    """A new session with the address of the old one has its recording, reviewer and beat."""
    at = run_page("overview", opened, reviewer="Ann", cursor=opened.explained)
    again = AppTest.from_file(main.__file__, default_timeout=60)
    for name, value in at.query_params.items():
        again.query_params[name] = value
    again.run()
    assert not again.exception
    assert again.session_state["recording"] == opened.sha256
    assert again.session_state["cursor"] == opened.explained
    assert again.text_input(key="reviewer").value == "Ann"


def test_a_wrong_address_is_harmless() -> None:
    """What is unknown is ignored."""
    at = AppTest.from_file(main.__file__, default_timeout=60)
    for name, value in {"recording": "../../etc", "model": "nothing", "beat": "x", "reviewer": "\x00"}.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    assert "Open a recording" in text_of(at)


def test_a_bad_file_at_the_start_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sentence and hint as the command's."""
    (tmp_path / "x.edf").write_bytes(b"\x01\x02 nothing" * 40)
    monkeypatch.setenv(options.FILE, str(tmp_path / "x.edf"))
    at = run_page("start")
    assert "X.edf is not a recording that Beatlens can read" in at.error[0].value.replace("\\", "")
    assert "WFDB" in at.error[0].value


def test_pasted_values_that_are_no_window() -> None:
    """The sentence says how many there must be."""
    at = run_page("start")
    at.text_area(key="values").set_value("1, 2, 3").run()
    at.button(key="judge").click().run()
    assert not at.exception
    assert "180 values; got 3" in at.error[0].value
