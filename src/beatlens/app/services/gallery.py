"""The beats of a recording by class and shape: what can be looked at, and relabelled, as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis import Analysis
from beatlens.reports.shapes import Shape, find_shapes

MOST_CLUSTERS: Final = 6
"""Shapes that are told apart in one class."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """Beats of one class that look alike, or those of a class that look like no others.

    Parameters
    ----------
    name : str
        What it is called: class and number, ``"V 2"``.
    beat_class : str
        The class of all of them.
    samples : ndarray of int64, shape (n_beats,)
        Their R peaks, in the order of time.
    shape : Shape or None
        Their mean; None for the rest of a class.
    """

    name: str
    beat_class: str
    samples: npt.NDArray[np.int64]
    shape: Shape | None


def find_clusters(analysis: Analysis) -> tuple[Cluster, ...]:
    """Group the beats of each class by shape, the largest group first; what belongs to no group comes last in its class."""
    shapes, _ = find_shapes(analysis, most_per_class=MOST_CLUSTERS)
    samples = analysis.beats["sample"].to_numpy(np.int64)
    classes = analysis.beats["class"].to_numpy(dtype=str)
    clusters: list[Cluster] = []
    for name in analysis.summary.counts:
        mine = [shape for shape in shapes if shape.beat_class == name]
        clusters += [
            Cluster(f"{name} {number}", name, np.sort(shape.r_samples), shape) for number, shape in enumerate(mine, start=1)
        ]
        grouped = np.concatenate([shape.r_samples for shape in mine]) if mine else np.zeros(0, np.int64)
        rest = np.setdiff1d(samples[classes == name], grouped)
        if len(rest):
            clusters.append(Cluster(f"{name}, others", name, rest, None))
    return tuple(clusters)
