"""Measure the explanation methods: their speed, and what they find where the truth is known.

    python benchmarks/explanations.py speed [--beats 64] [--model NAME_OR_PATH]
    python benchmarks/explanations.py record [--record 100] [--beats 2000]
    python benchmarks/explanations.py truth [--placements 200] [--examples 16384]
    python benchmarks/explanations.py labels [--model rhythm-lstm] [--examples 768] [--passes 400]

``speed``: beats explained a second with a network of the seed's architecture, compiled, by method; untrained weights unless a
model is named, which costs the same. ``truth``: a small recurrent network (LSTM 32, dense 1) learns to tell noise with one wave
somewhere in it from noise without; each method must then find waves planted at every position, early as late. A wave counts
where the network noticed it (probability above one half); it is found if the smoothed explanation is highest within 40 ms.
``record``: how long rhythm-lstm's explanations of a recording of half an hour take, compiled, reading and encoding it included.
``labels``: networks learn some of DS1's beats by heart, with their labels or with labels shuffled among them, each from other
initial weights (after Adebayo et al., NeurIPS 2018); pictures of two that learned something should be more alike than those of
one that did and one that learned nothing. The network is a small one (convolution, LSTM 24) or, with ``--model rhythm-lstm``,
of that architecture; ``--examples`` then counts the beats of each class. Too few passes, or too many examples, and shuffled
labels are not learned: the accuracy on them is printed.
"""

from __future__ import annotations

import argparse
import time
from itertools import combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from beatlens.explain.methods import attribute, methods_for, predict_logits
from beatlens.explain.options import Options
from beatlens.explain.sanity import find_planted
from beatlens.explain.seed import WINDOW, network_subject
from beatlens.explain.subject import Subject, probabilities_of
from beatlens.models.engine import load_keras

N_SAMPLES, FS = 180, 360.0
NETWORKS = 3
"""That learn the true labels; as many learn shuffled ones."""
HEAD = f"{'method':22s} {'':7s} {'true, true':20s}   {'true, shuffled':20s}   passed"


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


