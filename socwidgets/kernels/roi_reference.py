"""Sums over regions and tiles in plain numpy: slow, obvious, for tests."""

from __future__ import annotations

import numpy as np


def region_sums(
    signal: np.ndarray, labels: np.ndarray, regions: int, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum, sum of squares and count of the finite samples of every region.

    Parameters
    ----------
    signal : ndarray
        ``(E, N)``.
    labels : ndarray
        ``(N,)`` integer, 0 = background, others below `regions`.
    shift : ndarray
        ``(E,)``, taken from every sample first.

    Returns
    -------
    tuple of ndarray
        ``(E, regions)`` each.
    """
    shape = (signal.shape[0], regions)
    sums, squares, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
    for e, row in enumerate(signal.astype(np.float64)):
        for region in range(1, regions):
            values = row[(labels == region) & np.isfinite(row)] - shift[e]
            sums[e, region] = values.sum()
            squares[e, region] = (values**2).sum()
            counts[e, region] = values.size
    return sums, squares, counts


def tile_labels(height: int, width: int, tile: int) -> np.ndarray:
    """Number of the tile of each pixel, from 1, ``(y x)`` flat."""
    across = -(-width // tile)
    y, x = np.indices((height, width))
    return (1 + y // tile * across + x // tile).ravel()
