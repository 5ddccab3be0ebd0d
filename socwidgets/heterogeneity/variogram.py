"""Semivariogram of a map, its models and what they say: nugget, sill, range."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.bootstrap import Units
from socwidgets.heterogeneity.correlation import offsets_at
from socwidgets.heterogeneity.fitting import image_dims, map_of
from socwidgets.heterogeneity.pairs import PairSums, offsets_along, sum_pairs
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.model.parameters import unknown_name

#: Semivariance of unit sill against distance over the range l.
MODELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "gaussian": lambda u: 1.0 - np.exp(-(u**2) / 2.0),
    "exponential": lambda u: 1.0 - np.exp(-u),
    "spherical": lambda u: np.where(u < 1, 1.5 * u - 0.5 * u**3, 1.0),
}
#: Range of each model over the distance at which its correlation is 1/e.
RANGE_OF_LENGTH = {"gaussian": math.sqrt(0.5), "exponential": 1.0, "spherical": 2.2112}
#: Candidates for the range, in pixels, tried between these over `GRID` steps.
GRID = 160
#: Closest lags that are all used before they are spaced in proportion.
CLOSE = 8


@dataclass(frozen=True, slots=True)
class Variogram:
    """Semivariances by distance.

    Attributes
    ----------
    distance : ndarray
        ``(offsets,)`` pixels.
    gamma, pairs : ndarray
        ``(offsets,)`` semivariance (units of the map squared) and number of pairs.
    drawn : ndarray or None
        ``(units, offsets, 2)`` sums of half squares and of pairs by resampling unit.
    pixel_um : float
        Pixel size.
    """

    distance: np.ndarray
    gamma: np.ndarray
    pairs: np.ndarray
    drawn: np.ndarray | None
    pixel_um: float

    def to_dataset(self) -> xr.Dataset:
        """``(distance,)`` in um: ``gamma`` and ``pairs``, directions pooled."""
        order = np.rint(self.distance).astype(int)
        pairs = np.bincount(order, self.pairs)
        seen = pairs > 0
        mean = np.bincount(order, self.pairs * self.gamma)[seen] / pairs[seen]
        lag = np.bincount(order, self.pairs * self.distance)[seen] / pairs[seen]
        coords = {"distance": ("distance", lag * self.pixel_um, {"units": "um"})}
        variables = {"gamma": ("distance", mean), "pairs": ("distance", pairs[seen].astype(int))}
        return xr.Dataset(variables, coords)


@dataclass(frozen=True, slots=True)
class VariogramFit:
    """A model fitted to a variogram.

    Attributes
    ----------
    model : str
        Key of `MODELS`.
    nugget, sill : float
        Jump at distance zero and what is added to it at large distance (variance of the
        structure), units of the map squared.
    nugget_std : float
        Rough standard error of the nugget, from the scatter of the semivariances.
    range_px : float
        Parameter l of the model, pixels.
    length_px : float
        Distance at which the model's correlation is 1/e, pixels.
    misfit : float
        Weighted sum of squares; the model with the smallest is chosen.
    """

    model: str
    nugget: float
    sill: float
    nugget_std: float
    range_px: float
    length_px: float
    misfit: float

    def __call__(self, distance_px: np.ndarray) -> np.ndarray:
        """Semivariance of the model at distances in pixels (nugget included)."""
        return self.nugget + self.sill * MODELS[self.model](distance_px / self.range_px)


NO_FIT = VariogramFit("gaussian", *([float("nan")] * 6))


def variogram(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
    same_particle: bool = False,
    axis: str | None = None,
) -> Variogram:
    """Semivariogram within the mask, up to a third of the field.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)`` or ``(z, y, x)``; of a volume the layers are pooled.
    variable : str
        The map.
    labels : xarray.DataArray, optional
        Particles: pixels outside do not count.
    weights : str, xarray.DataArray or None
        Pixels of positive weight count, all alike.
    same_particle : bool
        Whether to leave out pairs across two particles.
    axis : str, optional
        Only pairs along this dimension, for instance ``"z"`` across the layers of a volume, with
        its own pixel size; without it all directions within the layers.

    Returns
    -------
    Variogram
        Distances in pixels (of `axis`), semivariances in the unit of the map squared.

    Raises
    ------
    DataError, KindError
        As `take_sample`.
    ParameterError
        If the map has no such axis.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    if axis is None:
        return variogram_of(sample, same_particle=same_particle)
    dims = image_dims(map_of(maps, variable))
    if axis not in dims:
        raise unknown_name(f"{variable!r} has no axis {axis!r}", axis, dims)
    along = dims.index(axis)
    sums = sum_pairs(sample, offsets_along(sample, along), same_label=same_particle)
    return semivariances(sums, sample.spacing_um[along])


def semivariances(sums: PairSums, pixel_um: float, *, by_unit: bool = False) -> Variogram:
    """Variogram of sums over pairs, at the offsets that have any; `by_unit` keeps the draws."""
    kept = sums.pairs > 0
    gamma = sums.total("half_square")[kept] / sums.pairs[kept]
    drawn = None
    if by_unit:
        columns = sums.column("half_square")[kept].T, sums.column("pairs")[kept].T
        drawn = np.stack(columns, axis=2)
    return Variogram(sums.distance[kept], gamma, sums.pairs[kept], drawn, pixel_um)


