"""Files opened for reading, by what they were when an index of them was made."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

#: Whether this system reads into given memory at a given place (Windows does not).
CAN_READ = hasattr(os, "preadv")

#: Size and time of the last change of a file, in bytes and ns.
Stamp = tuple[int, int]


def stamp_of(file: int | str | os.PathLike[str]) -> Stamp:
    """Stamp of a path or an open file."""
    state = os.stat(file)
    return state.st_size, state.st_mtime_ns


@dataclass(slots=True)
class Descriptors:
    """The file that is read at the moment; the last one is kept open until another is wanted."""

    _path: str = ""
    _file: int = -1
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._open.close()

    def open(self, path: str, stamp: Stamp | None) -> int:
        """Descriptor of a file.

        Raises
        ------
        OSError
            If it cannot be opened, or is no longer the file that the stamp was taken of.
        """
        if path != self._path:
            self._open.close()
            self._path = ""
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            self._open.callback(os.close, self._file)
            if stamp is not None and stamp_of(self._file) != stamp:
                raise OSError(f"{path} has changed")
            self._path = path
        return self._file


def read_exactly(file: int, room: np.ndarray, offset: int) -> None:
    """Fill C-contiguous memory with the bytes of a file from `offset` on.

    Raises
    ------
    OSError
        If the file ends before.
    """
    rest = room.reshape(-1).view(np.uint8).data
    while rest:
        count = os.preadv(file, [rest], offset)
        if count <= 0:
            raise OSError(f"the file ends {len(rest)} bytes too early")
        rest, offset = rest[count:], offset + count
