"""The package's version: that of the git tag which it was built from."""

from __future__ import annotations

__all__ = ["__version__"]

try:
    # Written by the build; installed packages are not asked, for that takes long and `beatlens --version` is instant.
    from beatlens._tag import __version__ as _built  # type: ignore[import-not-found, unused-ignore]
except ModuleNotFoundError:
    _built = "0.1.0.dev0"  # a copy of the source that was not built; the same stands in pyproject.toml

__version__: str = _built
