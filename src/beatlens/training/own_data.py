"""Training ``rhythm-lstm`` on a folder of one's own records, from scratch or from a trained model's weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from beatlens.beats.morphology import FS, prepare_signal
from beatlens.databases.identity import has_print
from beatlens.databases.own import TEST, OwnRecord, find_records
from beatlens.errors import ConfigurationError, LeakageError, SignalError
from beatlens.models.card import DataSource
from beatlens.models.registry import load_model
from beatlens.models.rhythm_encoding import STRETCH_S, choose_leads
from beatlens.models.rhythm_leads import read_leads
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.models.rhythm_network import CLASSES, networks_of
from beatlens.models.seen import describe_seen, find_seen
from beatlens.records.request import Request
from beatlens.records.wfdb_format import read_wfdb
from beatlens.training.config import build_config
from beatlens.training.rhythm import RhythmTraining, Source
from beatlens.training.rhythm_data import TrainingSet

FINE_TUNING: Final[Mapping[str, Any]] = {"epochs": 6, "learning_rate": 1e-4}
"""Settings of a training that starts from a model's weights, unless they are given."""
LEAST_S: Final = 20.0
"""Shortest recording that is learned from."""


class OwnData(BaseModel):
    """Which data a training learns from, and what its card says of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Annotated[str, Field(description="Folder of WFDB records with beat annotations.")]
    patients: Annotated[str, Field(description="CSV table with the columns record, patient and, if wanted, fold.")]
    annotator: Annotated[str, Field(description="Extension of the annotation files.", pattern=r"^\w+$")] = "atr"
    folds: Annotated[int, Field(ge=2, description="Folds that patients are shared out to, where the table has none.")] = 4
    name: Annotated[str, Field(description="What the data are called; the folder's name if empty.", pattern=r"^[^:,\n]*$")] = ""
    version: Annotated[str, Field(description="Of the data.")] = ""
    licence: Annotated[str, Field(description="Of the data.")] = "not stated"
    citation: Annotated[str, Field(description="How to cite the data.")] = ""

    @property
    def called(self) -> str:
        """The name, or else the folder's."""
        return self.name or Path(self.folder).resolve().name.replace(":", " ").replace(",", " ")


class OwnTraining(RhythmTraining):
    """How ``rhythm-lstm`` is trained on one's own data."""

    data: OwnData
    start_from: Annotated[
        str | None, Field(description="Run, file or name of a rhythm-lstm whose weights are trained further.")
    ] = None


@dataclass(frozen=True, eq=False)
class _Part:
    """Half an hour at most of a record."""

    record: OwnRecord
    first_s: float
    last_s: float


def own_settings(values: Mapping[str, Any]) -> OwnTraining:
    """Return the settings with these values; a model that is started from decides the network, and the defaults of the rest.

    Raises
    ------
    ConfigurationError
        If a value is not valid, or the model to start from is no rhythm-lstm or of another architecture.
    """
    start = values.get("start_from")
    if start is None:
        return build_config(OwnTraining, values)
    shape = _shape_of(load_start(str(start)))
    for name, value in shape.items():
        given = values.get(name, value)
        if (tuple(given) if isinstance(given, list) else given) != value:
            raise ConfigurationError(
                f"'{name}' must be that of the model to start from, {value}; got {values[name]}", hint="Leave the setting out."
            )
    return build_config(OwnTraining, {**FINE_TUNING, **shape, **values})


def load_start(name: str) -> RhythmLSTM:
    """Load the model to start from; errors as for `beatlens.models.registry.load_model`, and if it is no rhythm-lstm."""
    model = load_model(name)
    if not isinstance(model, RhythmLSTM):
        raise ConfigurationError(f"the model to start from must be a rhythm-lstm; {name} is a {model.card.name}")
    return model


def _shape_of(model: RhythmLSTM) -> dict[str, Any]:
    networks = networks_of(model.keras_model)
    units = int(networks[0].get_layer("sequence").forward_layer.units)
    sees = any(tensor.name == "windows" for tensor in model.keras_model.inputs)
    unseen = tuple(model.card.configuration.get("unseen", ()))  # columns that its scaling takes to nothing
    return {"networks": len(networks), "units": units, "windows": sees, "unseen": unseen}


