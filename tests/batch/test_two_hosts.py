"""A cluster of two hosts, in network namespaces: the worker of one dies midway, and nothing is missing or different."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from beatlens.analysis import Settings
from beatlens.batch.identity import Wanted
from beatlens.batch.one import analyse_one
from beatlens.batch.places import Place
from beatlens.batch.shards import ShardStore
from beatlens.batch.sources import find_sources

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def bench():
    """The module `benchmarks/cluster.py`, where namespaces may be made."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("network namespaces need root and the command ip")
    made = subprocess.run(["ip", "netns", "add", "bl-try"], capture_output=True, check=False)
    with contextlib.suppress(OSError):
        subprocess.run(["ip", "netns", "delete", "bl-try"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("network namespaces cannot be made here")
    path = Path(__file__).parents[2] / "benchmarks" / "cluster.py"
    spec = importlib.util.spec_from_file_location("bench_cluster", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.cluster
@pytest.mark.slow
def test_a_host_dies_and_nothing_is_missing(bench, recordings, tmp_path):
    """Beats and events are those of one process, to the last digit."""
    folder = Path(shutil.copytree(recordings, tmp_path / "in", ignore=shutil.ignore_patterns("bad.edf")))
    end = bench.run_on_two_hosts(folder, tmp_path / "two", tmp_path, kill_after=1)
    assert (end["status"], end["failed"]) == (0, 0)
    assert end["done"] + end["kept"] == 3  # kept: the worker died after its rows were written and before it could say so
    wanted = Wanted("rhythm-lstm", settings=Settings(explanations=0))
    store = ShardStore(Place(str(tmp_path / "one")), wanted, ("N", "S", "V", "F"))
    outcomes = [analyse_one(source, wanted, store) for source in find_sources([folder])]
    assert bench.same_shards(tmp_path / "one", tmp_path / "two") == sum(each.facts["n_beats"] for each in outcomes)
