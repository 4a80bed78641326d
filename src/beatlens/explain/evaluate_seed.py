"""The tests of `beatlens.explain.evaluate` for ``seed-lstm``, on beats of DS2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from beatlens.beats.seed_windows import load_seed_beats
from beatlens.databases import mitdb
from beatlens.errors import ConfigurationError
from beatlens.explain import sanity
from beatlens.explain.evaluate import Report, Sample, Tell
from beatlens.explain.evaluate_all import Plan, run_tests
from beatlens.explain.measure import measure_beats
from beatlens.explain.methods import predict_logits
from beatlens.explain.options import Options
from beatlens.explain.seed import seed_inputs, seed_subject
from beatlens.explain.subject import Subject, one_batch_size
from beatlens.labels import classify_symbols

if TYPE_CHECKING:
    from beatlens.models.seed_lstm import SeedLSTM

LEAK: Final = (
    "The model was trained under the seed protocol: beats of these patients, some of these very beats, were in its training "
    "set. The figures say how faithful explanations of its calls are, not how good the calls are."
)
LIGHT: Final = Options(steps=64, samples=8, stride_ms=20.0, group_ms=40.0)
"""Coarser in time than the defaults, so that a report takes less than an hour of a core; finer in steps, as sums miss else."""

BATCH: Final = 32
N_SANITY: Final = 16
"""Beats of the slower tests: randomisation and stability."""

SLOW: Final = ("saliency", "gradient-x-input", "integrated-gradients", "occlusion", "stretch-shapley")
"""The methods that explain shuffled networks and planted waves: the others would take too long with this network."""


def pick_seed_sample(
    *, per_class: int, seed: int = 0, folder: Path | None = None, records: tuple[str, ...] = mitdb.DS2
) -> Sample:
    """Draw beats of each AAMI class from DS2, spread over the records as evenly as they allow.

    Parameters
    ----------
    per_class : int
        How many beats of each of N, S, V and F.
    seed : int
        Of the draw.
    folder : Path, optional
        Where the MIT-BIH database is.
    records : tuple of str
        Where they are drawn from.

    Raises
    ------
    RecordNotFoundError
        If the database is not found.
    ConfigurationError
        If ``per_class`` is not positive.
    """
    folder = folder or mitdb.find_database()
    beats = load_seed_beats(records, folder=folder)
    chosen = beats.take(draw_evenly(classify_symbols(beats.symbols), beats.records, per_class=per_class, seed=seed))
    shape = chosen.windows.shape
    segments, voltage, usual = np.zeros(shape, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for name in np.unique(chosen.records).tolist():
        here = chosen.records == name
        every = beats.samples[beats.records == name]
        measured = measure_beats(mitdb.read_mitdb(name, folder), chosen.samples[here], every)
        segments[here], voltage[here], usual[here] = measured.segments, measured.voltage[..., 0], measured.usual[..., 0]
    inputs = seed_inputs(chosen.windows, voltage, usual)
    return Sample(inputs, classify_symbols(chosen.symbols), chosen.records, segments, scaled=False)


def draw_evenly(
    classes: npt.NDArray[np.str_], records: npt.NDArray[np.str_], *, per_class: int, seed: int
) -> npt.NDArray[np.int64]:
    """Return the places of beats of each of N, S, V and F, in turns from every record that has any.

    Raises
    ------
    ConfigurationError
        If ``per_class`` is not positive.
    """
    if per_class < 1:
        raise ConfigurationError(f"'per_class' must be at least 1; got {per_class}")
    rng = np.random.default_rng(seed)
    rows: list[int] = []
    for label in ("N", "S", "V", "F"):
        order = rng.permutation(np.flatnonzero(classes == label))
        _, place = np.unique(records[order], return_inverse=True)
        rows += order[np.argsort(_turns(place), kind="stable")][:per_class].tolist()
    return np.sort(np.array(rows, np.int64))


def _turns(place: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return for each entry how many equal ones precede it."""
    if not len(place):
        return np.zeros(0, np.int64)
    order = np.argsort(place, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(place[order])) + 1]
    counts = np.diff(np.r_[starts, len(place)])
    turns = np.empty(len(place), np.int64)
    turns[order] = np.arange(len(place)) - np.repeat(starts, counts)
    return turns


def evaluate_seed_explanations(
    model: SeedLSTM,
    sample: Sample,
    *,
    n_planted: int = 200,
    options: Options = LIGHT,
    seed: int = 0,
    tell: Tell | None = None,
) -> Report:
    """Test every method that can explain the model.

    Parameters
    ----------
    model : SeedLSTM
        The network.
    sample : Sample
        Beats, from `pick_seed_sample`.
    n_planted : int
        Waves to plant.
    options : Options
        Settings of the methods.
    seed : int
        Of everything that is drawn at random.
    tell : callable, optional
        Called with a sentence before each step.

    Returns
    -------
    Report
    """
    subject = seed_subject(model)

    def shuffled(few: Sample) -> Iterator[tuple[str, Subject, Sample]]:
        yield "", subject, few
        for layer, copy in sanity.randomise_cascade(model, seed=seed):
            yield layer, seed_subject(copy), few

    called = (predict_logits(subject, sample.inputs) > 0).astype(np.int64)
    plan = Plan(LEAK, shuffled, planted_in=1, n_planted=n_planted, slow_methods=SLOW, n_sanity=N_SANITY)
    with one_batch_size(BATCH):
        return run_tests(subject, sample, called, plan, options=options, seed=seed, tell=tell)
