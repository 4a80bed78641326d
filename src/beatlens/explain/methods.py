"""The registry of attribution methods, and the one function through which all of them are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.errors import ConfigurationError, SignalError, UnknownNameError, closest
from beatlens.explain import gradients, perturbations, stretches
from beatlens.explain.options import Batch, Built, Options
from beatlens.explain.players import Players, default_players
from beatlens.explain.subject import Arrays, Program, Subject, count_beats, run_batched
from beatlens.models.programs import keep_program


@dataclass(frozen=True)
class Method:
    """One way to attribute a logit.

    Parameters
    ----------
    name, title : str
        As it is asked for, and as it is written.
    build : callable
        ``build(subject, options)`` returns the program of one batch; that of Shapley values also takes the player count.
    evidence : bool
        True if a value is a share of the logit, for the class if positive; False if it is a slope, whose size says how
        sensitive the logit is.
    complete : bool
        True if the values add up to a change of the logit; the completeness gap is then reported.
    shows, caveat : str
        What the picture means, and what it cannot show.
    """

    name: str
    title: str
    build: Callable[..., Built]
    evidence: bool
    complete: bool
    shows: str
    caveat: str

    def applies(self, subject: Subject) -> bool:
        """Return whether the method can explain this model: Grad-CAM needs a convolutional encoder."""
        return subject.encode is not None or "grad-cam" not in self.name


_ALL = (
    Method(
        "saliency", "saliency", gradients.saliency, evidence=False, complete=False,
        shows="how fast the logit changes with the voltage of each instant",
        caveat="a slope is not evidence: where the model is saturated a decisive wave may have a small one",
    ),
    Method(
        "gradient-x-input", "gradient x input", gradients.gradient_x_input, evidence=True, complete=False,
        shows="the first-order share of each instant in the distance from the usual beat",
        caveat="wrong where the model bends between the usual beat and this one; blind where both cross",
    ),
    Method(
        "smoothgrad", "SmoothGrad", gradients.smoothgrad, evidence=False, complete=False,
        shows="the slope averaged over noisy copies of the beat",
        caveat="a slope still, and of beats with noise in them",
    ),
    Method(
        "integrated-gradients", "integrated gradients", gradients.integrated_gradients, evidence=True, complete=True,
        shows="what each instant adds to the logit on the way from the usual beat to this one",
        caveat="says nothing of what the beat has in common with the usual one; the way there passes beats that no heart makes",
    ),
    Method(
        "occlusion", "occlusion", perturbations.occlusion, evidence=True, complete=False,
        shows="how far the logit falls when a short stretch is drawn as a line between its neighbours",
        caveat="cannot see what two waves do together, nor anything shorter than the patch",
    ),
    Method(
        "temporal-saliency-rescaling", "temporal saliency rescaling", perturbations.temporal_saliency_rescaling,
        evidence=True, complete=False,
        shows="gradient x input, weighted by how much hiding an instant changes the whole picture",
        caveat="a share with a weight: it has no unit and does not add up to anything",
    ),
    Method(
        "segment-shapley", "segment Shapley values", perturbations.segment_shapley, evidence=True, complete=True,
        shows="the fair share of each named segment in the logit, over every combination of the others",
        caveat="says nothing inside a segment, and is only as good as the segments' edges",
    ),
    Method(
        "stretch-shapley", "sampled Shapley values", stretches.stretch_shapley, evidence=True, complete=True,
        shows="the fair share of each short stretch, feature and state in what sets the logit apart from that of a blank beat, "
        "and from that of the usual one: the mean of both",
        caveat="two questions in one picture; drawn at random, more orders make it steadier; no heart makes a blank stretch",
    ),
    Method(
        "grad-cam", "Grad-CAM", gradients.grad_cam, evidence=False, complete=False,
        shows="where the encoder's feature maps speak for the class",
        caveat="as coarse as the last feature map, and only the evidence for, never against",
    ),
    Method(
        "guided-grad-cam", "guided Grad-CAM", gradients.guided_grad_cam, evidence=False, complete=False,
        shows="the slope, where the encoder's feature maps speak for the class",
        caveat="inherits the coarse map's blind spots",
    ),
)  # fmt: skip

METHODS: Final = MappingProxyType({method.name: method for method in _ALL})
"""Every method by its name."""


DEFAULTS: Final = MappingProxyType({"seed-lstm": "stretch-shapley", "rhythm-lstm": "stretch-shapley"})
"""The method that measured best for each model: see the table in docs/concepts/explanations.md."""


def default_method(model: Any) -> str:
    """Return the name of the method that measured best for a model of this architecture.

    Parameters
    ----------
    model : object
        A loaded model.
    """
    return DEFAULTS["seed-lstm" if hasattr(model, "logit") else "rhythm-lstm"]


@dataclass(frozen=True, eq=False)
class Attribution:
    """What a method found for some beats.

    Parameters
    ----------
    values : dict of str to ndarray
        For each input of the model that is not fixed, an array of its shape: signed, positive towards the target class.
    target : ndarray of int64, shape (n_beats,)
        The class whose logit was explained.
    logits : ndarray of float32, shape (n_beats,) or (n_beats, n_classes)
        What the model said.
    gap : ndarray of float32, shape (n_beats,)
        Change of the logit that the values do not add up to; NaN where the method does not claim to add up.
    method : str
        The method's name.
    """

    values: dict[str, npt.NDArray[np.float32]]
    target: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    gap: npt.NDArray[np.float32]
    method: str


def find_method(name: str, subject: Subject | None = None) -> Method:
    """Return a method by its name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    ConfigurationError
        If it cannot explain this model.
    """
    if name not in METHODS:
        raise UnknownNameError(f"there is no explanation method '{name}'", hint=closest(name, METHODS))
    if subject is not None and not METHODS[name].applies(subject):
        raise ConfigurationError(
            f"'method' must suit the model; '{name}' needs a convolutional encoder, which '{subject.name}' has not",
            hint=f"Use one of: {', '.join(methods_for(subject))}.",
        )
    return METHODS[name]


def methods_for(subject: Subject) -> tuple[str, ...]:
    """Return the names of the methods that can explain a model."""
    return tuple(name for name, method in METHODS.items() if method.applies(subject))


def attribute(
    subject: Subject,
    inputs: Arrays,
    *,
    method: str = "saliency",
    target: npt.NDArray[np.integer] | int | None = None,
    players: Players | None = None,
    options: Options | None = None,
) -> Attribution:
    """Say what moved the logit, for one beat or many.

    Parameters
    ----------
    subject : Subject
        The model.
    inputs : mapping of str to ndarray of shape (n_beats, ...)
        The model's inputs.
    method : str
        One of `METHODS`.
    target : int or ndarray of int, shape (n_beats,), optional
        The class whose logit is explained; by default the one the model calls, and of two classes the positive one.
    players : Players, optional
        Named segments and features, for Shapley values; by default fixed stretches of time around the R peak.
    options : Options, optional
        Settings of the methods.

    Returns
    -------
    Attribution

    Raises
    ------
    UnknownNameError, ConfigurationError
        If there is no such method, or it does not suit the model.
    SignalError
        If the inputs disagree in length, or hold NaN.
    """
    chosen, options = find_method(method, subject), options or Options()
    n_beats = count_beats(inputs)
    if not n_beats:
        raise SignalError("'inputs' must hold at least one beat; got none")
    arrays: dict[str, npt.NDArray[Any]] = {f"in:{k}": np.asarray(v, np.float32) for k, v in inputs.items()}
    logits = run_batched(_forward(subject), arrays)["logits"]
    if target is None:
        target = 1 if logits.ndim == 1 else logits.argmax(axis=1)
    targets = np.broadcast_to(np.asarray(target, np.int64), (n_beats,)).copy()
    arrays |= {"target": targets.astype(np.int32), "index": np.arange(n_beats, dtype=np.int32)}
    n_players = 0
    if chosen.build is perturbations.segment_shapley:
        players = players or default_players(subject, subject.open_inputs(inputs))
        n_players = len(players.names)
        arrays |= {f"player:{name}": ids for name, ids in players.ids.items()}
    found = run_batched(_compiled(chosen, subject, options, n_players), arrays)
    gap = found.pop("gap", np.full(n_beats, np.nan, np.float32))
    return Attribution({name[3:]: values for name, values in found.items()}, targets, logits, gap, method)


@lru_cache(maxsize=32)
def _forward(subject: Subject) -> Program:
    def program(arrays: dict[str, Any]) -> dict[str, Any]:
        return {"logits": subject.logits({name[3:]: x for name, x in arrays.items()})}

    return keep_program(program, subject.identity and f"logits {subject.identity}")


@lru_cache(maxsize=32)
def _compiled(method: Method, subject: Subject, options: Options, n_players: int) -> Program:
    """Return the method's program, compiled once per model, settings and batch size."""

    def program(arrays: dict[str, Any]) -> dict[str, Any]:
        inputs = {name[3:]: x for name, x in arrays.items() if name.startswith("in:")}
        players = {name[7:]: x for name, x in arrays.items() if name.startswith("player:")}
        bound = subject.bind({name: inputs[name] for name in subject.fixed_inputs}) if subject.fixed_inputs else subject
        built = method.build(bound, options, n_players) if n_players else method.build(bound, options)
        parts = built(Batch(subject.open_inputs(inputs), arrays["target"], arrays["index"], players))
        found = {f"in:{name}": x for name, x in parts.values.items()}
        return found if parts.gap is None else {**found, "gap": parts.gap}

    return keep_program(program, subject.identity and f"{method.name} {options} {n_players} {subject.identity}")


def predict_logits(subject: Subject, inputs: Arrays) -> npt.NDArray[np.floating]:
    """Return the model's logits of any number of beats, shape (n_beats,) or (n_beats, n_classes)."""
    return run_batched(_forward(subject), {f"in:{name}": np.asarray(x, np.float32) for name, x in inputs.items()})["logits"]
