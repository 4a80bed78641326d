"""The baseline beside rhythm-lstm: gradient boosting on the columns that it sees, each beat for itself.

Patient-wise folds of DS1; with --ds2 also trained on all of DS1 and looked at on DS2, which belongs into the log by hand.

    python benchmarks/baseline_boosting.py [--ds2]

Needs the database (BEATLENS_DATA) and scikit-learn.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score

from beatlens.databases.mitdb import DS1, DS2
from beatlens.models.rhythm_encoding import FEATURES, encode_prepared
from beatlens.models.rhythm_network import CLASSES
from beatlens.training.rhythm import FOLDS, UNSEEN, label_numbers, read_source

SEED = 0
SEEN = [k for k, name in enumerate(FEATURES) if name not in UNSEEN]


def load(records: tuple[str, ...]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return features and labels of each record."""
    loaded = {}
    for name in records:
        source = read_source(name)
        labels = label_numbers(source.classes)
        x = source.x[:, list(source.reads)]  # the leads that the network reads
        loaded[name] = encode_prepared(x, source.times_s).features[labels >= 0][:, SEEN], labels[labels >= 0]
    return loaded


def fit(data: list[tuple[np.ndarray, np.ndarray]]) -> HistGradientBoostingClassifier:
    """Fit on a quarter of the normal beats, weighted fourfold; classes weigh by the root of their rarity."""
    x, y = (np.concatenate(part) for part in zip(*data, strict=True))
    kept = (y > 0) | (np.random.default_rng(SEED).random(len(y)) < 0.25)
    x, y = x[kept], y[kept]
    weight = np.where(y == 0, 4.0, 1.0)
    count = np.bincount(y, weight, minlength=len(CLASSES))
    model = HistGradientBoostingClassifier(
        max_iter=80,
        learning_rate=0.1,
        max_leaf_nodes=12,
        max_bins=63,
        l2_regularization=5,
        min_samples_leaf=40,
        early_stopping=False,
        random_state=SEED,
    )
    return model.fit(x, y, sample_weight=weight * np.sqrt(count.sum() / count[y]))


def figures(true: np.ndarray, called: np.ndarray) -> dict[str, float]:
    """Return F1 of each class, their mean, and F1 of abnormal beats."""
    f1 = f1_score(true, called, labels=range(len(CLASSES)), average=None, zero_division=0)
    named = {f"{name} F1": round(float(v), 4) for name, v in zip(CLASSES, f1, strict=True)}
    return named | {"macro-F1": round(float(f1.mean()), 4), "abnormal F1": round(float(f1_score(true > 0, called > 0)), 4)}


def main() -> None:
    """Run the folds and, if asked, look at DS2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ds2", action="store_true")
    chosen = parser.parse_args()
    ds1 = load(DS1)
    true, called = [], []
    for fold in FOLDS:
        model = fit([ds1[name] for name in DS1 if name not in fold])
        for name in fold:
            true.append(ds1[name][1])
            called.append(model.predict(ds1[name][0]))
    found = {"DS1 folds": figures(np.concatenate(true), np.concatenate(called))}
    if chosen.ds2:
        model, ds2 = fit(list(ds1.values())), load(DS2)
        called = np.concatenate([model.predict(x) for x, _ in ds2.values()])
        found["DS2"] = figures(np.concatenate([y for _, y in ds2.values()]), called)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
