"""``beatlens evaluate --protocol own-data``: a model on a user's own records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from beatlens.cli import console

if TYPE_CHECKING:
    from beatlens.evaluation.result import Result


def evaluate_own(
    model: str,
    data: Path | None,
    patients: Path | None,
    *,
    annotator: str = "atr",
    name: str | None = None,
    threshold: float | None = None,
    n_resamples: int = 1000,
) -> Result:
    """Measure a model on the records of a table: those of the fold ``test``, where there are any, or all of them."""
    from beatlens._version import __version__
    from beatlens.databases.own import TEST, find_records
    from beatlens.evaluation.protocols.inter_patient import evaluate_inter_patient
    from beatlens.evaluation.protocols.own_data import PATIENT_NOTE, call_own_beats, check_own_leakage
    from beatlens.evaluation.protocols.reports import report_inter_patient
    from beatlens.evaluation.result import Provenance
    from beatlens.models import load_model
    from beatlens.training.own_data import OwnData
    from beatlens.training.run import source_commit

    if data is None or patients is None:
        raise typer.BadParameter("the protocol 'own-data' needs --data FOLDER and --patients TABLE.csv")
    called = OwnData(folder=str(data), patients=str(patients), name=name or "").called
    judge = load_model(model)
    listed = find_records(data, patients, annotator=annotator, all_listed=False)
    records = tuple(record for record in listed if record.row.fold == TEST) or listed
    check_own_leakage(judge.card, records, data_name=called, model=judge.name)
    with console.progress_bar("records") as bar:
        task = bar.add_task("judging", total=len(records))
        calls, reference = call_own_beats(judge, records, on_record=lambda _name: bar.update(task, advance=1))
    limit = float(getattr(judge, "abnormal_threshold", 0.5)) if threshold is None else threshold
    figures = evaluate_inter_patient(calls, reference, fs=1000.0, threshold=limit, n_resamples=n_resamples)
    trained = describe_training(judge.card.training_records)
    provenance = Provenance(
        protocol="own-data",
        data=called,
        split=f"{len(records)} records of {len(calls)} patients; trained on {trained}",
        mapping="paper (e, j and n in N; de Chazal 2004) and bxb (e, j and n in S; EC57)",
        model=judge.name,
        weights=judge.card.sha256,
        commit=source_commit(),
        version=__version__,
    )
    notes = (f"A beat counts as abnormal from a probability of {limit:g} on.", PATIENT_NOTE)
    return report_inter_patient(figures, provenance, notes)


def describe_training(records: tuple[str, ...]) -> str:
    """Say in few words which records a model was trained on: those of MIT-BIH, then how many of whose own data."""
    from beatlens.databases import mitdb

    known = [name for name in records if ":" not in name]
    own: dict[str, int] = {}
    for name in records:
        if ":" in name:
            data = name.partition(":")[0]
            own[data] = own.get(data, 0) + 1
    said = ["DS1" if set(known) == set(mitdb.DS1) else " ".join(known)] if known else []
    return ", ".join([*said, *(f"{count} record{'s' * (count > 1)} of {data}" for data, count in own.items())])
