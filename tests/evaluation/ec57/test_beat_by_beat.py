"""Each rule of the beat-by-beat comparison alone. The rate is 100 Hz throughout, so that the match window is 15 samples."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatlens.errors import AnnotationError, ConfigurationError
from beatlens.evaluation.ec57 import LABELS, BeatComparison, compare_beats
from beatlens.records import Annotations

Marks = Callable[[str], Annotations]


def compared(reference: Annotations, test: Annotations, *, start_s: float = 0.0, n_samples: int = 10_000) -> BeatComparison:
    return compare_beats(reference, test, fs=100.0, n_samples=n_samples, start_s=start_s)


def cells(found: BeatComparison) -> dict[str, int]:
    """Return the cells that are not zero, by the reference's and the test's label."""
    return {
        f"{LABELS[row]}{LABELS[column].lower()}": int(found.counts[row, column]) for row, column in np.argwhere(found.counts)
    }


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (985, {"Nn": 1}),
        (984, {"On": 1, "No": 1}),
        (1015, {"Nn": 1}),
        (1016, {"On": 1, "No": 1}),
        (1000, {"Nn": 1}),
    ],
)
def test_match_window_is_150_ms_ends_included(marks: Marks, sample: int, expected: dict[str, int]) -> None:
    """A beat 15 samples away pairs; one of 16 samples is missed and its partner is false."""
    assert cells(compared(marks("1000N"), marks(f"{sample}N"))) == expected


@pytest.mark.parametrize(
    ("reference", "test", "expected"),
    [
        pytest.param("1000N 1100N", "990V 1004N 1100N", {"Ov": 1, "Nn": 2}, id="the-closer-test-beat-pairs"),
        pytest.param("1000N 1100N", "996N 1012V 1100N", {"Ov": 1, "Nn": 2}, id="the-closer-one-comes-first"),
        pytest.param("1000N 1006V 1100N", "990N 1004V 1100N", {"Nn": 2, "Vv": 1}, id="the-rival-has-a-better-partner"),
        pytest.param("1000N 1100N", "990V 1010N 1100N", {"Ov": 1, "Nn": 2}, id="of-two-as-close-the-later-pairs"),
        pytest.param("990V 1004N 1100N", "1000N 1100N", {"Vo": 1, "Nn": 2}, id="two-reference-beats-in-a-window"),
        pytest.param("990V 1010N 1100N", "1000N 1100N", {"Vo": 1, "Nn": 2}, id="two-reference-beats-as-close"),
    ],
)
def test_two_beats_in_a_window(marks: Marks, reference: str, test: str, expected: dict[str, int]) -> None:
    """A beat waits for the next one of its own stream if that is closer, unless that one has a better partner."""
    assert cells(compared(marks(reference), marks(test))) == expected


@pytest.mark.parametrize(
    ("symbols", "label"), [("NLRB", "N"), ("AaJSjen", "S"), ("VrE", "V"), ("F", "F"), ("Q/f?", "Q"), ("+|x\"'p(t)", "")]
)
def test_classes_are_those_of_bxb(marks: Marks, symbols: str, label: str) -> None:
    """Escape beats count as S; what is not a beat is not seen."""
    line = " ".join(f"{100 * place}{symbol}" for place, symbol in enumerate(symbols, start=1))
    assert cells(compared(marks(line), marks(line))) == ({f"{label}{label.lower()}": len(symbols)} if label else {})


@pytest.mark.parametrize(("reference", "test"), [("1000!", "1000N"), ("1000N", "1000!"), ("1000!", ""), ("", "1000!")])
def test_flutter_waves_pair_but_count_nowhere(marks: Marks, reference: str, test: str) -> None:
    """Neither a flutter wave nor the beat that it pairs with is counted."""
    assert cells(compared(marks(reference), marks(test))) == {}


def test_flutter_wave_takes_its_partner(marks: Marks) -> None:
    """The nearer beat pairs with the flutter wave, so that the one further away is false."""
    assert cells(compared(marks("1000! 1100N"), marks("988N 1001N 1100N"))) == {"On": 1, "Nn": 1}


def test_beats_in_reference_fibrillation_are_not_counted(marks: Marks) -> None:
    """From VF-on to VF-off the reference's beats are skipped, and the test's unpaired ones are not held against it."""
    reference = marks("100N 300[ 350N 400! 500] 700N")
    assert cells(compared(reference, marks("100N 300N 350N 500V 700N"))) == {"Nn": 2}
    assert cells(compared(reference, marks("100N 299V 501V 700N"))) == {"Nn": 2, "Ov": 2}


def test_fibrillation_of_the_test_does_not_excuse_it(marks: Marks) -> None:
    """What the test skips inside its own VF marks, the reference's beats there count as missed."""
    assert cells(compared(marks("100N 350N 400V 700N"), marks("100N 300[ 350N 500] 700N"))) == {"Nn": 2, "No": 1, "Vo": 1}


