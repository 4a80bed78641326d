"""The core of every batch: one recording is analysed and kept, or becomes a row that says why not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

from beatlens.analysis.result import Analysis
from beatlens.batch.facts import summarise_row
from beatlens.batch.identity import Wanted, hash_content, make_identity
from beatlens.batch.sources import Source
from beatlens.errors import BeatlensError, OutputError, RecordNotFoundError

DONE: Final = "done"
"""Analysed now."""
KEPT: Final = "kept"
"""Found complete: same content, model, settings and version."""
FAILED: Final = "failed"
"""Not analysed; the reason says why."""


@dataclass(frozen=True)
class Outcome:
    """What became of one recording.

    Parameters
    ----------
    status : str
        `DONE`, `KEPT` or `FAILED`.
    source, name : str
        Where the recording lies, and what it is called in tables.
    identity, content : str
        Identity of the analysis, and SHA-256 of the content; empty if the content could not be read.
    facts : dict
        The summary as `beatlens.batch.facts.summarise_row` makes it; empty if it failed.
    reason, hint, error : str
        Why it failed, what can be done about it, and the kind of error; empty if it did not.
    seconds : float
        How long it took.
    output : str
        Where the results lie; empty if there are none.
    """

    status: str
    source: str
    name: str
    identity: str = ""
    content: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    hint: str = ""
    error: str = ""
    seconds: float = 0.0
    output: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it in the types of JSON, without what is empty."""
        named = {"status": self.status, "source": self.source, "name": self.name, "output": self.output}
        failed = {"reason": self.reason, "hint": self.hint, "error": self.error}
        known = {"content_sha256": self.content, "identity": self.identity, "seconds": round(self.seconds, 3)}
        return {key: value for key, value in {**named, **failed, **known, **self.facts}.items() if value != ""}


class Store(Protocol):
    """Where results are kept. It may be sent to another process."""

    def find(self, identity: str, source: Source) -> Outcome | None:
        """Return what is kept under this identity, complete, or None."""

    def save(self, outcome: Outcome, analysis: Analysis) -> str:
        """Keep an analysis, whole or not at all; return where."""

    def save_failure(self, outcome: Outcome) -> None:
        """Keep the reason of a failure, where such are kept."""


def analyse_one(source: Source, wanted: Wanted, store: Store) -> Outcome:
    """Analyse one recording and keep the result, unless it is there already; whatever goes wrong becomes a row.

    Parameters
    ----------
    source : Source
        The recording.
    wanted : Wanted
        What is asked for.
    store : Store
        Where results go.

    Returns
    -------
    Outcome
        Its ``status`` says whether it was analysed, kept, or failed.

    Raises
    ------
    OutputError
        If the results cannot be written.
    """
    began = time.perf_counter()
    outcome = Outcome(FAILED, source.url, source.name)
    try:
        with local_files(source) as files:
            content = hash_content(files[1:]) if files[1:] else ""
            described = wanted.describe()
            identity = make_identity(content or source.url, described)
            outcome = replace(outcome, identity=identity, content=content)
            kept = store.find(identity, source)
            if kept is not None:
                return kept
            analysis = _analyse(files[0], wanted, described["model"]["sha256"])
        outcome = replace(outcome, status=DONE, facts=summarise_row(analysis), seconds=time.perf_counter() - began)
        return replace(outcome, output=store.save(outcome, analysis))
    except OutputError:
        raise
    except BeatlensError as error:
        failed = replace(outcome, reason=error.message, hint=error.hint or "", error=type(error).__name__)
    except Exception as error:  # one recording that trips the code must not end a run over thousands
        reason = f"an unexpected {type(error).__name__}: {error}".strip(": ")
        failed = replace(outcome, reason=reason, hint="This is a fault of Beatlens.", error=type(error).__name__)
    failed = replace(failed, status=FAILED, seconds=time.perf_counter() - began)
    store.save_failure(failed)
    return failed


def _analyse(path: Path, wanted: Wanted, weights: str) -> Analysis:
    from beatlens.analysis import analyze
    from beatlens.records import read

    record = read(path, fs=wanted.fs, unit=wanted.unit, patient=wanted.patient)
    return analyze(record, model=_model(wanted.model, weights), leads=wanted.leads, settings=wanted.settings)


@lru_cache(maxsize=1)
def _model(name: str, weights: str) -> Any:
    """Return the model with these weights (their SHA-256), loaded and compiled once a process."""
    del weights
    from beatlens.models.registry import load_model

    return load_model(name)


@contextmanager
def local_files(source: Source) -> Iterator[list[Path]]:
    """Yield where a reader finds the recording, then its files; those elsewhere are copied here for as long as it is read.

    Raises
    ------
    RecordNotFoundError
        If a file is gone, or cannot be fetched.
    """
    if "://" not in source.url:
        yield [Path(source.url), *(Path(part.url) for part in source.parts)]
        return
    with TemporaryDirectory(prefix="beatlens-") as folder:
        yield list(_fetch(source, Path(folder)))


def _fetch(source: Source, folder: Path) -> Iterator[Path]:
    import fsspec

    yield folder / source.url.rsplit("/", 1)[-1]
    for part in source.parts:
        try:
            filesystem, path = fsspec.core.url_to_fs(part.url)
            filesystem.get_file(path, str(folder / part.name))
        except FileNotFoundError as error:
            raise RecordNotFoundError(f"no recording at {part.url}") from error
        except (OSError, ImportError, ValueError) as error:
            raise RecordNotFoundError(f"{part.url} cannot be fetched: {error}") from error
        yield folder / part.name
