"""The noise of a map from every source at hand, compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.variogram import VariogramFit, fit_variogram, variogram_of
from socwidgets.model.errors import DataError

#: Sources in the order in which they are trusted: repeats need no model of the noise at all.
SOURCES = ("repeat", "odd_even", "reference", "nugget", "propagated")


@dataclass(frozen=True, slots=True)
class NoiseEstimate:
    """Noise of one pixel, from one source.

    Attributes
    ----------
    source : str
        One of `SOURCES`.
    sigma, std : float
        Standard deviation of the noise (root mean square over the map) and its standard error.
    true_spread : float
        Spread without the noise that goes with it.
    n : int
        Pixels that went in.
    note : str
        What it assumes.
    """

    source: str
    sigma: float
    std: float
    true_spread: float
    n: int
    note: str


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """All estimates of the noise of one map."""

    estimates: tuple[NoiseEstimate, ...]
    observed: float
    units: str

    @property
    def best(self) -> NoiseEstimate:
        """The most trusted source, in the order of `SOURCES`."""
        return min(self.estimates, key=lambda e: SOURCES.index(e.source))

    def __getitem__(self, source: str) -> NoiseEstimate:
        for estimate in self.estimates:
            if estimate.source == source:
                return estimate
        raise KeyError(f"{source!r}; there are {', '.join(e.source for e in self.estimates)}")

    @property
    def agree(self) -> bool:
        """Whether no estimate differs from the best by more than 20 % and three standard errors."""
        best = self.best
        away = [abs(e.sigma - best.sigma) for e in self.estimates]
        bars = [max(0.2 * best.sigma, 3 * np.hypot(e.std, best.std)) for e in self.estimates]
        return all(a <= b for a, b in zip(away, bars, strict=True))

    def to_frame(self) -> pd.DataFrame:
        """One row per source: ``sigma``, ``std``, ``true_spread``, ``hsn``, ``n``, ``note``."""
        rows = [
            {
                "source": e.source,
                "sigma": e.sigma,
                "std": e.std,
                "true_spread": e.true_spread,
                "hsn": e.true_spread / e.sigma if e.sigma > 0 else float("nan"),
                "n": e.n,
                "note": e.note,
            }
            for e in self.estimates
        ]
        return pd.DataFrame(rows).set_index("source")


def noise_floor(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    repeat: xr.Dataset | None = None,
    odd_even: tuple[xr.Dataset, xr.Dataset] | None = None,
    reference: xr.Dataset | None = None,
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
    nugget: bool = True,
) -> NoiseFloor:
    """Estimate the noise of a map from whatever there is.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable` and, where known, its ``_std``.
    variable : str
        The map.
    repeat : xarray.Dataset, optional
        The same field of view measured and analyzed again.
    odd_even : (xarray.Dataset, xarray.Dataset), optional
        Maps of the same stack from its odd and from its even energies alone.
    reference : xarray.Dataset, optional
        Map of a sample known to be homogeneous, measured in the same way (pristine powder).
    labels : xarray.DataArray, optional
        Particles, of `maps`, of the repeat and of the halves.
    weights : str, xarray.DataArray or None
        Thickness weights.
    nugget : bool
        Whether to extrapolate the variogram to distance zero.

    Returns
    -------
    NoiseFloor

    Raises
    ------
    DataError
        If nothing tells the noise, or the maps do not fit each other.

    Notes
    -----
    Repeats: ``sigma^2 = var(a - b)/2``, and their covariance is the true variance. Halves carry
    twice the variance of the whole each, so ``sigma^2 = var(odd - even)/4``. Both miss what is the
    same in the two maps (drift, references).
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    mean = np.average(sample.values, weights=sample.weights)
    observed = float(np.sqrt(np.average((sample.values - mean) ** 2, weights=sample.weights)))
    found = []
    if repeat is not None:
        found.append(_paired(maps, repeat, variable, labels, weights, "repeat", 2.0))
    if odd_even is not None:
        found.append(_paired(*odd_even, variable, labels, weights, "odd_even", 4.0))
    if reference is not None:
        found.append(_reference(reference, variable, weights, observed))
    if nugget:
        found += _nugget(sample, observed)
    if np.isfinite(sample.noise_variance).any():
        found.append(_propagated(sample, observed))
    if not found:
        raise DataError(
            f"nothing tells the noise of {variable!r}",
            expected="its standard uncertainty, a repeat, halves, or a homogeneous reference",
            found="none of them",
            fix="fit with noise propagation, or measure a repeat",
        )
    return NoiseFloor(tuple(found), observed, sample.kind.units)


def _true(observed: float, noise: float) -> float:
    return float(np.sqrt(max(observed**2 - noise**2, 0.0)))


def _propagated(sample: Sample, observed: float) -> NoiseEstimate:
    known = np.isfinite(sample.noise_variance)
    sigma = np.sqrt(np.average(sample.noise_variance[known], weights=sample.weights[known]))
    note = "standard uncertainty of the fit; misses what its noise model misses"
    return NoiseEstimate(
        "propagated", float(sigma), 0.0, _true(observed, sigma), int(known.sum()), note
    )


def _paired(
    one: xr.Dataset,
    other: xr.Dataset,
    variable: str,
    labels: xr.DataArray | None,
    weights: str | xr.DataArray | None,
    source: str,
    parts: float,
) -> NoiseEstimate:
    """Noise from the difference of two maps of the same pixels."""
    a = take_sample(one, variable, labels=labels, weights=weights)
    b = take_sample(other, variable, labels=labels, weights=weights)
    if a.shape != b.shape:
        raise DataError(
            "the two maps do not show the same pixels", expected=str(a.shape), found=str(b.shape)
        )
    both = a.seen() & b.seen()
    if both.sum() < 3:
        raise DataError(
            "the two maps have no pixels in common", expected="3 or more", found=str(both.sum())
        )
    w = a.image(a.weights)[both]
    first, second = a.image()[both], b.image()[both]
    first = first - np.average(first, weights=w)
    second = second - np.average(second, weights=w)
    difference = first - second
    difference -= np.average(difference, weights=w)
    sigma = float(np.sqrt(np.average(difference**2, weights=w) / parts))
    covariance = float(np.average(first * second, weights=w))
    n_eff = w.sum() ** 2 / np.sum(w**2)
    note = {
        "repeat": "var(a - b)/2, true spread from the covariance of two scans; no noise model",
        "odd_even": "var(odd - even)/4, true spread from the covariance of the two halves",
    }[source]
    return NoiseEstimate(
        source,
        sigma,
        float(sigma / np.sqrt(2 * n_eff)),
        float(np.sqrt(max(covariance, 0.0))),
        int(both.sum()),
        note,
    )


def _reference(
    maps: xr.Dataset, variable: str, weights: str | xr.DataArray | None, observed: float
) -> NoiseEstimate:
    sample = take_sample(maps, variable, weights=weights)
    mean = np.average(sample.values, weights=sample.weights)
    sigma = float(np.sqrt(np.average((sample.values - mean) ** 2, weights=sample.weights)))
    n_eff = sample.weights.sum() ** 2 / np.sum(sample.weights**2)
    note = "spread of a homogeneous sample: includes its thickness and artifacts"
    return NoiseEstimate(
        "reference",
        sigma,
        float(sigma / np.sqrt(2 * n_eff)),
        _true(observed, sigma),
        sample.size,
        note,
    )


def sample_floor(sample: Sample, fitted: VariogramFit) -> NoiseFloor:
    """Propagated sigma against the nugget of a variogram that is fitted already."""
    mean = np.average(sample.values, weights=sample.weights)
    observed = float(np.sqrt(np.average((sample.values - mean) ** 2, weights=sample.weights)))
    found = _nugget_of(sample, fitted, observed)
    if np.isfinite(sample.noise_variance).any():
        found.append(_propagated(sample, observed))
    return NoiseFloor(tuple(found), observed, sample.kind.units)


def _nugget(sample: Sample, observed: float) -> list[NoiseEstimate]:
    return _nugget_of(sample, fit_variogram(variogram_of(sample)), observed)


def _nugget_of(sample: Sample, fitted: VariogramFit, observed: float) -> list[NoiseEstimate]:
    if not np.isfinite(fitted.nugget):
        return []
    sigma = float(np.sqrt(fitted.nugget))
    std = fitted.nugget_std / (2 * sigma) if sigma > 0 else float("nan")
    note = f"variogram at distance zero ({fitted.model}); includes what no pixel resolves"
    true = _true(observed, sigma)
    return [NoiseEstimate("nugget", sigma, float(std), true, sample.size, note)]
