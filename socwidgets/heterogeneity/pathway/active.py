"""The active fraction: how many particles are caught between the end members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr
from scipy.stats import beta, norm

from socwidgets.heterogeneity.inputs import checked_ends, variance_of
from socwidgets.model.errors import DataError, ParameterError


def wilson_interval(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a share (golden G-52).

    Parameters
    ----------
    successes, n : float
        Counts, ``0 <= successes <= n``.
    level : float
        Confidence.

    Returns
    -------
    low, high : float
        Within 0 to 1; NaN for ``n = 0``.

    Raises
    ------
    ParameterError
        If the counts or the confidence make no sense.

    Notes
    -----
    Wilson (1927), J. Am. Stat. Assoc. 22, 209.
    """
    _check_counts(successes, n, level)
    if n == 0:
        return float("nan"), float("nan")
    z, p = float(norm.ppf(0.5 + level / 2)), successes / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def clopper_pearson_interval(
    successes: float, n: float, level: float = 0.95
) -> tuple[float, float]:
    """Clopper-Pearson ("exact", never too short) interval of a share (golden G-52).

    Parameters
    ----------
    successes, n : float
        Counts.
    level : float
        Confidence.

    Returns
    -------
    low, high : float
        Within 0 to 1; NaN for ``n = 0``.

    Raises
    ------
    ParameterError
        If the counts or the confidence make no sense.

    Notes
    -----
    Clopper and Pearson (1934), Biometrika 26, 404.
    """
    _check_counts(successes, n, level)
    if n == 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(beta.ppf(1 - tail, successes + 1, n - successes))
    return low, high


def _check_counts(successes: float, n: float, level: float) -> None:
    if not (0 <= successes <= n and 0 < level < 1):
        raise ParameterError(
            "a share needs counts and a confidence between 0 and 1",
            expected="0 <= successes <= n and 0 < level < 1",
            found=f"{successes} of {n}, level {level}",
        )


@dataclass(frozen=True, slots=True)
class ActiveFraction:
    """Share of particles between the end members.

    Attributes
    ----------
    observed, low, high : float
        Share seen in the window and its Wilson interval of 95 %.
    exact_low, exact_high : float
        The Clopper-Pearson interval.
    true, true_low, true_high : float
        With the noise taken out: ``(observed - p_false)/(p_true - p_false)``, and the Wilson limits
        treated alike; cut to 0 to 1. NaN where no noise is known, or where it is so large that
        active and inactive particles look the same (``p_true - p_false < 0.2``).
    p_false, p_true : float
        Chance of an end member, and of an active particle, to be seen in the window.
    n_active, n : int
        Counts.
    window : (float, float)
        In the unit of the values.
    """

    observed: float
    low: float
    high: float
    exact_low: float
    exact_high: float
    true: float
    true_low: float
    true_high: float
    p_false: float
    p_true: float
    n_active: int
    n: int
    window: tuple[float, float]


def active_fraction(
    means: Any,
    mean_std: Any = None,
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    window: tuple[float, float] = (0.1, 0.9),
    standards: Any = None,
) -> ActiveFraction:
    """Share of particles whose mean lies between the end members.

    Parameters
    ----------
    means : array_like
        ``(particle,)`` mean composition; NaN is left out.
    mean_std : array_like or float, optional
        Standard uncertainty of each mean. Without it (and without `standards`) only the observed
        share is known.
    ends : (float, float)
        *Calibrated* compositions of the end members.
    window : (float, float)
        What counts as active, as a part of the range between the ends.
    standards : array_like, optional
        Means of particles that are known to be end members (pristine, fully charged), measured in
        the same way: the share of them in the window is then `ActiveFraction.p_false`.

    Returns
    -------
    ActiveFraction
        NaN without particles.

    Raises
    ------
    DataError, ParameterError
        For sizes that do not fit, negative uncertainties, or an empty window.

    Notes
    -----
    Chueh et al. (2013), Nano Lett. 13, 866 counted active particles; the correction is that of a
    test with known false and true positive rates (Rogan and Gladen 1978, Am. J. Epidemiol. 107,
    71). Active particles are taken to lie anywhere in the window with the same chance.
    """
    low, high = checked_ends(ends)
    if not 0 <= window[0] < window[1] <= 1:
        raise ParameterError(
            "the window of active compositions is empty or outside the range",
            expected="0 <= low < high <= 1, as a part of the range between the ends",
            found=f"{window[0]:g} and {window[1]:g}",
        )
    inner = (low + window[0] * (high - low), low + window[1] * (high - low))
    v, sigma = _means(means, mean_std)
    n = int(v.size)
    hits = int(np.count_nonzero((v > inner[0]) & (v < inner[1])))
    wilson, exact = wilson_interval(hits, n), clopper_pearson_interval(hits, n)
    nan = float("nan")
    observed = hits / n if n else nan
    p_false, p_true = nan, nan
    if n and np.all(np.isfinite(sigma)):
        p_false, p_true = _chances(v, sigma, (low, high), inner)
    if standards is not None:
        known = np.asarray(standards, dtype=np.float64).ravel()
        known = known[np.isfinite(known)]
        if not known.size:
            raise DataError("the standards hold no value", fix="leave them out")
        p_false = float(np.mean((known > inner[0]) & (known < inner[1])))
        p_true = 1.0 if np.isnan(p_true) else p_true
    true = [nan, nan, nan]
    if p_true - p_false >= 0.2:
        shares = (np.array([observed, *wilson]) - p_false) / (p_true - p_false)
        true = np.clip(shares, 0.0, 1.0).tolist()
    return ActiveFraction(
        observed, *wilson, *exact, true[0], true[1], true[2], p_false, p_true, hits, n, inner
    )


