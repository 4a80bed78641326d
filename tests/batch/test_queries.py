"""The example of queries over the shards gives the numbers of the analyses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from beatlens.analysis import Settings
from beatlens.batch.identity import Wanted
from beatlens.batch.one import analyse_one
from beatlens.batch.places import Place
from beatlens.batch.shards import ShardStore
from beatlens.batch.sources import find_sources

pytest.importorskip("duckdb")


@pytest.fixture(scope="module")
def queries():
    """The module `examples/batch_queries.py`."""
    path = Path(__file__).parents[2] / "examples" / "batch_queries.py"
    spec = importlib.util.spec_from_file_location("batch_queries", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shards(recordings, tmp_path_factory):
    """The shards of the recordings, as workers write them, and what became of each recording."""
    out = tmp_path_factory.mktemp("shards")
    wanted = Wanted("rhythm-lstm", settings=Settings(explanations=0))
    store = ShardStore(Place(str(out)), wanted, ("N", "S", "V", "F"))
    return out, [analyse_one(source, wanted, store) for source in find_sources([recordings])]


def test_the_answers_are_those_of_the_analyses(queries, shards):
    """Counts of recordings, beats and classes, and the reasons of failures."""
    out, outcomes = shards
    connection = queries.connect(str(out))
    answers = {question: connection.sql(query).fetchall() for question, query in queries.QUESTIONS.items()}
    done = [each for each in outcomes if each.status == "done"]
    hours = round(sum(each.facts["duration_s"] for each in done) / 3600, 2)
    assert answers["Which recordings are there, and which failed?"] == [("done", 3, hours), ("failed", 1, None)]
    (failed,) = [each for each in outcomes if each.status == "failed"]
    assert answers["Why did they fail?"] == [("bad.edf", failed.reason)]
    burdens = answers["Which have the largest share of ventricular beats?"]
    assert {name: n_v for name, _, n_v, _, _ in burdens} == {each.name: each.facts["n_V"] for each in done}
    assert connection.sql("SELECT count(*) FROM beats WHERE class = 'V'").fetchall() == [
        (sum(each.facts["n_V"] for each in done),)
    ]


def test_shards_without_a_row_do_not_count(queries, shards):
    """As a run that was killed leaves them."""
    out, outcomes = shards
    row = next(each for each in outcomes if each.name == "one")
    before = queries.connect(str(out)).sql("SELECT count(*) FROM beats").fetchall()[0][0]
    hidden = (out / "recordings" / f"{row.identity}.parquet").rename(out / "aside")
    try:
        after = queries.connect(str(out)).sql("SELECT count(*) FROM beats").fetchall()[0][0]
    finally:
        hidden.rename(out / "recordings" / f"{row.identity}.parquet")
    assert after == before - row.facts["n_beats"]
