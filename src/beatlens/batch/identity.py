"""What makes two analyses the same: the content of the files, the model, the settings and the version."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beatlens._io import sha256_of
from beatlens._version import __version__
from beatlens.analysis.settings import Settings
from beatlens.errors import RecordNotFoundError
from beatlens.models.registry import load_card


@dataclass(frozen=True)
class Wanted:
    """What is asked for each recording.

    Parameters
    ----------
    model : str
        Name or path of a model.
    leads : tuple of str
        Leads to use, the first first; chosen if empty.
    fs : float, optional
        Sampling rate in Hz, where the files do not state it.
    unit : str, optional
        Unit of voltage, where the files do not state it.
    patient : bool
        Whether reports show who the patient is.
    settings : Settings
        What counts as what.
    """

    model: str
    leads: tuple[str, ...] = ()
    fs: float | None = None
    unit: str | None = None
    patient: bool = False
    settings: Settings = dataclasses.field(default_factory=Settings)

    def describe(self) -> dict[str, Any]:
        """Return everything that an analysis depends on besides the recording, in the types of JSON.

        Raises
        ------
        UnknownNameError
            If there is no such model.
        """
        card = load_card(self.model)
        asked = {name: value for name, value in dataclasses.asdict(self).items() if name != "model"}
        model = {"name": card.name, "version": card.version, "sha256": card.sha256}
        return {"beatlens": __version__, "model": model, **asked, "leads": list(self.leads)}


def hash_content(files: list[Path]) -> str:
    """Return what identifies the content of a recording.

    Parameters
    ----------
    files : list of Path
        Its files.

    Returns
    -------
    str
        The SHA-256 of a single file; of several, that of a list of their endings and SHA-256.

    Raises
    ------
    RecordNotFoundError
        If a file is gone or may not be read.
    """
    try:
        sums = [sha256_of(file) for file in files]
    except OSError as error:
        raise RecordNotFoundError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    if len(sums) == 1:
        return sums[0]
    lines = sorted(f"{file.suffix} {each}\n" for file, each in zip(files, sums, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def make_identity(content: str, described: dict[str, Any]) -> str:
    """Return the identity of an analysis: 32 hexadecimal digits made of the content and of what was asked."""
    text = json.dumps([content, described], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
