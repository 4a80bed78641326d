"""Small models of known behaviour: explainers are tested on what is true of them, not on a network's opinion."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from beatlens.explain.subject import Subject

N_SAMPLES = 60


def linear_weights() -> npt.NDArray[np.float32]:
    """Weights of the linear model: nothing after sample 40 counts."""
    weights = np.random.default_rng(1).normal(size=N_SAMPLES).astype(np.float32)
    weights[40:] = 0
    return weights


@pytest.fixture(scope="session")
def linear() -> Subject:
    """One logit, a weighted sum of the samples."""
    weights = linear_weights()
    return Subject("linear", ("normal", "abnormal"), lambda inputs: inputs["window"] @ weights + 0.5, ("window",), 100.0, 30)


@pytest.fixture(scope="session")
def convolutional() -> Subject:
    """Three classes from two leads through a convolutional encoder, three rhythm features and two neighbouring beats."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(2)
    kernel, head, rhythm, near = (rng.normal(size=s).astype(np.float32) for s in ((7, 2, 4), (4, 3), (3, 3), (2, 5, 3)))

    def encode(inputs: dict[str, Any]) -> Any:
        return jnp.tanh(
            jax.lax.conv_general_dilated(inputs["windows"], kernel, (2,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))
        )

    def decode(inputs: dict[str, Any], maps: Any) -> Any:
        return maps.max(axis=1) @ head + jnp.tanh(inputs["rhythm"] @ rhythm) + jnp.einsum("nkl,klc->nc", inputs["near"], near)

    return Subject(
        "convolutional",
        ("N", "S", "V"),
        lambda inputs: decode(inputs, encode(inputs)),
        ("windows",),
        100.0,
        30,
        baselines={"rhythm": np.array([1.0, 0.0, 0.0], np.float32)},
        encode=encode,
        decode=decode,
    )


def inputs_of(subject: Subject, n_beats: int, seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    """Draw inputs that suit one of the models above."""
    rng = np.random.default_rng(seed)
    shapes = (
        {"window": (N_SAMPLES,)} if subject.name == "linear" else {"windows": (N_SAMPLES, 2), "rhythm": (3,), "near": (2, 5)}
    )
    return {name: rng.normal(size=(n_beats, *shape)).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def draw_inputs() -> Any:
    return inputs_of
