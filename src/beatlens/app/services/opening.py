"""What a browser sends becomes a `Record`: an uploaded file, a WFDB record in several files, or 180 pasted values.

An uploaded name is shown, and compared with other names; it is never used as a path. Files lie in a folder of their own under
names of ours, for as long as they are read.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from beatlens.app.options import MOST_MB
from beatlens.beats.seed_windows import AFTER, BEFORE, FS
from beatlens.errors import BeatlensError, FormatError, SignalError
from beatlens.records import Record, read

MOST_FILES: Final = 40
MOST_HOURS: Final = 72
"""Longest recording that is analysed in the browser."""

ANNOTATORS: Final = ("atr", "ari", "ecg", "qrs")
WINDOW: Final = BEFORE + AFTER
"""Values of one window, at 360 Hz."""

_OWN: Final = "uploaded-recording"
_EXTENSION: Final = re.compile(r"\.([A-Za-z0-9]{1,8})$")


@dataclass(frozen=True)
class Upload:
    """A file as the browser sent it: its name on the sender's machine, and its bytes."""

    name: str
    content: bytes


def shown_name(name: str) -> str:
    """Return an uploaded name as it may be shown: without folders and control characters, at most 80 letters.

    Examples
    --------
    >>> shown_name("../../etc/night 7.edf")
    'night 7.edf'
    """
    last = re.split(r"[/\\]", name)[-1]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:80] or "recording"


def open_uploads(uploads: Sequence[Upload], *, fs: float | None = None, unit: str | None = None) -> Record:
    """Read what was uploaded.

    Parameters
    ----------
    uploads : sequence of Upload
        One file of any format that `beatlens.read` takes, or the files of one WFDB record: its header, its signal files, and
        its annotations if there are any.
    fs, unit : float, str, optional
        Sampling rate in Hz and unit, where the file states none.

    Raises
    ------
    BeatlensError
        As `beatlens.read` raises it; or there are too many files, they are too large, or they do not belong together.
    """
    if not 1 <= len(uploads) <= MOST_FILES:
        raise FormatError(f"1 to {MOST_FILES} files can be opened at once; got {len(uploads)}")
    for upload in uploads:
        if len(upload.content) > MOST_MB * 1_000_000:
            raise FormatError(
                f"a file must have at most {MOST_MB} MB; {shown_name(upload.name)} has {len(upload.content) / 1e6:.0f} MB",
                hint="Analyse it with the command: beatlens analyze FILE",
            )
    header = _choose_header(uploads)
    main = header or uploads[0]
    with tempfile.TemporaryDirectory(prefix="beatlens-") as folder:
        path = _write_wfdb(Path(folder), header, uploads) if header else _write_one(Path(folder), main)
        title = _EXTENSION.sub("", shown_name(main.name))
        try:
            record = read(path, fs=fs, unit=unit)
        except BeatlensError as error:
            raise _in_their_words(error, folder, path, main, title) from error
    return check_length(replace(record, name=title))


def check_length(record: Record) -> Record:
    """Return the recording if it is not too long for the browser.

    Raises
    ------
    SignalError
        If it is longer than `MOST_HOURS`.
    """
    if record.duration_s > MOST_HOURS * 3600:
        raise SignalError(
            f"a recording must last at most {MOST_HOURS} h to be opened here; "
            f"{record.name} lasts {record.duration_s / 3600:.0f} h",
            hint="Analyse it with the command: beatlens analyze FILE",
        )
    return record


def parse_window(text: str) -> Record:
    """Return one window of 180 pasted values as a recording at 360 Hz, its R peak at the 91st value.

    Parameters
    ----------
    text : str
        Numbers, parted by commas, semicolons, spaces or line breaks. Their scale does not matter.

    Raises
    ------
    SignalError
        If there are not 180 of them, one is not a finite number, or all are the same.
    """
    words = [word for word in re.split(r"[,;\s]+", text.strip().strip("[]()")) if word]
    try:
        values = np.array([float(word) for word in words], dtype=np.float32)
    except ValueError as error:
        wrong = next(word for word in words if not _is_number(word))
        raise SignalError(
            f"every value must be a number; got '{wrong[:20]}' at place {words.index(wrong) + 1}",
            hint="Part them by commas, spaces or line breaks, with a point before the decimals.",
        ) from error
    if len(values) != WINDOW:
        raise SignalError(
            f"a window must have {WINDOW} values; got {len(values)}",
            hint="Half a second at 360 Hz, the R peak at the 91st value.",
        )
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        raise SignalError("the values of a window must be finite and not all the same")
    return Record(values[:, None], float(FS), ("ECG",), name="pasted window", source="seed-demo")