def variogram_of(
    sample: Sample,
    units: Units | None = None,
    *,
    same_particle: bool = False,
    cancel: threading.Event | None = None,
) -> Variogram:
    """Semivariogram ``gamma(h) = <(v(r + h) - v(r))^2>/2`` of a sample (Matheron 1963)."""
    extent = max(int(p.max() - p.min()) + 1 for p in sample.position[-2:])
    reach = max(2, extent // 3)
    lags = set(range(1, min(CLOSE, reach) + 1))
    if reach > CLOSE:
        lags |= set(map(int, np.geomspace(CLOSE, reach, 16)))
    sums = sum_pairs(
        sample, offsets_at(sorted(lags)), units, same_label=same_particle, cancel=cancel
    )
    pixel = float(np.mean(sample.spacing_um[-2:]))
    return semivariances(sums, pixel, by_unit=units is not None)


def fit_variogram(
    found: Variogram, model: str | None = None, *, nugget: float | None = None
) -> VariogramFit:
    """Fit one model, or the one of three that fits best.

    Parameters
    ----------
    found : Variogram
        The semivariances.
    model : {"gaussian", "exponential", "spherical"}, optional
        The best of the three if left out.
    nugget : float, optional
        Known noise variance; fitted if left out.

    Returns
    -------
    VariogramFit
        NaN with fewer than four distances, or without any variance.

    Raises
    ------
    ParameterError
        If the model is unknown.

    Notes
    -----
    Weights ``pairs/gamma^2`` (Cressie 1985, Math. Geol. 17, 563) over distances up to the first
    plateau count most. Nugget and sill are linear and not below zero; the range is sought on a
    grid and refined by a parabola.
    """
    if model is not None and model not in MODELS:
        raise unknown_name("unknown variogram model", model, MODELS)
    if found.gamma.size < 4 or not (found.gamma > 0).any():
        return NO_FIT
    fits = [_fit(found, name, nugget) for name in ([model] if model else MODELS)]
    return min(fits, key=lambda fit: fit.misfit)


def range_grid(distance: np.ndarray) -> np.ndarray:
    """``(GRID,)`` candidates for the range, from half a pixel to the largest distance."""
    return np.geomspace(0.5, max(2.0, float(distance.max())), GRID)


def profile_misfit(
    gamma: np.ndarray, weights: np.ndarray, shape: np.ndarray, nugget: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best nugget and sill for one range, of many variograms at once.

    Parameters
    ----------
    gamma, weights : ndarray
        ``(draws, offsets)``.
    shape : ndarray
        ``(offsets,)`` model of unit sill.
    nugget : float or None
        Known nugget.

    Returns
    -------
    nugget, sill, misfit : ndarray
        ``(draws,)``; nugget and sill are not negative.
    """
    w = weights
    total, first, second = w.sum(1), w @ shape, w @ shape**2
    value, product, square = (w * gamma).sum(1), (w * gamma) @ shape, (w * gamma**2).sum(1)
    pure = product / np.maximum(second, 1e-300)
    if nugget is None:
        determinant = total * second - first**2
        safe = np.where(determinant > 1e-12 * total * second, determinant, np.nan)
        base = (second * value - first * product) / safe
        base = np.where(np.isfinite(base), np.maximum(base, 0.0), 0.0)
    else:
        base = np.full(gamma.shape[0], nugget)
    sill = np.maximum((product - base * first) / np.maximum(second, 1e-300), 0.0)
    flat = (nugget is None) & (sill == 0.0)
    base = np.where(flat, value / np.maximum(total, 1e-300), base)
    sill = np.where((base == 0.0) & (nugget is None), np.maximum(pure, 0.0), sill)
    misfit = (
        square - 2 * (base * value + sill * product)
        + base**2 * total + 2 * base * sill * first + sill**2 * second
    )  # fmt: skip
    return base, sill, misfit


def _fit(found: Variogram, model: str, nugget: float | None) -> VariogramFit:
    gamma = found.gamma[None]
    # Of the fitted, not of the observed semivariance: small values must not draw all the weight.
    level = np.maximum(found.gamma, 0.05 * found.gamma.max())
    weights = (found.pairs / level**2)[None]
    ranges = range_grid(found.distance)
    shapes = [MODELS[model](found.distance / r) for r in ranges]
    misfits = np.array([profile_misfit(gamma, weights, shape, nugget)[2][0] for shape in shapes])
    best = int(np.clip(np.argmin(misfits), 1, GRID - 2))
    left, middle, right = misfits[best - 1 : best + 2]
    bend = left - 2 * middle + right
    step = float(np.clip(0.5 * (left - right) / bend, -1, 1)) if bend > 0 else 0.0
    chosen = float(ranges[best] * (ranges[1] / ranges[0]) ** step)
    shape = MODELS[model](found.distance / chosen)
    base, sill, misfit = (float(a[0]) for a in profile_misfit(gamma, weights, shape, nugget))
    freedom = max(found.gamma.size - 3, 1)
    w = weights[0]
    determinant = w.sum() * (w @ shape**2) - (w @ shape) ** 2
    error = float("nan")
    if determinant > 0:
        error = math.sqrt(max(misfit, 0.0) / freedom * (w @ shape**2) / determinant)
    return VariogramFit(model, base, sill, error, chosen, chosen / RANGE_OF_LENGTH[model], misfit)
