"""The last step, in float64: it gives the result, its covariance, chi-square and the status."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_iterate import _load
from socwidgets.kernels.lm_lanes import (
    COLUMN,
    LANES,
    ONE,
    ZERO,
    L,
    U,
    compiled,
    factorize,
    leaf,
    solve,
    unit_column,
)
from socwidgets.kernels.lm_normal import normal_equations

#: A pivot below this part of its diagonal element: the data do not determine the parameter.
_SINGULAR = 1e-14

#: Steps shorter than this part of the sum of squared data are rounding: data without noise.
_ROUNDING = 1e-20

#: What `polish` says of a pixel: fine, a parameter held at a bound, not determined, and a step
#: that is too long to be the last one.
FINE, HELD, UNDETERMINED, UNFINISHED = (np.uint8(n) for n in range(4))


@compiled
def polish(
    width, fused, equations, block, numbers, axis, points, count, weighting, ties, scales, shifts,
    columns, unknowns, rows, where, lower, upper, longest, data, roots, squares, todo,
    q_all, covariance, chi, verdict,
):  # fmt: skip
    """One undamped Gauss-Newton step of the pixels `todo`.

    Parameters
    ----------
    width : uintp
        `LANES`.
    fused, equations, block, numbers, axis, points, count, weighting, ties, scales, shifts, columns
        As for `iterate`; likewise `unknowns`, `rows`, `where`, `lower`, `upper`, `data`, `roots`,
        `squares`, `todo`, `q_all`.
    longest : float
        Square of the longest step, in units of sigma, that may be the last.
    covariance : ndarray
        ``(P (P + 1) / 2, n)``: lower triangle of the inverse of ``J^T W J``, row by row. Of a
        parameter held at a bound the variance is what it would be if it were free, those of the
        others and all covariances are conditional on it.
    chi : ndarray
        ``(n,)``: weighted sum of squared residuals, with Poisson weights the Pearson one.
    verdict : ndarray
        ``(n,)``: `FINE`, `HELD`, `UNDETERMINED` or `UNFINISHED`.
    """
    padded = (points + U - ONE) // U * U
    y = np.zeros(padded * L)
    root = np.zeros(padded * L if roots.size > 1 else ONE)
    q = np.zeros(count * L)
    work, jac = np.zeros(np.uintp(2) * count * L), np.zeros((count + ONE) * COLUMN)
    sums = np.zeros(rows * L)
    model = np.zeros(COLUMN)
    deviance, scale = np.zeros(L), np.zeros(L)
    matrix, pivots = np.zeros(unknowns * unknowns * L), np.zeros(unknowns * L)
    least, step, column = np.zeros(unknowns * L), np.zeros(unknowns * L), np.zeros(unknowns * L)
    held, state = np.zeros(unknowns * L, np.bool_), np.zeros(L, np.uint8)
    freedom = max(int(points) - int(unknowns), 1)
    square = where[unknowns, unknowns] * L
    for first in range(0, todo.size, LANES):
        lanes = min(LANES, todo.size - first)
        row = todo[first]
        if lanes == LANES and row % L == ZERO and todo[first + lanes - 1] == row + L - ONE:
            _load_block(row, data, roots, squares, q_all, count, y, root, q, scale)
        else:
            for p in range(L):
                row = todo[min(first + int(p), todo.size - 1)]
                _load(p, row, data, roots, squares, q_all, count, y, root, q, scale)
        if fused:
            equations(numbers, axis, points, y, root, q, work, jac, sums)
        else:
            normal_equations(
                block, numbers, axis, points, count, y, root, weighting, ties, scales, columns,
                unknowns, q, work, jac, model, sums, deviance,
            )  # fmt: skip
        _matrix(width, unknowns, columns, where, lower, upper, q, sums, matrix, least, step, held)
        factorize(width, unknowns, matrix, pivots, least)
        _determined(width, unknowns, pivots, least, held, state)
        solve(width, unknowns, matrix, pivots, step)
        _move(
            unknowns, count, columns, where, lower, upper, ties, scales, shifts, longest, freedom,
            square, scale, sums, step, q, state, lanes, first, todo, q_all, chi,
        )  # fmt: skip
        _inverse(width, unknowns, matrix, pivots, column, lanes, first, todo, covariance)
        if held.any():
            _free_all(width, unknowns, where, sums, matrix)
            factorize(width, unknowns, matrix, pivots, least)
            _held_variances(
                width, unknowns, matrix, pivots, column, held, lanes, first, todo, covariance
            )
        for p in range(lanes):
            verdict[todo[first + p]] = state[p]


@leaf
def _load_block(row, data, roots, squares, q_all, count, y, root, q, scale):
    """Consecutive pixels that fill the lanes: the usual case, and a plain copy."""
    at = row * (np.uintp(y.size) // L)
    for k in range(np.uintp(y.size)):
        y[k] = data[at + k]
    if np.uintp(root.size) > ONE:
        for k in range(np.uintp(y.size)):
            root[k] = roots[at + k]
    for p in range(L):
        scale[p] = squares[row + p]
    for i in range(count):
        for p in range(L):
            q[i * L + p] = q_all[i, row + p]


@leaf
def _matrix(width, unknowns, columns, where, lower, upper, q, sums, matrix, least, step, held):
    """Normal matrix and right-hand side, with parameters that push against a bound taken out."""
    for i in range(unknowns):
        gradient, own = where[i, unknowns] * L, columns[i] * L
        for p in range(width):
            g, at = sums[gradient + p], q[own + p]
            out = (at <= lower[i] and g < 0.0) or (at >= upper[i] and g > 0.0)
            held[i * L + p] = out
            step[i * L + p] = 0.0 if out else g
            least[i * L + p] = max(sums[where[i, i] * L + p] * _SINGULAR, 1e-300)
        for j in range(i):
            pair, to = where[i, j] * L, (i * unknowns + j) * L
            for p in range(width):
                out = held[i * L + p] or held[j * L + p]
                matrix[to + p] = 0.0 if out else sums[pair + p]
        pair, to = where[i, i] * L, (i * unknowns + i) * L
        for p in range(width):
            matrix[to + p] = sums[pair + p]


@leaf
def _determined(width, unknowns, pivots, least, held, state):
    for p in range(width):
        state[p] = FINE
    for i in range(unknowns):
        for p in range(width):
            if held[i * L + p]:
                state[p] = max(state[p], HELD)
            elif not pivots[i * L + p] * least[i * L + p] < 0.99:
                state[p] = UNDETERMINED


@leaf
def _move(
    unknowns, count, columns, where, lower, upper, ties, scales, shifts, longest, freedom, square,
    scale, sums, step, q, state, lanes, first, todo, q_all, chi,
):  # fmt: skip
    """Make the step; a long one, or one that meets a bound, is not the last."""
    for p in range(lanes):
        row = todo[first + p]
        length, clipped = 0.0, False
        for i in range(unknowns):
            own = columns[i] * L + np.uintp(p)
            d = step[i * L + np.uintp(p)]
            length += d * sums[where[i, unknowns] * L + np.uintp(p)]
            target = min(max(q[own] + d, lower[i]), upper[i])
            clipped = clipped or target != q[own] + d
            q[own] = target
        before = sums[square + np.uintp(p)]
        variance = before / freedom
        if not length <= longest * variance + _ROUNDING * scale[p] or clipped:
            state[p] = max(state[p], UNFINISHED)
        chi[row] = max(before - length, 0.0)
        for t in range(np.uintp(ties.shape[0])):
            master = q[ties[t, ONE] * L + np.uintp(p)]
            q[ties[t, ZERO] * L + np.uintp(p)] = scales[t] * master + shifts[t]
        for i in range(count):
            q_all[i, row] = q[i * L + np.uintp(p)]


@leaf
def _inverse(width, unknowns, matrix, pivots, column, lanes, first, todo, covariance):
    """Lower triangle of the inverse, column by column."""
    for k in range(unknowns):
        unit_column(width, unknowns, matrix, pivots, k, column)
        for i in range(k, unknowns):
            at = i * (i + ONE) // np.uintp(2) + k
            for p in range(lanes):
                covariance[at, todo[first + p]] = column[i * L + np.uintp(p)]


@leaf
def _free_all(width, unknowns, where, sums, matrix):
    """Normal matrix with all parameters free."""
    for i in range(unknowns):
        for j in range(i + ONE):
            pair, to = where[i, j] * L, (i * unknowns + j) * L
            for p in range(width):
                matrix[to + p] = sums[pair + p]


@leaf
def _held_variances(width, unknowns, matrix, pivots, column, held, lanes, first, todo, covariance):
    """Variance that a held parameter would have if it were free: how far beyond the data reach."""
    for k in range(unknowns):
        unit_column(width, unknowns, matrix, pivots, k, column)
        for p in range(lanes):
            lane = k * L + np.uintp(p)
            if held[lane]:
                covariance[k * (k + ONE) // np.uintp(2) + k, todo[first + p]] = column[lane]