def test_unclosed_fibrillation_lasts_to_the_end(marks: Marks) -> None:
    """Without a VF-off mark nothing after the VF-on mark is counted."""
    assert cells(compared(marks("100N 300[ 350N"), marks("100N 350V 9000N"))) == {"Nn": 1}


def test_shutdown_of_two_marks(marks: Marks) -> None:
    """Between a noise mark with bits 16 and 32 and the next without both, missed beats count as X; the ends belong to it."""
    test = marks("100N 200~48 400~0 600N")
    found = compared(marks("100N 190N 200N 300V 400S 410F 600N"), test)
    assert cells(found) == {"Nn": 2, "No": 1, "Nx": 1, "Vx": 1, "Sx": 1, "Fo": 1}
    assert found.shutdown_s == 2.0


def test_shutdown_of_one_mark(marks: Marks) -> None:
    """Alone, the mark means: from one window after the previous beat to one window before the next annotation."""
    test = marks("100N 300~48 600N")
    found = compared(marks("100N 115S 600N"), test)
    assert cells(found) == {"Nn": 2, "Sx": 1}
    assert found.shutdown_s == 4.7
    assert cells(compared(marks("100N 300V 585S 600N"), test)) == {"Nn": 2, "Vx": 1, "Sx": 1}


def test_one_mark_shutdown_begins_after_the_last_fibrillation(marks: Marks) -> None:
    """The later of the previous beat and the last VF-off counts."""
    assert compared(marks(""), marks("100N 200[ 300] 400~48 615N")).shutdown_s == pytest.approx(6.0 - 3.15)


def test_annotation_after_a_one_mark_shutdown_is_read_as_itself(marks: Marks) -> None:
    """A VF-on mark right after the noise mark still begins VF."""
    found = compared(marks("100N 350N 700N"), marks("100N 200~48 300[ 350N 500] 700N"))
    assert cells(found) == {"Nn": 2, "No": 1}


def test_shutdown_never_begins_after_its_end(marks: Marks) -> None:
    """With less than two windows between the neighbours, it is an instant at one window before the next annotation."""
    test = marks("100N 110~48 120N")
    assert compared(marks("100N 120N"), test).shutdown_s == 0.0
    assert cells(compared(marks("100N 105V 120N"), test)) == {"Nn": 2, "Vx": 1}
    assert cells(compared(marks("100N 106V 120N"), test)) == {"Nn": 2, "Vo": 1}


@pytest.mark.parametrize("subtype", [0, 16, 32, 47])
def test_lesser_noise_is_no_shutdown(marks: Marks, subtype: int) -> None:
    """Both bits must be set."""
    found = compared(marks("100N 200N 300N"), marks(f"100N 150~{subtype} 250~0 300N"))
    assert cells(found) == {"Nn": 2, "No": 1}
    assert found.shutdown_s == 0.0


def test_unreadable_signal_is_a_shutdown(marks: Marks) -> None:
    """Subtype -1 has every bit set."""
    test = marks("100N 150~48 250~0 300N")
    test.subtypes[test.subtypes == 48] = -1
    assert cells(compared(marks("100N 200N 300N"), test)) == {"Nn": 2, "Nx": 1}


def test_false_beat_in_a_reference_shutdown(marks: Marks) -> None:
    """It counts as X, not as O."""
    assert cells(compared(marks("100N 200~48 400~0 600N"), marks("100N 300V 500S 600N"))) == {"Nn": 2, "Xv": 1, "Os": 1}


def test_only_two_shutdowns_are_remembered(marks: Marks) -> None:
    """A beat is judged with the two intervals last read, the next beat's included: a third one pushes the first out."""
    three = "100N 200~48 220~0 240~48 260~0 280~48 300~0 600N"
    assert cells(compared(marks("100N 210N 250N 290N 600N"), marks(three))) == {"Nn": 2, "No": 1, "Nx": 2}


