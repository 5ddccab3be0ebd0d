"""Bring the samples of some pixels into blocks of lanes."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_lanes import ONE, ZERO, L, U, inner, leaf
from socwidgets.kernels.lm_problem import Data

#: Blocks whose samples are copied together: long enough pieces of a row of the stack.
_SIDE = np.uintp(16)


@inner
def make_data(signal, std, count):
    """Room for the samples of `count` pixels; `std` has no rows where samples have no weights."""
    points = np.uintp(signal.shape[0])
    size = (count + L - ONE) // L * ((points + U - ONE) // U * U) * L
    roots = size if std.shape[0] > 0 else ONE
    return Data(
        np.zeros(size, signal.dtype), np.zeros(roots, std.dtype), np.zeros(count, np.float64)
    )


@leaf
def stage(signal, std, first, count, data):
    """Copy pixels from `first` on.

    Parameters
    ----------
    signal, std : ndarray
        ``(E, N)``; a sample whose sigma is not positive has no weight.
    first, count : uintp
        Range of pixels.
    data : Data
        Filled.
    """
    points = np.uintp(signal.shape[0])
    stride = (points + U - ONE) // U * U * L
    weighted = std.shape[0] > 0
    data.squares[:] = 0.0
    for start in range(ZERO, count, _SIDE * L):
        stop = min(start + _SIDE * L, count)
        for e in range(points):
            for block in range(start, stop, L):
                lanes, to, pixel = min(L, stop - block), block // L * stride + e * L, first + block
                if weighted:
                    _copy_weighted(signal[e], std[e], pixel, lanes, to, block, data)
                else:
                    _copy(signal[e], pixel, lanes, to, block, data.samples, data.squares)


@leaf
def _copy(row, pixel, lanes, to, block, samples, squares):
    # A loop of unknown length would become a call of the library's copy, which costs as much again.
    if lanes == L:
        for p in range(L):
            samples[to + p] = row[pixel + p]
    else:
        for p in range(lanes):
            samples[to + p] = row[pixel + p]
    for p in range(lanes):
        value = np.float64(row[pixel + p])
        squares[block + p] += value * value


@leaf
def _copy_weighted(row, sigmas, pixel, lanes, to, block, data):
    for p in range(lanes):
        value, sigma = row[pixel + p], np.float64(sigmas[pixel + p])
        weight = 1.0 / sigma if not sigma <= 0.0 else 0.0
        data.samples[to + p] = value
        data.roots[to + p] = weight
        data.squares[block + p] += (value * weight) ** 2


@inner
def list_finite(squares, count, values, offset):
    """Numbers (uintp) of the pixels whose samples and starting values are finite."""
    todo, found = np.empty(count, np.uintp), 0
    for p in range(count):
        finite = np.isfinite(squares[p])
        for i in range(np.uintp(values.shape[0])):
            finite &= np.isfinite(values[i, offset + p])
        if finite:
            todo[found] = p
            found += 1
    return todo[:found]
