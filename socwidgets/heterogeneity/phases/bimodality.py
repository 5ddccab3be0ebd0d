"""One peak or two? Sarle's coefficient, Ashman's D and the dip test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from socwidgets.heterogeneity.inputs import checked
from socwidgets.kernels.dip import dip_sorted
from socwidgets.model.errors import ParameterError

#: Beyond this size of a simulated sample the distribution of ``sqrt(n) dip`` no longer changes.
_LARGEST_SIMULATED = 1000


def sarle_coefficient(values: Any, weights: Any = None, *, finite_sample: bool = False) -> float:
    """Sarle's bimodality coefficient ``(skewness^2 + 1)/kurtosis`` (golden G-54).

    Parameters
    ----------
    values : array_like
        Any shape and unit; NaN is left out.
    weights : array_like, optional
        Equal if left out.
    finite_sample : bool
        Sample skewness and excess kurtosis with the bias correction for n values,
        ``(g^2 + 1)/(k + 3 (n-1)^2/((n-2)(n-3)))``, for inference on a population; weights are then
        refused.

    Returns
    -------
    float
        1/3 for a normal, 5/9 for a uniform distribution, 1 for two points. NaN for fewer than four
        values or without any spread. Above 5/9 is no proof: skewed single peaks reach it too.

    Raises
    ------
    DataError
        For weights that do not fit or are all zero.
    ParameterError
        For weights with `finite_sample`.
    """
    v, _, w = checked(values, None, weights)
    n = v.size
    # With rounding, equal values have a spread of the size of their last digit.
    if n < 4 or np.ptp(v) <= 1e-12 * np.max(np.abs(v)):
        return float("nan")
    d = v - np.sum(w * v)
    m2, m3, m4 = (float(np.sum(w * d**p)) for p in (2, 3, 4))
    skew, kurtosis = m3 / m2**1.5, m4 / m2**2
    if not finite_sample:
        return (skew**2 + 1.0) / kurtosis
    if weights is not None:
        raise ParameterError("the finite-sample form has no weights", fix="leave the weights out")
    g = skew * np.sqrt(n * (n - 1)) / (n - 2)
    k = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (kurtosis - 3.0) + 6.0)
    return float((g**2 + 1.0) / (k + 3.0 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


def ashman_d(mean1: float, std1: float, mean2: float, std2: float) -> float:
    """Ashman's D ``sqrt2 |m1 - m2|/sqrt(s1^2 + s2^2)``; two peaks are apart above 2 (G-55).

    Parameters
    ----------
    mean1, std1, mean2, std2 : float
        Of the two components, one unit.

    Returns
    -------
    float
        Infinite for two different points, NaN for one.

    Raises
    ------
    ParameterError
        If a standard deviation is negative.

    Notes
    -----
    Ashman, Bird and Zepf (1994), Astron. J. 108, 2348.
    """
    if std1 < 0 or std2 < 0:
        raise ParameterError("a standard deviation is negative", found=f"{std1:g} and {std2:g}")
    width = np.hypot(std1, std2)
    if width == 0:
        return float("nan") if mean1 == mean2 else float("inf")
    return float(np.sqrt(2.0) * abs(mean1 - mean2) / width)


@dataclass(frozen=True, slots=True)
class DipTest:
    """Result of the dip test.

    Attributes
    ----------
    dip : float
        Largest distance between the distribution and the nearest one with a single peak, 0-1/4.
    p_value : float
        Share of uniform samples with a larger ``sqrt(n) dip``; NaN for fewer than four values.
    n_eff : float
        Number of independent values that the p-value assumes.
    draws, seed : int
        Of the simulation.
    """

    dip: float
    p_value: float
    n_eff: float
    draws: int
    seed: int


def dip_test(
    values: Any, *, n_eff: float | None = None, draws: int = 1000, seed: int = 0
) -> DipTest:
    """Test of unimodality by Hartigan and Hartigan (1985, Ann. Statist. 13, 70).

    Parameters
    ----------
    values : array_like
        Any shape and unit; NaN is left out. All count the same.
    n_eff : float, optional
        Number of independent values; all of them if left out. Neighboring pixels are not
        independent: without it a smooth solid solution becomes "significant".
    draws, seed : int
        Uniform samples (the least favorable single peak) that the p-value is taken from.

    Returns
    -------
    DipTest

    Raises
    ------
    ParameterError
        If `n_eff` or `draws` is not positive.
    """
    if draws < 1 or (n_eff is not None and not n_eff > 0):
        raise ParameterError(
            "the dip test needs draws and an effective number above zero",
            found=f"draws={draws}, n_eff={n_eff}",
        )
    v, _, _ = checked(values)
    if v.size < 4:
        return DipTest(float("nan"), float("nan"), float(v.size), draws, seed)
    dip = float(dip_sorted(np.sort(v)))
    independent = float(min(n_eff or v.size, v.size))
    size = int(np.clip(round(independent), 4, _LARGEST_SIMULATED))
    null = _uniform_dips(size, draws, seed)
    p = (1.0 + np.count_nonzero(null >= np.sqrt(independent) * dip)) / (draws + 1.0)
    return DipTest(dip, float(p), independent, draws, seed)


@lru_cache(maxsize=256)
def _uniform_dips(size: int, draws: int, seed: int) -> np.ndarray:
    """``sqrt(n) dip`` of uniform samples, sorted; kept, because many particles share a size."""
    rng = np.random.default_rng((seed, size))
    samples = np.sort(rng.random((draws, size)), axis=1)
    return np.sort(np.sqrt(size) * np.array([dip_sorted(row) for row in samples]))
