"""Measure the explanation methods: their speed, and what they find where the truth is known.

    python benchmarks/explanations.py speed [--beats 64] [--model NAME_OR_PATH]
    python benchmarks/explanations.py record [--record 100] [--beats 2000]
    python benchmarks/explanations.py truth [--placements 200] [--examples 16384]
    python benchmarks/explanations.py labels [--examples 4096]

``speed``: beats explained a second with a network of the seed's architecture, compiled, by method; untrained weights unless a
model is named, which costs the same. ``truth``: a small recurrent network (LSTM 32, dense 1) learns to tell noise with one wave
somewhere in it from noise without; each method must then find waves planted at every position, early as late. A wave counts
where the network noticed it (probability above one half); it is found if the smoothed explanation is highest within 40 ms.
``record``: how long rhythm-lstm's explanations of a recording of half an hour take, compiled, reading and encoding it included.
``labels``: a small network (convolution, LSTM 24) learns DS1's beats with their labels, again from other initial weights, and
with its labels shuffled; pictures of the two that learned something should be more alike than those of the third.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from beatlens.explain.methods import attribute, methods_for
from beatlens.explain.options import Options
from beatlens.explain.sanity import find_planted
from beatlens.explain.seed import WINDOW, network_subject
from beatlens.explain.subject import Subject, probabilities_of
from beatlens.models.engine import load_keras

N_SAMPLES, FS = 180, 360.0


def measure_speed(n_beats: int, name: str | None) -> None:
    """Print beats a second of every method, warm."""
    from beatlens.models import ModelCard, load_model
    from beatlens.models.seed_lstm import SeedLSTM, build_seed_lstm

    model = load_model(name) if name else SeedLSTM(build_seed_lstm(seed=0), ModelCard.model_construct(name="seed-lstm"))
    subject = network_subject(model)
    windows = np.random.default_rng(0).normal(size=(n_beats, N_SAMPLES)).astype(np.float32)
    print(f"{subject.name}, {n_beats} beats, settings {Options()}")
    for method in methods_for(subject):
        attribute(subject, {WINDOW: windows}, method=method)
        start = time.perf_counter()
        attribute(subject, {WINDOW: windows}, method=method)
        print(f"{method:30s} {n_beats / (time.perf_counter() - start):8.1f} beats/s", flush=True)


def measure_record(name: str, n_beats: int) -> None:
    """Print how long rhythm-lstm's explanations of a database record take, the median of three, warm."""
    from beatlens.databases.mitdb import read_mitdb
    from beatlens.explain.record import find_beats
    from beatlens.explain.rhythm import read_rhythm_beats, rhythm_subject
    from beatlens.models import load_model

    model, record = load_model("rhythm-lstm"), read_mitdb(name)
    samples = find_beats(record, classes=model.classes)[0][:n_beats]
    subject = rhythm_subject(model)
    print(f"rhythm-lstm, record {name}, {len(samples)} beats, settings {Options()}")
    for method in ("saliency", "integrated-gradients", "occlusion"):
        times = []
        for _ in range(4):
            start, busy = time.perf_counter(), time.process_time()
            beats = read_rhythm_beats(record, samples, model, neighbours=False)
            attribute(subject, beats.inputs, method=method)
            times.append((time.perf_counter() - start, time.process_time() - busy))
        wall, cpu = (float(np.median([each[k] for each in times[1:]])) for k in (0, 1))
        print(f"{method:30s} {wall:6.2f} s, {cpu:6.2f} s of processor time", flush=True)


