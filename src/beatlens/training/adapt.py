"""Adapting ``rhythm-lstm`` to one patient: a few small steps on the labelled beats of the first minutes of a recording.

The beats are few and mostly normal, so that steps that go far unlearn what the minutes do not show. Weights are therefore held
back: a term of the loss grows with the square of their distance from where they started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from beatlens.errors import AnnotationError
from beatlens.models.card import ModelCard
from beatlens.models.engine import load_keras
from beatlens.models.rhythm_encoding import EncodedBeats
from beatlens.models.rhythm_lstm import RhythmLSTM, empty_inputs, fill_row
from beatlens.models.rhythm_network import average_networks, build_rhythm_network, copy_network, networks_of

SEQUENCE: Final = 64
ROWS: Final = 16
"""Sequences of a step: those of 480 beats at two phases; programs are compiled for a multiple of so many."""
HEAD: Final = ("joined", "logits")
FEWEST_LABELS: Final = 10
"""Beats with a class that the model knows; fewer are not adapted to."""

Weights = list[list[Any]]
"""Trainable arrays of each network."""


class Adaptation(BaseModel):
    """How a model is adapted to one recording; the defaults were chosen on folds of DS1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Annotated[int, Field(ge=1, description="Steps, each over all labelled beats.")] = 40
    learning_rate: Annotated[float, Field(gt=0, description="Adam's learning rate.")] = 1e-3
    pull: Annotated[float, Field(ge=0, description="Weight, in the loss, of the squared distance from the start weights.")] = (
        0.03
    )
    balance: Annotated[float, Field(ge=0, le=1, description="1: each beat counts the same; 0: each class does.")] = 0.5
    layers: Annotated[Literal["all", "head"], Field(description="Which weights move: all, or the last two layers'.")] = "all"


