"""Electrocardiographs' files: checksums, entities, sizes that lie."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from beatlens.errors import BeatlensError, FormatError
from beatlens.records import read


def test_a_checksum_that_does_not_agree_is_an_error(synthetic: ModuleType, tmp_path: Path) -> None:
    """What ecgdatakit only warns of, in MUSE XML and in SCP-ECG, is refused here."""
    with pytest.raises(FormatError, match=r"muse\.xml does not agree with its own checksum"):
        read(synthetic.write_muse(tmp_path, synthetic.beats(), crc=1))
    path = synthetic.write_scp(tmp_path, synthetic.beats())
    raw = bytearray(path.read_bytes())
    raw[-100] ^= 1
    path.write_bytes(raw)
    with pytest.raises(FormatError, match=r"rec\.scp does not agree with its own checksum"):
        read(path)


def test_an_scp_lead_that_claims_more_than_the_file_has(synthetic: ModuleType, tmp_path: Path) -> None:
    """A lead of four thousand million samples is refused before memory is taken."""
    with pytest.raises(BeatlensError, match="claims 4000000000 samples"):
        read(synthetic.write_scp(tmp_path, synthetic.beats(), claimed=4_000_000_000))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_entities_are_refused_before_parsing(encoding: str, tmp_path: Path) -> None:
    """An XML that declares entities is refused, in every encoding that a parser would understand."""
    bomb = "".join(f'<!ENTITY e{n} "&e{n - 1};&e{n - 1};&e{n - 1};">' for n in range(1, 40))
    text = f'<?xml version="1.0"?><!DOCTYPE AnnotatedECG [<!ENTITY e0 "ha">{bomb}]><AnnotatedECG>&e39;</AnnotatedECG>'
    (tmp_path / "bomb.xml").write_bytes(text.encode(encoding))
    with pytest.raises(FormatError, match=r"declares XML entities|is not a recording|is markup of a kind"):
        read(tmp_path / "bomb.xml")


@pytest.mark.parametrize("kind", ["hl7-aecg", "ge-muse", "philips-sierra"])
def test_xml_that_is_cut(kind: str, synthetic: ModuleType, tmp_path: Path) -> None:
    """Half of an XML file is one sentence."""
    path = synthetic.WRITERS[kind](tmp_path, synthetic.beats())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 // 2 * 2])
    with pytest.raises(FormatError, match="cannot be read as"):
        read(path)


def test_a_rate_that_is_no_whole_number_is_kept(synthetic: ModuleType, tmp_path: Path) -> None:
    """The file's own increment is used, which ecgdatakit rounds to whole Hz."""
    path = synthetic.write_aecg(tmp_path, synthetic.beats())
    path.write_text(path.read_text().replace('increment value="0.004"', 'increment value="0.0035"'))
    assert read(path).fs == pytest.approx(1 / 0.0035, rel=1e-6)


def test_muse_without_a_unit_asks_for_one(synthetic: ModuleType, tmp_path: Path) -> None:
    """Samples without a scale are refused, not passed on as counts."""
    path = synthetic.write_muse(tmp_path, synthetic.beats())
    path.write_text(path.read_text().replace("<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>", ""))
    with pytest.raises(BeatlensError, match="unit of voltage must be known"):
        read(path)


def test_big_endian_dicom(synthetic: ModuleType, tmp_path: Path) -> None:
    """A file in the retired big-endian syntax gives the same voltages."""
    import pydicom

    path = synthetic.write_dicom(tmp_path, synthetic.beats())
    expected = read(path).signal
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    group = data.WaveformSequence[0]
    group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    pydicom.dcmwrite(tmp_path / "big.dcm", data, implicit_vr=False, little_endian=False, force_encoding=True)
    np.testing.assert_array_equal(read(tmp_path / "big.dcm").signal, expected)


def test_a_dicom_picture_is_no_recording(synthetic: ModuleType, tmp_path: Path) -> None:
    """A DICOM file without a waveform says so."""
    import pydicom

    path = synthetic.write_dicom(tmp_path, synthetic.beats())
    data = pydicom.dcmread(path)
    del data.WaveformSequence
    data.save_as(path)
    with pytest.raises(BeatlensError, match="is a DICOM file without a waveform"):
        read(path)


@pytest.mark.parametrize("piece", [b"<!--", b"<?", b"<![", b"<![>", b"<!", b"<!>", b"<!--><!"])
def test_markup_of_openings_alone_is_one_sentence(piece: bytes, tmp_path: Path) -> None:
    """Sixty thousand bytes of openings that nothing closes are told at once; a pattern that backtracks would not end."""
    (tmp_path / "openings.xml").write_bytes((piece * 60_000)[:60_000])
    with pytest.raises(FormatError, match="markup of a kind that is not read"):
        read(tmp_path / "openings.xml")


def test_comments_and_a_document_type_may_stand_before_the_root(synthetic: ModuleType, tmp_path: Path) -> None:
    """The root is found behind a comment that names another and a document type with an internal subset."""
    path = synthetic.WRITERS["hl7-aecg"](tmp_path, synthetic.beats())
    text = path.read_text(encoding="utf-8")
    body = text[text.index("?>") + 2 :] if text.startswith("<?xml") else text
    before = '<?xml version="1.0"?><!-- <svg> --><!DOCTYPE AnnotatedECG [<!ELEMENT a ANY>]>'
    path.write_text(before + body, encoding="utf-8")
    assert read(path).source == "hl7-aecg"
