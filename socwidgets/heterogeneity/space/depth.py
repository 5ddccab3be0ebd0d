"""Through the electrode: profile over the depth, and spreads along and across."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.correlation import correlation_length_px, effective_count
from socwidgets.heterogeneity.fitting import Z
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.space.depth_models import DepthProfile, fit_depth_profile
from socwidgets.model.errors import DataError
from socwidgets.model.names import X, Y


def layer_profile(
    maps: xr.Dataset, *, variable: str = "soc", weights: str | xr.DataArray | None = "thickness"
) -> xr.Dataset:
    """Mean and spread of every layer of a volume, and the in-depth spread of every column.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(z, y, x)``, z from the separator.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights.

    Returns
    -------
    xarray.Dataset
        ``(z,)``: ``mean``, ``in_plane_sd`` (population), ``in_plane_sd_true`` (noise taken out,
        NaN where it is not known), ``count``; ``(y, x)``: ``in_depth_sd``, ``in_depth_sd_true``.
        NaN where there are no two values. The noise is taken to be independent from pixel to
        pixel; its variance in a standard deviation of n values is ``(1 - 1/n)`` of a pixel's.

    Raises
    ------
    DataError, KindError
        As `take_sample`; a map that is not a volume. Golden G-32.
    """
    sample = take_sample(maps, variable, weights=weights)
    if len(sample.shape) != 3:
        raise DataError(
            "a depth profile needs a volume", expected="(z, y, x)", found=f"{sample.shape}"
        )
    field = maps[variable].transpose(Z, Y, X)
    weight = sample.image(sample.weights)
    value = sample.image()
    noise = sample.image(sample.noise_variance)
    result = xr.Dataset(coords={d: field[d] for d in (Z, Y, X) if d in field.coords})
    for dims, axes, name in (((Z,), (1, 2), "in_plane_sd"), ((Y, X), (0,), "in_depth_sd")):
        mass = weight.sum(axis=axes, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (weight * value).sum(axis=axes, keepdims=True) / mass
            variance = (weight * (value - mean) ** 2).sum(axis=axes, keepdims=True) / mass
            # About their own mean values scatter less: what noise the mean holds is not in it.
            held = (weight**2 * noise).sum(axis=axes, keepdims=True) / mass**2
            floor = (weight * noise).sum(axis=axes, keepdims=True) / mass - held
        count = (weight > 0).sum(axis=axes)
        variance = np.where(count > 1, np.squeeze(variance, axes), np.nan)
        true = np.sqrt(np.maximum(variance - np.squeeze(floor, axes), 0.0))
        units = {"units": sample.kind.units}
        result[name] = (dims, np.sqrt(variance), units)
        result[f"{name}_true"] = (dims, true, units)
        if dims == (Z,):
            result["mean"] = (dims, np.squeeze(mean, axes), units)
            result["count"] = (dims, count)
    return result


def depth_profile(
    maps: xr.Dataset, *, variable: str = "soc", weights: str | xr.DataArray | None = "thickness"
) -> DepthProfile:
    """Fit the mean of the layers of a volume against depth.

    The uncertainty of a layer's mean is its spread over the square root of its independent pixels
    (from the correlation length within the layers).

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(z, y, x)``, z from the separator.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights.

    Returns
    -------
    DepthProfile
        The models, the best one first, and the profile that they were fitted to.

    Raises
    ------
    DataError, KindError
        As `layer_profile`; fewer than three layers with a value.
    """
    sample = take_sample(maps, variable, weights=weights)
    layers = layer_profile(maps, variable=variable, weights=weights)
    count = layers["count"].values.astype(float)
    centered = sample.values - layers["mean"].values[sample.position[0]]
    flat = replace(sample, values=centered)
    length = correlation_length_px(flat, float(np.average(centered**2, weights=sample.weights)))
    independent = np.array([effective_count(int(n), length) if n else np.nan for n in count])
    std = layers["in_plane_sd"].values / np.sqrt(np.maximum(independent, 1.0))
    depth = maps[Z].values.astype(float) if Z in maps.coords else np.arange(count.size, dtype=float)
    return fit_depth_profile(depth, layers["mean"].values, std)