def own_set(settings: OwnTraining, on_record: Callable[[str], None] = lambda _: None) -> TrainingSet:
    """Return the records of a folder as a training's data: read, checked, and shared out to folds patient by patient.

    Raises
    ------
    ConfigurationError
        If there are too few patients or classes, or a record is not in the table.
    LeakageError
        If a patient stands in two folds, or the model to start from has seen one of them.
    BeatlensError
        See `beatlens.databases.own.find_records`.
    """
    data = settings.data
    listed = find_records(Path(data.folder), Path(data.patients), annotator=data.annotator, on_record=on_record)
    records = tuple(record for record in listed if record.row.fold != TEST)
    _check_enough(records)
    _check_copies(records)
    start = load_start(settings.start_from) if settings.start_from is not None else None
    if start is not None:
        _check_unseen(start, records, data)
    folds = _share_out(records, data.folds, settings.seed)
    names = {id(record): _name_of(record, data.called) for record in records}
    parts = {name: part for record in records for name, part in _parts_of(names[id(record)], record).items()}
    of_patient = {name: part.record.row.patient for name, part in parts.items()}
    return TrainingSet(
        title=f"{data.called}, {len(folds)} patient-wise folds, reference R peaks, paper mapping",
        name=data.called,
        records=tuple(parts),
        folds=tuple(tuple(name for name in parts if of_patient[name] in fold) for fold in folds),
        read=lambda name: _read_part(name, parts[name]),
        card=_card_fields(records, names, data, start),
        configuration={"data": data.model_dump(mode="json") | {"folder": data.called, "patients": Path(data.patients).name}},
        start=start,
    )


def _name_of(record: OwnRecord, called: str) -> str:
    """Return what the card calls a record: a copy of one of MIT-BIH by its number, any other by its data and its name."""
    return record.mitdb or f"{called}:{record.row.record}"


def _parts_of(name: str, record: OwnRecord) -> dict[str, _Part]:
    duration = record.n_samples / record.fs
    count = max(1, int(np.ceil(duration / STRETCH_S - 0.1)))
    edges = np.linspace(0, duration, count + 1)
    named = [name, *(f"{name}#{k + 1}" for k in range(1, count))]
    return {part: _Part(record, float(edges[k]), float(edges[k + 1])) for k, part in enumerate(named)}


def _read_part(name: str, part: _Part) -> Source:
    record = part.record
    whole = part.last_s - part.first_s >= record.n_samples / record.fs
    asked = None if whole else Request(start_s=part.first_s, end_s=part.last_s)
    found = read_wfdb(record.path, asked)
    leads = choose_leads(found.signal, found.lead_names)
    if not leads or found.duration_s < LEAST_S:
        raise SignalError(
            f"a record must hold {LEAST_S:g} s of a signal to learn from; {record.row.record} does not",
            hint="Take it out of the table and the folder.",
        )
    times = record.times_s - part.first_s
    inside = (times >= 0) & (times < found.duration_s - 1 / FS)
    reads = tuple(leads.index(lead) for lead in read_leads(found, np.round(times[inside] * found.fs).astype(np.int64)))
    x = prepare_signal(found.signal[:, leads], found.fs)
    return Source(name, x, times[inside], record.classes[inside], record.sinus, reads)


def _check_enough(records: Sequence[OwnRecord]) -> None:
    patients = {record.row.patient for record in records}
    if len(patients) < 2:
        raise ConfigurationError(
            f"at least two patients are needed, so that one is held out; got {len(patients)}",
            hint="A model is adapted to one patient with 'beatlens adapt RECORD'.",
        )
    having = {name: {r.row.patient for r in records if (r.classes == name).any()} for name in CLASSES}
    abnormal = set().union(*(having[name] for name in CLASSES[1:]))
    if not having["N"] or len(abnormal) < 2:
        raise ConfigurationError(
            "normal beats, and S, V or F beats of at least two patients, are needed; "
            f"got N of {len(having['N'])} and the others of {len(abnormal)}",
            hint="Classes come from the annotation symbols: see 'Beats and classes' in the documentation.",
        )


def _check_copies(records: Sequence[OwnRecord]) -> None:
    """Raise if a recording stands in the table twice, under two names."""
    for number, one in enumerate(records):
        for other in records[:number]:
            alike = set(one.files.values()) & set(other.files.values()) or has_print(one.times_s, other.intervals)
            if alike and (one.row.patient != other.row.patient or (one.mitdb and one.mitdb == other.mitdb)):
                raise LeakageError(
                    f"{other.row.record} and {one.row.record} must not be one recording; their beats are the same",
                    hint="Leave one of them out, or give both the same patient.",
                )


