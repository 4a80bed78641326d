"""The ``beatlens`` command. Data goes to stdout, progress and errors to stderr; a traceback only with ``--debug``."""

from beatlens.cli.main import main

__all__ = ["main"]
