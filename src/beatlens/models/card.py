"""A model's card: what it is, what it saw, how it did, and what it must not be used for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from beatlens._io import write_text
from beatlens.errors import FormatError, RecordNotFoundError

NOT_A_DEVICE = "For research; not a medical device."


class DataSource(BaseModel):
    """A database that a model learned from, with its licence and citation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    licence: str
    citation: str


class SeenRecord(BaseModel):
    """A record of a user's own data that a model learned from: enough to find it again under another name.

    ``intervals_ms`` is one run of 24 intervals between its beats (`beatlens.databases.identity.print_of`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: str
    patient: str
    files: dict[str, str] = {}
    intervals_ms: tuple[int, ...] = ()


class ModelCard(BaseModel):
    """What travels with a model's weights, as a JSON file of the same name beside them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(description="What the model is called.")]
    version: Annotated[str, Field(description="Version of the weights.")]
    architecture: Annotated[str, Field(description="The network in one sentence.")]
    n_parameters: int
    classes: Annotated[tuple[str, ...], Field(description="What it tells apart.")]
    fs: Annotated[float, Field(description="Sampling rate of its windows in Hz.")]
    preprocessing: Annotated[str, Field(description="What happens to the signal before the network.")]
    protocol: Annotated[str, Field(description="How the data were split.")]
    protocol_note: Annotated[str, Field(description="What the split can and cannot show.")]
    training_records: Annotated[tuple[str, ...], Field(description="Records of which it saw beats while training.")]
    own_records: Annotated[tuple[SeenRecord, ...], Field(description="Of these, what tells a user's own ones again.")] = ()
    adapted_to: Annotated[tuple[str, ...], Field(description="The one recording that it is adapted to.")] = ()
    started_from: Annotated[str, Field(description="The model whose weights were trained further, with its data.")] = ""
    data: DataSource
    data_sha256: Annotated[str, Field(description="Hash over the sums of the files that it was trained from.")]
    configuration: Annotated[dict[str, Any], Field(description="Settings of the training, the seed among them.")]
    figures: Annotated[dict[str, Any], Field(description="What was measured, by protocol.")]
    calibration: dict[str, Any] = {}
    known_failures: tuple[str, ...] = ()
    intended_use: str
    not_for: str
    sha256: Annotated[str, Field(description="Of the weights file.")]
    versions: Annotated[dict[str, str], Field(description="Of the packages that trained it.")] = {}
    commit: str = ""
    notice: str = NOT_A_DEVICE


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises
    ------
    RecordNotFoundError
        If it is missing.
    FormatError
        If it is not a model card.
    """
    try:
        return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordNotFoundError(
            f"no model card at {path}", hint="A model is a .keras file with a .json card of the same name beside it."
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        problem = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in problem["loc"])
        raise FormatError(f"{path} is not a model card: {where} {problem['msg']}".replace("  ", " ")) from error


def write_card(path: Path, card: ModelCard) -> None:
    """Write a card, whole or not at all."""
    write_text(path, card.model_dump_json(indent=2) + "\n")
