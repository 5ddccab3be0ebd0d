"""Energies of a run of pixels once the rows are known: few samples of each pixel, one by one."""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.edge_crossings import find_crossings, gather_two, look_up_two
from socwidgets.kernels.edge_scan import NOWHERE, index_of
from socwidgets.kernels.edge_tables import INTEGRAL_LEVELS
from socwidgets.kernels.rows import inner, project

#: Bend of the derivative at its maximum, and distance to the slopes elsewhere, in units of their
#: noise, from which on noise did not make them.
_BENT, _LARGER = 5.0, 4.0

#: Reasons for which an energy has no value; several may hold for one pixel.
AT_BOUND_FLAG, OUT_FLAG, LOW_FLAG = 1, 2, 4


@inner
def spread_of_base(base, p, a, b, c):
    """Variance of ``a c0 + b c1 + c J``."""
    mixed, other = b * base[1, p] + c * base[3, p], c * base[4, p]
    # Doubled by addition: a factor 2.0 would turn float32 into float64.
    return (
        a * (a * base[0, p] + (mixed + mixed))
        + b * (b * base[2, p] + (other + other))
        + c * c * base[5, p]
    )


@inner
def crossings(
    stage, variance, has_std, noise, x, n, search, levels, index, level, base, place, of_peak,
    work, result, flags,
):  # fmt: skip
    """Where a level is crossed, and its uncertainty.

    The level is half the jump, or with `of_peak` half the height of the white line above the
    baseline, whose position and variance are in ``place[2:]``. ``work (10, n)`` is scratch.
    """
    unsure = work[9]
    find_crossings(
        stage, variance, has_std, noise, x, n, search, levels, index, level, work, unsure
    )
    half = index_of(level, 0.5)
    one, zero = index_of(level, 1.0), index_of(level, 0.0)
    for p in range(n):
        position, part = work[0, p], work[1, p]
        rest = one - part
        spread = rest * rest * work[3, p] + part * part * work[4, p]
        if of_peak:
            # Of the baseline, half goes with the height and the rest with the crossing.
            spread += half * half * place[3, p]
            spread += spread_of_base(base, p, half, position - half * place[2, p], zero)
        else:
            spread += spread_of_base(base, p, one, position, half)
        result[0, p] = position
        result[1, p] = math.sqrt(spread) / work[2, p]
    for p in range(n):
        # A level that is NaN depends on a peak that is not there: the peak's flag says so.
        found = (index[p] < NOWHERE) | (level[p] != level[p])
        flags[p] |= np.uint8(0 if found else OUT_FLAG)
        flags[p] |= np.uint8(0 if unsure[p] == 0.0 else AT_BOUND_FLAG)


@inner
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


@inner
def _crossing_at(stage, x, n, index, jump, fraction, work, position):
    """Position where a fraction of the jump is crossed; NaN where it is not."""
    nothing = index_of(index, math.nan)
    gather_two(stage, n, index, work[0], work[1])
    look_up_two(x, n, index, work[2], work[3])
    for p in range(n):
        part = (fraction * jump[p] - work[0, p]) / (work[1, p] - work[0, p])
        found = (index[p] >= 0.0) & (index[p] < NOWHERE)
        position[p] = work[2, p] + part * (work[3, p] - work[2, p]) if found else nothing


@inner
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


@inner
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


@inner
def derivative_maxima(
    variance, has_std, noise, x, n, derivative, slopes, index, alone, work, result, flags
):  # fmt: skip
    """Vertex of the parabola through the largest smoothed derivative and its neighbors.

    There is no uncertainty where noise leaves open which slope is the largest, or whether the
    derivative is bent at all around it; if no other energy is wanted, with `AT_BOUND_FLAG`.
    """
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
        start, spread, typical = derivative.rows[entry] - points // 2, 0.0 * shift, noise[p]
        unit = derivative.unit[entry]
        if has_std:
            typical = 0.0 * shift
            for j in range(points):
                weight = derivative.flat[entry, j] + shift * derivative.bend[entry, j]
                spread += weight * weight * variance[start + j, p]
                typical += variance[start + j, p] / points
        else:
            spread = noise[p] * (unit[0] + shift * (2.0 * unit[1] + shift * unit[2]))
        least = _BENT * math.sqrt(unit[2] * typical)
        bent = _bend_around(derivative, slopes, entry, p) <= -least
        if not (bent and _is_largest(derivative.norm, slopes, entry, typical, p)):
            spread = math.nan
        result[1, p] = spread
    nothing = index_of(index, math.nan)
    for p in range(n):
        inside = (index[p] > 0.0) & (index[p] < last) & (work[1, p] < 0.0)
        sure = inside & ((result[1, p] == result[1, p]) | (not alone))
        flags[p] |= np.uint8(0 if sure else AT_BOUND_FLAG)
        result[0, p] = work[2, p] + (result[0, p] if inside else nothing)
        result[1, p] = math.sqrt(result[1, p]) / -work[1, p]


@inner
def _bend_around(derivative, slopes, entry, p):
    """Second derivative of the slope over more rows than the vertex is found from.

    It is what the bend of the three rows is without their noise: a pixel must not be believed
    because noise has made its bend large.
    """
    first, weights, bend = derivative.around[entry], derivative.wide[entry], 0.0
    for j in range(weights.size):
        bend += weights[j] * slopes[first + j, p]
    return bend


@inner
def _is_largest(norm, slopes, entry, variance, p):
    """Whether a slope exceeds all but its neighbors' by more than noise can make.

    Windows that overlap make differences noisier than independent ones, by up to 1.2 times.
    """
    largest = slopes[entry, p]
    for other in range(norm.size):
        gap = largest - slopes[other, p]
        least = 1.4 * _LARGER**2 * variance * (norm[entry] + norm[other])
        if (gap * abs(gap) < least) and abs(other - entry) > 1:
            return False
    return True
