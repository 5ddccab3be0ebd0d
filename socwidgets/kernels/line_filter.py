"""Sparse matrices applied to the rows or to the columns of an image, compiled.

For resampling: a matrix row holds the few weights of one place along a line. Twin: ``matrix @
image`` and ``image @ matrix.T``, which take ten times as long in float64.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.rows import add_four, add_one, door, inner

#: Rows that go through together where the matrix works along x: their samples lie side by side. The
#: padding keeps them out of each other's place in the cache.
_LANES, _PAD = 64, 8


@door
def apply_along_y(starts, columns, weights, source, out):
    """``out[i] = sum_j matrix[i, j] source[j]``.

    Parameters
    ----------
    starts, columns, weights : ndarray
        ``indptr``, ``indices`` and ``data`` of a CSR matrix ``(y, y)``; float64 weights.
    source : ndarray
        ``(y, x)`` float64, C-contiguous.
    out : ndarray
        ``(y, x)`` floating, overwritten.
    """
    total = np.empty(source.shape[1])
    for i in range(out.shape[0]):
        _combine(columns, weights, starts[i], starts[i + 1], source, total)
        _store(total, out[i])


@door
def apply_along_x(starts, columns, weights, source, out):
    """``out[:, i] = sum_j matrix[i, j] source[:, j]``.

    Parameters
    ----------
    starts, columns, weights : ndarray
        As for `apply_along_y`, of a matrix ``(x, x)``.
    source : ndarray
        ``(y, x)`` floating.
    out : ndarray
        ``(y, x)`` float64, overwritten.
    """
    height, width = source.shape
    lines = np.zeros((width, _LANES + _PAD))
    found = np.empty((width, _LANES + _PAD))
    for first in range(0, height, _LANES):
        n = min(_LANES, height - first)
        _turn(source[first : first + n], lines)
        for i in range(width):
            _combine(columns, weights, starts[i], starts[i + 1], lines, found[i, :_LANES])
        _turn_back(found, out[first : first + n])


@inner
def _turn(rows, lines):
    whole = rows.shape[0] - rows.shape[0] % 8
    for r in range(0, whole, 8):
        a, b, c, d = rows[r], rows[r + 1], rows[r + 2], rows[r + 3]
        e, f, g, h = rows[r + 4], rows[r + 5], rows[r + 6], rows[r + 7]
        for x in range(a.size):
            lines[x, r], lines[x, r + 1], lines[x, r + 2], lines[x, r + 3] = a[x], b[x], c[x], d[x]
            lines[x, r + 4], lines[x, r + 5] = e[x], f[x]
            lines[x, r + 6], lines[x, r + 7] = g[x], h[x]
    for r in range(whole, rows.shape[0]):
        for x in range(rows.shape[1]):
            lines[x, r] = rows[r, x]


@inner
def _turn_back(lines, rows):
    whole = rows.shape[0] - rows.shape[0] % 8
    for r in range(0, whole, 8):
        a, b, c, d = rows[r], rows[r + 1], rows[r + 2], rows[r + 3]
        e, f, g, h = rows[r + 4], rows[r + 5], rows[r + 6], rows[r + 7]
        for x in range(a.size):
            a[x], b[x], c[x], d[x] = lines[x, r], lines[x, r + 1], lines[x, r + 2], lines[x, r + 3]
            e[x], f[x] = lines[x, r + 4], lines[x, r + 5]
            g[x], h[x] = lines[x, r + 6], lines[x, r + 7]
    for r in range(whole, rows.shape[0]):
        for x in range(rows.shape[1]):
            rows[r, x] = lines[x, r]


@inner
def _combine(columns, weights, begin, end, source, total):
    """``total = sum_k weights[k] source[columns[k]]``."""
    for x in range(total.size):
        total[x] = 0.0
    # Lines may be padded beyond the sums.
    n, whole = total.size, end - (end - begin) % 4
    for k in range(begin, whole, 4):
        add_four(
            source[columns[k], :n], source[columns[k + 1], :n], source[columns[k + 2], :n],
            source[columns[k + 3], :n], weights[k : k + 4], total,
        )  # fmt: skip
    for k in range(whole, end):
        add_one(source[columns[k], :n], weights[k], total)


@inner
def _store(total, row):
    for x in range(total.size):
        row[x] = total[x]
