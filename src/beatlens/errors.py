"""Every error that Beatlens raises on purpose.

One grammar: the message says what must hold and what was found (``'fs' must be positive; got -1.0``), then where (record,
lead, second). The optional hint says what to do about it. Each class also inherits the builtin that a caller would expect.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BeatlensError(Exception):
    """Root of every deliberate error.

    Parameters
    ----------
    message : str
        One sentence: what must hold, what was found, where.
    hint : str, optional
        What the user can do about it.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:  # keeps the hint when an error crosses a process border
        return _rebuild, (type(self), self.message, self.hint)


def _rebuild(kind: type[BeatlensError], message: str, hint: str | None) -> BeatlensError:
    return kind(message, hint=hint)


class SignalError(BeatlensError, ValueError):
    """A signal cannot be used: empty, flat, not finite, too short, of the wrong shape, rate or unit."""


class FormatError(BeatlensError, ValueError):
    """A file is truncated, corrupted, or not of the format that it claims."""


class RecordNotFoundError(BeatlensError, FileNotFoundError):
    """A recording, one of its files, or a record of a database is not there."""


class AnnotationError(BeatlensError, ValueError):
    """Annotations are out of order, outside the recording, of another rate, or carry an unknown symbol."""


class ConfigurationError(BeatlensError, ValueError):
    """A configuration value or an option is unknown or out of range."""


class UnknownNameError(BeatlensError, KeyError):
    """A model, method, protocol or database of that name does not exist."""


class LeakageError(BeatlensError, ValueError):
    """A patient stands on both sides of a split that claims to keep patients apart."""


class HashMismatchError(BeatlensError, OSError):
    """A file's SHA-256 is not the one recorded for it."""


class DownloadError(BeatlensError, OSError):
    """A file could not be fetched."""


class OutputError(BeatlensError, OSError):
    """A result cannot be written where it was asked for."""


class MissingDependencyError(BeatlensError, ImportError):
    """An optional package is needed, or a package is set up in a way that cannot be used."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return a hint that lists the known names, the most similar one first as a question.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        What would have been accepted.

    Examples
    --------
    >>> closest("salency", ["saliency", "occlusion"])
    "Did you mean 'saliency'? Known: occlusion, saliency."
    """
    names = sorted(known)
    match = difflib.get_close_matches(name, names, n=1)
    question = f"Did you mean '{match[0]}'? " if match else ""
    return f"{question}Known: {', '.join(names)}."