def measure_labels(n_examples: int) -> None:
    """Print how alike the pictures of two networks are that learned the same, and of one that learned shuffled labels."""
    from beatlens.beats.seed_windows import load_seed_beats
    from beatlens.databases import mitdb
    from beatlens.explain.sanity import rank_correlations
    from beatlens.labels import seed_labels

    rng = np.random.default_rng(0)
    beats = load_seed_beats(mitdb.DS1, folder=mitdb.find_database())
    labels = seed_labels(beats.symbols)
    rows = np.concatenate([rng.choice(np.flatnonzero(labels == k), n_examples // 2) for k in (0, 1)])
    windows, truth = beats.windows[rows], labels[rows]
    shuffled = rng.permutation(truth)
    subjects = {
        "true": learn_beats(windows, truth, 0),
        "true, other initial weights": learn_beats(windows, truth, 1),
        "shuffled": learn_beats(windows, shuffled, 1),  # not the weights that the first one began with: they leave their mark
    }
    for name, (_, accuracy) in subjects.items():
        print(f"labels {name}: accuracy on them {accuracy:.3f}")
    some = {WINDOW: windows[rng.permutation(len(windows))[:64]]}
    print("method                          true and true, other weights   true and shuffled")
    for method in ("saliency", "gradient-x-input", "integrated-gradients", "occlusion", "stretch-shapley"):
        maps = [attribute(subject, some, method=method).values[WINDOW] for subject, _ in subjects.values()]
        alike = [float(np.nanmean(rank_correlations(maps[0], other))) for other in maps[1:]]
        print(f"{method:30s}  {alike[0]:.3f}   {alike[1]:.3f}", flush=True)


def learn_beats(windows: npt.NDArray[np.float32], labels: npt.NDArray[np.integer], seed: int) -> tuple[Subject, float]:
    """Train a small network on beats; return it with its accuracy on the same beats."""
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((N_SAMPLES, 1)),
            layers.Conv1D(16, 9, strides=3, activation="relu"),
            layers.LSTM(24),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile(keras.optimizers.Adam(4e-3, clipnorm=1.0), "binary_crossentropy", metrics=["accuracy"])
    network.fit(windows[:, :, None], labels, batch_size=128, epochs=8, verbose=0)
    accuracy = float(network.evaluate(windows[:, :, None], labels, batch_size=128, verbose=0)[1])
    body, last = network.layers[:-1], network.layers[-1]

    def logits(inputs: dict[str, Any]) -> Any:
        values = inputs[WINDOW][:, :, None]
        for layer in body:
            values = layer(values)
        return (values @ last.kernel.value + last.bias.value)[:, 0]

    return Subject("beat reader", ("normal", "abnormal"), logits, (WINDOW,), FS, N_SAMPLES // 2), accuracy


def draw_waves(n_beats: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return noise, and where a wave belongs: 25 ms wide, 4 standard deviations high."""
    return rng.normal(size=(n_beats, N_SAMPLES)).astype(np.float32), rng.integers(8, N_SAMPLES - 8, n_beats)


def add_waves(noise: npt.NDArray[np.float32], places: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the noise with a wave at each place."""
    return (noise + 4 * np.exp(-0.5 * ((np.arange(N_SAMPLES) - places[:, None]) / 4.5) ** 2)).astype(np.float32)


def learn_waves(rng: np.random.Generator, n_examples: int) -> tuple[Subject, float]:
    """Train the small network; return it with its accuracy on new beats."""
    keras = load_keras()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential([keras.Input((N_SAMPLES, 1)), layers.LSTM(32), layers.Dense(1, activation="sigmoid")])
    network.compile(keras.optimizers.Adam(5e-3, clipnorm=1.0), "binary_crossentropy", metrics=["accuracy"])

    def examples(n_beats: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        noise, places = draw_waves(n_beats, rng)
        present = np.arange(n_beats) % 2
        return np.where(present[:, None] == 1, add_waves(noise, places), noise)[:, :, None], present

    network.fit(*examples(n_examples), batch_size=128, epochs=6, verbose=0)
    accuracy = float(network.evaluate(*examples(2000), verbose=0)[1])
    body, last = network.layers[0], network.layers[-1]

    def logits(inputs: dict[str, Any]) -> Any:
        return (body(inputs[WINDOW][:, :, None]) @ last.kernel.value + last.bias.value)[:, 0]

    return Subject("wave finder", ("none", "wave"), logits, (WINDOW,), FS, N_SAMPLES // 2), accuracy


def measure_truth(n_placements: int, n_examples: int) -> None:
    """Print how many planted waves each method finds, by third of the window."""
    rng = np.random.default_rng(0)
    subject, accuracy = learn_waves(rng, n_examples)
    noise, places = draw_waves(2 * n_placements, rng)
    planted = add_waves(noise, places)
    noticed = probabilities_of(attribute(subject, {WINDOW: planted}).logits)[:, 1] > 0.5
    kept = np.flatnonzero(noticed)[:n_placements]
    planted, places = planted[kept], places[kept]
    third = places * 3 // N_SAMPLES
    print(f"LSTM 32, accuracy on new beats {accuracy:.3f}; {len(kept)} waves counted; {noticed.mean():.0%} were noticed")
    print("method                          found   first   middle  last third")
    for method in methods_for(subject):
        if method == "segment-shapley":  # it chooses among named segments, not instants
            continue
        values = attribute(subject, {WINDOW: planted}, method=method).values[WINDOW]
        hit = find_planted(values, places, smooth=5, reach=round(0.04 * FS))
        parts = "   ".join(f"{hit[third == k].mean():.3f}" if (third == k).any() else "-" for k in range(3))
        print(f"{method:30s}  {hit.mean():.3f}   {parts}", flush=True)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "record", "truth", "labels"))
    parser.add_argument("--beats", type=int)
    parser.add_argument("--record", default="100")
    parser.add_argument("--model")
    parser.add_argument("--placements", type=int, default=200)
    parser.add_argument("--examples", type=int, help="that the small network learns from, several times over")
    options = parser.parse_args()
    if options.what == "speed":
        measure_speed(options.beats or 64, options.model)
    elif options.what == "record":
        measure_record(options.record, options.beats or 2000)
    elif options.what == "labels":
        measure_labels(options.examples or 4096)
    else:
        measure_truth(options.placements, options.examples or 16384)


if __name__ == "__main__":
    main()
