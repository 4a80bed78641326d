"""What may be chosen about a server, every limit among it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beatlens.errors import ConfigurationError

MEGABYTE: Final = 1 << 20
_POSITIVE: Final = (
    "upload_bytes",
    "json_bytes",
    "unpacked_bytes",
    "disk_bytes",
    "upload_s",
    "analysis_s",
    "explanation_s",
    "memory_bytes",
    "workers",
    "queue",
    "requests",
    "streams",
    "stream_idle_s",
    "keep_s",
)


@dataclass(frozen=True)
class ServerSettings:
    """Choices of a server.

    Parameters
    ----------
    data : Path
        Folder of the jobs' database and of what they made; made if missing, for this user alone.
    host : str
        Address that it listens at.
    port : int
        Port that it listens at; 0 for any free one.
    api_key : str
        Every request but ``/health`` must carry it; none is asked for where it is empty.
    model : str
        The model of a request that names none.
    upload_bytes, json_bytes : int
        Most bytes of an upload, and of samples as JSON, which are held in memory.
    unpacked_bytes : int
        Most bytes that a zip may unpack to.
    disk_bytes : int
        New recordings are refused while the folder holds more than this.
    upload_s : float
        Most seconds that the body of a request may take to arrive.
    analysis_s, explanation_s : float
        Most seconds of one analysis, and of one explanation.
    memory_bytes : int
        A worker process that holds more is ended.
    workers : int
        Recordings that are analysed at a time, each in a process of its own.
    queue : int
        Recordings that may wait.
    requests : int
        Requests that are answered at a time.
    streams : int
        WebSocket streams at a time.
    stream_idle_s : float
        Seconds after which a stream that sends nothing is closed.
    keep_s : float
        Seconds after which a finished analysis is removed.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str = ""
    model: str = "rhythm-lstm"
    upload_bytes: int = 256 * MEGABYTE
    json_bytes: int = 16 * MEGABYTE
    unpacked_bytes: int = 1024 * MEGABYTE
    disk_bytes: int = 20 * 1024 * MEGABYTE
    upload_s: float = 300.0
    analysis_s: float = 900.0
    explanation_s: float = 60.0
    memory_bytes: int = 6 * 1024 * MEGABYTE
    workers: int = 1
    queue: int = 32
    requests: int = 64
    streams: int = 4
    stream_idle_s: float = 60.0
    keep_s: float = 24 * 3600.0

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"'{name}' must be more than 0; got {getattr(self, name)}")
        if not 0 <= self.port <= 65535:
            raise ConfigurationError(f"'port' must be between 0 and 65535; got {self.port}")
        if self.api_key and not (self.api_key.isascii() and self.api_key.isprintable() and len(self.api_key) >= 16):
            raise ConfigurationError(
                "'api_key' must be at least 16 printable ASCII characters",
                hint='Make one: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )

    @property
    def loopback(self) -> bool:
        """Whether it can be reached from this machine alone."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether a name or address is this machine's own.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
