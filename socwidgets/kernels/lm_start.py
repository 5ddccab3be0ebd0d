"""Starting values of peaks, read off the data: baseline, highest point, width at half height."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_lanes import door, inner
from socwidgets.kernels.lm_math import exp

#: Pixels side by side; their spectra (100 energies) stay in the level-1 and level-2 caches.
_WIDTH = 64


def find_peaks(
    signal: np.ndarray,
    start: int,
    stop: int,
    axis: np.ndarray,
    windows: np.ndarray,
    *,
    step: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find one peak per window, the highest first, each on what the ones before it leave.

    Parameters
    ----------
    signal : ndarray
        ``(E, N)``, C-contiguous.
    start, stop : int
        Range of pixels.
    axis : ndarray
        ``(E,)``, strictly monotonic.
    windows : ndarray
        ``(K, 3)``: between which axis values to look for the center, and 1 for a peak or -1 for a
        dip.
    step : bool
        The ends of the spectrum are the levels of an edge, not of a sloping baseline; its center is
        where the spectrum first passes half of it.

    Returns
    -------
    peaks : ndarray
        ``(K, 3, n)``: height, center, full width at half maximum.
    ends : ndarray
        ``(2, n)``: level at the first and at the last point.
    edge : ndarray
        ``(n,)``, center of the step.

    Notes
    -----
    The levels are means over a twelfth of the points at either end. Centers are looked for on the
    three-point mean, which halves the chance that noise wins.
    """
    n = stop - start
    peaks, ends = np.empty((len(windows), 3, n)), np.empty((2, n))
    edge = np.empty(n)
    limits = np.ascontiguousarray(windows, dtype=np.float64)
    _find(signal, start, np.asarray(axis, np.float64), limits, step, peaks, ends, edge)
    return peaks, ends, edge


@door
def _find(signal, start, axis, windows, step, peaks, ends, edge):
    points, count = axis.size, peaks.shape[2]
    rest, smooth = np.empty((points, _WIDTH)), np.empty((points, _WIDTH))
    height, where = np.empty(_WIDTH), np.empty(_WIDTH, np.int64)
    for first in range(0, count, _WIDTH):
        n = min(_WIDTH, count - first)
        for e in range(points):
            for p in range(n):
                rest[e, p] = signal[e, start + first + p]
        _subtract_ends(rest, n, axis, step, first, ends, edge)
        for k in range(windows.shape[0]):
            _smooth(rest, n, windows[k, 2], smooth)
            _highest(smooth, n, axis, windows[k], height, where)
            for p in range(n):
                top = where[p]
                level = windows[k, 2] * rest[top, p]
                level = max(level, height[p])
                peaks[k, 0, first + p] = windows[k, 2] * level
                peaks[k, 1, first + p] = axis[top]
                peaks[k, 2, first + p] = _half_width(smooth, p, top, axis)
            if k + 1 < windows.shape[0]:
                _subtract_peak(rest, n, axis, first, peaks[k])


@inner
def _subtract_ends(rest, n, axis, step, first, ends, edge):
    """Take the line between the ends away, or the step."""
    points = axis.size
    few = max(points // 12, 1)
    for p in range(n):
        left, right = 0.0, 0.0
        for e in range(few):
            left += rest[e, p]
            right += rest[points - 1 - e, p]
        left, right = left / few, right / few
        ends[0, first + p], ends[1, first + p] = left, right
        crossing = points // 2
        if step:
            for e in range(points):
                if (rest[e, p] - left) * (right - left) > 0.5 * (right - left) ** 2:
                    crossing = e
                    break
        edge[first + p] = axis[crossing]
        span = axis[points - 1] - axis[0]
        for e in range(points):
            part = (1.0 if e >= crossing else 0.0) if step else (axis[e] - axis[0]) / span
            rest[e, p] -= left + (right - left) * part


@inner
def _smooth(rest, n, sign, smooth):
    points = rest.shape[0]
    for e in range(points):
        before, after = max(e - 1, 0), min(e + 1, points - 1)
        for p in range(n):
            smooth[e, p] = sign * (rest[before, p] + rest[e, p] + rest[after, p]) / 3.0


@inner
def _highest(smooth, n, axis, window, height, where):
    """Largest value inside the window; the middle sample if the window has none."""
    for p in range(n):
        height[p] = -np.inf
        where[p] = axis.size // 2
    for e in range(axis.size):
        if axis[e] >= window[0] and axis[e] <= window[1]:
            for p in range(n):
                better = smooth[e, p] > height[p]
                where[p] = e if better else where[p]
                height[p] = smooth[e, p] if better else height[p]


@inner
def _half_width(smooth, p, top, axis):
    """Distance between the points where the smoothed peak falls below half its height."""
    half, last = 0.5 * smooth[top, p], axis.size - 1
    low, high = top, top
    while low > 0 and smooth[low, p] > half:
        low -= 1
    while high < last and smooth[high, p] > half:
        high += 1
    # One side may run into another peak or the end: the shorter one counts twice.
    left, right = abs(axis[top] - axis[low]), abs(axis[high] - axis[top])
    shorter = min(left, right) if low < top and high > top else max(left, right)
    step = abs(axis[last] - axis[0]) / last
    return max(min(left + right, 4.0 * shorter), step)


@inner
def _subtract_peak(rest, n, axis, first, peak):
    for e in range(axis.size):
        for p in range(n):
            t = 1.6651 * (axis[e] - peak[1, first + p]) / peak[2, first + p]
            rest[e, p] -= peak[0, first + p] * exp(-t * t)
