"""Every one-number measure of spread, of many resamples at once."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

#: Classes of equal count that stand for the values in quantiles, mode, Gini and entropy.
CLASSES = 1024
#: Points of the grid on which the mode is sought.
MODE_POINTS = 512
#: Normal consistency of the median absolute deviation.
MAD_TO_SD = 1.4826

#: Key, words, whether it is a positive scale, whether it has the unit of the values.
MEASURES = {
    "mean": ("Mean", False, True),
    "median": ("Median", False, True),
    "mode": ("Mode (peak of the kernel density)", False, True),
    "std": ("Standard deviation (population)", True, True),
    "cv": ("Coefficient of variation", True, False),
    "iqr": ("Interquartile range", True, True),
    "mad_sd": ("Median absolute deviation x 1.4826", True, True),
    "range_90": ("5 to 95 % range", True, True),
    "skewness": ("Skewness", False, False),
    "excess_kurtosis": ("Excess kurtosis", False, False),
    "gini": ("Gini coefficient", True, False),
    "entropy": ("Entropy (nats)", False, False),
    "entropy_normalized": ("Entropy over its maximum", False, False),
}


@dataclass(frozen=True, slots=True)
class Classes:
    """Values sorted into classes of equal count.

    Attributes
    ----------
    index : ndarray
        ``(n,)`` class of each value.
    center : ndarray
        ``(classes,)`` ascending, mean value of the class.
    bandwidth : float
        Of the kernel density (Silverman 1986, eq. 3.31, with the number of independent values).
    entropy_bin : ndarray
        ``(classes,)`` bin of the entropy, -1 outside its range.
    bins : int
        Number of bins of the entropy.
    """

    index: np.ndarray
    center: np.ndarray
    bandwidth: float
    entropy_bin: np.ndarray
    bins: int


def classify(
    values: np.ndarray, n_eff: float, *, bins: int, limits: tuple[float, float]
) -> Classes:
    """Sort values into classes.

    Parameters
    ----------
    values : ndarray
        ``(n,)``, finite.
    n_eff : float
        Number of independent values, for the bandwidth of the mode.
    bins, limits
        Bins of the entropy and the range they cover.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, CLASSES + 1)[1:-1]))
    index = np.searchsorted(edges, values, side="right")
    count = np.bincount(index, minlength=edges.size + 1)
    total = np.bincount(index, values, minlength=edges.size + 1)
    used = count > 0
    renumber = np.cumsum(used) - 1
    center = total[used] / count[used]
    q1, q3 = np.quantile(values, [0.25, 0.75])
    sd = values.std()
    scale = min(sd, (q3 - q1) / 1.34) if q3 > q1 else sd
    place = np.floor((center - limits[0]) / (limits[1] - limits[0]) * bins + 1e-12 * bins)
    place = np.where(center == limits[1], bins - 1, place)
    inside = (place >= 0) & (place < bins)
    return Classes(
        renumber[index],
        center,
        0.9 * float(scale) * max(n_eff, 1.0) ** -0.2,
        np.where(inside, place, -1).astype(int),
        bins,
    )


def class_measures(
    shares: np.ndarray, classes: Classes, names: Container[str] = MEASURES
) -> dict[str, np.ndarray]:
    """Measures that follow from the share of each class.

    Parameters
    ----------
    shares : ndarray
        ``(draws, classes)`` sums of weights.
    classes : Classes
        The classes.
    names : container of str
        Keys of `MEASURES`: only what is asked for is computed.

    Returns
    -------
    dict
        ``(draws,)`` each: median, mode, iqr, mad_sd, range_90, gini, entropy, entropy_normalized.
        Gini is NaN where a value is negative; entropies count what lies inside their range.
    """
    p = shares / shares.sum(axis=1, keepdims=True)
    below = np.cumsum(p, axis=1)
    p05, q1, median, q3, p95 = _quantiles(below, p, classes.center, (0.05, 0.25, 0.5, 0.75, 0.95))
    found = {"median": median, "iqr": q3 - q1, "range_90": p95 - p05}
    if "mode" in names:
        found["mode"] = _mode(p, classes)
    if "mad_sd" in names:
        found["mad_sd"] = MAD_TO_SD * _mad(p, classes.center, median)
    if "gini" in names:
        found["gini"] = _gini(p, below, classes.center)
    if "entropy" in names or "entropy_normalized" in names:
        found["entropy"] = _entropy(p, classes)
        found["entropy_normalized"] = found["entropy"] / np.log(classes.bins)
    return {name: values for name, values in found.items() if name in names}


