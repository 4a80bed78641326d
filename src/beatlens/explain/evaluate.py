"""All tests of a model's explanations in one report: which method to trust, and how far."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.explain import faithfulness, sanity
from beatlens.explain.faithfulness import bootstrap_mean
from beatlens.explain.methods import METHODS, Attribution, attribute, methods_for
from beatlens.explain.options import Options
from beatlens.explain.players import Players
from beatlens.explain.rhythm import RHYTHM
from beatlens.explain.rhythm_record import NAMES, rhythm_players, share_names
from beatlens.explain.segments import SEGMENTS, segment_players
from beatlens.explain.subject import Arrays, Subject
from beatlens.explain.units import cut_units

Array = npt.NDArray[np.float64]
Tell = Callable[[str], None]

BASELINES: Final = ("random order", "signal amplitude")
WHERE_EXPECTED: Final = {"V": ("QRS",), "F": ("QRS",), "S": ("P", "PR")}
"""The segments in which a cardiologist looks for the reason, by class."""


THIRDS: Final = ("first", "middle", "last")

TABLES: Final = (
    "faithfulness", "rhythm", "localisation", "shares", "randomisation", "signed", "stability", "agreement", "lateness",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sample:
    """Beats that explanations are tested on, one row a beat.

    Parameters
    ----------
    inputs : mapping of str to ndarray
        The model's inputs.
    classes, records : ndarray of str, shape (n_beats,)
        The reference's AAMI class, and the recording.
    segments : ndarray of int32, shape (n_beats, n_samples)
        Places in `beatlens.explain.segments.SEGMENTS`.
    scaled : bool
        Whether the model takes windows that are z-scored already, so that a changed one must be so again.
    """

    inputs: Arrays
    classes: npt.NDArray[np.str_]
    records: npt.NDArray[np.str_]
    segments: npt.NDArray[np.int32]
    scaled: bool = True

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, rows: npt.NDArray[np.integer]) -> Sample:
        """Return these beats."""
        inputs = {name: x[rows] for name, x in self.inputs.items()}
        return Sample(inputs, self.classes[rows], self.records[rows], self.segments[rows], self.scaled)


@dataclass(frozen=True)
class Report:
    """What the tests found; each table is a list of rows.

    Parameters
    ----------
    model, note : str
        The model, and what must be known to read the figures.
    n_beats : mapping of str to int
        How many beats of each class were tested.
    weights : str
        SHA-256 of the weights that were tested.
    faithfulness, rhythm, localisation, shares, randomisation, signed, stability, agreement, lateness : list of dict
        The tables. ``rhythm`` is the faithfulness of what is said of the rhythm features, ``shares`` what the evidence lies on,
        ``signed`` the randomisation by the values with their signs.
    """

    model: str
    note: str
    n_beats: Mapping[str, int]
    weights: str = ""
    faithfulness: list[dict[str, Any]] = field(default_factory=list)
    rhythm: list[dict[str, Any]] = field(default_factory=list)
    localisation: list[dict[str, Any]] = field(default_factory=list)
    shares: list[dict[str, Any]] = field(default_factory=list)
    randomisation: list[dict[str, Any]] = field(default_factory=list)
    signed: list[dict[str, Any]] = field(default_factory=list)
    stability: list[dict[str, Any]] = field(default_factory=list)
    agreement: list[dict[str, Any]] = field(default_factory=list)
    lateness: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types of JSON; NaN becomes None."""
        known: dict[str, Any] = _plain(dataclasses.asdict(self))
        return known

    def to_markdown(self) -> str:
        """Return the tables as Markdown."""
        counts = ", ".join(f"{name} {n}" for name, n in self.n_beats.items())
        parts = [f"Model {self.model}; beats: {counts}. {self.note}"]
        for name in TABLES:
            rows = getattr(self, name)
            if rows:
                head = list(rows[0])
                lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
                lines += [f"| {' | '.join(_cell(row[key]) for key in head)} |" for row in rows]
                parts.append(f"### {name.capitalize()}\n\n" + "\n".join(lines))
        return "\n\n".join(parts) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def explain_sample(
    subject: Subject,
    sample: Sample,
    target: npt.NDArray[np.integer],
    *,
    methods: Sequence[str] = (),
    options: Options | None = None,
    tell: Tell | None = None,
) -> dict[str, Attribution]:
    """Return the attribution of every method that suits the model (or of these), of the logit of the class ``target``."""
    found = {}
    for method in methods or methods_for(subject):
        if tell:
            tell(f"explaining {len(sample)} beats by {METHODS[method].title}")
        players = players_of(subject, sample) if method == "segment-shapley" else None
        found[method] = attribute(subject, sample.inputs, method=method, target=target, players=players, options=options)
    return found


def players_of(subject: Subject, sample: Sample) -> Players | None:
    """Return the named segments, and what else the model reads under the names that it has for it."""
    if RHYTHM in sample.inputs:
        return rhythm_players(dict(sample.inputs), sample.segments)
    if set(subject.open_inputs(sample.inputs)) != set(subject.time_inputs) or len(subject.time_inputs) != 1:
        return None
    (name,) = subject.time_inputs
    x = sample.inputs[name]
    return segment_players(name, sample.segments, x.shape[2] if x.ndim > 2 else None)


