"""The parts of the edge kernel that run over pixels innermost: staging, baseline, scans.

No store depends on a condition: a store under a mask is slow on some processors, and a choice
between two values is not. Indices are kept as floats of the data's width for the same reason.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.normalization import combine, solve
from socwidgets.kernels.rows import compiled, project, residual_squares

#: An index that no row has.
NOWHERE = 1e9


@compiled
def copy_rows(signal, rows, start, stop, first, n, stage, top, gap):
    """Copy rows ``start:stop`` for a run of pixels; `top` grows to the largest, `gap` to NaN."""
    whole = stop - (stop - start) % 4
    for i in range(start, whole, 4):
        a = signal[rows[i], first : first + n]
        b = signal[rows[i + 1], first : first + n]
        c = signal[rows[i + 2], first : first + n]
        d = signal[rows[i + 3], first : first + n]
        _copy_four(a, b, c, d, stage[i], stage[i + 1], stage[i + 2], stage[i + 3], top, gap)
    for i in range(whole, stop):
        _copy_row(signal[rows[i], first : first + n], stage[i], top, gap)


@compiled
def _copy_four(a, b, c, d, to_a, to_b, to_c, to_d, top, gap):
    for p in range(a.size):
        s, t, u, v = a[p], b[p], c[p], d[p]
        to_a[p], to_b[p], to_c[p], to_d[p] = s, t, u, v
        top[p] = max(top[p], s, t, u, v)
        gap[p] += 0.0 * ((s + t) + (u + v))


@compiled
def _copy_row(row, target, top, gap):
    for p in range(row.size):
        sample = row[p]
        target[p] = sample
        top[p] = max(top[p], sample)
        gap[p] += 0.0 * sample


@compiled
def copy_above_line(signal, rows, start, stop, first, n, x, tilted, value, stage, top, gap):
    """As `copy_rows`, less the pre-edge line or only its constant."""
    none = 0.0 * x[0]
    whole = stop - (stop - start) % 4
    for i in range(start, whole, 4):
        f, g, h, k = (x[i], x[i + 1], x[i + 2], x[i + 3]) if tilted else (none, none, none, none)
        a = signal[rows[i], first : first + n]
        b = signal[rows[i + 1], first : first + n]
        c = signal[rows[i + 2], first : first + n]
        d = signal[rows[i + 3], first : first + n]
        _copy_four_above(
            a, b, c, d, f, g, h, k, value[0], value[1],
            stage[i], stage[i + 1], stage[i + 2], stage[i + 3], top, gap,
        )  # fmt: skip
    for i in range(whole, stop):
        _copy_row(signal[rows[i], first : first + n], stage[i], top, gap)
        _take_off(stage[i, :n], x[i] if tilted else none, value[0], value[1])


@compiled
def _copy_four_above(
    a, b, c, d, f, g, h, k, constant, slope, to_a, to_b, to_c, to_d, top, gap
):  # fmt: skip
    for p in range(a.size):
        s, t, u, v = a[p], b[p], c[p], d[p]
        start, rise = constant[p], slope[p]
        to_a[p] = s - (start + f * rise)
        to_b[p] = t - (start + g * rise)
        to_c[p] = u - (start + h * rise)
        to_d[p] = v - (start + k * rise)
        top[p] = max(top[p], s, t, u, v)
        gap[p] += 0.0 * ((s + t) + (u + v))


@compiled
def copy_squares(std, rows, first, n, variance, gap):
    """As `copy_rows`, squared."""
    for i in range(rows.size):
        _copy_square(std[rows[i], first : first + n], variance[i], gap)


@compiled
def _copy_square(row, target, gap):
    for p in range(row.size):
        sample = row[p]
        target[p] = sample * sample
        gap[p] += 0.0 * sample


@compiled
def baseline(stage, n, windows, has_jump, value):
    """Pre-edge coefficients, jump (1 without a post-edge window), higher post-edge coefficients."""
    solve(stage, 0, n, windows, value)
    if not has_jump:
        value[2, :n] = 1.0


@compiled
def residuals(stage, n, windows, with_post, value, merged, total):
    """Add the squared residuals of the pre-edge window, or of both windows."""
    if with_post:
        combine(windows.merge, value, n, merged)
    # One call for both: compiled code is put in at every call.
    for after in range(2 if with_post else 1):
        rows = windows.post if after else windows.pre
        basis = windows.basis if after else windows.pre_basis
        residual_squares(stage, 0, n, rows, basis, merged if after else value[:2], total)


@compiled
def covariance_of_baseline(variance, has_std, noise, n, windows, covariance):
    """Covariances c0c0, c0c1, c1c1, c0J, c1J, JJ of pre-edge coefficients and jump."""
    if not has_std:
        for k in range(6):
            for p in range(n):
                covariance[k, p] = windows.products[k] * noise[p]
        return
    project(variance, 0, n, windows.pre, windows.products_pre, covariance)
    # Only the jump looks at the post-edge window.
    jump = np.empty((1, n), covariance.dtype)
    project(variance, 0, n, windows.post, windows.products_post[5:], jump)
    for p in range(n):
        covariance[5, p] += jump[0, p]


@compiled
def take_off_line(stage, x, n, start, stop, tilted, value):
    """Subtract the pre-edge line, or only its constant, from the rows ``start:stop``."""
    none = 0.0 * x[0]
    for i in range(start, stop):
        _take_off(stage[i, :n], x[i] if tilted else none, value[0], value[1])


@compiled
def _take_off(row, x, constant, slope):
    for p in range(row.size):
        row[p] -= constant[p] + x * slope[p]


@compiled
def index_of(array, i):
    """An index as a number of the array's own type."""
    return array.dtype.type(i)


@compiled
def coarse_maxima(stage, n, candidates, index):
    """Position in `candidates` of the largest sample."""
    best = np.empty(n, stage.dtype)
    best[:] = -math.inf
    index[:n] = 0.0
    for c in range(candidates.size):
        _larger(stage[candidates[c], :n], index_of(index, c), best, index)


@compiled
def _larger(row, here, best, index):
    for p in range(row.size):
        index[p] = here if row[p] > best[p] else index[p]
        best[p] = max(best[p], row[p])


@compiled
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


@compiled
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


@compiled
def _first(before, row, level, here, index):
    never = index_of(index, NOWHERE)
    for p in range(row.size):
        hit = (before[p] < level[p]) & (row[p] >= level[p])
        index[p] = min(index[p], here if hit else never)


@compiled
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


@compiled
def _between(before, row, low, high, here, low_index, high_index):
    never, none = index_of(low_index, NOWHERE), index_of(low_index, -1.0)
    for p in range(row.size):
        over = (before[p] < high[p]) & (row[p] >= high[p])
        high_index[p] = min(high_index[p], here if over else never)
        hit = (before[p] < low[p]) & (row[p] >= low[p]) & (here <= high_index[p])
        low_index[p] = max(low_index[p], here if hit else none)


@compiled
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
