"""Many recordings, from a folder to answers: analyse them, then ask DuckDB.

    python examples/batch_queries.py FOLDER OUT     # analyses the recordings in FOLDER first
    python examples/batch_queries.py OUT            # asks what is in OUT already

Needs ``pip install "beatlens[cluster]" duckdb``. OUT may be a URL that DuckDB reads, such as ``s3://bucket/shards``. For
research; not a medical device.
"""

from __future__ import annotations

import sys

import duckdb

from beatlens.analysis import Settings
from beatlens.batch import Wanted
from beatlens.batch.cluster import Batch, local_cluster
from beatlens.batch.remote import find_batch

QUESTIONS = {
    "Which recordings are there, and which failed?": """
        SELECT status, count(*) AS recordings, round(sum(duration_s) / 3600, 2) AS hours
        FROM recordings GROUP BY status ORDER BY status
    """,
    "Why did they fail?": """
        SELECT name, reason FROM recordings WHERE status = 'failed' ORDER BY name
    """,
    "Which have the largest share of ventricular beats?": """
        SELECT name, n_beats, n_V, round(burden_V_percent, 2) AS burden_V_percent, n_runs
        FROM recordings WHERE status = 'done' ORDER BY burden_V_percent DESC NULLS LAST LIMIT 10
    """,
    "How premature is a ventricular beat, as a share of the interval before?": """
        WITH timed AS (
            SELECT id, class, rr_s, lag(rr_s) OVER (PARTITION BY id ORDER BY beat) AS before_s FROM beats
        )
        SELECT count(*) AS beats, round(median(rr_s / before_s), 3) AS median_share
        FROM timed WHERE class = 'V' AND rr_s IS NOT NULL AND before_s IS NOT NULL
    """,
    "Where are the longest runs?": """
        SELECT r.name, e.beat_class, e.n_beats, round(e.rate_bpm) AS rate_bpm, round(e.start_s, 1) AS start_s
        FROM events e JOIN recordings r USING (id) WHERE e.kind = 'run' ORDER BY e.n_beats DESC, e.start_s LIMIT 10
    """,
    "Which beats should a person look at first?": """
        SELECT r.name, b.beat, round(b.time_s, 2) AS time_s, b.class, round(b.probability, 3) AS probability, b.reason
        FROM beats b JOIN recordings r USING (id) WHERE b.uncertain AND b.judged ORDER BY b.probability, r.name LIMIT 10
    """,
}


def analyse(folder: str, out: str) -> None:
    """Analyse every recording in a folder with two processes; what is there already is kept."""
    wanted = Wanted("rhythm-lstm", settings=Settings(explanations=0))
    result = Batch(find_batch(folder, leave_out=[out]), wanted, out).run(local_cluster(2))
    print(f"{result.counts['done']} analysed, {result.counts['kept']} there before, {result.counts['failed']} failed\n")


def connect(out: str) -> duckdb.DuckDBPyConnection:
    """Return a connection that sees the shards as three tables: recordings, beats and events.

    Beats and events count only with their row in ``recordings``, which is written last.
    """
    connection = duckdb.connect()
    connection.read_parquet(f"{out}/recordings/*.parquet").create_view("recordings")
    for kind in ("beats", "events"):
        rows = connection.read_parquet(f"{out}/{kind}/*.parquet")
        rows.filter("id IN (SELECT id FROM recordings)").create_view(kind)
    return connection


def main() -> None:
    """Analyse if a folder is given, and answer the questions."""
    *folders, out = sys.argv[1:]
    for folder in folders:
        analyse(folder, out)
    connection = connect(out)
    for question, query in QUESTIONS.items():
        print(question)
        print(connection.sql(query))


if __name__ == "__main__":
    main()
