"""One row per particle: size, mean with the uncertainty that the noise gives it, spread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.sample import take_sample
from socwidgets.model.stack import pixel_size_um


def particle_table(
    maps: xr.Dataset,
    labels: xr.DataArray,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
) -> pd.DataFrame:
    """Mean, spread and size of every particle.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` and ``status``, ``(y, x)``.
    labels : xarray.DataArray
        ``(y, x)`` integer, 0 = background; ``attrs["touches_border"]`` as `segment_particles`
        sets it.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights, see `take_sample`.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``label``: ``n_pixels`` (usable ones), ``area_um2`` and ``diameter_um`` (of the
        circle of the same area) of the whole particle; ``mean`` (weighted) with ``mean_std``, the
        standard uncertainty that measurement noise gives it (the particle is imaged whole, so its
        spread is no error of its mean); ``sd_observed`` (population) and ``sd_true`` (noise
        subtracted, 0 if below it); ``touches_border``. A particle without a usable pixel has no
        row.

    Raises
    ------
    DataError, KindError
        If no usable pixel lies in a particle, or shapes do not fit.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    inside = labels.values[sample.rows, sample.columns]
    ids, index = np.unique(inside, return_inverse=True)
    w, v = sample.weights, sample.values

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(index, values, minlength=ids.size)

    weight = total(w)
    mean = total(w * v) / weight
    variance = total(w * (v - mean[index]) ** 2) / weight
    noise = total(w * sample.noise_variance) / weight
    true = np.sqrt(np.maximum(variance - noise, 0.0))
    area = np.bincount(labels.values.ravel(), minlength=int(ids.max()) + 1)[ids] * _pixel_area(maps)
    border = set(np.atleast_1d(labels.attrs.get("touches_border", [])).tolist())
    return pd.DataFrame(
        {
            "n_pixels": np.bincount(index, minlength=ids.size),
            "area_um2": area,
            "diameter_um": 2.0 * np.sqrt(area / np.pi),
            "mean": mean,
            "mean_std": np.sqrt(total(w**2 * sample.noise_variance)) / weight,
            "sd_observed": np.sqrt(variance),
            "sd_true": true,
            "touches_border": [int(label) in border for label in ids],
        },
        index=pd.Index(ids.astype(int), name="label"),
    )


def _pixel_area(maps: xr.Dataset) -> float:
    size_y, size_x = np.nan_to_num(pixel_size_um(maps), nan=1.0)
    return float(size_y * size_x)
