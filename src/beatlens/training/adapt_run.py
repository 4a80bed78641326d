"""One adaptation, from a recording and the labels of its first minutes to a folder like that of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens._io import replacing, sha256_of, write_json
from beatlens.databases.identity import find_mitdb_record, print_of
from beatlens.databases.mitdb import PATIENT_OF_RECORD
from beatlens.errors import AnnotationError, ConfigurationError, LeakageError, RecordNotFoundError, SignalError
from beatlens.labels import classify_symbols
from beatlens.models.card import ModelCard, SeenRecord, write_card
from beatlens.models.rhythm_encoding import EncodedBeats, choose_leads, encode_beats
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.records import Record, read
from beatlens.records.record import Annotations
from beatlens.records.wfdb_format import read_annotations
from beatlens.training.adapt import Adaptation, Adapter
from beatlens.training.rhythm import label_numbers
from beatlens.training.rhythm_run import FoldResult, measure_folds
from beatlens.training.run import CARD, METRICS, WEIGHTS, package_versions, source_commit

FIRST_MINUTES: Final = "first-5-min"
START_S: Final = 300.0
"""The minutes that EC57 sets aside for a device to learn: figures begin behind them."""
MARGIN_S: Final = 1.0
"""Signal behind the last label of one's own that still belongs to the labelled stretch."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A recording with beats that somebody labelled.

    Parameters
    ----------
    record : Record
    samples : ndarray of int64, shape (n_beats,)
        R peaks, in samples of the record.
    classes : ndarray of str, shape (n_beats,)
        By the paper mapping.
    until_s : float
        The labelled stretch is learned from up to here; beats behind it are measured on.
    files : dict of str to str
        SHA-256 of the annotation file and, where known, of the recording.
    """

    record: Record
    samples: npt.NDArray[np.int64]
    classes: npt.NDArray[np.str_]
    until_s: float
    files: dict[str, str]

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """When the beats are, in seconds."""
        return self.samples / self.record.fs


def read_labelled(path: Path, labels: str = FIRST_MINUTES) -> Labelled:
    """Read a recording with labels of its beats.

    Parameters
    ----------
    path : Path
        The recording, of any format that is read.
    labels : str
        ``"first-5-min"``: the first five minutes of the annotations that lie beside it. Or one's own labels, all of which are
        learned from: the extension of an annotation file beside the recording, or the path of one.

    Raises
    ------
    RecordNotFoundError
        If the recording or its labels are missing.
    AnnotationError
        If no beat is labelled, or beats lie outside the recording.
    """
    record = read(path)
    marks, file = _find_marks(path, record, labels)
    classes = classify_symbols(marks.symbols)
    beats = classes != ""
    rate = record.fs / marks.fs if marks.fs else 1.0
    samples = np.round(marks.samples[beats] * rate).astype(np.int64)
    if not len(samples):
        raise AnnotationError(f"the labels of {record.name} must hold beats; they hold none")
    if samples[-1] >= record.n_samples:
        last = f"{samples[-1] / record.fs:.1f} s"
        raise AnnotationError(
            f"the labels of {record.name} must lie inside its {record.duration_s:.1f} s; the last is at {last}"
        )
    until = START_S if labels == FIRST_MINUTES else float(samples[-1] / record.fs) + MARGIN_S
    files = {} if file is None else {file.name: sha256_of(file)}
    files |= {
        other.name: sha256_of(other) for other in (path, path.with_suffix(".dat")) if other.is_file() and other.suffix != ".hea"
    }
    return Labelled(record, samples, classes[beats], min(until, record.duration_s), files)


def _find_marks(path: Path, record: Record, labels: str) -> tuple[Annotations, Path | None]:
    if labels == FIRST_MINUTES:
        if record.annotations is None:
            raise RecordNotFoundError(
                f"there are no annotations beside {record.name}",
                hint="Label the beats of its first minutes, and name the annotation file: --labels FILE.",
            )
        beside = path.with_suffix(".atr")
        return record.annotations, beside if beside.is_file() else None
    file = Path(labels) if Path(labels).suffix else path.with_suffix(f".{labels}")
    return read_annotations(file.with_suffix(""), file.suffix[1:]), file


def encode_labelled(
    record: Record, samples: npt.NDArray[np.int64], classes: npt.NDArray[np.str_], until_s: float
) -> tuple[list[EncodedBeats], npt.NDArray[np.int64]]:
    """Return the beats before ``until_s`` in each way that a network may read them, nothing behind it seen, and their labels.

    Of two leads that is by both and by each alone: which one it will be is told by the noise of the whole recording.

    Raises
    ------
    SignalError
        If there is no signal to read.
    """
    end = int(until_s * record.fs)
    early = samples < end
    signal = record.signal[:end]
    leads = choose_leads(signal, record.lead_names)
    if not leads:
        raise SignalError(f"{record.name} must have a lead with a signal in its first {until_s:.0f} s; it has none")
    ways = [leads, *((lead,) for lead in leads)] if len(leads) > 1 else [leads]
    return [encode_beats(signal[:, way], record.fs, samples[early]) for way in ways], label_numbers(classes[early])


def adapt_record(
    model: RhythmLSTM,
    labelled: Labelled,
    folder: Path,
    settings: Adaptation,
    on_progress: Callable[[str], None] = lambda _: None,
) -> RhythmLSTM:
    """Adapt a model to a recording and write ``model.keras``, ``model.json`` and ``metrics.json`` into a folder.

    Where there are labels behind the stretch that is learned from, both models are measured there.

    Parameters
    ----------
    model : RhythmLSTM
        Where it starts from; not changed.
    labelled : Labelled
        Of `read_labelled`.
    folder : Path
        Opened by `beatlens.training.run.open_run`.
    settings : Adaptation
    on_progress : callable
        Called with one line about what is going on.

    Raises
    ------
    LeakageError
        If the model was trained on this recording: it has nothing to adapt to.
    AnnotationError
        If fewer than ten beats are labelled.
    """
    record = labelled.record
    name = find_mitdb_record(labelled.files, labelled.times_s) or f"recording:{record.name}"
    if PATIENT_OF_RECORD.get(name, name) in {PATIENT_OF_RECORD.get(seen, seen) for seen in model.card.training_records}:
        raise LeakageError(
            f"a model must not be adapted to a recording that it was trained on; {model.name} saw {name}",
            hint="Adapt it to a recording of another patient.",
        )
    ways, labels = encode_labelled(record, labelled.samples, labelled.classes, labelled.until_s)
    on_progress(f"adapting to {_count(labels)} of the first {labelled.until_s:.0f} s")
    adapter = Adapter(model, settings)
    weights = adapter.adapt(ways, labels)
    figures = _measure(labelled, name, {"as it was": model, "adapted": adapter.with_weights(weights)})
    adapted = adapter.as_model(weights, model.card)
    with replacing(folder / WEIGHTS) as temporary:
        adapted.keras_model.save(temporary)
    card = _card(model.card, labelled, name, settings, figures, sha256_of(folder / WEIGHTS))
    write_json(folder / METRICS, figures)
    write_card(folder / CARD, card)
    return RhythmLSTM(adapted.keras_model, card)


def check_start(model: Any) -> RhythmLSTM:
    """Return a model that can be adapted.

    Raises
    ------
    ConfigurationError
        If it is no rhythm-lstm, or is adapted already.
    """
    if not isinstance(model, RhythmLSTM):
        raise ConfigurationError(f"the model to adapt must be a rhythm-lstm; got {model.name}")
    if model.card.adapted_to:
        raise ConfigurationError(
            f"the model to adapt must not be adapted already; it is, to {', '.join(model.card.adapted_to)}",
            hint="Start from the model that it came from.",
        )
    return model


def _count(labels: npt.NDArray[np.int64]) -> str:
    counts = np.bincount(labels[labels >= 0], minlength=4)
    return ", ".join(f"{count} {name}" for name, count in zip("NSVF", counts.tolist(), strict=True)) + " beats"


def _measure(labelled: Labelled, name: str, models: dict[str, RhythmLSTM]) -> dict[str, Any]:
    """Return the figures of each model on the labelled beats behind the stretch that was learned from."""
    labels = label_numbers(labelled.classes)
    rest = labelled.times_s >= labelled.until_s
    if not (labels[rest] >= 0).any():
        return {}
    figures = {}
    for title, model in models.items():
        probability = model.predict_record(labelled.record, labelled.samples).probabilities[rest]
        judged = np.where(np.isnan(probability[:, 0]), -1, labels[rest])
        logits = np.log(np.maximum(np.nan_to_num(probability), 1e-9))
        result = FoldResult(name, logits.astype(np.float32), judged)
        minutes = f"{int(labelled.until_s) // 60}:{int(labelled.until_s) % 60:02d}"
        figures[f"{labelled.record.name} from {minutes} on, {title}"] = measure_folds([result], model.abnormal_threshold)
    return figures


def _card(
    before: ModelCard, labelled: Labelled, name: str, settings: Adaptation, figures: dict[str, Any], sha256: str
) -> ModelCard:
    seen = SeenRecord(record=name, patient=name, files=labelled.files, intervals_ms=print_of(labelled.times_s))
    return before.model_copy(
        update={
            "protocol": "patient-adapted",
            "protocol_note": f"Adapted to the first {labelled.until_s:.0f} s of {labelled.record.name}; for this patient. "
            "Its figures are not those of the inter-patient protocol and must not stand beside them.",
            "training_records": (*before.training_records, name),
            "own_records": (*before.own_records, seen),
            "adapted_to": (labelled.record.name,),
            "started_from": f"{before.name} {before.version}, weights {before.sha256[:12]}",
            "configuration": {**before.configuration, "adaptation": settings.model_dump(mode="json")},
            "figures": figures,
            "not_for": f"Any other patient than the one of {labelled.record.name}. {before.not_for}",
            "sha256": sha256,
            "versions": package_versions(),
            "commit": source_commit(),
        }
    )
