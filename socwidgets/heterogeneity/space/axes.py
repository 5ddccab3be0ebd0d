"""Correlation length along each axis of an image or a volume: layers may be farther apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.correlation import fall_to_one_over_e, variance_known
from socwidgets.heterogeneity.pairs import PairSums, offsets_along, sum_pairs
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.space.structure import length_objection, smallest_seen
from socwidgets.heterogeneity.variogram import fit_variogram, semivariances


def axis_lengths(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
    resolution_um: float | None = None,
    model: str | None = None,
) -> pd.DataFrame:
    """Correlation length along every axis by itself, with the pixel size of that axis.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)`` or ``(z, y, x)``.
    variable : str
        The map.
    labels : xarray.DataArray, optional
        Particles: pixels outside do not count.
    weights : str, xarray.DataArray or None
        Pixels of positive weight count.
    resolution_um : float, optional
        Full width at half maximum of the instrument; one pixel of the axis if left out.
    model : str, optional
        Model of the variogram; the best of three for each axis if left out.

    Returns
    -------
    pandas.DataFrame
        One row per axis: ``length_um``, the distance at which the noise-free autocovariance is 1/e;
        ``model_um``, the same from the fitted variogram; ``nugget``, its jump at distance zero,
        the variance of noise and of what no pixel resolves; ``reported`` and ``reason`` as in
        `correlation_length`. NaN where an axis is too short, or nothing is left without the noise.
        No uncertainty is stated.

    Raises
    ------
    DataError, KindError, ParameterError
        As `take_sample`; an unknown model.

    Notes
    -----
    Pairs along one axis only, up to a third of the field. Lengths that differ say that the
    structure is not the same in all directions, or that one axis is blurred.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    variance = variance_known(sample)
    dims = [str(d) for d in maps[variable].transpose(..., "y", "x").dims]
    rows = [
        _along(sample, axis, variance, resolution_um, model) for axis in range(len(sample.shape))
    ]
    return pd.DataFrame(rows, index=pd.Index(dims, name="axis"))


def _along(
    sample: Sample, axis: int, variance: float, resolution_um: float | None, model: str | None
) -> dict[str, float | bool | str]:
    place, pixel = sample.position[axis], sample.spacing_um[axis]
    extent = int(place.max() - place.min()) + 1
    sums = sum_pairs(sample, offsets_along(sample, axis))
    fit = fit_variogram(semivariances(sums, pixel), model)
    length = float("nan")
    if variance > 0:
        length = fall_to_one_over_e(_ratios(sums, variance)) * pixel
    seen = smallest_seen(sample, resolution_um, pixel)
    reason = length_objection(length, seen, extent * pixel, sample.length_units)
    return {
        "length_um": length if np.isfinite(length) else float("nan"),
        "model_um": fit.length_px * pixel, "nugget": fit.nugget, "reported": not reason,
        "reason": reason,
    }  # fmt: skip


def _ratios(sums: PairSums, variance: float) -> Iterator[tuple[float, float]]:
    """``(lag, autocovariance/variance)`` for each lag that has pairs."""
    for lag, pairs, product in zip(
        sums.distance, sums.pairs, sums.total("product"), strict=True
    ):  # fmt: skip
        if pairs:
            yield float(lag), product / pairs / variance
