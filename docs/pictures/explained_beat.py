"""Draw the README's picture, and those of the guide to explanations: beats of the bundled recording, explained.

Run ``python docs/pictures/explained_beat.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from beatlens.beats.detector import detect_r_peaks
from beatlens.explain import default_method, explain_beats
from beatlens.models import load_model
from beatlens.records.bundled import read_bundled
from beatlens.reports.figures.explained import (
    choose_gallery,
    plot_class_averages,
    plot_explanation,
    plot_gallery,
    plot_strip,
)
from beatlens.reports.figures.saving import save_figure

HERE = Path(__file__).parent
LONGEST_S = 1.5
EVERY = 4
"""Of the other beats every fourth is explained, for the averages and the gallery."""


def main() -> None:
    """Take the beat that rhythm-lstm is surest of to be ventricular; none beside a gap of the rhythm: that is artefact."""
    record, model = read_bundled(), load_model("rhythm-lstm")
    samples = detect_r_peaks(record)
    said = model.predict_record(record, samples)
    lasts = np.diff(samples, prepend=samples[0], append=samples[-1]) / record.fs
    whole = (lasts[:-1] < LONGEST_S) & (lasts[1:] < LONGEST_S)
    ventricular = int(np.argmax(np.where(whole, said.probabilities[:, model.classes.index("V")], 0)))
    which = np.union1d(np.arange(0, len(samples), EVERY), [ventricular])
    found = explain_beats(record, samples, model, which=which, method=default_method(model))
    (why,) = (each for each in found if each.sample == samples[ventricular])
    save_figure(plot_explanation(why), HERE / "explained-beat")
    classes = said.classes.tolist()
    save_figure(plot_strip(record.signal, record.fs, samples, ventricular, why, classes=classes), HERE / "explained-strip")
    save_figure(plot_class_averages(found), HERE / "explained-classes")
    save_figure(plot_gallery(choose_gallery(found)), HERE / "explained-gallery")


if __name__ == "__main__":
    main()
