"""Spectra of regions of an in-memory stack in milliseconds, by sums that are kept per tile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import processors
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, X, Y, spectral_dim

#: Samples below which threads cost more than they gain.
_WORTH_THREADS = 2_000_000


@dataclass(frozen=True, slots=True)
class RegionSums:
    """Sums over the finite samples of regions, relative to `shift`.

    Attributes
    ----------
    shift : ndarray
        ``(E,)`` float64.
    sums, squares : ndarray
        ``(E, regions)`` float64, of ``value - shift``.
    counts : ndarray
        ``(E, regions)`` int64.
    """

    shift: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    counts: np.ndarray

    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, population standard deviation and count, ``(E, regions)``; NaN where empty."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.sums / self.counts
            variance = np.maximum(self.squares / self.counts - mean**2, 0.0)
        return mean + self.shift[:, None], np.sqrt(variance), self.counts


def region_sums(signal: np.ndarray, labels: np.ndarray, regions: int) -> RegionSums:
    """Sum the pixels of every region, straight from the stack.

    Parameters
    ----------
    signal : ndarray
        ``(E, N)``, C-contiguous.
    labels : ndarray
        ``(N,)`` bool or integer, 0 = background, others below `regions`.
    regions : int
        Columns of the result; column 0, the background, stays empty.
    """
    from socwidgets.kernels.roi import find_runs, sum_runs

    runs, ids = find_runs(labels)
    some = np.linspace(0, ids.size - 1, min(ids.size, 9)).astype(int)
    result = _empty(_reference(signal, runs[some].mean(axis=1).astype(int)), regions)

    def work(first: int, last: int) -> None:
        sum_runs(
            signal, first, last, runs, ids, result.shift, result.sums, result.squares, result.counts
        )

    _over_energies(work, signal.shape[0], int((runs[:, 1] - runs[:, 0]).sum()))
    return result


def _empty(shift: np.ndarray, regions: int) -> RegionSums:
    shape = (shift.size, regions)
    return RegionSums(shift, np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))


def _reference(signal: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """A typical value of each energy, ``(E,)``; any finite one will do."""
    values = signal[:, pixels].astype(np.float64)
    finite = np.isfinite(values)
    total = np.where(finite, values, 0.0).sum(axis=1)
    return total / np.maximum(finite.sum(axis=1), 1)


def _over_energies(work: Callable[[int, int], None], energies: int, pixels: int) -> None:
    """Run ``work(first, last)`` over all energies, in threads where that pays."""
    workers = processors() if energies * pixels > _WORTH_THREADS else 1
    cuts = np.linspace(0, energies, workers + 1).astype(int)
    if workers == 1:
        work(0, energies)
        return
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(work, *pair) for pair in pairwise(cuts)]:
            future.result()


@dataclass(frozen=True, slots=True)
class TileIndex:
    """Sums of every 16 x 16 tile of a stack: a region only reads the pixels along its border.

    It belongs to the values that the stack had when it was built; make a new one when they change.
    It takes about 1.8 % of the memory of a float32 stack.

    Attributes
    ----------
    stack : xarray.Dataset
        The stack that was indexed.
    signal : ndarray
        ``(E, N)``, its signal, contiguous.
    tiles : RegionSums
        ``(E, tiles)``, tiles by rows.
    """

    stack: xr.Dataset
    signal: np.ndarray
    tiles: RegionSums

    @classmethod
    def build(cls, stack: xr.Dataset) -> TileIndex:
        """Index a stack.

        Parameters
        ----------
        stack : xarray.Dataset
            ``signal`` ``(spectral, y, x)``, in memory.

        Raises
        ------
        DataError
            If the stack is lazy or has more dimensions.
        """
        from socwidgets.kernels.roi import TILE, sum_tiles

        array = stack[SIGNAL]
        if array.ndim != 3 or array.chunks is not None:
            raise DataError(
                "only one in-memory stack can be indexed",
                expected="signal (spectral, y, x) backed by numpy",
                found=f"{array.dims}, {'lazy' if array.chunks is not None else 'in memory'}",
                fix="select one image series and call .load() where it fits into memory",
            )
        signal = flat_signal(stack)
        energies, height, width = array.transpose(spectral_dim(array), Y, X).shape
        shape = (energies, -(-height // TILE) * -(-width // TILE))
        shift = _reference(signal, np.linspace(0, signal.shape[1] - 1, 64).astype(int))
        tiles = RegionSums(shift, np.empty(shape), np.empty(shape), np.empty(shape, np.uint16))

        def work(first: int, last: int) -> None:
            sum_tiles(signal, width, first, last, shift, tiles.sums, tiles.squares, tiles.counts)

        _over_energies(work, energies, signal.shape[1])
        return cls(stack, signal, tiles)

    @property
    def nbytes(self) -> int:
        """Memory of the sums."""
        return self.tiles.sums.nbytes + self.tiles.squares.nbytes + self.tiles.counts.nbytes

    def sums(self, mask: np.ndarray) -> RegionSums:
        """Sums over the pixels of a ``(y, x)`` bool mask; one region."""
        from socwidgets.kernels.roi import TILE, count_in_tiles, sum_runs, tile_runs

        mask = np.ascontiguousarray(mask, dtype=np.bool_)
        inside = np.zeros(self.tiles.sums.shape[1], np.int64)
        count_in_tiles(mask, inside)
        area = _tile_areas(mask.shape, TILE)
        taken = 2 * inside > area
        modes = np.where(inside == 0, 0, np.where(inside == area, 0, np.where(taken, -1, 1)))
        modes = modes.astype(np.int8)
        number = tile_runs(mask, modes, np.empty((0, 2), np.uintp), np.empty(0, np.intp))
        runs, ids = np.empty((number, 2), np.uintp), np.empty(number, np.intp)
        tile_runs(mask, modes, runs, ids)
        border = _empty(self.tiles.shift, 2)

        def work(first: int, last: int) -> None:
            sum_runs(
                self.signal, first, last, runs, ids, border.shift,
                border.sums, border.squares, border.counts,
            )  # fmt: skip

        _over_energies(work, self.signal.shape[0], int((runs[:, 1] - runs[:, 0]).sum()))
        return _combine(self.tiles, taken, border)

    def spectrum(self, mask: xr.DataArray) -> xr.Dataset:
        """Mean spectrum of the pixels of a mask, as `socwidgets.analysis.roi.roi_spectrum`."""
        return spectrum_of(self.stack, self.sums(mask.transpose(Y, X).values), mask)


def _tile_areas(shape: tuple[int, ...], tile: int) -> np.ndarray:
    """Pixels of each tile, ``(tiles,)``; those at the far edges may be smaller."""
    rows, columns = (np.diff(np.append(np.arange(0, n, tile), n)) for n in shape)
    return np.outer(rows, columns).ravel()


def _combine(tiles: RegionSums, taken: np.ndarray, border: RegionSums) -> RegionSums:
    """Whole tiles plus what lies in the others, minus what was too much."""
    weight = taken.astype(np.float64)
    return RegionSums(
        tiles.shift,
        (tiles.sums @ weight + border.sums[:, 0] - border.sums[:, 1])[:, None],
        (tiles.squares @ weight + border.squares[:, 0] - border.squares[:, 1])[:, None],
        # Exact, and ten times faster than picking the columns out.
        (
            (tiles.counts.astype(np.float64) @ weight).astype(np.int64)
            + border.counts[:, 0]
            - border.counts[:, 1]
        )[:, None],
    )


def flat_signal(stack: xr.Dataset) -> np.ndarray:
    """Signal as C-contiguous ``(E, N)`` float32 or float64; a view where it can be one."""
    array = stack[SIGNAL]
    values = array.transpose(spectral_dim(array), Y, X).values
    kind = values.dtype if values.dtype in (np.float32, np.float64) else np.float32
    return np.ascontiguousarray(values, dtype=kind).reshape(values.shape[0], -1)


def spectrum_of(stack: xr.Dataset, sums: RegionSums, mask: xr.DataArray) -> xr.Dataset:
    """Result of a region spectrum from its sums."""
    dim = spectral_dim(stack[SIGNAL])
    mean, std, count = (values[:, -1] for values in sums.moments())
    with np.errstate(invalid="ignore", divide="ignore"):
        sem = std / np.sqrt(np.maximum(count - 1, 0))
    variables = {"mean": mean, "std": std, "sem": sem, "count": count}
    result = xr.Dataset({k: ((dim,), v) for k, v in variables.items()}, {dim: stack[dim]})
    result.attrs["n_pixels"] = int(np.count_nonzero(mask.values))
    return result
