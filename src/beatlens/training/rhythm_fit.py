"""Fitting the network of ``rhythm-lstm``: a whole pass over the drawn sequences is one compiled program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.errors import ConfigurationError
from beatlens.models.engine import load_keras
from beatlens.models.rhythm_encoding import FEATURES
from beatlens.models.rhythm_lstm import Inputs, empty_inputs, fill_row
from beatlens.models.rhythm_network import average_networks, build_rhythm_network, copy_network
from beatlens.training.compose import RHYTHMS
from beatlens.training.devices import ONE, Spread, check_alike, spread_over
from beatlens.training.rhythm import Example, RhythmTraining
from beatlens.training.rhythm_checkpoint import NOWHERE, Keeper, values_of

Progress = Callable[[int, float], None]

_BUILDING: Final = Lock()
"""Initial weights come from Keras's one random state: one network at a time takes from it."""

STEPS_SHAPE: Final = 16
"""Passes are padded to a multiple of so many steps: each other shape would be compiled anew."""
WARM_UP: Final = 30
"""Steps over which the learning rate rises."""
LEAST_RATE: Final = 0.02
"""What the learning rate falls to, as a share of its peak."""
NOTHING: Final = 1e24
"""Variance of a column that the network is not to see: what is scaled by it is some 1e-12."""


@dataclass(frozen=True, eq=False)
class Pass:
    """The steps of one pass: inputs, labels, weights of ``n_steps`` batches one after another, padded; their learning rates."""

    inputs: Inputs
    labels: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    rates: npt.NDArray[np.float32]
    n_steps: int


def fit(
    settings: RhythmTraining,
    examples: Sequence[Example],
    on_epoch: Progress = lambda _e, _l: None,
    *,
    keeper: Keeper = NOWHERE,
    start: Sequence[Any] = (),
) -> Any:
    """Train the network, or several whose logits are averaged, on these examples.

    Parameters
    ----------
    settings : RhythmTraining
    examples : sequence of Example
    on_epoch : callable
        Called with the number of the epoch, from 0 (over all networks), and its mean loss.
    keeper : Keeper
        Keeps checkpoints, and goes on from those that it has.
    start : sequence of keras.Model, optional
        One a network, whose weights are trained further; from scratch if there are none.

    Returns
    -------
    keras.Model
    """

    def one(number: int) -> Any:
        own = settings.model_copy(update={"seed": settings.seed + number})

        def report(epoch: int, loss: float) -> None:
            on_epoch(number * settings.epochs + epoch, loss)

        first = start[number] if start else None
        return fit_network(own, examples, report, keeper=keeper.inside(f"network-{number + 1}"), start=first)

    if settings.jobs == 1 or settings.devices != 1:  # programs of several devices must not start in two orders
        return average_networks([one(number) for number in range(settings.networks)])
    # Threads: nearly all of the time is spent in compiled programs, which run beside each other.
    with ThreadPoolExecutor(settings.jobs) as pool:
        return average_networks(list(pool.map(one, range(settings.networks))))


def fit_network(
    settings: RhythmTraining,
    examples: Sequence[Example],
    on_epoch: Progress = lambda _e, _l: None,
    *,
    keeper: Keeper = NOWHERE,
    start: Any = None,
) -> Any:
    """Train one network, from the weights of ``start`` if it is given; see `fit`.

    Every pass draws other sequences, but what is drawn depends on the settings' seed alone.
    """
    keras = load_keras()
    with _BUILDING:
        network = build_rhythm_network(seed=settings.seed, n_units=settings.units, windows=settings.windows)
    if start is None:
        real = np.concatenate([e.beats.features for e in examples if e.kind == "real"])
        fit_scaling(network.get_layer("scaling"), real, settings.unseen)
    else:  # with the scaling of the columns that its weights were learned for
        copy_weights(start, network)
    optimizer = keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay, clipnorm=1.0)
    optimizer.build(network.trainable_variables)
    rng = np.random.default_rng(settings.seed)
    variables = {"network": network.variables, "optimizer": optimizer.variables}
    kept, done, n_steps = keeper.load(values_of(variables), rng)
    for name, group in variables.items():
        for variable, value in zip(group, kept[name], strict=True):
            variable.assign(value)
    check_alike((done, n_steps))
    spread = spread_over(settings.devices, settings.batch_size)
    if spread.n_devices > 1:  # cuDNN's kernel, which Keras takes on a GPU, cannot be shared out
        for layer in (network.get_layer("sequence").forward_layer, network.get_layer("sequence").backward_layer):
            layer.use_cudnn = False
    run_pass = compile_pass(network, optimizer, settings.batch_size, spread=spread)
    for epoch in range(done, settings.epochs):
        drawn = lay_out(settings, draw(settings, examples, rng), epoch, n_steps)
        loss = run_pass(drawn)
        n_steps += drawn.n_steps
        keeper.save(values_of(variables), rng, epoch=epoch + 1, n_steps=n_steps)
        on_epoch(epoch, loss)
    return network


def fit_scaling(layer: Any, features: npt.NDArray[np.float32], unseen: Sequence[str] = ()) -> None:
    """Fit the scaling of the columns to these beats, (n_beats, n_features); columns not to be seen are scaled to nothing.

    Whatever is made of the network then (explanations, a file of another format) does without them too, and needs no rule of
    its own.
    """
    layer.adapt(features[None])
    variance = np.asarray(layer.adapt_variance).copy()
    variance[..., [FEATURES.index(name) for name in unseen]] = NOTHING
    layer.adapt_variance.assign(variance)
    layer.finalize_state()


