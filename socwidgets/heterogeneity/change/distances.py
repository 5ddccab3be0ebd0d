"""Distances between two distributions of values (golden G-61)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.heterogeneity.inputs import checked
from socwidgets.model.errors import DataError, ParameterError


@dataclass(frozen=True, slots=True)
class Wasserstein:
    """Wasserstein-1 distance and its two parts.

    Attributes
    ----------
    total : float
        Mean way, in the values' unit, that material has to go from one distribution to the other.
    shift : float
        Difference of the means, second minus first; its size is never above `total`.
    shape : float
        Distance of the two distributions after both were centered on their mean.
    """

    total: float
    shift: float
    shape: float


def wasserstein(
    first: Any, second: Any, first_weights: Any = None, second_weights: Any = None
) -> Wasserstein:
    """Wasserstein-1 distance of two weighted samples.

    Parameters
    ----------
    first, second : array_like
        Values of one unit, any number; NaN is left out.
    first_weights, second_weights : array_like, optional
        Equal if left out.

    Returns
    -------
    Wasserstein
        NaN where one sample is empty.

    Raises
    ------
    DataError
        For weights that do not fit or are all zero.
    """
    from scipy.stats import wasserstein_distance

    a, wa, b, wb = _two(first, second, first_weights, second_weights)
    if not a.size or not b.size:
        return Wasserstein(float("nan"), float("nan"), float("nan"))
    mean_a, mean_b = float(np.sum(wa * a)), float(np.sum(wb * b))
    total = float(wasserstein_distance(a, b, wa, wb))
    shape = float(wasserstein_distance(a - mean_a, b - mean_b, wa, wb))
    return Wasserstein(total, mean_b - mean_a, shape)


def kolmogorov_smirnov(
    first: Any, second: Any, first_weights: Any = None, second_weights: Any = None
) -> float:
    """Largest difference of the two cumulative distributions, 0 to 1.

    A p-value would need independent values, which pixels are not: see `compare_states`.

    Parameters
    ----------
    first, second, first_weights, second_weights : array_like
        As for `wasserstein`.

    Returns
    -------
    float
        Dimensionless; NaN where one side has no value.
    """
    a, wa, b, wb = _two(first, second, first_weights, second_weights)
    if not a.size or not b.size:
        return float("nan")
    grid = np.unique(np.concatenate([a, b]))
    return float(np.max(np.abs(_cumulative(a, wa, grid) - _cumulative(b, wb, grid))))


def _cumulative(values: np.ndarray, weights: np.ndarray, grid: np.ndarray) -> np.ndarray:
    order = np.argsort(values)
    mass = np.concatenate([[0.0], np.cumsum(weights[order])])
    return mass[np.searchsorted(values[order], grid, side="right")]


def histograms(
    first: Any,
    second: Any,
    first_weights: Any = None,
    second_weights: Any = None,
    *,
    bins: int = 20,
    limits: tuple[float, float] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both samples counted into the same bins.

    Parameters
    ----------
    first, second, first_weights, second_weights
        As for `wasserstein`.
    bins : int
        Number of bins.
    limits : (float, float), optional
        Range; that of both samples if left out. What lies outside counts to the outermost bins, so
        that nothing is lost.

    Returns
    -------
    p, q : ndarray
        ``(bins,)``, shares.
    edges : ndarray
        ``(bins + 1,)``.

    Raises
    ------
    DataError
        If a state holds no finite value.
    ParameterError
        If there is no bin, or the limits do not rise.
    """
    if bins < 1:
        raise ParameterError("a histogram needs a bin", found=str(bins))
    a, wa, b, wb = _two(first, second, first_weights, second_weights)
    if not a.size or not b.size:
        raise DataError("a state holds no value", expected="two samples with finite values")
    if limits is not None and not limits[0] < limits[1]:
        raise ParameterError("the limits do not rise", found=f"{limits[0]:g} and {limits[1]:g}")
    low, high = limits or (min(a.min(), b.min()), max(a.max(), b.max()))
    if not high > low:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, bins + 1)

    def count(v: np.ndarray, w: np.ndarray) -> np.ndarray:
        index = np.clip(np.searchsorted(edges, v, side="right") - 1, 0, bins - 1)
        return np.bincount(index, w, minlength=bins)

    return count(a, wa), count(b, wb), edges


def jensen_shannon(p: Any, q: Any) -> float:
    """Jensen-Shannon divergence in nats of two histograms, 0 to ln 2.

    Parameters
    ----------
    p, q : array_like
        ``(bins,)``, counts or shares of zero or more.

    Raises
    ------
    DataError
        If the numbers of bins differ.

    Notes
    -----
    Lin (1991), IEEE Trans. Inf. Theory 37, 145.
    """
    a, b = _same_bins(p, q)
    middle = 0.5 * (a + b)
    return 0.5 * (_relative(a, middle) + _relative(b, middle))


def kullback_leibler(p: Any, q: Any, *, epsilon: float = 0.0) -> float:
    """Kullback-Leibler divergence ``sum p ln(p/q)`` in nats; not symmetric.

    Parameters
    ----------
    p, q : array_like
        ``(bins,)``, counts or shares.
    epsilon : float
        Added to every share of both before normalizing; without it the result is infinite where
        `q` has an empty bin that `p` has not.

    Raises
    ------
    DataError
        If the numbers of bins differ.

    Notes
    -----
    Kullback and Leibler (1951), Ann. Math. Statist. 22, 79.
    """
    a, b = _same_bins(p, q)
    return _relative(_shares(a + epsilon), _shares(b + epsilon))


def overlap(p: Any, q: Any) -> float:
    """Shared area of two histograms, 0 to 1.

    Parameters
    ----------
    p, q : array_like
        Counts or densities of the same bins, as for `jensen_shannon`.

    Raises
    ------
    DataError
        If the numbers of bins differ.
    """
    a, b = _same_bins(p, q)
    return float(np.minimum(a, b).sum())


def _same_bins(p: Any, q: Any) -> tuple[np.ndarray, np.ndarray]:
    """Shares of both, of the same bins."""
    a, b = _shares(p), _shares(q)
    if a.shape != b.shape:
        raise DataError("the histograms do not fit", found=f"{a.shape} and {b.shape}")
    return a, b


def _relative(p: np.ndarray, q: np.ndarray) -> float:
    seen = p > 0
    if np.any(q[seen] == 0):
        return float("inf")
    return float(np.sum(p[seen] * np.log(p[seen] / q[seen])))


def _shares(counts: Any) -> np.ndarray:
    c = np.asarray(counts, dtype=np.float64).ravel()
    if not np.all(np.isfinite(c)) or np.any(c < 0) or not c.sum() > 0:
        raise DataError(
            "this is no histogram", expected="finite counts of zero or more, not all zero"
        )
    return c / c.sum()


def _two(
    first: Any, second: Any, wa: Any, wb: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    a, _, a_weights = checked(first, None, wa)
    b, _, b_weights = checked(second, None, wb)
    return a, a_weights, b, b_weights
