"""What a training of ``rhythm-lstm`` learns from: recordings, folds, the weights it starts from, and what its card says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from beatlens.databases.fetch import expected_sums
from beatlens.databases.mitdb import DS1
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.training.rhythm import Source, read_source
from beatlens.training.seed import MIT_BIH


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The data of one training.

    Parameters
    ----------
    title : str
        What the figures of the folds are said to be of.
    name : str
        What the data are called.
    records : tuple of str
        Names that ``read`` takes.
    folds : tuple of tuple of str
        The same names; a patient's recordings stand in one fold.
    read : callable
        From a name to a prepared recording.
    card : mapping
        Fields of the model's card that depend on the data.
    configuration : mapping
        What the card's configuration says of the data beside the settings.
    start : RhythmLSTM, optional
        Whose weights are trained further; none: from scratch.
    """

    title: str
    name: str
    records: tuple[str, ...]
    folds: tuple[tuple[str, ...], ...]
    read: Callable[[str], Source]
    card: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    start: RhythmLSTM | None = None


def ds1_set(folds: tuple[tuple[str, ...], ...]) -> TrainingSet:
    """Return DS1 of the MIT-BIH Arrhythmia Database, as the shipped weights learned from it."""
    sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(expected_sums().items()))
    return TrainingSet(
        title="DS1, four patient-wise folds, reference R peaks, paper mapping",
        name="DS1",
        records=DS1,
        folds=folds,
        read=read_source,
        card={
            "protocol": "inter-patient",
            "protocol_note": "Trained and chosen on DS1 alone; records 201 (DS1) and 202 (DS2) are of one patient.",
            "training_records": DS1,
            "data": MIT_BIH,
            "data_sha256": hashlib.sha256(sums.encode()).hexdigest(),
        },
    )
