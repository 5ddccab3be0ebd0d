"""One row per particle: shape, mean with the uncertainty that the noise gives it, spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.fitting import fitting_labels, image_dims, map_of
from socwidgets.heterogeneity.regions import region_shapes
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.model.stack import positions_at

#: Percentiles of the values of a particle, besides the median.
PERCENTILES = (5, 25, 50, 75, 95)


def particle_table(
    maps: xr.Dataset,
    labels: xr.DataArray,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
) -> pd.DataFrame:
    """Shape, mean and spread of every particle.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` and ``status``, ``(y, x)`` or ``(z, y, x)``.
    labels : xarray.DataArray
        Of the map's shape, integer, 0 = background; ``attrs["touches_border"]`` and
        ``attrs["too_small"]`` as `segment_particles` sets them.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights, see `take_sample`.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``label``. ``n_pixels`` (usable ones); ``area_um2`` or ``volume_um3``,
        ``diameter_um``, ``aspect``, ``orientation_deg``, ``solidity``, ``major_um`` and
        ``minor_um`` of the whole particle (see `region_shapes`) and its position ``y_um``,
        ``x_um`` (``z_um``); ``mean`` (weighted) with ``mean_std``, the standard uncertainty that
        measurement noise gives it (the particle is imaged whole, so its spread is no error of its
        mean); ``pixel_mean`` (unweighted), ``median`` and ``p05`` to ``p95`` of the pixels;
        ``sd_observed`` (population, weighted), ``sd_true`` (noise subtracted, 0 if below it), both
        NaN for a single pixel; ``mean_sigma`` (root mean square noise of a pixel);
        ``touches_border`` and ``too_small``. A particle without a usable pixel has no row.

    Raises
    ------
    DataError, KindError
        If no usable pixel lies in a particle, or shapes do not fit.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    image = fitting_labels(labels, map_of(maps, variable))
    shapes = region_shapes(image, sample.spacing_um)
    frame = _statistics(sample)
    shapes = shapes.loc[frame.index].drop(columns="n_pixels_all")
    dims = image_dims(maps[variable])
    for dim in dims:
        shapes[f"{dim}_um"] = positions_at(maps, dim, shapes.pop(dim).to_numpy())
    frame = pd.concat([frame[["n_pixels"]], shapes, frame.drop(columns="n_pixels")], axis=1)
    for flag in ("touches_border", "too_small"):
        flagged = set(np.atleast_1d(labels.attrs.get(flag, [])).tolist())
        frame[flag] = [int(label) in flagged for label in frame.index]
    return frame


def particle_dataset(maps: xr.Dataset, labels: xr.DataArray, **options: Any) -> xr.Dataset:
    """`particle_table` as xarray: dim ``particle`` with the labels, units in the attributes.

    Parameters
    ----------
    maps, labels, **options
        As for `particle_table`, which also says what is raised.

    Returns
    -------
    xarray.Dataset
        One variable ``(particle,)`` for each column of the table.
    """
    frame = particle_table(maps, labels, **options)
    result = xr.Dataset.from_dataframe(frame.rename_axis("particle"))
    field = maps[options.get("variable", "soc")]
    for name, variable in result.data_vars.items():
        suffix = {"um": "um", "um2": "um^2", "um3": "um^3", "deg": "degree"}
        of_values = str(name).startswith(("mean", "median", "p0", "p2", "p7", "p9", "pixel", "sd"))
        units = str(field.attrs.get("units", "1")) if of_values else "1"
        variable.attrs["units"] = suffix.get(str(name).rpartition("_")[2], units)
    return result


def _statistics(sample: Sample) -> pd.DataFrame:
    from socwidgets.kernels.labels import quantiles

    labels = sample.labels
    if labels is None:
        raise TypeError("a sample without labels has no particles")
    count = np.bincount(labels)
    ids = np.flatnonzero(count)
    v, w, noise = sample.values, sample.weights, sample.noise_variance

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(labels, values)[ids]

    weight = total(w)
    mean = total(w * v) / weight
    everywhere = np.zeros(count.size)
    everywhere[ids] = mean
    variance = total(w * (v - everywhere[labels]) ** 2) / weight
    true = np.sqrt(np.maximum(variance - total(w * noise) / weight, 0.0))
    single = count[ids] < 2
    end = np.cumsum(count)
    ranks = np.empty((count.size, len(PERCENTILES)))
    ordered = v[np.argsort(labels, kind="stable")]
    levels = np.array(PERCENTILES) / 100.0
    quantiles(ordered, end - count, end, levels, 0, count.size, ranks)
    columns = {
        "n_pixels": count[ids],
        "mean": mean,
        "mean_std": np.sqrt(total(w**2 * noise)) / weight,
        "pixel_mean": total(v) / count[ids],
        "median": ranks[ids, PERCENTILES.index(50)],
        **{f"p{p:02d}": ranks[ids, i] for i, p in enumerate(PERCENTILES) if p != 50},
        "sd_observed": np.where(single, np.nan, np.sqrt(variance)),
        "sd_true": np.where(single, np.nan, true),
        "mean_sigma": np.sqrt(total(noise) / count[ids]),
    }
    return pd.DataFrame(columns, index=pd.Index(ids.astype(int), name="label"))
