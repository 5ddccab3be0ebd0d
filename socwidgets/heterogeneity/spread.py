"""One-number measures of spread, and the noise taken out of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.heterogeneity.inputs import checked
from socwidgets.model.errors import KindError, ParameterError
from socwidgets.model.kinds import Kind


@dataclass(frozen=True, slots=True)
class NoiseCorrectedSpread:
    """Spread of a map with the measurement noise taken out.

    Attributes
    ----------
    observed, noise, true : float
        Standard deviations (population, weighted): as measured, of the noise, and
        ``sqrt(observed^2 - noise^2)``, 0 if that is negative. `true` is NaN where the noise is not
        known: without it nothing can be said.
    detection_limit : float
        Smallest true spread that would stand out of the noise (one-sided 95 %).
    """

    observed: float
    noise: float
    true: float
    detection_limit: float

    @property
    def below_detection(self) -> bool:
        """Whether the true spread cannot be told from none."""
        return not self.true > self.detection_limit

    @property
    def hsn(self) -> float:
        """Heterogeneity signal-to-noise ``sigma_true/sigma_noise``."""
        return self.true / self.noise if self.noise > 0 else float("nan")


def noise_corrected_spread(
    values: np.ndarray,
    noise_variance: np.ndarray,
    weights: np.ndarray | None = None,
    n_eff: float | None = None,
) -> NoiseCorrectedSpread:
    """Spread of values with known noise.

    Parameters
    ----------
    values, noise_variance : ndarray
        ``(n,)``; the variance of the noise of each value. NaN values are left out.
    weights : ndarray, optional
        ``(n,)``.
    n_eff : float, optional
        Number of independent values of the noise, for the detection limit; ``(sum w)^2/sum w^2``
        if left out.

    Returns
    -------
    NoiseCorrectedSpread
        All NaN without values.

    Raises
    ------
    DataError, ParameterError
        For sizes that do not fit, a negative variance, weights that are negative or all zero, or an
        `n_eff` that is not above zero.

    Notes
    -----
    ``sigma_true^2 = sigma_obs^2 - <sigma_n^2>`` (golden G-58), and from ``Var(s^2) = 2 sigma^4/n``
    the limit ``sigma_n (2/n)^(1/4) 1.64^(1/2)``.
    """
    v, variances, w = checked(values, noise_variance, weights)
    if n_eff is not None and not n_eff > 0:
        raise ParameterError("the number of independent values is not above zero", found=f"{n_eff}")
    if not v.size:
        nan = float("nan")
        return NoiseCorrectedSpread(nan, nan, nan, nan)
    # What rounding leaves of equal values is no variance.
    variance = float(np.sum(w * (v - np.sum(w * v)) ** 2)) if np.ptp(v) > 0 else 0.0
    noise = float(np.sum(w * variances))
    independent = n_eff or 1.0 / float(np.sum(w**2))
    limit = np.sqrt(noise) * (2.0 / independent) ** 0.25 * np.sqrt(1.64)
    true = float(np.sqrt(max(variance - noise, 0.0))) if np.isfinite(noise) else float("nan")
    return NoiseCorrectedSpread(float(np.sqrt(variance)), float(np.sqrt(noise)), true, float(limit))


def weighted_quantile(
    values: np.ndarray, q: np.ndarray | float, weights: np.ndarray | None = None
) -> np.ndarray:
    """Quantiles of weighted values; numpy's linear rule when all weights are equal.

    Parameters
    ----------
    values : ndarray
        ``(n,)``; NaN is left out.
    q : array_like
        Probabilities.
    weights : ndarray, optional
        ``(n,)``.

    Returns
    -------
    ndarray
        Of the shape of `q`; NaN without values.

    Raises
    ------
    DataError, ParameterError
        For weights that do not fit, are negative or all zero, or probabilities outside 0 to 1.
    """
    if not np.all((np.asarray(q) >= 0) & (np.asarray(q) <= 1)):
        raise ParameterError("a probability lies outside 0 to 1", found=str(q))
    v, _, w = checked(values, None, weights)
    if v.size < 2:
        return np.full(np.shape(q), v[0] if v.size else np.nan)
    if weights is None:
        return np.quantile(v, q)
    order = np.argsort(v)
    position = np.cumsum(w[order]) - w[order]
    # Scaled so that the smallest value sits at 0 and the largest at 1.
    return np.interp(q, position / position[-1], v[order])


def describe(
    values: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    bins: int = 20,
    limits: tuple[float, float] = (0.0, 1.0),
    mad: bool = True,
) -> dict[str, float]:
    """Return every spread measure that makes sense for any kind of quantity.

    Parameters
    ----------
    values : ndarray
        ``(n,)``; NaN is left out.
    weights : ndarray, optional
        ``(n,)``.
    bins : int
        Bins of the entropy, whose value depends on them.
    limits : (float, float)
        Range that the bins cover.
    mad : bool
        Without it the median absolute deviation, which sorts the values again, is NaN.

    Returns
    -------
    dict
        mean, median, std (population), iqr, mad (raw), p05, p95, skewness, excess_kurtosis, entropy
        (nats) and entropy_normalized (over ln bins); the entropies count values inside `limits`
        only, and are NaN where there is none. All NaN without values.

    Raises
    ------
    DataError, ParameterError
        For weights that do not fit, are negative or all zero, fewer than two bins, or limits that
        do not rise.
    """
    if bins < 2 or not limits[0] < limits[1]:
        raise ParameterError(
            "an entropy needs two bins or more between rising limits",
            found=f"{bins} bins from {limits[0]:g} to {limits[1]:g}",
        )
    v, _, w = checked(values, None, weights)
    some = v.size > 0
    mean = float(np.sum(w * v)) if some else float("nan")
    centered = v - mean
    std = float(np.sqrt(np.sum(w * centered**2))) if some else float("nan")
    std = 0.0 if some and np.ptp(v) == 0 else std
    own = None if weights is None else w
    p05, q1, median, q3, p95 = weighted_quantile(v, np.array([0.05, 0.25, 0.5, 0.75, 0.95]), own)
    scaled = centered / std if std > 0 else np.full(max(v.size, 1), np.nan)
    square = scaled * scaled
    shares = w if some else np.ones(1)
    entropy = _entropy((v - limits[0]) / (limits[1] - limits[0]), w, bins)
    return {
        "mean": mean,
        "median": float(median),
        "std": std,
        "iqr": float(q3 - q1),
        "mad": float(weighted_quantile(np.abs(v - median), 0.5, own)) if mad else float("nan"),
        "p05": float(p05),
        "p95": float(p95),
        "skewness": float(np.sum(shares * square * scaled)),
        "excess_kurtosis": float(np.sum(shares * square * square) - 3.0),
        "entropy": entropy,
        "entropy_normalized": entropy / float(np.log(bins)),
    }


def _entropy(values: np.ndarray, weights: np.ndarray, bins: int) -> float:
    """Entropy over half-open bins; the tolerance keeps values that sit on a bin's edge above it."""
    index = np.floor((values + 1e-12) * bins)
    inside = (index >= 0) & (index < bins + (values <= 1.0))
    index = np.minimum(index[inside], bins - 1).astype(int)
    p = np.bincount(index, weights[inside], minlength=bins)
    if not p.sum() > 0:
        return float("nan")
    p = p[p > 0] / p.sum()
    return float(-np.sum(p * np.log(p)))