def _means(means: Any, mean_std: Any) -> tuple[np.ndarray, np.ndarray]:
    v = np.asarray(means, dtype=np.float64).ravel()
    sigma = np.asarray(np.nan if mean_std is None else mean_std, dtype=np.float64)
    if sigma.size not in (1, v.size):
        raise DataError(
            "the uncertainties do not fit the means", expected=str(v.size), found=str(sigma.size)
        )
    sigma = np.broadcast_to(sigma.ravel(), v.shape)
    variance_of(sigma)
    return v[np.isfinite(v)], sigma[np.isfinite(v)]


def _chances(
    v: np.ndarray, sigma: np.ndarray, ends: tuple[float, float], inner: tuple[float, float]
) -> tuple[float, float]:
    """Chance of an end member and of an active particle to be seen in the window."""
    s = np.maximum(sigma, 1e-9 * (ends[1] - ends[0]))

    def seen(x: np.ndarray) -> np.ndarray:
        return ndtr((inner[1] - x) / s) - ndtr((inner[0] - x) / s)

    nearest = np.where(v - ends[0] < ends[1] - v, *ends)
    between = np.linspace(*inner, 201)[None, :]
    wide = s[:, None]
    inside = ndtr((inner[1] - between) / wide) - ndtr((inner[0] - between) / wide)
    return float(seen(nearest).mean()), float(inside.mean())


def mixed_particles(
    values: Any,
    labels: Any,
    noise_std: Any,
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    weights: Any = None,
    limit: float = 0.1,
) -> np.ndarray:
    """Active by their pixels: particles with more than `limit` of both end members or between.

    The other signature of an active particle: the share of its material that differs
    from its more frequent end member, noise taken out.

    Parameters
    ----------
    values, labels, noise_std : array_like
        ``(n,)`` composition of the pixels, their particle (all above 0) and their noise.
    ends : (float, float)
        Compositions of the end members.
    weights : array_like, optional
        Thickness.
    limit : float
        Share from which a particle counts as active.

    Returns
    -------
    ndarray
        ``(particle,)`` bool, in order of rising label.

    Raises
    ------
    DataError, ParameterError
        If sizes do not fit, a value is not finite, a noise is negative, or the ends are the same.
    """
    from socwidgets.heterogeneity.phases.plateau import shares_by_group

    v = np.asarray(values, dtype=np.float64).ravel()
    _, group = np.unique(np.asarray(labels).ravel(), return_inverse=True)
    sigma = np.asarray(noise_std, dtype=np.float64).ravel()
    w = np.ones(v.size) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    if group.size != v.size or w.size != v.size or sigma.size not in (1, v.size):
        raise DataError(
            "labels, noise or weights do not fit the values", expected=str(v.size),
            found=f"{group.size}, {sigma.size} and {w.size}",
        )  # fmt: skip
    sigma = np.broadcast_to(sigma, v.shape)
    if not np.all(np.isfinite(v)) or not np.all(np.isfinite(sigma)):
        raise DataError("values and noise must be finite", fix="take them from take_sample")
    variance_of(sigma)
    checked_ends(ends)
    if np.any(w < 0) or (w.size and not w.sum() > 0):
        raise DataError(
            "weights are negative or all zero", expected="zero or more, not all zero",
            found=f"from {w.min():g} to {w.max():g}",
        )  # fmt: skip
    shares = shares_by_group(v, sigma.astype(float), w, group, ends)
    return 1.0 - shares[:, :2].max(axis=1) > limit
