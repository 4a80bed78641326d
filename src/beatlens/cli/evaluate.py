"""``beatlens evaluate``: a model, or someone's annotation files, measured by one of the protocols."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beatlens.cli import console
from beatlens.cli.evaluate_adapted import evaluate_adapted
from beatlens.cli.evaluate_own import describe_training, evaluate_own
from beatlens.errors import ConfigurationError, RecordNotFoundError, closest

if TYPE_CHECKING:
    from beatlens.evaluation.protocols.inter_patient import BeatCalls
    from beatlens.evaluation.result import Provenance, Result
    from beatlens.records import Annotations


class Protocol(enum.StrEnum):
    """How figures are taken."""

    SEED = "seed"
    INTER_PATIENT = "inter-patient"
    EC57 = "ec57"
    OWN_DATA = "own-data"
    PATIENT_ADAPTED = "patient-adapted"


@dataclass(frozen=True)
class _Request:
    """What is to be measured, and how."""

    protocol: Protocol
    names: tuple[str, ...]
    database: Path
    threshold: float | None
    n_resamples: int
    n_leads: int | None
    figures: Path | None


def evaluate(
    model: Annotated[str | None, typer.Argument(help="Name or path of a model.")] = None,
    *,
    protocol: Annotated[Protocol, typer.Option(help="How figures are taken.")],
    annotations: Annotated[
        Path | None, typer.Option(help="Instead of a model: a folder of annotation files of MIT-BIH records.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="The annotator in that folder; needed if there are several.")] = None,
    records: Annotated[Path | None, typer.Option(help="File of record names, one a line; DS2 if not given.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Under own-data: your folder of WFDB records with beat annotations.")
    ] = None,
    patients: Annotated[
        Path | None, typer.Option(help="Under own-data: the table of your records; of the fold 'test' if it names one.")
    ] = None,
    annotator: Annotated[str, typer.Option(help="Under own-data: extension of your annotation files.")] = "atr",
    name: Annotated[str | None, typer.Option(help="Under own-data: what your data are called, as in training.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Under patient-adapted: a setting of the adaptation, name=value.")
    ] = None,
    database: Annotated[Path | None, typer.Option(help="The unpacked MIT-BIH database; found if not given.")] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Probability from which on a beat is abnormal; the model's own, or 0.5, if not given."),
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Resamples of the records for the 95 % intervals.")] = 1000,
    leads: Annotated[
        int | None, typer.Option(min=1, max=2, help="Show the model so many leads, the first; all if not given.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Folder for the reliability diagram and the confusion matrix, under inter-patient.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX.")] = False,
    log: Annotated[Path | None, typer.Option(help="Append a line about this look at the data to a Markdown log.")] = None,
) -> None:
    """Measure a model, or annotation files made by anything, and print the figures with where they come from."""
    own, adapted = protocol is Protocol.OWN_DATA, protocol is Protocol.PATIENT_ADAPTED
    _refuse(
        {
            "give a MODEL or --annotations FOLDER, one of the two": (model is None) == (annotations is None),
            "give one of --json, --markdown and --latex": as_json + as_markdown + as_latex > 1,
            "--leads goes with a model under inter-patient or ec57": leads is not None
            and (annotations is not None or protocol is Protocol.SEED or own or adapted),
            "--figures goes with --protocol inter-patient": figures is not None and protocol is not Protocol.INTER_PATIENT,
            "--data and --patients go with --protocol own-data": not own and not (data is None and patients is None),
            "the protocol 'own-data' takes a model, --data and --patients": own
            and not (annotations is None and records is None),
            "the protocol 'patient-adapted' takes a model, --records and --set": adapted
            and not (annotations is None and threshold is None),
            "--set goes with --protocol patient-adapted": bool(settings) and not adapted,
        }
    )
    if own:
        result = evaluate_own(
            str(model), data, patients, annotator=annotator, name=name, threshold=threshold, n_resamples=resamples
        )
    else:
        from beatlens.databases import mitdb

        asked = _Request(protocol, _names(records), mitdb.find_database(database), threshold, resamples, leads, figures)
        if adapted:
            result = evaluate_adapted(
                str(model), asked.names, settings or [], folder=asked.database, which=_which(asked.names), n_resamples=resamples
            )
        else:
            result = _evaluate_annotations(annotations, test, asked) if annotations else _evaluate_model(str(model), asked)
    if log is not None:
        from beatlens.evaluation.look_log import log_look

        log_look(log, result)
    if as_json:
        console.print_json(result.to_dict())
    else:
        text = result.as_markdown() if as_markdown else result.as_latex() if as_latex else result.as_text()
        console.output.print(text, end="", markup=False, emoji=False)


def _refuse(wrong: dict[str, bool]) -> None:
    """End with the first of these sentences that holds."""
    for sentence, holds in wrong.items():
        if holds:
            raise typer.BadParameter(sentence)


def _names(file: Path | None) -> tuple[str, ...]:
    """Return the records to measure on: those of a file, or DS2."""
    from beatlens.databases import mitdb
    from beatlens.evaluation.ec57.folder import list_records

    names = mitdb.DS2 if file is None else tuple(list_records(file.parent, file))
    unknown = [name for name in names if name not in mitdb.RECORDS]
    if unknown:
        raise RecordNotFoundError(
            f"'{unknown[0]}' is not a record of the MIT-BIH Arrhythmia Database", hint=closest(unknown[0], mitdb.RECORDS)
        )
    return names


def _which(names: tuple[str, ...]) -> str:
    """Say which records were measured on."""
    from beatlens.databases import mitdb

    if set(names) == set(mitdb.DS2):
        return "DS2 (22 records)"
    return "all 48 records" if set(names) == set(mitdb.RECORDS) else f"records {' '.join(names)}"


def _split(names: tuple[str, ...], trained: str, n_leads: int | None = None) -> str:
    """Say which records were measured on, how much of them, and what was seen before."""
    which = _which(names)
    if n_leads is not None:
        which += ", first lead only" if n_leads == 1 else f", first {n_leads} leads"
    return f"{which}; {trained}"


def _provenance(protocol: Protocol, *, split: str, model: str, weights: str) -> Provenance:
    from beatlens._version import __version__
    from beatlens.evaluation.result import Provenance
    from beatlens.training.run import source_commit

    mappings = {
        Protocol.SEED: "symbol N is normal, every other annotation but + and ~ abnormal",
        Protocol.INTER_PATIENT: "paper (e, j and n in N; de Chazal 2004) and bxb (e, j and n in S; EC57)",
        Protocol.EC57: "bxb (EC57)",
    }
    return Provenance(
        protocol=protocol.value,
        data="MIT-BIH Arrhythmia Database 1.0.0",
        split=split,
        mapping=mappings[protocol],
        model=model,
        weights=weights,
        commit=source_commit(),
        version=__version__,
    )


def _evaluate_model(name: str, asked: _Request) -> Result:
    from beatlens.beats.detector import detect_r_peaks
    from beatlens.evaluation.protocols.models import annotate_records, call_known_beats, card_field, check_leakage
    from beatlens.models import load_model

    judge = load_model(name)
    if asked.protocol is Protocol.SEED:
        return _evaluate_seed(judge, asked)
    notes = check_leakage(judge.card, asked.names, model=judge.name, folder=asked.database)
    trained = f"trained on {describe_training(tuple(card_field(judge.card, 'training_records')))}"
    split = _split(asked.names, trained, asked.n_leads)
    provenance = _provenance(asked.protocol, split=split, model=judge.name, weights=card_field(judge.card, "sha256") or "")
    with console.progress_bar("records") as bar:
        task = bar.add_task("judging", total=len(asked.names))

        def step(_name: str) -> None:
            bar.update(task, advance=1)

        if asked.protocol is Protocol.EC57:
            annotated = annotate_records(
                judge, asked.names, detect=detect_r_peaks, folder=asked.database, n_leads=asked.n_leads, on_record=step
            )
        else:
            calls, reference = call_known_beats(
                judge, asked.names, folder=asked.database, n_leads=asked.n_leads, on_record=step
            )
    if asked.protocol is Protocol.EC57:
        return _report_ec57(annotated, asked, provenance, notes)
    if asked.threshold is None:
        asked = replace(asked, threshold=float(getattr(judge, "abnormal_threshold", 0.5)))
    notes += (f"A beat counts as abnormal from a probability of {asked.threshold:g} on.",)
    return _report_inter_patient(calls, reference, asked, provenance, notes)


def _evaluate_seed(judge: Any, asked: _Request) -> Result:
    """Measure a model on the held-out beats of the split that its card describes."""
    from beatlens.evaluation.protocols.models import card_field
    from beatlens.evaluation.protocols.reports import report_seed
    from beatlens.evaluation.protocols.seed import evaluate_seed
    from beatlens.training.config import SeedTraining, build_config
    from beatlens.training.seed import prepare_seed_split

    settings = card_field(judge.card, "configuration")
    if not hasattr(judge, "predict_abnormal") or settings is None or card_field(judge.card, "protocol") != "seed":
        raise ConfigurationError(
            f"the protocol 'seed' needs a model whose card describes its split; {judge.name} has none",
            hint="Use --protocol inter-patient.",
        )
    config = build_config(SeedTraining, settings)
    with console.progress_bar("records") as bar:
        task = bar.add_task("reading", total=len(config.records) or 48)
        split = prepare_seed_split(config, folder=asked.database, on_record=lambda _name: bar.update(task, advance=1))
    held_out = split.test
    figures = evaluate_seed(
        held_out.labels,
        judge.predict_abnormal(held_out.windows),
        records=held_out.records,
        symbols=held_out.symbols,
        threshold=0.5 if asked.threshold is None else asked.threshold,
    )
    said = f"{len(held_out)} held-out beats of a random {config.test_fraction:.0%} of balanced beats, seed {config.seed}"
    weights = card_field(judge.card, "sha256") or ""
    return report_seed(figures, _provenance(Protocol.SEED, split=said, model=judge.name, weights=weights))


def _evaluate_annotations(folder: Path, annotator: str | None, asked: _Request) -> Result:
    import numpy as np

    from beatlens.databases import mitdb
    from beatlens.evaluation.ec57.folder import read_length, read_marks
    from beatlens.evaluation.ec57.validation import check_annotations
    from beatlens.evaluation.protocols.inter_patient import BeatCalls
    from beatlens.labels import BEAT_SYMBOLS

    if asked.protocol is Protocol.SEED:
        raise typer.BadParameter("the protocol 'seed' measures models; annotation files take inter-patient or ec57")
    test = annotator or _only_annotator(folder, asked.names)
    marks = {name: read_marks(folder, name, test, role="test") for name in asked.names}
    split = _split(asked.names, "what the annotator was made on is not known")
    files = [folder / f"{name}.{test}" for name in asked.names]
    provenance = _provenance(asked.protocol, split=split, model=f"annotator {test}", weights=_hash_of(files))
    notes: tuple[str, ...] = ("The hash is of the annotation files. Whether their maker saw these records is not known.",)
    if {"201", "202"} & set(asked.names):
        notes += (mitdb.ONE_PATIENT_NOTE,)
    if asked.protocol is Protocol.EC57:
        return _report_ec57(marks, asked, provenance, notes)
    calls, reference = {}, {}
    for name, found in marks.items():
        beats = found.select(np.isin(found.symbols, list(BEAT_SYMBOLS)))
        calls[name] = BeatCalls(beats.samples, beats.symbols)
        reference[name] = read_marks(asked.database, name, "atr", role="reference")
        fs, n_samples = read_length(asked.database / name)
        check_annotations(reference[name], found, fs=fs, n_samples=n_samples, name=name)
    return _report_inter_patient(calls, reference, asked, provenance, notes)


def _only_annotator(folder: Path, names: tuple[str, ...]) -> str:
    """Return the extension that the records' files in a folder have in common, if there is but one."""
    if not folder.is_dir():
        raise RecordNotFoundError(f"no folder {folder}")
    found = {path.suffix[1:] for path in folder.iterdir() if path.stem in names} - {"hea", "dat", "atr", ""}
    if len(found) != 1:
        raise ConfigurationError(
            f"{folder} must hold one annotator's files; it holds {', '.join(sorted(found)) or 'none'}",
            hint="Name the annotator, the files' extension: --test NAME.",
        )
    return found.pop()