def copy_weights(source: Any, target: Any) -> None:
    """Give a network the weights and the scaling of another one of the same architecture; its random state stays.

    Raises
    ------
    ConfigurationError
        If the architectures differ.
    """
    theirs, ours = source.get_weights(), target.get_weights()
    if [values.shape for values in theirs] != [values.shape for values in ours]:
        raise ConfigurationError(
            "the model to start from must have the architecture that is trained; its weights have other shapes",
            hint="Train from scratch: leave --from out.",
        )
    copy_network(source, target)


def compile_pass(network: Any, optimizer: Any, batch_size: int, *, spread: Spread = ONE) -> Callable[[Pass], float]:
    """Return what runs a pass, leaves its state in the network and the optimizer, and returns the mean loss.

    On several devices each takes its share of every batch (`beatlens.training.devices`). The loop over the steps is inside the
    program: starting each step from Python took ten times as long as the step itself.
    """
    import jax
    import jax.numpy as jnp

    rate_at = next(k for k, variable in enumerate(optimizer.variables) if variable is optimizer.learning_rate)
    groups = (network.trainable_variables, network.non_trainable_variables, optimizer.variables)

    def loss_of(trained: Any, others: Any, inputs: Any, labels: Any, weights: Any) -> Any:
        logits, others = network.stateless_call(trained, others, inputs, training=True)
        missed = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], axis=-1)[..., 0]
        return (missed * weights).mean(), others

    slopes = jax.value_and_grad(loss_of, has_aux=True)

    def run(state: Any, inputs: Any, labels: Any, weights: Any, rates: Any, n_steps: Any) -> Any:
        def step(number: Any, state: Any) -> Any:
            total, trained, others, moments = state

            def cut(values: Any) -> Any:
                return jax.lax.dynamic_index_in_dim(values, number, keepdims=False)

            (loss, others), slope = slopes(trained, others, jax.tree.map(cut, inputs), cut(labels), cut(weights))
            moments = [*moments[:rate_at], rates[number], *moments[rate_at + 1 :]]
            trained, moments = optimizer.stateless_apply(moments, slope, trained)
            return total + loss, trained, others, moments

        return jax.lax.fori_loop(0, n_steps, step, (jnp.float32(0), *state))

    compiled = spread.compile(run)

    def run_pass(drawn: Pass) -> float:
        before = spread.copy([[variable.value for variable in group] for group in groups])
        rows = jax.tree.map(
            lambda values: values.reshape(-1, batch_size, *values.shape[1:]), (drawn.inputs, drawn.labels, drawn.weights)
        )  # (steps, batch, ...): of each step, every device holds its share
        total, *after = compiled(before, *spread.share(rows, axis=1), drawn.rates, drawn.n_steps)
        for group, values in zip(groups, after, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return float(total) / max(1, drawn.n_steps)

    return run_pass


def draw(settings: RhythmTraining, examples: Sequence[Example], rng: np.random.Generator) -> list[tuple[Example, slice]]:
    """Cut this epoch's examples into sequences, at another phase each time; those of normal beats alone are thinned out."""
    composed = dict.fromkeys(RHYTHMS, settings.composed)
    shares = {"real": 1.0} | composed
    drawn = []
    for example in examples:
        if rng.random() >= shares.get(example.kind, settings.degraded):
            continue
        n, length = len(example.beats), settings.sequence
        for start in range(-int(rng.integers(length)) if n > length else 0, n, length):
            piece = slice(max(0, start), min(n, start + length))
            if piece.stop - piece.start < 4 or ((example.labels[piece] <= 0).all() and rng.random() < 0.5):
                continue
            drawn.append((example, piece))
    order = rng.permutation(len(drawn))
    return [drawn[k] for k in order]


def lay_out(settings: RhythmTraining, drawn: Sequence[tuple[Example, slice]], epoch: int, n_before: int) -> Pass:
    """Lay the drawn sequences out for the compiled pass; rows and beats that are missing weigh nothing.

    Parameters
    ----------
    settings : RhythmTraining
    drawn : sequence of (Example, slice)
    epoch : int
        Number of the pass, from 0.
    n_before : int
        Steps taken before it.
    """
    n_steps = -(-len(drawn) // settings.batch_size)
    size, length = -(-n_steps // STEPS_SHAPE) * STEPS_SHAPE * settings.batch_size, settings.sequence
    labels, weights = np.zeros((size, length), np.int32), np.zeros((size, length), np.float32)
    inputs = empty_inputs(size, length, windows=settings.windows)
    of_class = np.array([*settings.class_weights, 0], np.float32)  # the last for -1
    for row, (example, piece) in enumerate(drawn):
        fill_row(inputs, row, example.beats, piece)
        n = piece.stop - piece.start
        labels[row, :n] = np.maximum(example.labels[piece], 0)
        weights[row, :n] = of_class[example.labels[piece]]
    step = np.arange(size // settings.batch_size)
    done = (epoch + step / max(1, n_steps)) / settings.epochs
    warm = np.minimum(1, (n_before + step + 1) / WARM_UP)
    rates = settings.learning_rate * warm * np.maximum(LEAST_RATE, 0.5 * (1 + np.cos(np.pi * done)))
    return Pass(inputs, labels, weights, rates.astype(np.float32), n_steps)