def coefficient_of_variation(
    values: np.ndarray, kind: Kind, weights: np.ndarray | None = None
) -> float:
    """Population std over mean; refused for quantities without a physical zero.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n,)``, no NaN.
    kind : Kind
        What the values are.
    weights : numpy.ndarray, optional
        ``(n,)``, not negative; equal if left out.

    Returns
    -------
    float
        Dimensionless.

    Raises
    ------
    KindError
        If the zero of the quantity is arbitrary, as that of an energy or an oxidation state.
    """
    if not kind.has_zero:
        raise KindError(
            f"a coefficient of variation makes no sense for kind {kind.name!r}",
            expected="a quantity with a physical zero, such as soc or x_li",
            found=f"{kind.name} in {kind.units}: its zero is arbitrary",
            fix="use the standard deviation, which has units",
        )
    summary = describe(values, weights)
    return summary["std"] / summary["mean"]


def gini(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Gini coefficient of values that are not negative (Gini 1912; golden G-57).

    Parameters
    ----------
    values : numpy.ndarray
        ``(n,)``; NaN is left out.
    weights : numpy.ndarray, optional
        ``(n,)``, not negative; equal if left out.

    Returns
    -------
    float
        0 (all the same) to 1; NaN without values, where any is negative, or if all are zero.

    Raises
    ------
    DataError
        For weights that do not fit, are negative or all zero.
    """
    v, _, w = checked(values, None, weights)
    if v.size == 0:
        return float("nan")
    order = np.argsort(v)
    v, w = v[order], w[order]
    total = float(np.sum(w * v))
    if v[0] < 0 or total <= 0:
        return float("nan")
    # Middle rank of each value; with equal weights this is (2 i - n - 1)/n.
    rank = (2 * np.cumsum(w) - w) / w.sum() - 1.0
    return float(np.sum(rank * w * v) / total)
