"""Energies of a run of pixels once the rows are known: few samples of each pixel, one by one."""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.edge_scan import NOWHERE, index_of
from socwidgets.kernels.edge_tables import INTEGRAL_LEVELS
from socwidgets.kernels.rows import compiled, project

#: Reasons for which an energy has no value; several may hold for one pixel.
AT_BOUND_FLAG, OUT_FLAG, LOW_FLAG = 1, 2, 4


@compiled
def sample_variance(variance, has_std, noise, row, p):
    """Variance of one staged sample."""
    return variance[row, p] if has_std else noise[p]


@compiled
def spread_of_base(base, p, a, b, c):
    """Variance of ``a c0 + b c1 + c J``."""
    return (
        a * (a * base[0, p] + 2.0 * (b * base[1, p] + c * base[3, p]))
        + b * (b * base[2, p] + 2.0 * c * base[4, p])
        + c * c * base[5, p]
    )


@compiled
def _gather_four(stage, x, n, index, work):
    """Samples ``index - 2`` to ``index + 1`` into ``work[:4]``, their positions into ``work[4:8]``.

    Rows that do not exist repeat the nearest one.
    """
    last = stage.shape[0] - 1
    for p in range(n):
        row = int(index[p]) if index[p] < NOWHERE else 1
        before, after = max(row - 2, 0), min(row + 1, last)
        work[0, p] = stage[before, p]
        work[1, p] = stage[row - 1, p]
        work[2, p] = stage[row, p]
        work[3, p] = stage[after, p]
        work[4, p] = x[before]
        work[5, p] = x[row - 1]
        work[6, p] = x[row]
        work[7, p] = x[after]


@compiled
def _gather_two(source, n, index, low, high):
    """Rows ``index - 1`` and ``index`` of `source`; those around row 1 where there is no index."""
    for p in range(n):
        row = int(index[p]) if (index[p] >= 1.0) & (index[p] < NOWHERE) else 1
        low[p] = source[row - 1, p]
        high[p] = source[row, p]


@compiled
def _look_up_two(table, n, index, low, high):
    """The same of a table that all pixels share."""
    for p in range(n):
        row = int(index[p]) if (index[p] >= 1.0) & (index[p] < NOWHERE) else 1
        low[p] = table[row - 1]
        high[p] = table[row]


@compiled
def crossings(
    stage, variance, has_std, noise, x, n, index, level, base, place, of_peak, work, result, flags
):  # fmt: skip
    """Where a level is crossed, by linear interpolation, and its uncertainty.

    The level is half the jump, or with `of_peak` half the height of the white line above the
    baseline, whose position and variance are in ``place[2:]``. ``work (10, n)`` is scratch.
    """
    _gather_four(stage, x, n, index, work)
    if has_std:
        _gather_two(variance, n, index, work[8], work[9])
    else:
        work[8, :n] = noise[:n]
        work[9, :n] = noise[:n]
    _interpolate(n, index, level, work, result)
    for p in range(n):
        position, part = result[0, p], result[1, p]
        spread = (1.0 - part) ** 2 * work[8, p] + part**2 * work[9, p]
        if of_peak:
            # Of the baseline, half goes with the height and the rest with the crossing.
            spread += 0.25 * place[3, p]
            spread += spread_of_base(base, p, 0.5, position - 0.5 * place[2, p], 0.0)
        else:
            spread += spread_of_base(base, p, 1.0, position, 0.5)
        result[1, p] = math.sqrt(spread) / work[0, p]
    for p in range(n):
        # A level that is NaN depends on a peak that is not there: the peak's flag says so.
        found = (index[p] < NOWHERE) | (level[p] != level[p])
        flags[p] |= np.uint8(0 if found else OUT_FLAG)


@compiled
def _interpolate(n, index, level, work, result):
    """Position and fraction of the interval into `result`, slope into ``work[0]``."""
    nothing = index_of(index, math.nan)
    for p in range(n):
        low, high, left, right = work[1, p], work[2, p], work[5, p], work[6, p]
        slope = (high - low) / (right - left)
        part = (level[p] - low) / (high - low)
        # Two noisy neighbours tell the slope badly: where it agrees, a wider one is used.
        wide = (work[3, p] - work[0, p]) / (work[7, p] - work[4, p])
        off = (slope - wide) * (right - left)
        agrees = (off * off < 4.0 * (work[8, p] + work[9, p])) & (wide > 0.0)
        work[0, p] = wide if agrees else slope
        position = left + part * (right - left)
        result[0, p] = position if index[p] < NOWHERE else nothing
        result[1, p] = part


