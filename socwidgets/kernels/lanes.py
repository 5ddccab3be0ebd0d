"""Pixels that go through a kernel side by side: the inner loop runs over them and vectorizes.

A *group* is small enough for its sums to stay in the L1 cache; a *panel* is some groups that are
read in one go, because memory delivers long runs along an image faster (runs of 256 pixels took
1.5 times as long as runs of 1024). Accumulators are touched once per four energies. A group is
always full, so a pixel sees the same instructions wherever a block begins, and results do not
depend on the size of blocks.

State of a panel is ``(GROUPS, rows, LANES)``: the compiler then knows that each group is
contiguous. Rows are taken as slices, because an index that might be negative does not vectorize.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.doors import doors

#: Pixels of a group.
LANES = 256
#: Groups of a panel.
GROUPS = 4
#: Energies are taken this many at a time; matrices are padded with zeros accordingly.
UNROLL = 4

# fastmath without nnan/ninf: NaN must stay visible (a fully fast mode removes the tests).
door, inner = doors(error_model="numpy", fastmath={"contract", "nsz"})


def padded_rows(rows: np.ndarray) -> np.ndarray:
    """``(m, E)`` as C-contiguous float64 with zero columns up to a multiple of `UNROLL`."""
    points = -(-rows.shape[1] // UNROLL) * UNROLL
    result = np.zeros((rows.shape[0], points))
    result[:, : rows.shape[1]] = rows
    return result


def last_group(source: np.ndarray, first: int, stop: int, fill: float) -> np.ndarray:
    """Copy of pixels ``first:stop``, fewer than a group, with the other lanes filled."""
    group = np.full((source.shape[0], LANES), fill, source.dtype)
    group[:, : stop - first] = source[:, first:stop]
    # Compiled code is made once more for read-only arrays: stay with what the caller has.
    group.flags.writeable = source.flags.writeable
    return group


@inner
def last_energies(source, first, fill):
    """Energies after the last multiple of `UNROLL`, ``(UNROLL, LANES)``, filled up with `fill`."""
    points = source.shape[0]
    whole = points - points % UNROLL
    rest = np.full((UNROLL, LANES), fill, source.dtype)
    for e in range(whole, points):
        rest[e - whole] = source[e, first : first + LANES]
    return rest


@inner
def project(source, first, groups, rows, result):
    """``result[g, i, p] = sum_E rows[i, E] source[E, pixel]``; the sum of squares in the last row.

    `rows` is padded to a multiple of four energies, the stack is not.
    """
    result[:, :, :] = 0.0
    points = source.shape[0]
    whole = points - points % UNROLL
    for e in range(0, whole, UNROLL):
        for g in range(groups):
            at, to = first + g * LANES, first + (g + 1) * LANES
            add_four(
                source[e, at:to], source[e + 1, at:to], source[e + 2, at:to], source[e + 3, at:to],
                rows[:, e : e + UNROLL], result[g],
            )  # fmt: skip
    if whole < points:
        for g in range(groups):
            rest = last_energies(source, first + g * LANES, 0.0)
            add_four(rest[0], rest[1], rest[2], rest[3], rows[:, whole:], result[g])


@inner
def add_four(y0, y1, y2, y3, rows, result):
    """Add four energies to a group's sums, two rows at a time: fewer loads per sample.

    A row of `result` beyond those of `rows` takes the sum of squares.
    """
    count = rows.shape[0]
    start = 0
    if result.shape[0] > count and count > 1:
        _two_rows_and_squares(y0, y1, y2, y3, rows, result[0], result[1], result[count])
        start = 2
    for i in range(start, count - 1, 2):
        _two_rows(y0, y1, y2, y3, rows[i : i + 2], result[i], result[i + 1])
    if count % 2:
        _one_row(y0, y1, y2, y3, rows[count - 1], result[count - 1])
        if count == 1 and result.shape[0] > 1:
            _squares(y0, y1, y2, y3, result[1])


@inner
def _two_rows(y0, y1, y2, y3, rows, left, right):
    a0, a1, a2, a3 = rows[0, 0], rows[0, 1], rows[0, 2], rows[0, 3]
    b0, b1, b2, b3 = rows[1, 0], rows[1, 1], rows[1, 2], rows[1, 3]
    for p in range(LANES):
        left[p] += a0 * y0[p] + a1 * y1[p] + a2 * y2[p] + a3 * y3[p]
        right[p] += b0 * y0[p] + b1 * y1[p] + b2 * y2[p] + b3 * y3[p]


@inner
def _two_rows_and_squares(y0, y1, y2, y3, rows, left, right, total):
    a0, a1, a2, a3 = rows[0, 0], rows[0, 1], rows[0, 2], rows[0, 3]
    b0, b1, b2, b3 = rows[1, 0], rows[1, 1], rows[1, 2], rows[1, 3]
    for p in range(LANES):
        # float64 before squaring: nothing is lost of a float32 sample.
        u0, u1 = np.float64(y0[p]), np.float64(y1[p])
        u2, u3 = np.float64(y2[p]), np.float64(y3[p])
        left[p] += a0 * u0 + a1 * u1 + a2 * u2 + a3 * u3
        right[p] += b0 * u0 + b1 * u1 + b2 * u2 + b3 * u3
        total[p] += u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3


@inner
def _one_row(y0, y1, y2, y3, row, total):
    a0, a1, a2, a3 = row[0], row[1], row[2], row[3]
    for p in range(LANES):
        total[p] += a0 * y0[p] + a1 * y1[p] + a2 * y2[p] + a3 * y3[p]


@inner
def _squares(y0, y1, y2, y3, total):
    for p in range(LANES):
        u0, u1 = np.float64(y0[p]), np.float64(y1[p])
        u2, u3 = np.float64(y2[p]), np.float64(y3[p])
        total[p] += u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3


@inner
def assign(target, values):
    """``target[:] = values``; numba's own assignment of arrays is ten times slower."""
    for p in range(LANES):
        target[p] = values[p]


@inner
def add_scaled(total, factor, values):
    """``total += factor * values``."""
    for p in range(LANES):
        total[p] += factor * values[p]


@inner
def add_product(total, factor, left, right):
    """``total += factor * left * right``."""
    for p in range(LANES):
        total[p] += factor * (left[p] * right[p])
