"""What a run of ``seed-lstm`` leaves behind beside its weights: figures, predictions, and explained beats of the test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from beatlens._io import replacing
from beatlens.beats.seed_windows import BEFORE, FS, SeedBeats
from beatlens.evaluation.metrics import confusion_matrix
from beatlens.explain.explanation import Explanation, tabulate_explanations
from beatlens.explain.methods import attribute, find_method
from beatlens.explain.peaks import find_salient_times
from beatlens.explain.seed import WINDOW, network_subject
from beatlens.explain.words import describe_beat
from beatlens.models.seed_lstm import N_SAMPLES, SeedLSTM
from beatlens.reports.figures.outcomes import plot_confusion_matrix, plot_history, plot_outcomes
from beatlens.reports.figures.saliency import plot_average_saliency, plot_misclassified, plot_saliency
from beatlens.reports.figures.saving import save_figure

if TYPE_CHECKING:
    import pandas as pd

METHOD: Final = "saliency"
TITLES: Final = {"seed": "seed-lstm, seed protocol, held-out beats"}
N_AVERAGED, N_SHOWN = 1000, 12
TIMES_MS: Final = np.asarray((np.arange(N_SAMPLES) - BEFORE) * (1000.0 / FS), np.float64)
_CURVES: Final = {
    "loss": "loss",
    "accuracy": "accuracy",
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
}


@dataclass(frozen=True, eq=False)
class ExplainedBeats:
    """Beats with their probabilities and saliency, one row a beat.

    Parameters
    ----------
    beats : SeedBeats
        The beats.
    abnormal : ndarray of float32, shape (n_beats,)
        Probability of ``abnormal``.
    saliency : ndarray of float32, shape (n_beats, 180)
        d logit / d window.
    """

    beats: SeedBeats
    abnormal: npt.NDArray[np.float32]
    saliency: npt.NDArray[np.floating]

    @property
    def called(self) -> npt.NDArray[np.str_]:
        """The class that each beat was called, shape (n_beats,)."""
        return np.where(self.abnormal > 0.5, *reversed(SeedLSTM.classes))

    @property
    def true(self) -> npt.NDArray[np.str_]:
        """The reference's class of each beat, shape (n_beats,)."""
        return np.asarray(SeedLSTM.classes)[self.beats.labels]


def explain_seed_test(model: SeedLSTM, beats: SeedBeats, abnormal: npt.NDArray[np.float32]) -> ExplainedBeats:
    """Attribute the logit of the given beats to their samples by the exact gradient.

    Parameters
    ----------
    model : SeedLSTM
        The network.
    beats : SeedBeats
        The beats.
    abnormal : ndarray of float32, shape (n_beats,)
        What the network said of them.
    """
    slopes = attribute(network_subject(model), {WINDOW: beats.windows}, method=METHOD).values[WINDOW]  # noqa: PD011
    return ExplainedBeats(beats, abnormal, slopes)


