"""Text files: what is sniffed, what is asked for, and what the exports of devices look like."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from beatlens.errors import FormatError, SignalError
from beatlens.records import read

RNG = np.random.default_rng(5)
X = np.round(RNG.normal(size=1000), 4)
TIME = np.arange(1000) / 360
CLOCK = [f"{int(t // 60)}:{t % 60:06.3f}" for t in TIME]
ISO = [(dt.datetime(2020, 1, 1) + dt.timedelta(seconds=t)).isoformat(timespec="microseconds") for t in TIME]


def rows(*columns: object, mark: str = ",") -> str:
    return "".join(mark.join(str(cell) for cell in row) + "\n" for row in zip(*columns, strict=True))


def comma(text: str) -> str:
    return text.replace(".", ",")


@pytest.fixture
def table(tmp_path: Path):
    def written(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return written


TIMED = {
    "seconds": "time (s),ECG (mV)\n" + rows(np.round(TIME, 5), X),
    "seconds guessed": "time,ECG (mV)\n" + rows(np.round(TIME, 5), X),
    "milliseconds": "t [ms];ECG [uV]\n" + rows(np.round(TIME * 1e3, 2), X * 1e3, mark=";"),
    "milliseconds guessed": "timestamp;ECG [µV]\n" + rows(np.round(TIME * 1e3, 2), X * 1e3, mark=";"),
    "nanoseconds": "sensor timestamp [ns];ecg [uV]\n" + rows(np.int64(6e17) + np.int64(TIME * 1e9), X * 1e3, mark=";"),
    "decimal comma": "Zeit (s);EKG (mV)\n" + comma(rows(np.round(TIME, 5), X, mark=";")),
    "decimal comma, tabs": "Zeit (s)\tEKG (mV)\n" + comma(rows(np.round(TIME, 5), X, mark="\t")),
    "clock, quoted, units below": "'Elapsed time','ECG'\n'hh:mm:ss.mmm','mV'\n" + rows([f"'{c}'" for c in CLOCK], X),
    "dates": "time,ecg (mV)\n" + rows(ISO, X),
    "no header": "0.0,0.0\n" and "# unit\n" + "time,ECG_mV\n" + rows(np.round(TIME, 5), X),
    "spaces": "time ECG_mV\n" + rows(np.round(TIME, 5), X, mark="   "),
    "carriage returns": ("time (s),ECG (mV)\n" + rows(np.round(TIME, 5), X)).replace("\n", "\r\n"),
    "a comment with the rate": "# fs = 360 Hz, recorded today\nECG (mV)\n" + rows(X),
    "a key with the rate": "Sampling rate,360\nUnit,mV\nECG\n" + rows(X),
}


@pytest.mark.parametrize("kind", TIMED)
def test_the_rate_and_the_unit_are_found(kind: str, table) -> None:
    """Whatever the delimiter, decimal mark, time column and unit, the voltage comes back in mV at 360 Hz."""
    record = read(table(TIMED[kind]))
    assert record.fs == 360
    assert record.lead_names == ("ECG",)
    np.testing.assert_allclose(record.signal[:, 0], X, atol=1e-6)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(encoding: str, table) -> None:
    """A micro sign is one in every usual encoding."""
    record = read(table("time (s),II (µV)\n" + rows(np.round(TIME, 5), X * 1e3), encoding))
    np.testing.assert_allclose(record.lead("II"), X, atol=1e-5)


@pytest.mark.parametrize("text", [comma(rows(X)), "ECG\n" + comma(rows(X)), "ECG\n" + comma("".join(f'"{x}"\n' for x in X))])
def test_one_column_with_decimal_commas_is_not_two_columns(text: str, table) -> None:
    """A comma that is a decimal mark is told from one that delimits, by the header, by quotes or by leading zeros."""
    record = read(table(text), fs=360, unit="mV")
    assert record.n_leads == 1
    np.testing.assert_allclose(record.signal[:, 0], X, atol=1e-6)


def test_a_column_that_counts_is_no_lead_and_no_time(table) -> None:
    """PhysioNet's 'sample #' column is dropped; it states no rate."""
    text = "'sample #','MLII','V5'\n" + rows(range(1000), X, -X)
    with pytest.raises(SignalError, match="rate must be known"):
        read(table(text), unit="mV")
    record = read(table(text), unit="mV", fs=360)
    assert record.lead_names == ("MLII", "V5")
    np.testing.assert_allclose(record.lead("V5"), -X, atol=1e-6)


