"""Counts, burden, intervals and events follow the corrections; the original stays as it was."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
import wfdb

from beatlens.app.services import exports
from beatlens.app.services.comparison import compare_with_reference, compare_with_reviewer, reference_of
from beatlens.app.services.gallery import find_clusters
from beatlens.app.services.review import Review, apply_changes, insert, labels_of, relabel, remove
from beatlens.app.services.store import Change, Edit
from beatlens.errors import AnnotationError, ConfigurationError
from beatlens.records import Annotations


def change(*edits: Edit, number: int = 1, state: str = "done") -> Change:
    return Change(number, "2026-01-01T00:00:00+00:00", "by hand", "width 1.2", state, edits)


@pytest.fixture
def review(known_analysis) -> Review:
    """The untouched review of the made-up recording."""
    return apply_changes(known_analysis, (), reviewer="ann")


def samples_of(analysis, name: str) -> list[int]:
    return analysis.beats.loc[analysis.beats["class"] == name, "sample"].tolist()


def test_a_class_changes_counts_burden_and_events(review: Review, known_analysis) -> None:
    """Two beats of the run made normal: two V less, and the run is a couplet."""
    run = known_analysis.summary.longest_run
    samples = known_analysis.beats["sample"].iloc[run.first_beat : run.first_beat + 2].tolist()
    found = apply_changes(known_analysis, [change(*relabel(review, samples, "N"))], reviewer="ann")
    before, after = known_analysis.summary, found.current.summary
    assert after.counts["V"] == before.counts["V"] - 2
    assert after.burden_percent["V"] < before.burden_percent["V"]
    assert after.longest_run is None
    assert found.corrected == frozenset(samples)
    assert known_analysis.summary.counts == before.counts


def test_a_deleted_beat_joins_its_intervals(review: Review, known_analysis) -> None:
    """The interval after it reaches back to the beat before."""
    sample = int(known_analysis.beats["sample"].iloc[10])
    found = apply_changes(known_analysis, [change(remove(review, sample))], reviewer="ann")
    rr = known_analysis.beats["rr_s"]
    assert found.removed == (sample,)
    assert found.current.beats["rr_s"].iloc[10] == pytest.approx(rr.iloc[10] + rr.iloc[11])
    assert found.current.summary.n_beats == len(known_analysis.beats) - 1


def test_an_added_beat_has_no_probability(review: Review, known_analysis) -> None:
    """It is the reviewer's alone, stands in the order of time, and keeps the types of the table."""
    sample = int(known_analysis.beats["sample"].iloc[10:12].mean())
    found = apply_changes(known_analysis, [change(insert(review, sample, "S"))], reviewer="ann")
    row = found.current.beats.iloc[11]
    assert (row["sample"], row["class"], row["judged"]) == (sample, "S", True)
    assert np.isnan(row["probability"])
    assert "ann" in row["reason"]
    assert found.current.beats.dtypes.to_dict() == known_analysis.beats.dtypes.to_dict()
    assert (np.diff(found.current.beats["sample"]) > 0).all()


def test_a_class_that_the_model_does_not_know(review: Review, known_analysis) -> None:
    """Q is counted, with no probability."""
    sample = samples_of(known_analysis, "V")[0]
    found = apply_changes(known_analysis, [change(*relabel(review, [sample], "Q"))], reviewer="ann")
    assert found.current.summary.counts["Q"] == 1
    assert labels_of(known_analysis) == ("N", "S", "V", "F", "Q")


def test_only_what_is_done_counts(review: Review, known_analysis) -> None:
    """An undone change leaves the analysis as it was."""
    edits = relabel(review, samples_of(known_analysis, "V"), "N")
    found = apply_changes(known_analysis, [change(*edits, state="undone")], reviewer="ann")
    assert found.current is known_analysis


def test_going_back_by_hand_is_no_correction(review: Review, known_analysis) -> None:
    """A beat that is given its first class again counts as the model's."""
    sample = samples_of(known_analysis, "V")[0]
    made = [change(Edit(sample, "V", "N")), change(Edit(sample, "N", "V"), number=2)]
    found = apply_changes(known_analysis, made, reviewer="ann")
    assert not found.corrected
    assert found.current.summary.counts == known_analysis.summary.counts


def test_explanations_of_other_calls_are_dropped(review: Review, known_analysis) -> None:
    """The explained beat, made normal, no longer carries the explanation of V; a beat deleted before it moves it."""
    (explained,) = known_analysis.explained
    sample = int(known_analysis.beats["sample"].iloc[explained.beat])
    gone = apply_changes(known_analysis, [change(*relabel(review, [sample], "N"))], reviewer="ann")
    assert not gone.current.explained
    first = int(known_analysis.beats["sample"].iloc[0])
    moved = apply_changes(known_analysis, [change(remove(review, first))], reviewer="ann")
    assert moved.current.explained[0].beat == explained.beat - 1


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda r: relabel(r, [5], "V"), "no beat at sample 5"),
        (lambda r: relabel(r, samples_of(r.original, "V"), "X"), "must be one of N, S, V, F, Q"),
        (lambda r: remove(r, 5), "no beat at sample 5"),
        (lambda r: insert(r, int(r.original.beats["sample"].iloc[3]) + 5, "V"), "already"),
        (lambda r: insert(r, 10**9, "V"), "inside the recording"),
        (lambda r: insert(r, 400, "normal"), "must be one of"),
    ],
)
def test_what_cannot_be_done(review: Review, act, sentence: str) -> None:
    """Each is one sentence that says what must hold."""
    with pytest.raises(ConfigurationError, match=sentence):
        act(review)


