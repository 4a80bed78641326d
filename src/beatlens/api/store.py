"""Jobs in SQLite: what was asked, and how it ended. Whatever happens to the process, a job is here or it is not."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from beatlens.errors import OutputError

UNFINISHED: Final = ("queued", "running")
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    request TEXT NOT NULL,
    created_s REAL NOT NULL,
    started_s REAL,
    finished_s REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    problem TEXT
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
"""


@dataclass(frozen=True)
class Job:
    """One analysis that was asked for.

    Parameters
    ----------
    number : int
        Its place in the order of arrival.
    id : str
        What it is called outside: 32 hexadecimal digits that nobody can guess.
    state : str
        ``"queued"``, ``"running"``, ``"done"`` or ``"failed"``.
    request : dict
        Where the recording lies and what was chosen, in the types of JSON.
    created_s, started_s, finished_s : float or None
        Times in seconds since 1970.
    attempts : int
        How often it was begun.
    problem : dict or None
        Why it failed, as a problem document.
    """

    number: int
    id: str
    state: str
    request: dict[str, Any]
    created_s: float
    started_s: float | None
    finished_s: float | None
    attempts: int
    problem: dict[str, Any] | None


_COLUMNS: Final = tuple(field.name for field in fields(Job))


class Store:
    """The jobs of one folder, for one server at a time.

    Parameters
    ----------
    folder : Path
        Made if missing, readable by this user alone.
    clock : callable
        Returns the time in seconds since 1970.

    Raises
    ------
    OutputError
        If the folder cannot be written, or another server uses it.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._clock = clock
        self._mutex = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in ("jobs", "temporary"):
                (folder / name).mkdir(exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(
                folder / "jobs.sqlite3", check_same_thread=False, isolation_level=None, timeout=0.5
            )
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")  # one server a folder; let go when the process ends
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.executescript(_TABLE)
            self._database.execute("UPDATE jobs SET id = id WHERE 0")  # a write, so that the lock is taken now
        except (OSError, sqlite3.Error) as error:
            if "locked" in str(error):
                raise OutputError(f"{folder} is in use by another server", hint="Choose another with --data.") from error
            raise OutputError(f"{folder} cannot be used for the server's data: {error}") from error

    def close(self) -> None:
        """Let go of the folder."""
        self._database.close()

    def folder_of(self, job_id: str) -> Path:
        """Return the folder of a job's files; ``job_id`` is one that this server made."""
        return self.folder / "jobs" / job_id

    def add(self, job_id: str, request: dict[str, Any]) -> Job:
        """Add a job to the end of the queue."""
        self._run(
            "INSERT INTO jobs (id, state, request, created_s) VALUES (?, 'queued', ?, ?)",
            (job_id, json.dumps(request), self._clock()),
        )
        found = self.find(job_id)
        if found is None:
            raise OutputError("a new job is not in the database")
        return found

    def find(self, job_id: str) -> Job | None:
        """Return a job; None if there is none of that name."""
        return next(iter(self._select("WHERE id = ?", (job_id,))), None)

    def newest(self, *, limit: int, before: int | None = None) -> list[Job]:
        """Return the newest jobs, the newest first; those older than number ``before`` if it is given."""
        return self._select("WHERE number < ? ORDER BY number DESC LIMIT ?", (before or 1 << 62, limit))

    def count(self, state: str) -> int:
        """Return how many jobs are in a state."""
        return int(self._run("SELECT COUNT(*) FROM jobs WHERE state = ?", (state,))[0][0])

    def claim(self, job_id: str) -> Job | None:
        """Begin a queued job and return it; None if it is no longer queued."""
        begun = self._run(
            "UPDATE jobs SET state = 'running', started_s = ?, attempts = attempts + 1 WHERE id = ? AND state = 'queued' "
            "RETURNING id",
            (self._clock(), job_id),
        )
        return self.find(job_id) if begun else None

    def finish(self, job_id: str, problem: dict[str, Any] | None = None) -> None:
        """End a job: well, or with a problem."""
        self._run(
            "UPDATE jobs SET state = ?, finished_s = ?, problem = ? WHERE id = ?",
            ("failed" if problem else "done", self._clock(), json.dumps(problem) if problem else None, job_id),
        )

    def remove(self, job_id: str) -> None:
        """Forget a job and delete its files; the row goes first, so that nothing points at files that are gone."""
        self._run("DELETE FROM jobs WHERE id = ?", (job_id,))
        shutil.rmtree(self.folder_of(job_id), ignore_errors=True)

    def recover(self) -> list[str]:
        """Put what a stopped server left in order; return the queued jobs, the oldest first.

        Running jobs are queued again, files without a job and files of half-arrived uploads are deleted.
        """
        self._run("UPDATE jobs SET state = 'queued' WHERE state = 'running'", ())
        known = {row[0] for row in self._run("SELECT id FROM jobs", ())}
        for path in (*(self.folder / "jobs").iterdir(), *(self.folder / "temporary").iterdir()):
            if path.name not in known or path.parent.name == "temporary":
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        return [row[0] for row in self._run("SELECT id FROM jobs WHERE state = 'queued' ORDER BY number", ())]

    def expired(self, keep_s: float) -> list[str]:
        """Return the jobs that ended longer than ``keep_s`` seconds ago."""
        return [row[0] for row in self._run("SELECT id FROM jobs WHERE finished_s < ?", (self._clock() - keep_s,))]

    def size_bytes(self) -> int:
        """Return how much the files of all jobs take."""
        total = 0
        for path, _, names in os.walk(self.folder):
            for name in names:
                try:
                    total += os.lstat(Path(path) / name).st_size
                except OSError:  # deleted in the meantime
                    continue
        return total

    def _run(self, statement: str, values: tuple[object, ...]) -> list[Any]:
        with self._mutex:
            try:
                return self._database.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise OutputError(f"the jobs' database cannot be used: {error}") from error

    def _select(self, clause: str, values: tuple[object, ...]) -> list[Job]:
        rows = self._run(f"SELECT {', '.join(_COLUMNS)} FROM jobs {clause}", values)  # noqa: S608
        return [_job(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _job(row: dict[str, Any]) -> Job:
    problem = json.loads(row["problem"]) if row["problem"] else None
    return Job(**row | {"request": json.loads(row["request"]), "problem": problem})
