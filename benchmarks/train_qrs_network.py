"""Train the network that tells QRS complexes from other waves (`beatlens.beats.qrs_network`), on DS1 of MIT-BIH only.

    BEATLENS_DATA=FOLDER python benchmarks/train_qrs_network.py [--out FOLDER] [--folds 4]

Each lead of each DS1 record is used as it is, and twice more with synthetic noise (coloured, muscle-like, electrode motion,
steps), another time scale, or both. No recorded noise and no record of DS2 is touched. Without ``--out`` nothing is written:
with ``--folds`` the patients of DS1 are held out in turn and the errors of the first lead and of both leads are printed.
Seeds are fixed.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy import signal as dsp

from beatlens.beats.detector import find_r_peaks
from beatlens.beats.qrs_candidates import N_FEATURES, RATE_HZ, describe_candidates, find_candidates, trace_lead
from beatlens.databases.mitdb import DS1, read_mitdb
from beatlens.evaluation.ec57 import compare_beats
from beatlens.labels import BEAT_SYMBOLS
from beatlens.records import Annotations

SIZES = (N_FEATURES, 64, 24, 1)
COPIES = 3
EPOCHS = 7
BATCH = 1024
RATE = 3e-3
DECAY = 3e-5
DROPOUT = 0.1
POSITIVE_S, IGNORED_S = 0.10, 0.16
FS = 360


def make_noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return synthetic noise of unit variance, present in some stretches of 20 s only."""
    kind = rng.integers(4)
    if kind == 0:
        slope, f = rng.uniform(0.5, 2), np.fft.rfftfreq(n, 1 / FS)
        f[0] = f[1]
        z = np.fft.irfft(f ** (-slope / 2) * (f > 0.3) * np.exp(2j * np.pi * rng.random(len(f))), n)
    elif kind == 1:
        low = rng.uniform(2, 20)
        sos = dsp.butter(2, [low, low + rng.uniform(10, 100)], "bandpass", fs=FS, output="sos")
        z = dsp.sosfiltfilt(sos, rng.standard_normal(n))
    elif kind == 2:
        z, m = np.zeros(n), int(n / FS * rng.uniform(0.3, 2))
        z[rng.integers(0, n, m)] = rng.standard_normal(m) * rng.lognormal(0, 0.5, m)
        width = int(rng.uniform(0.05, 0.4) * FS)
        pulse = dsp.windows.tukey(width, rng.uniform(0.2, 1)) * np.linspace(1, rng.uniform(-1, 1), width)
        z = dsp.fftconvolve(z, pulse, "same")
    else:
        z, m = np.zeros(n), int(n / FS * rng.uniform(0.05, 0.4))
        z[rng.integers(0, n, m)] = rng.standard_normal(m)
        z = dsp.sosfiltfilt(dsp.butter(1, 0.3, "highpass", fs=FS, output="sos"), np.cumsum(z))
        z = dsp.sosfilt(dsp.butter(1, 30, fs=FS, output="sos"), z)
    present = np.repeat(rng.random(n // FS // 20 + 2) < 0.6, 20 * FS)[:n].astype(float)
    z = z * dsp.fftconvolve(present, np.ones(FS) / FS, "same")
    return z / (z.std() + 1e-9)


def make_copy(name: str, copy: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and weights of the candidates of one record; copy 0 is the record as it is."""
    rng = np.random.default_rng([int(name), copy])
    record = read_mitdb(name)
    beats, fibrillation = reference_beats(record.annotations)
    scale = 1.0 if copy == 0 or rng.random() < 0.3 else rng.uniform(0.85, 1.25)
    features, labels = [], []
    for lead in record.signal.T.astype(float):
        x = lead
        if copy and rng.random() < 0.85:
            sizes = [np.ptp(lead[max(0, t - 18) : t + 18]) for t in beats[5:-5:5]]
            noise = make_noise(rng, len(x))
            if rng.random() < 0.4:
                noise = noise + make_noise(rng, len(x)) * rng.uniform(0.2, 1)
            x = x + noise * np.median(sizes) / np.sqrt(8 * 10 ** (rng.uniform(-6, 20) / 10))
        if scale != 1:
            x = np.interp(np.arange(int(len(x) * scale)) / scale, np.arange(len(x)), x)
        trace = trace_lead(x.astype(np.float32), FS)
        candidates = find_candidates(trace)
        label = label_candidates(candidates / RATE_HZ, beats * scale / FS, fibrillation * scale / FS)
        known = label >= 0
        features.append(describe_candidates(trace, candidates[known]))
        labels.append(label[known])
    y = np.concatenate(labels)
    return np.concatenate(features), y, np.full(len(y), 1.0 if copy == 0 else 0.5)


def reference_beats(annotations: Annotations) -> tuple[np.ndarray, np.ndarray]:
    """Return the beats outside ventricular fibrillation, and the intervals of fibrillation, in samples."""
    beats, intervals, begin = [], [], None
    for sample, symbol in zip(annotations.samples.tolist(), annotations.symbols.tolist(), strict=True):
        if symbol == "[":
            begin = sample
        elif symbol == "]" and begin is not None:
            intervals.append((begin, sample))
            begin = None
        elif begin is None and symbol in BEAT_SYMBOLS:
            beats.append(sample)
    return np.array(beats), np.array(intervals, dtype=float).reshape(-1, 2)


def label_candidates(times: np.ndarray, beats: np.ndarray, fibrillation: np.ndarray) -> np.ndarray:
    """Return 1 within 100 ms of a beat, 0 beyond 160 ms of every beat, -1 (left out) between and in fibrillation."""
    after = np.clip(np.searchsorted(beats, times), 1, len(beats) - 1)
    distance = np.minimum(np.abs(beats[after] - times), np.abs(beats[after - 1] - times))
    labels = np.where(distance <= POSITIVE_S, 1, np.where(distance <= IGNORED_S, -1, 0))
    for begin, end in fibrillation:
        labels[(times >= begin - 0.17) & (times <= end + 0.17)] = -1
    return labels


def forward(layers: list, x: jax.Array) -> jax.Array:
    """Return the logits."""
    for weight, bias in layers[:-1]:
        x = jnp.maximum(x @ weight + bias, 0)
    return (x @ layers[-1][0] + layers[-1][1])[:, 0]


def loss(layers: list, batch: tuple, key: jax.Array) -> jax.Array:
    """Return the weighted cross-entropy with dropout on the inputs, plus weight decay."""
    x, y, w = batch
    z = forward(layers, x * jax.random.bernoulli(key, 1 - DROPOUT, x.shape) / (1 - DROPOUT))
    entropy = jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z)))
    return (entropy * w).mean() + DECAY * sum((weight**2).sum() for weight, _ in layers)


def train(x: np.ndarray, y: np.ndarray, w: np.ndarray, seed: int = 0) -> list:
    """Return the trained layers, the standardisation of the features folded into the first."""
    mean, std = x.mean(0, dtype=np.float64).astype(np.float32), x.std(0, dtype=np.float64).astype(np.float32) + 1e-3
    x = (x - mean) / std
    steps = len(x) // BATCH
    rng = np.random.default_rng(seed)
    sizes = list(itertools.pairwise(SIZES))
    gains = [1.0] * (len(sizes) - 1) + [0.3]
    layers = [
        [jnp.asarray(rng.standard_normal(shape) * np.sqrt(2 / shape[0]) * gain, jnp.float32), jnp.zeros(shape[1])]
        for shape, gain in zip(sizes, gains, strict=True)
    ]
    zeros = jax.tree.map(jnp.zeros_like, layers)
    state = (layers, zeros, zeros, jnp.array(0.0), jax.random.PRNGKey(seed))

    @jax.jit
    def epoch(state: tuple, batches: tuple) -> tuple:
        def step(state: tuple, batch: tuple) -> tuple:
            layers, m, v, t, key = state
            key, part = jax.random.split(key)
            grads = jax.grad(loss)(layers, batch, part)
            t = t + 1
            m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grads)
            v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, grads)
            rate = RATE * jnp.minimum(1, t / 200) * 0.5 * (1 + jnp.cos(jnp.pi * t / (EPOCHS * steps)))
            layers = jax.tree.map(
                lambda p, a, b: p - rate * (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8), layers, m, v
            )
            return (layers, m, v, t, key), None

        return jax.lax.scan(step, state, batches)[0]

    for _ in range(EPOCHS):
        order = rng.permutation(len(x))[: steps * BATCH].reshape(steps, BATCH)
        state = epoch(state, (x[order], y[order].astype(np.float32), w[order].astype(np.float32)))
    found = [[np.asarray(weight), np.asarray(bias)] for weight, bias in state[0]]
    found[0][1] = found[0][1] - (mean / std) @ found[0][0]
    found[0][0] = found[0][0] / std[:, None]
    return found


def report(records: list[str], layers: list) -> dict[str, list[str]]:
    """Return 'missed/false' of each record, from the first lead and from both."""
    lines: dict[str, list[str]] = {}
    for name in records:
        record = read_mitdb(name)
        for leads in (record.lead_names[:1], record.lead_names):
            found = find_r_peaks(record, leads=leads, layers=tuple(map(tuple, layers))).samples
            test = Annotations(found, np.full(len(found), "N"))
            result = compare_beats(record.annotations, test, fs=FS, n_samples=record.n_samples)
            se, ppv = result.qrs_sensitivity, result.qrs_predictivity
            lines.setdefault(name, []).append(f"{se.cases - se.hits}/{ppv.cases - ppv.hits}")
    return lines


def main() -> None:
    """Train, and report or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write qrs_network.npz and its card here")
    parser.add_argument("--folds", type=int, default=0, help="hold out the patients of DS1 in turn, and report")
    options = parser.parse_args()
    data = {name: [make_copy(name, copy) for copy in range(COPIES)] for name in DS1}

    def gather(names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return tuple(np.concatenate([part[i] for name in names for part in data[name]]) for i in range(3))

    totals = np.zeros((2, 2), int)
    for fold in range(options.folds):
        held_out = list(DS1[fold :: options.folds])
        lines = report(held_out, train(*gather([name for name in DS1 if name not in held_out])))
        for name, figures in lines.items():
            print(name, "missed/false, first lead:", figures[0], "both:", figures[1], flush=True)
            totals += [[int(n) for n in figure.split("/")] for figure in figures]
    if options.folds:
        print("held out, all of DS1: first lead", totals[0].tolist(), "both", totals[1].tolist())
    if options.out:
        layers = train(*gather(list(DS1)))
        write(layers, options.out)


def write(layers: list, folder: Path) -> None:
    """Write the weights, and the card with their hash."""
    file = folder / "qrs_network.npz"
    arrays = {}
    for i, (weight, bias) in enumerate(layers):
        arrays |= {f"weight_{i}": weight.astype(np.float32), f"bias_{i}": bias.astype(np.float32)}
    np.savez(file, **arrays)
    card = {
        "name": "qrs-network",
        "version": 1,
        "task": "tell QRS complexes from other waves, one lead at a time",
        "trained_on": {"database": "MIT-BIH Arrhythmia Database 1.0.0", "records": list(DS1), "leads": "both, each by itself"},
        "augmentation": f"{COPIES - 1} copies with synthetic noise and time scale",
        "sizes": list(SIZES),
        "epochs": EPOCHS,
        "seed": 0,
        "command": "python benchmarks/train_qrs_network.py --out src/beatlens/beats",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "licence": "weights: Apache-2.0; data: ODC-By 1.0 (Moody and Mark 2001; Goldberger et al. 2000)",
        "use": "for research; not a medical device",
    }
    (folder / "qrs_network.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
