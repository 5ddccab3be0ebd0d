"""How many Gaussians a histogram needs, when none can be narrower than the noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.heterogeneity.correlation import effective_count
from socwidgets.heterogeneity.inputs import checked, checked_ends
from socwidgets.heterogeneity.phases.bimodality import ashman_d
from socwidgets.kernels.mixture import fit_mixture
from socwidgets.model.errors import ParameterError

#: Larger samples are counted into bins of a fifth of the noise first: 0.2 % of the variance.
_LARGEST_SAMPLE = 512
_BINS_PER_SIGMA = 5.0


@dataclass(frozen=True, slots=True)
class Mixture:
    """One fitted mixture of k Gaussians.

    Attributes
    ----------
    means, stds, shares : tuple of float
        By rising mean; the standard deviations contain the noise.
    log_likelihood : float
        Of `n_eff` values.
    bic : float
        ``-2 log_likelihood + (3k - 1) ln n_eff``.
    """

    means: tuple[float, ...]
    stds: tuple[float, ...]
    shares: tuple[float, ...]
    log_likelihood: float
    bic: float

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.means)


@dataclass(frozen=True, slots=True)
class MixtureChoice:
    """Mixtures of one to three Gaussians and the one that BIC chooses.

    Attributes
    ----------
    fits : tuple of Mixture
        By number of components; empty where there were too few values.
    n_eff : float
        Number of independent values that the penalty assumes.
    separation : float
        Ashman's D of the two heaviest components of the chosen mixture; NaN for one.
    """

    fits: tuple[Mixture, ...]
    n_eff: float
    separation: float

    @property
    def best(self) -> Mixture | None:
        """The mixture of the lowest BIC."""
        return min(self.fits, key=lambda fit: fit.bic) if self.fits else None


def effective_number(n_pixels: float, length_px: float, dims: int = 2) -> float:
    """Independent values among `n_pixels`: ``N/(2 pi l^2)``, at least 1 and at most N.

    Parameters
    ----------
    n_pixels : float
        Number of pixels.
    length_px : float
        Gaussian correlation length in pixels of what two repeats of the measurement share: the
        resolution. Not that of the sample: a particle with a front inside has *one* domain and
        would leave nothing to test.
    dims : int
        2 for an image, 3 for a volume (``N/(2 pi l^2)^(3/2)``).

    Returns
    -------
    float
        From 1 to `n_pixels`.
    """
    return effective_count(n_pixels, np.sqrt(2.0) * length_px, dims)


def gaussian_mixtures(
    values: Any,
    noise_std: float,
    weights: Any = None,
    *,
    n_eff: float | None = None,
    ends: tuple[float, float] = (0.0, 1.0),
    margin: float = 0.1,
    largest: int = 3,
) -> MixtureChoice:
    """Fit mixtures of one to `largest` Gaussians and choose by BIC.

    Parameters
    ----------
    values : array_like
        Any shape, composition; NaN is left out.
    noise_std : float
        Noise of a value in its unit: the smallest width of a component. Zero if not known.
    weights : array_like, optional
        Thickness; equal if left out.
    n_eff : float, optional
        Independent values (see `effective_number`); the number of values if left out. Likelihood
        and penalty both count these, so that many alike pixels are no proof of many phases.
    ends : (float, float)
        Compositions of the end members; the means stay within ``margin`` of their range outside
        it (in units of the composition).
    margin : float
        See `ends`.
    largest : int
        Highest number of components, 1 to 3.

    Returns
    -------
    MixtureChoice
        Without fits for fewer than ``3 * largest`` values.

    Raises
    ------
    DataError, ParameterError
        For a noise that is negative or not finite, an `n_eff` not above zero, end values that span
        nothing, or weights that do not fit.
    """
    if not 1 <= largest <= 3:
        raise ParameterError(
            "a mixture has one to three components", found=str(largest), fix="largest=3"
        )
    if not (noise_std >= 0 and np.isfinite(noise_std)):
        raise ParameterError(
            "the noise is no standard deviation", expected="zero or more", found=f"{noise_std!r}"
        )
    if n_eff is not None and not n_eff > 0:
        raise ParameterError(
            "the number of independent values is not above zero", found=f"{n_eff!r}"
        )
    low, high = checked_ends(ends)
    v, _, w = checked(values, None, weights)
    count = float(min(n_eff or v.size, v.size))
    if v.size < 3 * largest:
        return MixtureChoice((), count, float("nan"))
    floor = max(float(noise_std), 1e-4 * (high - low))
    bounds = (low - margin, high + margin)
    x, mass = _condensed(v, w, floor)
    fits = tuple(_fit(x, mass, k, floor, bounds, count) for k in range(1, largest + 1))
    best = min(fits, key=lambda fit: fit.bic)
    return MixtureChoice(fits, count, _separation(best))


def _condensed(v: np.ndarray, w: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Means and weights of narrow bins, which stand for the values."""
    if v.size <= _LARGEST_SAMPLE:
        return v, w
    index = np.floor((v - v.min()) / (floor / _BINS_PER_SIGMA)).astype(np.int64)
    _, index = np.unique(index, return_inverse=True)
    mass = np.bincount(index, w)
    return np.bincount(index, w * v) / mass, mass


def _fit(
    x: np.ndarray, w: np.ndarray, k: int, floor: float, bounds: tuple[float, float], count: float
) -> Mixture:
    """Best of the starts: quantiles, and the two ends of the range with what lies between."""
    order = np.argsort(x)
    place = np.cumsum(w[order]) - 0.5 * w[order]
    mean = float(np.sum(w * x))
    std = max(float(np.sqrt(np.sum(w * (x - mean) ** 2))), floor)
    quantiles = np.interp((np.arange(k) + 0.5) / k, place, x[order])
    starts = [quantiles]
    if k > 1:
        lowest, highest = np.interp([0.03, 0.97], place, x[order])
        starts.append(np.linspace(lowest, highest, k))
    best = None
    for start in starts:
        means = np.clip(start, *bounds)
        stds, shares = np.full(k, max(std / k, floor)), np.full(k, 1.0 / k)
        value = fit_mixture(x, w, means, stds, shares, floor, *bounds, 300, 1e-8)
        if best is None or value > best[0]:
            best = (value, means, stds, shares)
    value, means, stds, shares = best  # type: ignore[misc]
    rank = np.argsort(means)
    likelihood = float(value) * count
    return Mixture(
        tuple(means[rank].tolist()),
        tuple(stds[rank].tolist()),
        tuple(shares[rank].tolist()),
        likelihood,
        -2.0 * likelihood + (3 * k - 1) * float(np.log(max(count, 1.0))),
    )


def _separation(mixture: Mixture) -> float:
    if mixture.k < 2:
        return float("nan")
    first, second = np.argsort(mixture.shares)[::-1][:2]
    return ashman_d(
        mixture.means[first], mixture.stds[first], mixture.means[second], mixture.stds[second]
    )
