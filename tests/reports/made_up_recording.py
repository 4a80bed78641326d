"""A made-up recording whose every beat is known, and a model that reads the classes off its shape."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from beatlens.analysis.result import ExplainedBeat
from beatlens.explain.explanation import Explanation
from beatlens.models.predictions import BeatPredictions
from beatlens.records import Record

FS = 250.0
CARD = SimpleNamespace(
    version="1.2",
    sha256="ab" * 32,
    architecture="A threshold on the width.",
    data=SimpleNamespace(name="Nothing", version="0"),
    protocol="none",
    protocol_note="It saw no patient.",
    intended_use="Tests.",
    not_for="Anything else.",
    known_failures=(),
)


class WidthModel:
    """Calls a beat V if the signal is high 40 ms after the R peak, else N; in doubt about the fourth beat."""

    name = "width"
    classes = ("N", "S", "V")
    card = CARD

    def predict_record(self, record, r_samples):
        at = np.minimum(np.asarray(r_samples) + round(0.04 * record.fs), record.n_samples - 1)
        wide = record.signal[at, 0] > 0.5
        probabilities = np.where(wide[:, None], [0.05, 0.05, 0.9], [0.8, 0.15, 0.05]).astype(np.float32)
        uncertain = np.arange(len(wide)) == 3
        return BeatPredictions(
            self.classes,
            np.where(wide, "V", "N"),
            probabilities,
            1 - probabilities[:, 0],
            uncertain,
            tuple("in doubt" if doubt else "" for doubt in uncertain),
        )


def make_record(beats, *, fs=FS, tail_s=1.0, start=None, name="made up", noise=0.003):
    """Return a recording with one beat a pair of (seconds since the last one, class)."""
    times = np.cumsum([rr for rr, _ in beats])
    t = np.arange(round((times[-1] + tail_s) * fs)) / fs
    x = np.random.default_rng(0).normal(0, noise, t.size)
    for at, (_, name_of_class) in zip(times, beats, strict=True):
        width = 0.06 if name_of_class == "V" else 0.012
        near = slice(*np.searchsorted(t, [at - 0.3, at + 0.3]))
        x[near] += np.exp(-(((t[near] - at) / width) ** 2))
    return Record(x.astype(np.float32)[:, None], fs, ("II",), name=name, start_time=start)


def r_samples_of(record, beats):
    """Return where the R peaks were planted."""
    return np.round(np.cumsum([rr for rr, _ in beats]) * record.fs).astype(np.int64)


RHYTHM = (
    [(0.8, "N")] * 20
    + [(0.5, "V"), (1.1, "N")]
    + [(0.8, "N")] * 10
    + [(0.5, "V"), (0.45, "V"), (1.1, "N")]
    + [(0.8, "N")] * 10
    + [(0.5, "V"), (0.4, "V"), (0.4, "V"), (0.4, "V"), (1.1, "N")]
    + [(0.8, "N")] * 10
    + [(0.5, "V"), (1.0, "N")] * 4
    + [(0.8, "N")] * 10
    + [(2.6, "N")]
    + [(0.8, "N")] * 20
)


def explain_first(analysis):
    """Return one explained beat, made up: its importance lies 40 ms after the R peak."""
    times = np.arange(-60, 90) * 4.0
    attribution = np.zeros((150, 1))
    attribution[70] = 2.0
    beat = int(np.flatnonzero(analysis.beats["class"] == "V")[0])
    sample = int(analysis.beats["sample"][beat])
    why = Explanation(
        attribution=attribution,
        times_ms=times,
        target="V",
        logit=3.0,
        probability=0.9,
        predicted="V",
        method="saliency",
        model="width",
        signal=analysis.record.signal[sample - 60 : sample + 90],
        lead_names=("II",),
        features={"pre_rr": -0.8},
        sentence="Called V (0.90): the logit of V is most sensitive 40 ms after the R peak.",
        record="made up",
        sample=sample,
    )
    return ExplainedBeat(beat, "the most certain V beat", why)


def untrained_seed_lstm():
    """Return a network of the seed's form with 8 units instead of 256, its weights as they were drawn."""
    from beatlens.models.card import ModelCard
    from beatlens.models.engine import load_keras
    from beatlens.models.seed_lstm import SeedLSTM

    keras = load_keras()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((180, 1)),
            layers.LSTM(8, return_sequences=True),
            layers.LSTM(8),
            layers.Dense(4, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    card = {
        "name": "seed-lstm", "version": "0", "architecture": "LSTM 8, LSTM 8", "n_parameters": network.count_params(),
        "classes": ("normal", "abnormal"), "fs": 360.0, "preprocessing": "z-score", "protocol": "none",
        "protocol_note": "It is not trained.", "training_records": (),
        "data": {"name": "none", "version": "0", "licence": "none", "citation": "none"}, "data_sha256": "",
        "configuration": {}, "figures": {}, "intended_use": "Tests.", "not_for": "Anything else.", "sha256": "0" * 64,
    }  # fmt: skip
    return SeedLSTM(network, ModelCard.model_validate(card))
