"""Edge energies and white line of one spectrum in plain numpy: slow, obvious, for tests.

Uncertainties come from moving one sample after the other, not from formulas.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from socwidgets.kernels.edge_tables import INTEGRAL_LEVELS


def crossing(x: np.ndarray, z: np.ndarray, level: float) -> tuple[float, int]:
    """First upward crossing and the index of the sample behind it; NaN and -1 if there is none."""
    for i in range(1, z.size):
        if z[i - 1] < level <= z[i]:
            return float(x[i - 1] + (level - z[i - 1]) / (z[i] - z[i - 1]) * (x[i] - x[i - 1])), i
    return np.nan, -1


def noisy_crossing(x: np.ndarray, z: np.ndarray, level: float, noise: float) -> tuple[float, float]:
    """Crossing and its uncertainty (of the crossing alone) as the kernel finds them under noise.

    Written for samples well inside `x`: where the kernel shifts a window inwards, this fails.
    """
    start, behind = crossing(x, z, level)
    rise = z[behind] - z[behind - 1]
    part = (level - z[behind - 1]) / rise
    width = x[behind] - x[behind - 1]
    typical = (z[behind + 1] - z[behind - 2]) * width / (x[behind + 1] - x[behind - 2])
    if rise >= 4.0 * noise and typical >= 7.0 * noise:
        return start, noise * float(np.hypot(1 - part, part)) * width / rise
    center = behind if part > 0.5 else behind - 1
    for points, least in ((5, 8.0), (7, 5.5)):
        window = slice(center - points // 2, center + points // 2 + 1)
        offset = x[window] - x[center]
        bend, steep, value = np.polyfit(offset, z[window], 2)
        u, slope = 0.0, steep
        for _ in range(2):
            u -= (value - level + u * (steep + u * bend)) / slope
            u = np.clip(u, *(1.5 * (x[behind] - x[behind - 1]) * np.array([-1, 1])))
            slope = steep + 2 * u * bend
        table = np.linalg.pinv(offset[:, None] ** np.arange(3))
        of_slope = noise * float(np.linalg.norm(table[1] + 2 * u * table[2]))
        if slope > least * of_slope:
            break
    else:
        return start, np.nan
    place = x[center] + u
    row = int(np.searchsorted(x, place))
    step, rise = x[row] - x[row - 1], z[row] - z[row - 1]
    part = (place - x[row - 1]) / step
    off = (0.2 * slope) ** 2
    slope += (rise / step - slope) * off / (off + 2 * noise**2 / step**2)
    found = place + (level - z[row - 1] - part * rise) / slope
    return found, noise * float(np.hypot(1 - part, part)) / slope


def peak(
    x: np.ndarray, z: np.ndarray, degree: int, center: float, half: float
) -> tuple[float, float]:
    """Position and height of the maximum of a polynomial inside its window; NaN if outside."""
    coefficients = np.polyfit(x - center, z, degree)
    roots = np.roots(np.polyder(coefficients))
    real = np.real(roots[np.abs(np.imag(roots)) < 1e-9])
    bend = np.polyval(np.polyder(coefficients, 2), real)
    maxima = real[(bend < 0) & (np.abs(real) <= half * (1 + 1e-9))]
    if not maxima.size:
        return np.nan, np.nan
    heights = np.polyval(coefficients, maxima)
    best = int(np.argmax(heights))
    return center + float(maxima[best]), float(heights[best])


def sliding_peak(
    x: np.ndarray, z: np.ndarray, degree: int, centers: np.ndarray, half: float
) -> tuple[float, float]:
    """Position and height of the maximum in windows that follow it; NaN if there is none.

    The slopes at the centers are joined by cubics; the height is that of the polynomials around
    the centers before and behind the maximum, in proportion to their distance.
    """
    windows = [np.abs(x - x[c]) <= half + 1e-6 for c in centers]
    fits = [np.polyfit(x[w] - x[c], z[w], degree) for w, c in zip(windows, centers, strict=True)]
    at, slopes = x[centers], np.array([fit[-2] for fit in fits])
    top = int(np.argmax(z[centers]))
    falls = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    falls = falls[falls >= top] if slopes[top] > 0 else falls[falls < top][::-1]
    if not falls.size:
        return np.nan, np.nan
    k = int(falls[0])
    start = int(np.clip(k - 1, 0, max(at.size - 4, 0)))
    near = slice(start, start + 4)
    cubic = np.polyfit(at[near] - at[k], slopes[near], min(4, at.size) - 1)
    place = at[k] + brentq(lambda u: np.polyval(cubic, u), 0.0, at[k + 1] - at[k], xtol=1e-13)
    t = (place - at[k]) / (at[k + 1] - at[k])
    before, behind = (np.polyval(fits[i], place - at[i]) for i in (k, k + 1))
    return float(place), float((1 - t) * before + t * behind)


def integral(x: np.ndarray, z: np.ndarray, jump: float) -> float:
    """Mean energy over the levels, by a fine quadrature of the inverse of the spectrum."""
    low, high = INTEGRAL_LEVELS
    stop, behind = crossing(x, z, high * jump)
    if behind < 0:
        return np.nan
    starts = [i for i in range(1, behind + 1) if z[i - 1] < low * jump <= z[i]]
    if not starts:
        return np.nan
    start, _ = crossing(x[starts[-1] - 1 :], z[starts[-1] - 1 :], low * jump)
    inside = (x > start) & (x < stop)
    ends = np.concatenate([[start], x[inside], [stop]])
    values = np.concatenate([[low * jump], z[inside], [high * jump]]) / jump
    return (high * stop - low * start - float(np.trapezoid(values, ends))) / (high - low)


def derivative_maximum(x: np.ndarray, z: np.ndarray, points: int) -> float:
    """Maximum of the slope of local parabolas, refined by a parabola through three slopes."""
    half = points // 2
    at = np.arange(half, x.size - half)
    slopes = np.array(
        [
            np.polyfit(x[i - half : i + half + 1] - x[i], z[i - half : i + half + 1], 2)[1]
            for i in at
        ]
    )
    top = int(np.argmax(slopes))
    if top in (0, at.size - 1):
        return np.nan
    around = x[at[top - 1 : top + 2]] - x[at[top]]
    a, b, _ = np.polyfit(around, slopes[top - 1 : top + 2], 2)
    return float(x[at[top]] - 0.5 * b / a)


def edge_one(
    energies: np.ndarray,
    mu: np.ndarray,
    e0: float,
    pre: np.ndarray,
    post: np.ndarray,
    *,
    search: np.ndarray,
    white_line: np.ndarray,
    half_width: float,
    degree: int = 2,
    post_degree: int = 1,
    centroid: np.ndarray,
    derivative_points: int = 5,
) -> dict[str, float]:
    """All quantities of one spectrum; arguments as for `socwidgets.kernels.edge_plan.make_plan`.

    Returns
    -------
    dict
        Value by name of `socwidgets.kernels.edge_tables.QUANTITIES`; NaN where there is none.
    """
    edge = int(np.argmin(np.abs(energies - e0)))
    offset = energies - energies[edge]
    above = mu - np.polyval(np.polyfit(offset[pre], mu[pre], 1), offset)
    jump = float(np.polyfit(offset[post], above[post], post_degree)[-1])
    if white_line.size > 1:
        position, height = sliding_peak(offset, above, degree, white_line, half_width)
    else:
        center = offset[white_line[0]]
        window = np.abs(offset - center) <= half_width + 1e-6
        position, height = peak(offset[window], above[window], degree, center, half_width)
    x, z = offset[search], above[search]
    weights = _trapezoids(offset[centroid])
    body = weights * above[centroid]
    found = {
        "white_line_energy": position,
        "half_energy": crossing(x, z, 0.5 * jump)[0],
        "half_wl_energy": crossing(x, z, 0.5 * height)[0] if np.isfinite(height) else np.nan,
        "integral_energy": integral(x, z, jump),
        "centroid_energy": float(np.sum(body * offset[centroid]) / np.sum(body)),
        "derivative_energy": derivative_maximum(x, z, derivative_points),
    }
    found = {name: float(energies[edge] + value) for name, value in found.items()}
    return {"edge_jump": jump, "white_line_height": height / jump, **found}


def _trapezoids(x: np.ndarray) -> np.ndarray:
    steps = np.diff(x)
    return 0.5 * (np.append(steps, 0.0) + np.append(0.0, steps))


def uncertainties(
    function: Callable[[np.ndarray], dict[str, float]], mu: np.ndarray, std: np.ndarray
) -> dict[str, float]:
    """Uncertainty of each result of `function`, by moving each sample a little up and down.

    Parameters
    ----------
    function : callable
        ``(E,) -> {name: value}``.
    mu, std : ndarray
        ``(E,)``.
    """
    step = 1e-6
    total: dict[str, float] = {}
    for i in range(mu.size):
        up, down = mu.copy(), mu.copy()
        up[i] += step
        down[i] -= step
        above, below = function(up), function(down)
        for name, value in above.items():
            slope = (value - below[name]) / (2 * step)
            total[name] = total.get(name, 0.0) + (slope * std[i]) ** 2
    return {name: float(np.sqrt(value)) for name, value in total.items()}
