"""Pages of a TIFF as an array that is read piece by piece."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from socwidgets.analysis.storage.descriptors import CAN_READ, stamp_of
from socwidgets.analysis.storage.stored_array import Box, NotDirectError, Piece, StoredArray
from socwidgets.io.columns import unreadable
from socwidgets.io.lazy import box_of
from socwidgets.model.errors import DataError, ReadError, SocwidgetsError

#: What tifffile raises on damaged files, besides its own error (a ValueError).
_DAMAGE = (ValueError, IndexError, KeyError, TypeError, EOFError, struct.error, RuntimeError)


class _Place(NamedTuple):
    """Where the pixels of a page lie in the file.

    Attributes
    ----------
    offsets, sizes : tuple of int
        Of its strips or tiles, in bytes.
    final : bool
        Whether they follow each other and are not packed.
    as_first : bool
        Whether they are to be unpacked as those of the first page.
    """

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    final: bool
    as_first: bool


class TiffSource:
    """Pages of one TIFF as an array on disk, ``(page, y, x)``.

    Where the pixels of each page lie is looked up once, when the file is opened: the pages of a
    TIFF are a chain, and to find one of thousands takes longer than to read it. Pixels that are not
    packed are read directly, by any number of threads at once; no file stays open.
    """

    ndim = 3

    def __init__(self, path: Path) -> None:
        self._path, self._stamp = path, stamp_of(path)
        with _opened(path) as tif:
            if not len(tif.pages):
                raise _truncated(path, "it has no pages")
            series: Any = tif.series[0] if len(tif.pages) == 1 and tif.series else None
            # ImageJ writes large stacks as one page followed by all the others' pixels.
            whole = series is not None and len(series.shape) == 3 and not _has_color(tif)
            if whole and series.dataoffset is not None:
                self.shape, self.dtype = tuple(series.shape), np.dtype(series.dtype)
                if series.dataoffset + series.nbytes > path.stat().st_size:
                    raise _truncated(path, "the pixels end after the end of the file")
                size = series.nbytes // self.shape[0]
                starts = range(series.dataoffset, series.dataoffset + series.nbytes, size)
                self._places = [_Place((start,), (size,), True, True) for start in starts]
            else:
                self._places, first = _check_pages(path, tif), tif.pages[0]
                self.shape, self.dtype = (len(self._places), *first.shape), np.dtype(first.dtype)
            #: Whether a part of a page costs what it is, not the whole page.
            self.plain = CAN_READ and all(place.final for place in self._places)
            self._kind = self.dtype.newbyteorder(tif.byteorder)
            self.pixel_um = _imagej_pixel_um(tif)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read the pages asked for; `key` is a tuple of slices or integers."""
        key = key if isinstance(key, tuple) else (key,)
        box = box_of(key, self.shape)
        if box is not None:
            values = np.empty([part.stop - part.start for part in box], self.dtype)
            self.read_into(box, values)
            return values
        one = isinstance(key[0], (int, np.integer))
        pages = [int(key[0])] if one else list(range(*key[0].indices(self.shape[0])))
        frames = np.empty((len(pages), *self.shape[1:]), self.dtype)
        for page, frame in zip(pages, frames, strict=True):
            index = page % self.shape[0]
            self.read_into((slice(index, index + 1), *map(slice, (0, 0), frame.shape)), frame[None])
        return frames[(0 if one else slice(None), *key[1:])]

    def read_into(self, box: Box, room: np.ndarray) -> None:
        """Read a box (slices with bounds, without steps) into `room` of its shape and any type."""
        if self.plain:
            chunks = (1, *self.shape[1:])
            try:
                StoredArray(self.shape, chunks, self._kind, self._piece, True).read_into(box, room)
                return
            except NotDirectError:
                pass
        with _opened(self._path) as tif:
            for place, index in enumerate(range(box[0].start, box[0].stop)):
                room[place] = self._page(tif, index)[box[1:]]

    def _piece(self, place: tuple[int, ...]) -> Piece:
        """Where an unpacked page lies."""
        return Piece(str(self._path), self._places[place[0]].offsets[0], stamp=self._stamp)

    def _page(self, tif: Any, index: int) -> np.ndarray:
        """One page, unpacked by tifffile."""
        import tifffile

        offsets, sizes, final, as_first = self._places[index]
        if final:
            count = self.shape[1] * self.shape[2]
            return np.fromfile(self._path, self._kind, count, offset=offsets[0]).reshape(
                self.shape[1:]
            )
        if not as_first or tif.pages[0].jpegtables is not None:
            return np.asarray(tif.pages[index].asarray())
        found = tifffile.TiffFrame(
            tif, index, keyframe=tif.pages[0], dataoffsets=offsets, databytecounts=sizes
        )
        return np.asarray(found.asarray())


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open TIFF whose damages become clear errors."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as tif:
            yield tif
    except SocwidgetsError:
        raise
    except OSError as error:
        raise unreadable(path, error) from error
    except _DAMAGE as error:
        if "imagecodecs" in str(error):
            raise ReadError(
                f"{path.name} is compressed with a method that is not installed",
                expected="a TIFF that is not compressed, or with zlib",
                found=str(error),
                fix="pip install imagecodecs, or save it without compression",
            ) from error
        raise _truncated(path, str(error)) from error


def _truncated(path: Path, found: str) -> ReadError:
    return ReadError(
        f"{path.name} is damaged or truncated",
        expected="a complete TIFF",
        found=found or "pages that cannot be read",
        fix="copy the file again",
    )


def _has_color(tif: Any) -> bool:
    return tif.pages[0].samplesperpixel != 1


def _check_pages(path: Path, tif: Any) -> list[_Place]:
    """Places of the pixels, after a look at every page (without its pixels)."""
    first, size = tif.pages[0], path.stat().st_size
    if _has_color(tif) or len(first.shape) != 2:
        raise DataError(
            f"the pages of {path.name} are not single-channel images",
            expected="gray images of shape (y, x)",
            found=f"shape {first.shape}",
            fix="export the raw counts, not a colored picture",
        )
    places = []
    for index, page in enumerate(tif.pages):
        if page.shape != first.shape or page.dtype != first.dtype:
            raise DataError(
                f"page {index} of {path.name} has another shape or type",
                expected=f"{first.shape} {first.dtype} as page 0",
                found=f"{page.shape} {page.dtype}",
                fix="remove thumbnails and summary images from the file",
            )
        ends = zip(page.dataoffsets, page.databytecounts, strict=True)
        if max((start + length for start, length in ends), default=0) > size:
            raise _truncated(path, f"page {index} ends after the end of the file")
        alike = page.hash == first.hash
        places.append(_Place(page.dataoffsets, page.databytecounts, page.is_final, alike))
    return places


def _imagej_pixel_um(tif: Any) -> float | None:
    """Pixel size where ImageJ stated one with its unit; plain resolution tags mean print size."""
    unit = str((tif.imagej_metadata or {}).get("unit", "")).lower()
    scale = {"micron": 1.0, "um": 1.0, "µm": 1.0, "nm": 1e-3, "mm": 1e3}.get(unit)
    tag = tif.pages[0].tags.get("XResolution")
    if scale is None or tag is None or not tag.value[0]:
        return None
    return scale * tag.value[1] / tag.value[0]
