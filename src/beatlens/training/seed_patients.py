"""``seed-lstm`` trained on some patients and stopped on others: the same network, an honest split.

Beats and classes are AAMI's (paper mapping): every class but N is abnormal. The ``seed`` protocol counts bundle branch block as
abnormal and cannot be compared with figures of the ``inter-patient`` protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from beatlens.beats.seed_windows import SeedBeats, SeedSplit, balance_beats, load_seed_beats
from beatlens.databases import mitdb
from beatlens.errors import ConfigurationError, LeakageError, closest
from beatlens.labels import BEAT_SYMBOLS, classify_symbols
from beatlens.training.config import SeedTraining

VALIDATION_RECORDS: Final = ("118", "124", "203", "215", "220")
"""Patients of DS1 that early stopping looks at, unless others are named: some of each class."""
FIGURES_OF: Final = "DS1, the patients that early stopping looked at, as many normal as abnormal beats"


def prepare_patient_split(
    config: SeedTraining, *, folder: Path | None = None, on_record: Callable[[str], None] | None = None
) -> SeedSplit:
    """Return beats of DS1, patients apart: some train, the others validate, and are what a run reports of too.

    DS2 is not touched: ``beatlens evaluate`` measures on it. Normal beats are thinned out to the number of the abnormal ones in
    each part, as in the seed's own recipe.

    Parameters
    ----------
    config : SeedTraining
        With ``protocol="inter-patient"``.
    folder : Path, optional
        Where the database is; found if not given.
    on_record : callable, optional
        Called with the name of each record that has been read.

    Raises
    ------
    LeakageError
        If a record is not of DS1, or a patient would stand on both sides.
    ConfigurationError
        If a record that validates is not among the records, or none is left to train on.
    """
    records = config.records or mitdb.DS1
    held_out = config.validation_records or tuple(name for name in VALIDATION_RECORDS if name in records)
    _check_records(records, held_out)
    beats = load_seed_beats(records, folder=folder, on_record=on_record)
    beats = beats.take(np.flatnonzero(np.isin(beats.symbols, list(BEAT_SYMBOLS))))
    beats = replace(beats, labels=(classify_symbols(beats.symbols, mapping="paper") != "N").astype(np.int64))
    inside = np.isin(beats.records, held_out)
    train, validation = (_balance(beats.take(np.flatnonzero(rows)), config.seed) for rows in (~inside, inside))
    return SeedSplit(train=train, validation=validation, test=validation)


def describe_split(config: SeedTraining) -> str:
    """Return what the split can and cannot show, for the model's card."""
    held_out = " ".join(config.validation_records or VALIDATION_RECORDS)
    return (
        f"Trained on DS1 alone; early stopping looked at its patients {held_out}: their figures are a little too good. "
        "Records 201 (DS1) and 202 (DS2) are of one patient."
    )


def _check_records(records: Sequence[str], held_out: Sequence[str]) -> None:
    outside = [name for name in records if name not in mitdb.DS1]
    if outside:
        raise LeakageError(
            f"the protocol 'inter-patient' trains on DS1 alone; got {', '.join(outside)}", hint="Leave these records out."
        )
    unknown = [name for name in held_out if name not in records]
    if unknown or not held_out:
        raise ConfigurationError(
            f"'validation_records' must name some of the records; got {', '.join(held_out) or 'none'}",
            hint=closest(unknown[0], records) if unknown else "Name them: --set 'validation_records=[\"118\"]'.",
        )
    kept = [name for name in records if name not in held_out]
    if not kept:
        raise ConfigurationError("at least one record must be left to train on; all of them validate")
    mitdb.check_patients_apart(kept, held_out)


def _balance(beats: SeedBeats, seed: int) -> SeedBeats:
    balanced = balance_beats(beats, seed=seed)
    if not len(balanced):
        raise ConfigurationError("each part must have beats of both labels; one has none", hint="Use more records.")
    return balanced
