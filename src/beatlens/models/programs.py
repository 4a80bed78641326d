"""Programs that a later process neither traces nor compiles again.

JAX keeps what it compiled on disk by itself (`beatlens.models.engine.load_jax`), but to find it there it must first trace the
program and write it down, which for an explanation takes longer than to run it. Here what is written down is kept as well.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens._io import replacing
from beatlens.errors import OutputError
from beatlens.models.engine import cache_folder, load_jax

Program = Callable[[dict[str, Any]], Any]

MOST_READY: Final = 64
"""So many programs stay at hand in a process, those that were used last: a model that is loaded again finds its own."""
_ready: Final[dict[str, Program]] = {}

_DIGEST_SIZE: Final = hashlib.sha256().digest_size
_UNREADABLE: Final = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError)
"""What a program of another version of JAX may raise, where its bytes are as they were written."""


def keep_program(function: Program, identity: str) -> Program:
    """Return a function compiled, for each shape of its inputs once, and kept on disk for later processes.

    Parameters
    ----------
    function : callable
        From a dict of arrays to arrays, to be traced by JAX. What else it depends on must be in ``identity``: the weights that
        it holds, and every setting. The source code of Beatlens and the versions of JAX and NumPy are added here.
    identity : str
        If empty, nothing is kept on disk.
    """
    jax = load_jax()
    if not identity:
        compiled: Program = jax.jit(function)
        return compiled

    def run(arrays: dict[str, Any]) -> Any:
        shapes = str(sorted((name, values.shape, str(values.dtype)) for name, values in arrays.items()))
        key = f"{identity} {shapes}"
        program = _ready.pop(key, None) or jax.jit(_find(function, arrays, key).call)
        _ready[key] = program  # the last one used is the last
        for old in list(_ready)[:-MOST_READY]:
            _ready.pop(old, None)
        return program(arrays)

    return run


def digest_arrays(arrays: Any) -> str:
    """Return the SHA-256, in hexadecimal, of every array in a structure of tuples, lists and dicts, and of its form."""
    leaves, form = load_jax().tree.flatten(arrays)
    digest = hashlib.sha256(str(form).encode())
    for leaf in leaves:
        values: npt.NDArray[Any] = np.ascontiguousarray(leaf)
        digest.update(f"{values.shape} {values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _find(function: Program, arrays: dict[str, Any], key: str) -> Any:
    """Return the program as it was kept, or trace it and keep it."""
    from jax import export

    jax = load_jax()
    name = hashlib.sha256(f"{_fingerprint()} {jax.default_backend()} {key}".encode()).hexdigest()
    path = cache_folder() / "programs" / f"{name}.bin"
    with contextlib.suppress(*_UNREADABLE):
        content = path.read_bytes()
        if hashlib.sha256(content[_DIGEST_SIZE:]).digest() == content[:_DIGEST_SIZE]:
            return export.deserialize(bytearray(content[_DIGEST_SIZE:]))
    program = export.export(jax.jit(function))(arrays)
    content = bytes(program.serialize())
    with contextlib.suppress(OutputError), replacing(path) as temporary:  # a folder that cannot be written costs time only
        temporary.write_bytes(hashlib.sha256(content).digest() + content)
    return program


@cache
def _fingerprint() -> str:
    """Return what changes when a program may: the source code of the package, and the libraries that trace it."""
    digest = hashlib.sha256(str([version(name) for name in ("jax", "jaxlib", "numpy")]).encode())
    root = Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
