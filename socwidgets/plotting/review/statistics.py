"""Numbers of what was imaged: spread without noise, and how far the noise lets one know it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.stats import gaussian_kde

from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.spread import noise_corrected_spread
from socwidgets.plotting.review.model import Number

#: Part to which propagated noise is trusted: pulls of single pixels have spreads of 0.95 to 1.05.
NOISE_KNOWN = 0.05


def sigma_of_root(square: float, sigma: float) -> float:
    """Standard uncertainty of a spread from that of its square.

    Of a spread near zero only the square has an error that is nearly normal.
    """
    return min(sigma / (2.0 * square**0.5), sigma**0.5) if square > 0 else sigma**0.5


@dataclass(frozen=True, slots=True)
class Imaged:
    """Values of the pixels of some particles, and their spread with the noise taken out.

    Attributes
    ----------
    values, weights, noise_variance : ndarray
        ``(n,)``.
    mean, observed, noise, true : float
        Weighted mean; standard deviation as measured, of the noise, and without it.
    area : float
        How much registration raises the variance of means over that of independent noise.
    """

    values: np.ndarray
    weights: np.ndarray
    noise_variance: np.ndarray
    mean: float
    observed: float
    noise: float
    true: float
    area: float = 1.0

    @property
    def square(self) -> float:
        """Variance without that of the noise; below zero where the noise hides it."""
        return self.observed**2 - self.noise**2

    @property
    def square_sigmas(self) -> tuple[float, float]:
        """Uncertainties of `square`: from the noise, and from how well the noise is known.

        ``sqrt((4 s^2 n^2 + 2 n^4)/N)`` for a spread s, noise n and N pixels whose noise is
        independent, and ``2 c n^2`` with the noise known to the part c (`NOISE_KNOWN`), which all
        particles of a map share. They hold for the pixels that were imaged, not for the
        population behind them.
        """
        count = self.weights.sum() ** 2 / np.sum(self.weights**2) / self.area
        variance = (4.0 * self.true**2 * self.noise**2 + 2.0 * self.noise**4) / count
        return float(np.sqrt(variance)), 2.0 * NOISE_KNOWN * self.noise**2

    @property
    def true_sigma(self) -> float:
        """Standard uncertainty of `true`, from both of `square_sigmas`."""
        return sigma_of_root(self.square, float(np.hypot(*self.square_sigmas)))

    @property
    def mean_sigma(self) -> float:
        """Standard uncertainty of `mean` from the noise."""
        w = self.weights / self.weights.sum()
        return float(np.sqrt(self.area * np.sum(w**2 * self.noise_variance)))

    def spread(self, truth: float, unit: str = "", note: str = "noise taken out") -> Number:
        """Spread without noise, beside a truth."""
        return Number(self.true, truth, self.true_sigma, unit, note)

    def mode(self) -> float:
        """Maximum of the kernel density of the values (Scott's bandwidth)."""
        density = gaussian_kde(self.values, weights=self.weights)
        grid = np.linspace(self.values.min(), self.values.max(), 801)
        return float(grid[int(np.argmax(density(grid)))])


def imaged(
    maps: xr.Dataset,
    labels: xr.DataArray,
    variable: str = "soc",
    weights: xr.DataArray | None = None,
) -> Imaged:
    """Collect the usable pixels inside some particles.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` and ``status``.
    labels : xarray.DataArray
        ``(y, x)``; pixels with 0 are left out.
    variable : str
        The map.
    weights : xarray.DataArray, optional
        Thickness; equal weights if left out.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    spread = noise_corrected_spread(sample.values, sample.noise_variance, sample.weights)
    mean = float(np.average(sample.values, weights=sample.weights))
    return Imaged(
        sample.values, sample.weights, sample.noise_variance, mean, spread.observed, spread.noise,
        spread.true, sample.noise_shape.area,
    )  # fmt: skip
