"""Write the README's results from the cards of the models that ship. Run ``python docs/update_readme.py``."""

from __future__ import annotations

import re
from pathlib import Path

from beatlens._io import write_text
from beatlens.models import ModelCard, list_models

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- results:.*? -->\n).*?(<!-- /results -->)", re.DOTALL)


def describe_seed(card: ModelCard) -> str:
    """Return the paragraph and table of a model under the ``seed`` protocol."""
    figures = card.figures["seed"]
    names = {"accuracy": "accuracy", "f1": "F1", "auroc": "AUC", "average_precision": "average precision"}
    values = " | ".join(f"{figures[name]:.4f}" for name in names)
    setting = card.configuration
    recipe = f"Adam, {setting['schedule']} learning rate {setting['learning_rate']:g}, batch {setting['batch_size']}"
    return (
        f"**`{card.name}`, protocol `seed`** ({figures['n_beats']:,} held-out beats; {recipe}, at most "
        f"{setting['epochs']} epochs). "
        f"{card.protocol_note}\n\n"
        f"| {' | '.join(names.values())} |\n|{' --- |' * len(names)}\n| {values} |\n"
    )


def update(text: str, cards: list[ModelCard]) -> str:
    """Return the README with its results made anew."""
    parts = [describe_seed(card) for card in cards if "seed" in card.figures]
    return BLOCK.sub(lambda found: f"{found[1]}\n" + "\n".join(parts) + f"\n{found[2]}", text)


if __name__ == "__main__":
    write_text(README, update(README.read_text(encoding="utf-8"), list_models()))
