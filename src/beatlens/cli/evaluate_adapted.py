"""``beatlens evaluate --protocol patient-adapted``: adapted to each record's first five minutes, measured on the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from beatlens.cli import console
from beatlens.cli.evaluate_own import describe_training

if TYPE_CHECKING:
    from beatlens.evaluation.result import Result


def evaluate_adapted(
    name: str, records: tuple[str, ...], settings: list[str], *, folder: Path, which: str, n_resamples: int
) -> Result:
    """Measure a model before and after it is adapted to each record.

    Parameters
    ----------
    name : str
        Of the model.
    records : tuple of str
    settings : list of str
        Of the adaptation, ``name=value``.
    folder : Path
        Where the database is.
    which : str
        How the records are called together.
    n_resamples : int
    """
    from beatlens._version import __version__
    from beatlens.evaluation.protocols.models import ADAPTED, check_leakage
    from beatlens.evaluation.protocols.patient_adapted import evaluate_adapted, measure_adapted, report_adapted
    from beatlens.evaluation.result import Provenance
    from beatlens.models import load_model
    from beatlens.training.adapt import Adaptation
    from beatlens.training.adapt_run import check_start
    from beatlens.training.config import load_config
    from beatlens.training.run import source_commit

    chosen = load_config(Adaptation, None, settings)
    model = check_start(load_model(name))
    notes = check_leakage(model.card, records, model=model.name, folder=folder)
    with console.progress_bar("records") as bar:
        task = bar.add_task("adapting", total=len(records))
        counted = evaluate_adapted(model, records, chosen, folder=folder, on_record=lambda _name: bar.update(task, advance=1))
    said = ", ".join(f"{field} {value}" for field, value in chosen.model_dump().items())
    provenance = Provenance(
        protocol=ADAPTED,
        data="MIT-BIH Arrhythmia Database 1.0.0",
        split=f"{which} from 5:00 on; trained on {describe_training(model.card.training_records)}, "
        f"adapted to each record's first five minutes ({said})",
        mapping="paper (e, j and n in N; de Chazal 2004)",
        model=model.name,
        weights=model.card.sha256,
        commit=source_commit(),
        version=__version__,
    )
    result = report_adapted(counted, measure_adapted(counted, n_resamples=n_resamples), provenance)
    return replace(result, notes=(*result.notes, *notes))
