"""Valence classes of a map over time, and the growth of a reaction channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtr

from socwidgets.heterogeneity.inputs import checked
from socwidgets.model.errors import DataError, ParameterError

CLASSES = ("low", "middle", "high")


def class_fractions(
    states: Any,
    thresholds: tuple[float, float],
    noise_std: Any = None,
    weights: Any = None,
) -> xr.Dataset:
    """Shares of low, middle and high values in every state (Fig. 13).

    Parameters
    ----------
    states : array_like
        ``(state, ...)``, values of one map after the other; NaN is left out.
    thresholds : (float, float)
        Between low and middle, and middle and high.
    noise_std : array_like or float, optional
        Noise of the values; with it ``expected_spill`` says which share of each class the noise
        alone moves to another one.
    weights : array_like, optional
        Of one map, ``(...)``.

    Returns
    -------
    xarray.Dataset
        ``fraction`` ``(state, class)``; ``expected_spill`` ``(state,)``, NaN without noise;
        ``n_pixels`` ``(state,)``. NaN for a state without values.

    Raises
    ------
    DataError, ParameterError
        If weights do not fit or the thresholds do not rise.
    """
    stack = np.asarray(states, dtype=np.float64)
    low, high = thresholds
    if not low < high:
        raise ParameterError("the thresholds do not rise", found=f"{low:g} and {high:g}")
    if stack.ndim < 2:
        raise DataError("states are stacked along their first axis", found=str(stack.shape))
    sigma = np.nan if noise_std is None else noise_std
    sigma = np.broadcast_to(np.asarray(sigma, dtype=np.float64), stack.shape)
    if np.any(sigma < 0):
        raise DataError("a standard uncertainty is negative", expected="zero or more")
    fraction = np.full((len(stack), 3), np.nan)
    spill, count = np.full(len(stack), np.nan), np.zeros(len(stack), int)
    for i, state in enumerate(stack):
        v, noise, w = checked(state, sigma[i] ** 2, weights)
        count[i] = v.size
        if not v.size:
            continue
        index = (v >= low).astype(int) + (v >= high)
        fraction[i] = np.bincount(index, w, minlength=3)
        if np.all(noise > 0):
            s = np.sqrt(noise)
            stays = np.array([ndtr((low - v) / s), 1.0, ndtr((v - high) / s)], dtype=object)
            chance = np.stack([stays[0], 1.0 - stays[0] - stays[2], stays[2]])
            spill[i] = float(np.sum(w * (1.0 - np.take_along_axis(chance, index[None], 0)[0])))
    return xr.Dataset(
        {
            "fraction": (("state", "class"), fraction, {"units": "1", "long_name": "Share"}),
            "expected_spill": ("state", spill, {"units": "1"}),
            "n_pixels": ("state", count),
        },
        {"class": list(CLASSES)},
    )


def reaction_channel(
    states: Any, threshold: float, pixel_um: tuple[float, float], *, above: bool = True
) -> xr.Dataset:
    """Centroid, radius and growth of the reacted region (Fig. 13).

    Parameters
    ----------
    states : array_like
        ``(state, y, x)``.
    threshold : float
        Reacted beyond it.
    pixel_um : (float, float)
        Pixel size along y and x.
    above : bool
        Whether reacted means above the threshold.

    Returns
    -------
    xarray.Dataset
        By ``state``: ``area_um2``; ``radius_um``, of the circle of the same area; ``spread_um``,
        root-mean-square distance from the centroid (a disc has radius/sqrt2; several channels have
        more); ``y_um``, ``x_um`` of the centroid. NaN where nothing has reacted.

    Raises
    ------
    DataError
        If the states are not a stack of images.
    ParameterError
        For a threshold that is not finite or pixel sizes that are not above zero.
    """
    stack = np.asarray(states, dtype=np.float64)
    if stack.ndim != 3:
        raise DataError("a reaction channel is followed in images", found=str(stack.shape))
    size = np.asarray(pixel_um, dtype=np.float64)
    if size.size != 2 or not np.all(size > 0) or not np.isfinite(threshold):
        raise ParameterError(
            "the channel needs a finite threshold and two pixel sizes above zero",
            found=f"{threshold!r} and {pixel_um!r}",
        )
    rows = []
    for state in stack:
        inside = np.isfinite(state) & ((state > threshold) if above else (state < threshold))
        y, x = (axis * step for axis, step in zip(np.nonzero(inside), size, strict=True))
        area = y.size * float(size.prod())
        if not y.size:
            nothing = 0.0 if np.isfinite(state).any() else np.nan
            rows.append((nothing, nothing, np.nan, np.nan, np.nan))
            continue
        spread = np.sqrt(y.var() + x.var())
        rows.append((area, np.sqrt(area / np.pi), spread, y.mean(), x.mean()))
    names = ("area_um2", "radius_um", "spread_um", "y_um", "x_um")
    columns = np.array(rows).T
    return xr.Dataset({n: ("state", c) for n, c in zip(names, columns, strict=True)})
