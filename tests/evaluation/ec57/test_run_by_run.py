"""Each rule of the run-by-run comparison alone. The rate is 100 Hz, so that the margin is 15 samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from beatlens.errors import AnnotationError
from beatlens.evaluation.ec57 import RunComparison, compare_runs
from beatlens.evaluation.ec57.run_by_run import Kind
from beatlens.records import Annotations

Marks = Callable[[str], Annotations]


def lengths(reference: Annotations, test: Annotations, kind: Kind = "ventricular", *, start_s: float = 0.0) -> dict[str, int]:
    """Return how often each pair of lengths was found, the reference's runs as base."""
    found = compare_runs(reference, test, kind=kind, fs=100.0, n_samples=10_000, start_s=start_s)
    counts = found.sensitivity_counts
    return {f"{row}-{column}": int(counts[row, column]) for row, column in np.argwhere(counts)}


def own_lengths(annotations: Annotations, kind: Kind, *, start_s: float = 0.0) -> list[int]:
    """Return the lengths of an annotator's own runs, ascending."""
    nothing = Annotations(np.array([], np.int64), np.array([], "<U1"))
    found = compare_runs(annotations, nothing, kind=kind, fs=100.0, n_samples=10_000, start_s=start_s)
    return [length for length, count in enumerate(found.sensitivity_counts.sum(axis=1)) for _ in range(count)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("100V", [1], id="one"),
        pytest.param("100V 150F 200E", [3], id="v-f-and-escape-beats-belong"),
        pytest.param("100V 150N 200V", [1, 1], id="n-ends-it"),
        pytest.param("100V 150A 200V", [1, 1], id="s-ends-it"),
        pytest.param("100V 150Q 200V", [1, 1], id="q-ends-it"),
        pytest.param("100V 150~48 200V", [1, 1], id="a-shutdown-ends-it"),
        pytest.param("100V 150~16 200V", [2], id="lesser-noise-does-not"),
        pytest.param("100V 150| 200V", [2], id="an-artefact-does-not"),
        pytest.param("100V 150V 200V 250V 300V 350V 400V 450V", [6], id="counted-up-to-six"),
        pytest.param("100[ 500]", [6], id="fibrillation"),
        pytest.param("100+(VFL 500+(N", [6], id="fibrillation-by-rhythm-mark"),
        pytest.param("100[ 120+(VFL 480] 500+(N", [6], id="both-marks-are-one-episode"),
        pytest.param("100+(VT 150V 200V 500+(N", [2], id="another-rhythm-is-no-episode"),
        pytest.param("100[ 300N 500] 600V", [1, 6], id="n-inside-ends-the-run"),
        pytest.param("100V 150[ 200N 300]", [1], id="an-episode-does-not-lengthen-a-run"),
        pytest.param("100[ 300] 350V 400V 450N", [6], id="a-run-goes-on-after-the-episode"),
        pytest.param("100[", [6], id="an-episode-without-end"),
    ],
)
def test_ventricular_runs(marks: Marks, line: str, expected: list[int]) -> None:
    """V and F beats in a row; VF counts as six."""
    assert own_lengths(marks(line), "ventricular") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("100A 150j 200S 250e", [4], id="s-beats"),
        pytest.param("100A 150N 200A", [1, 1], id="n-ends-it"),
        pytest.param("100A 150V 200A", [1, 1], id="v-ends-it"),
        pytest.param("100A 150F 200A", [1, 1], id="f-ends-it"),
        pytest.param("100+(AFIB 500+(N 600N", [6], id="atrial-fibrillation"),
        pytest.param("100+(AFL 500+(N 600N", [6], id="atrial-flutter"),
        pytest.param("100+(AFIB 150N 200N 250V 300N 350N 400V 500+(N", [2, 6], id="n-inside-counts-as-s"),
        pytest.param("100+(AFIB 150V 200[ 300] 350N 400N", [6], id="fibrillation-of-the-ventricles-ends-it"),
        pytest.param("100+(AFIB 150V 200+(P 250N 300N", [6], id="any-other-rhythm-ends-it"),
        pytest.param("100+(AFIB 150N 200+(NOD 250j 300j 350N", [6], id="a-run-goes-on-after-the-episode"),
        pytest.param("100A 150+(AFIB 200V", [1], id="an-episode-does-not-lengthen-a-run"),
    ],
)
def test_supraventricular_runs(marks: Marks, line: str, expected: list[int]) -> None:
    """S beats in a row; AF counts as six, and N beats in it as S."""
    assert own_lengths(marks(line), "supraventricular") == expected