def _check_unseen(start: RhythmLSTM, records: Sequence[OwnRecord], data: OwnData) -> None:
    seen = find_seen(start.card, records, data_name=data.called)
    if seen:
        raise LeakageError(
            f"the model to start from must not have seen a patient of a fold; {start.name} saw {', '.join(seen)}",
            hint="Leave these records out (fold 'test'), start from another model, or train from scratch.",
        )


def _share_out(records: Sequence[OwnRecord], n_folds: int, seed: int) -> list[set[str]]:
    """Return the patients of each fold: the table's folds, else those that share each class out most evenly."""
    given = sorted({record.row.fold for record in records} - {""})
    if given:
        if len(given) < 2:
            raise ConfigurationError(f"the table must name at least two folds; it names {given[0]} alone")
        return [{record.row.patient for record in records if record.row.fold == fold} for fold in given]
    return share_out_patients(
        {
            patient: np.sum(
                [[(r.classes == name).sum() for name in CLASSES] for r in records if r.row.patient == patient], axis=0
            )
            for patient in sorted({record.row.patient for record in records})
        },
        n_folds,
        seed,
    )


def share_out_patients(counts: Mapping[str, Any], n_folds: int, seed: int) -> list[set[str]]:
    """Share patients out to folds so that each fold has about the same share of each class.

    Parameters
    ----------
    counts : mapping of str to array_like of int, shape (n_classes,)
        Beats of each class, by patient.
    n_folds : int
        Of fewer patients, each is a fold.
    seed : int
        Of the order among patients with like beats.

    Returns
    -------
    list of set of str
        None of them empty.
    """
    patients = sorted(counts)
    n_folds = min(n_folds, len(patients))
    beats = np.array([counts[patient] for patient in patients], np.float64)  # (patients, classes)
    shares = beats / np.maximum(1, beats.sum(axis=0))
    order = np.random.default_rng(seed).permutation(len(patients))
    order = order[np.argsort(-shares[order].max(axis=1), kind="stable")]  # those that hold most of a class first
    held, sizes = np.zeros((n_folds, beats.shape[1])), np.zeros(n_folds)
    folds: list[set[str]] = [set() for _ in range(n_folds)]
    for left, patient in zip(range(len(order) - 1, -1, -1), order, strict=True):
        uneven = ((held + shares[patient]) ** 2).sum(axis=1) - (held**2).sum(axis=1) + 1e-3 * sizes
        if (sizes == 0).sum() > left:
            uneven[sizes > 0] = np.inf  # the rest is needed for the empty ones
        fold = int(uneven.argmin())
        held[fold] += shares[patient]
        sizes[fold] += 1
        folds[fold].add(patients[patient])
    return folds


def _card_fields(
    records: Sequence[OwnRecord], names: Mapping[int, str], data: OwnData, start: RhythmLSTM | None
) -> dict[str, Any]:
    sums = "".join(f"{digest}  {name}\n" for record in records for name, digest in sorted(record.files.items()))
    own = tuple(names[id(record)] for record in records)
    n_patients = len({record.row.patient for record in records})
    note = f"Trained on {len(own)} records of {n_patients} patients of {data.called}; folds keep patients apart."
    seen = describe_seen(records, data_name=data.called)
    fields: dict[str, Any] = {
        "protocol": "own-data",
        "protocol_note": note,
        "training_records": own,
        "own_records": seen,
        "data": DataSource(name=data.called, version=data.version, licence=data.licence, citation=data.citation),
        "data_sha256": hashlib.sha256(sums.encode()).hexdigest(),
        "known_failures": ("What it gets wrong on these data was not looked into: see the figures of its folds.",),
    }
    if start is None:
        return fields
    before = start.card
    return fields | {
        "protocol_note": f"{note} It started from {before.name} {before.version} ({before.data.name}).",
        "training_records": tuple(dict.fromkeys((*before.training_records, *own))),
        "own_records": (*before.own_records, *seen),
        "started_from": f"{before.name} {before.version}, weights {before.sha256[:12]}, trained on {before.data.name}"
        + (f"; {before.started_from}" if before.started_from else ""),
        "known_failures": (*before.known_failures, *fields["known_failures"]),
    }
