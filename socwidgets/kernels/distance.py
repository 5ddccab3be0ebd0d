"""Distance of every pixel of a particle from the particle's own surface."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def surface_distance(labels: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance from the surface, exact to the pixel.

    Parameters
    ----------
    labels : ndarray
        Image or volume, integer, 0 = background.
    spacing : tuple of float
        Pixel size along each dimension.

    Returns
    -------
    ndarray
        float64, in the unit of `spacing`; 0 in the background, one pixel for pixels that touch it.
        The edge of the image is no surface: what lies beyond is not known. Where particles touch,
        the pixels on either side count as their surface. Infinite where there is no surface.
    """
    inside = labels > 0
    if inside.all():
        depth = np.full(labels.shape, np.inf)
    else:
        depth = ndimage.distance_transform_edt(inside, sampling=spacing)
    touching = _touching(labels)
    if touching.any():
        between = ndimage.distance_transform_edt(~touching, sampling=spacing) + min(spacing)
        depth = np.where(inside, np.minimum(depth, between), 0.0)
    return depth


def _touching(labels: np.ndarray) -> np.ndarray:
    """Pixels that share a side with a pixel of another particle."""
    found = np.zeros(labels.shape, dtype=bool)
    for axis in range(labels.ndim):
        one = tuple(slice(1, None) if i == axis else slice(None) for i in range(labels.ndim))
        other = tuple(slice(None, -1) if i == axis else slice(None) for i in range(labels.ndim))
        differ = (labels[one] != labels[other]) & (labels[one] > 0) & (labels[other] > 0)
        found[one] |= differ
        found[other] |= differ
    return found
