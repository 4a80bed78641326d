"""Attribution by gradients of the logit: saliency, gradient x input, SmoothGrad, integrated gradients, Grad-CAM.

Each function builds, for one model, a pure program from a batch (`Batch`) to one attribution per input, of its shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from beatlens.explain.options import Batch, Built, Options, Parts
from beatlens.explain.subject import Subject, select_logit

if TYPE_CHECKING:
    import jax


def gradient(subject: Subject, inputs: dict[str, jax.Array], target: jax.Array) -> dict[str, jax.Array]:
    """Return the derivative of each beat's logit with respect to each of its inputs.

    Beats do not see each other, so that the gradient of the sum holds every beat's own.
    """
    import jax

    slopes: dict[str, jax.Array] = jax.grad(lambda values: subject.score(values, target).sum())(inputs)
    return slopes


def baseline_of(subject: Subject, inputs: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Return the inputs of a beat of which nothing is known: flat lines, and each feature's neutral value."""
    import jax.numpy as jnp

    return {
        name: jnp.broadcast_to(jnp.asarray(subject.baselines.get(name, 0.0), x.dtype), x.shape) for name, x in inputs.items()
    }


def saliency(subject: Subject, options: Options) -> Built:
    """Exact gradient (Simonyan, Vedaldi, Zisserman, ICLR workshop 2014)."""
    del options
    return lambda batch: Parts(gradient(subject, batch.inputs, batch.target))


def gradient_x_input(subject: Subject, options: Options) -> Built:
    """Gradient times the distance of the input from its baseline (Shrikumar et al., arXiv 1605.01713, 2016)."""
    del options

    def program(batch: Batch) -> Parts:
        slopes, base = gradient(subject, batch.inputs, batch.target), baseline_of(subject, batch.inputs)
        return Parts({name: slopes[name] * (x - base[name]) for name, x in batch.inputs.items()})

    return program


def smoothgrad(subject: Subject, options: Options) -> Built:
    """Mean gradient over noisy copies of the time inputs (Smilkov et al., arXiv 1706.03825, 2017).

    The noise of a beat depends on the seed and the beat's place among those asked for, not on the batch it runs in.
    """
    import jax
    import jax.numpy as jnp

    def noisy(batch: Batch, draw: jax.Array) -> dict[str, jax.Array]:
        copies = dict(batch.inputs)
        for place, name in enumerate(subject.time_inputs):
            x = batch.inputs[name]
            key = jax.random.fold_in(jax.random.fold_in(jax.random.key(options.seed), place), draw)
            keys = jax.vmap(jax.random.fold_in, (None, 0))(key, batch.index)
            normal = jax.vmap(lambda k, shape=x.shape[1:]: jax.random.normal(k, shape))(keys)
            spread = options.noise * (x.max(axis=1, keepdims=True) - x.min(axis=1, keepdims=True))
            copies[name] = x + spread * normal
        return copies

    def program(batch: Batch) -> Parts:
        def add(draw: jax.Array, total: dict[str, jax.Array]) -> dict[str, jax.Array]:
            slopes = gradient(subject, noisy(batch, draw), batch.target)
            return {name: total[name] + slopes[name] for name in total}

        zeros = {name: jnp.zeros_like(x) for name, x in batch.inputs.items()}
        total = jax.lax.fori_loop(0, options.samples, add, zeros)
        return Parts({name: values / options.samples for name, values in total.items()})

    return program


def integrated_gradients(subject: Subject, options: Options) -> Built:
    """Path integral from the baseline (Sundararajan, Taly, Yan, ICML 2017), by Gauss-Legendre quadrature.

    The completeness gap is what the parts fail to add up to: logit - logit of the baseline - sum of the attribution.
    """
    import jax
    import jax.numpy as jnp

    nodes, weights = np.polynomial.legendre.leggauss(options.steps)
    alphas, shares = jnp.asarray((nodes + 1) / 2, jnp.float32), jnp.asarray(weights / 2, jnp.float32)

    def program(batch: Batch) -> Parts:
        inputs, base = batch.inputs, baseline_of(subject, batch.inputs)

        def add(step: jax.Array, total: dict[str, jax.Array]) -> dict[str, jax.Array]:
            between = {name: base[name] + alphas[step] * (x - base[name]) for name, x in inputs.items()}
            slopes = gradient(subject, between, batch.target)
            return {name: total[name] + shares[step] * slopes[name] for name in total}

        mean = jax.lax.fori_loop(0, options.steps, add, {name: jnp.zeros_like(x) for name, x in inputs.items()})
        values = {name: mean[name] * (x - base[name]) for name, x in inputs.items()}
        change = subject.score(inputs, batch.target) - subject.score(base, batch.target)
        return Parts(values, gap=change - _total(values))

    return program


def grad_cam(subject: Subject, options: Options) -> Built:
    """Feature maps of the encoder weighted by their mean gradient (Selvaraju et al., ICCV 2017), stretched to the samples.

    The positive part is kept, as published. Inputs that the encoder does not read get 0.
    """
    del options
    import jax
    import jax.numpy as jnp

    encode, decode = subject.encode, subject.decode
    if encode is None or decode is None:
        raise TypeError("Grad-CAM needs a convolutional encoder")

    def program(batch: Batch) -> Parts:
        maps = encode(batch.inputs)
        slopes = jax.grad(lambda values: select_logit(decode(batch.inputs, values), batch.target).sum())(maps)
        heat = jax.nn.relu((maps * slopes.mean(axis=1, keepdims=True)).sum(axis=2))
        values = {name: jnp.zeros_like(x) for name, x in batch.inputs.items()}
        for name in subject.time_inputs:
            x = batch.inputs[name]
            stretched = jax.image.resize(heat, x.shape[:2], "linear")
            values[name] = jnp.broadcast_to(stretched.reshape(*x.shape[:2], *(1,) * (x.ndim - 2)), x.shape)
        return Parts(values)

    return program


def guided_grad_cam(subject: Subject, options: Options) -> Built:
    """Grad-CAM times the exact gradient: where the encoder looked, with the sign and the sharpness of the gradient.

    The published product uses guided back-propagation; that part does not depend on the weights of the later layers
    (Adebayo et al., NeurIPS 2018), so the exact gradient stands in its place here.
    """
    coarse, fine = grad_cam(subject, options), saliency(subject, options)

    def program(batch: Batch) -> Parts:
        heat, slopes = coarse(batch).values, fine(batch).values
        return Parts({name: heat[name] * slopes[name] for name in heat})

    return program


def _total(values: dict[str, jax.Array]) -> jax.Array:
    """Return the sum of everything that belongs to a beat, shape (n_beats,)."""
    import jax.numpy as jnp

    sums = [x.reshape(len(x), -1).sum(axis=1) for x in values.values()]
    return jnp.stack(sums).sum(axis=0)
