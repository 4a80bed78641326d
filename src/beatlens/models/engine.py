"""Keras 3 on JAX: the one way through which the rest of the package imports them; JAX alone, where Keras is not needed."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from beatlens.errors import MissingDependencyError


@cache
def load_keras() -> ModuleType:
    """Return the module ``keras``, running on JAX.

    The backend is set before Keras is first imported, and compiled programs are kept on disk, as `load_jax` does.

    Raises
    ------
    MissingDependencyError
        If Keras was already imported on another backend.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "jax"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    backend = keras.backend.backend()
    if backend != "jax":
        raise MissingDependencyError(
            f"Keras must run on JAX here; it was already imported on '{backend}'",
            hint="Import beatlens before Keras, or set KERAS_BACKEND=jax before Python starts.",
        )
    load_jax()
    return keras  # type: ignore[no-any-return]


@cache
def load_jax() -> ModuleType:
    """Return the module ``jax``, which keeps compiled programs on disk so that a second process does not compile them again.

    They lie in ``BEATLENS_CACHE``, else in the user's cache folder.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return jax  # type: ignore[no-any-return]


def cache_folder() -> Path:
    """Return the folder for what may be deleted at any time: ``BEATLENS_CACHE``, else the user's cache folder."""
    named = os.environ.get("BEATLENS_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beatlens"