@pytest.mark.parametrize(
    ("line", "kind", "expected"),
    [
        ("100V 250V 300V 350V 400N", "ventricular", [2]),
        ("200[ 400]", "ventricular", [6]),
        ("200[ 290] 310V", "ventricular", [1]),
        ("100+(AFIB 200N 310N 350N 400V", "supraventricular", [6]),
        ("100+(AFIB 200V 310V 350N 400V", "supraventricular", [1, 6]),
    ],
)
def test_runs_are_taken_from_the_start_on(marks: Marks, line: str, kind: Kind, expected: list[int]) -> None:
    """What a run had before the start does not count; an episode under way there does."""
    assert own_lengths(marks(line), kind, start_s=3.0) == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        pytest.param("1000V 1050V", {"2-2": 1}, id="the-same"),
        pytest.param("985V 1065V", {"2-2": 1}, id="at-the-margin"),
        pytest.param("984V 1066V", {"2-0": 1}, id="beyond-the-margin"),
        pytest.param("900V 950V 1000V 1050V 1100V", {"2-2": 1}, id="only-what-lies-inside-counts"),
        pytest.param("1000V 1020N 1050V", {"2-1": 1}, id="interrupted"),
        pytest.param("990V 1000N 1010V 1020V 1030V 1040N 1060V", {"2-3": 1}, id="the-longest-counts"),
        pytest.param("500[ 1500]", {"2-6": 1}, id="an-episode-around-it"),
        pytest.param("500[ 986]", {"2-6": 1}, id="an-episode-that-lasts-into-it"),
        pytest.param("500[ 984]", {"2-0": 1}, id="an-episode-before-it"),
        pytest.param("", {"2-0": 1}, id="nothing"),
    ],
)
def test_the_longest_run_within_the_margin_is_the_match(marks: Marks, test: str, expected: dict[str, int]) -> None:
    """The window reaches from 150 ms before the run's first beat to 150 ms after its last, ends included."""
    assert lengths(marks("1000V 1050V"), marks(test)) == expected


def test_roles_are_swapped_for_predictivity(marks: Marks) -> None:
    """The test's runs are then searched in the reference."""
    reference, test = marks("1000V 1050V 2000N"), marks("1000V 1050V 1500N 2000V 2050V 2100V")
    found = compare_runs(reference, test, kind="ventricular", fs=100.0, n_samples=10_000, start_s=0.0)
    assert np.argwhere(found.sensitivity_counts).tolist() == [[2, 2]]
    assert np.argwhere(found.predictivity_counts).tolist() == [[2, 2], [3, 0]]


@pytest.mark.parametrize(
    ("sort", "rows", "expected"),
    [
        ("couplet", {(2, 1): 1, (2, 2): 2, (2, 6): 4, (1, 2): 100, (3, 3): 100}, (6, 7)),
        ("short", {(3, 2): 1, (3, 3): 2, (4, 3): 4, (5, 6): 8, (6, 6): 100, (2, 2): 100}, (14, 15)),
        ("long", {(6, 5): 1, (6, 6): 2, (5, 6): 100}, (2, 3)),
    ],
)
def test_what_counts_as_a_match(sort: str, rows: dict[tuple[int, int], int], expected: tuple[int, int]) -> None:
    """Of a couplet two beats or more, of a short run three or more, of a long run six."""
    counts = np.zeros((7, 7), np.int64)
    for cell, count in rows.items():
        counts[cell] = count
    found = RunComparison(sensitivity_counts=counts, predictivity_counts=np.zeros((7, 7), np.int64))
    assert (found.sensitivity(sort).hits, found.sensitivity(sort).cases) == expected
    assert found.predictivity(sort).cases == 0


def test_marks_beyond_the_record_are_refused(marks: Marks) -> None:
    """As for beats."""
    with pytest.raises(AnnotationError, match="the test annotations must lie within the recording's 1000 samples"):
        compare_runs(marks("100N"), marks("1000N"), kind="ventricular", fs=100.0, n_samples=1000)


def test_an_episode_without_end_reaches_to_the_end(marks: Marks) -> None:
    """What the test marks late in it still matches."""
    assert lengths(marks("100["), marks("5000[ 6000]")) == {"6-6": 1}
