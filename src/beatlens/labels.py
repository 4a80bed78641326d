"""From a WFDB annotation symbol to a class: one table, used everywhere.

Two AAMI mappings are in use, and a figure must say which one it used:

* ``paper``: de Chazal et al., IEEE Trans Biomed Eng 51(7):1196-1206 (2004), which nearly all publications follow. Atrial
  and nodal *escape* beats (``e``, ``j``) count as N.
* ``bxb``: the mapping of WFDB's ``bxb``, the reference implementation of ANSI/AAMI EC57. ``e``, ``j`` and ``n`` count as S.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Mapping = Literal["paper", "bxb"]

AAMI_CLASSES: Final = ("N", "S", "V", "F", "Q")
"""Normal or bundle branch block, supraventricular ectopic, ventricular ectopic, fusion, unknown or paced."""

_BXB: Final = {
    **dict.fromkeys("NLRB", "N"),
    **dict.fromkeys("AaJSjen", "S"),
    **dict.fromkeys("VrE", "V"),
    "F": "F",
    **dict.fromkeys("Q/f?", "Q"),
}
_PAPER: Final = {**_BXB, "e": "N", "j": "N", "n": "N"}

AAMI_OF_SYMBOL: Final = MappingProxyType({"paper": MappingProxyType(_PAPER), "bxb": MappingProxyType(_BXB)})
"""AAMI class of each beat symbol, by mapping; a symbol that is missing is not a beat."""

BEAT_SYMBOLS: Final = frozenset(_BXB)
"""Symbols that mark a heartbeat."""

SEED_SKIPPED_SYMBOLS: Final = frozenset("+~")
"""What the ``seed`` protocol leaves out: rhythm changes and signal-quality marks. Everything else it takes for a beat."""


def classify_symbols(symbols: npt.ArrayLike, *, mapping: Mapping = "paper") -> npt.NDArray[np.str_]:
    """Return the AAMI class of each symbol, ``""`` where the symbol does not mark a beat.

    Parameters
    ----------
    symbols : array_like of str, shape (n_annotations,)
        WFDB annotation symbols.
    mapping : {"paper", "bxb"}
        Which AAMI mapping; see the module's description.

    Returns
    -------
    ndarray of str, shape (n_annotations,)

    Examples
    --------
    >>> classify_symbols(["N", "A", "j", "+"]).tolist()
    ['N', 'S', 'N', '']
    """
    table = AAMI_OF_SYMBOL[mapping]
    unique, inverse = np.unique(np.asarray(symbols, dtype=str), return_inverse=True)
    classes = np.array([table.get(symbol, "") for symbol in unique.tolist()], dtype="<U1")
    return classes[inverse] if classes.size else np.array([], dtype="<U1")


def seed_labels(symbols: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return 0 where the symbol is ``N`` and 1 elsewhere: the ``seed`` protocol's normal and abnormal."""
    abnormal: npt.NDArray[np.int64] = np.not_equal(np.asarray(symbols, dtype=str), "N").astype(np.int64)
    return abnormal
