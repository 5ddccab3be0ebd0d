"""White line of pixels in windows that follow each pixel's own peak, without steps.

A window that sits on a pixel's largest sample jumps by a whole sample where another sample becomes
the largest, and the peak of an asymmetric line jumps with it: the histogram of an even distribution
gets spikes and holes. Here the slopes of the local polynomials at the neighboring window centers
are joined by a cubic, and the peak is where that falls through zero: as the peak passes a sample,
the two cubics that meet there agree.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.rows import inner

#: Newton's steps, which fall back to halving their bracket; four or five are enough as a rule.
_STEPS = 20
#: Bend in units of its own noise below which a position has no uncertainty, as for a fixed window.
_BENT = 2.0


@inner
def sliding_maxima(
    stage, variance, has_std, noise, n, line, slide, index, base, peak, covariance, place, result
):  # fmt: skip
    """Position, height and their spread from the windows around each pixel's own peak.

    Parameters
    ----------
    index : ndarray
        ``(n,)``, table entry of the largest sample, where the search begins.
    base : ndarray
        ``(6, n)``, covariance of the baseline.
    peak, covariance : ndarray
        Get value and square coefficient of the curve at the peak, and their variances, at the
        places that coefficients and pairs of them have.
    place : ndarray
        ``(4, n)``; its third and fourth row get the position and the variance of the height.
    result : ndarray
        ``(4, n)``; gets position, its uncertainty, and height.
    """
    samples = np.empty(slide.slope.shape[2])
    slopes, heights = np.empty(slide.slope.shape[1]), np.empty(slide.height.shape[1])
    curved = 2 * peak.shape[0] - 1
    for p in range(n):
        entry, found = _top(stage, line, int(index[p]), p)
        start, count = slide.first[entry], slide.samples[entry]
        for i in range(count):
            samples[i] = stage[start + i, p]
        u, bend = 0.0, math.nan
        if found:
            _coefficients(slide.slope[entry], samples, count, slopes)
            u, bend = _root(slopes, slide.width[entry])
        _coefficients(slide.height[entry], samples, count, heights)
        height, rise = _polynomial(heights, u)
        gain = rise / bend if found else 0.0
        of_slope, of_bend, of_height = 0.0, 0.0, 0.0
        for i in range(count):
            spread = variance[start + i, p] if has_std else noise[p]
            weight, change = _weight(slide.slope[entry], i, u)
            lift = _weight(slide.height[entry], i, u)[0] - gain * weight
            of_slope += weight * weight * spread
            of_bend += change * change * spread
            of_height += lift * lift * spread
        known = found and bend < 0.0 and bend * bend >= _BENT**2 * of_bend
        square = 0.5 * line.half[entry] ** 2
        position = line.center[entry] + u if found else math.nan
        place[2, p] = position
        place[3, p] = of_height
        result[0, p] = position
        result[1, p] = math.sqrt(of_slope + base[2, p]) / -bend if known else math.nan
        result[2, p] = height if found else math.nan
        peak[0, p] = height
        peak[2, p] = square * bend
        covariance[0, p] = of_height
        covariance[curved, p] = square * square * of_bend


@inner
def _top(stage, line, entry, p):
    """Last entry before the slope falls through zero, uphill from one, and whether it does."""
    last = line.candidates.size - 1
    here = _slope(stage, line, entry, p)
    while here > 0.0 and entry < last:
        here = _slope(stage, line, entry + 1, p)
        if not here > 0.0:
            return entry, here <= 0.0
        entry += 1
    if here > 0.0:
        return entry, False
    while entry > 0:
        entry -= 1
        if _slope(stage, line, entry, p) > 0.0:
            return entry, True
    return entry, False


@inner
def _slope(stage, line, entry, p):
    """Slope of the local polynomial at the center of its window, per half width."""
    start, total = line.first[entry], 0.0
    for i in range(line.samples[entry]):
        total += line.weights[entry, 1, i] * stage[start + i, p]
    return total


@inner
def _coefficients(weights, samples, count, target):
    for k in range(target.size):
        total = 0.0
        for i in range(count):
            total += weights[k, i] * samples[i]
        target[k] = total


@inner
def _root(slopes, width):
    """Where the polynomial of the slopes falls through zero, and how steeply."""
    low, high, u = 0.0, width, 0.5 * width
    for _ in range(_STEPS):
        value, bend = _polynomial(slopes, u)
        if value > 0.0:
            low = u
        else:
            high = u
        trial = u - value / bend if bend < 0.0 else -1.0
        step = (trial if low <= trial <= high else 0.5 * (low + high)) - u
        u += step
        if abs(step) < 1e-7 * width:
            break
    return u, _polynomial(slopes, u)[1]


@inner
def _polynomial(coefficients, u):
    """Value and slope."""
    value, slope = 0.0, 0.0
    for k in range(coefficients.size - 1, -1, -1):
        slope = slope * u + value
        value = value * u + coefficients[k]
    return value, slope


@inner
def _weight(weights, i, u):
    """Weight of a sample in a polynomial's value at `u`, and in its slope."""
    value, slope = 0.0, 0.0
    for k in range(weights.shape[0] - 1, -1, -1):
        slope = slope * u + value
        value = value * u + weights[k, i]
    return value, slope
