"""What a model must offer to be measured, and the check that it has not seen what it is measured on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from beatlens.databases import mitdb
from beatlens.errors import ConfigurationError, LeakageError
from beatlens.evaluation.protocols.inter_patient import BeatCalls
from beatlens.labels import BEAT_SYMBOLS
from beatlens.models.seen import find_seen_mitdb
from beatlens.records import Annotations, Record

ADAPTED: Final = "patient-adapted"
"""Protocol on the card of a model that is adapted to one patient."""
KNOWN_PAIR: Final = ("201", "202")
"""Two records of one patient on both sides of de Chazal's split: allowed, and said beside every figure."""


class Predictions(Protocol):
    """What a model says of beats."""

    @property
    def classes(self) -> npt.NDArray[np.str_]:
        """Class of each beat; empty where it was not judged."""

    @property
    def abnormal(self) -> npt.NDArray[np.floating]:
        """Probability that each beat is not normal; NaN where it was not judged."""

    # ``probabilities`` (n_beats, n_classes), where a model has them, are measured for calibration.


class BeatModel(Protocol):
    """A model that judges the beats of a recording; `beatlens.models` holds some, and any other will do."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def card(self) -> Any:
        """An object or a mapping with ``training_records`` and ``sha256``."""

    def predict_record(self, record: Record, r_samples: npt.NDArray[np.int64]) -> Predictions:
        """Judge the beats whose R peaks are given, in samples of the record."""


def card_field(card: Any, name: str) -> Any:
    """Return a field of a card that is a mapping or an object; None if it has none of that name."""
    return card.get(name) if isinstance(card, Mapping) else getattr(card, name, None)


def refuse_adapted(card: Any, model: str) -> None:
    """Raise `LeakageError` if a model is adapted to one patient: its figures are of no other protocol."""
    if card_field(card, "protocol") == ADAPTED:
        patient = ", ".join(card_field(card, "adapted_to") or ())
        raise LeakageError(
            f"a model adapted to one patient must not be measured beside models that are not; {model} is adapted to {patient}",
            hint="'beatlens evaluate --protocol patient-adapted' adapts to each record and measures on its rest.",
        )


def check_leakage(
    card: Any, records: Iterable[str], *, model: str = "the model", folder: Path | None = None
) -> tuple[str, ...]:
    """Raise if a model was trained on a record, or a patient, that it is to be measured on.

    Parameters
    ----------
    card : object or mapping
        With ``training_records``.
    records : iterable of str
        What it is to be measured on.
    model : str
        What the model is called in the message.
    folder : Path, optional
        Where the database is: the records are then also looked for among a user's own ones under other names.

    Returns
    -------
    tuple of str
        What must be said beside the figures: that 201 and 202 are of one patient, where that is so.

    Raises
    ------
    LeakageError
        Naming the records.
    ConfigurationError
        If the card does not say what the model was trained on.
    """
    refuse_adapted(card, model)
    trained: Sequence[str] | None = card_field(card, "training_records")
    if trained is None:
        raise ConfigurationError(
            f"the card of {model} must list its training records; it does not",
            hint="Without them nobody can tell whether the figures are of patients that it has seen.",
        )
    measured = tuple(records)
    copies = find_seen_mitdb(card_field(card, "own_records") or (), measured, folder) if folder is not None else []
    seen = sorted(set(trained) & set(measured) | set(copies))
    if seen:
        raise LeakageError(
            f"a model must not be measured on records that it was trained on; {model} saw {', '.join(seen)}",
            hint="Use a model trained on DS1 alone, or the protocol 'seed', whose figures state the leak.",
        )
    mitdb.check_patients_apart(trained, measured, allow=[KNOWN_PAIR])
    shared = KNOWN_PAIR[0] in trained and KNOWN_PAIR[1] in measured
    return (mitdb.ONE_PATIENT_NOTE,) if shared else ()


def call_known_beats(
    model: BeatModel,
    records: Sequence[str],
    *,
    folder: Path | None = None,
    n_leads: int | None = None,
    on_record: Callable[[str], None] | None = None,
) -> tuple[dict[str, BeatCalls], dict[str, Annotations]]:
    """Let a model judge the beats of MIT-BIH records at the reference's R peaks, as the ``inter-patient`` protocol does.

    Parameters
    ----------
    model : BeatModel
        Any model.
    records : sequence of str
        Names of the records.
    folder : Path, optional
        Where the database is; found if not given.
    n_leads : int, optional
        Show the model only so many leads, the first ones; all if not given.
    on_record : callable, optional
        Called with the name of each record that is done.

    Returns
    -------
    calls, reference : dict of str
        By record.
    """
    folder = folder or mitdb.find_database()
    calls, reference = {}, {}
    for name in records:
        record = read_leads(name, folder, n_leads)
        marks = record.annotations or _no_marks()
        samples = marks.samples[np.isin(marks.symbols, list(BEAT_SYMBOLS))]
        said = model.predict_record(record, samples)
        calls[name] = BeatCalls(
            samples,
            np.asarray(said.classes, dtype=str),
            np.asarray(said.abnormal, dtype=np.float64),
            confidence_of(said),
        )
        reference[name] = marks
        if on_record:
            on_record(name)
    return calls, reference


def confidence_of(said: Any) -> npt.NDArray[np.float64] | None:
    """Return the probability of the likeliest class of each beat, where a model has probabilities."""
    of_classes = getattr(said, "probabilities", None)
    return None if of_classes is None else np.max(np.asarray(of_classes, np.float64), axis=1)


def annotate_records(
    model: BeatModel,
    records: Sequence[str],
    *,
    detect: Callable[[Record], npt.NDArray[np.int64]],
    folder: Path | None = None,
    n_leads: int | None = None,
    on_record: Callable[[str], None] | None = None,
) -> dict[str, Annotations]:
    """Let a model annotate MIT-BIH records from the raw signal, as ``ec57`` asks.

    A beat that the model could not judge is annotated ``Q``.

    Parameters
    ----------
    model, records, folder, n_leads, on_record
        As for `call_known_beats`.
    detect : callable
        Finds the R peaks of a record: `beatlens.beats.detector.detect_r_peaks`.

    Returns
    -------
    dict of str to Annotations
        By record.

    Raises
    ------
    ConfigurationError
        If the model does not tell AAMI classes apart.
    """
    folder = folder or mitdb.find_database()
    annotated = {}
    for name in records:
        record = read_leads(name, folder, n_leads)
        samples = detect(record)
        classes = np.asarray(model.predict_record(record, samples).classes, dtype=str)
        if not np.isin(classes, ["N", "S", "V", "F", "Q", ""]).all():
            raise ConfigurationError(
                f"the protocol 'ec57' needs a model that tells the classes N, S, V and F apart; {model.name} does not",
                hint="Use a model of AAMI classes.",
            )
        annotated[name] = Annotations(samples, np.where(classes == "", "Q", classes).astype("<U1"))
        if on_record:
            on_record(name)
    return annotated


def read_leads(name: str, folder: Path, n_leads: int | None) -> Record:
    """Read a record of the database, with its first leads only where a number is given."""
    record = mitdb.read_mitdb(name, folder)
    return record if n_leads is None else record.select_leads(record.lead_names[:n_leads])


def _no_marks() -> Annotations:
    return Annotations(np.zeros(0, np.int64), np.zeros(0, "<U1"))
