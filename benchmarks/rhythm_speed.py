"""How many beats a second rhythm-lstm judges, beside the same network in ONNX Runtime and in PyTorch, in turns.

    python benchmarks/rhythm_speed.py [--beats 20480] [--rounds 7] [--python PYTHON] [--json]
    BEATLENS_DATA=FOLDER python benchmarks/rhythm_speed.py --record 100 [--rounds 7] [--json]

``whole`` is `predict_encoded`: from encoded beats, in stretches of 2,560 (some half an hour), to probabilities, cut into
sequences that overlap, beats of one shape heard. The others compute the
network alone on the same sequences, a batch at a time: ONNX Runtime the exported file, PyTorch a network of the same
layers and sizes (its weights are drawn: speed does not depend on them). Each is a process of its own that uses all cores it
may, and its clock runs when it has compiled. ``--python`` names a Python that has ``onnxruntime`` and ``torch``, if this one
has not. The beats are made up, for the same reason.

``--record`` measures a wait instead: from the start of a process to the probabilities of every beat of a recording of the
MIT-BIH database, R peaks found and all, with nothing compiled before and with what an earlier process has left.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from table import Table, describe_machine
from turns import Turns

from beatlens.databases.mitdb import find_database
from beatlens.models.onnx_export import export_onnx
from beatlens.models.registry import load_model
from beatlens.models.rhythm_encoding import FEATURES
from beatlens.models.rhythm_lstm import BATCH, SEQUENCE

WHOLE = """
import numpy as np
from beatlens.beats.morphology import AFTER, BEFORE
from beatlens.models.registry import load_model
from beatlens.models.rhythm_encoding import FEATURES, EncodedBeats
rng, n = np.random.default_rng(0), {beats}
def stretch():
    windows = rng.normal(size=(2560, BEFORE + AFTER, 2)).astype(np.float32)
    return EncodedBeats(rng.normal(size=(2560, len(FEATURES))).astype(np.float32), windows, windows[0], np.arange(2560))
stretches = [stretch() for _ in range(-(-n // 2560))]
model = load_model("rhythm-lstm")
def run():
    for each in stretches: model.predict_encoded(each)
"""
ALONE = """
import numpy as np
rng = np.random.default_rng(0)
features = rng.normal(size=({batch}, {sequence}, {n_features})).astype(np.float32)
mask = np.ones(({batch}, {sequence}, 1), np.float32)
times = -(-{beats} // ({batch} * {sequence}))
"""
JAX = """
import jax
from beatlens.models.registry import load_model
model = load_model("rhythm-lstm")
program = jax.jit(lambda given: jax.nn.softmax(model.logits(given), axis=-1))
def run():
    for _ in range(times): jax.block_until_ready(program(dict(features=features, mask=mask)))
"""
ONNX = """
import onnxruntime
session = onnxruntime.InferenceSession({path!r}, providers=["CPUExecutionProvider"])
def run():
    for _ in range(times): session.run(None, dict(features=features, mask=mask))
"""
TORCH = """
import torch
from torch import nn
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear({n_features}, 64)
        self.lstm = nn.LSTM(64, {units}, batch_first=True, bidirectional=True)
        self.joined = nn.Linear(64 + 2 * {units}, 48)
        self.logits = nn.Linear(48, 4)
    def forward(self, x, mask):
        beat = torch.relu(self.dense(torch.clip(x, -5, 5))) * mask
        return self.logits(torch.relu(self.joined(torch.cat([self.lstm(beat)[0], beat], dim=-1))))
networks = [Network().eval() for _ in range({networks})]
x, m = torch.from_numpy(features), torch.from_numpy(mask)
def run():
    with torch.inference_mode():
        for _ in range(times): torch.softmax(sum(each(x, m) for each in networks) / len(networks), -1)
"""
FROM_FILE = """
import sys
import beatlens as bl
record = bl.read(sys.argv[1])
said = bl.load_model("rhythm-lstm").predict_record(record, bl.detect_r_peaks(record))
print(len(said.probabilities))
"""


def measure_wait(options: argparse.Namespace) -> None:
    """Print how long a user waits for the probabilities of a recording, from the start of the process."""
    path = find_database() / options.record
    title = "rhythm-lstm: from the start of a process to the probabilities of a recording"
    table = Table("Speed", title, ("before", "beats", "seconds"), as_json=options.json)
    # An installed package has its bytecode on disk.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    waits: dict[str, list[float]] = {"nothing compiled": [], "compiled by an earlier process": []}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.rounds):
            kept = {**environment, "BEATLENS_CACHE": f"{scratch}/{number}"}
            for seconds in waits.values():
                began, words = time.perf_counter(), [sys.executable, "-c", FROM_FILE, str(path)]
                done = subprocess.run(words, env=kept, check=True, capture_output=True, text=True)
                seconds.append(time.perf_counter() - began)
    for kind, seconds in waits.items():
        table.add(kind, f"{int(done.stdout):,}", f"{statistics.median(seconds):.1f}")
    table.note = (
        f"MIT-BIH record {options.record}, 30 minutes of two leads, read, its R peaks found, its beats judged; medians of "
        f"{options.rounds} rounds in turns. {describe_machine()}."
    )
    table.end()


def main() -> None:
    """Time the contenders in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beats", type=int, default=20_480)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--record")
    parser.add_argument("--json", action="store_true", help="print what docs/tools/keep.py keeps")
    options = parser.parse_args()
    if options.record:
        measure_wait(options)
        return
    model = load_model("rhythm-lstm")
    networks = [layer for layer in model.keras_model.layers if hasattr(layer, "layers")] or [model.keras_model]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "rhythm.onnx")
        export_onnx(model, path)
        sizes = {"beats": options.beats, "batch": BATCH, "sequence": SEQUENCE, "n_features": len(FEATURES), "path": str(path)}
        sizes |= {"units": networks[0].get_layer("sequence").forward_layer.units, "networks": len(networks)}
        programs = {
            "Beatlens, whole: encoded beats to probabilities": (sys.executable, WHOLE),
            "Beatlens (JAX), the network": (sys.executable, ALONE + JAX),
            "ONNX Runtime, the network": (options.python, ALONE + ONNX),
            "PyTorch, the network": (options.python, ALONE + TORCH),
        }
        turns = Turns({name: (python, each.format(**sizes)) for name, (python, each) in programs.items()}, options.rounds)
    columns = ("way", "beats a second", "time, relative to Beatlens's network")
    table = Table("Speed", f"rhythm-lstm: {len(networks)} networks over {options.beats:,} beats", columns, as_json=options.json)
    for name in programs:
        table.add(
            name, f"{options.beats / turns.seconds(name):,.0f}", f"{turns.ratio(name, 'Beatlens (JAX), the network'):.2f}"
        )
    table.note = (
        f"Medians of {options.rounds} rounds in turns, each way a process of its own, compiled before; batches of {BATCH} "
        f"sequences of {SEQUENCE} beats. {describe_machine()}."
    )
    table.end()


if __name__ == "__main__":
    main()
