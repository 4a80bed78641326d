"""The patient-adapted protocol: both models on the same beats from 5:00 on, with a paired difference."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatlens._io import sha256_of
from beatlens.evaluation.protocols.patient_adapted import LABELS, RecordCounts, measure_adapted
from beatlens.models.card import write_card
from beatlens.models.registry import load_card
from beatlens.models.rhythm_network import build_rhythm_network


def counts(name: str, before: list[list[int]], after: list[list[int]]) -> RecordCounts:
    """Return counts of N and V beats: rows of the reference, columns of the model."""
    confusion, binary = {}, {}
    for title, small in (("as it was", before), ("adapted", after)):
        matrix = np.zeros((len(LABELS), len(LABELS)), np.int64)
        matrix[np.ix_([0, 2], [0, 2])] = small
        confusion[title] = matrix
        binary[title] = np.array([small[1][1], sum(small[1]), small[0][1] + small[1][1]])
    return RecordCounts(name, confusion, binary, (10, 0, 2, 0), adapted=True)


def test_figures_and_their_difference() -> None:
    """F1 of pooled counts; the difference and its interval are of the same resamples, and zero where nothing changed."""
    right, wrong = [[90, 0], [0, 10]], [[90, 0], [5, 5]]
    measured = measure_adapted([counts(name, wrong, right) for name in "abc"], n_resamples=50)
    v = measured["V F1"]
    assert v["as it was"].figure.value == pytest.approx(2 * 15 / (30 + 15))
    assert v["adapted"].figure.value == 1
    assert v["difference"].figure.value == pytest.approx(1 - 2 / 3)
    assert v["difference"].interval is not None
    assert v["difference"].interval.low == pytest.approx(1 - 2 / 3)
    assert not measured["S F1"]["difference"].figure.defined
    same = measure_adapted([counts("a", right, right), counts("b", wrong, wrong)], n_resamples=50)
    assert same["V F1"]["difference"].figure.value == 0
    assert (same["V F1"]["difference"].interval.low, same["V F1"]["difference"].interval.high) == (0, 0)  # type: ignore[union-attr]
    assert same["V F1"]["adapted"].interval.low < same["V F1"]["adapted"].interval.high  # type: ignore[union-attr]


def test_the_command(tmp_path: Path, mitdb_folder: Path, run_beatlens: Callable[..., Any]) -> None:
    """Beats before 5:00 are not measured; the document names the protocol, the settings, and what was learned from."""
    network = build_rhythm_network(seed=1, n_units=3, windows=False)
    network.save(tmp_path / "model.keras")
    card = load_card("rhythm-lstm").model_copy(update={"sha256": sha256_of(tmp_path / "model.keras")})
    write_card(tmp_path / "model.json", card)
    (tmp_path / "list.txt").write_text("100\n", encoding="utf-8")
    words = ("evaluate", str(tmp_path), "--protocol", "patient-adapted", "--records", str(tmp_path / "list.txt"))
    done = run_beatlens(*words, "--set", "steps=3", "--resamples", "10", "--json", "--log", str(tmp_path / "log.md"))
    assert done.status == 0, done.errors
    found = json.loads(done.output)
    assert found["provenance"]["protocol"] == "patient-adapted"
    assert "steps 3" in found["provenance"]["split"]
    (record,) = found["figures"]["records"].values()
    assert record["learned"]["N"] + record["learned"]["S"] == 371
    assert {np.sum(matrix) for matrix in record["confusion"].values()} == {2273 - 371}
    assert "patient-adapted" in (tmp_path / "log.md").read_text(encoding="utf-8")
    for more, message in [
        (("--leads", "1"), "--leads goes with"),
        (("--threshold", "0.5"), "takes a model, --records and --set"),
    ]:
        refused = run_beatlens(*words, *more)
        assert refused.status == 2
        assert message in refused.errors
    (tmp_path / "list.txt").write_text("101\n", encoding="utf-8")
    assert "saw 101" in run_beatlens(*words).errors
