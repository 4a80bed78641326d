"""Results as Parquet shards: for each recording one file of beats, one of events, and a summary row, which is written last."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from beatlens.analysis.result import Analysis
from beatlens.batch.identity import Wanted
from beatlens.batch.one import DONE, FAILED, KEPT, Outcome
from beatlens.batch.places import Place, require
from beatlens.batch.sources import Source

BEATS: Final = "beats"
EVENTS: Final = "events"
RECORDINGS: Final = "recordings"
KINDS: Final = (BEATS, EVENTS, RECORDINGS)

_TEXT = ("source", "name", "stamp", "status", "reason", "hint", "error", "content_sha256", "analysed_at", "asked")
_FACT_TEXT = ("recording", "format", "start_time", "leads", "notes")
_FACT_COUNTS = (
    "n_beats", "n_judged", "n_uncertain", "n_abnormal", "n_pauses", "n_couplets", "n_runs", "n_bigeminy", "longest_run_beats",
)  # fmt: skip
_FACT_NUMBERS = (
    "duration_s", "unreadable_s", "fs_hz", "mean_rate_bpm", "lowest_rate_bpm", "highest_rate_bpm", "sdnn_ms", "rmssd_ms",
    "pnn50_percent", "longest_pause_s", "fastest_run_bpm",
)  # fmt: skip
_NORMAL = ("N", "normal")


@dataclass(frozen=True)
class ShardStore:
    """Shards below one folder, each named after the identity of its analysis: written twice, it is the same file.

    Parameters
    ----------
    place : Place
        The folder.
    wanted : Wanted
        What is asked for.
    classes : tuple of str
        Classes of the model: they are columns.
    retry : bool
        Whether a recording that failed before is tried again.
    """

    place: Place
    wanted: Wanted
    classes: tuple[str, ...]
    retry: bool = False

    def find(self, identity: str, source: Source) -> Outcome | None:
        """Return the row of this identity, if its other shards are there; that of a failure unless it is to be tried again."""
        row = self.read_row(identity)
        if row is None:
            return None
        if row["status"] == FAILED:
            return None if self.retry else replace(outcome_of(row), source=source.url, name=source.name)
        if not all(self.place.exists(shard_name(kind, identity)) for kind in (BEATS, EVENTS)):
            return None
        return replace(outcome_of(row), status=KEPT, source=source.url, name=source.name)

    def save(self, outcome: Outcome, analysis: Analysis) -> str:
        """Write beats and events, then the row: a recording counts as analysed from then on.

        Raises
        ------
        OutputError
            If a shard cannot be written.
        """
        beats = analysis.beats.reset_index(drop=True)
        beats.insert(0, "beat", range(len(beats)))
        self.place.write(shard_name(BEATS, outcome.identity), to_parquet(beats_table(beats, outcome.identity, self.classes)))
        self.place.write(shard_name(EVENTS, outcome.identity), to_parquet(events_table(analysis, outcome.identity)))
        return self._save_row(replace(outcome, status=DONE))

    def save_failure(self, outcome: Outcome) -> None:
        """Write the row of a failure."""
        self._save_row(outcome)

    def _save_row(self, outcome: Outcome) -> str:
        name = shard_name(RECORDINGS, outcome.identity)
        self.place.write(name, to_parquet(self.row_table(outcome)))
        return name

    def row_table(self, outcome: Outcome) -> Any:
        """Return the summary row of a recording as a table; every row of a run has the same columns."""
        pa = require("pyarrow")
        described = self.wanted.describe()
        row = {
            "id": outcome.identity, "source": outcome.source, "name": outcome.name, "status": outcome.status,
            "reason": outcome.reason or None, "hint": outcome.hint or None, "error": outcome.error or None,
            "content_sha256": outcome.content or None, "seconds": outcome.seconds,
            "analysed_at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "asked": json.dumps(described, sort_keys=True),
            "model": described["model"]["name"], "model_version": described["model"]["version"],
            "model_sha256": described["model"]["sha256"], "beatlens": described["beatlens"], **outcome.facts,
        }  # fmt: skip
        return pa.Table.from_pylist([row], schema=row_schema(self.classes))

    def read_row(self, identity: str) -> dict[str, Any] | None:
        """Return the summary row of an identity; None if there is none, or it cannot be read."""
        content = self.place.read(shard_name(RECORDINGS, identity))
        if content is None:
            return None
        parquet, pa = require("pyarrow.parquet"), require("pyarrow")
        try:
            rows = parquet.read_table(io.BytesIO(content)).to_pylist()
        except (pa.ArrowException, OSError):
            return None
        return rows[0] if len(rows) == 1 else None

    def identities(self, kind: str) -> set[str]:
        """Return the identities that have a shard of this kind."""
        return {name.removesuffix(".parquet") for name in self.place.list(kind) if name.endswith(".parquet")}

    def remove(self, identities: Iterable[str]) -> None:
        """Remove all shards of some identities, the row first: what is left of a kill between is then no analysis."""
        for identity in identities:
            for kind in reversed(KINDS):
                self.place.remove(shard_name(kind, identity))


def shard_name(kind: str, identity: str) -> str:
    """Return the name of a shard below the folder."""
    return f"{kind}/{identity}.parquet"


def outcome_of(row: dict[str, Any]) -> Outcome:
    """Return what became of a recording from its summary row."""
    known = {*_FACT_TEXT, *_FACT_COUNTS, *_FACT_NUMBERS}
    facts = {key: value for key, value in row.items() if key in known or key.startswith(("n_", "burden_"))}
    named = {name: row[name] or "" for name in ("status", "source", "name", "reason", "hint", "error")}
    output = shard_name(RECORDINGS, row["id"])
    failed = row["status"] == FAILED
    return Outcome(
        **named,
        identity=row["id"],
        content=row["content_sha256"] or "",
        facts={} if failed else facts,
        seconds=row["seconds"] or 0.0,
        output="" if failed else output,
    )


def row_schema(classes: tuple[str, ...]) -> Any:
    """Return the columns of a summary row, for a model of these classes."""
    pa = require("pyarrow")
    counts = [f"n_{name}" for name in classes if f"n_{name}" not in _FACT_COUNTS]
    burdens = [f"burden_{name}_percent" for name in classes if name not in _NORMAL]
    columns = [("id", pa.string()), *((name, pa.string()) for name in _TEXT if name != "stamp"), ("seconds", pa.float64())]
    columns += [(name, pa.string()) for name in ("model", "model_version", "model_sha256", "beatlens", *_FACT_TEXT)]
    columns += [(name, pa.int64()) for name in (*_FACT_COUNTS, *counts)]
    columns += [(name, pa.float64()) for name in (*_FACT_NUMBERS, *burdens)]
    return pa.schema(columns)


def beats_table(beats: Any, identity: str, classes: tuple[str, ...]) -> Any:
    """Return the beats as a table: the columns of ``beats.csv`` after ``id``, with every digit."""
    pa = require("pyarrow")
    word = pa.dictionary(pa.int32(), pa.string())
    columns = [("id", word), ("beat", pa.int32()), ("sample", pa.int64()), ("time_s", pa.float64()), ("class", word)]
    columns += [(name, pa.float32()) for name in ("probability", *(f"p_{name}" for name in classes), "abnormal")]
    columns += [("rr_s", pa.float64()), ("judged", pa.bool_()), ("uncertain", pa.bool_()), ("reason", word)]
    return pa.Table.from_pandas(beats.assign(id=identity), schema=pa.schema(columns), preserve_index=False)


def events_table(analysis: Analysis, identity: str) -> Any:
    """Return the events as a table: pauses, couplets, runs and bigeminy in the order of time."""
    pa = require("pyarrow")
    schema = pa.schema(
        [("id", pa.string()), ("kind", pa.string()), ("beat_class", pa.string()), ("first_beat", pa.int32()),
         ("last_beat", pa.int32()), ("start_s", pa.float64()), ("end_s", pa.float64()), ("n_beats", pa.int32()),
         ("rate_bpm", pa.float64())]
    )  # fmt: skip
    rows = [{"id": identity, **{name: getattr(event, name) for name in schema.names[1:]}} for event in analysis.events]
    return pa.Table.from_pylist(rows, schema=schema)


def to_parquet(table: Any) -> bytes:
    """Return a table as a Parquet file."""
    parquet = require("pyarrow.parquet")
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
