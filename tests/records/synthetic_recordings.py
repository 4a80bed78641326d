"""Small recordings in every format that is read, written from a signal in mV: the tests need no data that is not here."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import edfio
import numpy as np
import numpy.typing as npt
import pydicom
import scipy.io
import wfdb
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

Signal = npt.NDArray[np.float64]
LEADS = ("II", "V1")
FS = 250


def beats(n_samples: int = 2000, n_leads: int = 2) -> Signal:
    """Return something shaped like an ECG, in steps of 5 µV, within 3 mV, shape (n_samples, n_leads)."""
    time = np.arange(n_samples) / FS
    wave = np.exp(-(((time % 0.8) - 0.3) ** 2) / 2e-4) + 0.15 * np.sin(2 * np.pi * time / 0.8)
    signal = wave[:, None] * np.linspace(1.0, -0.6, n_leads)[None, :]
    return np.round(signal / 0.005) * 0.005


def write_wfdb(folder: Path, signal: Signal, *, fmt: str = "212", name: str = "rec", leads: tuple[str, ...] = LEADS) -> Path:
    n = signal.shape[1]
    wfdb.wrsamp(
        name,
        FS,
        ["mV"] * n,
        list(leads),
        p_signal=signal,
        fmt=[fmt] * n,
        adc_gain=[20.0 if fmt in ("80", "508") else 200.0] * n,
        baseline=[0] * n,
        write_dir=str(folder),
        base_time=dt.time(1, 2, 3),
        base_date=dt.date(2020, 5, 6),
    )
    return folder / name


def write_wfdb_header(folder: Path, signal: Signal) -> Path:
    return write_wfdb(folder, signal).with_suffix(".hea")


def write_edf(folder: Path, signal: Signal, *, bdf: bool = False, unit: str = "uV") -> Path:
    kind, file = (edfio.BdfSignal, edfio.Bdf) if bdf else (edfio.EdfSignal, edfio.Edf)
    factor = {"uV": 1e3, "mV": 1.0}.get(unit, 1.0)
    channels = [
        kind(column * factor, FS, label=f"ECG {name}", physical_dimension=unit, physical_range=(-5 * factor, 5 * factor))
        for column, name in zip(signal.T, LEADS, strict=True)
    ]
    channels.append(kind(np.zeros(len(signal) // 10), FS / 10, label="Resp", physical_dimension="Ohm", physical_range=(-1, 1)))
    path = folder / ("rec.bdf" if bdf else "rec.edf")
    file(
        channels,
        patient=edfio.Patient(code="P1", name="Jane_Doe", sex="F", birthdate=dt.date(1980, 1, 1)),
        recording=edfio.Recording(startdate=dt.date(2020, 5, 6)),
        starttime=dt.time(1, 2, 3),
        data_record_duration=1,
        annotations=[edfio.EdfAnnotation(2.0, None, "cough")],
    ).write(path)
    return path


def write_bdf(folder: Path, signal: Signal) -> Path:
    return write_edf(folder, signal, bdf=True)


def write_ishne(folder: Path, signal: Signal, *, n_samples: int | None = None) -> Path:
    leads = signal.shape[1]
    codes = [6, 11][:leads]
    body = b"".join([
        struct.pack("<iiii", 0, len(signal) if n_samples is None else n_samples, 522, 522),
        struct.pack("<h", 1),
        b"Jane".ljust(40, b"\0"),
        b"Doe".ljust(40, b"\0"),
        b"P1".ljust(20, b"\0"),
        struct.pack("<hh3h3h3h3h", 2, 0, 1, 2, 1980, 6, 5, 2020, 6, 5, 2020, 1, 2, 3),
        struct.pack("<h", leads),
        struct.pack("<12h", *codes, *[-9] * (12 - leads)),
        struct.pack("<12h", *[0] * 12),
        struct.pack("<12h", *[5000] * leads, *[0] * (12 - leads)),
        struct.pack("<h", 0),
        b"recorder".ljust(40, b"\0"),
        struct.pack("<h", FS),
        bytes(80 + 80 + 88),
    ])  # fmt: skip
    samples = np.round(signal / 0.005).astype("<i2").tobytes()
    path = folder / "rec.ecg"
    path.write_bytes(b"ISHNE1.0" + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF)) + body + samples)
    return path


def write_csv(folder: Path, signal: Signal) -> Path:
    rows = [f"{i / FS:.4f},{row[0]:.3f},{row[1]:.3f}" for i, row in enumerate(signal)]
    return _text(folder / "rec.csv", "\n".join(["time (s),II (mV),V1 (mV)", *rows, ""]))


def write_apple(folder: Path, signal: Signal) -> Path:
    head = (
        'Name,Jane Doe\nDate of Birth,"Jan 1, 1980"\nRecorded Date,2020-05-06 01:02:03 +0200\nClassification,Sinus Rhythm\n'
        f'Symptoms,\nSoftware Version,1.90\nDevice,"Watch5,2"\nSample Rate,{FS} hertz\n\n\nLead,Lead II\nUnit,µV\n\n'
    )
    return _text(folder / "ecg.csv", head + "\n".join(f"{value * 1000:.3f}".replace(".", ",") for value in signal[:, 0]) + "\n")


def write_polar(folder: Path, signal: Signal) -> Path:
    rows = [
        f"2020-05-06T01:02:{3 + i / FS:06.3f};{599618416000000000 + int(i * 1e9 / FS)};{i * 1000 / FS:.6f};{v * 1000:.0f}"
        for i, v in enumerate(signal[:, 0])
    ]
    return _text(folder / "polar.txt", "\n".join(["Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]", *rows, ""]))


def write_movesense(folder: Path, signal: Signal) -> Path:
    rows = [f"{i / FS:.6f},{v:.4f}" for i, v in enumerate(signal[:, 0])]
    head = ["# created 2020-05-06T01:02:03.000000Z", "# device Movesense", "elapsed_s,ecg_mV"]
    return _text(folder / "movesense.csv", "\n".join([*head, *rows, ""]))


def write_demo(folder: Path, signal: Signal) -> Path:
    window = signal[:180, 0]
    lines = [",".join(map(str, range(180))), ",".join(f"{value:.6f}" for value in window), ""]
    return _text(folder / "beat.csv", "\n".join(lines))


def write_npy(folder: Path, signal: Signal) -> Path:
    np.save(folder / "rec.npy", signal)
    return folder / "rec.npy"


def write_npz(folder: Path, signal: Signal) -> Path:
    np.savez_compressed(folder / "rec.npz", ecg=signal, fs=FS, lead_names=np.array(LEADS), unit="mV")
    return folder / "rec.npz"


def write_mat(folder: Path, signal: Signal) -> Path:
    fields = {"ecg": signal.T, "Fs": FS, "leads": np.array(LEADS, dtype=object), "units": "mV"}
    scipy.io.savemat(folder / "rec.mat", fields, do_compression=True)
    return folder / "rec.mat"


def write_dicom(folder: Path, signal: Signal) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.2"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data = FileDataset("rec.dcm", {}, file_meta=meta, preamble=bytes(128))
    data.Modality, data.PatientName, data.PatientID, data.PatientSex = "ECG", "Doe^Jane", "P1", "F"
    data.AcquisitionDateTime = "20200506010203"
    group = Dataset()
    group.WaveformOriginality, group.SamplingFrequency = "ORIGINAL", str(FS)
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = signal.shape[1], len(signal)
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.ChannelDefinitionSequence = [_dicom_channel(name) for name in LEADS]
    group.WaveformData = np.round(signal / 0.005).astype("<i2").tobytes()
    data.WaveformSequence = [group]
    data.save_as(folder / "rec.dcm", enforce_file_format=True)
    return folder / "rec.dcm"


def _dicom_channel(name: str) -> Dataset:
    channel, source, unit = Dataset(), Dataset(), Dataset()
    source.CodeValue, source.CodingSchemeDesignator, source.CodeMeaning = "2:2", "MDC", f"Lead {name}"
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
    channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [source], [unit]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = "5", "1", "0"
    channel.WaveformBitsStored = 16
    return channel


def write_aecg(folder: Path, signal: Signal) -> Path:
    sequences = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{name}" codeSystem="2.16.840.1.113883.6.24"/>'
        '<value xsi:type="SLIST_PQ"><origin value="0" unit="uV"/><scale value="5" unit="uV"/>'
        f"<digits>{' '.join(f'{v / 0.005:.0f}' for v in column)}</digits></value></sequence></component>"
        for name, column in zip(LEADS, signal.T, strict=True)
    )
    return _text(
        folder / "aecg.xml",
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id root="1"/>'
        '<effectiveTime><low value="20200506010203"/></effectiveTime>'
        '<component><series><code code="RHYTHM"/><component><sequenceSet><component><sequence><code code="TIME_ABSOLUTE"/>'
        f'<value xsi:type="GLIST_TS"><head value="20200506010203"/><increment value="{1 / FS}" unit="s"/></value></sequence>'
        f"</component>{sequences}</sequenceSet></component></series></component></AnnotatedECG>",
    )


def write_muse(folder: Path, signal: Signal, *, crc: int = 0) -> Path:
    leads = ""
    for name, column in zip(LEADS, signal.T, strict=True):
        payload = np.round(column / 0.005).astype("<i2").tobytes()
        leads += (
            f"<LeadData><LeadByteCountTotal>{len(payload)}</LeadByteCountTotal><LeadSampleCountTotal>{len(column)}"
            "</LeadSampleCountTotal><LeadAmplitudeUnitsPerBit>5</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICROVOLTS"
            f"</LeadAmplitudeUnits><LeadID>{name}</LeadID><LeadDataCRC32>{zlib.crc32(payload) ^ crc}</LeadDataCRC32>"
            f"<WaveFormData>{base64.b64encode(payload).decode()}</WaveFormData></LeadData>"
        )
    return _text(
        folder / "muse.xml",
        '<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE RestingECG SYSTEM "restecg.dtd"><RestingECG><MuseInfo/>'
        "<PatientDemographics><PatientID>P1</PatientID><PatientLastName>Doe</PatientLastName></PatientDemographics>"
        "<TestDemographics><AcquisitionTime>01:02:03</AcquisitionTime><AcquisitionDate>05-06-2020</AcquisitionDate>"
        "</TestDemographics><Waveform><WaveformType>Rhythm</WaveformType>"
        f"<SampleBase>{FS}</SampleBase><SampleExponent>0</SampleExponent>{leads}</Waveform></RestingECG>",
    )


def write_sierra(folder: Path, signal: Signal) -> Path:
    twelve = np.zeros((len(signal), 12))
    twelve[:, 1], twelve[:, 6] = signal[:, 0], signal[:, 1]
    data = base64.b64encode(np.round(twelve.T / 0.005).astype("<i2").tobytes()).decode()
    text = (
        '<?xml version="1.0" encoding="utf-16"?><restingecgdata xmlns="http://www3.medical.philips.com">'
        "<documentinfo><documenttype>SierraECG</documenttype><documentversion>1.04</documentversion></documentinfo>"
        '<dataacquisition date="2020-05-06" time="01:02:03"><signalcharacteristics>'
        f"<samplingrate>{FS}</samplingrate><resolution>5</resolution><bitspersample>16</bitspersample>"
        "<numberchannelsvalid>12</numberchannelsvalid><numberchannelsallocated>12</numberchannelsallocated>"
        "<acquisitiontype>STD-12</acquisitiontype></signalcharacteristics></dataacquisition><waveforms>"
        f'<parsedwaveforms durationperchannel="{len(signal) * 1000 // FS}" samplespersecond="{FS}" numberofleads="12" '
        'leadlabels="I II III aVR aVL aVF V1 V2 V3 V4 V5 V6" resolution="5" dataencoding="Base64" compression="Uncompressed" '
        f'signed="True" bitspersample="16">{data}</parsedwaveforms></waveforms></restingecgdata>'
    )
    path = folder / "sierra.xml"
    path.write_bytes(text.encode("utf-16"))
    return path


def write_scp(folder: Path, signal: Signal, *, claimed: int | None = None) -> Path:
    n, leads = signal.shape
    columns = [np.round(column / 0.005).astype("<i2").tobytes() for column in signal.T]
    bodies = {
        1: b"\x02" + struct.pack("<H", 3) + b"P1\0" + b"\x19" + struct.pack("<HHBB", 4, 2020, 5, 6)
        + b"\x1a" + struct.pack("<HBBB", 3, 1, 2, 3) + b"\xff\0\0",
        3: bytes([leads, 0x04 | leads << 3]) + b"".join(struct.pack("<IIB", 1, claimed or n, code) for code in (2, 3)),
        6: struct.pack("<HHBB", 5000, 1_000_000 // FS, 0, 0) + struct.pack("<2H", *map(len, columns)) + b"".join(columns),
    }  # fmt: skip
    position, pointers, sections = 6 + 16 + 10 * 12, b"", b""
    for number in range(12):
        if number == 0:
            pointers += struct.pack("<HII", 0, 16 + 120, 7)
        elif number in bodies:
            section = _scp_section(number, bodies[number])
            pointers += struct.pack("<HII", number, len(section), position + 1)
            sections, position = sections + section, position + len(section)
        else:
            pointers += struct.pack("<HII", number, 0, 0)
    record = _scp_section(0, pointers) + sections
    sized = struct.pack("<I", len(record) + 6) + record
    path = folder / "rec.scp"
    path.write_bytes(struct.pack("<H", binascii.crc_hqx(sized, 0xFFFF)) + sized)
    return path


def _scp_section(number: int, body: bytes) -> bytes:
    body += b"\0" * (len(body) % 2)
    rest = struct.pack("<HIBB", number, len(body) + 16, 20, 20) + (b"SCPECG" if number == 0 else bytes(6)) + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def _text(path: Path, text: str) -> Path:
    with io.open(path, "w", encoding="utf-8", newline="") as file:  # noqa: UP020
        file.write(text)
    return path


WRITERS: dict[str, Callable[[Path, Signal], Path]] = {
    "wfdb": write_wfdb_header,
    "edf": write_edf,
    "bdf": write_bdf,
    "ishne": write_ishne,
    "csv": write_csv,
    "apple-health": write_apple,
    "polar": write_polar,
    "movesense": write_movesense,
    "seed-demo": write_demo,
    "npy": write_npy,
    "npz": write_npz,
    "mat": write_mat,
    "dicom": write_dicom,
    "hl7-aecg": write_aecg,
    "ge-muse": write_muse,
    "philips-sierra": write_sierra,
    "scp-ecg": write_scp,
}