def test_rows_may_be_leads(table) -> None:
    """A file with one row a lead is read as one."""
    record = read(table("\n".join(",".join(map(str, k * X)) for k in (1, 2, 3))), fs=360, unit="mV")
    np.testing.assert_allclose(record.signal, np.stack([X, 2 * X, 3 * X], axis=1), atol=1e-6)


def test_a_table_of_beats_is_no_recording(table) -> None:
    """A table with 187 columns, one beat a row, is refused, not taken for 187 leads."""
    with pytest.raises(SignalError, match="must have at most 64 leads"):
        read(table("\n".join(",".join(["0.5"] * 187 + ["1"]) for _ in range(300))), fs=125, unit="mV")


def test_one_very_long_row_is_a_lead(table) -> None:
    """One row far longer than what is looked at first is read whole."""
    long = np.tile(X, 30)
    record = read(table(",".join(map(str, long)) + "\n"), fs=360, unit="mV")
    np.testing.assert_allclose(record.signal[:, 0], long, atol=1e-6)


def test_a_leap_in_time_is_a_gap(table) -> None:
    """Two seconds that the time column leaps are 720 samples of NaN, and the notes say so."""
    late = TIME + np.where(np.arange(1000) >= 400, 2.0, 0.0)
    record = read(table("time,ECG (mV)\n" + rows(np.round(late, 5), X)))
    assert record.n_samples == 1720
    assert np.isnan(record.signal[400:1120]).all()
    np.testing.assert_allclose(record.signal[1120:, 0], X[400:], atol=1e-6)
    assert "1 gap" in record.notes[0]


def test_missing_cells_are_missing_values(table) -> None:
    """Empty cells and 'nan' are NaN in the record."""
    cells = ["" if i % 10 == 3 else "nan" if i % 10 == 7 else x for i, x in enumerate(X)]
    signal = read(table("time,II (mV),V1 (mV)\n" + rows(np.round(TIME, 5), cells, X))).lead("II")
    assert np.isnan(signal[3::10]).all()
    assert np.isnan(signal[7::10]).all()
    assert np.isfinite(signal[0::10]).all()


@pytest.mark.parametrize("last", ["abc", "1,2,3", '"'])
def test_a_broken_row_is_named_by_its_line(last: str, table) -> None:
    """A row that is not like the others, far down, is named by its line; nothing of it is quoted."""
    text = "time,ECG (mV)\n" + "".join(f"{i / 360:.5f},{X[i % 1000]}\n" for i in range(9000)) + last + "\n"
    text += "".join(f"{i / 360:.5f},0.5\n" for i in range(9001, 9100))
    with pytest.raises(FormatError, match=r"line 9002 of table\.csv is not a row of 2 numbers"):
        read(table(text))


def test_a_file_that_ends_in_a_row_is_truncated(table) -> None:
    """A last row with too few cells means that the file was cut."""
    with pytest.raises(FormatError, match=r"table\.csv is truncated: its last row has 1 of 3 cells"):
        read(table("II,V1,V2\n" + rows(X, X, X) + "0.25"), fs=360, unit="mV")


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        (np.round(TIME[::-1], 5), "must rise"),
        (np.zeros(1000), "must rise"),
        (np.where(np.arange(1000) == 500, np.nan, np.round(TIME, 5)), "a number in every row"),
        (np.round(TIME, 5) + np.where(np.arange(1000) > 500, 1e9, 0), "leaps too far"),
    ],
)
def test_times_that_cannot_be(times: np.ndarray, sentence: str, table) -> None:
    """Times that fall, stand still, are missing or leap by years are refused."""
    with pytest.raises(FormatError, match=sentence):
        read(table("time (s),ECG (mV)\n" + rows(times, X)))


