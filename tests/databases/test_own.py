"""A folder of one's own: what is wrong with it is one sentence with a hint; a copy of MIT-BIH is known under any name."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import wfdb

from beatlens.databases import mitdb
from beatlens.databases.identity import has_print, print_of
from beatlens.databases.own import find_records, read_table
from beatlens.errors import BeatlensError
from beatlens.records.wfdb_format import read_annotations

PATIENTS = [("100", "anna"), ("101", "bert"), ("102", "bert"), ("x1", "cara")]


def test_records_are_read_with_their_beats(tmp_path: Path, own_folder: ModuleType) -> None:
    """Times in seconds at any rate, classes, patients; a number like one of MIT-BIH's is not taken for it."""
    table = own_folder.write_folder(tmp_path / "mine", PATIENTS, fs=500)
    records = find_records(tmp_path / "mine", table)
    assert [record.row.patient for record in records] == ["anna", "bert", "bert", "cara"]
    assert all(record.mitdb is None for record in records)
    assert {*records[0].classes.tolist()} == {"N", "V"}
    assert records[0].times_s[0] == pytest.approx(0.6)
    assert sorted(records[0].files) == ["100.atr", "100.dat"]


WRONG: list[tuple[str, Any, str, str]] = [
    ("columns", "name,who\n100,anna\n", "must have the columns record and patient", "first line names the columns"),
    ("empty", "record,patient\n", "must have the columns record and patient, and at least one line", "record,patient"),
    ("cell", "record,patient\n100,\n", "line 2 does not", ""),
    ("twice", "record,patient\n100,a\n100,b\n", "100 stands in it twice, again in line 3", ""),
    ("missing", "record,patient\n100,a\n1O1,b\n", "record 1O1 .* is not in", "Did you mean '101'"),
    ("unlisted", "record,patient\n100,a\n101,b\n", "102 and 1 more of .* is not in", "Add a line '102,PATIENT'"),
    ("folds", "record,patient,fold\n100,a,1\n101,b,1\n102,b,2\nx1,c,2\n", "b stands in '1' and '2'", "the same fold"),
    ("half", "record,patient,fold\n100,a,1\n101,b,\n102,b,\nx1,c,2\n", "for every record or for none; 101", "leave it out"),
]


@pytest.mark.parametrize(("text", "message", "hint"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_table_is_one_sentence(tmp_path: Path, own_folder: ModuleType, text: str, message: str, hint: str) -> None:
    table = own_folder.write_folder(tmp_path / "mine", PATIENTS)
    table.write_text(text, encoding="utf-8")
    with pytest.raises(BeatlensError, match=message) as caught:
        find_records(tmp_path / "mine", table)
    assert hint in str(caught.value.hint or "")


def test_what_is_missing_is_named(tmp_path: Path, own_folder: ModuleType) -> None:
    """No folder, no table, no annotations, annotations without beats, beats outside the signal."""
    folder = tmp_path / "mine"
    table = own_folder.write_folder(folder, PATIENTS)
    for arguments, message in [
        ((tmp_path / "none", table), "no folder of records"),
        ((folder, tmp_path / "none.csv"), "no table of patients"),
    ]:
        with pytest.raises(BeatlensError, match=message):
            find_records(*arguments)
    with pytest.raises(BeatlensError, match=r"there is no 100\.qrs") as caught:
        find_records(folder, table, annotator="qrs")
    assert "--annotator EXT" in str(caught.value.hint)
    wfdb.wrann("101", "atr", np.array([50]), symbol=["~"], fs=250, write_dir=str(folder))
    with pytest.raises(BeatlensError, match=r"101\.atr must hold beat annotations"):
        find_records(folder, table)
    wfdb.wrann("101", "atr", np.array([50, 250 * 41]), symbol=["N", "N"], fs=250, write_dir=str(folder))
    with pytest.raises(BeatlensError, match=r"inside the 40\.0 s of the signal"):
        find_records(folder, table)


def test_columns_may_stand_in_any_order_and_case(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("\ufeffPatient,age,Record\nanna,51,100\n", encoding="utf-8")
    (row,) = read_table(table)
    assert (row.record, row.patient, row.fold) == ("100", "anna", "")


def test_a_print_is_found_at_another_rate_and_in_a_part() -> None:
    """And not in another recording, nor is there one where all intervals are alike."""
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.normal(0.8, 0.1, 400))
    wanted = print_of(times)
    assert len(wanted) == 24
    assert has_print(np.round(times * 128) / 128, wanted)
    assert has_print(times - 3, wanted)
    assert not has_print(np.cumsum(rng.normal(0.8, 0.1, 4000)), wanted)
    assert print_of(np.arange(300) * 0.8) == ()


def test_a_copy_of_mitdb_is_known_under_another_name(tmp_path: Path, mitdb_folder: Path, own_folder: ModuleType) -> None:
    """By its files, or by its beats alone when it is written anew at another rate."""
    folder = tmp_path / "mine"
    own_folder.write_folder(folder, [("b", "b")])
    marks = read_annotations(mitdb_folder / "100", "atr")
    for part in ("dat", "atr"):
        (folder / f"a.{part}").symlink_to(mitdb_folder / f"100.{part}")
    header = (mitdb_folder / "100.hea").read_text(encoding="ascii").replace("100", "a", 1).replace("100.dat", "a.dat")
    (folder / "a.hea").write_text(header, encoding="ascii")
    signal = np.zeros((250 * 1810, 1))
    wfdb.wrsamp("c", fs=250, units=["mV"], sig_name=["II"], p_signal=signal, fmt=["16"], write_dir=str(folder))
    marks = read_annotations(mitdb_folder / "119", "atr")
    at = np.round(marks.samples / 360 * 250).astype(int)
    wfdb.wrann("c", "atr", at, symbol=marks.symbols.tolist(), fs=250, write_dir=str(folder))
    table = tmp_path / "t.csv"
    table.write_text("record,patient\na,a\nb,b\nc,c\n", encoding="utf-8")
    assert [record.mitdb for record in find_records(folder, table)] == ["100", None, "119"]


def test_no_two_records_of_mitdb_are_taken_for_one(mitdb_folder: Path) -> None:
    """Its prints, of those that have one, each stand in their own record alone."""
    from beatlens.databases.identity import mitdb_beats

    beats = {name: mitdb_beats(name, mitdb_folder) for name in mitdb.RECORDS}
    prints = {name: print_of(times) for name, times in beats.items()}
    found = {name: [other for other, times in beats.items() if has_print(times, wanted)] for name, wanted in prints.items()}
    assert all(others == [name] for name, others in found.items() if prints[name])
    assert sum(map(bool, prints.values())) >= 46
