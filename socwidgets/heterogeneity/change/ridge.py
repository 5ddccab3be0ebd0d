"""Histograms of many states one above the other (Fig. 10, 14c-d and 29a)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.inputs import checked, variance_of
from socwidgets.heterogeneity.spread import weighted_quantile
from socwidgets.model.errors import DataError, ParameterError


def histogram_ridge(
    states: Sequence[Any],
    coordinate: Any = None,
    *,
    noise_std: Any = None,
    weights: Sequence[Any] | None = None,
    bins: int = 60,
    limits: tuple[float, float] | None = None,
    name: str = "state",
    units: str = "1",
) -> xr.Dataset:
    """Densities of a quantity over successive states, with the numbers that describe them.

    Parameters
    ----------
    states : sequence of array_like
        One map (any shape, also of different shapes) per state; NaN is left out.
    coordinate : array_like, optional
        ``(state,)``, such as temperature or time; the index if left out.
    noise_std : sequence or float, optional
        Noise of each state: a number, or an array like the map.
    weights : sequence of array_like, optional
        One per state.
    bins : int
        Number of bins.
    limits : (float, float), optional
        Range of values; left out: the 0.5 to 99.5 % range of all states, widened by a tenth.
    name : str
        Name of the dimension.
    units : str
        Of the values.

    Returns
    -------
    xarray.Dataset
        ``density`` ``(state, value)`` per unit of the value (its sum over the bins is the share
        inside the limits); by state ``mean``, ``median``, ``mode`` (of the smoothed density),
        ``std`` (as observed), ``std_true`` (noise taken out; 0 if below it, NaN if not known),
        ``p05``, ``p95``, ``outside`` (share beyond the limits) and ``n``. NaN for an empty state.

    Raises
    ------
    DataError, ParameterError
        If the arguments do not fit, or no state holds a value.
    """
    count = len(states)
    place = np.arange(count) if coordinate is None else np.asarray(coordinate)
    if place.shape != (count,) or (weights is not None and len(weights) != count):
        raise DataError(
            "the coordinate or the weights do not fit", expected=f"{count} states",
            found=f"{place.shape}",
        )  # fmt: skip
    if bins < 3:
        raise ParameterError("a ridge needs three bins or more", found=str(bins))
    noises = noise_std if isinstance(noise_std, Sequence) else [noise_std] * count
    if len(noises) != count:
        raise DataError("the noise does not fit", expected=str(count), found=str(len(noises)))
    parts = []
    for i, state in enumerate(states):
        weight = None if weights is None else weights[i]
        parts.append(checked(state, variance_of(noises[i]), weight))
    everything = np.concatenate([np.empty(0), *(part[0] for part in parts)])
    if not everything.size:
        raise DataError("no state holds a value", expected="at least one finite value")
    edges = _edges(everything, bins, limits)
    density = np.full((count, bins), np.nan)
    rows = np.full((count, 9), np.nan)
    for i, (v, noise, w) in enumerate(parts):
        rows[i, 8] = v.size
        if v.size:
            density[i] = np.histogram(v, edges, weights=w)[0] / np.diff(edges)
            rows[i, :8] = _numbers(v, noise, w, density[i], edges)
    middle = 0.5 * (edges[1:] + edges[:-1])
    columns = ("mean", "median", "mode", "std", "std_true", "p05", "p95", "outside", "n")
    result = xr.Dataset(
        {"density": ((name, "value"), density, {"long_name": "Density"})},
        {name: (name, place), "value": ("value", middle, {"units": units})},
    )
    for column, values in zip(columns, rows.T, strict=True):
        plain = column in ("outside", "n")
        result[column] = (name, values, {"units": "1" if plain else units})
    return result


def _edges(values: np.ndarray, bins: int, limits: tuple[float, float] | None) -> np.ndarray:
    if limits is None:
        low, high = np.quantile(values, [0.005, 0.995])
        room = 0.1 * (high - low) or 0.5
        limits = (low - room, high + room)
    if not limits[1] > limits[0]:
        raise ParameterError("the limits do not rise", found=str(limits))
    return np.linspace(limits[0], limits[1], bins + 1)


def _numbers(
    v: np.ndarray, noise: np.ndarray, w: np.ndarray, density: np.ndarray, edges: np.ndarray
) -> list[float]:
    from scipy.ndimage import gaussian_filter1d

    mean = float(np.sum(w * v))
    variance = float(np.sum(w * (v - mean) ** 2))
    true = float(np.sqrt(np.maximum(variance - np.sum(w * noise), 0.0)))
    p05, median, p95 = weighted_quantile(v, np.array([0.05, 0.5, 0.95]), w)
    middle = 0.5 * (edges[1:] + edges[:-1])
    smooth = gaussian_filter1d(density, 1.0, mode="constant")
    mode = float(middle[int(np.argmax(smooth))]) if density.any() else float("nan")
    outside = 1.0 - float(np.sum(density * np.diff(edges)))
    return [mean, float(median), mode, float(np.sqrt(variance)), true, p05, p95, outside]
