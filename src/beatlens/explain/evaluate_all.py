"""The tests of `beatlens.explain.evaluate`, in their order, for any model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beatlens.explain import evaluate
from beatlens.explain.evaluate import Report, Sample, Tell
from beatlens.explain.options import Options
from beatlens.explain.rhythm import RHYTHM
from beatlens.explain.subject import Subject


@dataclass(frozen=True)
class Plan:
    """What differs from model to model.

    Parameters
    ----------
    note : str
        What must be known to read the figures.
    shuffled : callable
        From some beats to the model itself and then to those of ever more shuffled layers, each with the name of the layer that
        was shuffled last and the beats as it reads them.
    planted_in : int
        The class whose logit planted waves are to move.
    n_planted : int
        How many.
    slow_methods : sequence of str
        Which methods are asked to find planted waves, and to explain shuffled models; all if empty.
    n_sanity : int
        Beats of the slower tests.
    """

    note: str
    shuffled: Callable[[Sample], Iterator[tuple[str, Subject, Sample]]]
    planted_in: int
    n_planted: int = 200
    slow_methods: Sequence[str] = ()
    n_sanity: int = 16


def run_tests(
    subject: Subject,
    sample: Sample,
    called: npt.NDArray[np.integer],
    plan: Plan,
    *,
    options: Options,
    seed: int = 0,
    tell: Tell | None = None,
) -> Report:
    """Test every method that can explain a model.

    Parameters
    ----------
    subject : Subject
        The model.
    sample : Sample
        Beats, as it reads them.
    called : ndarray of int, shape (n_beats,)
        The class of each beat whose logit is explained.
    plan, options, seed, tell
        What differs from model to model; settings of the methods; of everything drawn at random; called before each step.
    """
    say = tell or (lambda _: None)
    found = evaluate.explain_sample(subject, sample, called, options=options, tell=say)
    some = np.random.default_rng(seed).permutation(len(sample))[: plan.n_sanity]
    few = sample.take(some)
    say("deletion and insertion")
    faithful = evaluate.compare_faithfulness(subject, sample, found, called, seed=seed, tell=say)
    rhythm = (
        evaluate.compare_faithfulness(subject, sample, found, called, names=(RHYTHM,), seed=seed)
        if RHYTHM in sample.inputs
        else []
    )
    say("shuffling weights, layer after layer")
    models = plan.shuffled(few)
    _, own, few = next(models)
    found_few = evaluate.explain_sample(own, few, called[some], options=options)
    asked = {name: each for name, each in found_few.items() if not plan.slow_methods or name in plan.slow_methods}
    shuffled, signed = evaluate.randomise_weights(models, asked, options=options)
    say("disturbing beats")
    stability = evaluate.compare_stability(own, few, found_few, options=options)
    say("planting waves")
    lateness = evaluate.measure_lateness(
        subject,
        sample,
        found,
        target=plan.planted_in,
        n_planted=plan.n_planted,
        methods=plan.slow_methods,
        options=options,
    )
    return Report(
        model=subject.name,
        note=f"{plan.note} Settings: {options}; seed {seed}; randomisation and stability on {len(few)} beats.",
        n_beats={label: int((sample.classes == label).sum()) for label in ("N", "S", "V", "F")},
        faithfulness=faithful,
        rhythm=rhythm,
        localisation=evaluate.locate_evidence(subject, sample, found),
        shares=evaluate.tabulate_shares(sample, found),
        randomisation=shuffled,
        signed=signed,
        stability=stability,
        agreement=evaluate.compare_methods(subject, found),
        lateness=lateness,
    )
