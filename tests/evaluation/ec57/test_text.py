"""The reports' text and the summaries, on two records small enough to be worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from beatlens.evaluation.ec57 import Comparison, compare_record, make_reports
from beatlens.evaluation.ec57.report import comparison_as_dict, format_comparison
from beatlens.records import Annotations

Marks = Callable[[str], Annotations]


@pytest.fixture
def comparison(marks: Marks) -> Comparison:
    """Return two records: one with errors of several kinds, one with a shutdown and no ectopic beat."""
    pairs = {
        "100": ("100N 200V 300V 400N 500A 600F 700N", "101N 200V 303V 400N 500A 600A 700V"),
        "8": ("100N 200N 300N 400N", "100N 150~48 350~0 400N 460N"),
    }
    records = [
        compare_record(marks(reference), marks(test), fs=100.0, n_samples=1000, start_s=0.0, name=name)
        for name, (reference, test) in pairs.items()
    ]
    return Comparison(reference="atr", test="me", start_s=0.0, records=tuple(records))


LINES = """\
Record Nn' Sn' Vn' Fn' On'  Ns  Ss  Vs  Fs' Os' Nv  Sv   Vv  Fv' Ov' No' So' Vo' Fo'  Q Se   Q +P   V Se   V +P   S Se   S +P RR err
 100     2   0   0   0   0   0   1   0   1   0   1   0    2   0   0   0   0   0   0 100.00 100.00 100.00  66.67 100.00  50.00  17.80
   8     2   0   0   0   1   0   0   0   0   0   0   0    0   0   0   2   0   0   0  50.00  66.67      -      -      -      -      -
"""  # noqa: E501

EXPECTED = {
    "bxb_line.txt": LINES,
    "sumstats_bxb_line.txt": f"""{LINES}{"_" * 132}
Sum      4   0   0   0   1   0   1   0   1   0   1   0    2   0   0   2   0   0   0
Gross                                                                                81.82  90.00 100.00  66.67 100.00 100.00
Average                                                                              75.00  83.33 100.00  66.67 100.00 100.00  17.80
Total QRS complexes: 11  Total VEBs: 2  Total SVEBs: 1

Summary of results from 2 records
""",  # noqa: E501
    "bxb_sd.txt": """\
Record Nx   Sx   Vx   Fx   Qx  % beats  % N    % S    % V    % F   Total Shutdown
                                missed missed missed missed missed      Time
 100    0    0    0    0    0     0.00   0.00   0.00   0.00   0.00    0 seconds 3 1 2 1 0
   8    2    0    0    0    0    50.00  50.00      -      -      -    2 seconds 4 0 0 0 0
""",
    "rxr_ve.txt": """\
Record CTs CFN CTp CFP STs SFN STp SFP LTs LFN LTp LFP  CSe C+P SSe S+P LSe L+P
 100   1   0   1   0   0   0   0   0   0   0   0   0  100 100   -   -   -   -
   8   0   0   0   0   0   0   0   0   0   0   0   0    -   -   -   -   -   -
""",
    "sumstats_rxr_sve.txt": f"""\
(SVE run detection)
Record CTs CFN CTp CFP STs SFN STp SFP LTs LFN LTp LFP  CSe C+P SSe S+P LSe L+P
 100   0   0   0   1   0   0   0   0   0   0   0   0    -   0   -   -   -   -
   8   0   0   0   0   0   0   0   0   0   0   0   0    -   -   -   -   -   -
{"_" * 77}
Sum      0   0   0   1   0   0   0   0   0   0   0   0
Gross                                                     -   0   -   -   -   -
Average                                                   -   0   -   -   -   -
Total couplets: 0  Total short runs: 0  Total long runs: 0

Summary of results from 2 records
""",
}

STANDARD = """\
Beat-by-beat comparison results for record 8
Reference annotator: atr
     Test annotator: me

               Algorithm
        n    s    v    f    q    o    x
   ____________________________________
 N |    2    0    0    0    0    0    2
 S |    0    0    0    0    0    0    0
 V |    0    0    0    0    0    0    0
 F |    0    0    0    0    0    0    0
 Q |    0    0    0    0    0    0    0
 O |    1    0    0    0    0
 X |    0    0    0    0    0

           QRS sensitivity:  50.00% (2/4)
 QRS positive predictivity:  66.67% (2/3)
           VEB sensitivity:      -  (0/0)
 VEB positive predictivity:      -  (0/0)
          SVEB sensitivity:      -  (0/0)
SVEB positive predictivity:      -  (0/0)
     RMS RR interval error:      - ms
"""


@pytest.mark.parametrize("file", EXPECTED)
def test_reports_are_laid_out_as_the_tools_print_them(comparison: Comparison, file: str) -> None:
    """Column for column; ``-`` for what has no case."""
    assert make_reports(comparison)[file] == EXPECTED[file]


def test_standard_report_has_a_table_a_record(comparison: Comparison) -> None:
    """One after the other."""
    assert make_reports(comparison)["bxb_standard.txt"].endswith(STANDARD)


def test_every_report_is_made(comparison: Comparison) -> None:
    assert set(make_reports(comparison)) == {
        *(f"{name}.txt" for name in ("bxb_line", "bxb_sd", "bxb_standard", "rxr_ve", "rxr_sve")),
        *(f"sumstats_{name}.txt" for name in ("bxb_line", "bxb_sd", "rxr_ve", "rxr_sve")),
    }


def test_summary_leaves_out_fusion_beats_called_s(comparison: Comparison) -> None:
    """As ``sumstats`` has it, in the gross and the average SVEB +P; the record's own figure counts them."""
    assert comparison.records[0].beats.sveb_predictivity.percent == 50.0
    assert comparison.beats.gross["sveb_predictivity"].percent == 100.0
    assert comparison.beats.average_percent["sveb_predictivity"] == 100.0


def test_json_keeps_counts_and_says_none_where_nothing_is_defined(comparison: Comparison) -> None:
    found = comparison_as_dict(comparison)
    assert found["mapping"] == "bxb"
    assert found["gross"]["veb_sensitivity"] == {"hits": 2, "cases": 2, "value": 1.0}
    assert found["records"][1]["veb_sensitivity"] == {"hits": 0, "cases": 0, "value": None}
    assert found["records"][1]["rr_error_ms"] is None
    assert found["records"][1]["shutdown_s"] == 2.0
    assert found["average_percent"]["supraventricular_runs"]["couplets"] == {"sensitivity": None, "predictivity": 0.0}
    assert math.fsum(map(math.fsum, found["counts"])) == 12


def test_table_names_annotators_start_and_mapping(comparison: Comparison) -> None:
    table = format_comparison(comparison)
    assert table.startswith("me against atr in 2 records, from 0 s on, classes as bxb maps them\n")
    assert "QRS                               81.82 (9/11)" in table
    assert "couplets, ventricular            100.00 (1/1)" in table
