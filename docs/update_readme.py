"""Write the README's results from the models' cards and their kept results.

Run ``python docs/update_readme.py``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from beatlens._io import write_text
from beatlens.models import ModelCard, list_models

sys.path[:0] = [str(Path(__file__).parent / "tools")]

import beside  # noqa: E402

README = Path(__file__).parents[1] / "README.md"
RESULTS = Path(__file__).parent / "results"
SUBSETS = {"all 22": "all", "without 232": "without 232", "without 213": "without 213"}
BLOCK = re.compile(r"(<!-- results:.*? -->\n).*?(<!-- /results -->)", re.DOTALL)


def describe_seed(card: ModelCard) -> str:
    """Return the paragraph and table of a model under the ``seed`` protocol."""
    figures = card.figures["seed"]
    names = {"accuracy": "accuracy", "f1": "F1", "auroc": "AUC", "average_precision": "average precision"}
    values = " | ".join(f"{figures[name]:.4f}" for name in names)
    setting = card.configuration
    recipe = f"Adam, {setting['schedule']} learning rate {setting['learning_rate']:g}, batch {setting['batch_size']}"
    epochs = f"at most {setting['epochs']} epochs"
    if setting.get("start_from"):
        epochs += " after those of the runs that it goes on from, in `examples/`"
    return (
        f"**`{card.name}`, protocol `seed`** ({figures['n_beats']:,} held-out beats; {recipe}, "
        f"{epochs}). {card.protocol_note}\n\n"
        f"| {' | '.join(names.values())} |\n|{' --- |' * len(names)}\n| {values} |\n"
    )


def describe_inter_patient(card: ModelCard) -> str:
    """Return the paragraph and table of a model under the ``inter-patient`` protocol, from its kept result."""
    result = json.loads((RESULTS / f"{card.name}-inter-patient.json").read_text(encoding="utf-8"))
    if result["provenance"]["weights"] != card.sha256:
        raise ValueError(f"the result of {card.name} is of other weights: evaluate it again")
    subsets = result["figures"]["mappings"]["paper"]["subsets"]
    names = ("records", "macro-F1", "N F1", "S F1", "V F1", "F F1", "abnormal F1", "AUROC")
    rows = [f"| {' | '.join((of, *in_percent(subsets[key])))} |" for of, key in SUBSETS.items()]
    return (
        f"**`{card.name}`, protocol `inter-patient`**: trained on DS1, measured on DS2, reference R peaks, paper mapping; "
        f"in percent, 95 % intervals over records in brackets. {card.protocol_note} Three quarters of DS2's S beats are of "
        f"record 232, whose kind of rhythm the training's composed recordings resemble: expect the row without it. "
        f"Two kinds of them were thought of because of errors in record 200. "
        f"[Experiments](docs/experiments.md), [every look at DS2](docs/ds2-log.md).\n\n"
        f"| {' | '.join(names)} |\n|{' --- |' * len(names)}\n" + "\n".join(rows) + "\n"
    )


def describe_beside() -> str:
    """Return the table of the models, and of what is easy to beat, beside each other."""
    rows = [f"| {' | '.join(row)} |" for row in beside.rows(RESULTS, subsets=False)]
    return f"| {' | '.join(beside.COLUMNS)} |\n|{' --- |' * len(beside.COLUMNS)}\n" + "\n".join(rows) + "\n"


def in_percent(subset: dict[str, Any]) -> list[str]:
    """Return the cells of one row: value and interval of each figure."""
    found = [subset["macro_f1"], *(subset["classes"][name]["f1"] for name in "NSVF"), subset["abnormal"]["f1"], subset["auroc"]]
    return [cell(figure) for figure in found]


def cell(figure: dict[str, Any]) -> str:
    """Return a value in percent with its interval, if it has one."""
    if figure["value"] is None:
        return "-"
    low_high = figure.get("interval_95")
    value = f"{100 * figure['value']:.1f}"
    return value + (f" [{100 * low_high[0]:.0f}, {100 * low_high[1]:.0f}]" if low_high else "")


def update(text: str, cards: list[ModelCard]) -> str:
    """Return the README with its results made anew."""
    parts = [
        describe_seed(card) if card.protocol == "seed" else describe_inter_patient(card)
        for card in sorted(cards, key=lambda card: card.protocol == "seed")
    ]
    parts.insert(1, describe_beside())
    return BLOCK.sub(lambda found: f"{found[1]}\n" + "\n".join(parts) + f"\n{found[2]}", text)


if __name__ == "__main__":
    write_text(README, update(README.read_text(encoding="utf-8"), list_models()))