@pytest.mark.parametrize("text", ["time,Resp,Temp\n" + rows(np.round(TIME, 5), X, X), "time\n" + rows(np.round(TIME, 5))])
def test_a_table_without_ecg(text: str, table) -> None:
    """Columns that are named as something else are no ECG."""
    with pytest.raises(SignalError, match="must have an ECG lead"):
        read(table(text))


WINDOW = X[:180]
DEMO = {
    "a row": ",".join(map(str, WINDOW)) + "\n",
    "a row under indices": ",".join(map(str, range(180))) + "\n" + ",".join(map(str, WINDOW)) + "\n",
    "a row under indices, numbered": "," + ",".join(map(str, range(180))) + "\n0," + ",".join(map(str, WINDOW)) + "\n",
    "a column": rows(WINDOW),
    "a column under 0": "0\n" + rows(WINDOW),
    "a numbered column": ",0\n" + rows(range(180), WINDOW),
    "semicolons and decimal commas": comma(";".join(map(str, WINDOW))) + "\n",
    "spaces": " ".join(map(str, WINDOW)),
}


@pytest.mark.parametrize("kind", DEMO)
def test_the_demonstrations_window_in_every_shape(kind: str, table) -> None:
    """One row or column of 180 values, with or without indices, is the demonstration's window at 360 Hz."""
    record = read(table(DEMO[kind]))
    assert (record.source, record.fs) == ("seed-demo", 360.0)
    np.testing.assert_allclose(record.signal[:, 0], WINDOW, atol=1e-6)


def test_180_values_with_a_rate_and_unit_are_a_recording(table) -> None:
    """A caller who states rate and unit of 180 values gets those."""
    record = read(table(rows(WINDOW)), fs=250, unit="uV")
    assert (record.source, record.fs) == ("csv", 250.0)
    np.testing.assert_allclose(record.signal[:, 0], WINDOW / 1000, atol=1e-9)


APPLE = (
    'Name,Jane Doe\nDate of Birth,"Jan 1, 1980"\nRecorded Date,2020-10-05 09:36:20 +0100\nClassification,Sinus Rhythm\n'
    'Symptoms,\nSoftware Version,1.90\nDevice,"Watch5,2"\nSample Rate,512 hertz\n\n\nLead,Lead I\nUnit,µV\n\n'
)
GERMAN = APPLE.replace("Sample Rate,512 hertz", "Messrate,512 Hertz").replace("Lead,Lead I", "Ableitung,Ableitung I")
VALUES = [f"{1000 * x:.3f}" for x in X]


@pytest.mark.parametrize(
    "text",
    [
        APPLE + rows(VALUES),
        GERMAN.replace("Unit,", "Einheit,") + comma(rows(VALUES)),
        APPLE + "".join(f'"{comma(value)}"\n' for value in VALUES),
    ],
)
def test_apple_exports_in_any_locale(text: str, table) -> None:
    """The rate, lead, unit and start are found in any language and with either decimal mark; the person is not."""
    record = read(table(text), patient=True)
    assert (record.source, record.fs, record.lead_names) == ("apple-health", 512.0, ("I",))
    assert record.start_time == dt.datetime(2020, 10, 5, 9, 36, 20)
    assert record.patient == {}
    np.testing.assert_allclose(record.signal[:, 0], X, atol=1e-6)


def test_a_person_named_like_a_lead_is_not_taken_for_one(table) -> None:
    """A name in the header is no lead, whatever it contains; an export without a unit asks for it and keeps the name in."""
    text = APPLE.replace("Jane Doe", "Eva Ecgbert").replace("Unit,µV\n\n", "").replace("Lead,Lead I\n", "") + rows(VALUES)
    record = read(table(text), unit="uV")
    assert (record.fs, record.lead_names) == (512.0, ("ECG",))
    assert "Ecgbert" not in repr(record)


def test_errors_about_an_apple_export_do_not_name_the_person(table) -> None:
    """A broken export is refused without a word of its header."""
    with pytest.raises(FormatError) as caught:
        read(table(APPLE + "no numbers\n"))
    assert "Jane" not in f"{caught.value} {caught.value.hint}"
