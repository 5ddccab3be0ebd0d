"""Reading the samples of the edge kernel: fits of the windows on the way, the rest into buffers.

Rows that only the fit of a window needs are not copied: they go from the memory into its sums.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.normalization import combine, take_off_pre
from socwidgets.kernels.rows import add_one, add_rows, inner, project, residual_squares

#: Pixels of a run, and the padding that keeps its rows out of each other's place in the cache. The
#: memory delivers pieces of a row of 16 kB in three quarters of the time that pieces of 5 kB take;
#: larger ones leave the cache. With uncertainties there are twice as many rows.
LANES, PAD = 4096, 16


@inner
def read_window(signal, rows, at, kept, first, n, weights, watched, total, stage, top):
    """``total[k] += sum_i weights[k, i] signal[rows[at[i]]]``; copies the rows if any is `kept`.

    Parameters
    ----------
    signal : ndarray
        ``(E, N)``.
    rows : ndarray
        ``(R,)``, rows of the stack that are staged.
    at : ndarray
        ``(m,)``, staged rows of the window.
    kept : ndarray
        ``(R,)`` bool, staged rows that are looked at again.
    first, n : int
        First pixel, number of pixels.
    weights : ndarray
        ``(K, m)``.
    watched : bool
        Whether `top` is wanted.
    total : ndarray
        ``(>= K, >= n)``, overwritten.
    stage : ndarray
        ``(R, >= n)``.
    top : ndarray
        ``(>= n,)``; grows to the largest sample.
    """
    if not (watched | _any(kept, at)):
        project(signal, first, n, rows[at], weights, total)
        return
    for k in range(weights.shape[0]):
        total[k, :n] = 0.0
    whole = at.size - at.size % 4
    for i in range(0, whole, 4):
        h, j, k, m = at[i], at[i + 1], at[i + 2], at[i + 3]
        a, b = signal[rows[h], first : first + n], signal[rows[j], first : first + n]
        c, d = signal[rows[k], first : first + n], signal[rows[m], first : first + n]
        if weights.shape[0] == 2:
            _copy_and_add(
                a, b, c, d, stage[h], stage[j], stage[k], stage[m],
                weights[0, i : i + 4], weights[1, i : i + 4], total[0], total[1],
            )  # fmt: skip
        else:
            _copy_four(a, b, c, d, stage[h], stage[j], stage[k], stage[m])
            add_rows(a, b, c, d, weights, i, total)
        if watched:
            _grow(a, b, c, d, top)
    for i in range(whole, at.size):
        row = signal[rows[at[i]], first : first + n]
        _copy_row(row, stage[at[i]])
        for k in range(weights.shape[0]):
            add_one(row, weights[k, i], total[k])
        if watched:
            _grow(row, row, row, row, top)


@inner
def read_above_line(signal, rows, at, first, n, x, tilted, watched, value, stage, top, gap):
    """Copy rows less the pre-edge line or only its constant; `gap` grows to NaN, `top` as above."""
    none = 0.0 * x[0]
    whole = at.size - at.size % 4
    for i in range(0, whole, 4):
        h, j, k, m = at[i], at[i + 1], at[i + 2], at[i + 3]
        e, f, g, o = (x[h], x[j], x[k], x[m]) if tilted else (none, none, none, none)
        a, b = signal[rows[h], first : first + n], signal[rows[j], first : first + n]
        c, d = signal[rows[k], first : first + n], signal[rows[m], first : first + n]
        _copy_four_above(
            a, b, c, d, e, f, g, o, value[0], value[1],
            stage[h], stage[j], stage[k], stage[m], gap,
        )  # fmt: skip
        if watched:
            _grow(a, b, c, d, top)
    for i in range(whole, at.size):
        row = signal[rows[at[i]], first : first + n]
        _copy_above(row, x[at[i]] if tilted else none, value[0], value[1], stage[at[i]], gap)
        if watched:
            _grow(row, row, row, row, top)


@inner
def read_squares(std, rows, first, n, variance, gap):
    """Copy the squares of all staged rows; `gap` as above."""
    for i in range(rows.size):
        _copy_square(std[rows[i], first : first + n], variance[i], gap)


@inner
def _any(flags, at):
    found = False
    for i in at:
        found |= flags[i]
    return found


@inner
def _copy_four(a, b, c, d, to_a, to_b, to_c, to_d):
    for p in range(a.size):
        to_a[p], to_b[p], to_c[p], to_d[p] = a[p], b[p], c[p], d[p]


@inner
def _copy_and_add(a, b, c, d, to_a, to_b, to_c, to_d, f, g, left, right):
    f0, f1, f2, f3 = f[0], f[1], f[2], f[3]
    g0, g1, g2, g3 = g[0], g[1], g[2], g[3]
    for p in range(a.size):
        s, t, u, v = a[p], b[p], c[p], d[p]
        to_a[p], to_b[p], to_c[p], to_d[p] = s, t, u, v
        left[p] += f0 * s + f1 * t + f2 * u + f3 * v
        right[p] += g0 * s + g1 * t + g2 * u + g3 * v


@inner
def _copy_row(row, target):
    for p in range(row.size):
        target[p] = row[p]


@inner
def _grow(a, b, c, d, top):
    for p in range(a.size):
        top[p] = max(top[p], a[p], b[p], c[p], d[p])


@inner
def _copy_four_above(a, b, c, d, f, g, h, k, constant, slope, to_a, to_b, to_c, to_d, gap):
    for p in range(a.size):
        s, t, u, v = a[p], b[p], c[p], d[p]
        start, rise = constant[p], slope[p]
        to_a[p] = s - (start + f * rise)
        to_b[p] = t - (start + g * rise)
        to_c[p] = u - (start + h * rise)
        to_d[p] = v - (start + k * rise)
        gap[p] += 0.0 * ((s + t) + (u + v))


@inner
def _copy_above(row, f, constant, slope, target, gap):
    for p in range(row.size):
        target[p] = row[p] - (constant[p] + f * slope[p])
        gap[p] += 0.0 * row[p]


@inner
def _copy_square(row, target, gap):
    for p in range(row.size):
        sample = row[p]
        target[p] = sample * sample
        gap[p] += 0.0 * sample


@inner
def finish_fits(n, post_from_pre, has_jump, value, gap):
    """Sums of one run to pre-edge coefficients and jump (1 without a post-edge window).

    All samples of a window are in its sums: one that is not finite makes `gap` NaN.
    """
    for p in range(n):
        gap[p] += 0.0 * ((value[0, p] + value[1, p]) + value[2, p])
    take_off_pre(post_from_pre, n, value)
    if not has_jump:
        value[2, :n] = 1.0


@inner
def residuals(stage, n, windows, with_post, value, merged, total):
    """Add the squared residuals of the pre-edge window, or of both windows, of one run."""
    if with_post:
        combine(windows.merge, value, n, merged)
    # One call for both: compiled code is put in at every call.
    for after in range(2 if with_post else 1):
        rows = windows.post if after else windows.pre
        basis = windows.basis if after else windows.pre_basis
        residual_squares(stage, 0, n, rows, basis, merged if after else value[:2], total)


@inner
def take_off_line(stage, x, n, at, tilted, value):
    """Subtract the pre-edge line, or only its constant, from rows `at` of one run."""
    none = 0.0 * x[0]
    for i in at:
        _take_off(stage[i, :n], x[i] if tilted else none, value[0], value[1])


@inner
def _take_off(row, x, constant, slope):
    for p in range(row.size):
        row[p] -= constant[p] + x * slope[p]


@inner
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
