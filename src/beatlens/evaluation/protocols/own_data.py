"""The ``own-data`` protocol: a model on a user's own records, at their annotated beats, patients that it has not seen.

The figures are those of ``inter-patient``, patient by patient: all records of a patient count as one, for it is patients that
differ, and patients that the intervals draw again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.databases.own import OwnRecord
from beatlens.errors import LeakageError
from beatlens.evaluation.protocols.inter_patient import BeatCalls
from beatlens.evaluation.protocols.models import confidence_of, refuse_adapted
from beatlens.models.card import ModelCard
from beatlens.models.seen import find_seen
from beatlens.records import Annotations
from beatlens.records.wfdb_format import read_wfdb

FS: Final = 1000.0
"""Beats are counted in ms: records may differ in their rate."""
APART_MS: Final = 10_000
PATIENT_NOTE: Final = "All records of a patient count as one row, and intervals are of a bootstrap over patients."


def check_own_leakage(card: ModelCard, records: Sequence[OwnRecord], *, data_name: str, model: str) -> None:
    """Raise if a model has seen a record, or a patient, that it is to be measured on.

    Raises
    ------
    LeakageError
        Naming the records; or if the model is adapted to one patient.
    """
    refuse_adapted(card, model)
    seen = find_seen(card, records, data_name=data_name)
    if seen:
        raise LeakageError(
            f"a model must not be measured on patients that it was trained on; {model} saw those of {', '.join(seen)}",
            hint="Give the fold 'test' to records that no training may see, and train again; or measure on other records.",
        )


def call_own_beats(
    model: Any, records: Sequence[OwnRecord], *, on_record: Callable[[str], None] = lambda _: None
) -> tuple[dict[str, BeatCalls], dict[str, Annotations]]:
    """Let a model judge the annotated beats of one's own records.

    Parameters
    ----------
    model : BeatModel
        See `beatlens.evaluation.protocols.models.BeatModel`.
    records : sequence of OwnRecord
    on_record : callable
        Called with the name of each record that is done.

    Returns
    -------
    calls, reference : dict of str
        By patient, in ms; a patient's records one after the other.
    """
    parts: dict[str, list[tuple[npt.NDArray[np.int64], Any, OwnRecord]]] = {}
    ends: dict[str, int] = {}
    for record in records:
        signal = read_wfdb(record.path)
        at = np.minimum(np.round(record.times_s * signal.fs).astype(np.int64), signal.n_samples - 1)
        said = model.predict_record(signal, at)
        name = f"patient {record.row.patient}"
        start = ends.get(name, 0)
        parts.setdefault(name, []).append((start + np.round(record.times_s * FS).astype(np.int64), said, record))
        ends[name] = start + int(record.n_samples / record.fs * FS) + APART_MS
        on_record(record.row.record)
    calls = {
        name: BeatCalls(
            np.concatenate([at for at, _, _ in of_patient]),
            np.concatenate([np.asarray(said.classes, "<U8") for _, said, _ in of_patient]),
            np.concatenate([np.asarray(said.abnormal, np.float64) for _, said, _ in of_patient]),
            _joined([confidence_of(said) for _, said, _ in of_patient]),
        )
        for name, of_patient in parts.items()
    }
    reference = {
        name: Annotations(
            np.concatenate([at for at, _, _ in of_patient]),
            np.concatenate([record.symbols for _, _, record in of_patient]),
            fs=FS,
        )
        for name, of_patient in parts.items()
    }
    return calls, reference


def _joined(parts: Sequence[npt.NDArray[np.floating] | None]) -> npt.NDArray[np.floating] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None