def compare_faithfulness(
    subject: Subject,
    sample: Sample,
    found: Mapping[str, Attribution],
    target: npt.NDArray[np.integer],
    *,
    names: Sequence[str] = (),
    seed: int = 0,
    tell: Tell | None = None,
) -> list[dict[str, Any]]:
    """Return deletion and insertion areas of every method and both baselines, by class.

    Only the inputs ``names`` are taken away (the signal, if not given); everything else of the beat stays as it is.

    Deletion is better low, insertion better high. ``less than random`` and ``less than amplitude`` are the paired difference
    of the deletion area (mean over both replacements) from the baseline's: below 0 with its whole interval, the method wins.
    """
    inputs = sample.inputs
    units = cut_units(subject, inputs, names=names or subject.time_inputs)
    orders = {name: faithfulness.order_by_method(units, each) for name, each in found.items()}
    orders[BASELINES[0]] = faithfulness.order_at_random(units, len(sample), seed=seed)
    orders[BASELINES[1]] = faithfulness.order_by_amplitude(subject, inputs, units)
    areas: dict[str, dict[str, Array]] = {}
    for name, order in orders.items():
        if tell:
            tell(f"deletion and insertion by {name}")
        areas[name] = {}
        for kind in faithfulness.REPLACEMENTS:
            replacement = faithfulness.replace_inputs(subject, inputs, kind, seed=seed)
            for insert in (False, True):
                curve = faithfulness.trace_curve(subject, inputs, target, units, order, replacement, insert=insert)
                areas[name][f"{'insertion' if insert else 'deletion'}, {kind}"] = faithfulness.area_under(curve)
    deletion: dict[str, Array] = {
        name: np.mean([area for key, area in each.items() if "deletion" in key], axis=0) for name, each in areas.items()
    }
    rows = []
    for label, rows_of in _by_class(sample):
        for name, each in areas.items():
            row: dict[str, Any] = {"class": label, "order": name}
            row |= {key: _interval(area[rows_of], sample.records[rows_of]) for key, area in each.items()}
            for baseline, title in zip(BASELINES, ("less than random", "less than amplitude"), strict=True):
                less = (deletion[name] - deletion[baseline])[rows_of]
                row[title] = "-" if name == baseline else _interval(less, sample.records[rows_of])
            rows.append(row)
    return rows


def locate_evidence(subject: Subject, sample: Sample, found: Mapping[str, Attribution]) -> list[dict[str, Any]]:
    """Return how well each method points at the segments where a cardiologist would look.

    Pointing game: the largest value lies in them. Rank accuracy: of the k largest values, k being the segments' length, the
    share that lies in them. Chance: the segments' share of the window. Segment Shapley values choose a segment, not a sample.
    """
    rows = []
    name = subject.time_inputs[0]
    for label, segments in WHERE_EXPECTED.items():
        mask = np.isin(sample.segments, [SEGMENTS.index(each) for each in segments])
        rows_of = np.flatnonzero((sample.classes == label) & mask.any(axis=1))
        if not len(rows_of):
            continue
        inside, records = mask[rows_of], sample.records[rows_of]
        chance = _interval(inside.mean(axis=1), records)
        for method, each in found.items():
            size = np.abs(each.values[name][rows_of]).reshape(len(rows_of), inside.shape[1], -1).sum(axis=2)
            pointed = inside[np.arange(len(inside)), size.argmax(axis=1)].astype(np.float64)
            rank = np.argsort(np.argsort(-size, axis=1, kind="stable"), axis=1)
            top = (inside & (rank < inside.sum(axis=1, keepdims=True))).sum(axis=1) / inside.sum(axis=1)
            rows.append(
                {
                    "class": label,
                    "segments": "+".join(segments),
                    "method": method,
                    "beats": len(rows_of),
                    "pointing game": _interval(pointed, records),
                    "rank accuracy": _interval(top, records),
                    "chance": chance,
                }
            )
    return rows


def compare_methods(subject: Subject, found: Mapping[str, Attribution]) -> list[dict[str, Any]]:
    """Return the mean rank correlation of the sizes of every two methods, on the first time input."""
    name = subject.time_inputs[0]
    sizes = {method: each.values[name] for method, each in found.items()}
    return [{"method": a, **{b: float(np.nanmean(sanity.rank_correlations(sizes[a], sizes[b]))) for b in sizes}} for a in sizes]


def compare_stability(
    subject: Subject, sample: Sample, found: Mapping[str, Attribution], *, options: Options | None = None
) -> list[dict[str, Any]]:
    """Return how alike explanations stay under noise and a shift of half a sample; 1 is unmoved."""
    rows = []
    for method, each in found.items():
        if method == "segment-shapley":  # its segments are the beat's, which the disturbance does not move
            continue
        row: dict[str, Any] = {"method": method}
        for kind in ("noise", "shift"):
            row[kind] = _interval(sanity.measure_stability(subject, sample.inputs, each, kind, options=options), sample.records)
        rows.append(row)
    return rows


