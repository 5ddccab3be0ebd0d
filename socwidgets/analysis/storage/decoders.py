"""Compressions of chunks that are undone here; each fills ``(n,)`` uint8 or raises ValueError."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Inflate:
    """Undo ``deflate``, with the `window` bits of zlib: 15 for its own format, 31 for gzip."""

    window: int = 15

    def __call__(self, raw: np.ndarray, out: np.ndarray) -> None:
        """Fill `out`; the checksum is looked at."""
        out[...] = self.values(raw, out.size)

    def values(self, raw: np.ndarray, size: int) -> np.ndarray:
        """The `size` bytes, read-only."""
        try:
            found = np.frombuffer(zlib.decompress(raw.data, self.window, size), np.uint8)
        except zlib.error as error:
            raise ValueError(str(error)) from error
        _require(found.size, size)
        return found


@dataclass(frozen=True, slots=True)
class Unshuffle:
    """Undo the sorting of bytes by their place in a number of `width` bytes."""

    width: int

    def __call__(self, raw: np.ndarray, out: np.ndarray) -> None:
        """Fill `out`."""
        _require(raw.size, out.size)
        planes = raw.reshape(self.width, -1)
        numbers = out.reshape(-1, self.width)
        # Plane by plane is three times as fast as numpy's copy of the transposed array.
        for byte in range(self.width):
            numbers[:, byte] = planes[byte]


@dataclass(frozen=True, slots=True)
class InflateUnshuffle:
    """Undo ``shuffle`` followed by ``deflate``."""

    width: int

    def __call__(self, raw: np.ndarray, out: np.ndarray) -> None:
        """Fill `out`."""
        Unshuffle(self.width)(Inflate().values(raw, out.size), out)


@dataclass(frozen=True, slots=True)
class FrameDecoder:
    """Undo a compression with a codec of numcodecs that says beforehand how much it gives.

    Attributes
    ----------
    codec : numcodecs.abc.Codec
        Decodes into memory that is there; where that is too large, the rest would stay as it was.
    size : callable
        Bytes that some encoded ones give, as their head says; negative where it does not.
    """

    codec: Any
    size: Callable[[np.ndarray], int]

    def __call__(self, raw: np.ndarray, out: np.ndarray) -> None:
        """Fill `out`."""
        _require(self.size(raw), out.size)
        try:
            self.codec.decode(raw, out)
        except RuntimeError as error:
            raise ValueError(str(error)) from error


def zstd_size(raw: np.ndarray) -> int:
    """Decoded bytes of a zstd frame (RFC 8878, section 3.1.1); -1 if it does not say."""
    head = raw[:18].tobytes()
    if head[:4] != b"\x28\xb5\x2f\xfd":
        return -1
    flags = head[4]
    single = flags >> 5 & 1
    width = (single, 2, 4, 8)[flags >> 6]
    start = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
    if not width:
        return -1
    return int.from_bytes(head[start : start + width], "little") + (256 if width == 2 else 0)


def blosc_size(raw: np.ndarray) -> int:
    """Decoded bytes of a buffer of blosc 1, from its 16 bytes of head; -1 if it is cut off."""
    head = raw[:16].tobytes()
    whole = raw.size >= 16 and int.from_bytes(head[12:], "little") == raw.size
    return int.from_bytes(head[4:8], "little") if whole else -1


def _require(found: int, wanted: int) -> None:
    if found != wanted:
        raise ValueError(f"{found} bytes instead of {wanted}")
