"""Bring the samples of some pixels into blocks of lanes."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_lanes import LANES, ZERO, L, compiled
from socwidgets.kernels.lm_plan import padded


def stage(
    signal: np.ndarray, std: np.ndarray, first: int, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Copy some pixels of a stack.

    Parameters
    ----------
    signal, std : ndarray
        ``(E, N)``; `std` has no rows where samples are not weighted. A sample whose sigma is not
        positive has no weight.
    first, count : int
        Range of pixels.

    Returns
    -------
    data, roots : ndarray
        Flat float64 blocks of ``(padded E, LANES)``, zero where there is no sample; the square
        roots of the weights are one number if there are none.
    squares : ndarray
        ``(count,)``, weighted sum of squared samples; not finite where a sample is missing.
    """
    size = -(-count // LANES) * padded(signal.shape[0]) * LANES
    data, squares = np.zeros(size), np.zeros(count)
    roots = np.zeros(size if std.shape[0] else 1)
    _stage(signal, std, np.uintp(first), np.uintp(count), data, roots, squares)
    return data, roots, squares


@compiled
def _stage(signal, std, first, count, data, roots, squares):
    points = np.uintp(signal.shape[0])
    stride = np.uintp(data.size) // ((count + L - np.uintp(1)) // L)
    weighted = std.shape[0] > 0
    for start in range(ZERO, count, L):
        lanes = min(L, count - start)
        to, pixel = start // L * stride, first + start
        for p in range(lanes):
            squares[start + p] = 0.0
        for e in range(points):
            for p in range(lanes):
                value = np.float64(signal[e, pixel + p])
                data[to + e * L + p] = value
                if weighted:
                    sigma = np.float64(std[e, pixel + p])
                    weight = 1.0 / sigma if not sigma <= 0.0 else 0.0
                    roots[to + e * L + p] = weight
                    value *= weight
                squares[start + p] += value * value
