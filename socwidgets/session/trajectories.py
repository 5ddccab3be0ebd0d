"""How particles and the whole field go through the states of a series."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.names import X, Y
from socwidgets.model.status import usable
from socwidgets.session.state import Series


def trajectories(series: Series, variable: str, labels: xr.DataArray | None) -> xr.Dataset:
    """Mean of every particle, and the spread of the pixels, in every state.

    Parameters
    ----------
    series : Series
        Maps with the dim ``series.dim`` in front.
    variable : str
        The map.
    labels : xarray.DataArray or None
        ``(y, x)`` integer, the same particles in every state; 0 = background.

    Returns
    -------
    xarray.Dataset
        ``mean``, ``sd``, ``low``, ``high`` (5th and 95th percentile) of the usable pixels over the
        state; with labels ``particle_mean`` and ``particle_std`` (uncertainty of the mean from the
        noise) ``(label, state)``. NaN where a state or a particle has no usable pixel. Means are
        weighted by ``thickness`` where that map is there.
    """
    dim = series.dim
    states = [series.maps.isel({dim: i}) for i in range(series.size)]
    overall = np.array([_overall(maps, variable) for maps in states]).T
    columns = dict(zip(("mean", "sd", "low", "high"), overall, strict=True))
    result = xr.Dataset({name: (dim, values) for name, values in columns.items()})
    if dim in series.maps.coords:
        result = result.assign_coords({dim: series.maps[dim]})
    if labels is None:
        return result
    ids = np.unique(labels.values)
    ids = ids[ids > 0]
    mean, std = _of_particles(states, variable, labels, ids)
    return result.assign(
        particle_mean=(("label", dim), mean), particle_std=(("label", dim), std)
    ).assign_coords(label=ids)


def state_words(series: Series) -> list[str]:
    """Name of every state: its coordinate with units, or its number."""
    dim = series.dim
    if dim not in series.maps.coords:
        return [str(i + 1) for i in range(series.size)]
    coord = series.maps[dim]
    units = str(coord.attrs.get("units", "")).replace("um", "µm")
    numbers = coord.dtype.kind in "iuf"
    texts = [f"{v:.4g}" if numbers else str(v) for v in coord.values]
    return [f"{t} {units}" if units not in ("", "1") else t for t in texts]


def _overall(maps: xr.Dataset, variable: str) -> tuple[float, float, float, float]:
    good = usable(maps).transpose(Y, X).values
    values = maps[variable].transpose(Y, X).values.astype(np.float64)
    good = good & np.isfinite(values)
    weights = _weights(maps, good.shape)
    if not (weights[good] > 0).any():
        return (float("nan"),) * 4
    v, w = values[good], weights[good]
    mean = float(np.average(v, weights=w))
    low, high = np.percentile(v, [5, 95])
    return mean, float(np.sqrt(np.average((v - mean) ** 2, weights=w))), float(low), float(high)


def _weights(maps: xr.Dataset, shape: tuple[int, ...]) -> np.ndarray:
    if "thickness" not in maps:
        return np.ones(shape)
    return np.nan_to_num(maps["thickness"].transpose(Y, X).values.astype(np.float64)).clip(min=0.0)


def _of_particles(
    states: list[xr.Dataset], variable: str, labels: xr.DataArray, ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    from socwidgets.heterogeneity.particles import particle_table
    from socwidgets.model.errors import DataError

    mean = np.full((ids.size, len(states)), np.nan)
    std = np.full_like(mean, np.nan)
    for i, maps in enumerate(states):
        try:
            table = particle_table(maps, labels, variable=variable)
        except DataError:  # no particle has a usable pixel in this state
            continue
        at = np.searchsorted(ids, table.index.to_numpy())
        mean[at, i], std[at, i] = table["mean"], table["mean_std"]
    return mean, std
