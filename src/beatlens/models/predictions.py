"""What a model says of the beats of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class BeatPredictions:
    """One row a beat.

    Parameters
    ----------
    class_names : tuple of str
        What the columns of ``probabilities`` stand for.
    classes : ndarray of str, shape (n_beats,)
        The class of each beat, one of ``class_names``; empty where the model could not judge at all.
    probabilities : ndarray of float32, shape (n_beats, n_classes)
        NaN where the model could not judge.
    abnormal : ndarray of float32, shape (n_beats,)
        Probability that the beat is not normal; NaN where the model could not judge.
    uncertain : ndarray of bool, shape (n_beats,)
        Beats that a person should look at.
    reasons : tuple of str
        Why a beat is uncertain, empty where it is not.
    notes : tuple of str
        What was decided and a user should know, one sentence each.
    leads : tuple of int
        Numbers of the leads that were read; empty if that is not told.
    """

    class_names: tuple[str, ...]
    classes: npt.NDArray[np.str_]
    probabilities: npt.NDArray[np.float32]
    abnormal: npt.NDArray[np.float32]
    uncertain: npt.NDArray[np.bool_]
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    leads: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.classes)
