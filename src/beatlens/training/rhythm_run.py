"""One training of ``rhythm-lstm`` from raw data to weights with a card: examples, patient-wise folds, calibration, weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens._io import replacing, sha256_of, write_json
from beatlens._version import __version__
from beatlens.beats.morphology import FS
from beatlens.databases.mitdb import check_patients_apart
from beatlens.models.card import ModelCard, write_card
from beatlens.models.registry import load_model
from beatlens.models.rhythm_encoding import FEATURES
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.models.rhythm_network import CLASSES, networks_of
from beatlens.models.rhythm_shapes import hear_like_beats
from beatlens.training.rhythm import FOLDS, Example, RhythmTraining, fit_temperature, fit_threshold, make_examples
from beatlens.training.rhythm_checkpoint import FOLDER, NOWHERE, Keeper, keep_in
from beatlens.training.rhythm_data import TrainingSet, ds1_set
from beatlens.training.rhythm_fit import fit
from beatlens.training.run import CARD, METRICS, WEIGHTS, package_versions, source_commit

FAILURES: Final = (
    "Supraventricular beats without a premature interval or a visible change of the P wave are called N.",
    "Aberrantly conducted supraventricular beats (as in record 201 of DS1) are called V.",
    "Fusion beats are learned from one patient (208) and from blends of others' beats: few are found, and V are called F.",
    "Irregular rhythms without P waves (flutter, fibrillation) draw false S and V, and noise draws false V.",
)

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class FoldResult:
    """Out-of-fold logits of a training record, shape (n_beats, 4), with its labels (-1: none of N, S, V, F)."""

    record: str
    logits: npt.NDArray[np.floating]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OwnResult(FoldResult):
    """The same as the network says it, before beats of one shape have agreed on V; ``windows`` are those of the beats."""

    windows: npt.NDArray[np.float32]

    def heard(self, temperature: float) -> FoldResult:
        """Return what they are once they are calibrated and beats of one shape have agreed."""
        return FoldResult(self.record, hear_like_beats(self.logits / temperature, self.windows), self.labels)


def cross_validate(
    settings: RhythmTraining,
    examples: Sequence[Example],
    card: ModelCard,
    on_progress: Progress = lambda _: None,
    *,
    keeper: Keeper = NOWHERE,
    data: TrainingSet | None = None,
) -> list[OwnResult]:
    """Train once a fold without its patients, and let the network judge their real recordings.

    Composed recordings that hold a beat of one of these patients are left out of the fold's training too.
    """
    data = data or ds1_set(FOLDS)
    results = []
    for number, fold in enumerate(data.folds):
        kept = [example for example in examples if not example.patients & set(fold)]
        check_patients_apart({name for example in kept for name in example.patients}, fold)

        def report(epoch: int, loss: float, fold_number: int = number + 1) -> None:
            on_progress(f"fold {fold_number}, epoch {epoch + 1}: {loss:.4f}")

        network = fit(settings, kept, report, keeper=keeper.inside(f"fold-{number + 1}"), start=_start_of(data))
        model = RhythmLSTM(network, card)
        for example in examples:
            if example.judged and example.patients <= set(fold):
                (name,) = example.patients
                results.append(OwnResult(name, model.own_logits(example.beats), example.labels, example.beats.windows))
    return results


def measure_folds(results: Sequence[FoldResult], threshold: float = 0.5) -> dict[str, Any]:
    """Return F1 of each class, macro-F1 and the F1 of abnormal beats (from ``threshold`` on), all records' beats together."""
    labels = np.concatenate([result.labels for result in results])
    logits = np.concatenate([result.logits for result in results])[labels >= 0]
    labels = labels[labels >= 0]
    called = logits.argmax(axis=1)
    scores = {f"{name} F1": _f1(labels == k, called == k) for k, name in enumerate(CLASSES)}
    figures = {name: score for name, score in scores.items() if not np.isnan(score)}  # of the classes that there are
    figures["macro-F1"] = float(np.mean(list(figures.values())))
    figures["abnormal F1"] = _f1(labels > 0, abnormal_of(logits) >= threshold)
    return {name: round(value, 4) for name, value in figures.items()}