@dataclass(frozen=True, eq=False)
class Adapter:
    """A model whose weights are arguments, so that its programs are compiled once for any number of recordings.

    Parameters
    ----------
    model : RhythmLSTM
        Where adaptation starts from; it stays as it is.
    settings : Adaptation
    """

    model: RhythmLSTM
    settings: Adaptation

    @cached_property
    def start(self) -> Weights:
        """The weights that adaptation starts from."""
        return [[variable.value for variable in network.trainable_variables] for network in self._networks]

    def adapt(self, ways: Sequence[EncodedBeats], labels: npt.NDArray[np.int64]) -> Weights:
        """Return the adapted weights.

        Parameters
        ----------
        ways : sequence of EncodedBeats
            The labelled stretch, once for each choice of leads that it may be read by.
        labels : ndarray of int, shape (n_beats,)
            Column of each beat's class among N, S, V, F; -1 for beats that are not learned from.

        Raises
        ------
        AnnotationError
            If fewer than ten beats have a class that the model knows.
        """
        if (labels >= 0).sum() < FEWEST_LABELS:
            raise AnnotationError(
                f"at least ten labelled beats are needed to adapt to; got {int((labels >= 0).sum())}",
                hint="Label more beats, or use the model as it is.",
            )
        inputs, targets, weights = self._lay_out(ways, labels)
        return [
            self._fit(start, others, inputs, targets, weights) for start, others in zip(self.start, self._others, strict=True)
        ]

    def with_weights(self, weights: Weights) -> RhythmLSTM:
        """Return a model that judges with these weights; only for predictions, and quickly made."""
        return _Judge(self, weights)

    def as_model(self, weights: Weights, card: ModelCard) -> RhythmLSTM:
        """Return a model of its own with these weights, which can be saved."""
        built = []
        for network, values in zip(self._networks, weights, strict=True):
            units = int(network.get_layer("sequence").forward_layer.units)
            own = build_rhythm_network(n_units=units, windows=self._windows)
            copy_network(network, own)
            for variable, value in zip(own.trainable_variables, values, strict=True):
                variable.assign(value)
            built.append(own)
        return RhythmLSTM(average_networks(built), card)

    def judge(self, weights: Weights, inputs: Any) -> Any:
        """Return probabilities (n, beats, 4) of inputs as `RhythmLSTM.logits` takes them."""
        return self._probability(weights, self._others, inputs)

    @cached_property
    def _networks(self) -> list[Any]:
        return networks_of(self.model.keras_model)

    @cached_property
    def _others(self) -> list[list[Any]]:
        return [[variable.value for variable in network.non_trainable_variables] for network in self._networks]

    @property
    def _windows(self) -> bool:
        return any(tensor.name == "windows" for tensor in self.model.keras_model.inputs)

    def _lay_out(self, ways: Sequence[EncodedBeats], labels: npt.NDArray[np.int64]) -> tuple[Any, Any, Any]:
        n = len(labels)
        pieces = [slice(start, min(n, start + SEQUENCE)) for start in range(0, n, SEQUENCE)]
        pieces += [slice(max(0, start), min(n, start + SEQUENCE)) for start in range(-SEQUENCE // 2, n, SEQUENCE)]
        drawn = [(beats, piece) for beats in ways for piece in pieces]
        size = -(-len(drawn) // ROWS) * ROWS
        inputs = empty_inputs(size, SEQUENCE, windows=self._windows)
        targets, weights = np.zeros((size, SEQUENCE), np.int32), np.zeros((size, SEQUENCE), np.float32)
        counts = np.bincount(labels[labels >= 0], minlength=4)
        of_class = np.append(np.maximum(counts, 1) ** (self.settings.balance - 1.0), 0)  # the last for -1
        for row, (beats, piece) in enumerate(drawn):
            fill_row(inputs, row, beats, piece)
            targets[row, : piece.stop - piece.start] = np.maximum(labels[piece], 0)
            weights[row, : piece.stop - piece.start] = of_class[labels[piece]]
        return inputs, targets, (weights / weights.sum()).astype(np.float32)

    @cached_property
    def _fit(self) -> Any:
        import jax
        import jax.numpy as jnp

        template, settings, keras = self._networks[0], self.settings, load_keras()
        moves = [settings.layers == "all" or any(f"{name}/" in v.path for name in HEAD) for v in template.trainable_variables]
        falling = keras.optimizers.schedules.PolynomialDecay(settings.learning_rate, settings.steps, end_learning_rate=0.0)
        optimizer = keras.optimizers.Adam(falling)
        optimizer.build(template.trainable_variables)
        fresh = [variable.value for variable in optimizer.variables]

        def loss_of(trained: Any, start: Any, others: Any, inputs: Any, targets: Any, weights: Any) -> Any:
            logits, _ = template.stateless_call(trained, others, inputs, training=False)
            missed = -jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1)[..., 0]
            distance = sum(((now - before) ** 2).sum() for now, before in zip(trained, start, strict=True))
            return (missed * weights).sum() + settings.pull * distance

        def run(start: Any, others: Any, inputs: Any, targets: Any, weights: Any) -> Any:
            def step(_: Any, state: Any) -> Any:
                trained, moments = state
                slope = jax.grad(loss_of)(trained, start, others, inputs, targets, weights)
                slope = [each * move for each, move in zip(slope, moves, strict=True)]
                return optimizer.stateless_apply(moments, slope, trained)

            return jax.lax.fori_loop(0, settings.steps, step, (start, fresh))[0]

        return jax.jit(run)

    @cached_property
    def _probability(self) -> Any:
        import jax

        template, temperature = self._networks[0], self.model.temperature

        def judge(weights: Any, others: Any, inputs: Any) -> Any:
            each = [
                template.stateless_call(own, fixed, inputs, training=False)[0]
                for own, fixed in zip(weights, others, strict=True)
            ]
            return jax.nn.softmax(sum(each) / len(each) / temperature, axis=-1)

        return jax.jit(judge)


class _Judge(RhythmLSTM):
    """Predicts with an adapter's program and given weights."""

    def __init__(self, adapter: Adapter, weights: Weights) -> None:
        super().__init__(adapter.model.keras_model, adapter.model.card)
        self._adapter, self._weights = adapter, weights

    @cached_property
    def _compiled(self) -> Any:
        return lambda inputs: self._adapter.judge(self._weights, {name: inputs[name] for name in self._names})
