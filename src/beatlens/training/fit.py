"""A training loop that can be killed at any moment and goes on as if nothing had happened.

Everything that decides the next step is in the checkpoint: weights, optimizer, the state of the dropout masks, the place in
the epoch. The order of the data is drawn from the seed and the number of the epoch, so it need not be kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from beatlens._io import replacing
from beatlens.errors import ConfigurationError, FormatError
from beatlens.models.engine import load_keras
from beatlens.training.devices import check_alike, spread_over
from beatlens.training.lstm import walk_layers

CHECKPOINT = "checkpoint.npz"
_EVALUATION_BATCH = 512

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FitSettings:
    """How to fit: see `beatlens.training.config.SeedTraining` for the meaning and unit of each."""

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    warmup_fraction: float
    clip_norm: float | None
    patience: int
    seed: int
    precision: str = "float32"
    checkpoint_every_s: float = 60.0
    devices: int = 1


@dataclass(frozen=True, eq=False)
class FitData:
    """Inputs (n, ...) and labels 0 or 1 (n,) of the training and the validation part."""

    x_train: Array
    y_train: Array
    x_validation: Array
    y_validation: Array


@dataclass(frozen=True)
class EpochFigures:
    """What one epoch came to; ``seconds`` counts the time spent in it over all its runs."""

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class StepReport:
    """Where the fit stands: the mean loss and accuracy of the epoch so far."""

    epoch: int
    step: int
    steps_per_epoch: int
    loss: float
    accuracy: float
    history: tuple[EpochFigures, ...]


@dataclass
class _Progress:
    """The mutable part of a fit, beside the arrays of `_Step`."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    hits: float = 0.0
    seen: float = 0.0
    seconds: float = 0.0
    best_epoch: int = -1
    history: list[EpochFigures] = field(default_factory=list)

    def start_epoch(self) -> None:
        self.epoch += 1
        self.step = 0
        self.loss_sum = self.hits = self.seen = self.seconds = 0.0


