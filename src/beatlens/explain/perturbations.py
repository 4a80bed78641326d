"""Attribution by hiding parts of the beat: occlusion, temporal saliency rescaling, Shapley values of segments.

What is hidden is replaced by a straight line between the local averages on either side of it, so that no step appears that
the model could take for a wave.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from beatlens.explain.gradients import baseline_of, gradient_x_input
from beatlens.explain.options import Batch, Built, Options, Parts
from beatlens.explain.subject import Subject

if TYPE_CHECKING:
    import jax

    Replace = Callable[[jax.Array], jax.Array]

SMOOTH_MS = 200.0
"""The local average is over this much time."""

MAX_PLAYERS = 12
"""Exact Shapley values ask for every coalition: 4,096 of twelve players."""


def draw_line(x: jax.Array, first: jax.Array, last: jax.Array, flank: int) -> jax.Array:
    """Replace ``x[:, first..last]`` by a line between the mean levels of the ``flank`` samples on either side.

    Parameters
    ----------
    x : jax array of shape (n_beats, n_samples) or (n_beats, n_samples, n_leads)
        Windows.
    first, last : jax array of int, shape (n_beats,)
        The first and the last hidden sample. At an edge of the window the line keeps the level of the other side; where
        everything is hidden, the window's mean.
    flank : int
        How many samples set the level of each side.

    Returns
    -------
    jax array of the shape of ``x``
    """
    import jax.numpy as jnp

    shape = (-1, 1) + (1,) * (x.ndim - 2)
    time = jnp.arange(x.shape[1]).reshape((1, -1) + (1,) * (x.ndim - 2))
    first, last = first.reshape(shape), last.reshape(shape)
    before = (time >= first - flank) & (time < first)
    after = (time > last) & (time <= last + flank)

    def level(mask: jax.Array, otherwise: jax.Array) -> jax.Array:
        count = mask.sum(axis=1, keepdims=True)
        return jnp.where(count > 0, (x * mask).sum(axis=1, keepdims=True) / jnp.maximum(count, 1), otherwise)

    mean = x.mean(axis=1, keepdims=True)
    left = level(before, level(after, mean))
    right = level(after, left)
    line = left + (right - left) * (time - first + 1) / (last - first + 2)
    return jnp.where((time >= first) & (time <= last), line, x)


def _samples(subject: Subject, ms: float) -> int:
    return max(1, round(ms * subject.fs / 1000))


def occlusion(subject: Subject, options: Options) -> Built:
    """Fall of the logit when a patch of one lead, a feature or a neighbouring beat is hidden (Zeiler, Fergus, ECCV 2014).

    A sample's value is the mean over the patches that cover it.
    """
    import jax

    def program(batch: Batch) -> Parts:
        whole = subject.score(batch.inputs, batch.target)
        values = {}
        for name, x in batch.inputs.items():
            hide = _hide_patch if name in subject.time_inputs else _hide_feature
            replaced, cover = hide(subject, options, batch, name)

            def fall(place: jax.Array, name: str = name, replaced: Replace = replaced) -> jax.Array:
                return whole - subject.score({**batch.inputs, name: replaced(place)}, batch.target)

            falls = jax.lax.map(fall, jax.numpy.arange(len(cover)))
            spread = jax.numpy.tensordot(falls.T, cover, axes=1)
            values[name] = jax.numpy.broadcast_to(spread.reshape((len(x), *cover.shape[1:])), x.shape)
        return Parts(values)

    return program


def _hide_patch(subject: Subject, options: Options, batch: Batch, name: str) -> tuple[Replace, npt.NDArray[np.float32]]:
    """Return how the input looks with its k-th patch hidden, and how each fall is spread over (n_samples[, n_leads])."""
    import jax.numpy as jnp

    x = batch.inputs[name]
    n_samples, n_leads = x.shape[1], int(np.prod(x.shape[2:]))
    width, stride = _samples(subject, options.patch_ms), _samples(subject, options.stride_ms)
    flank = _samples(subject, options.flank_ms)
    firsts = np.arange(stride - width, n_samples, stride)
    lasts = np.minimum(firsts + width - 1, n_samples - 1)
    firsts = np.maximum(firsts, 0)
    patch = np.zeros((len(firsts), n_samples), np.float32)
    for row, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        patch[row, first : last + 1] = 1
    patch /= patch.sum(axis=0)
    cover = np.einsum("pt,lm->pltm", patch, np.eye(n_leads, dtype=np.float32)).reshape(-1, n_samples, n_leads)
    starts, ends = jnp.asarray(np.repeat(firsts, n_leads)), jnp.asarray(np.repeat(lasts, n_leads))

    def replaced(place: jax.Array) -> jax.Array:
        first, last = (jnp.broadcast_to(edge[place], (len(x),)) for edge in (starts, ends))
        line = draw_line(x, first, last, flank)
        return line if x.ndim == 2 else jnp.where(jnp.arange(n_leads) == place % n_leads, line, x)

    return replaced, cover.reshape(len(cover), *x.shape[1:])


def _hide_feature(subject: Subject, options: Options, batch: Batch, name: str) -> tuple[Replace, npt.NDArray[np.float32]]:
    """Do the same for an input of features or neighbours: the k-th along its second axis gets its neutral value."""
    del options
    import jax.numpy as jnp

    x, base = batch.inputs[name], baseline_of(subject, batch.inputs)[name]
    place_of = jnp.arange(x.shape[1]).reshape((1, -1) + (1,) * (x.ndim - 2))
    share = 1 / np.prod(x.shape[2:], dtype=int)  # of a neighbour's fall, for each of its values
    cover = share * np.eye(x.shape[1], dtype=np.float32).reshape(x.shape[1], x.shape[1], *(1,) * (x.ndim - 2))
    return lambda place: jnp.where(place_of == place, base, x), cover


def temporal_saliency_rescaling(subject: Subject, options: Options) -> Built:
    """Weight gradient x input by how much all of it changes when an instant is hidden (Ismail et al., NeurIPS 2020).

    Instants are hidden in groups of ``group_ms``, in all leads at once; a feature or neighbour is hidden alone. The weight
    multiplies the signed map, so that relevance which leaks to instants of no consequence is turned down.
    """
    import jax
    import jax.numpy as jnp

    of_beats = gradient_x_input(subject, options)

    def program(batch: Batch) -> Parts:
        relevance = of_beats(batch).values

        def change(inputs: dict[str, jax.Array]) -> jax.Array:
            other = of_beats(batch._replace(inputs=inputs)).values
            moved = [jnp.abs(relevance[name] - other[name]).reshape(len(batch.target), -1).sum(axis=1) for name in relevance]
            return jnp.stack(moved).sum(axis=0)

        values = {}
        for name, x in batch.inputs.items():
            hide = _hide_group if name in subject.time_inputs else _hide_feature
            replaced, cover = hide(subject, options, batch, name)

            def weight(place: jax.Array, name: str = name, replaced: Replace = replaced) -> jax.Array:
                return change({**batch.inputs, name: replaced(place)})

            weights = jax.lax.map(weight, jnp.arange(len(cover)))
            spread = jnp.tensordot(weights.T, (cover != 0).astype(np.float32), axes=1)
            values[name] = relevance[name] * spread.reshape((len(x), *cover.shape[1:]))
        return Parts(values)

    return program


def _hide_group(subject: Subject, options: Options, batch: Batch, name: str) -> tuple[Replace, npt.NDArray[np.float32]]:
    """Return how the input looks with its k-th group of samples hidden in every lead."""
    import jax.numpy as jnp

    x = batch.inputs[name]
    width, flank = _samples(subject, options.group_ms), _samples(subject, options.flank_ms)
    group_of = np.arange(x.shape[1]) // width
    cover = np.equal.outer(np.arange(group_of[-1] + 1), group_of).astype(np.float32)

    def replaced(place: jax.Array) -> jax.Array:
        first = jnp.broadcast_to(place * width, (len(x),))
        return draw_line(x, first, jnp.minimum(first + width - 1, x.shape[1] - 1), flank)

    return replaced, cover.reshape(len(cover), x.shape[1], *(1,) * (x.ndim - 2))


def segment_shapley(subject: Subject, options: Options, n_players: int) -> Built:
    """Exact Shapley values of named players (Shapley 1953; Lundberg, Lee, NeurIPS 2017), spread evenly over each one's values.

    A player is a segment of the beat, a feature or a group of them. Absent segments are lines through the local averages at
    their ends, absent features have their neutral value. The values add up to the fall of the logit when all are absent.
    """
    import jax
    import jax.numpy as jnp

    members = (np.arange(2**n_players)[:, None] >> np.arange(n_players)) & 1
    size = members.sum(axis=1)
    worth = np.array([factorial(s) * factorial(n_players - s - 1) / factorial(n_players) for s in range(n_players)])
    gain = np.where(members == 1, worth[np.maximum(size - 1, 0)][:, None], -worth[np.minimum(size, n_players - 1)][:, None])
    coalitions, gains = jnp.asarray(members, bool), jnp.asarray(gain, jnp.float32)

    def program(batch: Batch) -> Parts:
        absent = {name: _without_players(subject, options, batch, name, n_players) for name in batch.inputs}

        def value(coalition: jax.Array) -> jax.Array:
            mixed = {name: jnp.where(coalition[batch.players[name]], x, absent[name]) for name, x in batch.inputs.items()}
            return subject.score(mixed, batch.target)

        worths = jax.lax.map(value, coalitions)
        shapley = worths.T @ gains
        counts = sum(_count_values(ids, n_players) for ids in batch.players.values())
        density = shapley / jnp.maximum(counts, 1)
        values = {
            name: jnp.take_along_axis(density, ids.reshape(len(ids), -1), 1).reshape(ids.shape)
            for name, ids in batch.players.items()
        }
        return Parts(values, gap=worths[-1] - worths[0] - shapley.sum(axis=1))

    return program


def smooth_locally(subject: Subject, x: jax.Array) -> jax.Array:
    """Return the average of the 200 ms around each sample; the edge values stand in beyond the ends."""
    import jax.numpy as jnp

    half = round(SMOOTH_MS * subject.fs / 2000)
    padded = jnp.pad(x, ((0, 0), (half + 1, half)) + ((0, 0),) * (x.ndim - 2), mode="edge")
    total = jnp.cumsum(padded, axis=1)
    width = 2 * half + 1
    return (total[:, width:] - total[:, :-width]) / width


def _without_players(subject: Subject, options: Options, batch: Batch, name: str, n_players: int) -> jax.Array:
    """Return the input with every value as it is while its player is absent."""
    import jax.numpy as jnp

    x, ids = batch.inputs[name], batch.players[name]
    if name not in subject.time_inputs:
        return baseline_of(subject, batch.inputs)[name]
    flank, out, n_samples = _samples(subject, options.flank_ms), x, x.shape[1]
    in_time = ids.reshape(len(x), n_samples, -1)[:, :, 0]
    for player in range(n_players):
        mask = in_time == player
        first, last = mask.argmax(axis=1), n_samples - 1 - mask[:, ::-1].argmax(axis=1)
        line = draw_line(x, first, last, flank)
        out = jnp.where(mask.reshape((*mask.shape, *(1,) * (x.ndim - 2))), line, out)
    return out


def _count_values(ids: jax.Array, n_players: int) -> jax.Array:
    import jax.numpy as jnp

    return (ids.reshape(len(ids), -1, 1) == jnp.arange(n_players)).sum(axis=1)
