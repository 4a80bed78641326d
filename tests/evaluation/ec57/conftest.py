"""Annotations written as a line of text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from beatlens.records import Annotations


@pytest.fixture(scope="session")
def marks() -> Callable[[str], Annotations]:
    """Return a reader of marks such as ``"100N 200V 300~48 320+(AFIB"``: sample, symbol, then a subtype or a text."""

    def read(line: str) -> Annotations:
        samples, symbols, subtypes, notes = [], [], [], []
        for word in line.split():
            n_digits = next(place for place, letter in enumerate(word) if not letter.isdigit())
            rest = word[n_digits + 1 :]
            samples.append(int(word[:n_digits]))
            symbols.append(word[n_digits])
            subtypes.append(int(rest) if rest and word[n_digits] == "~" else 0)
            notes.append(rest if word[n_digits] == "+" else "")
        return Annotations(
            samples=np.array(samples, np.int64),
            symbols=np.array(symbols, "<U1"),
            aux_notes=tuple(notes),
            subtypes=np.array(subtypes, np.int64),
        )

    return read