class _Step:
    """One compiled step of Adam on binary cross-entropy, and the arrays that it changes."""

    def __init__(self, model: Any, settings: FitSettings, steps_per_epoch: int) -> None:
        import jax

        keras = load_keras()
        self.model = model
        self.spread = spread_over(settings.devices, settings.batch_size)
        self.optimizer = keras.optimizers.Adam(_learning_rate(settings, steps_per_epoch), global_clipnorm=settings.clip_norm)
        self.optimizer.build(model.trainable_variables)
        groups = (model.trainable_variables, model.non_trainable_variables, self.optimizer.variables)
        self.arrays = self.spread.copy([[variable.value for variable in group] for group in groups])
        cross_entropy = keras.losses.BinaryCrossentropy(reduction="sum")
        forward = walk_layers(model, settings.precision)

        def loss_of(trainable: Any, other: Any, x: Any, y: Any, weight: Any) -> Any:
            probability, other = forward(trainable, other, x)
            loss_sum = cross_entropy(y[:, None], probability, sample_weight=weight[:, None])
            hits = (((probability[:, 0] > 0.5) == (y > 0.5)) * weight).sum()
            return loss_sum / weight.sum(), (loss_sum, hits, other)

        def advance(arrays: Any, x: Any, y: Any, weight: Any) -> Any:
            trainable, other, moments = arrays
            gradient_of = jax.value_and_grad(loss_of, has_aux=True)
            (_, (loss_sum, hits, other)), gradients = gradient_of(trainable, other, x, y, weight)
            trainable, moments = self.optimizer.stateless_apply(moments, gradients, trainable)
            return [trainable, other, moments], loss_sum, hits

        def evaluate(arrays: Any, x: Any) -> Any:
            return model.stateless_call(arrays[0], arrays[1], x, training=False)[0][:, 0]

        self._advance = self.spread.compile(advance)
        self._evaluate = self.spread.compile(evaluate)

    def advance(self, x: Array, y: Array, weight: Array) -> tuple[float, float]:
        """Take one step; return the summed loss and the number of hits."""
        self.arrays, loss_sum, hits = self._advance(self.arrays, *self.spread.share((x, y, weight)))
        return float(loss_sum), float(hits)

    def evaluate(self, x: Array, y: Array) -> tuple[float, float]:
        """Return loss and accuracy, as Keras's binary cross-entropy defines the loss."""
        size = -(-min(_EVALUATION_BATCH, len(x)) // self.spread.n_devices) * self.spread.n_devices
        parts = [
            self._evaluate(self.arrays, self.spread.share(_pad(x[start : start + size], size)))
            for start in range(0, len(x), size)
        ]
        probability = np.clip(np.concatenate(parts)[: len(x)].astype(np.float64), 1e-7, 1 - 1e-7)
        loss = -np.mean(np.where(y > 0.5, np.log(probability), np.log1p(-probability)))
        return float(loss), float(np.mean((probability > 0.5) == (y > 0.5)))

    def put_into_model(self, weights: list[Array]) -> None:
        for variable, value in zip(self.model.trainable_variables, weights, strict=True):
            variable.assign(value)


def fit_binary(
    model: Any,
    data: FitData,
    settings: FitSettings,
    *,
    folder: Path,
    resume: bool = False,
    on_step: Callable[[StepReport], None] | None = None,
) -> list[EpochFigures]:
    """Fit a binary classifier with Adam, early stopping, and checkpoints.

    Parameters
    ----------
    model : keras.Sequential
        Ends in one sigmoid; left with the weights of the epoch of the lowest validation loss.
    data : FitData
        Training and validation part.
    settings : FitSettings
        How to fit.
    folder : Path
        Where the checkpoint is kept.
    resume : bool
        Go on from the checkpoint, if there is one; the result is that of an undisturbed run.
    on_step : callable, optional
        Called after every step.

    Returns
    -------
    list of EpochFigures
        One for each epoch.

    Raises
    ------
    ConfigurationError
        If the checkpoint was written under other settings or for another model.
    FormatError
        If the checkpoint is damaged.
    """
    steps_per_epoch = -(-len(data.x_train) // settings.batch_size)
    step = _Step(model, settings, steps_per_epoch)
    progress, best = _Progress(), step.arrays[0]
    checkpoint = folder / CHECKPOINT
    if resume and checkpoint.is_file():
        progress, best = _load_checkpoint(checkpoint, step, settings)
        check_alike((progress.epoch, progress.step))
    saved_at = time.monotonic()
    while progress.epoch < settings.epochs and not _has_stalled(progress, settings):
        order = np.random.default_rng([settings.seed, progress.epoch]).permutation(len(data.x_train))
        while progress.step < steps_per_epoch:
            started = time.monotonic()
            _take_step(step, progress, data, order, settings.batch_size)
            progress.seconds += time.monotonic() - started
            if on_step:
                on_step(_report(progress, steps_per_epoch))
            if time.monotonic() - saved_at > settings.checkpoint_every_s:
                _save_checkpoint(checkpoint, step, settings, progress, best)
                saved_at = time.monotonic()
        if _finish_epoch(step, progress, data):
            best = step.arrays[0]
        _save_checkpoint(checkpoint, step, settings, progress, best)
        saved_at = time.monotonic()
    step.put_into_model(best)
    return progress.history


def _learning_rate(settings: FitSettings, steps_per_epoch: int) -> Any:
    if settings.schedule == "constant":
        return settings.learning_rate
    n_steps = settings.epochs * steps_per_epoch
    n_warmup = max(1, round(settings.warmup_fraction * n_steps))
    return load_keras().optimizers.schedules.CosineDecay(
        0.0, n_steps - n_warmup, warmup_target=settings.learning_rate, warmup_steps=n_warmup
    )


def _take_step(step: _Step, progress: _Progress, data: FitData, order: Array, batch_size: int) -> None:
    rows = order[progress.step * batch_size : (progress.step + 1) * batch_size]
    weight = _pad(np.ones(len(rows), np.float32), batch_size)
    x, y = _pad(data.x_train[rows], batch_size), _pad(data.y_train[rows].astype(np.float32), batch_size)
    loss_sum, hits = step.advance(x, y, weight)
    progress.loss_sum += loss_sum
    progress.hits += hits
    progress.seen += len(rows)
    progress.step += 1


def _finish_epoch(step: _Step, progress: _Progress, data: FitData) -> bool:
    """Evaluate, write the epoch down, start the next; return whether this one is the best so far."""
    validation_loss, validation_accuracy = step.evaluate(data.x_validation, data.y_validation)
    figures = EpochFigures(
        epoch=progress.epoch,
        loss=progress.loss_sum / progress.seen,
        accuracy=progress.hits / progress.seen,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        seconds=round(progress.seconds, 1),
    )
    is_best = all(validation_loss < earlier.validation_loss for earlier in progress.history)
    if is_best:
        progress.best_epoch = progress.epoch
    progress.history.append(figures)
    progress.start_epoch()
    return is_best


def _has_stalled(progress: _Progress, settings: FitSettings) -> bool:
    return bool(progress.history) and progress.epoch - 1 - progress.best_epoch >= settings.patience


def _report(progress: _Progress, steps_per_epoch: int) -> StepReport:
    return StepReport(
        epoch=progress.epoch,
        step=progress.step,
        steps_per_epoch=steps_per_epoch,
        loss=progress.loss_sum / progress.seen,
        accuracy=progress.hits / progress.seen,
        history=tuple(progress.history),
    )


def _pad(values: Array, length: int) -> Array:
    """Return the values with zeros behind them, so that every batch has the same shape and is compiled once."""
    if len(values) == length:
        return values
    return np.concatenate([values, np.zeros((length - len(values), *values.shape[1:]), values.dtype)])


def _save_checkpoint(path: Path, step: _Step, settings: FitSettings, progress: _Progress, best: list[Any]) -> None:
    groups = {**dict(zip(("trainable", "other", "moments"), step.arrays, strict=True)), "best": best}
    arrays: dict[str, Any] = {
        f"{name}/{i}": np.asarray(value) for name, group in groups.items() for i, value in enumerate(group)
    }
    arrays["state"] = np.array(json.dumps({"settings": _identity(settings), "progress": asdict(progress)}))
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def _load_checkpoint(path: Path, step: _Step, settings: FitSettings) -> tuple[_Progress, list[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            state = json.loads(str(file["state"]))
            arrays = {name: file[name] for name in file.files if name != "state"}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise FormatError(f"{path} is not a checkpoint: {error}", hint="Start again without --resume.") from error
    if state["settings"] != _identity(settings):
        changed = [name for name, value in _identity(settings).items() if state["settings"].get(name) != value]
        raise ConfigurationError(
            f"a run must be resumed with the settings that it started with; {', '.join(changed)} changed",
            hint="Use the configuration in the run's folder, or start a new run.",
        )
    loaded = []
    for name, group in zip(("trainable", "other", "moments"), step.arrays, strict=True):
        values = [arrays[f"{name}/{i}"] for i in range(len(group)) if f"{name}/{i}" in arrays]
        if [value.shape for value in values] != [value.shape for value in group]:
            raise ConfigurationError(f"{path} was written for another model")
        loaded.append(values)
    step.arrays = step.spread.copy(loaded)
    values = state["progress"]
    history = [EpochFigures(**figures) for figures in values.pop("history")]
    return _Progress(**values, history=history), [arrays[f"best/{i}"] for i in range(len(loaded[0]))]


def _identity(settings: FitSettings) -> dict[str, Any]:
    """Return what decides the result: not how often it is saved, nor how many devices share the work."""
    return {name: value for name, value in asdict(settings).items() if name not in ("checkpoint_every_s", "devices")}