def measure_labels(n_examples: int, passes: int) -> None:
    """Print how alike the pictures are of small networks that learned the same, and of such as learned shuffled labels."""
    from beatlens.beats.seed_windows import load_seed_beats
    from beatlens.databases import mitdb
    from beatlens.labels import seed_labels

    rng = np.random.default_rng(0)
    beats = load_seed_beats(mitdb.DS1, folder=mitdb.find_database())
    labels = seed_labels(beats.symbols)
    rows = np.concatenate([rng.choice(np.flatnonzero(labels == k), n_examples // 2, replace=False) for k in (0, 1)])
    others = rng.permutation(np.setdiff1d(np.arange(len(labels)), rows))
    others = np.concatenate([others[labels[others] == k][:32] for k in (0, 1)])
    windows, new = beats.windows[rows], {WINDOW: beats.windows[others]}
    subjects = []
    for number, given in enumerate(labels_to_learn(labels[rows])):
        subject, accuracy = learn_beats(windows, given, number, passes)
        called = predict_logits(subject, new) > 0
        tell_accuracy(number, accuracy, float((called == labels[others]).mean()))
        subjects.append(subject)
    print(f"{len(rows)} beats learned; pictures of {len(others)} others, for the class 'abnormal'\n{HEAD}")
    for method in ("saliency", "gradient-x-input", "integrated-gradients", "occlusion", "stretch-shapley"):
        tell_likeness(method, [attribute(each, new, method=method).values[WINDOW] for each in subjects])


def measure_rhythm_labels(per_class: int, passes: int) -> None:
    """Print the same of networks of rhythm-lstm's architecture, by the voltage of 12 beats of each class that none learned."""
    from beatlens.databases.mitdb import DS1
    from beatlens.explain.evaluate_rhythm import open_weights, pick_rhythm_sample
    from beatlens.explain.evaluate_seed import draw_evenly
    from beatlens.models import ModelCard
    from beatlens.models.rhythm_encoding import encode_prepared
    from beatlens.models.rhythm_lstm import RhythmLSTM
    from beatlens.training.rhythm import Example, RhythmTraining, label_numbers, read_source
    from beatlens.training.rhythm_fit import fit_network

    sources = [read_source(name) for name in DS1]
    encoded = [encode_prepared(source.x, source.times_s) for source in sources]
    classes, names = (np.concatenate(x) for x in zip(*((s.classes, [s.name] * len(s.classes)) for s in sources), strict=True))
    new = draw_evenly(classes, names, per_class=12, seed=0)  # those that pick_rhythm_sample draws
    classes_left = np.where(np.isin(np.arange(len(classes)), new), "", classes)
    learned, truth = draw_evenly(classes_left, names, per_class=per_class, seed=1), label_numbers(classes)
    edges = np.cumsum([len(each) for each in encoded])[:-1]
    models = []
    for number, given in enumerate(labels_to_learn(truth[learned])):
        labels = np.full(len(truth), -1)  # the other beats are read, as neighbours, but their classes are not learned
        labels[learned] = given
        parts = zip(sources, encoded, np.split(labels, edges), strict=True)
        examples = [Example("real", frozenset({s.name}), beats, own) for s, beats, own in parts]
        settings = RhythmTraining(
            epochs=passes, learning_rate=5e-3, weight_decay=0, class_weights=(1, 1, 1, 1), networks=1, seed=number
        )
        model = RhythmLSTM(fit_network(settings, examples), ModelCard.model_construct(name="rhythm-lstm"))
        called = np.concatenate([model.predict_encoded(beats) for beats in encoded]).argmax(axis=1)
        tell_accuracy(number, float((called == labels)[learned].mean()), float((called == truth)[new].mean()))
        models.append(model)
    subject, with_weights = open_weights(models[0])  # one program for all of them; each lays the same beats out for itself
    samples = [with_weights(pick_rhythm_sample(m, per_class=12, records=DS1), m.steps.weights) for m in models]
    target = label_numbers(samples[0].classes)
    print(f"{len(learned)} beats learned; pictures of {len(target)} others, for the class that the reference gives\n{HEAD}")
    for method in ("saliency", "gradient-x-input", "integrated-gradients", "occlusion", "stretch-shapley"):
        found = [attribute(subject, each.inputs, method=method, target=target) for each in samples]
        tell_likeness(method, [each.values[WINDOW] for each in found])


def labels_to_learn(truth: npt.NDArray[np.integer]) -> list[npt.NDArray[np.integer]]:
    """Return what each network learns: the first half the truth, the others shuffles of it, among all beats."""
    return [truth] * NETWORKS + [np.random.default_rng(seed).permutation(truth) for seed in range(NETWORKS)]


def tell_accuracy(number: int, learned: float, new: float) -> None:
    """Print what network ``number`` has learned."""
    kind = "true" if number < NETWORKS else "shuffled"
    print(f"labels {kind}: accuracy {learned:.3f} on them, {new:.3f} on the true labels of other beats", flush=True)


def tell_likeness(method: str, maps: list[npt.NDArray[np.floating]]) -> None:
    """Print how alike pictures of the same beats are: those of two networks of true labels, and of a true and a shuffled one.

    Means over beats and pairs, with the lowest and the highest pair. The test is passed if every pair of true networks is more
    alike than every pair of a true and a shuffled one.
    """
    from beatlens.explain.sanity import rank_correlations

    true, shuffled = maps[:NETWORKS], maps[NETWORKS:]
    for signed, kind in ((False, "sizes"), (True, "signed")):
        same, other = (
            [float(np.nanmean(rank_correlations(*pair, signed=signed))) for pair in pairs]
            for pairs in (combinations(true, 2), product(true, shuffled))
        )
        cells = "   ".join(f"{np.mean(each):5.2f} [{min(each):5.2f}, {max(each):5.2f}]" for each in (same, other))
        passed = "yes" if min(same) > max(other) else "on average" if np.mean(same) > np.mean(other) else "no"
        print(f"{method:22s} {kind:7s} {cells}   {passed}", flush=True)


def learn_beats(
    windows: npt.NDArray[np.float32], labels: npt.NDArray[np.integer], seed: int, passes: int
) -> tuple[Subject, float]:
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
    rate = keras.optimizers.schedules.CosineDecay(4e-3, passes * -(-len(windows) // 64))
    network.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "binary_crossentropy", metrics=["accuracy"])
    network.fit(windows[:, :, None], labels, batch_size=64, epochs=passes, verbose=0)
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
    parser.add_argument("--examples", type=int, help="that the networks learn from, several times over")
    parser.add_argument("--passes", type=int, help="over them, of the networks of ``labels``")
    options = parser.parse_args()
    if options.what == "speed":
        measure_speed(options.beats or 64, options.model)
    elif options.what == "record":
        measure_record(options.record, options.beats or 2000)
    elif options.what == "labels" and options.model:
        measure_rhythm_labels(options.examples or 100, options.passes or 100)
    elif options.what == "labels":
        measure_labels(options.examples or 768, options.passes or 400)
    else:
        measure_truth(options.placements, options.examples or 16384)


if __name__ == "__main__":
    main()
