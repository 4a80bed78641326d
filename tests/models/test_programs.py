"""Programs kept on disk: the same answers, traced once, and never another program's."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.models import programs
from beatlens.models.programs import digest_arrays, keep_program


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BEATLENS_CACHE", str(tmp_path))
    monkeypatch.setattr(programs, "_ready", {})
    return tmp_path / "programs"


def in_another_process(function, identity):
    """Return the program as a process finds it that has run nothing yet."""
    programs._ready.clear()
    return keep_program(function, identity)


class Traced:
    """Sums and counts how often it is traced."""

    def __init__(self, times: float = 1.0) -> None:
        self.count, self.times = 0, times

    def __call__(self, arrays):
        self.count += 1
        return {"sum": self.times * arrays["x"].sum(axis=1)}


X = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_a_later_process_does_not_trace_it_again(folder) -> None:
    first, second = Traced(), Traced()
    wanted = X.sum(axis=1)
    np.testing.assert_array_equal(keep_program(first, "sums")({"x": X})["sum"], wanted)
    np.testing.assert_array_equal(in_another_process(second, "sums")({"x": X})["sum"], wanted)
    assert first.count == 1
    assert second.count == 0
    assert len(list(folder.iterdir())) == 1


def test_every_shape_is_a_program_of_its_own(folder) -> None:
    traced = Traced()
    run = keep_program(traced, "sums")
    for n in (1, 2, 2, 1):
        np.testing.assert_array_equal(run({"x": X[:n]})["sum"], X[:n].sum(axis=1))
    assert traced.count == len(list(folder.iterdir())) == 2


def test_other_settings_are_another_program(folder) -> None:
    keep_program(Traced(), "sums")({"x": X})
    np.testing.assert_array_equal(keep_program(Traced(2.0), "doubled sums")({"x": X})["sum"], 2 * X.sum(axis=1))


def test_other_source_code_is_another_program(folder, monkeypatch) -> None:
    keep_program(Traced(), "sums")({"x": X})
    monkeypatch.setattr(programs, "_fingerprint", lambda: "of another version")
    later = Traced(3.0)
    np.testing.assert_array_equal(in_another_process(later, "sums")({"x": X})["sum"], 3 * X.sum(axis=1))
    assert later.count == 1


@pytest.mark.parametrize("damage", [lambda content: content[:-20], lambda _: b"", lambda content: content[::-1]])
def test_a_damaged_file_is_written_anew(folder, damage) -> None:
    keep_program(Traced(), "sums")({"x": X})
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    second, third = Traced(), Traced()
    for later in (second, third):
        np.testing.assert_array_equal(in_another_process(later, "sums")({"x": X})["sum"], X.sum(axis=1))
    assert (second.count, third.count) == (1, 0)


def test_a_model_that_is_loaded_again_finds_its_program(folder, monkeypatch) -> None:
    keep_program(Traced(), "sums")({"x": X})
    monkeypatch.setattr(programs, "_find", None)
    np.testing.assert_array_equal(keep_program(Traced(), "sums")({"x": X})["sum"], X.sum(axis=1))


def test_few_programs_stay_at_hand(folder, monkeypatch) -> None:
    monkeypatch.setattr(programs, "MOST_READY", 2)
    for times in (1, 2, 1, 3):
        keep_program(Traced(times), f"{times} times")({"x": X})
    assert [key.split()[0] for key in programs._ready] == ["1", "3"]


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(programs, "_ready", {})
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("BEATLENS_CACHE", str(blocked))
    np.testing.assert_array_equal(keep_program(Traced(), "sums")({"x": X})["sum"], X.sum(axis=1))


def test_without_an_identity_nothing_is_kept(folder) -> None:
    np.testing.assert_array_equal(keep_program(Traced(), "")({"x": X})["sum"], X.sum(axis=1))
    assert not folder.exists()


def test_the_digest_tells_arrays_apart() -> None:
    a, b = np.zeros(4, np.float32), np.ones(4, np.float32)
    others = [[b], [a, a], {"a": a}, [a.astype(np.float64)], [a.reshape(2, 2)], [a, 1.0], [a, 2.0]]
    assert len({digest_arrays(each) for each in [[a], *others]}) == len(others) + 1
    assert digest_arrays([a]) == digest_arrays([a.copy()])


def test_networks_are_told_apart_by_their_weights_and_temperature() -> None:
    from beatlens.models import load_model
    from beatlens.models.rhythm_steps import RhythmSteps

    model = load_model("rhythm-lstm")
    weights = model._learned
    same, warmer = (RhythmSteps(weights, temperature=model.temperature * factor) for factor in (1, 2))
    other = RhythmSteps(weights._replace(mean=weights.mean + 1), temperature=model.temperature)
    assert model.steps.identity == same.identity
    assert len({same.identity, warmer.identity, other.identity}) == 3
