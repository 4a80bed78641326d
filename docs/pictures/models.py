"""Draw the networks of the shipped models, layer by layer, from their weights files. Run ``python docs/pictures/models.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from boxes import arrow, box, document, text

from beatlens._io import write_text
from beatlens.models import load_model
from beatlens.reports.style import SOFT_INK

WIDTH, ROW, TOP, LEFT = 620, 64, 70, 20
FILLS = {"LSTM": "#E7F0FA", "Bidirectional": "#E7F0FA", "Dense": "#FBF0DC", "Normalization": "#F3F6F9", "InputLayer": "#F3F6F9"}


def rows_of(network: Any) -> list[tuple[str, str, str]]:
    """Return kind, words and shape of each layer that does something to the numbers."""
    rows = []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "InputLayer" and rows:  # which beats there are, and the like
            continue
        if kind not in {*FILLS, "Dropout", "SpatialDropout1D", "Conv2D", "Concatenate"}:
            continue
        shape = layer.output.shape if not isinstance(layer.output, list) else layer.output[0].shape
        axes = " x ".join("beats" if size is None else str(size) for size in shape[1:])
        rows.append((kind, describe(kind, layer), axes))
    return rows


def describe(kind: str, layer: Any) -> str:
    """Return what a layer does, in a few words."""
    words = {
        "LSTM": lambda: (
            f"LSTM, {layer.units} units, " + ("a state for every step" if layer.return_sequences else "its last state")
        ),
        "Bidirectional": lambda: f"bidirectional LSTM over the beats, {layer.forward_layer.units} units each way",
        "Dense": lambda: f"dense, {layer.units}, {layer.activation.__name__}",
        "Dropout": lambda: f"dropout {layer.rate:g} (in training only)",
        "SpatialDropout1D": lambda: f"dropout of whole features, {layer.rate:g} (in training only)",
        "Normalization": lambda: "each feature minus its mean, over its deviation; clipped at 5",
        "InputLayer": lambda: f"input: {layer.name}",
        "Concatenate": lambda: "the states beside the encoded beat",
        "Conv2D": lambda: f"convolution along each window, {layer.filters} maps",
    }
    return words[kind]()


def draw(name: str) -> str:
    """Return the drawing of a model of the package."""
    model = load_model(name)
    network = model.keras_model
    inner = [
        layer for layer in network.layers if hasattr(layer, "layers") and type(layer).__name__ in ("Functional", "Sequential")
    ]
    one = inner[0] if len(inner) > 1 else network
    rows = rows_of(one)
    if not any(kind == "InputLayer" for kind, _, _ in rows):
        shape = " x ".join(str(size) for size in network.input_shape[1:])
        rows.insert(0, ("InputLayer", "input: window of one lead, z-scored", shape))
    parts = [text(LEFT, 30, name, size=17, bold=True)]
    card = model.card
    copies = f"; {len(inner)} such networks, their logits averaged" if len(inner) > 1 else ""
    parts.append(text(LEFT, 50, f"{card.n_parameters:,} weights{copies}", size=12, colour=SOFT_INK))
    for place, (kind, words, shape) in enumerate(rows):
        y = TOP + ROW * place
        parts += [
            box(LEFT, y, WIDTH - 2 * LEFT, 42, fill=FILLS.get(kind, "#FFFFFF")),
            text(LEFT + 14, y + 26, words),
            text(WIDTH - LEFT - 14, y + 26, shape, size=12, colour=SOFT_INK, anchor="end"),
        ]
        if place + 1 < len(rows):
            parts.append(arrow(WIDTH / 2, y + 42, WIDTH / 2, y + ROW - 2))
    end = TOP + ROW * len(rows)
    outcome = ", ".join(card.classes)
    parts.append(
        text(LEFT, end + 8, f"Says: {outcome}. Shapes are for one recording's window or sequence.", size=12, colour=SOFT_INK)
    )
    return document(parts, WIDTH, end + 28, f"The layers of {name} from input to output")


if __name__ == "__main__":
    for each in ("seed-lstm", "rhythm-lstm"):
        write_text(Path(__file__).parent / f"{each}.svg", draw(each))
