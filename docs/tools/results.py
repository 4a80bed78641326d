"""Write the page of results, docs/results/index.md, from the kept runs beside it and the models' cards: ``make results``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from beatlens._io import write_text
from beatlens.models import ModelCard, list_models

DOCS = Path(__file__).parents[1]
sys.path[:0] = [str(DOCS), str(DOCS / "pictures")]

import beside  # noqa: E402
from update_readme import cell  # noqa: E402

RESULTS = DOCS / "results"
HEAD = """\
# Results

Written by one command, `make results`, from the kept runs in `docs/results/*.json` and the models' cards; a test checks that
the page is what the command makes. Figures are in percent unless a unit stands beside them; 95 % intervals, in brackets, are
drawn over *records*. [The protocols](../concepts/protocols.md) say what each figure can show. For research; not a medical
device.
"""
SEED_NOTE = """\
The author of the demo that Beatlens grew from reported accuracy 98, F1 97 to 98, AUC 98, stopping on the test set.
[Leakage](../tutorials/leakage.md) shows what such figures are worth.

Repeat: `beatlens evaluate seed-lstm --protocol seed`.
"""
SUBSETS = ("all", "without 232", "without 213")
Found = dict[str, Any]


def load_results(folder: Path = RESULTS) -> dict[str, Found]:
    """Return every kept run by its name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def make_page(results: dict[str, Found], cards: list[ModelCard]) -> str:
    """Return the whole page."""
    of = {
        protocol: [r for r in results.values() if protocol_of(r) == protocol] for protocol in ("inter-patient", "ec57", "seed")
    }
    tables = [found for found in results.values() if "columns" in found]
    explained = [found for found in results.values() if "faithfulness" in found]
    parts = [HEAD, "## Unseen patients: `inter-patient`\n", table(beside.COLUMNS, beside.rows())]
    parts += [f"{name}: {source(results[name])}" for name in ("baseline-boosting",) if name in results]
    parts += [describe_inter_patient(found, cards) for found in sorted(of["inter-patient"], key=named)]
    # A run that is kept as text too is shown as that: it has every record.
    texts = sorted(RESULTS.glob("*-ec57*.txt"))
    told = {path.stem for path in texts}
    parts += ["## From the raw signal: `ec57`\n", *(describe_text(path) for path in texts)]
    parts += [describe_ec57(found) for name, found in results.items() if found in of["ec57"] and name not in told]
    parts += ["## Seen patients: `seed`\n", describe_seed(of["seed"], cards)]
    if explained:
        parts += ["## Explanations\n", *(describe_explanations(found) for found in explained)]
    for section in dict.fromkeys(found["section"] for found in tables):
        parts += [f"## {section}\n", *(describe_table(found) for found in tables if found["section"] == section)]
    parts.append("## Where every look at DS2 is written down\n\n[Looks at DS2](../ds2-log.md), in the order of time.\n")
    return "\n".join(parts)


def protocol_of(found: Found) -> str:
    """Return the protocol of a kept evaluation; empty if it is none."""
    return str(found.get("provenance", {}).get("protocol", ""))


def model_of(found: Found) -> str:
    """Return which model, and with which leads or other differences, a kept evaluation is of."""
    return str(found["provenance"]["model"])


def named(found: Found) -> tuple[str, str]:
    """Return what kept evaluations are put in order by: the model, and the leads that it was shown."""
    return model_of(found), shown(found)


def shown(found: Found) -> str:
    """Return which leads a model was shown, if not all."""
    said = [part for part in found["provenance"]["split"].split(";")[0].split(", ")[1:] if "lead" in part]
    return f", {said[0]}" if said else ""