def abnormal_of(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the probability that a beat is not normal."""
    from scipy.special import softmax

    return np.asarray(1 - softmax(np.asarray(logits, np.float64), axis=1)[:, 0])


def _start_of(data: TrainingSet) -> list[Any]:
    return networks_of(data.start.keras_model) if data.start is not None else []


def _f1(true: npt.NDArray[np.bool_], called: npt.NDArray[np.bool_]) -> float:
    either = int(true.sum() + called.sum())
    return 2 * int((true & called).sum()) / either if either else float("nan")


def train_rhythm_lstm(
    settings: RhythmTraining,
    folder: Path,
    on_progress: Progress = lambda _: None,
    *,
    resume: bool = False,
    data: TrainingSet | None = None,
) -> RhythmLSTM:
    """Train ``rhythm-lstm`` and write ``model.keras``, ``model.json`` and ``metrics.json`` into a run's folder.

    Parameters
    ----------
    settings : RhythmTraining
    folder : Path
        The run's folder, opened by `beatlens.training.run.open_run`.
    on_progress : callable
        Called with one line about what is going on.
    resume : bool
        Go on from the folder's checkpoints; the result is that of an undisturbed run.
    data : TrainingSet, optional
        What it learns from; DS1 if not given.

    Returns
    -------
    RhythmLSTM
        Calibrated by the temperature of the out-of-fold predictions.
    """
    if resume and (folder / CARD).is_file():
        return load_model(folder)  # type: ignore[no-any-return]
    data = data or ds1_set(FOLDS)
    examples = make_examples(settings, data.records, lambda name: on_progress(f"reading and composing: {name}"), read=data.read)
    blank = _card(settings, data, None)
    keeper = keep_in(folder, settings, examples)
    results = cross_validate(settings, examples, blank, on_progress, keeper=keeper, data=data)
    temperature, threshold = _calibrate(results)
    calibrated = [result.heard(temperature) for result in results]
    figures = {data.title: measure_folds(calibrated, threshold)}

    def report(epoch: int, loss: float) -> None:
        on_progress(f"all records, epoch {epoch + 1}: {loss:.4f}")

    network = fit(settings, examples, report, keeper=keeper.inside("all"), start=_start_of(data))
    with replacing(folder / WEIGHTS) as temporary:
        network.save(temporary)
    calibration = {
        "temperature": temperature,
        "abnormal_threshold": threshold,
        "fitted on": f"out-of-fold predictions of {data.name}",
    }
    card = _card(settings, data, network, figures=figures, calibration=calibration, sha256=sha256_of(folder / WEIGHTS))
    write_json(folder / METRICS, figures)
    write_card(folder / CARD, card)  # the last: a folder with a card is a run that is done
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    return RhythmLSTM(network, card)


def _calibrate(results: Sequence[OwnResult]) -> tuple[float, float]:
    """Return the temperature, and the limit of the calibrated probability of abnormal beats."""
    labels = np.concatenate([result.labels for result in results])

    def heard(temperature: float) -> npt.NDArray[np.floating]:
        return np.concatenate([result.heard(temperature).logits for result in results])

    temperature = round(fit_temperature(heard, labels), 4)
    return temperature, fit_threshold(abnormal_of(heard(temperature)), labels)


def _card(settings: RhythmTraining, data: TrainingSet, network: Any, **measured: Any) -> ModelCard:
    configuration = settings.model_dump(mode="json") | {"folds": [list(fold) for fold in data.folds]} | dict(data.configuration)
    seen = f"{len(FEATURES) - len(set(settings.unseen))} of {len(FEATURES)} features of rhythm and shape a beat"
    if settings.windows:
        seen += ", a convolutional encoding of its leads"
    fields: dict[str, Any] = {
        "name": "rhythm-lstm",
        "version": __version__,
        "architecture": f"{seen}; a bidirectional LSTM ({settings.units} each way) over the beats; mean of {settings.networks}",
        "n_parameters": int(network.count_params()) if network is not None else 0,
        "classes": CLASSES,
        "fs": FS,
        "preprocessing": "resampled to 128 Hz, 0.5 to 40 Hz, one or two leads, scaled by the recording's usual complex",
        "configuration": configuration,
        "figures": {},
        "known_failures": FAILURES,
        "intended_use": "Research: a class for each beat of recordings of adults, on one or two leads, for a person to check.",
        "not_for": "Diagnosis, monitoring or triage; paced rhythm; children; beats that it marks as uncertain.",
        "sha256": "",
        "versions": package_versions(),
        "commit": source_commit(),
    }
    return ModelCard(**(fields | dict(data.card) | measured))
