"""Training ``rhythm-lstm``: examples from DS1 and rhythms composed of its beats, patient-wise folds, calibration."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator
from threadpoolctl import threadpool_limits

from beatlens._threads import map_threads
from beatlens.beats.morphology import FS, Array, align_beats, prepare_signal
from beatlens.databases.mitdb import DS1, read_mitdb
from beatlens.errors import closest
from beatlens.labels import classify_symbols
from beatlens.models.rhythm_encoding import FEATURES, EncodedBeats, choose_leads, encode_prepared
from beatlens.models.rhythm_leads import read_leads
from beatlens.models.rhythm_network import CLASSES
from beatlens.training.augment import cut_strips, degrade, made_noise
from beatlens.training.compose import BeatPool, beat_pool, compose_recording

FOLDS: Final = (
    ("209", "106", "114", "119", "230", "112"),
    ("220", "118", "108", "203", "215", "101"),
    ("223", "207", "116", "122", "109"),
    ("201", "208", "205", "115", "124"),
)
"""Patient-wise folds of DS1, the records with most S, V and F spread over them."""
ARRHYTHMIC: Final = ("124", "201", "203", "207")
"""Records whose normal beats mostly have no sinus P wave: no composed atrial runs are made of them."""

NOISY_SHARE: Final = 0.8
"""Share of the composed recordings that noise is added to."""
LONGEST_STRIP_S: Final = 60.0
"""Recordings that are not longer are not cut into strips."""
FEW_NORMAL: Final = 20
"""Recordings of fewer normal beats compose no others."""
UNSEEN: Final = (
    "pre_rr",
    "post_rr",
    "p_coherence_long",
    "group_count",
    "group_width",
    "qrs_width",
    "noise",
    "p_size",
    "irregularity_wide",
    "long_to_median_wide",
)
"""Columns that say who a patient is rather than what a beat is: the same, or nearly, all through a recording."""


class RhythmTraining(BaseModel):
    """How ``rhythm-lstm`` is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: Annotated[int, Field(ge=1, description="Passes over the drawn examples.")] = 24
    learning_rate: Annotated[float, Field(gt=0, description="AdamW's peak learning rate.")] = 2e-3
    weight_decay: Annotated[float, Field(ge=0, description="AdamW's weight decay.")] = 0.01
    batch_size: Annotated[int, Field(ge=1, description="Sequences a step.")] = 32
    sequence: Annotated[int, Field(ge=8, description="Beats a sequence.")] = 64
    class_weights: Annotated[tuple[float, float, float, float], Field(description="Of N, S, V, F in the loss.")] = (
        1,
        2,
        1.5,
        1.5,
    )
    composed: Annotated[float, Field(ge=0, le=1, description="Share of the composed recordings drawn each epoch.")] = 0.5
    degraded: Annotated[float, Field(ge=0, le=1, description="Share of degraded copies, strips and single leads.")] = 0.4
    composed_copies: Annotated[int, Field(ge=0, description="Sets of composed recordings a patient.")] = 2
    degraded_copies: Annotated[int, Field(ge=0, description="Degraded copies of each recording.")] = 3
    unseen: Annotated[tuple[str, ...], Field(description="Columns that the network does not see.")] = UNSEEN
    windows: Annotated[bool, Field(description="Whether the network sees the shape of the beats itself.")] = False
    units: Annotated[int, Field(ge=1, description="Of the LSTM, each way.")] = 48
    networks: Annotated[int, Field(ge=1, description="Networks, of one seed after another, whose logits are averaged.")] = 5
    seed: Annotated[int, Field(ge=0, description="Of weights, dropout, composition and order.")] = 7
    devices: Annotated[
        int, Field(ge=0, description="GPUs, or other devices of JAX, that share each batch; 0 for all that there are.")
    ] = 1
    jobs: Annotated[
        int, Field(ge=1, description="Recordings made, and networks trained, at the same time; changes no result.")
    ] = 1

    @field_validator("unseen")
    @classmethod
    def _check_columns(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in FEATURES:
                raise ValueError(f"{name!r} is not a column. {closest(name, FEATURES)}")
        return names


@dataclass(frozen=True, eq=False)
class Example:
    """One stretch to learn from: its beats, their classes (-1: not learned from), and whose beats it holds.

    ``judged``: whether a fold's figures are of it: one of a recording, with the leads that the model reads.
    """

    kind: str
    patients: frozenset[str]
    beats: EncodedBeats
    labels: npt.NDArray[np.int64]
    judged: bool = True


@dataclass(frozen=True, eq=False)
class Source:
    """A training recording, prepared (128 Hz).

    ``sinus``: whether its normal beats mostly have a P wave. ``reads``: the columns of ``x`` that the model reads; all if
    empty.
    """

    name: str
    x: Array
    times_s: npt.NDArray[np.float64]
    classes: npt.NDArray[np.str_]
    sinus: bool = True
    reads: tuple[int, ...] = ()


def read_source(name: str) -> Source:
    """Read a record of the database with its beats by the paper mapping."""
    record = read_mitdb(name)
    if record.annotations is None:  # the reader of this database always sets them
        raise ValueError(name)
    classes = classify_symbols(record.annotations.symbols)
    is_beat = classes != ""
    samples = record.annotations.samples[is_beat]
    leads = choose_leads(record.signal, record.lead_names)
    x = prepare_signal(record.signal[:, leads], record.fs)
    reads = tuple(leads.index(lead) for lead in read_leads(record, samples))
    return Source(name, x, samples / record.fs, classes[is_beat], name not in ARRHYTHMIC, reads)


def label_numbers(classes: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Return the column of each class among N, S, V, F; -1 for any other."""
    return np.array([CLASSES.index(name) if name in CLASSES else -1 for name in classes.tolist()], np.int64)


def make_examples(
    settings: RhythmTraining,
    records: Iterable[str] = DS1,
    on_record: Callable[[str], None] = lambda _: None,
    *,
    read: Callable[[str], Source] = read_source,
) -> list[Example]:
    """Read the training records and make degraded, shortened, single-lead and composed ones of them.

    What is made of a record depends on the seed and its name, and on which others there are, alone.
    """
    sources = [read(name) for name in records]
    pools = {s.name: beat_pool(s.x, align_beats(s.x, np.round(s.times_s * FS).astype(np.int64)), s.classes) for s in sources}
    ectopic = [name for name, pool in pools.items() if (pool.classes == "V").sum() >= 15]

    def make(source: Source) -> list[Example]:
        on_record(source.name)
        rng = np.random.default_rng([settings.seed, zlib.crc32(source.name.encode())])
        own = frozenset({source.name})
        parts = [("real", source.x, source.times_s, source.classes)]
        if source.x.shape[1] > 1:
            parts += [(f"lead {k}", source.x[:, [k]], source.times_s, source.classes) for k in (0, 1)]
        parts += [
            ("degraded", *degrade(source.x, source.times_s, source.classes, rng)) for _ in range(settings.degraded_copies)
        ]
        if len(source.x) > LONGEST_STRIP_S * FS:
            parts += [("strip", *strip) for strip in cut_strips(source.x, source.times_s, source.classes, rng, n_strips=12)]
        judged = f"lead {source.reads[0]}" if len(source.reads) == 1 < source.x.shape[1] else "real"
        examples = [Example(kind, own, encode_prepared(x, t), label_numbers(c), kind == judged) for kind, x, t, c in parts]
        n_leads = source.x.shape[1]
        if (source.classes == "N").sum() < FEW_NORMAL:
            return examples
        alike = [name for name in ectopic if pools[name].windows.shape[2] == n_leads]
        return examples + _composed(source, pools, alike, rng, settings.composed_copies)

    # Matrix products differ in their last digits with the number of threads: one, whatever the machine and the jobs.
    with threadpool_limits(limits=1, user_api="blas"):
        return [example for made in map_threads(make, sources, threads=settings.jobs) for example in made]


def _composed(
    source: Source, pools: dict[str, BeatPool], ectopic: Sequence[str], rng: np.random.Generator, copies: int
) -> list[Example]:
    name = source.name
    rhythms = ["fibrillation", *["ectopy"] * 3, "atrial", *(["runs"] * 3 if source.sinus else [])] * copies
    rhythms += ["ventricular", "branch"] * 2 * copies
    made = []
    for rhythm in rhythms:
        other = name if name in ectopic and rng.random() < 0.5 else str(rng.choice(list(ectopic) or [name]))
        recording = compose_recording(pools[name], pools[other], rhythm, rng, n_beats=600)  # type: ignore[arg-type]
        signal = recording.signal
        if rng.random() < NOISY_SHARE:
            noise = made_noise(len(signal), signal.shape[1], rng)
            signal = (signal + noise * signal.std(axis=0) * rng.uniform(0.05, 0.6)).astype(np.float32)
        beats = encode_prepared(signal, recording.r_samples / FS)
        made.append(Example(rhythm, frozenset({name, other}), beats, label_numbers(recording.classes), judged=False))
    return made


def fit_temperature(calibrated: Callable[[float], npt.NDArray[np.floating]], labels: npt.NDArray[np.integer]) -> float:
    """Return the number that logits are to be divided by for the least mean log loss (Guo et al., ICML 2017).

    Parameters
    ----------
    calibrated : callable
        From that number to the logits that come of it, shape (n_beats, n_classes).
    labels : ndarray of int, shape (n_beats,)
        -1 for beats that do not count.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    learned = labels >= 0
    y = labels[learned]

    def loss(log_t: float) -> float:
        scaled = np.asarray(calibrated(float(np.exp(log_t))), np.float64)[learned]
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(y)), y]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 3), method="bounded", options={"xatol": 1e-4}).x))


def fit_threshold(abnormal: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    """Return the probability, of 0.30, 0.35 ... 0.90, from which on calling a beat abnormal has the highest F1.

    Parameters
    ----------
    abnormal : ndarray of shape (n_beats,)
        Calibrated probabilities that a beat is not normal.
    labels : ndarray of int, shape (n_beats,)
        0 for normal; -1 for beats that do not count.
    """
    p, true = np.asarray(abnormal)[labels >= 0], labels[labels >= 0] > 0
    grid = np.arange(6, 19) / 20
    # F1 is 2 TP / (abnormal + called).
    scores = [2 * (true & (p >= limit)).sum() / max(1, true.sum() + (p >= limit).sum()) for limit in grid]
    return float(grid[int(np.argmax(scores))])