def describe_inter_patient(found: Found, cards: list[ModelCard]) -> str:
    """Return the tables of one model under the inter-patient protocol."""
    mappings = found["figures"]["mappings"]
    names = ("records", "macro-F1", "N F1", "S F1", "V F1", "F F1", "abnormal F1", "AUROC")
    parts = [f"### `{model_of(found)}`{shown(found)}\n"]
    card = next(
        (card for card in cards if card.name == model_of(found) and card.sha256 == found["provenance"]["weights"]), None
    )
    told = f"{card.protocol_note} The shipped weights." if card is not None else "Other weights than the shipped ones."
    parts.append(f"{told}\n")
    parts += [f"{found['provenance']['split']}. {' '.join(found['notes'])}\n"]
    for mapping in mappings:
        rows = [
            (subset, *headline(mappings[mapping]["subsets"][subset]))
            for subset in SUBSETS
            if subset in mappings[mapping]["subsets"]
        ]
        parts.append(f"Mapping `{mapping}`:\n\n{table(names, rows)}")
    if model_of(found) == "rhythm-lstm" and not shown(found):
        parts.append(
            "![Macro F1 and the F1 of N, S, V, F and abnormal of rhythm-lstm on DS2 as dots with their 95 % intervals, for all "
            "records and without record 232; S falls far without it](../pictures/results.svg)\n"
        )
        parts.append(
            "Calibrated on DS1's folds. On these patients the extremes hold, where nearly all beats are; between them fewer "
            "come true than the probability says:\n\n"
            "![Reliability diagrams on DS2, of abnormal and of the called class: the curves lie below the diagonal between "
            "10 and 95 %](../pictures/reliability.svg)\n"
        )
    parts += [source(found), by_record(mappings["paper"]["records"])]
    return "\n".join(parts)


def headline(subset: Found) -> list[str]:
    """Return the cells of one row."""
    classes = [subset["classes"][name]["f1"] for name in "NSVF"]
    return [cell(each) for each in (subset["macro_f1"], *classes, subset["abnormal"]["f1"], subset["auroc"])]


def by_record(records: dict[str, Found]) -> str:
    """Return the table of all records, folded away."""
    rows = [
        (
            name,
            *(str(one["classes"][c]["n"]) for c in "NSVF"),
            *(cell(one["classes"][c]["f1"]) for c in "NSVF"),
            cell(one["abnormal"]["f1"]),
        )
        for name, one in records.items()
    ]
    names = ("record", "N", "S", "V", "F", "N F1", "S F1", "V F1", "F F1", "abnormal F1")
    return '??? note "Record by record: beats of each class, and F1"\n\n' + indent(table(names, rows))


def describe_ec57(found: Found) -> str:
    """Return the table of one model under EC57."""
    figures = found["figures"]
    rows = []
    for kind, title in (("qrs", "QRS"), ("veb", "VEB"), ("sveb", "SVEB")):
        gross = figures["gross_with_intervals"]
        rows.append((title, cell(gross[f"{kind}_sensitivity"]), cell(gross[f"{kind}_predictivity"])))
    listed = table(("", "gross Se", "gross +P"), rows)
    told = f"{found['provenance']['split']}. {' '.join(found['notes'])}"
    return f"### `{model_of(found)}`{shown(found)}\n\n{told}\n\n{listed}\n{source(found)}"


def describe_text(path: Path) -> str:
    """Return a kept text report, its first table open and the rest folded away."""
    text = path.read_text(encoding="utf-8")
    facts = dict(line.split(": ", 1) for line in text.partition("\n\n")[0].splitlines())
    first, rest = text.split("\n\n", 2)[1:]
    commit = facts["code"].rpartition("commit ")[2]
    leads = ", first lead only" if ", first lead only" in facts["split"] else ""
    command = f"beatlens evaluate {facts['model']} --protocol ec57{' --leads 1' if leads else ''}"
    weights = facts["weights"].removeprefix("SHA-256 ")[:12]
    told = f"`{command}`; {date_of(commit)}, commit {commit}, weights {weights}."
    return (
        f"### `{facts['model']}`{leads}\n\n{facts['split']}. R peaks found by Beatlens.\n\n```text\n{first}\n```\n\n{told}\n\n"
        '??? note "Runs, and record by record"\n\n' + indent(f"```text\n{rest.strip()}\n```\n")
    )