def test_a_beat_that_has_the_class_needs_no_edit(review: Review, known_analysis) -> None:
    """Relabelling twice changes nothing."""
    assert relabel(review, samples_of(known_analysis, "V"), "V") == ()


def test_agreement_counts_every_beat(review: Review, known_analysis) -> None:
    """One V made N, one beat deleted, one added: EC57's table with the reviewer as the reference says so."""
    v, n = samples_of(known_analysis, "V")[0], samples_of(known_analysis, "N")[3]
    new = int(known_analysis.beats["sample"].iloc[40:42].mean())
    made = [change(*relabel(review, [v], "N"), remove(review, n), insert(review, new, "V"))]
    found = compare_with_reviewer(apply_changes(known_analysis, made, reviewer="ann"), "ann")
    table = pd.DataFrame(found.counts, found.labels, found.labels)
    assert table.loc["N", "V"] == 1
    assert table.loc["no beat", "N"] == 1
    assert table.loc["V", "no beat"] == 1
    assert [(each.first, each.second) for each in found.disagreements] == sorted(
        [("N", "V"), ("no beat", "N"), ("V", "no beat")], key=lambda pair: {"N": v, "no beat": n, "V": new}[pair[0]]
    )
    figures = {title: (hits, cases) for title, _, hits, cases in found.figures}
    total = len(known_analysis.beats)
    assert figures["QRS sensitivity"] == (total - 1, total)
    assert figures["VEB positive predictivity"][1] == known_analysis.summary.counts["V"]
    assert "Reference annotator: ann" in found.text("made up")


def test_a_reference_is_compared(known_analysis) -> None:
    """Annotations that came with the recording are mapped as bxb maps them; disagreements are listed in the order of time."""
    from dataclasses import replace

    beats = known_analysis.beats
    symbols = np.where(beats["class"] == "V", "V", "L").astype("<U1")
    symbols[0] = "A"
    marks = Annotations(beats["sample"].to_numpy()[:-1], symbols[:-1])
    with_marks = replace(known_analysis, record=replace(known_analysis.record, annotations=marks))
    found = compare_with_reference(with_marks)
    assert [(each.first, each.second) for each in found.disagreements] == [("S", "N"), ("no beat", "N")]
    assert found.n_agreed == len(beats) - 2
    assert reference_of(known_analysis) is None
    with pytest.raises(AnnotationError, match="no annotated beats"):
        compare_with_reference(known_analysis)


def test_clusters_hold_every_judged_beat_once(known_analysis) -> None:
    """Shapes and the rest of each class add up to its count."""
    clusters = find_clusters(known_analysis)
    everyone = np.concatenate([cluster.samples for cluster in clusters])
    assert len(set(everyone.tolist())) == len(everyone) == known_analysis.summary.n_judged
    for cluster in clusters:
        classes = known_analysis.beats.set_index("sample").loc[cluster.samples, "class"]
        assert set(classes) == {cluster.beat_class}


def test_the_table_holds_both_classes(review: Review, known_analysis) -> None:
    """A deleted beat keeps its row; an added one has no class of the model."""
    v, n = samples_of(known_analysis, "V")[0], samples_of(known_analysis, "N")[3]
    new = int(known_analysis.beats["sample"].iloc[40:42].mean())
    made = (change(*relabel(review, [v], "N"), remove(review, n), insert(review, new, "S")),)
    found = apply_changes(known_analysis, made, reviewer="ann")
    table = pd.read_csv(io.BytesIO(exports.write_csv(found, made, "ann")), keep_default_na=False).set_index("sample")
    assert tuple(table.loc[v, ["class", "model_class", "changed_by", "deleted"]]) == ("N", "V", "ann", False)
    assert tuple(table.loc[n, ["class", "model_class", "deleted"]]) == ("", "N", True)
    assert tuple(table.loc[new, ["class", "model_class"]]) == ("S", "")
    assert (table["changed_by"] == "ann").sum() == 3


def test_annotations_of_both(review: Review, known_analysis, tmp_path) -> None:
    """The zip holds the reviewed and the original beats, and wfdb reads both."""
    new = int(known_analysis.beats["sample"].iloc[40:42].mean())
    found = apply_changes(known_analysis, [change(insert(review, new, "S"))], reviewer="ann")
    with zipfile.ZipFile(io.BytesIO(exports.write_wfdb(found))) as archive:
        archive.extractall(tmp_path)
    reviewed, original = (wfdb.rdann(str(tmp_path / name), "bl") for name in ("reviewed", "original"))
    assert len(reviewed.sample) == len(original.sample) + 1
    at = reviewed.sample.tolist().index(new)
    assert reviewed.symbol[at] == "S"
    assert "nan" not in reviewed.aux_note[at]


def test_everything_in_one_file(review: Review, known_analysis) -> None:
    """Both reports, the corrections that were taken back too, and the agreement."""
    v = samples_of(known_analysis, "V")
    made = (change(*relabel(review, v[:2], "Q")), change(*relabel(review, v[2:3], "N"), number=2, state="undone"))
    found = apply_changes(known_analysis, made, reviewer="ann")
    with zipfile.ZipFile(io.BytesIO(exports.write_everything(found, made, "ann"))) as archive:
        names = set(archive.namelist())
        changes = pd.read_csv(archive.open("changes.csv"))
        agreement = archive.read("agreement.txt").decode()
    assert {"reviewed/report.html", "original/report.html", "reviewed/analysis.json", "beats.csv"} <= names
    assert changes["state"].tolist() == ["done", "done", "undone"]
    assert "Beat-by-beat comparison" in agreement
    assert "not a medical device" in agreement
