"""What two annotators must fulfil before they are compared."""

from __future__ import annotations

import math

from beatlens.errors import AnnotationError, ConfigurationError
from beatlens.records import Annotations


def check_annotations(
    reference: Annotations,
    test: Annotations,
    *,
    fs: float,
    n_samples: int,
    start_s: float = 0.0,
    window_s: float = 0.15,
    name: str = "",
) -> None:
    """Check that two annotators mark the same recording; ``name`` is what the messages call it, if anything.

    Raises
    ------
    AnnotationError
        If marks lie beyond the recording's end or are of another sampling rate.
    ConfigurationError
        If the rate, the length, the start or the window is out of range.
    """
    for argument, value in (("fs", fs), ("n_samples", n_samples), ("window_s", window_s)):
        if not (math.isfinite(value) and value > 0):
            raise ConfigurationError(f"'{argument}' must be positive; got {value}")
    if not (math.isfinite(start_s) and start_s >= 0):
        raise ConfigurationError(f"'start_s' must be 0 or more seconds; got {start_s}")
    where = f", in record {name}" if name else ""
    for role, marks in (("reference", reference), ("test", test)):
        if marks.fs is not None and not math.isclose(marks.fs, fs, rel_tol=1e-6):
            raise AnnotationError(
                f"the {role} annotations must be at the recording's {fs:g} Hz; got {marks.fs:g} Hz{where}",
                hint="Convert their sample numbers to the recording's rate first.",
            )
        if len(marks) and marks.samples[-1] >= n_samples:
            first = int(marks.samples[marks.samples >= n_samples][0])
            raise AnnotationError(
                f"the {role} annotations must lie within the recording's {n_samples} samples ({n_samples / fs:.1f} s); "
                f"got one at sample {first} ({first / fs:.1f} s){where}",
                hint="Check that the annotations belong to this recording and are at its sampling rate.",
            )
