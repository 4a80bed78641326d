"""Every report agrees, byte for byte, with what the tools of WFDB 10.7.0 printed for three annotators of the 48 records."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from beatlens.databases import mitdb
from beatlens.evaluation.ec57 import Comparison, compare_record, make_reports
from beatlens.records import Annotations
from beatlens.records.wfdb_format import read_annotations

FROM_FIVE_MINUTES = (
    "bxb_line.txt",
    "bxb_sd.txt",
    "bxb_standard.txt",
    "rxr_ve.txt",
    "rxr_sve.txt",
    "sumstats_bxb_line.txt",
    "sumstats_bxb_sd.txt",
    "sumstats_rxr_ve.txt",
    "sumstats_rxr_sve.txt",
)
FROM_THE_START = ("bxb_line_f0.txt", "bxb_sd_f0.txt", "sumstats_bxb_line_f0.txt")


@cache
def marks(folder: Path, name: str, annotator: str) -> Annotations:
    return read_annotations(folder / name, annotator)


@cache
def reports_of(golden: Path, database: Path, annotator: str, start_s: float) -> dict[str, str]:
    records = tuple(
        compare_record(
            marks(database, name, "atr"),
            marks(golden / "annotations", name, annotator),
            fs=360.0,
            n_samples=650_000,
            start_s=start_s,
            name=name,
        )
        for name in mitdb.RECORDS
    )
    return dict(make_reports(Comparison(reference="atr", test=annotator, start_s=start_s, records=records)))


@pytest.mark.golden
@pytest.mark.database
@pytest.mark.parametrize("annotator", ["pa", "pb", "gq"])
@pytest.mark.parametrize("file", FROM_FIVE_MINUTES)
def test_reports_after_the_learning_period_are_reproduced(
    ec57_folder: Path, mitdb_folder: Path, file: str, annotator: str
) -> None:
    """From five minutes on, as the tools do without options."""
    assert (
        reports_of(ec57_folder, mitdb_folder, annotator, 300.0)[file].encode()
        == (ec57_folder / "expected" / annotator / file).read_bytes()
    )


@pytest.mark.golden
@pytest.mark.database
@pytest.mark.parametrize("annotator", ["pa", "pb", "gq"])
@pytest.mark.parametrize("file", FROM_THE_START)
def test_reports_of_the_whole_record_are_reproduced(ec57_folder: Path, mitdb_folder: Path, file: str, annotator: str) -> None:
    """With ``-f 0``: no learning period."""
    found = reports_of(ec57_folder, mitdb_folder, annotator, 0.0)[file.replace("_f0", "")]
    assert found.encode() == (ec57_folder / "expected" / annotator / file).read_bytes()
