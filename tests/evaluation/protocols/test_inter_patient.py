"""The inter-patient protocol from arrays: mappings, misses, subsets, records, intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import sklearn.metrics as scikit

from beatlens.errors import AnnotationError, ConfigurationError
from beatlens.evaluation.protocols.inter_patient import LABELS, BeatCalls, evaluate_inter_patient
from beatlens.labels import classify_symbols
from beatlens.records import Annotations


def reference_of(symbols: str) -> Annotations:
    return Annotations(np.arange(1, len(symbols) + 1) * 300, np.array(list(symbols), "<U1"))


def calls_of(classes: str, probability: list[float] | None = None) -> BeatCalls:
    return BeatCalls(
        np.arange(1, len(classes) + 1) * 300,
        np.array([c.strip() for c in classes], "<U8"),
        None if probability is None else np.array(probability),
    )


def made_up(n_records: int = 4, seed: int = 0) -> tuple[dict[str, BeatCalls], dict[str, Annotations]]:
    """Return records of 200 beats with 80 % of the calls right; the first two are named 213 and 232."""
    rng = np.random.default_rng(seed)
    calls, reference = {}, {}
    for name in ["213", "232", "100", "103", "105", "111"][:n_records]:
        symbols = "".join(rng.choice(list("NNNNNLRAjVF"), 200))
        classes = classify_symbols(list(symbols))
        called = np.where(rng.random(200) < 0.8, classes, rng.choice(list("NSVF"), 200))
        abnormal = np.clip(rng.normal(0.3 + 0.4 * (classes != "N"), 0.25), 0, 1)
        reference[name] = reference_of(symbols)
        calls[name] = BeatCalls(reference[name].samples, called, abnormal)
    return calls, reference


def test_figures_agree_with_scikit_learn() -> None:
    """Over all beats of all records, under the paper mapping."""
    calls, reference = made_up()
    found = evaluate_inter_patient(calls, reference, n_resamples=20).subsets["paper", "all"]
    true = np.concatenate([classify_symbols(reference[name].symbols) for name in calls])
    called = np.concatenate([calls[name].classes for name in calls])
    score = np.concatenate([calls[name].abnormal for name in calls])
    expected = scikit.precision_recall_fscore_support(true, called, labels=list("NSVF"))
    for at, row in enumerate(found.classes[:4]):
        figures = (row.precision, row.sensitivity, row.f1)
        assert [each.figure.value for each in figures] == pytest.approx([expected[part][at] for part in range(3)])
    assert found.macro_f1.figure.value == pytest.approx(scikit.f1_score(true, called, average="macro"))
    assert found.auroc.figure.value == pytest.approx(scikit.roc_auc_score(true != "N", score))
    assert found.average_precision.figure.value == pytest.approx(scikit.average_precision_score(true != "N", score))
    assert found.abnormal.f1.figure.value == pytest.approx(scikit.f1_score(true != "N", score >= 0.5))
    assert found.specificity.figure.value == pytest.approx(scikit.recall_score(true == "N", score < 0.5))


def test_both_mappings_stand_side_by_side() -> None:
    """Escape beats are N in the papers and S for bxb, whatever they were called."""
    found = evaluate_inter_patient({"100": calls_of("NSVN")}, {"100": reference_of("NjVe")})
    at = {label: place for place, label in enumerate(LABELS)}
    assert found.subsets["paper", "all"].confusion[at["N"], at["S"]] == 1
    assert found.subsets["paper", "all"].confusion[at["N"], at["N"]] == 2
    assert found.subsets["bxb", "all"].confusion[at["S"], at["S"]] == 1
    assert found.subsets["bxb", "all"].confusion[at["S"], at["N"]] == 1


def test_symbols_of_an_annotator_are_mapped_like_the_reference() -> None:
    """An L called R is right; a j called j is right under both mappings."""
    found = evaluate_inter_patient({"100": calls_of("Rj")}, {"100": reference_of("Lj")})
    for mapping in ("paper", "bxb"):
        assert np.trace(found.subsets[mapping, "all"].confusion) == 2


def test_missed_false_and_unjudged_beats_count_against_the_calls() -> None:
    """A miss lowers sensitivity, a false detection +P; what was not judged is a miss of its class."""
    reference = Annotations(np.array([300, 600, 900, 1200]), np.array(list("VVVN")))
    calls = BeatCalls(np.array([300, 700, 900, 1200]), np.array(["V", "V", "", "N"], "<U8"))
    found = evaluate_inter_patient({"100": calls}, {"100": reference})
    assert (found.n_beats, found.n_missed, found.n_false, found.n_unjudged) == (4, 1, 1, 1)
    v = found.subsets["paper", "all"].classes[2]
    assert (v.counts.n_hits, v.counts.n_true, v.counts.n_predicted) == (1, 3, 2)
    abnormal = found.subsets["paper", "all"].abnormal.counts
    assert (abnormal.n_hits, abnormal.n_true, abnormal.n_predicted) == (1, 3, 2)


def test_a_missed_normal_beat_is_no_true_negative() -> None:
    found = evaluate_inter_patient({"100": calls_of("N")}, {"100": reference_of("NN")})
    assert found.subsets["paper", "all"].specificity.figure.value == 0.5


def test_detections_in_fibrillation_are_not_held_against_the_calls() -> None:
    """Between VF-on and VF-off the reference has no beats to find, as in EC57."""
    reference = Annotations(np.array([300, 600, 1200, 1500]), np.array(list("N[]N")))
    calls = BeatCalls(np.array([300, 900, 1350, 1500]), np.array(list("NVVN")))
    assert evaluate_inter_patient({"207": calls}, {"207": reference}).n_false == 1


def test_marks_that_are_no_beats_are_left_out() -> None:
    found = evaluate_inter_patient({"100": calls_of("N V")}, {"100": reference_of("N+V")})
    assert (found.n_beats, found.n_false) == (2, 1)


def test_deciding_records_are_also_left_out() -> None:
    """232 has three quarters of DS2's S beats, 213 nearly all F beats."""
    calls, reference = made_up()
    found = evaluate_inter_patient(calls, reference, n_resamples=5)
    assert {name for _, name in found.subsets} == {"all", "without 232", "without 213"}
    assert found.subsets["paper", "without 232"].records == ("100", "103", "213"), "sorted, without it"
    whole = found.subsets["paper", "all"].confusion
    np.testing.assert_array_equal(sum(each.confusion for each in found.by_record["paper"]), whole)
    own = next(each for each in found.by_record["paper"] if each.records == ("213",))
    np.testing.assert_array_equal(whole - own.confusion, found.subsets["paper", "without 213"].confusion)


