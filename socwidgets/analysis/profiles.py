"""Profiles of a map: along a line, and over any distance, in bins."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import X, Y
from socwidgets.model.stack import pixel_size_um

Line = tuple[float, float, float, float]


def line_profile(
    values: xr.DataArray, line: Line, *, width_um: float = 0.0, std: xr.DataArray | None = None
) -> xr.Dataset:
    """Values along a straight line, averaged across its width.

    Samples stand half a pixel apart or closer along the line and take the nearest pixel, so that
    no value is made up and gaps stay gaps.

    Parameters
    ----------
    values : xarray.DataArray
        ``(y, x)``; NaN has no value and is left out of the averages.
    line : (float, float, float, float)
        ``x0, y0, x1, y1`` in um.
    width_um : float
        Width of the band that is averaged, um; 0 takes the pixels under the line.
    std : xarray.DataArray, optional
        ``(y, x)``, standard uncertainty of the values, independent from pixel to pixel.

    Returns
    -------
    xarray.Dataset
        Over ``distance`` (um from the first end): ``mean``, ``sd`` (population, across the width),
        ``sem`` (of the mean, from `std`; NaN without), ``count`` (pixels), and the places ``x_um``,
        ``y_um`` on the line.

    Raises
    ------
    ParameterError
        If the ends are the same or the width is negative.
    """
    x0, y0, x1, y1 = line
    length = float(np.hypot(x1 - x0, y1 - y0))
    if not (length > 0 and width_um >= 0):
        raise ParameterError(
            "a profile needs a line and a width", expected="two different ends, width 0 or more um",
            found=f"length {length:g} um, width {width_um:g} um",
        )  # fmt: skip
    field = values.transpose(Y, X)
    pixel = float(np.nanmin(pixel_size_um(field)))
    distance = np.linspace(0.0, length, max(int(np.ceil(length / (0.5 * pixel))), 1) + 1)
    across = np.linspace(-0.5, 0.5, max(int(np.ceil(width_um / (0.5 * pixel))), 0) + 1) * width_um
    if across.size == 1:
        across = np.zeros(1)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    at_x = x0 + distance[:, None] * ux - across[None, :] * uy
    at_y = y0 + distance[:, None] * uy + across[None, :] * ux
    rows, columns = (_nearest(field[d].values, at) for d, at in ((Y, at_y), (X, at_x)))
    inside = (rows >= 0) & (columns >= 0)
    found = np.where(inside, field.values[rows, columns], np.nan).astype(np.float64)
    noise = (
        None if std is None else np.where(inside, std.transpose(Y, X).values[rows, columns], np.nan)
    )
    result = _across(found, noise, rows * field.sizes[X] + columns)
    coords = {
        "distance": ("distance", distance, {"long_name": "Distance along the line", "units": "um"})
    }
    places = {"x_um": ("distance", x0 + distance * ux), "y_um": ("distance", y0 + distance * uy)}
    return xr.Dataset({**{k: ("distance", v) for k, v in result.items()}, **places}, coords)


def binned_profile(
    values: np.ndarray,
    distance: np.ndarray,
    *,
    bins: int = 20,
    weights: np.ndarray | None = None,
    noise_variance: np.ndarray | None = None,
) -> xr.Dataset:
    """Mean of values over a distance, in bins of equal numbers of pixels.

    Parameters
    ----------
    values, distance : ndarray
        ``(n,)``; pixels where either is not finite are left out.
    bins : int
        Number of bins; fewer where distances repeat.
    weights, noise_variance : ndarray, optional
        ``(n,)``; equal weights, and no ``sem``, if left out.

    Returns
    -------
    xarray.Dataset
        Over ``distance`` (weighted mean of each bin): ``mean`` (weighted), ``sd`` (weighted,
        population), ``sem`` (uncertainty of the mean from the noise alone), ``count``.

    Raises
    ------
    DataError
        If no pixel is left.
    """
    w = np.ones_like(values, np.float64) if weights is None else weights
    good = np.isfinite(values) & np.isfinite(distance) & (w > 0)
    if not good.any():
        raise DataError("there is no pixel to take a profile of", fix="choose another region")
    v, d, w = (np.asarray(a, np.float64)[good] for a in (values, distance, w))
    edges = np.unique(np.quantile(d, np.linspace(0.0, 1.0, bins + 1)))
    index = np.clip(np.searchsorted(edges, d, side="right") - 1, 0, max(edges.size - 2, 0))
    used, index = np.unique(index, return_inverse=True)

    def total(numbers: np.ndarray) -> np.ndarray:
        return np.bincount(index, numbers, minlength=used.size)

    weight = total(w)
    mean = total(w * v) / weight
    sd = np.sqrt(total(w * (v - mean[index]) ** 2) / weight)
    noise = np.full(v.size, np.nan) if noise_variance is None else noise_variance[good]
    columns = {
        "mean": mean, "sd": sd, "sem": np.sqrt(total(w**2 * noise)) / weight,
        "count": np.bincount(index, minlength=used.size),
    }  # fmt: skip
    at = total(w * d) / weight
    return xr.Dataset({k: ("distance", c) for k, c in columns.items()}, {"distance": at})


def _nearest(centers: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Index of the nearest pixel center; -1 beyond half a pixel outside."""
    if centers.size == 1:
        return np.zeros(at.shape, int)
    step = float(centers[-1] - centers[0]) / (centers.size - 1)
    index = np.rint((at - centers[0]) / step).astype(int)
    return np.where((index >= 0) & (index < centers.size), index, -1)


def _across(found: np.ndarray, noise: np.ndarray | None, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, sd, sem and pixel count of each row, every pixel counted once."""
    order = np.argsort(ids, axis=1, kind="stable")
    ids, found = (np.take_along_axis(a, order, axis=1) for a in (ids, found))
    fresh = np.ones(ids.shape, bool)
    fresh[:, 1:] = ids[:, 1:] != ids[:, :-1]
    kept = fresh & np.isfinite(found)
    count = kept.sum(axis=1)
    some = np.where(count > 0, count, 1)
    values = np.where(kept, found, 0.0)
    mean = np.where(count > 0, values.sum(axis=1) / some, np.nan)
    away = np.where(kept, found - mean[:, None], 0.0)
    sd = np.where(count > 0, np.sqrt((away**2).sum(axis=1) / some), np.nan)
    sem = np.full(len(found), np.nan)
    if noise is not None:
        variance = np.where(kept, np.take_along_axis(noise, order, axis=1) ** 2, 0.0).sum(axis=1)
        sem = np.where(count > 0, np.sqrt(variance) / some, np.nan)
    return {"mean": mean, "sd": sd, "sem": sem, "count": count}
