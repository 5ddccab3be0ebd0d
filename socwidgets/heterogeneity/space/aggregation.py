"""How much heterogeneity is left when the resolution gets worse."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.sample import take_sample

#: A block must be filled to this share to count.
MIN_FILL = 0.5


def aggregation_curve(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
    min_blocks: int = 4,
) -> xr.Dataset:
    """Variance of block means against block size.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)`` or ``(z, y, x)`` (blocks are cubes then).
    variable : str
        The map.
    labels : xarray.DataArray, optional
        Particles: pixels outside do not count.
    weights : str, xarray.DataArray or None
        Thickness weights, of pixels in their block and of blocks in the variance.
    min_blocks : int
        Sizes that leave fewer blocks are not given.

    Returns
    -------
    xarray.Dataset
        ``(block,)`` in um, 1, 2, 4 ... pixels: ``variance`` of the block means, ``noise`` in it,
        ``true`` (their difference, 0 if negative, NaN where the noise is not known), ``n_blocks``,
        and ``slope``: local exponent of `variance`, -2 for white noise in an image, -3 in a
        volume. Blocks filled to less than half do not count.

    Raises
    ------
    DataError, KindError
        As `take_sample`.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    rows = []
    edge = 1
    while edge <= max(sample.shape):
        parts = [(size - 1) // edge + 1 for size in sample.shape]
        index = np.zeros(sample.size, np.int64)
        for place, count in zip(sample.position, parts, strict=True):
            index = index * count + place // edge
        _, index = np.unique(index, return_inverse=True)
        filled = np.bincount(index) >= MIN_FILL * edge ** len(sample.shape)
        if filled.sum() < min_blocks:
            break
        w, v = sample.weights, sample.values
        mass = np.bincount(index, w)
        mean = np.bincount(index, w * v) / mass
        noise = np.bincount(index, w**2 * sample.noise_variance) / mass**2
        mass, mean, noise = mass[filled], mean[filled], noise[filled]
        grand = np.average(mean, weights=mass)
        variance = np.average((mean - grand) ** 2, weights=mass)
        rows.append((edge, variance, np.average(noise, weights=mass), filled.sum()))
        edge *= 2
    edges, variance, noise, blocks = np.array(rows, dtype=float).reshape(-1, 4).T
    pixel = float(np.mean(sample.spacing_um))
    slope = np.full(edges.size, np.nan)
    if edges.size > 1 and (variance > 0).all():
        slope = np.gradient(np.log(variance), np.log(edges))
    coords = {"block": ("block", edges * pixel, {"units": "um", "long_name": "Block edge"})}
    columns = {
        "variance": variance,
        "noise": noise,
        "true": np.maximum(variance - noise, 0.0),
        "slope": slope,
        "n_blocks": blocks.astype(int),
    }
    return xr.Dataset({k: ("block", c) for k, c in columns.items()}, coords)
