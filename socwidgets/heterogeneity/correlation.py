"""How far values stay alike: the correlation length, and how many pixels are independent."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.pairs import sum_pairs
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.spread import noise_corrected_spread

#: Directions of the offsets: along the axes and the diagonals of the last two dimensions.
_DIAGONAL = math.sqrt(0.5)
DIRECTIONS = ((0.0, 1.0), (1.0, 0.0), (_DIAGONAL, _DIAGONAL), (_DIAGONAL, -_DIAGONAL))


def correlation_length_px(
    sample: Sample, true_variance: float, cancel: threading.Event | None = None
) -> float:
    """Distance at which the autocovariance has fallen to 1/e of the noise-free variance.

    Parameters
    ----------
    sample : Sample
        Usable pixels; gaps are left out pair by pair. In a volume pairs lie within layers.
    true_variance : float
        Variance without the noise, which only lives at lag zero.
    cancel : threading.Event, optional
        Looked at before every offset; `CancelledError` if it was set.

    Returns
    -------
    float
        Pixels. NaN where there is no variance; infinite where the covariance does not fall below
        1/e within a third of the field: no part of the image is independent of the rest then.
    """
    if not true_variance > 0:
        return float("nan")
    return fall_to_one_over_e(_outward(sample, true_variance, cancel))


def fall_to_one_over_e(ratios: Iterable[tuple[float, float]]) -> float:
    """Distance at which a correlation has fallen to 1/e.

    Parameters
    ----------
    ratios : iterable of (float, float)
        Rising distance, and covariance over variance there; read only as far as it takes.

    Returns
    -------
    float
        Between two of the distances; infinite where none is below, NaN where there is none.
    """
    last_lag, last_ratio = 0.0, 1.0
    for lag, ratio in ratios:
        if ratio < 1 / math.e:
            slope = (last_ratio - 1 / math.e) / (last_ratio - ratio)
            return float(last_lag + slope * (lag - last_lag))
        last_lag, last_ratio = lag, ratio
    return float("inf") if last_lag > 0 else float("nan")


def _outward(
    sample: Sample, variance: float, cancel: threading.Event | None
) -> Iterator[tuple[float, float]]:
    """``(lag, covariance/variance)`` up to a third of the field."""
    reach = max(sample.shape[-2:]) // 3
    step = 1
    while step <= reach:
        # Half a dozen lags at a time: a short length is found without looking at the long ones.
        lags = [step + i * max(1, step // 6) for i in range(6)]
        yield from _ratios(sample, lags, variance, cancel)
        step = lags[-1] + max(1, step // 6)


def _ratios(
    sample: Sample, lags: list[int], variance: float, cancel: threading.Event | None
) -> list[tuple[float, float]]:
    """``(lag, covariance/variance)``, directions pooled, for each lag that has pairs."""
    found = []
    sums = sum_pairs(sample, offsets_at(lags), cancel=cancel)
    nearest = np.argmin(np.abs(sums.distance[:, None] - np.asarray(lags)[None, :]), axis=1)
    for i in range(len(lags)):
        chosen = nearest == i
        pairs = sums.pairs[chosen].sum()
        if pairs >= 1:
            covariance = sums.total("product")[chosen].sum() / pairs
            mean_lag = float(np.average(sums.distance[chosen], weights=sums.pairs[chosen]))
            found.append((mean_lag, float(covariance / variance)))
    return found


def offsets_at(lags: list[int]) -> list[tuple[int, int]]:
    """Pixel offsets ``(dy, dx)``, dy >= 0, in four directions at about each lag."""
    found: list[tuple[int, int]] = []
    for lag in lags:
        for dy, dx in DIRECTIONS:
            offset = (round(dy * lag), round(dx * lag))
            if offset not in found:
                found.append(offset)
    return found


def effective_count(n_pixels: float, length_px: float, dims: int = 2) -> float:
    """Independent values among correlated pixels, at least 1 and at most N.

    Parameters
    ----------
    n_pixels : float
        Number of pixels.
    length_px : float
        Distance L at which the correlation is 1/e; NaN counts as none, infinite leaves one.
    dims : int
        2 for an image, 3 for a volume.

    Returns
    -------
    float
        From 1 to `n_pixels`.

    Notes
    -----
    ``N/(2 pi l^2)`` for a covariance ``exp(-h^2/(2 l^2))``, for which ``L = sqrt(2) l``.
    """
    if not length_px > 0:
        return float(n_pixels)
    if math.isinf(length_px):
        return 1.0
    volume = (math.sqrt(math.pi) * length_px) ** dims
    return float(np.clip(n_pixels / max(volume, 1.0), 1.0, n_pixels))


def independent_noise(sample: Sample) -> float:
    """Independent values of the noise: what decides which spread stands out of it.

    Parameters
    ----------
    sample : Sample
        Usable pixels.

    Returns
    -------
    float
        At least 1.

    Notes
    -----
    Of a map without any structure the scatter of ``s^2`` follows from the noise alone: pixels count
    by their weights, and less by the squared correlation that registration leaves between them.
    """
    shape = sample.noise_shape
    alike = 1.0 + 2.0 * (shape.along_y**2 + shape.along_x**2) + 4.0 * shape.diagonal**2
    count = sample.weights.sum() ** 2 / np.sum(sample.weights**2)
    return max(float(count) / alike, 1.0)


def variance_known(sample: Sample) -> float:
    """Variance of a sample without the noise; as observed where the noise is not known."""
    spread = noise_corrected_spread(sample.values, sample.noise_variance, sample.weights)
    return float((spread.observed if np.isnan(spread.true) else spread.true) ** 2)


def radial_autocorrelation(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
) -> xr.Dataset:
    """Correlation of pixels against their distance, up to a third of the field.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)``; of a volume the layers are pooled.
    variable : str
        The map.
    labels : xarray.DataArray, optional
        Particles: pixels outside do not count.
    weights : str, xarray.DataArray or None
        Pixels of positive weight count.

    Returns
    -------
    xarray.Dataset
        ``(distance,)`` in um: ``correlation``, the autocovariance over the variance without noise
        (over that as observed where the noise is not known), NaN where there is none, and
        ``pairs``.

    Raises
    ------
    DataError, KindError
        As `take_sample`.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    variance = variance_known(sample)
    reach = max(2, max(sample.shape[-2:]) // 3)
    lags = sorted(set(np.rint(np.geomspace(1, reach, 40)).astype(int).tolist()))
    sums = sum_pairs(sample, offsets_at(lags))
    nearest = np.argmin(np.abs(sums.distance[:, None] - np.asarray(lags)[None, :]), axis=1)
    pairs = np.bincount(nearest, sums.pairs, minlength=len(lags))
    seen = pairs > 0
    covariance = (
        np.bincount(nearest, sums.total("product"), minlength=len(lags))[seen] / pairs[seen]
    )
    lag = np.bincount(nearest, sums.pairs * sums.distance, minlength=len(lags))[seen] / pairs[seen]
    pixel = float(np.mean(sample.spacing_um[-2:]))
    correlation = covariance / variance if variance > 0 else np.full(lag.size, np.nan)
    return xr.Dataset(
        {
            "correlation": ("distance", correlation),
            "pairs": ("distance", pairs[seen].astype(int)),
        },
        {"distance": ("distance", lag * pixel, {"units": "um"})},
    )