def _quantiles(
    below: np.ndarray, p: np.ndarray, center: np.ndarray, levels: tuple[float, ...]
) -> list[np.ndarray]:
    """Linear between the middles of the classes, row by row."""
    middle = below - p / 2
    return [
        np.array([np.interp(level, row, center) for row in middle]) for level in levels
    ]  # fmt: skip


def _mad(p: np.ndarray, center: np.ndarray, median: np.ndarray) -> np.ndarray:
    found = np.empty(median.size)
    for i, (row, middle) in enumerate(zip(p, median, strict=True)):
        away = np.abs(center - middle)
        order = np.argsort(away)
        share = row[order]
        found[i] = np.interp(0.5, np.cumsum(share) - share / 2, away[order])
    return found


def _gini(p: np.ndarray, below: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Mean absolute difference over twice the mean, from the Lorenz curve."""
    if center[0] < 0:
        return np.full(p.shape[0], np.nan)
    mean = p @ center
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (p * (2 * below - p - 1.0)) @ center / mean
    return np.where(mean > 0, found, np.nan)


def _entropy(p: np.ndarray, classes: Classes) -> np.ndarray:
    seen = classes.entropy_bin >= 0
    if not seen.any():
        return np.full(p.shape[0], np.nan)
    into = np.zeros((int(seen.sum()), classes.bins))
    into[np.arange(into.shape[0]), classes.entropy_bin[seen]] = 1.0
    q = p[:, seen] @ into
    total = q.sum(axis=1, keepdims=True)
    q = q / np.where(total > 0, total, np.nan)
    return -np.sum(np.where(q > 0, q * np.log(np.where(q > 0, q, 1.0)), 0.0), axis=1)


def _mode(p: np.ndarray, classes: Classes) -> np.ndarray:
    """Highest point of a Gaussian kernel density, between grid points by a parabola."""
    if not classes.bandwidth > 0:
        # Constant values, or so many equal ones that they are the mode by themselves.
        return classes.center[np.argmax(p, axis=1)]
    low, high = classes.center[0], classes.center[-1]
    step = max((high - low) / (MODE_POINTS - 1), classes.bandwidth / 20)
    points = int((high - low) / step) + 2
    place = (classes.center - low) / step
    left = np.floor(place).astype(int)
    spread = np.zeros((classes.center.size, points))
    rows = np.arange(classes.center.size)
    spread[rows, left] = 1.0 - (place - left)
    spread[rows, left + 1] += place - left
    pad = int(np.ceil(4 * classes.bandwidth / step))
    density = np.pad(p @ spread, ((0, 0), (pad, pad)))
    density = gaussian_filter1d(density, classes.bandwidth / step, axis=1, mode="constant")
    top = np.clip(np.argmax(density, axis=1), 1, density.shape[1] - 2)
    draws = np.arange(top.size)
    a, b, c = density[draws, top - 1], density[draws, top], density[draws, top + 1]
    bend = a - 2 * b + c
    shift = np.where(bend < 0, 0.5 * (a - c) / np.where(bend < 0, bend, 1.0), 0.0)
    return low + (top - pad + shift) * step


def moment_measures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, std, skewness and excess kurtosis from sums of weights and of powers one to four.

    Parameters
    ----------
    sums : ndarray
        ``(5, draws)``; values best taken relative to their mean.
    """
    m1, m2, m3, m4 = sums[1:] / sums[0]
    variance = np.maximum(m2 - m1**2, 0.0)
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    safe = np.where(variance > 0, variance, np.nan)
    return {
        "mean": m1,
        "std": np.sqrt(variance),
        "skewness": third / safe**1.5,
        "excess_kurtosis": fourth / safe**2 - 3.0,
    }
