"""The MIT-BIH Arrhythmia Database 1.0.0: its records, the split of its patients, and how to read it.

Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. IEEE Eng in Med and Biol 20(3):45-50 (2001).
Open Data Commons Attribution License 1.0.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from beatlens.errors import LeakageError, RecordNotFoundError, closest
from beatlens.records.record import Record
from beatlens.records.wfdb_format import read_annotations, read_wfdb

NAME: Final = "mit-bih-arrhythmia-database-1.0.0"
LICENCE: Final = "ODC-By 1.0"
CITATION: Final = (
    "Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. IEEE Eng in Med and Biol 20(3):45-50 (2001). "
    "Goldberger A, et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation 101(23):e215-e220 (2000)."
)

DS1: Final = tuple("101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230".split())
"""Training half of de Chazal's split of the patients (IEEE Trans Biomed Eng 51(7):1196-1206, 2004)."""

DS2: Final = tuple("100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234".split())
"""Testing half of the same split."""

PACED: Final = ("102", "104", "107", "217")
"""Records with paced beats, which the standard leaves out."""

RECORDS: Final = tuple(sorted((*DS1, *DS2, *PACED)))
"""All 48 records."""

PATIENT_OF_RECORD: Final = {**{name: name for name in RECORDS}, "202": "201"}
"""Records 201 and 202 are of one patient."""

ONE_PATIENT_NOTE: Final = "Records 201 (DS1) and 202 (DS2) are of one patient, as in every use of this split."


def find_database(folder: Path | None = None) -> Path:
    """Return the folder that holds the unpacked database.

    Looked for in ``folder``; else in the folder that ``BEATLENS_DATA`` names (which may hold the archive or the unpacked
    database); else where `beatlens.databases.fetch.fetch_database` puts it. An archive is unpacked once, into the user's
    data folder.

    Raises
    ------
    RecordNotFoundError
        If it is in none of these places.
    """
    from beatlens.databases.fetch import data_folder, fetch_database

    places = [folder] if folder else [Path(p) for p in [os.environ.get("BEATLENS_DATA")] if p] + [data_folder()]
    for place in places:
        for candidate in (place, place / NAME):
            if all((candidate / f"{name}.{part}").is_file() for name in RECORDS for part in ("hea", "dat", "atr")):
                return candidate
        archive = place if zipfile.is_zipfile(place) else place / f"{NAME}.zip"
        if archive.is_file():
            return fetch_database(source=archive)
    raise RecordNotFoundError(
        f"the MIT-BIH Arrhythmia Database is not in {' or '.join(str(place) for place in places)}",
        hint="Run 'beatlens data fetch mitdb', or set BEATLENS_DATA to a folder that holds it or its archive.",
    )


def read_mitdb(name: str, folder: Path | None = None) -> Record:
    """Read one record with both leads and its reference annotations.

    Parameters
    ----------
    name : str
        One of `RECORDS`.
    folder : Path, optional
        Where the unpacked database is; found by `find_database` if not given.

    Raises
    ------
    RecordNotFoundError
        If there is no such record, or the database is not found.
    FormatError
        If a file is damaged.
    """
    if name not in RECORDS:
        raise RecordNotFoundError(f"'{name}' is not a record of the MIT-BIH Arrhythmia Database", hint=closest(name, RECORDS))
    path = (folder or find_database()) / name
    return replace(read_wfdb(path), annotations=read_annotations(path, "atr"))


def check_patients_apart(train: Iterable[str], test: Iterable[str], *, allow: Iterable[tuple[str, str]] = ()) -> None:
    """Raise if a patient stands on both sides of a split that claims to keep patients apart.

    Parameters
    ----------
    train, test : iterable of str
        Record names.
    allow : iterable of (str, str)
        Pairs of a training and a testing record that are known to share a patient and are stated beside the figures;
        de Chazal's split has one, ``("201", "202")``.

    Raises
    ------
    LeakageError
        Naming the records concerned.
    """
    allowed = set(allow)
    by_patient: dict[str, list[str]] = {}
    for name in train:
        by_patient.setdefault(PATIENT_OF_RECORD.get(name, name), []).append(name)
    shared = [
        (seen, name)
        for name in test
        for seen in by_patient.get(PATIENT_OF_RECORD.get(name, name), ())
        if (seen, name) not in allowed
    ]
    if shared:
        pairs = ", ".join(seen if seen == name else f"{seen} with {name}" for seen, name in shared)
        raise LeakageError(
            f"a patient must not stand on both sides of an inter-patient split; got {pairs}",
            hint="Leave these records out of one side, or report the figures under a protocol that states the leak.",
        )
