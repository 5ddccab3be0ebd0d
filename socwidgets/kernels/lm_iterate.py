"""Levenberg-Marquardt iterations of lanes; a lane whose pixel is done takes the next one."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_lanes import ONE, ZERO, L, compiled, factorize, solve
from socwidgets.kernels.lm_normal import POISSON, normal_equations

#: How the iterations of a pixel ended.
CONVERGED, STALLED, EXHAUSTED, BROKEN = (np.uint8(n) for n in range(4))

_FIRST_DAMPING, _LEAST_DAMPING, _LARGEST_DAMPING = 1e-3, 1e-9, 1e9


@compiled
def iterate(
    block, config, axis, points, count, weighting, ties, scales, shifts, columns, unknowns, where,
    lower, upper, tolerance, rounding, max_passes, data, roots, todo, q_all, passes, ending,
):  # fmt: skip
    """Fit the pixels `todo`.

    Parameters
    ----------
    block, config, axis, points, count, weighting, ties, scales, columns, unknowns
        As for `normal_equations`; `shifts` are the offsets of tied parameters.
    where : ndarray
        From `lm_lanes.tile_positions`.
    lower, upper : ndarray
        ``(P,)``, bounds of the free parameters.
    tolerance : float
        A pixel is done when the next step promises less than this part of the residual variance:
        the square of the step in units of sigma.
    rounding : float
        The same as a part of the sum of squared data, for data without noise.
    max_passes : int
        Evaluations per pixel.
    data, roots : ndarray
        ``(n, padded E)``: samples and square roots of their weights (one row if unused).
    todo : ndarray
        uintp, rows of `data`.
    q_all : ndarray
        ``(n, M)``: starting values, replaced by the result.
    passes, ending : ndarray
        ``(n,)``: evaluations, and `CONVERGED`, `STALLED` (no step lowers the sum of squares any
        more: at the resolution of the type), `EXHAUSTED` or `BROKEN` (no finite model at the
        start).
    """
    kind = data.dtype
    padded = np.uintp(data.shape[1])
    y = np.zeros(padded * L, kind)
    root = np.zeros(padded * L if roots.shape[1] == data.shape[1] else ONE, kind)
    q, trial = np.zeros(count * L, kind), np.zeros(count * L, kind)
    work, jac = np.zeros(count * L, kind), np.zeros((count + np.uintp(2)) * np.uintp(8) * L, kind)
    size = np.uintp(where.shape[0])
    rows = (size // np.uintp(2)) * (size // np.uintp(2) + ONE) * np.uintp(2)
    sums, fresh_sums = np.zeros(rows * L, kind), np.zeros(rows * L, kind)
    deviance, cost, scale = np.zeros(L, kind), np.zeros(L, kind), np.zeros(L, kind)
    damping, promised = np.zeros(L, kind), np.zeros(L, kind)
    take = np.zeros(L, np.bool_)
    pixel, spent = np.zeros(L, np.int64), np.zeros(L, np.int64)
    matrix, pivots = np.zeros(unknowns * unknowns * L, kind), np.zeros(unknowns * L, kind)
    least, step = np.zeros(unknowns * L, kind), np.zeros(unknowns * L, kind)
    opened = np.zeros(unknowns * L, kind)
    slope = np.zeros(L, kind)
    freedom = kind.type(max(int(points) - int(unknowns), 1))
    square = where[unknowns, unknowns] * L
    following, busy = 0, 0
    for p in range(L):
        pixel[p] = -1
        if following < todo.size:
            _load(p, todo[following], data, roots, q_all, count, padded, y, root, trial, scale)
            pixel[p], spent[p] = todo[following], 0
            following += 1
            busy += 1
        else:
            _load(p, todo[0], data, roots, q_all, count, padded, y, root, trial, scale)
    while busy > 0:
        normal_equations(
            block, config, axis, points, count, y, root, weighting, ties, scales, columns,
            unknowns, trial, work, jac, fresh_sums, deviance,
        )  # fmt: skip
        for p in range(L):
            value = deviance[p] if weighting == POISSON else fresh_sums[square + p]
            _judge(p, value, spent, cost, damping, promised, take)
        _select(take, fresh_sums, sums, rows)
        _select(take, trial, q, count)
        _propose(
            unknowns, columns, where, lower, upper, damping, q, trial, sums, matrix, pivots,
            least, step, opened, promised, slope,
        )  # fmt: skip
        for t in range(np.uintp(ties.shape[0])):
            for p in range(L):
                trial[ties[t, ZERO] * L + p] = (
                    scales[t] * trial[ties[t, ONE] * L + p] + shifts[t]
                )
        for p in range(L):
            if pixel[p] < 0:
                continue
            spent[p] += 1
            enough = slope[p] <= tolerance * cost[p] / freedom + rounding * scale[p]
            finite = np.isfinite(cost[p]) and np.isfinite(slope[p])
            stuck = damping[p] > kind.type(_LARGEST_DAMPING)
            if finite and not enough and not stuck and spent[p] < max_passes:
                continue
            row = pixel[p]
            if finite:
                chosen = trial if enough else q
                for i in range(count):
                    q_all[row, i] = chosen[i * L + p]
            passes[row] += spent[p]
            ending[row] = (
                BROKEN if not finite else CONVERGED if enough else STALLED if stuck else EXHAUSTED
            )
            if following < todo.size:
                row = todo[following]
                _load(p, row, data, roots, q_all, count, padded, y, root, trial, scale)
                pixel[p], spent[p] = row, 0
                following += 1
            else:
                pixel[p] = -1
                busy -= 1


@compiled
def _load(p, row, data, roots, q_all, count, padded, y, root, trial, scale):
    """Put one pixel into lane p."""
    total = data.dtype.type(0.0)
    for e in range(padded):
        value = data[row, e]
        y[e * L + p] = value
        total += value * value
    scale[p] = total
    if np.uintp(root.size) > ONE:
        total = data.dtype.type(0.0)
        for e in range(padded):
            weight = roots[row, e]
            root[e * L + p] = weight
            total += weight * weight * data[row, e] * data[row, e]
        scale[p] = total
    for i in range(count):
        trial[i * L + p] = q_all[row, i]


@compiled
def _judge(p, value, spent, cost, damping, promised, take):
    """Accept or refuse the step of lane p, and set its damping by how well it was predicted."""
    real = cost.dtype.type
    if spent[p] == 0:
        take[p] = True
        cost[p] = value
        damping[p] = real(_FIRST_DAMPING)
        return
    gain = (cost[p] - value) / promised[p]
    # A sum of squares is not resolved better than about ten times the precision of the type.
    good = value <= cost[p] * real(1.0 + 10.0 * np.finfo(cost.dtype).eps)
    take[p] = good
    if not good:
        damping[p] = damping[p] * real(10.0)
        return
    cost[p] = value
    if gain > real(0.75):
        damping[p] = max(damping[p] * real(0.1), real(_LEAST_DAMPING))
    elif gain < real(0.25):
        damping[p] = damping[p] * real(4.0)


@compiled
def _select(take, source, target, rows):
    """Rows of the lanes that take their step."""
    for row in range(rows):
        for p in range(L):
            new, old = source[row * L + p], target[row * L + p]
            target[row * L + p] = new if take[p] else old


@compiled
def _propose(
    unknowns, columns, where, lower, upper, damping, q, trial, sums, matrix, pivots, least, step,
    opened, promised, slope,
):  # fmt: skip
    """Damped step inside the bounds; what it promises, and the slope along it.

    A parameter at a bound whose gradient points outside is frozen for this step; the others move
    as if it were a constant.
    """
    real = q.dtype.type
    zero, one = real(0.0), real(1.0)
    tiny, small = real(np.finfo(q.dtype).tiny), real(np.finfo(q.dtype).eps)
    for i in range(unknowns):
        gradient, own = where[i, unknowns] * L, columns[i] * L
        for p in range(L):
            g, at = sums[gradient + p], q[own + p]
            held = (at <= lower[i] and g < zero) or (at >= upper[i] and g > zero)
            opened[i * L + p] = zero if held else one
            step[i * L + p] = zero if held else g
    for i in range(unknowns):
        for j in range(i):
            pair, to = where[i, j] * L, (i * unknowns + j) * L
            for p in range(L):
                matrix[to + p] = sums[pair + p] * opened[i * L + p] * opened[j * L + p]
        pair, to = where[i, i] * L, (i * unknowns + i) * L
        for p in range(L):
            size = sums[pair + p]
            matrix[to + p] = size * (one + damping[p])
            least[i * L + p] = max(size * small, tiny)
    factorize(unknowns, matrix, pivots, least)
    solve(unknowns, matrix, pivots, step)
    for p in range(L):
        promised[p], slope[p] = zero, zero
    for i in range(unknowns):
        pair, gradient, own = where[i, i] * L, where[i, unknowns] * L, columns[i] * L
        low, high = lower[i], upper[i]
        for p in range(L):
            d, g = step[i * L + p], sums[gradient + p]
            promised[p] += d * (g + damping[p] * sums[pair + p] * d)
            target = min(max(q[own + p] + d, low), high)
            slope[p] += g * (target - q[own + p])
            trial[own + p] = target
