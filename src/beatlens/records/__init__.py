"""A file becomes a `Record`: one reader a format, one `read`."""

from beatlens.records.reading import read
from beatlens.records.record import Annotations, Record

__all__ = ["Annotations", "Record", "read"]
