"""The dip of a sorted sample: its distance from the nearest distribution with one peak, compiled.

Twin: `socwidgets.kernels.dip_reference`.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.doors import doors

door, inner = doors()


@inner
def _hull(x, low, high, sign, touch):
    """Indices where the greatest convex minorant (sign 1) or least concave majorant (-1) touches.

    The points are ``(x[i], i)``: heights by rank; the half step of the distribution is added by
    the caller. Returns their number.
    """
    count = 0
    for i in range(low, high + 1):
        while count >= 2:
            a, b = touch[count - 2], touch[count - 1]
            # Cross product: does b lie on the wrong side of the chord from a to i?
            turn = (x[b] - x[a]) * (i - a) - (x[i] - x[a]) * (b - a)
            if sign * turn > 0.0:
                break
            count -= 1
        touch[count] = i
        count += 1
    return count


@inner
def _height(x, touch, k, at):
    """Height at ``x[at]`` of the hull's chord between touching points ``k`` and ``k + 1``."""
    a, b = touch[k], touch[k + 1]
    run = x[b] - x[a]
    return float(a) if run <= 0.0 else a + (b - a) * (x[at] - x[a]) / run


@inner
def _deviation(x, touch, count, sign, first, last):
    """Largest distance of the ranks from the hull, between the touching points of some chords."""
    largest = 0.0
    for k in range(first, last):
        a, b = touch[k], touch[k + 1]
        for i in range(a, b + 1):
            # The step function: its corner on the far side of the hull is one rank away.
            distance = sign * (i - _height(x, touch, k, i)) + 1.0
            largest = max(largest, distance)
    return largest


@door
def dip_sorted(x):
    """Dip of a sorted sample (Hartigan and Hartigan 1985).

    Parameters
    ----------
    x : ndarray
        ``(n,)`` float64, ascending, finite.

    Returns
    -------
    float
        Between ``1/(2n)`` and 1/4.
    """
    n = x.size
    if n < 2 or x[0] == x[n - 1]:
        return 0.5 / n if n else 0.0
    low, high, dip = 0, n - 1, 1.0
    minor, major = np.empty(n, np.int64), np.empty(n, np.int64)
    while True:
        g = _hull(x, low, high, 1.0, minor)
        m = _hull(x, low, high, -1.0, major)
        gap, new_low, new_high = _widest_gap(x, minor, g, major, m)
        if gap <= dip:
            break
        left = right = 0
        while minor[left] < new_low:
            left += 1
        while major[right] < new_high:
            right += 1
        dip = max(dip, _deviation(x, minor, g, 1.0, 0, left))
        dip = max(dip, _deviation(x, major, m, -1.0, right, m - 1))
        if new_low == low and new_high == high:
            break
        low, high = new_low, new_high
    return dip / (2.0 * n)


@inner
def _widest_gap(x, minor, g, major, m):
    """Widest distance between the two hulls, and the modal interval that it leaves.

    Either hull is a straight chord between its touching points, so the widest distance lies at a
    touching point of one of them.
    """
    gap, new_low, new_high = 0.0, minor[0], minor[g - 1]
    k = 0
    for i in range(g):
        at = minor[i]
        while k < m - 2 and x[major[k + 1]] < x[at]:
            k += 1
        distance = _height(x, major, k, at) - at + 1.0
        if distance > gap:
            gap, new_low, new_high = distance, at, major[k + 1]
    k = 0
    for j in range(m):
        at = major[j]
        while k < g - 2 and x[minor[k + 1]] <= x[at]:
            k += 1
        distance = at - _height(x, minor, k, at) + 1.0
        if distance > gap:
            gap, new_low, new_high = distance, minor[k], at
    return gap, new_low, new_high
