"""Beatlens reads ECG recordings, classifies every heartbeat, and shows what decided each call.

For research; not a medical device.
"""

__version__ = "0.1.0"