def is_window(record: Record) -> bool:
    """Say whether a recording is one window of 180 values, as the first demonstration took them, and not a recording."""
    return record.source == "seed-demo" and record.n_samples == WINDOW


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _write_one(folder: Path, upload: Upload) -> Path:
    # The extension is kept where it is plain, because a sentence about a damaged file says what it was named as.
    found = _EXTENSION.search(upload.name)
    path = folder / f"{_OWN}.{found[1].lower() if found else 'bin'}"
    path.write_bytes(upload.content)
    return path


def _choose_header(uploads: Sequence[Upload]) -> Upload | None:
    """Return the header that the record begins with, None if there is none: of several segments' headers that of them all.

    Raises
    ------
    FormatError
        If these files are no one record.
    """
    headers = [upload for upload in uploads if upload.name.lower().endswith(".hea")]
    whole = [header for header in headers if b"/" in _first_word(header.content)]
    if len(whole) == 1 or len(headers) == 1:
        return (whole or headers)[0]
    if headers or len(uploads) > 1:
        raise FormatError(
            f"several files must be one WFDB record, with one header (.hea); got {len(headers)} in {len(uploads)} files",
            hint="Open one recording at a time.",
        )
    return None


def _first_word(header: bytes) -> bytes:
    lines = [line.split() for line in header.splitlines() if not line.lstrip().startswith(b"#")]
    return next((line[0] for line in lines if line), b"")


def _write_wfdb(folder: Path, header: Upload, uploads: Sequence[Upload], own: str = _OWN) -> Path:
    """Write a WFDB record, or a segment of one, under names of ours; the header's own words are changed to them."""
    name = shown_name(header.name)
    try:
        lines = header.content.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(f"{name} cannot be read as a WFDB header: it is not plain text") from error
    places = [k for k, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    if not places or len(lines[places[0]].split()) < 2:
        raise FormatError(f"{name} cannot be read as a WFDB header: its first line is missing")
    first, sent = lines[places[0]].split(), {shown_name(upload.name): upload for upload in uploads}
    segmented = "/" in first[0]
    if segmented and (own != _OWN or len(places) == 1):
        raise FormatError(f"{name} must name segments, and no segment may have segments of its own")
    written: dict[str, str] = {"~": "~"}  # a gap between segments
    for k in places[1:]:
        wanted, *rest = lines[k].split()
        if wanted not in written:
            file = sent.get(f"{wanted}.hea" if segmented else wanted)
            if file is None:
                raise FormatError(
                    f"{name} needs the {'segment' if segmented else 'signal file'} {shown_name(wanted)}, which was not sent",
                    hint="Choose the header, those of its segments, and their signal files together.",
                )
            written[wanted] = f"{own}-{len(written)}"
            if segmented:
                _write_wfdb(folder, file, uploads, written[wanted])
            else:
                written[wanted] += ".mat" if wanted.lower().endswith(".mat") else ".dat"
                (folder / written[wanted]).write_bytes(file.content)
        lines[k] = " ".join([written[wanted], *rest])
    lines[places[0]] = " ".join([own + (f"/{first[0].split('/')[1]}" if segmented else ""), *first[1:]])
    path = folder / f"{own}.hea"
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    for upload in uploads if own == _OWN else ():
        found = _EXTENSION.search(upload.name)
        mine = not segmented or upload.name[: -len(found[0]) if found else None] == header.name[: -len(".hea")]
        if found and mine and found[1].lower() in ANNOTATORS:
            (folder / f"{_OWN}.{found[1].lower()}").write_bytes(upload.content)
    return path


def _in_their_words(error: BeatlensError, folder: str, path: Path, upload: Upload, title: str) -> BeatlensError:
    """Return the error with the sender's name of the file in the place of ours."""

    def told(text: str) -> str:
        plain = text.replace(f"{folder}/", "").replace(f"{folder}\\", "")
        return plain.replace(path.name, shown_name(upload.name)).replace(_OWN, title)

    hint = told(error.hint) if error.hint else None
    if hint is not None and "on the command line" in hint:
        hint = "Write it under 'If the file does not say it', then open the file again."
    return type(error)(told(error.message), hint=hint)