def choose_seed_beats(
    beats: SeedBeats, abnormal: npt.NDArray[np.float32], *, seed: int = 42
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Choose which beats to explain: a sample of all, and the wrong ones that the network was surest of.

    Parameters
    ----------
    beats : SeedBeats
        The test part.
    abnormal : ndarray of float32, shape (n_beats,)
        Probability of ``abnormal``.
    seed : int
        Of the sample.

    Returns
    -------
    sample : ndarray of int64
        Rows drawn at random, half of each label.
    wrong : ndarray of int64
        Every misclassified row, the surest first.
    """
    rng = np.random.default_rng(seed)
    halves = [rng.permutation(np.flatnonzero(beats.labels == label))[: N_AVERAGED // 2] for label in (0, 1)]
    wrong = np.flatnonzero((abnormal > 0.5) != (beats.labels == 1))
    surest = wrong[np.argsort(-np.abs(abnormal[wrong] - 0.5), kind="stable")]
    return np.sort(np.concatenate(halves)), surest


def write_seed_figures(
    model: SeedLSTM,
    beats: SeedBeats,
    abnormal: npt.NDArray[np.float32],
    *,
    folder: Path,
    history: Sequence[Mapping[str, float]] = (),
    measured_on: str = "seed",
) -> list[Path]:
    """Write the figures, the predictions and the table of explanations of a test part.

    Parameters
    ----------
    model : SeedLSTM
        The network.
    beats : SeedBeats
        The test part.
    abnormal : ndarray of float32, shape (n_beats,)
        What the network said of it.
    folder : Path
        Where ``figures/*.png``, ``figures/*.svg``, ``predictions.csv`` and ``explanations.csv`` go.
    history : sequence of mapping
        The run's history, one entry an epoch, for the curves; left out if not given.
    measured_on : str
        The protocol, or what else the beats are of, for the titles.

    Returns
    -------
    list of Path
        What was written.
    """
    title = TITLES.get(measured_on, f"seed-lstm, {measured_on}")
    sample, wrong = choose_seed_beats(beats, abnormal)
    rows = np.union1d(sample, wrong)
    explained = explain_seed_test(model, beats.take(rows), abnormal[rows])
    figures = folder / "figures"
    written: list[Path] = []
    called = (abnormal > 0.5).astype(np.int64)
    names = list(SeedLSTM.classes)
    matrix = confusion_matrix(beats.labels, called, labels=(0, 1))
    written += save_figure(plot_confusion_matrix(matrix, names, title=f"Confusion matrix\n{title}"), figures / "confusion")
    right = called == beats.labels
    written += save_figure(
        plot_outcomes(beats.symbols, right, title=f"Right and wrong by annotation symbol\n{title}"), figures / "outcomes"
    )
    if history:
        curves = {ours: [epoch[theirs] for epoch in history] for ours, theirs in _CURVES.items()}
        best = int(np.argmin(curves["val_loss"])) + 1
        written += save_figure(plot_history(curves, best_epoch=best, title="seed-lstm, training"), figures / "training")
    written += _write_saliency(explained, np.searchsorted(rows, sample), np.searchsorted(rows, wrong), figures, title)
    for path, table in (
        (folder / "explanations.csv", tabulate_explanations(explain_rows(explained, np.searchsorted(rows, wrong)))),
        (folder / "predictions.csv", _tabulate_predictions(beats, abnormal)),
    ):
        with replacing(path) as temporary:
            table.to_csv(temporary, index=False)
        written.append(path)
    return written


def _write_saliency(
    explained: ExplainedBeats, sample: npt.NDArray[np.int64], wrong: npt.NDArray[np.int64], folder: Path, title: str
) -> list[Path]:
    beats, saliency = explained.beats, np.abs(explained.saliency)
    written: list[Path] = []
    average = plot_average_saliency(
        beats.windows[sample],
        saliency[sample],
        explained.true[sample],
        fs=FS,
        r_index=BEFORE,
        title=f"Where seed-lstm looks, on average over {len(sample):,} held-out beats",
    )
    written += save_figure(average, folder / "average-saliency")
    shown = wrong[:N_SHOWN]
    mistakes = plot_misclassified(
        beats.windows[shown],
        saliency[shown],
        [
            f"{beats.records[k]} at sample {beats.samples[k]:,}\n"
            f"{beats.symbols[k]} is {explained.true[k]}, called {explained.called[k]}"
            for k in shown.tolist()
        ],
        fs=FS,
        r_index=BEFORE,
        title=f"The surest {len(shown)} of {len(wrong):,} misclassified beats\n{title}",
    )
    written += save_figure(mistakes, folder / "misclassified")
    for label, name in enumerate(SeedLSTM.classes):
        right = sample[(explained.called == explained.true)[sample] & (beats.labels[sample] == label)]
        if not len(right):
            continue
        k = int(right[np.argmax(np.abs(explained.abnormal[right] - 0.5))])
        figure = plot_saliency(
            beats.windows[k],
            saliency[k],
            fs=FS,
            r_index=BEFORE,
            unit="z-score",
            title=f"Record {beats.records[k]}, {beats.symbols[k]} at sample {beats.samples[k]:,}: called {name} "
            f"({max(explained.abnormal[k], 1 - explained.abnormal[k]):.2f})",
            marks_ms=find_salient_times(explained.saliency[k], TIMES_MS).tolist(),
        )
        written += save_figure(figure, folder / f"beat-{name}")
    return written


def explain_rows(explained: ExplainedBeats, rows: npt.NDArray[np.int64]) -> list[Explanation]:
    """Return an `Explanation` for each of these rows; the signal is the z-scored window."""
    times, evidence = TIMES_MS, find_method(METHOD).evidence
    found = []
    for k in rows.tolist():
        called, true, p = str(explained.called[k]), str(explained.true[k]), float(explained.abnormal[k])
        values = explained.saliency[k]
        found.append(
            Explanation(
                attribution=values[:, None],
                times_ms=times,
                target=SeedLSTM.classes[1],
                logit=float(np.log(p) - np.log1p(-p)) if 0 < p < 1 else float(np.copysign(np.inf, p - 0.5)),
                probability=p,
                predicted=called,
                method=METHOD,
                model="seed-lstm",
                sentence=describe_beat(
                    called,
                    p if called == SeedLSTM.classes[1] else 1 - p,
                    find_salient_times(values, times).tolist(),
                    target=SeedLSTM.classes[1],
                    evidence=evidence,
                    true=true,
                ),
                record=str(explained.beats.records[k]),
                sample=int(explained.beats.samples[k]),
                true=true,
            )
        )
    return found


def _tabulate_predictions(beats: SeedBeats, abnormal: npt.NDArray[np.float32]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "record": beats.records,
            "sample": beats.samples,
            "symbol": beats.symbols,
            "true": np.asarray(SeedLSTM.classes)[beats.labels],
            "abnormal": np.round(abnormal.astype(np.float64), 6),
        }
    )
