"""Time one training step of seed-lstm: Beatlens's loop on JAX beside Keras's own on TensorFlow and on JAX.

Same network, same batch, same machine, in turns; medians and ratios. Run with

    python benchmarks/train_step.py [--rounds 5] [--steps 4] [--tensorflow PYTHON]

where PYTHON is an interpreter that has TensorFlow and Keras (this one if not given; the row is left out where it has not).
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from turns import Turns

OURS = """
from beatlens.models.seed_lstm import build_seed_lstm
from beatlens.training.fit import FitSettings, _Step
settings = FitSettings(50, BATCH, 1e-4, 'constant', 0.05, None, 5, 42, {precision!r})
step = _Step(build_seed_lstm(seed=42), settings, 400)
weight = np.ones(BATCH, np.float32)
advance = lambda: step.advance(x, y, weight)
"""

KERAS = """
import keras
keras.utils.set_random_seed(42)
layers = keras.layers
model = keras.Sequential([
    keras.Input((180, 1)), layers.LSTM(256, return_sequences=True), layers.Dropout(0.4), layers.LSTM(256),
    layers.Dense(32, activation='relu'), layers.Dropout(0.2), layers.Dense(1, activation='sigmoid')])
model.compile(keras.optimizers.Adam(1e-4), 'binary_crossentropy')
advance = lambda: model.train_on_batch(x, y[:, None])
"""

PROGRAM = """
import os
os.environ['KERAS_BACKEND'] = {backend!r}
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np
BATCH, STEPS = {batch}, {steps}
rng = np.random.default_rng(42)
x = rng.normal(size=(BATCH, 180, 1)).astype(np.float32)
y = (rng.random(BATCH) > 0.5).astype(np.float32)
{body}
def run():
    for _ in range(STEPS): advance()
"""


def main() -> None:
    """Time the contenders in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--tensorflow", default=sys.executable)
    options = parser.parse_args()
    contenders = {
        "Beatlens, bfloat16": (sys.executable, "jax", OURS.format(precision="bfloat16")),
        "Beatlens, float32": (sys.executable, "jax", OURS.format(precision="float32")),
        "Keras on JAX": (sys.executable, "jax", KERAS),
        "Keras on TensorFlow": (options.tensorflow, "tensorflow", KERAS),
    }
    if subprocess.run([options.tensorflow, "-c", "import tensorflow"], capture_output=True, check=False).returncode:
        del contenders["Keras on TensorFlow"]
        print("Keras on TensorFlow: not installed")
    sizes = {"batch": options.batch, "steps": options.steps}
    programs = {
        name: (python, PROGRAM.format(backend=backend, body=body, **sizes))
        for name, (python, backend, body) in contenders.items()
    }
    turns = Turns(programs, options.rounds)
    print(f"one step of seed-lstm, batch {options.batch}, {options.rounds} rounds of {options.steps} steps in turns")
    for name in programs:
        median = turns.seconds(name) / options.steps
        rate = f"median {median:.3f} s   {options.batch / median:7.0f} beats/s"
        print(f"{name:22} {rate}   {turns.ratio(name, 'Beatlens, float32'):.2f} x the time of Beatlens in float32")


if __name__ == "__main__":
    main()
