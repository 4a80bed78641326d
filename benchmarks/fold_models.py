"""A rhythm-lstm for each fold of DS1 that has not seen the fold's patients: what adaptation is chosen with.

    python benchmarks/fold_models.py FOLDER [--set networks=2] ...

Writes FOLDER/fold-1 to fold-4, each a folder like that of a run: weights with a card that lists the other folds' records. The
temperature is that of the shipped weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from beatlens._io import sha256_of
from beatlens.models.card import write_card
from beatlens.models.registry import load_card
from beatlens.training.config import load_config
from beatlens.training.rhythm import FOLDS, RhythmTraining, make_examples
from beatlens.training.rhythm_fit import fit
from beatlens.training.run import CARD, WEIGHTS


def main() -> None:
    """Train four models."""
    parser = argparse.ArgumentParser(description="A rhythm-lstm for each fold of DS1.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    options = parser.parse_args()
    settings = load_config(RhythmTraining, None, options.settings)
    examples = make_examples(settings, on_record=lambda name: print(name, flush=True))
    shipped = load_card("rhythm-lstm")
    for number, fold in enumerate(FOLDS, start=1):
        kept = [example for example in examples if not example.patients & set(fold)]
        network = fit(settings, kept)
        folder = options.folder / f"fold-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        network.save(folder / WEIGHTS)
        card = shipped.model_copy(
            update={
                "training_records": tuple(name for other in FOLDS if other is not fold for name in other),
                "configuration": settings.model_dump(mode="json"),
                "figures": {},
                "n_parameters": int(network.count_params()),
                "sha256": sha256_of(folder / WEIGHTS),
            }
        )
        write_card(folder / CARD, card)
        print(f"fold {number}: {' '.join(fold)}", flush=True)


if __name__ == "__main__":
    main()
