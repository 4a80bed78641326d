"""The tests of `beatlens.explain.evaluate` for ``rhythm-lstm``, on beats of DS2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from beatlens.databases import mitdb
from beatlens.errors import AnnotationError
from beatlens.explain.evaluate import Report, Sample, Tell
from beatlens.explain.evaluate_all import Plan, run_tests
from beatlens.explain.evaluate_seed import draw_evenly
from beatlens.explain.measure import measure_beats
from beatlens.explain.methods import predict_logits
from beatlens.explain.options import Options
from beatlens.explain.rhythm import read_rhythm_beats, subject_of_steps
from beatlens.explain.rhythm_record import RHYTHM_GRID
from beatlens.explain.subject import Subject, one_batch_size
from beatlens.labels import classify_symbols
from beatlens.models.rhythm_encoding import choose_leads

if TYPE_CHECKING:
    from beatlens.models.rhythm_lstm import RhythmLSTM

NOTE: Final = (
    "Trained on DS1: no beat of these patients was in its training set. The signal of the beat alone is taken away, and the "
    "features are computed from what is left; the recording's usual beat, the beat's intervals and the other beats stay."
)
SETTINGS: Final = Options()
"""Those of everybody: what is measured is what is shown."""
BATCH: Final = 64
WEIGHTS: Final = "weights"


def pick_rhythm_sample(
    model: RhythmLSTM, *, per_class: int, seed: int = 0, folder: Path | None = None, records: tuple[str, ...] = mitdb.DS2
) -> Sample:
    """Draw beats of each AAMI class from DS2, spread over the records; parameters and errors as for ``seed-lstm``."""
    folder = folder or mitdb.find_database()
    read = {name: mitdb.read_mitdb(name, folder) for name in records}
    beats, classes, names = {}, [], []
    for name, record in read.items():
        if record.annotations is None:
            raise AnnotationError(f"record {name} of the database has no annotations")
        of_record = classify_symbols(record.annotations.symbols)
        beats[name] = record.annotations.samples[of_record != ""]
        classes.append(of_record[of_record != ""])
        names.append(np.full(len(beats[name]), name))
    every_class, every_name = np.concatenate(classes), np.concatenate(names)
    drawn = draw_evenly(every_class, every_name, per_class=per_class, seed=seed)
    parts = []
    for name, record in read.items():
        start = int(np.flatnonzero(every_name == name)[0])
        places = drawn[every_name[drawn] == name] - start
        if not len(places):
            continue
        leads = choose_leads(record.signal, record.lead_names)  # both, so that beats of all records have one shape
        found = read_rhythm_beats(record, beats[name], model, places, neighbours=False, leads=leads)
        samples = beats[name][found.beats]
        measured = measure_beats(record, samples, beats[name], leads=found.leads, grid=RHYTHM_GRID, offset_ms=found.offset_ms)
        labels = every_class[found.beats + start]
        parts.append(Sample(found.inputs, labels, np.full(len(labels), name), measured.segments, scaled=False))
    inputs = {key: np.concatenate([part.inputs[key] for part in parts]) for key in parts[0].inputs}
    return Sample(
        inputs,
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.records for part in parts]),
        np.concatenate([part.segments for part in parts]),
        scaled=False,
    )


def open_weights(model: RhythmLSTM) -> tuple[Subject, Callable[[Sample, dict[str, Any]], Sample]]:
    """Return the model with its weights as a fixed input, and what gives beats such an input.

    One program then serves the network as it was trained and all that are shuffled, and is compiled once.
    """
    from jax.flatten_util import ravel_pytree

    steps = model.steps
    _, restore = ravel_pytree(steps.weights)
    subject = subject_of_steps(model, lambda inputs: steps.replaced(restore(inputs[WEIGHTS][0])), fixed=(WEIGHTS,))

    def with_weights(sample: Sample, weights: dict[str, Any]) -> Sample:
        flat = np.asarray(ravel_pytree(weights)[0])
        inputs = {**sample.inputs, WEIGHTS: np.broadcast_to(flat, (len(sample), len(flat)))}
        return Sample(inputs, sample.classes, sample.records, sample.segments, sample.scaled)

    return subject, with_weights


def _shuffle(tree: Any, rng: np.random.Generator) -> Any:
    """Return weights of the same values in another order, each network's own, so that sizes stay and structure goes.

    What the other beats bring stays as the trained network brought it.
    """
    import jax

    def mix(values: jax.Array) -> jax.Array:
        each = [rng.permutation(np.asarray(own).ravel()).reshape(own.shape) for own in values]
        return jax.numpy.asarray(np.stack(each))

    return jax.tree.map(mix, tree)


def evaluate_rhythm_explanations(
    model: RhythmLSTM,
    sample: Sample,
    *,
    n_planted: int = 200,
    options: Options = SETTINGS,
    seed: int = 0,
    tell: Tell | None = None,
) -> Report:
    """Test every method that can explain the model; parameters as for ``seed-lstm``."""
    subject, with_weights = open_weights(model)
    trained = model.steps.weights
    sample = with_weights(sample, trained)

    def shuffled(few: Sample) -> Iterator[tuple[str, Subject, Sample]]:
        weights, rng = dict(trained), np.random.default_rng(seed)
        yield "", subject, few
        for layer in reversed(list(trained)):
            weights[layer] = _shuffle(weights[layer], rng)
            yield layer, subject, with_weights(few, weights)

    with one_batch_size(BATCH):
        called = predict_logits(subject, sample.inputs).argmax(axis=1)
        plan = Plan(NOTE, shuffled, planted_in=0, n_planted=n_planted)
        return run_tests(subject, sample, called, plan, options=options, seed=seed, tell=tell)
