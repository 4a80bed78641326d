"""Small pieces of SVG. Colours are CSS variables of the page, so that a drawing follows its light and dark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def draw_path(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> str:
    """Return path data through the points, in hundredths of a unit and relative steps, broken where a value is NaN.

    Examples
    --------
    >>> draw_path(np.array([0, 1, 2, 3.0]), np.array([1, 1.5, np.nan, 2]))
    'M0 100l100 50M300 200'
    """
    px, py = np.rint(100 * np.asarray(x, np.float64)), np.rint(100 * np.asarray(y, np.float64))
    present = np.isfinite(px) & np.isfinite(py)
    parts: list[str] = []
    for stretch in np.split(np.arange(len(px)), np.flatnonzero(np.diff(present.astype(np.int8))) + 1):
        if not len(stretch) or not present[stretch[0]]:
            continue
        xs, ys = px[stretch].astype(np.int64), py[stretch].astype(np.int64)
        steps = np.stack([np.diff(xs), np.diff(ys)], axis=1).ravel().tolist()
        line = "l" + " ".join(map(str, steps)).replace(" -", "-") if steps else ""
        parts.append(f"M{xs[0]} {ys[0]}{line}")
    return "".join(parts)


def draw_band(x: npt.NDArray[np.floating], low: npt.NDArray[np.floating], high: npt.NDArray[np.floating]) -> str:
    """Return path data of the area between two lines, one closed shape for each stretch without NaN, in hundredths."""
    present = np.isfinite(low) & np.isfinite(high)
    parts: list[str] = []
    for stretch in np.split(np.arange(len(x)), np.flatnonzero(np.diff(present.astype(np.int8))) + 1):
        if len(stretch) and present[stretch[0]]:
            there_and_back = np.concatenate([stretch, stretch[::-1]])
            edge = np.concatenate([low[stretch], high[stretch[::-1]]])
            parts.append(draw_path(x[there_and_back], edge) + "z")
    return "".join(parts)


def write_number(value: float) -> str:
    """Return a coordinate with as many digits as can be seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def nice_ticks(low: float, high: float, at_most: int) -> list[float]:
    """Return round values between two bounds, at most so many (and a few more if nothing else fits).

    Examples
    --------
    >>> nice_ticks(48, 132, 5)
    [60.0, 80.0, 100.0, 120.0]
    """
    span = max(high - low, 1e-9)
    power = 10.0 ** np.floor(np.log10(span / at_most))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if span / (power * factor) <= at_most)
    first = np.ceil(low / step - 1e-9) * step
    count = int(np.floor((high - first) / step + 1e-9)) + 1
    return [round(float(first + place * step), 6) for place in range(count)]
