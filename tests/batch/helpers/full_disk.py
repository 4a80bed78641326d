"""A file system in memory that has room for some bytes only."""

from __future__ import annotations

import errno
import os
from typing import ClassVar

from fsspec.implementations.memory import MemoryFileSystem


class FullDisk(MemoryFileSystem):
    """Writing beyond ``room`` bytes fails as a full disk does: after a part of the file is written."""

    protocol = "fulldisk"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    room: ClassVar[int] = 0

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("fulldisk://", "memory://"))

    def unstrip_protocol(self, name):
        return f"fulldisk://{self._strip_protocol(name)}"

    def _open(self, path, mode="rb", **kwargs):
        file = super()._open(path, mode, **kwargs)
        if "w" in mode:
            write = file.write

            def write_some(content):
                used = sum(each.getbuffer().nbytes for each in self.store.values())
                if used + len(content) > FullDisk.room:
                    write(content[: max(0, FullDisk.room - used)])
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return write(content)

            file.write = write_some
        return file
