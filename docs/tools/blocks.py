"""The code blocks of the documentation: found, run, and their outputs compared or written anew.

    python docs/tools/blocks.py PAGE ...             # run pages, say what differs
    python docs/tools/blocks.py --update PAGE ...    # write what the code printed into the pages

All ``python`` blocks of a page run one after the other in one namespace, in a folder that holds the example recordings of
`example_folder`. A block ``output`` behind one is what it prints. In ``console`` and ``sh`` blocks the lines behind ``$`` are
commands; the lines below one are what it prints. ``...`` stands for anything. Two numbers are the same if they differ by no
more than one percent, or by one in the last decimal that is written.

A block that cannot run everywhere says so behind its language: ``needs=database``, ``needs=network`` and so on (`NEEDS`),
or ``skip="why"``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NEEDS = {
    "database": "needs the MIT-BIH Arrhythmia Database",
    "annotators": "needs the MIT-BIH Arrhythmia Database and a folder of annotation files",
    "network": "needs the Internet",
    "gpu": "needs a GPU",
    "server": "needs a server that is running",
}
FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w-]*)(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=indent)(?P=ticks)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?!\w)")
SHELLS = ("console", "sh", "bash", "shell")


class BlockError(Exception):
    """A block of a page does not do what the page says."""


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, marks, code, and where it stands."""

    language: str
    marks: dict[str, str]
    code: str
    line: int
    span: tuple[int, int]
    indent: str = ""


@dataclass
class Outcome:
    """What running a page came to: how many blocks ran, which were skipped and why, and the text with the outputs."""

    ran: int = 0
    skipped: list[str] = field(default_factory=list)
    text: str = ""


def split_info(info: str) -> dict[str, str]:
    """Return the marks behind a block's language: ``needs=database skip="why"``."""
    words = shlex.split(info.strip().strip("{}"))
    return dict(word.partition("=")[::2] for word in words if "=" in word)


