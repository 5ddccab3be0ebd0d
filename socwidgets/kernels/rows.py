"""Sums over chosen rows of a stack for a run of pixels: what all linear kernels share.

Every loop runs over pixels innermost, so that it vectorizes, and takes four rows at a time, so that
an accumulator is loaded and stored once for four samples. Twin: ``weights @ signal[rows]``.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.doors import doors

# Never nnan or ninf: NaN must stay visible. "reassoc" stays out where rounding tricks are used.
door, inner = doors(error_model="numpy", fastmath={"contract", "nsz"})


@inner
def project(signal, first, n, rows, weights, total):
    """``total[k, p] = sum_i weights[k, i] signal[rows[i], first + p]``.

    Parameters
    ----------
    signal : ndarray
        ``(E, N)``, C-contiguous.
    first, n : int
        First pixel, number of pixels.
    rows : ndarray
        ``(R,)``, row indices.
    weights : ndarray
        ``(K, R)``, in the signal's dtype.
    total : ndarray
        ``(K, >= n)``, in the signal's dtype, overwritten.
    """
    count, functionals = rows.size, weights.shape[0]
    for k in range(functionals):
        for p in range(n):
            total[k, p] = 0.0
    start = add_long_rows(signal, first, n, rows, weights, total) if functionals <= 2 else 0
    whole = count - (count - start) % 4
    for i in range(start, whole, 4):
        a = signal[rows[i], first : first + n]
        b = signal[rows[i + 1], first : first + n]
        c = signal[rows[i + 2], first : first + n]
        d = signal[rows[i + 3], first : first + n]
        add_rows(a, b, c, d, weights, i, total)
    for i in range(whole, count):
        a = signal[rows[i], first : first + n]
        for k in range(functionals):
            add_one(a, weights[k, i], total[k])


@inner
def add_long_rows(signal, first, n, rows, weights, total):
    """Add as many rows as go by eight to one or two sums, and return how many that was.

    Sums of a long run are not in the L1 cache: the fewer times they are touched, the better.
    """
    whole = rows.size - rows.size % 8
    for i in range(0, whole, 8):
        _add_eight(
            signal[rows[i], first : first + n], signal[rows[i + 1], first : first + n],
            signal[rows[i + 2], first : first + n], signal[rows[i + 3], first : first + n],
            signal[rows[i + 4], first : first + n], signal[rows[i + 5], first : first + n],
            signal[rows[i + 6], first : first + n], signal[rows[i + 7], first : first + n],
            weights[:, i : i + 8], total,
        )  # fmt: skip
    return whole


@inner
def _add_eight(a, b, c, d, e, f, g, h, weights, total):
    if weights.shape[0] == 2:
        _eight_twice(a, b, c, d, e, f, g, h, weights[0], weights[1], total[0], total[1])
    else:
        _eight(a, b, c, d, e, f, g, h, weights[0], total[0])


@inner
def _eight(a, b, c, d, e, f, g, h, w, total):
    w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
    for p in range(a.size):
        total[p] += (w0 * a[p] + w1 * b[p] + w2 * c[p] + w3 * d[p]) + (
            w4 * e[p] + w5 * f[p] + w6 * g[p] + w7 * h[p]
        )


@inner
def _eight_twice(a, b, c, d, e, f, g, h, v, w, left, right):
    v0, v1, v2, v3, v4, v5, v6, v7 = v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
    w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
    for p in range(a.size):
        left[p] += (v0 * a[p] + v1 * b[p] + v2 * c[p] + v3 * d[p]) + (
            v4 * e[p] + v5 * f[p] + v6 * g[p] + v7 * h[p]
        )
        right[p] += (w0 * a[p] + w1 * b[p] + w2 * c[p] + w3 * d[p]) + (
            w4 * e[p] + w5 * f[p] + w6 * g[p] + w7 * h[p]
        )


@inner
def add_rows(a, b, c, d, weights, start, total):
    """``total[k] += weights[k, start : start + 4] @ (a, b, c, d)``."""
    functionals, k = weights.shape[0], 0
    while k + 1 < functionals:
        _add_four_twice(
            a, b, c, d, weights[k, start : start + 4], weights[k + 1, start : start + 4],
            total[k], total[k + 1],
        )  # fmt: skip
        k += 2
    if k < functionals:
        add_four(a, b, c, d, weights[k, start : start + 4], total[k])


@inner
def add_one(a, w, total):
    """``total += w a``."""
    for p in range(a.size):
        total[p] += w * a[p]


@inner
def add_four(a, b, c, d, w, total):
    """``total += w @ (a, b, c, d)``."""
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    for p in range(a.size):
        total[p] += w0 * a[p] + w1 * b[p] + w2 * c[p] + w3 * d[p]


@inner
def _add_four_twice(a, b, c, d, v, w, left, right):
    """Two sums from one look at the samples."""
    v0, v1, v2, v3 = v[0], v[1], v[2], v[3]
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    for p in range(a.size):
        left[p] += v0 * a[p] + v1 * b[p] + v2 * c[p] + v3 * d[p]
        right[p] += w0 * a[p] + w1 * b[p] + w2 * c[p] + w3 * d[p]


@inner
def project_squares(std, first, n, rows, weights, total):
    """``total[k, p] = sum_i weights[k, i] std[rows[i], first + p]^2``, as `project`.

    With ``weights`` the squares of a functional's weights this is its variance; with products of
    two functionals' weights, their covariance.
    """
    for k in range(weights.shape[0]):
        for p in range(n):
            total[k, p] = 0.0
    for i in range(rows.size):
        row = std[rows[i], first : first + n]
        for k in range(weights.shape[0]):
            _add_square(row, weights[k, i], total[k])


@inner
def _add_square(row, w, total):
    for p in range(row.size):
        total[p] += w * (row[p] * row[p])


@inner
def residual_squares(signal, first, n, rows, basis, coefficients, total):
    """``total[p] += sum_i (signal[rows[i], p] - sum_k basis[k, i] coefficients[k, p])^2``.

    Parameters
    ----------
    basis : ndarray
        ``(K, R)``, in the signal's dtype.
    coefficients : ndarray
        ``(K, >= n)``, in the signal's dtype.
    total : ndarray
        ``(>= n,)``; added to, not overwritten.
    """
    # Few loops for any number of terms: every loop is compiled again wherever this is called.
    terms = basis.shape[0]
    second = min(1, terms - 1)
    scratch = np.empty(n if terms > 2 else 0, signal.dtype)
    whole = rows.size - rows.size % 4 if terms == 2 else 0
    for i in range(0, whole, 4):
        _square_four(
            signal[rows[i], first : first + n], signal[rows[i + 1], first : first + n],
            signal[rows[i + 2], first : first + n], signal[rows[i + 3], first : first + n],
            basis[0, i : i + 4], basis[1, i : i + 4], coefficients[0], coefficients[1], total,
        )  # fmt: skip
    for i in range(whole, rows.size):
        row = signal[rows[i], first : first + n]
        if terms > 2:
            scratch[:] = row
            for k in range(2, terms):
                _take_off(basis[k, i], coefficients[k], scratch)
            row = scratch
        factor = basis[1, i] if terms > 1 else basis[0, i] - basis[0, i]
        _square_two(row, basis[0, i], factor, coefficients[0], coefficients[second], total)


@inner
def _take_off(factor, curve, target):
    for p in range(target.size):
        target[p] -= factor * curve[p]


@inner
def _square_four(s, t, u, v, f, g, a, b, total):
    f0, f1, f2, f3 = f[0], f[1], f[2], f[3]
    g0, g1, g2, g3 = g[0], g[1], g[2], g[3]
    for p in range(s.size):
        x, y = a[p], b[p]
        i, j = s[p] - f0 * x - g0 * y, t[p] - f1 * x - g1 * y
        k, m = u[p] - f2 * x - g2 * y, v[p] - f3 * x - g3 * y
        total[p] += (i * i + j * j) + (k * k + m * m)


@inner
def _square_two(row, f, g, a, b, total):
    for p in range(row.size):
        rest = row[p] - f * a[p] - g * b[p]
        total[p] += rest * rest
