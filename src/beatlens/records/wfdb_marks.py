"""WFDB annotation files, written: the bytes of ``wfdb.wrann``, which needs seconds for the beats of a day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens._io import replacing
from beatlens.errors import OutputError

_NOTE: Final = 22
_SKIP: Final = 59
_AUX: Final = 63
_MOST_STEP: Final = 1023
_MOST_NOTE: Final = 255


def write_marks(
    path: Path, samples: npt.NDArray[np.integer], symbols: Sequence[str], notes: Sequence[str] = (), *, fs: float
) -> None:
    """Write marks in the MIT format of WFDB annotation files.

    Parameters
    ----------
    path : Path
        The file: a record's name with the annotator as its extension.
    samples : ndarray of int, shape (n_marks,)
        In order.
    symbols : sequence of str
        WFDB's symbol of each.
    notes : sequence of str, optional
        What is written beside each; at most 255 bytes of it.
    fs : float
        Sampling rate in Hz.

    Raises
    ------
    OutputError
        If the file cannot be written, or its extension has other than letters.

    Notes
    -----
    Two bytes a mark, low byte first: six bits of code and ten of samples since the mark before; a longer step has a mark of
    its own (SKIP) with four bytes, high half first. A note follows its mark: AUX, its length, its bytes, filled up to an even
    number. The rate is the note of a first mark. See annot(5) in the WFDB Applications Guide.
    """
    if not re.fullmatch("[.][A-Za-z]+", path.suffix):
        raise OutputError(
            f"the extension of an annotation file must be an annotator's name, letters alone; got '{path.name}'",
            hint="Call it like beats.bl.",
        )
    code_of = _codes()
    beside: dict[str, bytes] = {}
    content = [_word(_NOTE, 0), _note(f"## time resolution: {fs:g}")]
    steps = np.diff(np.asarray(samples, np.int64), prepend=0).tolist()
    for step, symbol, note in zip(steps, symbols, notes or repeat(""), strict=False):
        if step > _MOST_STEP:
            content += (_word(_SKIP, 0), _word(0, step >> 16), _word(0, step & 0xFFFF))
        content.append(_word(code_of[symbol], step if step <= _MOST_STEP else 0))
        if note:
            content.append(beside.get(note) or beside.setdefault(note, _note(note)))
    with replacing(path) as temporary:
        temporary.write_bytes(b"".join([*content, _word(0, 0)]))


def _word(code: int, low: int) -> bytes:
    return (code << 10 | low).to_bytes(2, "little")


def _note(text: str) -> bytes:
    told = text.encode()[:_MOST_NOTE]
    return _word(_AUX, len(told)) + told + b"\0" * (len(told) % 2)


@cache
def _codes() -> dict[str, int]:
    from wfdb.io.annotation import ann_label_table

    return dict(zip(ann_label_table["symbol"], ann_label_table["label_store"].tolist(), strict=True))
