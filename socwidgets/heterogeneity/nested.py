"""How much of the variance lies between particles and how much within them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.heterogeneity.inputs import checked, counted
from socwidgets.heterogeneity.sample import compact
from socwidgets.model.errors import DataError


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """Variance between and within groups.

    Attributes
    ----------
    total, between, within : float
        Population form (weighted, ddof 0): ``total = between + within``, noise included.
    between_true, within_true : float
        The same with the noise taken out; NaN where the noise is not known.
    eta_squared : float
        ``between/total`` of the observed variance.
    icc : float
        ICC(1) of the one-way ANOVA on unweighted values: an estimate for the population that the
        groups were drawn from.
    mean_square_between, mean_square_within : float
        The ANOVA's mean squares.
    n_groups : int
        Number of groups.
    """

    total: float
    between: float
    within: float
    between_true: float
    within_true: float
    eta_squared: float
    icc: float
    mean_square_between: float
    mean_square_within: float
    n_groups: int

    @property
    def share_between_true(self) -> float:
        """Share of the noise-free variance that lies between groups; NaN if there is none."""
        total = self.between_true + self.within_true
        return self.between_true / total if total > 0 else float("nan")


def variance_shares(
    values: np.ndarray,
    groups: np.ndarray,
    weights: np.ndarray | None = None,
    noise_variance: np.ndarray | None = None,
) -> VarianceShares:
    """Split the variance of values between and within groups.

    Parameters
    ----------
    values, groups : ndarray
        ``(n,)``; the group of each value.
    weights : ndarray, optional
        ``(n,)``, for the population form.
    noise_variance : ndarray, optional
        ``(n,)``. The noise is taken from the within term, and its share ``sigma_n^2/n_i`` that
        survives in a group's mean from the between term.

    Returns
    -------
    VarianceShares
        Total, between and within, as observed and without noise (units squared), and the intraclass
        correlation.

    Raises
    ------
    DataError
        For sizes that do not fit, a negative variance, weights that are negative or all zero, or no
        value at all (NaN values are left out).

    Notes
    -----
    Golden G-59. Fewer than two groups, or no group with two values, leave NaN.
    """
    given = np.asarray(groups).ravel()
    if given.size != np.size(values):
        raise DataError(
            "the groups do not fit the values", expected=str(np.size(values)), found=str(given.size)
        )
    index = compact(given[counted(values, weights)])
    values, noise, w = checked(values, noise_variance, weights)
    if not values.size:
        raise DataError("there is no value to split the variance of", expected="finite values")
    mass = np.bincount(index, w)
    means = np.bincount(index, w * values) / mass
    grand = float(np.average(values, weights=w))
    between = float(np.average((means - grand) ** 2, weights=mass))
    within = float(np.average((values - means[index]) ** 2, weights=w))
    noise_of_mean = np.bincount(index, w**2 * noise) / mass**2
    noise_between = float(np.average(noise_of_mean, weights=mass))
    noise_total = float(np.average(noise, weights=w))
    square_between, square_within, icc = _anova(values, index)
    total = between + within
    return VarianceShares(
        total,
        between,
        within,
        float(np.maximum(between - noise_between, 0.0)),
        float(np.maximum(within - (noise_total - noise_between), 0.0)),
        between / total if total > 0 else float("nan"),
        icc,
        square_between,
        square_within,
        mass.size,
    )


def _anova(values: np.ndarray, index: np.ndarray) -> tuple[float, float, float]:
    """Mean squares between and within, and ICC(1), of unweighted values."""
    n = np.bincount(index).astype(float)
    groups, total = n.size, values.size
    if groups < 2 or total <= groups:
        return float("nan"), float("nan"), float("nan")
    means = np.bincount(index, values) / n
    square_between = float(np.sum(n * (means - values.mean()) ** 2) / (groups - 1))
    square_within = float(np.sum((values - means[index]) ** 2) / (total - groups))
    n0 = (total - np.sum(n**2) / total) / (groups - 1)
    spread = square_between + (n0 - 1) * square_within
    icc = (square_between - square_within) / spread if spread > 0 else float("nan")
    return square_between, square_within, float(icc)
