"""Models by name, or by the path of a file: weights are used only if their SHA-256 is the one on their card."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from beatlens._io import sha256_of
from beatlens.errors import FormatError, HashMismatchError, RecordNotFoundError, UnknownNameError, closest
from beatlens.models.card import ModelCard, read_card
from beatlens.models.engine import load_keras


def _seed_lstm(weights: Path, card: ModelCard) -> Any:
    from beatlens.models.seed_lstm import SeedLSTM

    return SeedLSTM(read_keras_model(weights), card)


def _rhythm_lstm(weights: Path, card: ModelCard) -> Any:
    from beatlens.models.rhythm_lstm import RhythmLSTM
    from beatlens.models.rhythm_weights import read_weights

    arrays = read_weights(weights)
    read = partial(read_keras_model, weights)
    return RhythmLSTM(read() if arrays is None else read, card, weights=arrays)


LOADERS: Final[dict[str, Callable[[Path, ModelCard], Any]]] = {"seed-lstm": _seed_lstm, "rhythm-lstm": _rhythm_lstm}
"""How the weights of each architecture become a model, by the name on the card."""


def weights_folder() -> Path:
    """Return the folder of the weights that come with the package."""
    return Path(str(files("beatlens.models") / "weights"))


def list_models() -> list[ModelCard]:
    """Return the cards of the models that come with the package, in the order of their names."""
    return [read_card(path) for path in sorted(weights_folder().glob("*.json"))]


def load_model(name: str | Path) -> Any:
    """Load a trained model.

    Parameters
    ----------
    name : str or Path
        A model of the package (``"seed-lstm"``), a ``.keras`` file with a ``.json`` card of the same name beside it, or the
        folder of a training run.

    Returns
    -------
    SeedLSTM or RhythmLSTM
        With ``.name``, ``.card``, ``.classes`` and ``.predict_record(record, r_samples)``.

    Raises
    ------
    UnknownNameError
        If the package has no model of that name.
    RecordNotFoundError
        If the file or its card is missing.
    HashMismatchError
        If the weights are not the ones that the card describes.
    FormatError
        If a file cannot be read.
    """
    weights = _find_weights(name)
    card = load_card(name)
    if sha256_of(weights) != card.sha256:
        raise HashMismatchError(
            f"the weights in {weights.name} must have the SHA-256 {card.sha256[:12]}… of their card; they have another",
            hint="The file was changed or damaged: install the package again, or train anew.",
        )
    if card.name not in LOADERS:
        raise UnknownNameError(
            f"the card of {weights.name} names an unknown model '{card.name}'", hint=closest(card.name, LOADERS)
        )
    return LOADERS[card.name](weights, card)


def load_card(name: str | Path) -> ModelCard:
    """Return the card of a model, without loading its weights; ``name`` and errors as for `load_model`."""
    return read_card(_find_weights(name).with_suffix(".json"))


def read_keras_model(path: Path) -> Any:
    """Read a ``.keras`` file made on any backend, without running code that it may hold.

    Raises
    ------
    RecordNotFoundError
        If the file is missing.
    FormatError
        If it is not a Keras model.
    """
    if not path.is_file():
        raise RecordNotFoundError(f"no model at {path}")
    try:
        return load_keras().saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, AttributeError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise FormatError(f"{path} cannot be read as a Keras model: {reason}") from error


def _find_weights(name: str | Path) -> Path:
    path = Path(name)
    if path.is_dir():
        return path / "model.keras"
    if path.suffix == ".keras":
        if not path.is_file():
            raise RecordNotFoundError(f"no model at {path}")
        return path
    shipped = {card.stem: card.with_suffix(".keras") for card in weights_folder().glob("*.json")}
    if str(name) not in shipped:
        raise UnknownNameError(f"there is no model '{name}'", hint=closest(str(name), shipped) if shipped else None)
    return shipped[str(name)]
