"""What a recording is known by: the hash of its voltages, whatever its file was called."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Final

import numpy as np

from beatlens.databases.fetch import data_folder
from beatlens.records import Record

DATABASE: Final = "corrections.sqlite3"


def hash_record(record: Record) -> str:
    """Return the SHA-256 of a recording, in hexadecimal: over its rate, its leads' names and its voltages in order.

    Two files of one recording, under whatever names, have the same hash, as long as they give the same millivolts.

    Parameters
    ----------
    record : Record
        As it was read, its leads in the file's order.
    """
    head = {"fs": record.fs, "leads": list(record.lead_names), "n_samples": record.n_samples}
    digest = hashlib.sha256(json.dumps(head, ensure_ascii=False, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(record.signal, dtype="<f4").data)
    return digest.hexdigest()


def corrections_path() -> Path:
    """Return where corrections are kept.

    ``BEATLENS_DATA_HOME`` names the folder; without it, it is ``beatlens`` in ``XDG_DATA_HOME``, or in ``~/.local/share``.
    """
    chosen = os.environ.get("BEATLENS_DATA_HOME")
    return (Path(chosen) if chosen else data_folder()) / DATABASE