def describe_seed(results: Iterable[Found], cards: list[ModelCard]) -> str:
    """Return the table of the seed protocol, from the cards of models that were trained under it."""
    del results
    names = {"accuracy": "accuracy", "f1": "F1", "auroc": "AUC", "average_precision": "average precision"}
    rows, notes = [], []
    for card in cards:
        figures = card.figures.get("seed")
        if figures:
            cells = [f"{100 * figures[name]:.1f}" for name in names]
            rows.append((f"`{card.name}`", f"{figures['n_beats']:,}", *cells, card.commit or "not recorded", card.sha256[:12]))
            notes.append(card.protocol_note)
    heads = ("model", "held-out beats", *names.values(), "commit", "weights")
    told = " ".join(dict.fromkeys(notes))
    return f"{table(heads, rows)}\n{told} {SEED_NOTE}"


def describe_explanations(found: Found) -> str:
    """Return the tables of a report on explanations."""
    counts = ", ".join(f"{name} {n}" for name, n in found["n_beats"].items())
    parts = [f"### `{found['model']}`\n\nBeats: {counts}. {found['note']}\n"]
    for place, name in enumerate(
        ("faithfulness", "localisation", "randomisation", "signed", "stability", "agreement", "lateness")
    ):
        rows = found.get(name) or []
        if rows:
            listed = table(list(rows[0]), [[plain(value) for value in row.values()] for row in rows])
            title = name.capitalize()
            parts.append(f"{title}:\n\n{listed}" if place == 0 else f'??? note "{title}"\n\n{indent(listed)}')
    return "\n".join([*parts, source(found)])


def describe_table(found: Found) -> str:
    """Return a table of a benchmark."""
    note = f"{found['note']}\n\n" if found.get("note") else ""
    return f"### {found['title']}\n\n{note}{table(found['columns'], found['rows'])}\n{source(found)}"


def source(found: Found) -> str:
    """Return where figures come from: command, date, commit, kind of machine."""
    kept, provenance = found.get("kept", {}), found.get("provenance", {})
    commit = kept.get("commit") or provenance.get("commit") or ""
    protocol, model = provenance.get("protocol"), provenance.get("model")
    leads = " --leads 1" if provenance and shown(found) else ""
    command = kept.get("command") or (f"beatlens evaluate {model} --protocol {protocol}{leads} --json" if protocol else "")
    if not command and "faithfulness" in found:
        command = f"beatlens explain evaluate {found['model']} --json"
    facts = [kept.get("date") or date_of(commit), f"commit {commit or 'not recorded'}"]
    facts += [f"weights {provenance['weights'][:12]}"] if provenance.get("weights") else []
    facts += [kept["hardware"]] if kept.get("hardware") else []
    return f"Repeat: `{command}`. {'; '.join(facts)}.\n"


def date_of(commit: str) -> str:
    """Return the date of a look from the log of looks; commits that are not in it have none."""
    log = (DOCS / "ds2-log.md").read_text(encoding="utf-8")
    found = re.search(rf"^\| (\d{{4}}-\d\d-\d\d) \| {re.escape(commit)} \|", log, re.MULTILINE) if commit else None
    return found[1] if found else "date not recorded"


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a Markdown table, numbers to the right."""
    names = [str(name) for name in head]
    lines = [f"| {' | '.join(names)} |", "| --- |" + " ---: |" * (len(names) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(str(each) for each in row)} |" for row in rows)]) + "\n"


def plain(value: Any) -> str:
    """Return a value of a report as a cell."""
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def indent(text: str) -> str:
    """Return text that belongs to the folded box above it."""
    return "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())


if __name__ == "__main__":
    import reliability_picture
    import results_picture

    kept = load_results()
    write_text(RESULTS / "index.md", make_page(kept, list_models()))
    for drawing, name in ((results_picture, "results"), (reliability_picture, "reliability")):
        write_text(DOCS / "pictures" / f"{name}.svg", drawing.draw(kept["rhythm-lstm-inter-patient"]))
