"""Draw the README's picture: one abnormal beat of the bundled recording, explained.

Run ``python docs/pictures/explained_beat.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from beatlens.beats.seed_windows import BEFORE, FS, seed_windows_of
from beatlens.explain.methods import attribute
from beatlens.explain.peaks import find_salient_times
from beatlens.explain.seed import WINDOW, seed_subject
from beatlens.models import load_model
from beatlens.records.bundled import read_bundled
from beatlens.reports.figures.saliency import plot_saliency
from beatlens.reports.figures.saving import save_figure

METHOD = "integrated-gradients"


def main() -> None:
    """Take the beat that seed-lstm is surest of to be abnormal."""
    from sleepecg import detect_heartbeats

    record, model = read_bundled(), load_model("seed-lstm")
    samples = np.asarray(detect_heartbeats(record.signal[:, 0].astype(np.float64), record.fs), np.int64)
    windows, judged, _ = seed_windows_of(record, samples)
    abnormal = model.predict_abnormal(windows)
    k = int(np.argmax(abnormal))
    values = attribute(seed_subject(model), {WINDOW: windows[[k]]}, method=METHOD).values[WINDOW][0]
    times = (np.arange(len(values)) - BEFORE) * 1000 / FS
    start = int(samples[judged][k]) - BEFORE
    figure = plot_saliency(
        record.signal[start : start + len(values), 0],
        np.abs(values),
        fs=FS,
        r_index=BEFORE,
        title=f"MIT-BIH record 208, lead MLII: called abnormal by seed-lstm ({METHOD.replace('-', ' ')})",
        marks_ms=find_salient_times(values, times).tolist(),
    )
    save_figure(figure, Path(__file__).parent / "explained-beat")


if __name__ == "__main__":
    main()
