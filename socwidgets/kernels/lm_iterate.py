"""Levenberg-Marquardt iterations of lanes; a lane whose pixel is done takes the next one."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_lanes import COLUMN, ONE, ZERO, L, U, compiled, factorize, leaf, solve
from socwidgets.kernels.lm_normal import POISSON, normal_equations

#: How the iterations of a pixel ended.
CONVERGED, STALLED, EXHAUSTED, BROKEN = range(4)

_FIRST_DAMPING, _LEAST_DAMPING, _LARGEST_DAMPING = 1e-3, 1e-9, 1e9
#: Damping below which steps are those of Gauss and Newton; near the minimum the square of each is
#: less than this part of the one before.
_NO_DAMPING, _QUICK = 1e-4, 0.05


@compiled
def iterate(
    lanes, fused, equations, block, numbers, axis, points, count, weighting, ties, scales, shifts,
    columns, unknowns, rows, where, lower, upper, tolerance, longest, rounding, max_passes, data,
    roots, squares, todo, q_all, passes, ending,
):  # fmt: skip
    """Fit the pixels `todo`.

    Parameters
    ----------
    lanes : uintp
        `LANES`.
    fused, equations : bool, callable
        Whether the model has normal equations of its own, and those; else anything of their type.
    block, numbers, axis, points, count, weighting, ties, scales, columns, unknowns
        As for `normal_equations`; `shifts` are the offsets of tied parameters.
    rows, where : uintp, ndarray
        Number of sums, and where they are: `lm_lanes.tile_positions`, `lm_source.triangle_row`.
    lower, upper : ndarray
        ``(P,)``, bounds of the free parameters.
    tolerance, longest : float
        A pixel is done when its next step is no longer than `longest`, and the one after it would
        be no longer than `tolerance`, judged by how the last steps shrank: squares, in units of
        sigma. The polish makes the next step.
    rounding : float
        What is as good as no step, as a part of the sum of squared data: for data without noise.
    max_passes : int
        Evaluations per pixel.
    data, roots, squares : ndarray
        Samples and square roots of their weights (one number if unused), and the weighted sum of
        squared samples ``(n,)``, as in `lm_stage.Samples`.
    todo : ndarray
        uintp, numbers of pixels.
    q_all : ndarray
        ``(M, n)``: starting values, replaced by the result.
    passes, ending : ndarray
        ``(n,)``: evaluations, and `CONVERGED`, `STALLED` (no step lowers the sum of squares any
        more: at the resolution of the type), `EXHAUSTED` or `BROKEN` (no finite model at the
        start).
    """
    kind = q_all.dtype
    padded = (points + U - ONE) // U * U
    y = np.zeros(padded * L, kind)
    root = np.zeros(padded * L if roots.size > 1 else ONE, kind)
    q, trial = np.zeros(count * L, kind), np.zeros(count * L, kind)
    work, jac = np.zeros(np.uintp(2) * count * L, kind), np.zeros((count + ONE) * COLUMN, kind)
    sums, fresh_sums = np.zeros(rows * L, kind), np.zeros(rows * L, kind)
    model = np.zeros(COLUMN, kind)
    deviance, cost, scale = np.zeros(L, kind), np.zeros(L, kind), np.zeros(L, kind)
    damping, promised = np.zeros(L, kind), np.zeros(L, kind)
    take, value = np.zeros(L, kind), np.zeros(L, kind)
    pixel, spent = np.zeros(L, np.int64), np.zeros(L, kind)
    matrix, pivots = np.zeros(unknowns * unknowns * L, kind), np.zeros(unknowns * L, kind)
    least, step = np.zeros(unknowns * L, kind), np.zeros(unknowns * L, kind)
    opened, largest = np.zeros(unknowns * L, kind), np.zeros(unknowns * L, kind)
    slope, earlier, streak = np.zeros(L, kind), np.zeros(L, kind), np.zeros(L, kind)
    freedom, limit = kind.type(max(int(points) - int(unknowns), 1)), kind.type(max_passes)
    why = np.zeros(L, np.int64)
    square = where[unknowns, unknowns] * L
    following, busy = 0, 0
    for p in range(L):
        pixel[p] = -1
        if following < todo.size:
            _load(p, todo[following], data, roots, squares, q_all, count, y, root, trial, scale)
            pixel[p], spent[p] = todo[following], 0
            following += 1
            busy += 1
        else:
            _load(p, todo[0], data, roots, squares, q_all, count, y, root, trial, scale)
    while busy > 0:
        if fused:
            equations(numbers, axis, points, y, root, trial, work, jac, fresh_sums)
        else:
            normal_equations(
                block, numbers, axis, points, count, y, root, weighting, ties, scales, columns,
                unknowns, trial, work, jac, model, fresh_sums, deviance,
            )  # fmt: skip
        for p in range(L):
            value[p] = fresh_sums[square + p]
        objective = deviance if weighting == POISSON else value
        _judge(lanes, objective, spent, cost, damping, promised, take)
        _select(lanes, take, fresh_sums, sums, rows)
        _select(lanes, take, trial, q, count)
        _propose(
            lanes, unknowns, columns, where, lower, upper, damping, q, trial, sums, matrix, pivots,
            least, step, opened, largest, promised, slope,
        )  # fmt: skip
        for t in range(np.uintp(ties.shape[0])):
            for p in range(L):
                trial[ties[t, ZERO] * L + p] = scales[t] * trial[ties[t, ONE] * L + p] + shifts[t]
        _stop(
            lanes, cost, slope, earlier, streak, damping, spent, scale, freedom, tolerance, longest,
            rounding, limit, why,
        )  # fmt: skip
        for p in range(L):
            if why[p] < 0 or pixel[p] < 0:
                continue
            row = pixel[p]
            if why[p] != BROKEN:
                for i in range(count):
                    q_all[i, row] = trial[i * L + p] if why[p] == CONVERGED else q[i * L + p]
            passes[row] += np.int64(spent[p])
            ending[row] = why[p]
            if following < todo.size:
                row = todo[following]
                _load(p, row, data, roots, squares, q_all, count, y, root, trial, scale)
                pixel[p], spent[p] = row, 0
                for i in range(unknowns):
                    largest[i * L + p] = kind.type(0.0)
                following += 1
            else:
                pixel[p] = -1
                busy -= 1


@leaf
def _load(p, row, data, roots, squares, q_all, count, y, root, trial, scale):
    """Put one pixel into lane p."""
    block, lane = row // L, row % L
    padded = np.uintp(y.size) // L
    at = block * padded * L + lane
    for e in range(padded):
        y[e * L + p] = data[at + e * L]
    if np.uintp(root.size) > ONE:
        for e in range(padded):
            root[e * L + p] = roots[at + e * L]
    scale[p] = squares[row]
    for i in range(count):
        trial[i * L + p] = q_all[i, row]


@leaf
def _judge(lanes, value, spent, cost, damping, promised, take):
    """Accept or refuse the steps, and set the damping by how well each was predicted.

    `take` is one or zero, so that everything here stays arithmetic: no branch, no masked store.
    """
    real = cost.dtype.type
    zero, one = real(0.0), real(1.0)
    # A sum of squares is not resolved better than about ten times the precision of the type.
    slack = real(1.0 + 10.0 * np.finfo(cost.dtype).eps)
    for p in range(lanes):
        first = spent[p] == zero
        good = value[p] <= cost[p] * slack
        gain = cost[p] - value[p]
        scale = real(0.1) if gain > real(0.75) * promised[p] else one
        scale = real(4.0) if gain < real(0.25) * promised[p] else scale
        scale = scale if good else real(10.0)
        damping[p] = max(damping[p] * scale, real(_LEAST_DAMPING))
        damping[p] = real(_FIRST_DAMPING) if first else damping[p]
        accepted = first or good
        cost[p] = value[p] if accepted else cost[p]
        take[p] = one if accepted else zero


@leaf
def _stop(
    lanes, cost, slope, earlier, streak, damping, spent, scale, freedom, tolerance, longest,
    rounding, limit, why,
):  # fmt: skip
    """Count the pass, and say how the iterations of each lane end, -1 if they go on."""
    one, large = spent.dtype.type(1.0), spent.dtype.type(_LARGEST_DAMPING)
    mild, small = spent.dtype.type(_NO_DAMPING), spent.dtype.type(_QUICK)
    tiny = spent.dtype.type(np.finfo(cost.dtype).tiny)
    for p in range(lanes):
        shrinks = slope[p] / max(earlier[p], tiny)
        # A damped step is short whether or not the minimum is near, and in a curved valley steps
        # shrink and grow at random: only steps that shrink twice in a row foretell the next.
        quick = spent[p] > one and damping[p] <= mild and shrinks < small
        streak[p] = streak[p] + one if quick else spent.dtype.type(0.0)
        shrinks = shrinks if streak[p] > one else one
        earlier[p] = slope[p]
        spent[p] += one
        variance, nothing = cost[p] / freedom, rounding * scale[p]
        enough = (
            slope[p] * shrinks <= tolerance * variance + nothing
            and slope[p] <= longest * variance + nothing
        )
        # The difference of a number that is not finite with itself is not zero.
        broken = (cost[p] + slope[p]) - (cost[p] + slope[p]) != spent.dtype.type(0.0)
        code = EXHAUSTED if spent[p] >= limit else -1
        code = STALLED if damping[p] > large else code
        code = CONVERGED if enough else code
        why[p] = BROKEN if broken else code


@leaf
def _select(lanes, take, source, target, rows):
    """Rows of the lanes that take their step."""
    half = target.dtype.type(0.5)
    for row in range(rows):
        for p in range(lanes):
            new, old = source[row * L + p], target[row * L + p]
            target[row * L + p] = new if take[p] > half else old


@leaf
def _propose(
    lanes, unknowns, columns, where, lower, upper, damping, q, trial, sums, matrix, pivots, least,
    step, opened, largest, promised, slope,
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
        for p in range(lanes):
            g, at = sums[gradient + p], q[own + p]
            held = (at <= lower[i] and g < zero) or (at >= upper[i] and g > zero)
            opened[i * L + p] = zero if held else one
            step[i * L + p] = zero if held else g
    for i in range(unknowns):
        for j in range(i):
            pair, to = where[i, j] * L, (i * unknowns + j) * L
            for p in range(lanes):
                matrix[to + p] = sums[pair + p] * opened[i * L + p] * opened[j * L + p]
        pair, to = where[i, i] * L, (i * unknowns + i) * L
        for p in range(lanes):
            size = sums[pair + p]
            largest[i * L + p] = max(largest[i * L + p], size)
            matrix[to + p] = size + damping[p] * largest[i * L + p]
            least[i * L + p] = max(size * small, tiny)
    factorize(lanes, unknowns, matrix, pivots, least)
    solve(lanes, unknowns, matrix, pivots, step)
    for p in range(lanes):
        promised[p], slope[p] = zero, zero
    for i in range(unknowns):
        pair, gradient, own = where[i, i] * L, where[i, unknowns] * L, columns[i] * L
        low, high = lower[i], upper[i]
        for p in range(lanes):
            d, g = step[i * L + p], sums[gradient + p]
            promised[p] += d * (g + damping[p] * largest[i * L + p] * d)
            target = min(max(q[own + p] + d, low), high)
            slope[p] += g * (target - q[own + p])
            trial[own + p] = target
