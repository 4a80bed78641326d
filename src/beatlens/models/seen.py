"""What a model has seen, told by recordings and patients and not by names alone.

Records of MIT-BIH stand on a card under their number. A user's own records stand there as ``DATA:RECORD``, so that another
hospital's record 100 is not taken for MIT-BIH's; with sums of files and a run of beat intervals, so that a copy under another
name is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from beatlens.databases import mitdb
from beatlens.databases.identity import has_print, mitdb_beats
from beatlens.databases.own import OwnRecord
from beatlens.models.card import ModelCard, SeenRecord


def find_seen(card: ModelCard, records: Iterable[OwnRecord], *, data_name: str) -> list[str]:
    """Return the names of the own records that a model has seen, or whose patient it has.

    Parameters
    ----------
    card : ModelCard
    records : iterable of OwnRecord
    data_name : str
        What the records' data are called: patients of data of the same name are the same if their names are.
    """
    patients = {mitdb.PATIENT_OF_RECORD.get(name, name) for name in card.training_records}
    digests = {digest for seen in card.own_records for digest in seen.files.values()}
    prefix = f"{data_name}:"
    known = {seen.patient for seen in card.own_records if seen.record.startswith(prefix)}
    return [
        record.row.record
        for record in records
        if (record.mitdb is not None and mitdb.PATIENT_OF_RECORD[record.mitdb] in patients)
        or digests & set(record.files.values())
        or record.row.patient in known
        or any(has_print(record.times_s, seen.intervals_ms) for seen in card.own_records)
    ]


def find_seen_mitdb(own_records: Sequence[SeenRecord] | Any, names: Iterable[str], folder: Path) -> list[str]:
    """Return which records of the MIT-BIH Arrhythmia Database a model saw among a user's own, under other names."""
    prints = [seen.intervals_ms for seen in own_records if seen.intervals_ms]
    if not prints:
        return []
    return [name for name in names if any(has_print(mitdb_beats(name, folder), wanted) for wanted in prints)]


def describe_seen(records: Iterable[OwnRecord], *, data_name: str) -> tuple[SeenRecord, ...]:
    """Return what a card keeps of own records."""
    return tuple(
        SeenRecord(record=f"{data_name}:{one.row.record}", patient=one.row.patient, files=one.files, intervals_ms=one.intervals)
        for one in records
    )
