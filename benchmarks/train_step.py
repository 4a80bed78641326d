"""Time one training step of seed-lstm: Beatlens's loop on JAX beside Keras's own on TensorFlow and on JAX.

Same network, same batch, same machine, in turns; medians and ratios. Run with

    python benchmarks/train_step.py [--rounds 5] [--steps 4] [--tensorflow PYTHON]

where PYTHON is an interpreter that has TensorFlow and Keras (this one if not given; the row is left out where it has not).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

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
import json, os, sys, time
os.environ['KERAS_BACKEND'] = {backend!r}
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np
BATCH, STEPS = {batch}, {steps}
rng = np.random.default_rng(42)
x = rng.normal(size=(BATCH, 180, 1)).astype(np.float32)
y = (rng.random(BATCH) > 0.5).astype(np.float32)
{body}
advance()
seconds = []
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(STEPS):
        advance()
    print(json.dumps((time.perf_counter() - start) / STEPS), flush=True)
"""


def start(python: str, backend: str, body: str, batch: int, steps: int) -> subprocess.Popen[str]:
    """Start a process that times one round of steps for every line that it is given."""
    program = PROGRAM.format(backend=backend, body=body, batch=batch, steps=steps)
    pipe = subprocess.PIPE
    return subprocess.Popen([python, "-c", program], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)


def time_round(process: subprocess.Popen[str]) -> float:
    """Return the seconds of one step, averaged over a round."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError
    process.stdin.write("go\n")
    process.stdin.flush()
    return float(json.loads(process.stdout.readline()))


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
    running = {name: start(*contender, options.batch, options.steps) for name, contender in contenders.items()}
    for process in running.values():
        time_round(process)
    rounds = [{name: time_round(process) for name, process in running.items()} for _ in range(options.rounds)]
    for process in running.values():
        process.kill()
    print(f"one step of seed-lstm, batch {options.batch}, {options.rounds} rounds of {options.steps} steps in turns")
    for name in running:
        median = statistics.median(found[name] for found in rounds)
        ratio = statistics.median(found[name] / found["Beatlens, float32"] for found in rounds)
        rate = f"median {median:.3f} s   {options.batch / median:7.0f} beats/s"
        print(f"{name:22} {rate}   {ratio:.2f} x the time of Beatlens in float32")


if __name__ == "__main__":
    main()