@compiled
def integral_energies(
    stage, variance, has_std, noise, x, n, low_index, high_index, jump, base, work, result, flags
):  # fmt: skip
    """Mean energy over the levels between the two crossings, by integration by parts.

    ``(b E_b - a E_a - integral of mu dE from E_a to E_b) / (b - a)``: the derivatives with respect
    to the crossings cancel, so that its error is that of the integral alone.
    """
    low, high = INTEGRAL_LEVELS
    start, stop, area, spread, carried = work[4], work[5], work[6], work[7], work[8]
    _crossing_at(stage, x, n, low_index, jump, low, work, start)
    _crossing_at(stage, x, n, high_index, jump, high, work, stop)
    first, last = stage.shape[0], 0
    for p in range(n):
        flags[p] |= np.uint8(0 if start[p] <= stop[p] else OUT_FLAG)
        if start[p] <= stop[p]:
            first, last = min(first, int(low_index[p])), max(last, int(high_index[p]))
    area[:n] = 0.0
    spread[:n] = 0.0
    carried[:n] = 0.0
    # One row more than the last crossing: it adds the last sample's share of the variance.
    for row in range(first, min(last + 2, stage.shape[0])):
        here = variance[row - 1] if has_std else noise
        _add_segment(
            stage[row - 1], stage[row], here, x[row - 1], x[row] - x[row - 1], n,
            start, stop, area, spread, carried,
        )  # fmt: skip
    for p in range(n):
        width, middle, mean = stop[p] - start[p], 0.5 * (stop[p] + start[p]), area[p] / jump[p]
        total = spread[p] + spread_of_base(base, p, width, width * middle, mean)
        result[0, p] = (high * stop[p] - low * start[p] - mean) / (high - low)
        result[1, p] = math.sqrt(total) / (abs(jump[p]) * (high - low))


@compiled
def _crossing_at(stage, x, n, index, jump, fraction, work, position):
    """Position where a fraction of the jump is crossed; NaN where it is not."""
    nothing = index_of(index, math.nan)
    _gather_two(stage, n, index, work[0], work[1])
    _look_up_two(x, n, index, work[2], work[3])
    for p in range(n):
        part = (fraction * jump[p] - work[0, p]) / (work[1, p] - work[0, p])
        found = (index[p] >= 0.0) & (index[p] < NOWHERE)
        position[p] = work[2, p] + part * (work[3, p] - work[2, p]) if found else nothing


@compiled
def _add_segment(before, after, variance, left_end, step, n, start, stop, area, spread, carried):
    """Add the part of one interval that lies between start and stop, by its straight line."""
    per_step = 1.0 / step
    for p in range(n):
        s = min(max((start[p] - left_end) * per_step, 0.0 * step), 0.0 * step + 1.0)
        t = min(max((stop[p] - left_end) * per_step, 0.0 * step), 0.0 * step + 1.0)
        right = 0.5 * (t * t - s * s) * step
        left = (t - s) * step - right
        area[p] += left * before[p] + right * after[p]
        weight = carried[p] + left
        spread[p] += weight * weight * variance[p]
        carried[p] = right


@compiled
def centroids(stage, variance, has_std, noise, n, centroid, base, result):
    """Center of gravity of the spectrum above its baseline in a fixed window."""
    sums = np.empty((2, n), stage.dtype)
    spread = np.empty((3, n), stage.dtype)
    project(stage, 0, n, centroid.rows, centroid.weights, sums)
    if has_std:
        project(variance, 0, n, centroid.rows, centroid.products, spread)
    else:
        for k in range(3):
            total = centroid.products[k].sum()
            for p in range(n):
                spread[k, p] = total * noise[p]
    zero, one, two = centroid.moments[0], centroid.moments[1], centroid.moments[2]
    for p in range(n):
        position = sums[0, p] / sums[1, p]
        square = spread[2, p] - 2.0 * position * spread[1, p] + position**2 * spread[0, p]
        square += spread_of_base(base, p, one - position * zero, two - position * one, 0.0)
        result[0, p] = position
        result[1, p] = math.sqrt(square) / abs(sums[1, p])


@compiled
def derivative_maxima(
    variance, has_std, noise, x, n, derivative, slopes, index, work, result, flags
):  # fmt: skip
    """Vertex of the parabola through the largest smoothed derivative and its neighbours."""
    last, points = derivative.rows.size - 1, derivative.flat.shape[1]
    work[:3, :n] = 0.0
    for p in range(n):
        entry = min(max(int(index[p]), 1), last - 1)
        for k in range(3):
            slope = slopes[entry + k - 1, p]
            work[0, p] += derivative.alpha[entry, k] * slope
            work[1, p] += derivative.beta[entry, k] * slope
        work[2, p] = x[derivative.rows[entry]]
    for p in range(n):
        result[0, p] = -work[0, p] / work[1, p]
    for p in range(n):
        entry, shift = min(max(int(index[p]), 1), last - 1), result[0, p]
        start, spread = derivative.rows[entry] - points // 2, 0.0 * shift
        if has_std:
            for j in range(points):
                weight = derivative.flat[entry, j] + shift * derivative.bend[entry, j]
                spread += weight * weight * variance[start + j, p]
        else:
            unit = derivative.unit[entry]
            spread = noise[p] * (unit[0] + shift * (2.0 * unit[1] + shift * unit[2]))
        result[1, p] = spread
    nothing = index_of(index, math.nan)
    for p in range(n):
        inside = (index[p] > 0.0) & (index[p] < last) & (work[1, p] < 0.0)
        flags[p] |= np.uint8(0 if inside else AT_BOUND_FLAG)
        result[0, p] = work[2, p] + (result[0, p] if inside else nothing)
        result[1, p] = math.sqrt(result[1, p]) / -work[1, p]
