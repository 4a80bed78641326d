"""Beatlens reads ECG recordings, classifies every heartbeat, and shows what decided each call.

For research; not a medical device.
"""

from beatlens._version import __version__

__all__ = ["__version__"]
