"""Train ``seed-lstm`` on the ``seed`` protocol's split, or on patients of DS1."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from beatlens._io import replacing, sha256_of
from beatlens._version import __version__
from beatlens.beats.seed_windows import LEAK_NOTE, SeedBeats, SeedSplit, balance_beats, load_seed_beats, split_beats
from beatlens.databases import mitdb
from beatlens.databases.fetch import expected_sums
from beatlens.errors import ConfigurationError, LeakageError
from beatlens.models.card import DataSource, ModelCard, write_card
from beatlens.models.registry import load_model
from beatlens.models.seed_lstm import SeedLSTM, build_seed_lstm
from beatlens.training.config import SeedTraining
from beatlens.training.fit import FitData, FitSettings, StepReport, fit_binary
from beatlens.training.run import CARD, WEIGHTS, package_versions, source_commit, write_history
from beatlens.training.seed_patients import describe_split, prepare_patient_split

SPLIT_SETTINGS: Final = (
    "protocol",
    "seed",
    "test_fraction",
    "validation_fraction",
    "records",
    "max_beats",
    "validation_records",
)
"""What decides which beats train, validate and test."""
MIT_BIH = DataSource(name="MIT-BIH Arrhythmia Database", version="1.0.0", licence=mitdb.LICENCE, citation=mitdb.CITATION)


def prepare_seed_split(
    config: SeedTraining, *, folder: Path | None = None, on_record: Callable[[str], None] | None = None
) -> SeedSplit:
    """Return the protocol's training, validation and test part under a configuration.

    Parameters
    ----------
    config : SeedTraining
        Which beats, and how they are split.
    folder : Path, optional
        Where the database is; found if not given.
    on_record : callable, optional
        Called with the name of each record that has been read.

    Raises
    ------
    RecordNotFoundError
        If the database is not found, or a record is not one of its.
    LeakageError
        If the protocol keeps patients apart and the records do not.
    """
    if config.protocol == "inter-patient":
        return prepare_patient_split(config, folder=folder, on_record=on_record)
    beats = load_seed_beats(config.records or mitdb.RECORDS, folder=folder, on_record=on_record)
    beats = balance_beats(beats, seed=config.seed)
    if config.max_beats is not None and config.max_beats < len(beats):
        beats = _thin_out(beats, config.max_beats, config.seed)
    return split_beats(
        beats, test_fraction=config.test_fraction, validation_fraction=config.validation_fraction, seed=config.seed
    )


def train_seed_lstm(
    config: SeedTraining,
    split: SeedSplit,
    *,
    folder: Path,
    resume: bool = False,
    on_step: Callable[[StepReport], None] | None = None,
) -> SeedLSTM:
    """Train the network, and write weights, card and history into the run's folder.

    Parameters
    ----------
    config : SeedTraining
        How to train.
    split : SeedSplit
        Of `prepare_seed_split`; the test part is not looked at.
    folder : Path
        The run's folder, opened with `beatlens.training.run.open_run`.
    resume : bool
        Go on from the folder's checkpoint.
    on_step : callable, optional
        Called after every step.

    Returns
    -------
    SeedLSTM
        With the weights of the best epoch; its card has no figures yet.

    Raises
    ------
    LeakageError
        If the model that it starts from was trained on another split.
    """
    model = build_seed_lstm(seed=config.seed)
    if config.start_from is not None:
        model.set_weights(_load_start(config).keras_model.get_weights())
    data = FitData(
        x_train=split.train.windows[:, :, None],
        y_train=split.train.labels,
        x_validation=split.validation.windows[:, :, None],
        y_validation=split.validation.labels,
    )
    settings = FitSettings(**{name: getattr(config, name) for name in FitSettings.__dataclass_fields__})
    history = fit_binary(model, data, settings, folder=folder, resume=resume, on_step=on_step)
    write_history(folder, history)
    with replacing(folder / WEIGHTS) as temporary:
        model.save(temporary)
    card = describe_seed_lstm(config, split, model, sha256=sha256_of(folder / WEIGHTS))
    write_card(folder / CARD, card)
    return SeedLSTM(model, card)


def _load_start(config: SeedTraining) -> SeedLSTM:
    """Return the model that a training goes on from, if it has not seen any beat that this one holds out."""
    earlier = load_model(str(config.start_from))
    if not isinstance(earlier, SeedLSTM):
        raise ConfigurationError(f"'start_from' must name a seed-lstm; got {earlier.name}")
    now = config.model_dump(mode="json")
    then = {"validation_records": [], **earlier.card.configuration, "protocol": earlier.card.protocol}
    other = [name for name in SPLIT_SETTINGS if then.get(name) != now[name]]
    if other:
        raise LeakageError(
            f"'start_from' must name a model of the same split; {', '.join(other)} of {config.start_from} differ",
            hint="Beats that are held out here may have been in its training.",
        )
    return earlier


def describe_seed_lstm(config: SeedTraining, split: SeedSplit, model: Any, *, sha256: str) -> ModelCard:
    """Return the card of a freshly trained ``seed-lstm``, without figures."""
    sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(expected_sums().items()))
    apart = config.protocol == "inter-patient"
    return ModelCard(
        name="seed-lstm",
        version=__version__,
        architecture="LSTM 256 (sequences), dropout 0.4, LSTM 256, dense 32 ReLU, dropout 0.2, dense 1 sigmoid",
        n_parameters=int(model.count_params()),
        classes=SeedLSTM.classes,
        fs=SeedLSTM.fs,
        preprocessing="180 samples of one lead at 360 Hz, 90 before the R peak and 90 from it on, z-scored per window",
        protocol=config.protocol,
        protocol_note=describe_split(config) if apart else LEAK_NOTE,
        training_records=tuple(np.unique(np.concatenate([split.train.records, split.validation.records])).tolist()),
        data=MIT_BIH,
        data_sha256=hashlib.sha256(sums.encode()).hexdigest(),
        configuration=config.model_dump(mode="json"),
        figures={},
        known_failures=(
            "It sees one beat without its neighbours: a premature beat of normal shape looks normal to it.",
            *(() if apart else ("Its figures are of patients that it has seen; on others it does much worse.",)),
        ),
        intended_use="Research and teaching: the network of the demo that Beatlens grew from, reproduced.",
        not_for="Diagnosis, monitoring, or any claim about patients that it has not seen.",
        sha256=sha256,
        versions=package_versions(),
        commit=source_commit(),
    )


def _thin_out(beats: SeedBeats, n_beats: int, seed: int) -> SeedBeats:
    """Return about this many beats, half of each label, drawn at random."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(beats.labels == label))[: n_beats // 2] for label in (0, 1)]
    return beats.take(np.sort(np.concatenate(rows)))
