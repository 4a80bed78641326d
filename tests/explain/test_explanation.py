"""One beat's explanation as data and in words."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pandas as pd
import pytest

from beatlens.explain.explanation import Explanation, tabulate_explanations
from beatlens.explain.peaks import find_salient_times
from beatlens.explain.words import Facts, describe_beat, describe_segments

TIMES = (np.arange(180) - 90) / 0.36


def bumps(*centres_ms: tuple[float, float]) -> np.ndarray:
    """Narrow waves at these times, of these heights."""
    return np.sum([height * np.exp(-(((TIMES - at) / 12) ** 2)) for at, height in centres_ms], axis=0)


def make_explanation(true: str = "normal", **fields: object) -> Explanation:
    values = bumps((10, 2.0), (-150, -3.0))[:, None]
    known: dict[str, object] = {"record": "100", "sample": 370, "sentence": "Called abnormal (0.90): because.", "true": true}
    return Explanation(
        values,
        TIMES,
        "abnormal",
        2.2,
        0.9,
        "abnormal",
        "saliency",
        "seed-lstm",
        signal=values / 2,
        lead_names=("MLII",),
        **(known | fields),
    )  # type: ignore[arg-type]


def test_salient_times_are_the_peaks_of_the_size_highest_first() -> None:
    """Sign does not matter; what is small beside the highest peak is left out."""
    found = find_salient_times(bumps((10, 2.0), (-150, -3.0), (100, 0.2)), TIMES)
    np.testing.assert_allclose(found, [-150, 10], atol=2)


@pytest.mark.parametrize(("rising", "edge_ms"), [(TIMES, TIMES[-1]), (TIMES[::-1], TIMES[0])])
def test_a_rise_to_the_edge_is_a_peak(rising: np.ndarray, edge_ms: float) -> None:
    assert find_salient_times(np.exp(rising / 50), TIMES).tolist() == [edge_ms]


def test_nothing_is_salient_in_zeros() -> None:
    assert find_salient_times(np.zeros(180), TIMES).size == 0
    assert "0 everywhere" in describe_beat("normal", 0.8, (), target="abnormal", evidence=True)


def test_neighbouring_ripples_are_one_peak() -> None:
    found = find_salient_times(bumps((0, 3.0)) + 0.3 * np.cos(TIMES) * (np.abs(TIMES) < 15), TIMES)
    assert len(found) == 1


SENSITIVE = "the logit of abnormal is most sensitive"
EVIDENCE = "the largest parts of the evidence about abnormal lie"


@pytest.mark.parametrize(
    ("evidence", "true", "why", "checked"),
    [
        (False, "", SENSITIVE, ""),
        (True, "abnormal", EVIDENCE, " The reference agrees."),
        (False, "normal", SENSITIVE, " The reference says normal."),
    ],
)
def test_the_sentence_states_what_was_measured(evidence: bool, true: str, why: str, checked: str) -> None:
    sentence = describe_beat("abnormal", 0.931, (-41.7, 0.2), target="abnormal", evidence=evidence, true=true)
    assert sentence == f"Called abnormal (0.93): {why} 42 ms before the R peak and at the R peak.{checked}"


def test_json_holds_everything_and_no_nan() -> None:
    document = json.loads(json.dumps(make_explanation().to_dict(), allow_nan=False))
    assert document["completeness_gap"] is None
    assert document["completeness_gap_reason"]
    np.testing.assert_allclose(np.array(document["attribution"])[:, 0], make_explanation().attribution[:, 0], rtol=1e-6)
    assert document["salient_times_ms"] == [-150, 11]
    assert make_explanation(completeness_gap=0.25, gap_reason="").to_dict()["completeness_gap"] == 0.25


def test_the_frame_has_one_row_a_sample_with_units_in_its_names() -> None:
    frame = make_explanation().to_frame()
    assert frame.columns.tolist() == ["time_ms", "MLII_mv", "MLII_attribution"]
    assert len(frame) == 180
    assert math.isclose(frame["time_ms"].iloc[90], 0.0)


def test_the_table_goes_to_csv_and_back() -> None:
    """With a right, a wrong and an unreferenced beat."""
    table = tabulate_explanations([make_explanation("abnormal"), make_explanation("normal"), make_explanation("")])
    assert table.columns.tolist() == ["record", "sample", "true", "predicted", "salient_times_ms", "sentence", "correct"]
    assert table["correct"].tolist()[:2] == [True, False]
    assert table["correct"].isna().tolist() == [False, False, True]
    back = pd.read_csv(io.StringIO(table.to_csv(index=False)), dtype={"record": str})
    assert back["salient_times_ms"].tolist() == ["-150 11"] * 3
    assert back["sentence"].tolist() == table["sentence"].tolist()
    assert tabulate_explanations([]).columns.tolist() == table.columns.tolist()


VENTRICULAR = (
    "Called V (0.98): 71 % of the evidence is the QRS, which is wide (152 ms, usual 96 ms), in a beat unlike this "
    "recording's usual one (correlation 0.41); 18 %, against it, is what comes before the QRS; no P wave was found."
)


@pytest.mark.parametrize(
    ("shares", "facts", "expected"),
    [
        (
            {"QRS": 0.71, "before": -0.18, "T": 0.11},
            Facts(152.0, 96.0, 0.41, p_found=False),
            VENTRICULAR,
        ),
        (
            {"QRS": 0.95, "ST": 0.05},
            Facts(88.0, likeness=0.99, p_found=True),
            "Called V (0.98): 95 % of the evidence is the QRS (88 ms).",
        ),
        ({"P": 0.6, "PR": 0.4}, Facts(), "Called V (0.98): 60 % of the evidence is the P wave; 40 % is the PR segment."),
        ({}, Facts(), "Called V (0.98): the attribution is 0 everywhere."),
    ],
)
def test_a_clinicians_sentence_says_only_what_was_measured(shares: dict[str, float], facts: Facts, expected: str) -> None:
    assert describe_segments("V", 0.98, shares, facts, evidence=True) == expected
