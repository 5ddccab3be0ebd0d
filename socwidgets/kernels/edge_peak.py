"""White line of a run of pixels: local polynomial, its maximum, the uncertainty of both."""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.edge_energies import AT_BOUND_FLAG, spread_of_base
from socwidgets.kernels.edge_scan import index_of
from socwidgets.kernels.rows import inner, project, residual_squares

#: Points where a polynomial of degree 3 or 4 is looked at before Newton's steps refine the best.
_COARSE = 17
#: Bend in units of its own noise below which a position has no uncertainty: it follows the noise
#: linearly only where the bend is known.
_BENT = 2.0


@inner
def local_fits(stage, variance, has_std, n, line, peak, covariance, place, total, add_residuals):
    """Fit all pixels in the one window there is; add the squared residuals to `total` if wanted.

    ``covariance`` is that of the coefficients, for a unit variance where none is known.
    """
    count, degree = line.samples[0], line.weights.shape[1] - 1
    rows = np.arange(count) + line.first[0]
    project(stage, 0, n, rows, line.weights[0], peak)
    if has_std:
        project(variance, 0, n, rows, line.products, covariance)
    else:
        for k in range(line.pairs.shape[0]):
            covariance[k, :n] = line.products[k].sum()
    place[0, :n] = line.center[0]
    place[1, :n] = line.half[0]
    if add_residuals and not has_std and count > degree + 1:
        basis = line.basis[:, :count].copy()
        residual_squares(stage, 0, n, rows, basis, peak, total)


@inner
def fixed_maxima(n, base, peak, covariance, pairs, place, result):
    """Position, its uncertainty and height of the maximum in the one window there is.

    Parameters
    ----------
    base : ndarray
        ``(6, n)``, covariance of the baseline.
    peak, covariance : ndarray
        Coefficients of the local polynomial and their covariance, by `pairs`.
    place : ndarray
        ``(4, n)``, from `local_fits`; its third and fourth row get the position and the variance of
        the height.
    result : ndarray
        ``(4, n)``; its first three rows are written.
    """
    if peak.shape[0] == 3:
        _vertices(n, peak, covariance, base, place, result)
    else:
        _maxima(n, peak, covariance, base, pairs, place, result)


@inner
def white_lines(n, jump, base, place, half_level, result, flags):
    """From the maximum of the samples to the energy and height of the white line.

    Parameters
    ----------
    jump : ndarray
        ``(n,)``; heights are divided by it.
    base : ndarray
        ``(6, n)``, covariance of the baseline.
    place : ndarray
        ``(4, n)``, position and variance of the height in its third and fourth row.
    half_level : ndarray
        ``(n,)``; gets half the height above the baseline.
    result : ndarray
        ``(4, n)``: position, its uncertainty, height, its uncertainty.
    """
    one, share = index_of(jump, 1.0), index_of(jump, 0.5)
    for p in range(n):
        height, position = result[2, p], place[2, p]
        relative = height / jump[p]
        spread = place[3, p] + spread_of_base(base, p, one, position, relative)
        half_level[p] = share * height
        result[0, p] = position
        result[2, p] = relative
        result[3, p] = math.sqrt(spread) / abs(jump[p])
    for p in range(n):
        # Neither a position without a value nor one without an uncertainty is a finite product.
        if not abs(result[0, p] * result[1, p]) < math.inf:
            flags[p] |= AT_BOUND_FLAG


@inner
def _vertices(n, peak, covariance, base, place, result):
    """Vertex of each parabola; NaN where it opens upwards or lies outside the window."""
    # In the data's own precision: float64 constants would halve the speed.
    half, one = index_of(peak, 0.5), index_of(peak, 1.0)
    nothing, least = index_of(peak, math.nan), index_of(peak, _BENT**2)
    for p in range(n):
        bend, slope, width = peak[2, p], peak[1, p], place[1, p]
        v = -half * slope / bend
        v = v if (bend < 0.0) & (abs(v) <= one) else nothing
        c00, c01, c02 = covariance[0, p], covariance[1, p], covariance[2, p]
        c11, c12, c22 = covariance[3, p], covariance[4, p], covariance[5, p]
        # The maximum moves by (error of the slope at the maximum) / (minus the curvature).
        twice = c12 + v * c22
        twice = v * (twice + twice)
        steepness = c11 + (twice + twice) + width * width * base[2, p]
        known = bend * bend >= least * c22
        result[1, p] = (width if known else nothing) * math.sqrt(steepness) / (-bend - bend)
        result[2, p] = peak[0, p] + v * (slope + v * bend)
        place[2, p] = place[0, p] + width * v
        cubic = v * (c12 + c12 + v * c22)
        place[3, p] = c00 + v * (c01 + c01 + v * (c11 + c02 + c02 + cubic))


@inner
def _maxima(n, peak, covariance, base, pairs, place, result):
    """The same for degrees 3 and 4: the largest of some points, refined by Newton's steps."""
    for p in range(n):
        coefficients = peak[:, p]
        v, best = 0.0, -math.inf
        for i in range(_COARSE):
            trial = -1.0 + 2.0 * i / (_COARSE - 1)
            here = _derivative_of(coefficients, trial, 0)
            if here > best:
                v, best = trial, here
        for _ in range(6):
            bend = _derivative_of(coefficients, v, 2)
            step = _derivative_of(coefficients, v, 1) / bend if bend < 0.0 else 0.0
            v -= min(max(step, -0.125), 0.125)
        bend = _derivative_of(coefficients, v, 2)
        inside = bend < 0.0 and abs(v) <= 1.0
        if not inside or abs(_derivative_of(coefficients, v, 1)) > -1e-3 * bend:
            v = math.nan
        steepness, height_spread = place[1, p] ** 2 * base[2, p], 0.0 * v
        bend_spread = 0.0 * v
        for k in range(pairs.shape[0]):
            a, b = pairs[k, 0], pairs[k, 1]
            twice = covariance[k, p] * (1.0 if a == b else 2.0)
            height_spread += twice * v ** (a + b)
            if a > 0:
                steepness += twice * a * b * v ** (a + b - 2)
            if a > 1:
                bend_spread += twice * a * (a - 1) * b * (b - 1) * v ** (a + b - 4)
        if not bend * bend >= _BENT**2 * bend_spread:
            steepness = math.nan
        result[1, p] = place[1, p] * math.sqrt(steepness + 0.0 * v) / -bend
        result[2, p] = _derivative_of(coefficients, v, 0)
        place[2, p] = place[0, p] + place[1, p] * v
        place[3, p] = height_spread


@inner
def _derivative_of(coefficients, v, order):
    """Value of a derivative of a polynomial."""
    total = 0.0
    for k in range(coefficients.size - 1, order - 1, -1):
        factor = 1.0
        for i in range(order):
            factor *= k - i
        total = total * v + factor * coefficients[k]
    return total
