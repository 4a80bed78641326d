"""Corrections in an SQLite database: written as they are made, never changed afterwards but in their state.

A *change* is what a reviewer did in one go (one beat, or a whole cluster) and what undo takes back; it holds one *edit* for
each beat. Nothing is deleted: a change that was undone stays, and so does one that a later change made impossible to redo.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from beatlens.errors import ConfigurationError, OutputError

VERSION: Final = 1
MOST_LETTERS: Final = 60
"""Longest name of a reviewer."""

_SCHEMA: Final = """
CREATE TABLE identity (token TEXT NOT NULL);
CREATE TABLE recordings (sha256 TEXT PRIMARY KEY, name TEXT NOT NULL, fs REAL NOT NULL, n_samples INTEGER NOT NULL);
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recording TEXT NOT NULL REFERENCES recordings (sha256),
    labels TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    made_at TEXT NOT NULL,
    title TEXT NOT NULL,
    model TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'undone', 'dropped'))
);
CREATE INDEX changes_of ON changes (recording, labels, reviewer, state);
CREATE TABLE edits (
    change_id INTEGER NOT NULL REFERENCES changes (id),
    sample INTEGER NOT NULL,
    before TEXT,
    after TEXT
);
CREATE INDEX edits_of ON edits (change_id);
"""


@dataclass(frozen=True)
class Key:
    """Whose corrections, of what.

    Parameters
    ----------
    recording : str
        SHA-256 of the recording.
    labels : str
        The classes that are told apart, such as ``"N S V F Q"``: labels of two vocabularies are kept apart.
    reviewer : str
        Who corrects.
    """

    recording: str
    labels: str
    reviewer: str


@dataclass(frozen=True)
class Edit:
    """One beat that was changed: its R peak, and its class before and after; None where there was, or is, no beat."""

    sample: int
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """What was done in one go.

    Parameters
    ----------
    number : int
        Its place among all changes of the database.
    made_at : str
        When, in UTC, as ISO 8601 writes it.
    title : str
        What it was, in words.
    model : str
        The model whose beats were corrected, with its version.
    state : str
        ``"done"``, ``"undone"``, or ``"dropped"``: undone, and then something else was done.
    edits : tuple of Edit
    """

    number: int
    made_at: str
    title: str
    model: str
    state: str
    edits: tuple[Edit, ...]


def check_reviewer(name: str) -> str:
    """Return a reviewer's name as it is kept, without spaces around it.

    Raises
    ------
    ConfigurationError
        If it is empty, too long, or holds characters that cannot be printed.
    """
    plain = " ".join(name.split())
    if not plain or len(plain) > MOST_LETTERS or not plain.isprintable():
        raise ConfigurationError(
            f"a reviewer's name must have 1 to {MOST_LETTERS} printable characters; got {len(plain)}",
            hint="Write your name or initials: every correction is kept under it.",
        )
    return plain


class Store:
    """The database of corrections.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made if they are not there.

    Raises
    ------
    OutputError
        If it cannot be opened or is of a later version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        with self._open() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise OutputError(
                    f"{path} was written by a later version of Beatlens", hint="Install that version, or move the file away."
                )
        if version == 0:
            self._create()

    def add(self, key: Key, title: str, edits: Sequence[Edit], *, model: str, recording: tuple[str, float, int]) -> Change:
        """Keep a change; what was undone before it can no longer be redone.

        Parameters
        ----------
        key : Key
        title : str
            What was done, in words.
        edits : sequence of Edit
            At least one.
        model : str
            The model whose beats are corrected, with its version.
        recording : tuple
            Name, rate in Hz and number of samples of the recording, for whoever reads the database.

        Raises
        ------
        ConfigurationError
            If there is nothing to keep.
        OutputError
            If the database cannot be written.
        """
        if not edits:
            raise ConfigurationError("a change must hold at least one edit; got none")
        made_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        with self._write() as database:
            database.execute("INSERT OR IGNORE INTO recordings VALUES (?, ?, ?, ?)", (key.recording, *recording))
            database.execute(
                "UPDATE changes SET state = 'dropped' WHERE recording = ? AND labels = ? AND reviewer = ? AND state = 'undone'",
                _of(key),
            )
            number = database.execute(
                "INSERT INTO changes (recording, labels, reviewer, made_at, title, model, state) "
                "VALUES (?, ?, ?, ?, ?, ?, 'done')",
                (*_of(key), made_at, title, model),
            ).lastrowid
            database.executemany(
                "INSERT INTO edits VALUES (?, ?, ?, ?)", [(number, int(e.sample), e.before, e.after) for e in edits]
            )
        return Change(int(number or 0), made_at, title, model, "done", tuple(edits))

    def undo(self, key: Key) -> Change | None:
        """Take back the last change that is done; None if there is none."""
        return self._turn(key, "done", "undone")

    def redo(self, key: Key) -> Change | None:
        """Do again the change that was undone last; None if there is none."""
        return self._turn(key, "undone", "done")

    def changes(self, key: Key) -> tuple[Change, ...]:
        """Return every change, the first first, those that were undone or dropped among them."""
        with self._open() as database:
            rows = database.execute(
                "SELECT id, made_at, title, model, state FROM changes "
                "WHERE recording = ? AND labels = ? AND reviewer = ? ORDER BY id",
                _of(key),
            ).fetchall()
            return tuple(self._change(database, row, row[4]) for row in rows)

    def revision(self, key: Key) -> tuple[str, int, int]:
        """Return what changes whenever the corrections do: which database this is, the last change, and how many are done."""
        with self._open() as database:
            token = database.execute("SELECT token FROM identity").fetchone()[0]
            last, done = database.execute(
                "SELECT COALESCE(MAX(id), 0), COALESCE(SUM(state = 'done'), 0) FROM changes "
                "WHERE recording = ? AND labels = ? AND reviewer = ?",
                _of(key),
            ).fetchone()
        return str(token), int(last), int(done)

    def reviewers(self, recording: str, labels: str) -> tuple[str, ...]:
        """Return who has corrected a recording."""
        with self._open() as database:
            rows = database.execute(
                "SELECT DISTINCT reviewer FROM changes WHERE recording = ? AND labels = ? ORDER BY reviewer",
                (recording, labels),
            ).fetchall()
        return tuple(row[0] for row in rows)

    def _turn(self, key: Key, old: str, new: str) -> Change | None:
        with self._write() as database:
            rows = database.execute(
                "SELECT id, made_at, title, model FROM changes "
                "WHERE recording = ? AND labels = ? AND reviewer = ? AND state = ? ORDER BY id",
                (*_of(key), old),
            ).fetchall()
            # The last that was done is taken back first; the first that was taken back last is done again first.
            row = rows[-1 if old == "done" else 0] if rows else None
            if row is None:
                return None
            database.execute("UPDATE changes SET state = ? WHERE id = ?", (new, row[0]))
            return self._change(database, row, new)

    @staticmethod
    def _change(database: sqlite3.Connection, row: tuple[Any, ...], state: str) -> Change:
        number, made_at, title, model = row[:4]
        rows = database.execute("SELECT sample, before, after FROM edits WHERE change_id = ? ORDER BY rowid", (number,))
        return Change(number, made_at, title, model, state, tuple(Edit(*edit) for edit in rows))

    def _create(self) -> None:
        with self._write() as database:
            # Another process may have been faster between the look above and this lock.
            if database.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute("INSERT INTO identity VALUES (?)", (secrets.token_hex(8),))
                database.execute(f"PRAGMA user_version = {VERSION}")

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that holds the one lock for writing, and keeps all that was done or nothing."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # A connection each time: sessions run in threads of their own, and opening a file costs next to nothing.
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as database:
                database.execute("PRAGMA foreign_keys = ON")
                database.execute("PRAGMA synchronous = FULL")
                yield database
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> OutputError:
        return OutputError(
            f"corrections cannot be kept in {self.path}: {error}",
            hint="Set BEATLENS_DATA_HOME to a folder that can be written to.",
        )


def _of(key: Key) -> tuple[str, str, str]:
    return key.recording, key.labels, key.reviewer