def _hash_of(files: list[Path]) -> str:
    """Return one SHA-256 over the files' names and contents, in their order."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _report_inter_patient(
    calls: dict[str, BeatCalls],
    reference: dict[str, Annotations],
    asked: _Request,
    provenance: Provenance,
    notes: tuple[str, ...],
) -> Result:
    from beatlens.evaluation.protocols.inter_patient import evaluate_inter_patient
    from beatlens.evaluation.protocols.reports import report_inter_patient

    threshold = 0.5 if asked.threshold is None else asked.threshold
    figures = evaluate_inter_patient(calls, reference, threshold=threshold, n_resamples=asked.n_resamples)
    if asked.figures is not None:
        from beatlens.reports.figures.reliability import save_inter_patient_figures

        title = f"{provenance.model}, inter-patient, {provenance.split.split(';')[0]}"
        for path in save_inter_patient_figures(figures, asked.figures, title=title):
            console.errors.print(f"wrote {path}", markup=False)
    return report_inter_patient(figures, provenance, notes)


def _report_ec57(annotated: dict[str, Annotations], asked: _Request, provenance: Provenance, notes: tuple[str, ...]) -> Result:
    from beatlens.evaluation.ec57.folder import read_length, read_marks
    from beatlens.evaluation.protocols.ec57 import evaluate_ec57
    from beatlens.evaluation.protocols.reports import report_ec57

    reference = {name: read_marks(asked.database, name, "atr", role="reference") for name in annotated}
    n_samples = {name: read_length(asked.database / name)[1] for name in annotated}
    names = ("atr", provenance.model)
    figures = evaluate_ec57(annotated, reference, n_samples=n_samples, names=names, n_resamples=asked.n_resamples)
    return report_ec57(figures, provenance, notes)
