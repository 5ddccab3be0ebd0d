"""Sums over regions and over tiles of an image stack, compiled.

Samples that are not finite are left out. Twin: `socwidgets.kernels.roi_reference`.

Pixels of a region are handed over as runs: ``start:stop`` in flat order within one image, and the
number of the region. Sums are float64 of values from which a reference of the same energy has been
taken, so that the variance of a large, nearly constant signal keeps its digits.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.doors import doors

#: Edge of a tile in pixels.
TILE = 16
#: A comparison with it is false for NaN and infinity. (``x - x == 0`` is not safe here: reordering
#: lets the compiler drop it.)
_LARGEST = float(np.finfo(np.float64).max)

# reassoc: a sum over pixels can only be vectorized if its order is free. Never nnan.
door, inner = doors(error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


def find_runs(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut a flat label image into runs of equal label, leaving the background out.

    Parameters
    ----------
    labels : ndarray
        ``(N,)`` bool or integer; 0 or False is background.

    Returns
    -------
    runs : ndarray
        ``(R, 2)`` uintp, start and stop.
    ids : ndarray
        ``(R,)`` intp, label of each run.
    """
    edges = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    starts = np.concatenate([np.zeros(min(1, labels.size), np.intp), edges])
    stops = np.append(edges, labels.size)[: starts.size]
    ids = labels[starts]
    chosen = ids != 0
    runs = np.column_stack([starts[chosen], stops[chosen]]).astype(np.uintp)
    return runs, ids[chosen].astype(np.intp)


@door
def sum_runs(signal, first, last, runs, ids, shift, sums, squares, counts):
    """Add the pixels of every run to its region, for energies ``first:last``.

    Parameters
    ----------
    signal : ndarray
        ``(E, N)``.
    runs, ids : ndarray
        ``(R, 2)`` uintp (an index that cannot be negative is cheaper) and ``(R,)``, ids below the
        number of columns of the results.
    shift : ndarray
        ``(E,)`` float64, taken from every sample first.
    sums, squares, counts : ndarray
        ``(E, regions)``, float64, float64, int64; added to.
    """
    for e in range(first, last):
        row, reference = signal[e], shift[e]
        fetched = _fetch(row, runs)
        for r in range(runs.shape[0] if fetched else 0):
            start, stop, region = runs[r, 0], runs[r, 1], ids[r]
            total, square = 0.0, 0.0
            for p in range(start, stop):
                value = np.float64(row[p]) - reference
                total += value
                square += value * value
            count = np.int64(stop - start)
            if not square <= _LARGEST:
                total, square, count = _sum_finite(row[start:stop], reference)
            sums[e, region] += total
            squares[e, region] += square
            counts[e, region] += count


@inner
def _fetch(row, runs):
    """Load the ends of all runs, so that the sums need not wait for the memory one by one.

    True; that it depends on what was loaded keeps the compiler from leaving the loads out.
    """
    total = 0.0
    for r in range(runs.shape[0]):
        total += abs(row[runs[r, 0]]) + abs(row[runs[r, 1] - np.uintp(1)])
    return not total < 0.0


@inner
def _sum_finite(values, shift):
    total, square, count = 0.0, 0.0, 0
    for p in range(values.size):
        value = np.float64(values[p]) - shift
        if abs(value) <= _LARGEST:
            total += value
            square += value * value
            count += 1
    return total, square, count


@door
def sum_tiles(signal, width, first, last, shift, sums, squares, counts):
    """Sums of every tile of `TILE` x `TILE` pixels (smaller at the far edges).

    Parameters
    ----------
    signal : ndarray
        ``(E, N)``, images of rows of `width` pixels.
    shift : ndarray
        ``(E,)`` float64.
    sums, squares, counts : ndarray
        ``(E, tiles)``, tiles by rows; float64, float64, uint16.
    """
    height = signal.shape[1] // width
    across = (width + TILE - 1) // TILE
    total, square, count = np.empty(width), np.empty(width), np.empty(width)
    for e in range(first, last):
        for top in range(0, height, TILE):
            total[:], square[:], count[:] = 0.0, 0.0, 0.0
            for y in range(top, min(top + TILE, height)):
                _add_row(signal[e, y * width : (y + 1) * width], shift[e], total, square, count)
            base = top // TILE * across
            for tile in range(across):
                left, right = tile * TILE, min((tile + 1) * TILE, width)
                a, b, c = 0.0, 0.0, 0.0
                for x in range(left, right):
                    a += total[x]
                    b += square[x]
                    c += count[x]
                sums[e, base + tile], squares[e, base + tile] = a, b
                counts[e, base + tile] = np.uint16(c)


@inner
def _add_row(row, shift, total, square, count):
    for x in range(row.size):
        value = np.float64(row[x]) - shift
        finite = abs(value) <= _LARGEST
        value = value if finite else 0.0
        total[x] += value
        square[x] += value * value
        count[x] += 1.0 if finite else 0.0


@door
def count_in_tiles(mask, counts):
    """Pixels of a ``(y, x)`` bool mask in every tile, ``(tiles,)`` int64, added to `counts`."""
    height, width = mask.shape
    across = (width + TILE - 1) // TILE
    for y in range(height):
        base = y // TILE * across
        for x in range(width):
            counts[base + x // TILE] += mask[y, x]


@door
def tile_runs(mask, modes, runs, ids):
    """Runs of the pixels that the tile index lacks or has too many.

    Parameters
    ----------
    mask : ndarray
        ``(y, x)`` bool.
    modes : ndarray
        ``(tiles,)`` int8: 1 where the mask's pixels are to be added one by one, -1 where the whole
        tile was taken and the pixels outside the mask are to be subtracted, 0 elsewhere.
    runs, ids : ndarray
        ``(R, 2)`` and ``(R,)`` to fill, id 0 = add, 1 = subtract; nothing is written beyond ``R``.

    Returns
    -------
    int
        Number of runs; call with ``R = 0`` to count them.
    """
    height, width = mask.shape
    across = (width + TILE - 1) // TILE
    found = 0
    for y in range(height):
        base = y // TILE * across
        for tile in range(across):
            mode = modes[base + tile]
            if mode == 0:
                continue
            wanted, inside = mode > 0, False
            for x in range(tile * TILE, min((tile + 1) * TILE, width)):
                if (mask[y, x] == wanted) != inside:
                    inside = not inside
                    if found < ids.size:
                        runs[found, 0 if inside else 1] = y * width + x
                        ids[found] = 0 if wanted else 1
                    found += 0 if inside else 1
            if inside:
                if found < ids.size:
                    runs[found, 1] = y * width + min((tile + 1) * TILE, width)
                found += 1
    return found
