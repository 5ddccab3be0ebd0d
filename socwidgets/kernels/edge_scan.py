"""The scans of the edge kernel: largest samples, crossed levels, derivatives of a run of pixels.

No store depends on a condition: a store under a mask is slow on some processors, and a choice
between two values is not. Indices are kept as floats of the data's width for the same reason.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.rows import inner, project

#: An index that no row has.
NOWHERE = 1e9


@inner
def index_of(array, i):
    """An index as a number of the array's own type."""
    return array.dtype.type(i)


@inner
def coarse_maxima(stage, n, candidates, index):
    """Position in `candidates` of the largest sample."""
    best = np.empty(n, stage.dtype)
    best[:] = -math.inf
    index[:n] = 0.0
    for c in range(candidates.size):
        _larger(stage[candidates[c], :n], index_of(index, c), best, index)


@inner
def _larger(row, here, best, index):
    for p in range(row.size):
        index[p] = here if row[p] > best[p] else index[p]
        best[p] = max(best[p], row[p])


@inner
def first_crossings(stage, n, search, level, index):
    """Row at whose sample the level is first reached from below; `NOWHERE` if never."""
    index[:n] = NOWHERE
    start = search[0] + 1
    whole = search[1] - (search[1] - start) % 4
    for i in range(start, whole, 4):
        _first_of_four(
            stage[i - 1, :n], stage[i], stage[i + 1], stage[i + 2], stage[i + 3], level,
            index_of(index, i), index_of(index, 1), index,
        )  # fmt: skip
    for i in range(whole, search[1]):
        _first(stage[i - 1, :n], stage[i, :n], level, index_of(index, i), index)


@inner
def _first_of_four(a, b, c, d, e, level, here, step, index):
    never = index_of(index, NOWHERE)
    second = here + step
    third = second + step
    fourth = third + step
    for p in range(a.size):
        at = level[p]
        under_a, under_b, under_c = a[p] < at, b[p] < at, c[p] < at
        i = here if under_a & (b[p] >= at) else never
        j = second if under_b & (c[p] >= at) else never
        k = third if under_c & (d[p] >= at) else never
        m = fourth if (d[p] < at) & (e[p] >= at) else never
        index[p] = min(index[p], i, j, k, m)


@inner
def _first(before, row, level, here, index):
    never = index_of(index, NOWHERE)
    for p in range(row.size):
        hit = (before[p] < level[p]) & (row[p] >= level[p])
        index[p] = min(index[p], here if hit else never)


@inner
def integral_crossings(stage, n, search, low, high, low_index, high_index):
    """First crossing of the high level, and the last crossing of the low level before it.

    The last, not the first: noise and pre-edge peaks cross the low level too.
    """
    low_index[:n] = -1.0
    high_index[:n] = NOWHERE
    for i in range(search[0] + 1, search[1]):
        _between(
            stage[i - 1, :n], stage[i, :n], low, high, index_of(low_index, i), low_index, high_index
        )


@inner
def _between(before, row, low, high, here, low_index, high_index):
    never, none = index_of(low_index, NOWHERE), index_of(low_index, -1.0)
    for p in range(row.size):
        over = (before[p] < high[p]) & (row[p] >= high[p])
        high_index[p] = min(high_index[p], here if over else never)
        hit = (before[p] < low[p]) & (row[p] >= low[p]) & (here <= high_index[p])
        low_index[p] = max(low_index[p], here if hit else none)


@inner
def steepest(stage, n, derivative, slopes, index):
    """Smoothed derivative into `slopes` ``(rows, n)``, position of the largest into `index`."""
    best = np.empty(n, stage.dtype)
    best[:] = -math.inf
    index[:n] = 0.0
    points = derivative.weights.shape[1]
    around = np.empty(points, np.intp)
    for c in range(derivative.rows.size):
        for j in range(points):
            around[j] = derivative.rows[c] - points // 2 + j
        project(stage, 0, n, around, derivative.weights[c : c + 1], slopes[c : c + 1])
        _larger(slopes[c, :n], index_of(index, c), best, index)
