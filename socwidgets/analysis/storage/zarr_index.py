"""Where the chunks of a zarr array lie in a local folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.analysis.storage.decoders import (
    FrameDecoder,
    Inflate,
    blosc_size,
    zstd_size,
)
from socwidgets.analysis.storage.descriptors import CAN_READ
from socwidgets.analysis.storage.stored_array import Decoder, Piece, StoredArray


@dataclass(frozen=True, slots=True)
class ChunkFolder:
    """Chunks of an array, one file each; called with the place of one in the grid."""

    path: str
    metadata: Any
    decode: Decoder | None

    def __call__(self, place: tuple[int, ...]) -> Piece:
        """Where a chunk is."""
        name = self.metadata.encode_chunk_key(place)
        return Piece(os.path.join(self.path, name), 0, None, self.decode)


def stored_zarr(array: Any) -> StoredArray | None:
    """Direct way to the values of an array, or None where zarr has to read them.

    Parameters
    ----------
    array : zarr.Array
        Of zarr 3, in either format. Only folders on a local disk are read directly, with chunks
        that are whole files in the order of C and at most one compression: zstd, gzip, zlib or
        blosc.
    """
    folder = _folder(array)
    if folder is None or not CAN_READ or array.dtype.kind not in "iuf" or not array.ndim:
        return None
    dtype = _stored_type(array)
    if dtype is None or array.filters or array.shards is not None:
        return None
    compressors = tuple(array.compressors)
    decode = _decoder(compressors[0]) if len(compressors) == 1 else None
    if len(compressors) > 1 or (compressors and decode is None):
        return None
    path = os.path.join(folder, array.path) if array.path else folder
    chunks = ChunkFolder(path, array.metadata, decode)
    return StoredArray(array.shape, array.chunks, dtype, chunks, plain=decode is None)


def _folder(array: Any) -> str | None:
    """Folder of the store on a local disk."""
    from zarr.storage import FsspecStore, LocalStore

    store = getattr(array, "store", None)
    if isinstance(store, LocalStore):
        return os.path.abspath(store.root)
    if isinstance(store, FsspecStore):
        protocol = getattr(store.fs, "protocol", ())
        names = (protocol,) if isinstance(protocol, str) else tuple(protocol)
        if "file" in names and os.path.isabs(store.path):
            return str(store.path)
    return None


def _stored_type(array: Any) -> np.dtype | None:
    """Type of the numbers in the files, or None where they are not in the order of C."""
    from zarr.codecs import BytesCodec

    if array.metadata.zarr_format == 2:
        return array.dtype if array.metadata.order == "C" else None
    if not isinstance(array.serializer, BytesCodec):
        return None
    if array.dtype.itemsize == 1:
        return array.dtype
    # A member of an enumeration up to zarr 3.1, the bare word since.
    endian = getattr(array.serializer.endian, "value", array.serializer.endian)
    order = {"little": "<", "big": ">"}.get(str(endian))
    return None if order is None else array.dtype.newbyteorder(order)


def _decoder(compressor: Any) -> Decoder | None:
    """Decoder for a compressor of either format."""
    import numcodecs
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    # The exact types: what is derived from them may do anything.
    kind = type(compressor)
    if kind in (ZstdCodec, numcodecs.Zstd):
        return FrameDecoder(numcodecs.Zstd(), zstd_size)
    if kind in (BloscCodec, numcodecs.Blosc):
        return FrameDecoder(numcodecs.Blosc(), blosc_size)
    if kind in (GzipCodec, numcodecs.GZip):
        return Inflate(31)
    return Inflate() if kind is numcodecs.Zlib else None