def test_intervals_hold_the_figure_and_are_repeatable() -> None:
    calls, reference = made_up(n_records=6)
    first, second = (evaluate_inter_patient(calls, reference, n_resamples=50).subsets["bxb", "all"] for _ in range(2))
    for one, other in ((first.macro_f1, second.macro_f1), (first.auroc, second.auroc)):
        assert one.interval is not None
        assert one.interval.low < one.figure.value < one.interval.high
        assert one.interval == other.interval


def test_a_model_of_two_classes_has_no_figures_of_others() -> None:
    """It says why, and its abnormal beats are measured."""
    calls = BeatCalls(np.array([300, 600]), np.array(["normal", "abnormal"]), np.array([0.2, 0.9]))
    found = evaluate_inter_patient({"100": calls}, {"100": reference_of("NV")})
    assert not found.has_classes
    everything = found.subsets["paper", "all"]
    assert everything.macro_f1.figure.reason == "the model tells only normal from abnormal"
    assert everything.abnormal.f1.figure.value == everything.auroc.figure.value == 1.0


def test_without_probabilities_there_is_no_ranking() -> None:
    """The reason says so; abnormal is then every class but N."""
    everything = evaluate_inter_patient({"100": calls_of("NV")}, {"100": reference_of("NV")}).subsets["paper", "all"]
    for measured in (everything.auroc, everything.average_precision, everything.sensitivity_at[0.95]):
        assert math.isnan(measured.figure.value)
        assert measured.figure.reason == "the annotator gives no probability"
    assert everything.abnormal.f1.figure.value == 1.0


def test_threshold_decides_what_is_abnormal() -> None:
    calls = {"100": calls_of("NV", [0.3, 0.6])}
    low = evaluate_inter_patient(calls, {"100": reference_of("NV")}, threshold=0.2).subsets["paper", "all"]
    assert low.abnormal.counts.n_predicted == 2
    assert low.classes[2].counts.n_predicted == 1


@pytest.mark.parametrize(
    ("calls", "reference", "kind", "message"),
    [
        ({}, {}, ConfigurationError, "at least one"),
        ({"100": calls_of("N")}, {"101": reference_of("N")}, ConfigurationError, r"differ in \['100', '101'\]"),
        ({"100": calls_of("x")}, {"100": reference_of("N")}, AnnotationError, "got 'x', in record 100"),
    ],
)
def test_bad_input_is_refused(
    calls: Mapping[str, BeatCalls], reference: Mapping[str, Annotations], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        evaluate_inter_patient(calls, reference)


def test_calls_must_be_one_a_beat() -> None:
    with pytest.raises(AnnotationError, match=r"one a beat; got lengths \[1, 2\]"):
        BeatCalls(np.array([1, 2]), np.array(["N"]))


def test_calibration_is_of_beats_that_were_found_and_judged() -> None:
    """Probability of abnormal, and of the called class, under the paper mapping: a j called N is right."""
    reference = {"100": reference_of("NVjV"), "103": reference_of("NN")}
    calls = {
        "100": BeatCalls(
            reference["100"].samples[:3], np.array(["N", "V", "N"]), np.array([0.1, 0.8, 0.3]), np.array([0.9, 0.7, 0.7])
        ),
        "103": BeatCalls(reference["103"].samples, np.array(["V", ""]), np.array([0.6, np.nan]), np.array([0.6, np.nan])),
    }
    found = evaluate_inter_patient(calls, reference, n_resamples=20).calibration
    assert found["abnormal"].n_beats == found["called class"].n_beats == 4
    assert found["abnormal"].ece.figure.value == pytest.approx((0.1 + 0.2 + 0.3 + 0.6) / 4)
    assert found["called class"].ece.figure.value == pytest.approx((0.1 + 2 * 0.3 + 0.6) / 4)


def test_without_probabilities_there_is_no_calibration() -> None:
    assert evaluate_inter_patient({"100": calls_of("NV")}, {"100": reference_of("NV")}).calibration == {}
