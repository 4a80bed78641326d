"""Settings of patient-specific adaptation, compared on the folds of DS1: adapted to five minutes, measured on the rest.

    python benchmarks/fold_models.py FOLDER
    python benchmarks/adapt_settings.py FOLDER ["steps=40 pull=0.1" ...]

Each record is judged by the model of FOLDER that has not seen its patient; folds without a model
are left out. The first line is that model as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from beatlens.beats.morphology import FS
from beatlens.models.registry import load_model
from beatlens.models.rhythm_encoding import EncodedBeats, encode_prepared
from beatlens.models.rhythm_network import CLASSES
from beatlens.training.adapt import Adaptation, Adapter
from beatlens.training.config import load_config
from beatlens.training.rhythm import FOLDS, label_numbers, read_source

START_S = 300.0
Beats = tuple[EncodedBeats, np.ndarray, EncodedBeats, np.ndarray, np.ndarray]


def read_beats(name: str) -> Beats:
    """Return the first minutes' beats and labels; all beats, their labels, and which are measured."""
    source = read_source(name)
    labels, early = label_numbers(source.classes), source.times_s < START_S
    first = encode_prepared(source.x[: int(START_S * FS)], source.times_s[early])
    return first, labels[early], encode_prepared(source.x, source.times_s), labels, ~early


def f1(true: np.ndarray, called: np.ndarray) -> float:
    """Return F1."""
    return 2 * float((true & called).sum()) / max(1, true.sum() + called.sum())


def main() -> None:
    """Print one line a setting."""
    parser = argparse.ArgumentParser(description="Settings of patient-specific adaptation.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--by-record", action="store_true")
    options = parser.parse_args()
    there = [(options.folder / f"fold-{k}", fold) for k, fold in enumerate(FOLDS, start=1)]
    pairs = [(load_model(folder), fold) for folder, fold in there if folder.is_dir()]
    beats = {name: read_beats(name) for _, fold in pairs for name in fold}
    for line in ["as it is", *(options.settings or [""])]:
        settings = None if line == "as it is" else load_config(Adaptation, None, line.split())
        found: dict[str, Any] = {}
        for model, fold in pairs:
            adapter = Adapter(model, settings or Adaptation())
            for name in fold:
                first, labels, whole, truth, measured = beats[name]
                weights = adapter.start if settings is None else adapter.adapt(first, labels)
                probability = adapter.with_weights(weights).predict_encoded(whole)[measured & (truth >= 0)]
                found[name] = truth[measured & (truth >= 0)], probability
        truth, probability = (np.concatenate([pair[k] for pair in found.values()]) for k in (0, 1))
        called = probability.argmax(axis=1)
        scores = {name: f1(truth == k, called == k) for k, name in enumerate(CLASSES)}
        scores["macro"] = float(np.mean(list(scores.values())))
        scores["abnormal"] = f1(truth > 0, 1 - probability[:, 0] >= pairs[0][0].abnormal_threshold)
        print(f"{line or 'defaults':48}", *(f"{name} {value:.4f}" for name, value in scores.items()), flush=True)
        if options.by_record:
            wrong = {name: int((true != p.argmax(axis=1)).sum()) for name, (true, p) in found.items()}
            print("   wrong calls:", *(f"{name} {count}" for name, count in sorted(wrong.items())), flush=True)


if __name__ == "__main__":
    main()