def test_learning_period_is_not_counted(marks: Marks) -> None:
    """Beats before the start are ignored; a beat at the start counts."""
    line = "100N 200V 300S 400N"
    assert cells(compared(marks(line), marks(line), start_s=3.0)) == {"Ss": 1, "Nn": 1}


@pytest.mark.parametrize(
    ("reference", "test", "expected"),
    [
        pytest.param("200N 305V 400N", "200N 295V 400N", {"Vv": 1, "Nn": 1}, id="just-before-the-start-marks-the-first"),
        pytest.param("200N 305V 400N", "200N 289V 400N", {"Vo": 1, "Nn": 1}, id="too-far-before-the-start"),
        pytest.param("295N 400V", "305N 400V", {"Vv": 1}, id="just-after-the-start-marks-the-last-before"),
        pytest.param("295N 400V", "316N 400V", {"On": 1, "Vv": 1}, id="too-far-after-the-start"),
    ],
)
def test_beats_around_the_start(marks: Marks, reference: str, test: str, expected: dict[str, int]) -> None:
    """A pair that the start separates is counted with its reference beat."""
    assert cells(compared(marks(reference), marks(test), start_s=3.0)) == expected


@pytest.mark.parametrize(
    ("reference", "test", "expected"),
    [
        ("", "", {}),
        ("1000N 2000V", "", {"No": 1, "Vo": 1}),
        ("", "1000N 2000V", {"On": 1, "Ov": 1}),
        ("1000~0 2000+(AFIB", "1000N", {"On": 1}),
    ],
)
def test_empty_streams(marks: Marks, reference: str, test: str, expected: dict[str, int]) -> None:
    """Without beats on one side, every beat of the other is missed or false; without any, nothing is defined."""
    found = compared(marks(reference), marks(test))
    assert cells(found) == expected
    assert math.isnan(found.rr_error_ms)
    assert math.isnan(found.qrs_sensitivity.value) == (not marks(reference).symbols.size or reference.startswith("1000~"))


def test_rr_error(marks: Marks) -> None:
    """Each pair adds the square of the difference of the two intervals that end there, the first beats excepted."""
    found = compared(marks("100N 200N 300N"), marks("100N 203N 303N"))
    assert found.n_rr == 2
    assert found.rr_error_ms == pytest.approx(10 * math.sqrt(9 / 2))


def test_unpaired_beats_count_towards_the_rr_error(marks: Marks) -> None:
    """At a missed beat the two streams' current intervals are compared as well."""
    found = compared(marks("100N 200N 300N"), marks("100N 300N"))
    assert (found.n_rr, found.rr_squares) == (2, 2 * (200 - 100) ** 2)


@pytest.mark.parametrize("between", ["210[ 290]", "200[ 290]", "210~48 290~0"])
def test_no_rr_interval_across_fibrillation_or_shutdown(marks: Marks, between: str) -> None:
    """An interval in which either begins is not valid."""
    assert compared(marks("100N 200N 300N"), marks("100N 200N 300N")).n_rr == 2
    assert compared(marks(f"100N 200N {between} 300N"), marks("100N 200N 300N")).n_rr == 1
    assert compared(marks("100N 200N 300N"), marks(f"100N 200N {between} 300N")).n_rr == 1


def test_comparison_ends_with_the_record(marks: Marks) -> None:
    """Beats up to the last sample count."""
    line = "100N 999V"
    assert cells(compared(marks(line), marks(line), n_samples=1000)) == {"Nn": 1, "Vv": 1}


FIGURES = BeatComparison(
    counts=np.array(
        [
            [100, 3, 2, 1, 4, 5, 6],
            [7, 50, 8, 9, 10, 11, 12],
            [13, 14, 60, 15, 16, 17, 18],
            [19, 20, 21, 22, 23, 24, 25],
            [26, 27, 28, 29, 30, 31, 32],
            [33, 34, 35, 36, 37, 0, 0],
            [38, 39, 40, 41, 42, 0, 0],
        ]
    ),
    rr_squares=0,
    n_rr=0,
    shutdown_samples=0,
    fs=100.0,
)


