"""Configurations: frozen pydantic models, read from TOML, overridden by ``name=value``; an unknown name is an error."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from beatlens.errors import ConfigurationError, RecordNotFoundError, closest

Fraction = Annotated[float, Field(gt=0, lt=1)]


class SeedTraining(BaseModel):
    """How ``seed-lstm`` is trained; the defaults are the seed's own recipe.

    ``schedule="cosine"`` warms the learning rate up over the first ``warmup_fraction`` of the steps and lets it fall to
    zero along a cosine, for runs of few epochs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: Annotated[int, Field(ge=1, description="Epochs at most.")] = 50
    batch_size: Annotated[int, Field(ge=1, description="Beats a step.")] = 128
    learning_rate: Annotated[float, Field(gt=0, description="Adam's learning rate; the peak under a schedule.")] = 1e-4
    schedule: Annotated[Literal["constant", "cosine"], Field(description="How the learning rate moves.")] = "constant"
    warmup_fraction: Annotated[Fraction, Field(description="Share of the steps that warm up, under 'cosine'.")] = 0.05
    clip_norm: Annotated[float | None, Field(gt=0, description="Largest norm of the gradient; none if not given.")] = None
    patience: Annotated[int, Field(ge=1, description="Epochs without a better validation loss before it stops.")] = 5
    test_fraction: Annotated[Fraction, Field(description="Share of the beats that is held out.")] = 0.2
    validation_fraction: Annotated[Fraction, Field(description="Share of the rest that early stopping looks at.")] = 0.1
    seed: Annotated[int, Field(ge=0, description="Of balance, split, weights, dropout and order.")] = 42
    protocol: Annotated[
        Literal["seed", "inter-patient"],
        Field(description="The seed's random split of all 48 records, or patients of DS1 apart with AAMI's classes."),
    ] = "seed"
    records: Annotated[tuple[str, ...], Field(description="Records to use; all of the protocol's if empty.")] = ()
    validation_records: Annotated[
        tuple[str, ...], Field(description="Patients that early stopping looks at, under 'inter-patient'; five if empty.")
    ] = ()
    max_beats: Annotated[int | None, Field(ge=20, description="Use only so many beats; for trying things out.")] = None
    precision: Annotated[
        Literal["float32", "bfloat16"], Field(description="Of the factors in the LSTM's products while training.")
    ] = "float32"
    start_from: Annotated[
        str | None,
        Field(description="Run, file or name of a seed-lstm whose weights are trained further; its split must be this one."),
    ] = None
    devices: Annotated[
        int, Field(ge=0, description="GPUs, or other devices of JAX, that share each batch; 0 for all that there are.")
    ] = 1
    checkpoint_every_s: Annotated[float, Field(gt=0, description="Seconds between checkpoints.")] = 60.0


Config = TypeVar("Config", bound=BaseModel)


def load_config(kind: type[Config], path: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration.

    Parameters
    ----------
    kind : type
        The configuration's class.
    path : Path, optional
        A TOML file; the class's defaults if not given.
    overrides : sequence of str
        ``name=value``, each taking precedence over the file; the value is read as TOML, else as text.

    Raises
    ------
    RecordNotFoundError
        If the file is missing.
    ConfigurationError
        If the file is not TOML, a name is unknown (with the closest one as a hint), or a value is out of range.
    """
    return build_config(kind, load_values(path, overrides))


def load_values(path: Path | None = None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Return the values of a TOML file, and those of ``name=value`` over them; see `load_config` for the errors."""
    values = {} if path is None else _read_toml(path)
    for override in overrides:
        name, separator, text = override.partition("=")
        if not separator:
            raise ConfigurationError(f"an override must be name=value; got '{override}'")
        values[name.strip()] = _parse_value(text.strip())
    return values


def build_config(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Return the configuration with these values; see `load_config` for the errors."""
    unknown = [name for name in values if name not in kind.model_fields]
    if unknown:
        raise ConfigurationError(f"'{unknown[0]}' is not a setting", hint=closest(unknown[0], kind.model_fields))
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        rule = first["msg"][0].lower() + first["msg"][1:]
        raise ConfigurationError(f"'{name}' is not valid: {rule}; got {first['input']!r}") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordNotFoundError(f"no configuration at {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{path} must be a TOML file; {error}") from error


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
