"""Packages that come with an extra only."""

from __future__ import annotations

import importlib
from types import ModuleType

from beatlens.errors import MissingDependencyError


def require(package: str, need: str, *, extra: str) -> ModuleType:
    """Import an optional package.

    Parameters
    ----------
    package : str
        Its name, or that of one of its modules.
    need : str
        What needs it, with the verb: ``"reading DICOM needs"``.
    extra : str
        The extra of Beatlens that brings it.

    Raises
    ------
    MissingDependencyError
        If it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.split(".", maxsplit=1)[0]
        message = f"{need} the package '{name}', which is not installed"
        raise MissingDependencyError(message, hint=f'Run: pip install "beatlens[{extra}]"') from error
