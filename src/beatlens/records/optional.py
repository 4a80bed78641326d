"""Packages that only some formats need."""

from __future__ import annotations

import importlib
from types import ModuleType

from beatlens.errors import MissingDependencyError


def require(package: str, purpose: str) -> ModuleType:
    """Import an optional package.

    Raises
    ------
    MissingDependencyError
        If it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.split(".", maxsplit=1)[0]
        message = f"reading {purpose} needs the package '{name}', which is not installed"
        raise MissingDependencyError(message, hint='Run: pip install "beatlens[formats]"') from error
