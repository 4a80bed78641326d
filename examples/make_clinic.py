"""Make-believe data of a clinic, for the guide to your own data: ``clinic/`` with WFDB records, ``clinic.csv`` with patients.

    python examples/make_clinic.py

Ten recordings of nine patients at 250 Hz, two leads, with beat annotations: the first of eight minutes, the others of two.
Nothing in them is real.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import wfdb

FS = 250
FOLDER = Path("clinic")


def make_rhythm(rng: np.random.Generator, duration_s: float) -> tuple[np.ndarray, list[str]]:
    """Return when the beats are, in seconds, and their symbols: sinus rhythm with early ventricular and atrial beats."""
    usual, rate = rng.uniform(0.7, 1.0), rng.uniform(0.05, 0.15)
    times, symbols = [0.7], ["N"]
    while times[-1] < duration_s - 2:
        drawn = rng.random()
        kind = "V" if drawn < rate else "A" if drawn < rate + 0.08 else "N"
        if symbols[-1] != "N":
            kind = "N"
        step = {"V": 0.6, "A": 0.7}.get(kind, 1.35 if symbols[-1] == "V" else 1.0)
        times.append(times[-1] + usual * step * rng.normal(1, 0.03))
        symbols.append(kind)
    return np.array(times), symbols


def draw_beats(times: np.ndarray, symbols: list[str], rng: np.random.Generator, duration_s: float) -> np.ndarray:
    """Return two leads in mV, shape (n_samples, 2)."""
    t = np.arange(int(duration_s * FS)) / FS

    def wave(at: float, width: float, height: float) -> np.ndarray:
        return height * np.exp(-(((t - at) / width) ** 2))

    lead = np.zeros(len(t))
    for at, symbol in zip(times, symbols, strict=True):
        if symbol == "V":
            lead += wave(at, 0.05, 1.4) + wave(at + 0.3, 0.07, -0.4)
        else:
            lead += wave(at, 0.015, 1.0) + wave(at + 0.03, 0.012, -0.2) + wave(at + 0.28, 0.06, 0.25)
            lead += wave(at - 0.16, 0.03, 0.12 if symbol == "N" else -0.08)
    return np.stack([lead, -0.6 * lead], axis=1) + rng.normal(0, 0.015, (len(t), 2))


def main() -> None:
    """Write records, annotations and the table."""
    FOLDER.mkdir(exist_ok=True)
    lines = ["record,patient,fold"]
    for number in range(1, 11):
        name, patient = f"r{number:02d}", f"p{min(number, 9)}"  # the ninth patient has two recordings
        rng = np.random.default_rng([2024, number])
        duration_s = 480.0 if number == 1 else 120.0
        times, symbols = make_rhythm(rng, duration_s)
        signal = draw_beats(times, symbols, rng, duration_s)
        wfdb.wrsamp(
            name, fs=FS, units=["mV"] * 2, sig_name=["II", "V1"], p_signal=signal, fmt=["16"] * 2, write_dir=str(FOLDER)
        )
        wfdb.wrann(name, "atr", np.round(times * FS).astype(int), symbol=symbols, fs=FS, write_dir=str(FOLDER))
        fold = "test" if number <= 3 else "a" if number in (4, 6, 9, 10) else "b"
        lines.append(f"{name},{patient},{fold}")
    FOLDER.with_suffix(".csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
