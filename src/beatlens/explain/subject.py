"""A model as an explainer sees it: a pure function from arrays to logits, and how it is run over any number of beats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from beatlens.errors import SignalError, UnknownNameError, closest

if TYPE_CHECKING:
    import jax

Arrays = Mapping[str, npt.NDArray[Any]]

Program = Callable[[dict[str, Any]], dict[str, Any]]

BATCH_SIZES = (16, 64, 256)
"""XLA compiles one program a shape: a few beats are padded to 16 or to 64, everything else runs in batches of 256."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What an explanation needs to know of a model.

    Parameters
    ----------
    name : str
        The model's name.
    classes : tuple of str
        The classes, in the order of the logits. With one logit a beat there are two, the second being the positive one.
    logits : callable
        Pure and differentiable in JAX: dict of arrays of shape (n_beats, ...) to logits of shape (n_beats,), the logit of
        ``classes[1]`` against ``classes[0]``, or (n_beats, n_classes).
    time_inputs : tuple of str
        Inputs of shape (n_beats, n_samples) or (n_beats, n_samples, n_leads), time along the second axis. In every other
        input the second axis counts features, or neighbouring beats.
    fs : float
        Sampling rate of the time inputs, in Hz.
    r_index : int
        Where the R peak stands in a time input.
    baselines : mapping of str to ndarray, optional
        For an input that is not of time, the value that stands for "nothing known" (broadcast to the input; 0 if missing).
        The baseline of a time input is the flat line, 0.
    baseline_names : mapping of str to str
        For an input whose value of "nothing known" differs from beat to beat, the fixed input that holds it.
    fixed_inputs : tuple of str
        Inputs that belong to a beat but are no part of the question (which lead is there, the recording's usual beat): they
        are neither attributed nor disturbed.
    encode, decode : callable, optional
        Where the model has a convolutional encoder: from the inputs to its last feature maps, shape (n_beats, n_steps,
        n_maps), and from the inputs and these maps to the logits.
    identity : str
        What tells the model from every other, its weights included, so that programs may be kept on disk; if empty, none are.
    """

    name: str
    classes: tuple[str, ...]
    logits: Callable[[dict[str, jax.Array]], jax.Array]
    time_inputs: tuple[str, ...]
    fs: float
    r_index: int
    baselines: Mapping[str, npt.NDArray[np.floating]] = field(default_factory=dict)
    fixed_inputs: tuple[str, ...] = ()
    baseline_names: Mapping[str, str] = field(default_factory=dict)
    encode: Callable[[dict[str, jax.Array]], jax.Array] | None = None
    decode: Callable[[dict[str, jax.Array], jax.Array], jax.Array] | None = None
    identity: str = ""

    def score(self, inputs: dict[str, jax.Array], target: jax.Array) -> jax.Array:
        """Return the logit of the class ``target`` (int, shape (n_beats,)) of each beat, shape (n_beats,)."""
        return select_logit(self.logits(inputs), target)

    def open_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs that are attributed."""
        return {name: x for name, x in inputs.items() if name not in self.fixed_inputs}

    def bind(self, fixed: dict[str, jax.Array]) -> Subject:
        """Return the model with its fixed inputs filled in: a function of the others alone."""
        encode, decode = self.encode, self.decode
        own = {name: fixed[held] for name, held in self.baseline_names.items()}
        return replace(
            self,
            baselines={**self.baselines, **own},
            baseline_names={},
            logits=lambda inputs: self.logits({**inputs, **fixed}),
            fixed_inputs=(),
            encode=encode and (lambda inputs: encode({**inputs, **fixed})),
            decode=decode and (lambda inputs, maps: decode({**inputs, **fixed}, maps)),
        )

    def class_index(self, name: str) -> int:
        """Return the place of a class.

        Raises
        ------
        UnknownNameError
            If the model has no such class.
        """
        if name not in self.classes:
            raise UnknownNameError(f"the model '{self.name}' has no class '{name}'", hint=closest(name, self.classes))
        return self.classes.index(name)

    def times_ms(self, n_samples: int) -> npt.NDArray[np.float64]:
        """Return the time of each sample of a time input relative to the R peak, in ms."""
        return np.asarray((np.arange(n_samples) - self.r_index) * (1000.0 / self.fs), np.float64)


def select_logit(logits: jax.Array, target: jax.Array) -> jax.Array:
    """Return the logit of one class a beat: the logarithm of its odds against all the others together.

    A single logit counts for class 1 and, negated, for class 0. Of several, one alone would say nothing: their softmax does not
    change when all of them rise.
    """
    import jax
    import jax.numpy as jnp

    if logits.ndim == 1:
        return jnp.where(target == 1, logits, -logits)
    chosen = jnp.arange(logits.shape[1]) == target[:, None]
    own = jnp.where(chosen, logits, 0).sum(axis=1)
    return own - jax.nn.logsumexp(jnp.where(chosen, -jnp.inf, logits), axis=1)


def probabilities_of(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return class probabilities, shape (n_beats, n_classes), of logits of shape (n_beats,) or (n_beats, n_classes)."""
    from scipy.special import expit, softmax

    if logits.ndim == 1:
        return np.stack([expit(-logits.astype(np.float64)), expit(logits.astype(np.float64))], axis=1)
    probabilities: npt.NDArray[np.float64] = softmax(logits.astype(np.float64), axis=1)
    return probabilities


def count_beats(arrays: Arrays) -> int:
    """Return the common length of the first axes.

    Raises
    ------
    SignalError
        If there are no arrays, they disagree, or one holds a value that is not finite.
    """
    counts = {name: len(values) for name, values in arrays.items()}
    if len(set(counts.values())) != 1:
        raise SignalError(f"every input must have one entry per beat; got {counts or 'no input'}")
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise SignalError(
                f"'{name}' must be finite; got NaN or infinity", hint="Leave out the beats that lie in a gap of the signal."
            )
    return next(iter(counts.values()))


@contextmanager
def one_batch_size(size: int) -> Iterator[None]:
    """Run everything in batches of one size meanwhile, so that each program is compiled once however many beats it sees."""
    token = _ONE_SIZE.set(size)
    try:
        yield
    finally:
        _ONE_SIZE.reset(token)


_ONE_SIZE: ContextVar[int] = ContextVar("one batch size", default=0)


def run_batched(program: Program, arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Run a compiled program over any number of beats, in batches of a few fixed sizes.

    Parameters
    ----------
    program : callable
        From a dict of arrays of shape (batch, ...) to a dict of arrays of shape (batch, ...).
    arrays : mapping of str to ndarray
        Arrays of shape (n_beats, ...).

    Returns
    -------
    dict of str to ndarray
        The program's results without the padding. Memory beside them does not grow with the number of beats.
    """
    n_beats = count_beats(arrays)
    size = _ONE_SIZE.get() or next((size for size in BATCH_SIZES if n_beats <= size), BATCH_SIZES[-1])
    parts: list[dict[str, npt.NDArray[Any]]] = []
    for start in range(0, max(n_beats, 1), size):
        kept = min(size, n_beats - start)
        batch = {name: _pad(values[start : start + size], size) for name, values in arrays.items()}
        parts.append({name: np.asarray(values)[:kept] for name, values in program(batch).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _pad(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    missing = size - len(values)
    if not missing:
        return values
    return np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
