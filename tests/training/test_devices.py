"""Training on several devices: the weights are those of one, each device holds its share, wrong use is one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatlens.errors import ConfigurationError
from beatlens.training.config import SeedTraining, load_config
from beatlens.training.devices import COORDINATOR, N_PROCESSES, join_hosts, spread_over
from beatlens.training.rhythm_checkpoint import keep_in
from beatlens.training.run import open_run

SCRIPT = Path(__file__).with_name("train_on_devices.py")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `train_on_devices` keeps of a process that sees four devices."""
    file = tmp_path_factory.mktemp("devices") / "four.npz"
    words = ["seed=1", "seed=4", "rhythm=1", "rhythm=0"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(file), *words],
        env={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(file) as kept:
        return dict(kept)


@pytest.mark.parametrize(("one", "four"), [("seed=1", "seed=4"), ("rhythm=1", "rhythm=0")])
def test_four_devices_train_as_one(trained: dict[str, Any], one: str, four: str) -> None:
    """Weights, random states and losses after two epochs, to 1e-5; dropout masks and a batch that is not full included."""
    assert trained["seen/0"].tolist() == [4, 1]
    names = [name.partition("/")[2] for name in trained if name.startswith(f"{one}/")]
    assert len(names) > 8
    for name in names:
        np.testing.assert_allclose(trained[f"{four}/{name}"], trained[f"{one}/{name}"], rtol=1e-5, atol=1e-5)


def test_each_device_holds_its_share(trained: dict[str, Any]) -> None:
    """A quarter of the rows, and all of the weights."""
    assert trained["shares/0"].tolist() == [[2, 3]] * 4
    assert trained["shares/1"].tolist() == [[8, 3]] * 4


def test_a_single_device_is_left_alone() -> None:
    """Arrays stay what they are: nothing is copied and nothing compiled otherwise."""
    spread = spread_over(1, 7)
    values = np.arange(3)
    assert spread.n_devices == 1
    assert spread.share(values) is values
    assert spread.copy([values])[0] is values


def test_more_devices_than_there_are() -> None:
    import jax

    with pytest.raises(ConfigurationError, match=r"at most the number that JAX sees, \d+ \(cpu\); got 999") as caught:
        spread_over(999, 999)
    assert "jax.devices()" in str(caught.value.hint)
    assert spread_over(0, len(jax.devices())).n_devices == len(jax.devices())


def test_a_batch_that_cannot_be_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint names the next size that can."""
    import jax

    monkeypatch.setattr(jax, "devices", lambda: [*jax.local_devices()] * 3)
    with pytest.raises(ConfigurationError, match="multiple of the number of devices, 3; got 128") as caught:
        spread_over(3, 128)
    assert "batch_size=129" in str(caught.value.hint)


def test_a_host_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COORDINATOR, "127.0.0.1:1")
    monkeypatch.setenv(N_PROCESSES, "two")
    with pytest.raises(ConfigurationError, match=f"{N_PROCESSES} must be a whole number; got 'two'"):
        join_hosts()


def test_a_run_goes_on_with_other_devices(tmp_path: Path) -> None:
    """Their number decides nothing; a run from before there was the setting goes on too."""
    from beatlens.training.rhythm import RhythmTraining

    open_run(tmp_path / "run", SeedTraining())
    open_run(tmp_path / "run", SeedTraining(devices=4), resume=True)
    with pytest.raises(ConfigurationError, match="seed changed"):
        open_run(tmp_path / "run", SeedTraining(devices=4, seed=1), resume=True)
    one, four = (keep_in(tmp_path, RhythmTraining(devices=n), []).identity for n in (1, 4))
    assert one == four


def test_less_than_no_device_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'devices' is not valid"):
        load_config(SeedTraining, None, ["devices=-1"])


@pytest.mark.parametrize("model", ["seed-lstm", "rhythm-lstm"])
def test_a_command_that_asks_for_too_many_leaves_nothing(tmp_path: Path, run_beatlens: Callable[..., Any], model: str) -> None:
    """One sentence, and no folder that would be in the way of the next try."""
    done = run_beatlens("train", model, "--out", str(tmp_path / "run"), "--set", "devices=999")
    assert done.status == 1
    assert "'devices' must be at most" in done.errors
    assert not (tmp_path / "run").exists()
