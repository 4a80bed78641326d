"""Sampled Shapley values: the share of each short stretch of the beat, with two meanings of "absent".

What is absent may be *blank*: what would be lost without this wave? Or it may be *usual*: what is different here? Either alone
misleads. A beat whose stretches are blank says nothing of a small wave that stands beside a large complex, and a beat set
against the recording's usual one says nothing of what both have in common. The picture is the mean of both answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from beatlens.explain.gradients import baseline_of
from beatlens.explain.options import Batch, Built, Options, Parts
from beatlens.explain.perturbations import smooth_locally
from beatlens.explain.subject import Subject
from beatlens.explain.units import Units, cut_units

if TYPE_CHECKING:
    import jax

    Values = dict[str, jax.Array]


def stretch_shapley(subject: Subject, options: Options) -> Built:
    """Shapley values of stretches of time, features and states, the mean of two games (Shapley 1953).

    In the first a part that has not arrived is blank; its values are sampled over random orders (Castro, Gomez, Tejada, 2009).
    In the second it is as usual, and parts are as small as can be: Aumann-Shapley values, that is integrated gradients
    (Sundararajan, Taly, Yan, ICML 2017). The values add up to the mean of both falls of the logit, but for the gap.
    """

    def program(batch: Batch) -> Parts:
        blank, usual = _against_blank(subject, options, batch), _against_usual(subject, options, batch)
        values = {name: (blank.values[name] + usual.values[name]) / 2 for name in batch.inputs}
        return Parts(values, gap=None if blank.gap is None or usual.gap is None else (blank.gap + usual.gap) / 2)

    return program


class _Game(NamedTuple):
    """Orders of arrival, and the pair of orders that each belongs to.

    Parameters
    ----------
    cuts : list of Units
        For each pair.
    orders : ndarray of int64, shape (n_orders, n_units + 1)
        Each begins with ``n_units``, which stands for nothing.
    pair : ndarray of int64, shape (n_orders,)
    """

    cuts: list[Units]
    orders: npt.NDArray[np.int64]
    pair: npt.NDArray[np.int64]


def _draw_game(subject: Subject, options: Options, inputs: Values) -> _Game:
    """Draw the orders: a random one, then the same from its end; every pair cuts time at other places."""
    rng = np.random.default_rng(options.seed)
    width = max(1, round(options.unit_ms * subject.fs / 1000))
    pair = np.arange(options.orders) // 2
    cuts = [cut_units(subject, inputs, ms=options.unit_ms, offset=int(rng.integers(width))) for _ in range(pair[-1] + 1)]
    n_units = max(units.n_units for units in cuts)
    drawn = [rng.permutation(n_units) for _ in cuts]
    orders = np.stack([drawn[k][:: -1 if place % 2 else 1] for place, k in enumerate(pair)])
    return _Game(cuts, np.concatenate([np.full((len(orders), 1), n_units), orders], axis=1), pair)


def _against_blank(subject: Subject, options: Options, batch: Batch) -> Parts:
    """Return each part's share of what is lost when all is blank; it adds up exactly."""
    import jax
    import jax.numpy as jnp

    game = _draw_game(subject, options, batch.inputs)
    blank = _blank(subject, options, batch.inputs, len(game.cuts))
    n_slots = game.orders.shape[1]
    ids = {name: jnp.asarray(np.stack([units.ids[name] for units in game.cuts])) for name in batch.inputs}
    counts = jnp.asarray(np.stack([_count(units, n_slots) for units in game.cuts]))

    def play(total: Values, turn: tuple[jax.Array, jax.Array]) -> tuple[Values, jax.Array]:
        order, pair = turn

        def arrive(carried: tuple[jax.Array, jax.Array], unit: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            present, before = carried
            present = present.at[unit].set(True)
            mixed = {name: jnp.where(present[ids[name][pair]], x, blank[name][pair]) for name, x in batch.inputs.items()}
            after = subject.score(mixed, batch.target)
            return (present, after), after - before

        start = (jnp.zeros(n_slots, bool), jnp.zeros(len(batch.target)))
        (_, whole), gained = jax.lax.scan(arrive, start, order)
        shares = jnp.zeros_like(gained).at[order].set(gained) / counts[pair][:, None]
        spread = {name: jnp.moveaxis(shares[ids[name][pair]], -1, 0) for name in total}
        return {name: total[name] + spread[name] for name in total}, whole - gained.sum(axis=0)

    zeros = {name: jnp.zeros_like(x) for name, x in batch.inputs.items()}
    total, gaps = jax.lax.scan(play, zeros, (jnp.asarray(game.orders), jnp.asarray(game.pair)))
    return Parts({name: values / len(game.orders) for name, values in total.items()}, gap=gaps.mean(axis=0))


def _count(units: Units, n_slots: int) -> npt.NDArray[np.float32]:
    """Return how many values each unit has, 1 where there is no such unit; shape (n_slots,)."""
    counts = sum(np.bincount(ids.ravel(), minlength=n_slots) for ids in units.ids.values())
    return np.maximum(counts, 1).astype(np.float32)


def _blank(subject: Subject, options: Options, inputs: Values, n_pairs: int) -> Values:
    """Return what stands where nothing is, for each pair of orders: shape (n_pairs, n_beats, ...).

    In turns the average of the 200 ms around each sample, and noise with the spectrum of the beat, since either alone leaves
    something of it: the average a hump, noise the energy. Everything that is not of time has its neutral value.
    """
    import jax.numpy as jnp

    rng, base = np.random.default_rng(options.seed), baseline_of(subject, inputs)
    blank = {}
    for name, x in inputs.items():
        if name not in subject.time_inputs:
            blank[name] = jnp.broadcast_to(base[name], (n_pairs, *x.shape))
            continue
        smooth, spectrum = smooth_locally(subject, x), jnp.fft.rfft(x, axis=1)
        kinds = []
        for pair in range(n_pairs):
            turned = np.exp(2j * np.pi * rng.random(spectrum.shape[1:])).astype(np.complex64)
            turned[0] = 1  # the mean stays
            kinds.append(jnp.fft.irfft(spectrum * turned, n=x.shape[1], axis=1) if pair % 2 else smooth)
        blank[name] = jnp.stack(kinds)
    return blank


def _against_usual(subject: Subject, options: Options, batch: Batch) -> Parts:
    """Return what each value adds on the way from the usual beat, by Gauss-Legendre quadrature.

    First everything that is not of time leaves its usual value, then the signal: it is asked what it adds in the beat's own
    rhythm and company, not what it would add to a call that these have made impossible.
    """
    import jax
    import jax.numpy as jnp

    inputs, base = batch.inputs, baseline_of(subject, batch.inputs)
    nodes, weights = np.polynomial.legendre.leggauss(options.steps)
    way, share, zero = (nodes + 1) / 2, weights / 2, np.zeros(options.steps)
    # rows: how far the other inputs are, how far the signal, and the weight of the slope of each; both ends weigh nothing
    other_leg, signal_leg = np.stack([way, zero, share, zero]), np.stack([zero + 1, way, zero, share])
    ends = np.array([[0.0, 0, 0, 0], [1, 1, 0, 0]]).T
    timed = {name: int(name in subject.time_inputs) for name in inputs}
    legs = [signal_leg] if all(timed.values()) else [other_leg, signal_leg]
    points = jnp.asarray(np.concatenate([ends[:, :1], *legs, ends[:, 1:]], axis=1).T, jnp.float32)

    def scored(values: Values) -> tuple[jax.Array, jax.Array]:
        score = subject.score(values, batch.target)
        return score.sum(), score

    def walk(total: Values, point: jax.Array) -> tuple[Values, jax.Array]:
        between = {name: base[name] + point[timed[name]] * (x - base[name]) for name, x in inputs.items()}
        slopes, score = jax.grad(scored, has_aux=True)(between)
        return {name: total[name] + point[2 + timed[name]] * slopes[name] for name in total}, score

    mean, scores = jax.lax.scan(walk, {name: jnp.zeros_like(x) for name, x in inputs.items()}, points)
    values = {name: mean[name] * (x - base[name]) for name, x in inputs.items()}
    found = jnp.stack([x.reshape(len(x), -1).sum(axis=1) for x in values.values()]).sum(axis=0)
    return Parts(values, gap=scores[-1] - scores[0] - found)
