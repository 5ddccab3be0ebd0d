"""Starting values of an iterative fit: from a map, or from the pixels around a bad one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.mapset import MapSpec
from socwidgets.model.names import STATUS, STD_SUFFIX, X, Y, spectral_dim
from socwidgets.model.status import usable


def neighbor_starts(maps: xr.Dataset, radius: int = 2) -> xr.Dataset:
    """Starting values for a second fit: each pixel's own, or the mean of its usable neighbors.

    Parameters
    ----------
    maps : xarray.Dataset
        Result of `fit_map` with an iterative method.
    radius : int
        Half the side of the square of neighbors, pixels.

    Returns
    -------
    xarray.Dataset
        ``(..., y, x)`` maps for ``fit_map(..., start=...)``; NaN where nothing near is usable.

    Notes
    -----
    All pixels of the first fit count alike, so that the result does not depend on the order in
    which pixels are fitted, as it would if each started from the one before it.
    """
    # Not at the top: every fit imports this module, and few need a filter.
    from scipy.ndimage import uniform_filter

    good = usable(maps)
    values = [str(n) for n in maps.data_vars if not str(n).endswith(STD_SUFFIX) and n != STATUS]
    side = [2 * radius + 1 if dim in (Y, X) else 1 for dim in good.dims]
    found = {}
    for name in values:
        inside = good.values & np.isfinite(maps[name].values)
        weight = uniform_filter(inside.astype(float), side, mode="constant")
        total = uniform_filter(np.where(inside, maps[name].values, 0.0), side, mode="constant")
        mean = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 1e-9)
        found[name] = (good.dims, np.where(inside, maps[name].values, mean))
    return xr.Dataset(found)


def starting_rows(
    specs: tuple[MapSpec, ...], signal: xr.DataArray, start: xr.Dataset | None
) -> dict[int, np.ndarray]:
    """Starting values ``(lead, N)`` by row of the results, counted from their origins.

    Raises
    ------
    DataError
        If no map belongs to the fit, or one does not fit the stack.
    """
    if start is None:
        return {}
    template = signal.isel({spectral_dim(signal): 0}, drop=True)
    known = {spec.name: row for row, spec in enumerate(specs)}
    found = {known[str(name)]: start[name] for name in start.data_vars if name in known}
    if not found:
        raise DataError(
            "no map of starting values belongs to this fit",
            expected=f"one of {', '.join(n for n in known if not n.endswith(STD_SUFFIX))}",
            found=", ".join(map(str, start.data_vars)),
        )
    rows = {}
    for row, values in found.items():
        if set(values.dims) - set(template.dims) or any(
            values.sizes[d] != template.sizes[d] for d in values.dims
        ):
            raise DataError(
                "a map of starting values does not fit the stack",
                expected=f"{dict(template.sizes)}",
                found=f"{dict(values.sizes)}",
            )
        plain = xr.DataArray(values.values, dims=values.dims)
        shape = xr.DataArray(np.zeros(template.shape, np.float32), dims=template.dims)
        full = (shape + plain - specs[row].origin).transpose(*template.dims)
        rows[row] = full.values.reshape(-1, template.sizes[Y] * template.sizes[X])
    return rows