def tabulate_shares(sample: Sample, found: Mapping[str, Attribution]) -> list[dict[str, Any]]:
    """Return, by class, the mean part of the evidence, by its size, on each segment, interval and the other beats.

    Of the methods that measure evidence; what speaks against the class counts by its size.
    """
    rows = []
    for method, each in found.items():
        if not METHODS[method].evidence or RHYTHM not in each.values:
            continue
        shares = np.abs(share_names(each, sample.segments, evidence=True))
        for label, rows_of in _by_class(sample):
            row: dict[str, Any] = {"class": label, "method": method}
            row |= {name: float(np.nanmean(shares[rows_of, k])) for k, name in enumerate(NAMES)}
            rows.append(row)
    return rows


def randomise_weights(
    subjects: Iterable[tuple[str, Subject, Sample]],
    found: Mapping[str, Attribution],
    *,
    options: Options | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return, for ever more layers shuffled from the last on, how alike each method's picture stays; it must fall.

    First by the sizes of the values, then by the values with their signs.

    Parameters
    ----------
    subjects : iterable of (str, Subject, Sample)
        The layer that was shuffled last, the model, and the beats as it reads them.
    found : mapping of str to Attribution
        Of the same beats, by the model as it was trained.
    options : Options, optional
        Those that ``found`` was made with.
    """
    sizes: list[dict[str, Any]] = []
    signed: list[dict[str, Any]] = []
    for layer, subject, sample in subjects:
        (name,) = subject.time_inputs
        sizes.append({"shuffled from": layer})
        signed.append({"shuffled from": layer})
        for method, each in found.items():
            players = players_of(subject, sample) if method == "segment-shapley" else None
            again = attribute(subject, sample.inputs, method=method, target=each.target, players=players, options=options)
            for rows, with_sign in ((sizes, False), (signed, True)):
                alike = sanity.rank_correlations(each.values[name], again.values[name], signed=with_sign)
                rows[-1][method] = float(np.nanmean(alike))
    return sizes, signed


def measure_lateness(
    subject: Subject,
    sample: Sample,
    found: Mapping[str, Attribution],
    *,
    target: int = 1,
    n_planted: int = 200,
    methods: Sequence[str] = (),
    options: Options | None = None,
) -> list[dict[str, Any]]:
    """Return where in the window attribution lies, and whether a planted wave is found wherever it stands.

    A recurrent network forgets: its gradient may favour the last steps whatever decided. ``late share`` is the part of the
    attribution in the last third of the window. Waves are planted in normal beats, and count where they moved the logit of
    ``target`` by 2 or more. One is found if the stretch of a wave's length (one standard deviation either way) over which the
    explanation changes most has its middle within 40 ms of the wave's; ``found by one sample``: if the sample does that
    changes most. ``methods``: those that are asked to find waves; all if not given.
    """
    (name,) = subject.time_inputs
    normal = sample.take(np.flatnonzero(sample.classes == "N"))
    planted, places, bases = sanity.plant_where_it_counts(
        subject, normal.inputs, target=target, n_wanted=n_planted, scaled=sample.scaled, seed=(options or Options()).seed
    )
    n_samples = sample.inputs[name].shape[1]
    third = np.minimum(places * 3 // n_samples, 2)
    reach, length, rows = round(0.04 * subject.fs), 2 * round(sanity.PLANTED_S * subject.fs) + 1, []
    for method, each in found.items():
        if method == "segment-shapley":
            continue
        size = np.abs(each.values[name]).reshape(len(sample), n_samples, -1).sum(axis=2)
        late = size[:, n_samples * 2 // 3 :].sum(axis=1) / np.maximum(size.sum(axis=1), 1e-30)
        row: dict[str, Any] = {"method": method, "late share": _interval(late, sample.records)}
        row |= dict.fromkeys(("planted", "found", *(f"found, {part} third" for part in THIRDS), "found by one sample"), "-")
        if len(places) and (not methods or method in methods):
            after, before = (
                attribute(subject, x, method=method, target=target, options=options).values[name] for x in (planted, bases)
            )
            hit = sanity.find_planted(after - before, places, smooth=length, reach=reach)
            row |= {"planted": len(places), "found": float(hit.mean())}
            row |= {
                f"found, {part} third": float(hit[third == k].mean()) for k, part in enumerate(THIRDS) if (third == k).any()
            }
            row["found by one sample"] = float(sanity.find_planted(after - before, places, smooth=1, reach=reach).mean())
        rows.append(row)
    return rows


def _interval(values: npt.NDArray[np.floating], records: npt.NDArray[np.str_]) -> str:
    return str(bootstrap_mean(values, records))


def _by_class(sample: Sample) -> Sequence[tuple[str, npt.NDArray[np.int64]]]:
    labels = [label for label in ("N", "S", "V", "F") if (sample.classes == label).any()]
    return [("all", np.arange(len(sample))), *((label, np.flatnonzero(sample.classes == label)) for label in labels)]
