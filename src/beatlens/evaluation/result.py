"""What an evaluation came to: figures with where they come from, as text, JSON, Markdown or LaTeX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from beatlens.evaluation.bootstrap import Interval
from beatlens.evaluation.metrics import Figure

NOTICE: Final = "For research; not a medical device."


@dataclass(frozen=True)
class Provenance:
    """What a figure needs beside it to mean anything.

    Parameters
    ----------
    protocol : str
        ``"seed"``, ``"inter-patient"`` or ``"ec57"``.
    data : str
        Database and version.
    split : str
        Which records were evaluated, and what the model was trained on.
    mapping : str
        From annotation symbols to classes.
    model : str
        Name of the model or the annotator.
    weights : str
        SHA-256 of the weights, or of the annotation files; empty if unknown.
    commit : str
        Commit of the code that evaluated; empty if unknown.
    version : str
        Of Beatlens.
    """

    protocol: str
    data: str
    split: str
    mapping: str
    model: str
    weights: str = ""
    commit: str = ""
    version: str = ""


@dataclass(frozen=True)
class Measured:
    """A figure between 0 and 1, with its interval where one was computed."""

    figure: Figure
    interval: Interval | None = None

    def text(self) -> str:
        """Return the figure in percent, the interval in brackets; ``-`` where it is not defined."""
        if not self.figure.defined:
            return "-"
        value = f"{100 * self.figure.value:.2f}"
        if self.interval is None or math.isnan(self.interval.low):
            return value
        return f"{value} [{100 * self.interval.low:.1f}, {100 * self.interval.high:.1f}]"

    def to_dict(self) -> dict[str, Any]:
        """Return value, reason and interval; None where there is no number."""
        found: dict[str, Any] = {"value": self.figure.value if self.figure.defined else None}
        if self.figure.reason:
            found["reason"] = self.figure.reason
        if self.interval is not None and not math.isnan(self.interval.low):
            found["interval_95"] = [self.interval.low, self.interval.high]
            found["n_undefined"] = self.interval.n_undefined
        return found


Cell = str | int | Measured


@dataclass(frozen=True)
class Table:
    """A table of figures.

    Parameters
    ----------
    title : str
        What it shows.
    columns : tuple of str
        Headings; the first is that of the rows' names.
    rows : tuple of tuple
        Cells, the first of each row its name. Figures stand in percent.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def cells(self) -> list[list[str]]:
        """Return the rows as text."""
        return [[cell.text() if isinstance(cell, Measured) else str(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True, eq=False)
class Result:
    """Figures of one evaluation.

    Parameters
    ----------
    provenance : Provenance
        Where they come from.
    tables : tuple of Table
        For a reader.
    figures : dict
        Everything, for a program; plain values.
    key_figures : dict of str to Measured
        The few that a log of evaluations keeps.
    notes : tuple of str
        What a reader must know beside the figures, one sentence each.
    """

    provenance: Provenance
    tables: tuple[Table, ...]
    figures: dict[str, Any]
    key_figures: dict[str, Measured]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return one JSON document."""
        return {
            "provenance": asdict(self.provenance),
            "notes": list(self.notes),
            "figures": self.figures,
            "notice": NOTICE,
        }

    def as_text(self) -> str:
        """Return tables of plain text."""
        parts = [_facts(self.provenance)]
        for table in self.tables:
            rows = [list(table.columns), *table.cells()]
            widths = [max(len(row[at]) for row in rows) for at in range(len(table.columns))]
            lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
            parts.append("\n".join([table.title, lines[0], "  ".join("-" * width for width in widths), *lines[1:]]))
        parts.append("\n".join([*self.notes, NOTICE]))
        return "\n\n".join(parts) + "\n"

    def as_markdown(self) -> str:
        """Return tables of GitHub's Markdown."""
        parts = ["\n".join(f"- {line}" for line in _facts(self.provenance).splitlines())]
        for table in self.tables:
            rule = ["---", *["---:"] * (len(table.columns) - 1)]
            rows = [[_escape_markdown(cell) for cell in row] for row in (table.columns, *table.cells())]
            lines = ["| " + " | ".join(row) + " |" for row in (rows[0], rule, *rows[1:])]
            parts.append(f"**{table.title}**\n\n" + "\n".join(lines))
        parts.append("\n".join(f"- {note}" for note in (*self.notes, NOTICE)))
        return "\n\n".join(parts) + "\n"

    def as_latex(self) -> str:
        """Return tables for LaTeX with the package booktabs."""
        comments = "\n".join(f"% {line}" for line in [*_facts(self.provenance).splitlines(), *self.notes, NOTICE])
        parts = [comments]
        for table in self.tables:
            head, *rows = ([_escape_latex(cell) for cell in row] for row in (table.columns, *table.cells()))
            lines = [
                r"\begin{table}",
                rf"\caption{{{_escape_latex(table.title)}}}",
                rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
                r"\toprule",
                " & ".join(head) + r" \\",
                r"\midrule",
                *(" & ".join(row) + r" \\" for row in rows),
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
            ]
            parts.append("\n".join(lines))
        return "\n\n".join(parts) + "\n"


def _facts(provenance: Provenance) -> str:
    facts = {
        "protocol": provenance.protocol,
        "data": provenance.data,
        "split": provenance.split,
        "mapping": provenance.mapping,
        "model": provenance.model,
        "weights": f"SHA-256 {provenance.weights}" if provenance.weights else "not known",
        "code": f"Beatlens {provenance.version}, commit {provenance.commit or 'not known'}",
    }
    return "\n".join(f"{name}: {value}" for name, value in facts.items())


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]


def _escape_markdown(text: str) -> str:
    return text.replace("|", r"\|")


def _escape_latex(text: str) -> str:
    text = text.replace("\\", r"\textbackslash ")
    for letter in "&%$#_{}":
        text = text.replace(letter, f"\\{letter}")
    return text
