"""What a model said of the built-in recording, kept in the cache folder: a later start shows it without loading the model.

Only the built-in recording is kept: recordings of patients, and what was found in them, are written nowhere unasked.
"""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens import _io
from beatlens._version import __version__
from beatlens.analysis import Analysis
from beatlens.errors import OutputError
from beatlens.models.card import ModelCard
from beatlens.models.engine import cache_folder
from beatlens.models.predictions import BeatPredictions

_ROOMS: Final = ("records", "beats", "models", "analysis")
"""The code that a call depends on: what other code kept is not used."""


@dataclass(frozen=True, eq=False)
class KeptCalls:
    """R peaks and a model's calls of them; it stands in for the model where these very peaks are judged again.

    Parameters
    ----------
    card : ModelCard
        Of the model that said it.
    samples : ndarray of int64, shape (n_beats,)
        R peaks.
    said : BeatPredictions
        What it said of them.
    """

    card: ModelCard
    samples: npt.NDArray[np.int64]
    said: BeatPredictions

    @property
    def name(self) -> str:
        """The model's name."""
        return self.card.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes."""
        return self.card.classes

    def predict_record(self, _record: Any, _samples: Any) -> BeatPredictions:
        """Return what was kept."""
        return self.said


def read_calls(card: ModelCard, recording: str) -> KeptCalls | None:
    """Return what the model of this card said of a recording; None if that was not kept, or cannot be read.

    Parameters
    ----------
    card : ModelCard
    recording : str
        The recording's SHA-256.
    """
    try:
        with _path(card, recording).open("rb") as held, np.load(held, allow_pickle=False) as file:
            found = dict(file)
            samples, reasons = found.pop("samples"), tuple(found.pop("reasons").tolist())
            said = BeatPredictions(tuple(found.pop("class_names").tolist()), reasons=reasons, **found)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
    return KeptCalls(card, samples, said)


def keep_calls(card: ModelCard, recording: str, analysis: Analysis) -> None:
    """Keep what a model said; a cache folder that cannot be written to is done without."""
    beats = analysis.beats
    names = [column[2:] for column in beats.columns if column.startswith("p_")]
    with contextlib.suppress(OutputError), _io.replacing(_path(card, recording)) as temporary:
        np.savez(
            temporary,
            samples=beats["sample"].to_numpy(np.int64),
            class_names=np.array(names),
            classes=beats["class"].to_numpy(dtype=str),
            probabilities=beats[[f"p_{name}" for name in names]].to_numpy(np.float32),
            abnormal=beats["abnormal"].to_numpy(np.float32),
            uncertain=beats["uncertain"].to_numpy(bool),
            reasons=beats["reason"].to_numpy(dtype=str),
        )


def _path(card: ModelCard, recording: str) -> Path:
    code = hashlib.sha256(f"{__version__} {recording} {card.sha256}".encode())
    for room in _ROOMS:
        for path in sorted((Path(__file__).parents[2] / room).rglob("*.py")):
            code.update(path.read_bytes())
    return cache_folder() / "calls" / f"{card.name}-{code.hexdigest()[:24]}.npz"
