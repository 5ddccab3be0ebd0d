"""Profiles below the facets of a particle: sectors about its center (review, Fig. 18)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.space.radial import particle_depth, profile_by
from socwidgets.model.errors import DataError, ParameterError


def facet_profiles(
    maps: xr.Dataset,
    labels: xr.DataArray,
    facets: Mapping[str, tuple[float, float]],
    *,
    orientation_deg: Mapping[int, float] | float = 0.0,
    fold: float = 360.0,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    bins: int = 8,
) -> xr.Dataset:
    """Profile against depth below the surface, facet by facet.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)``.
    labels : xarray.DataArray
        ``(y, x)`` particles.
    facets : mapping of str to (float, float)
        Name of each facet and the sector of azimuths, degrees from x towards y about the
        particle's center, in which it lies; a sector may run over 360.
    orientation_deg : mapping of int to float, or float
        Azimuth at which a particle's own zero lies, by label, or of all; labels that are left out
        lie at 0.
    fold : float
        Symmetry: azimuths are taken modulo this angle (90 for a square, 60 for a hexagon).
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights.
    bins : int
        Bins of equal width in relative depth.

    Returns
    -------
    xarray.Dataset
        ``(facet, depth)``: ``mean``, ``sd``, ``sem`` (over particles), ``count``,
        ``n_particles``; NaN where a bin has no pixel. Pixels in no sector are left out.

    Raises
    ------
    DataError, KindError
        As `take_sample`; a volume.
    ParameterError
        If there is no facet or bin, or two sectors overlap.
    """
    if not facets or bins < 1 or not fold > 0:
        raise ParameterError(
            "there is no sector to look at",
            expected="one facet or more, bins >= 1, fold > 0",
            found=f"{len(facets)} facets, {bins} bins, fold {fold}",
        )
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    if len(sample.shape) != 2:
        raise DataError("facets are looked for in images", expected="(y, x)")
    _, relative = particle_depth(sample)
    step_y, step_x = sample.spacing_um
    count = np.bincount(sample.particle)
    y = sample.rows * step_y
    x = sample.columns * step_x
    with np.errstate(invalid="ignore"):
        middle_y, middle_x = (np.bincount(sample.particle, a) / count for a in (y, x))
    turn = np.zeros(count.size)
    if isinstance(orientation_deg, Mapping):
        for label, angle in orientation_deg.items():
            if 0 <= label < turn.size:
                turn[label] = angle
    else:
        turn[:] = orientation_deg
    azimuth = np.degrees(np.arctan2(y - middle_y[sample.particle], x - middle_x[sample.particle]))
    azimuth = np.mod(azimuth - turn[sample.particle], fold)
    facet = _sectors(azimuth, facets, fold)
    slot = np.minimum((relative * bins).astype(np.int64), bins - 1)
    inside = facet >= 0
    part = sample.subset(inside)
    which = facet[inside] * bins + slot[inside]
    found = profile_by(part, which, relative[inside], len(facets) * bins, "1")
    shape = (len(facets), bins)
    coords = {"facet": list(facets), "depth": (np.arange(bins) + 0.5) / bins}
    variables = {
        str(k): (("facet", "depth"), v.values.reshape(shape)) for k, v in found.data_vars.items()
    }
    return xr.Dataset(variables, coords)


def _sectors(
    azimuth: np.ndarray, facets: Mapping[str, tuple[float, float]], fold: float
) -> np.ndarray:
    facet = np.full(azimuth.size, -1, np.int64)
    for number, (name, (low, high)) in enumerate(facets.items()):
        width = high - low
        inside = np.mod(azimuth - low, fold) < width
        if (facet[inside] >= 0).any():
            raise ParameterError(
                f"the sector of facet {name!r} overlaps another",
                expected="sectors that share no azimuth",
                found=f"{low:g} to {high:g} degrees",
            )
        facet[inside] = number
    return facet