def find_blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in their order."""
    found = []
    for match in FENCE.finditer(text):
        indent = match["indent"]
        code = "\n".join(line.removeprefix(indent) for line in match["code"].splitlines())
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match["language"], split_info(match["info"]), code, line, match.span("code"), indent))
    return found


def split_commands(code: str, *, prompt: bool) -> list[tuple[str, str]]:
    """Return the commands of a block, each with the output that stands below it."""
    commands: list[list[str]] = []
    joined = re.sub(r"\\\n\s*", " ", code)
    for line in joined.splitlines():
        if line.startswith("$ ") or (not prompt and line.strip() and not line.startswith("#")):
            commands.append([line.removeprefix("$ "), ""])
        elif commands and prompt:
            commands[-1][1] += line + "\n"
    return [(command, output) for command, output in commands]


def same(expected: str, got: str) -> bool:
    """Say whether an output is what the page says: ``...`` is anything, white space is equal, numbers may differ a little."""
    expected, got = expected.strip(), got.strip()
    pattern, numbers, at = "", [], 0
    for match in re.finditer(rf"{NUMBER.pattern}|\.\.\.|…|\s+", expected):
        pattern += re.escape(expected[at : match.start()])
        piece = match[0]
        if piece in ("...", "…"):
            pattern += r"[\s\S]*?"
        elif piece.isspace():
            pattern += r"\s+"
        else:
            pattern += rf"({NUMBER.pattern})"
            numbers.append(piece)
        at = match.end()
    found = re.fullmatch(pattern + re.escape(expected[at:]), got)
    return found is not None and all(near(a, b) for a, b in zip(numbers, found.groups(), strict=True))


def near(a: str, b: str) -> bool:
    """Say whether two written numbers differ by at most one percent, or by one in the last decimal."""
    x, y = float(a.replace(",", "")), float(b.replace(",", ""))
    last = 10.0 ** -len(a.partition(".")[2]) if "." in a and "e" not in a else 0.0
    return abs(x - y) <= max(0.01 * abs(x), 1.0001 * last)


def example_folder(folder: Path) -> None:
    """Lay the recordings into a folder that the pages speak of: all are the five minutes that come with the package."""
    import edfio
    import numpy as np

    from beatlens.records.bundled import read_bundled

    record = read_bundled()
    signal = record.signal[:, 0].astype(np.float64)
    channel = edfio.EdfSignal(signal, sampling_frequency=record.fs, label="MLII", physical_dimension="mV")
    for name in ("holter.edf", "night.edf"):
        edfio.Edf([channel]).write(folder / name)
    (folder / "holter.csv").write_text("MLII (mV)\n" + "\n".join(f"{value:.3f}" for value in signal), encoding="utf-8")
    for example in sorted((ROOT / "examples").glob("*")):
        (folder / "examples").mkdir(exist_ok=True)
        if example.is_file():
            (folder / "examples" / example.name).write_bytes(example.read_bytes())
    with contextlib.suppress(Exception):
        from beatlens.databases.mitdb import find_database

        database = find_database()
        (folder / "mit-bih-arrhythmia-database-1.0.0").symlink_to(database)
        annotators = Path(os.environ["BEATLENS_DATA"]).resolve().parent / "ec57" / "annotations"
        if annotators.is_dir():
            (folder / "annotations").symlink_to(annotators)


def missing(block: Block, folder: Path) -> str:
    """Return why a block cannot run here; empty if it can."""
    if "skip" in block.marks:
        return block.marks["skip"] or "marked"
    need = block.marks.get("needs", "")
    there = {
        "": True,
        "database": (folder / "mit-bih-arrhythmia-database-1.0.0").exists(),
        "annotators": (folder / "annotations").exists(),
    }
    if need and need not in NEEDS:
        raise BlockError(f"line {block.line}: unknown mark needs={need}; known: {', '.join(NEEDS)}")
    return "" if there.get(need, False) else NEEDS[need]


class Tee(io.StringIO):
    """Text that also goes to another place: what a terminal shows beside what a pipe gets."""

    def __init__(self, both: io.StringIO) -> None:
        super().__init__()
        self.both = both

    def write(self, text: str) -> int:
        """Write to both."""
        self.both.write(text)
        return super().write(text)


@dataclass(frozen=True)
class Printed:
    """What a command printed: on stdout, and on both streams as a terminal shows them."""

    output: str = ""
    both: str = ""

    def is_same(self, expected: str) -> bool:
        """Say whether a page that shows either of them is right."""
        return same(expected, self.output) or same(expected, self.both)


def run_command(command: str, folder: Path) -> Printed:
    """Run one line of a shell block and return what it prints: ``beatlens``, ``python`` on a file of the page, ``make``."""
    words = shlex.split(command, comments=True)
    target = None
    if len(words) > 2 and words[-2] == ">":
        words, target = words[:-2], words[-1]
    program = words[0].rpartition("/")[2] if words else ""
    if program == "beatlens":
        status, printed = run_beatlens(words[1:])
    elif program in ("python", "python3"):
        done = subprocess.run(  # noqa: S603
            [sys.executable, *words[1:]], cwd=folder, capture_output=True, text=True, check=False
        )
        status, printed = done.returncode, Printed(done.stdout, done.stdout + done.stderr)
    elif program == "make":
        # What a target does is tested where it is written; here it must exist.
        done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
        status, printed = done.returncode, Printed("", done.stderr)
    else:
        raise BlockError(f'do not know how to run: {command}; mark the block with skip="why"')
    if target is not None:
        (folder / target).write_text(printed.output, encoding="utf-8")
    if status != 0 and "error:" not in printed.both:
        raise BlockError(f"{command} ended with status {status}: {printed.both[-500:]}")
    return printed


def run_beatlens(words: list[str]) -> tuple[int, Printed]:
    """Run the command in this process; return its status and what it printed."""
    from unittest import mock

    from beatlens.cli import main

    both = io.StringIO()
    output, status = Tee(both), 0
    with (
        mock.patch.object(sys, "argv", ["beatlens", *words]),
        mock.patch.dict(os.environ, {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(both),
    ):
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
    return status, Printed(output.getvalue(), both.getvalue())


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in another folder for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run_page(page: Path, folder: Path, *, update: bool = False) -> Outcome:
    """Run the blocks of a page in a folder.

    Raises
    ------
    BlockError
        If a block fails or prints something else than the page says; not for outputs if they are to be written anew.
    """
    text = page.read_text(encoding="utf-8")
    outcome, changes = Outcome(), []
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed: Printed | None = None
    with working_in(folder):
        for block in find_blocks(text):
            if block.language == "output" and printed is not None:
                changes.append((block, compare(block, block.code, printed, update=update)))
            elif block.language in ("python", *SHELLS):
                printed = None
                if why := missing(block, folder):
                    outcome.skipped.append(f"line {block.line}: {why}")
                    continue
                try:
                    if block.language == "python":
                        printed = run_python(block, page, namespace)
                    else:
                        changes += run_shell(block, folder, update=update)
                except BlockError:
                    raise
                except BaseException as error:
                    raise BlockError(f"line {block.line}: {type(error).__name__}: {error}") from error
                outcome.ran += 1
    for block, new in reversed(changes):
        lines = "".join(f"{block.indent}{line}".rstrip() + "\n" for line in new.rstrip().splitlines())
        text = text[: block.span[0]] + lines + text[block.span[1] :]
    outcome.text = text
    return outcome


def compare(block: Block, expected: str, printed: Printed, *, update: bool) -> str:
    """Return the output that a page should show: what it shows, if that is right, else what was printed.

    Raises
    ------
    BlockError
        If they differ and the page is not to be written anew.
    """
    if printed.is_same(expected):
        return expected
    if not update:
        raise BlockError(
            f"line {block.line}: the page says\n{expected}\nbut it prints\n{printed.both}\n"
            "If that is right (a model has new weights, say): make outputs"
        )
    return printed.output if printed.output.strip() else printed.both


def run_python(block: Block, page: Path, namespace: dict[str, Any]) -> Printed:
    """Run one block in the page's namespace and return what it prints; its lines keep their numbers in a traceback."""
    printed = io.StringIO()
    code = compile("\n" * block.line + block.code, str(page), "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)  # noqa: S102
    return Printed(printed.getvalue(), printed.getvalue())


def run_shell(block: Block, folder: Path, *, update: bool) -> list[tuple[Block, str]]:
    """Run the commands of one block; return the block with its outputs anew, if it shows any."""
    new, shows = "", False
    for command, expected in split_commands(block.code, prompt=block.language == "console"):
        printed = run_command(command, folder)
        new += f"$ {command}\n"
        if expected.strip():
            shows = True
            new += compare(block, expected, printed, update=update).rstrip() + "\n"
    return [(block, new)] if shows and "\\\n" not in block.code else []


def main() -> None:
    """Run pages."""
    parser = argparse.ArgumentParser(description="Run the code blocks of pages.")
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--update", action="store_true", help="write the outputs into the pages")
    options = parser.parse_args()
    import matplotlib as mpl

    mpl.use("Agg")
    failed = False
    for page in options.pages:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            example_folder(folder)
            try:
                outcome = run_page(page.resolve(), folder, update=options.update)
            except BlockError as error:
                failed = True
                print(f"{page}: {error}")
                continue
        if options.update:
            page.write_text(outcome.text, encoding="utf-8")
        print(f"{page}: {outcome.ran} blocks ran" + "".join(f"; {why}" for why in outcome.skipped))
    sys.exit(failed)


if __name__ == "__main__":
    main()