@pytest.mark.parametrize(
    ("figure", "hits", "cases"),
    [
        ("qrs_sensitivity", 557, 557 + 88 + 93),
        ("qrs_predictivity", 557, 557 + 175 + 200),
        ("veb_sensitivity", 60, 153),
        ("veb_predictivity", 60, 60 + 2 + 8 + 35 + 40),
        ("sveb_sensitivity", 50, 107),
        ("sveb_predictivity", 50, 50 + 3 + 14 + 20 + 34 + 39),
        ("veb_false_positive_rate", 85, 85 + 108 + 76 + 84 + 112),
        ("sveb_false_positive_rate", 110, 110 + 107 + 104 + 85 + 113),
    ],
)
def test_figures(figure: str, hits: int, cases: int) -> None:
    """V called on F or Q is not held against VEB +P, nor S called on Q against SVEB +P; X is missed, and false."""
    found = getattr(FIGURES, figure)
    assert (found.hits, found.cases) == (hits, cases)


def test_share_missed_in_shutdowns_leaves_out_s() -> None:
    """As ``bxb`` prints it: the share of all beats does not count the S beats as missed."""
    assert FIGURES.missed_in_shutdown().hits == 6 + 18 + 25 + 32
    assert FIGURES.missed_in_shutdown(1).hits == 12


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"fs": 0.0}, ConfigurationError, "'fs' must be positive; got 0.0"),
        ({"fs": math.nan}, ConfigurationError, "'fs' must be positive; got nan"),
        ({"n_samples": 0}, ConfigurationError, "'n_samples' must be positive; got 0"),
        ({"start_s": -1.0}, ConfigurationError, "'start_s' must be 0 or more seconds; got -1.0"),
        ({"window_s": 0.0}, ConfigurationError, "'window_s' must be positive; got 0.0"),
        (
            {"n_samples": 200},
            AnnotationError,
            r"the reference annotations must lie within the recording's 200 samples \(2.0 s\); got one at sample 300 \(3.0 s\)",
        ),
    ],
)
def test_bad_input_is_refused(marks: Marks, change: dict[str, float], kind: type[Exception], message: str) -> None:
    """One sentence that names the rule and the value."""
    arguments = {"fs": 100.0, "n_samples": 1000, "start_s": 0.0, **change}
    with pytest.raises(kind, match=message):
        compare_beats(marks("100N 300N"), marks("100N"), **arguments)  # type: ignore[arg-type]


def test_other_sampling_rate_is_refused(marks: Marks) -> None:
    """Where an annotator states its rate, it must be the recording's."""
    test = Annotations(np.array([100]), np.array(["N"]), fs=250.0)
    with pytest.raises(AnnotationError, match="the test annotations must be at the recording's 100 Hz; got 250 Hz") as caught:
        compared(marks("100N"), test)
    assert caught.value.hint == "Convert their sample numbers to the recording's rate first."


def stream_of(steps: list[tuple[int, str]]) -> Annotations:
    samples = np.cumsum([20, *(step for step, _ in steps)], dtype=np.int64)[1:]
    return Annotations(samples, np.array([symbol for _, symbol in steps], "<U1"))


streams = st.lists(st.tuples(st.integers(1, 60), st.sampled_from("NAVFQ")), max_size=40).map(stream_of)


@given(reference=streams, test=streams)
@settings(max_examples=200, deadline=None)
def test_every_beat_is_counted_once(reference: Annotations, test: Annotations) -> None:
    """Without VF, and away from the start, rows sum to the reference's beats and columns to the test's, class by class."""
    found = compared(reference, test)
    for row, symbol in enumerate("NAVFQ"):
        assert found.counts[row].sum() == (reference.symbols == symbol).sum()
        assert found.counts[:, row].sum() == (test.symbols == symbol).sum()


@given(reference=streams)
@settings(max_examples=100, deadline=None)
def test_an_annotator_agrees_with_itself(reference: Annotations) -> None:
    """Every beat pairs with itself, however close the beats are, and no interval differs."""
    found = compared(reference, reference)
    assert found.counts.sum() == np.trace(found.counts) == len(reference)
    assert found.rr_squares == 0


@given(reference=streams, test=streams, shift=st.integers(1, 500))
@settings(max_examples=100, deadline=None)
def test_a_shift_of_both_changes_nothing(reference: Annotations, test: Annotations, shift: int) -> None:
    """Only distances matter."""
    moved = [Annotations(stream.samples + shift, stream.symbols) for stream in (reference, test)]
    here, there = compared(reference, test), compared(*moved)
    np.testing.assert_array_equal(here.counts, there.counts)
    assert (here.rr_squares, here.n_rr) == (there.rr_squares, there.n_rr)
