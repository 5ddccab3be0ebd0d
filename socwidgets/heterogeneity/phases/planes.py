"""Local planes: value and slope at each pixel from the pixels around it that have a value."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def local_planes(values: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Fit a plane to the values around each pixel, with Gaussian weights.

    A smoothed image would lose slope near the border of the known pixels (by a third, a width
    away), and its values would be those of the pixels further inside; a plane keeps both.

    Parameters
    ----------
    values : ndarray
        ``(y, x)`` or ``(z, y, x)``; NaN is no value.
    width : float
        Standard deviation of the weights, px.

    Returns
    -------
    value : ndarray
        Of the same shape, the plane at the pixel.
    slopes : ndarray
        ``(dim, ...)``, per pixel. Both NaN where `values` are, and where the pixels around lie on a
        line.
    """
    known = np.isfinite(values)
    reach = max(2, int(np.ceil(3.0 * width)))
    u = np.arange(-reach, reach + 1.0)
    weight = np.exp(-0.5 * (u / max(width, 0.5)) ** 2)

    def moment(image: np.ndarray, powers: np.ndarray) -> np.ndarray:
        for axis, power in enumerate(powers):
            image = ndimage.correlate1d(image, weight * u**power, axis, mode="constant")
        return image

    unit = np.vstack([np.zeros((1, values.ndim), int), np.eye(values.ndim, dtype=int)])
    mask, filled = known.astype(float), np.where(known, values, 0.0)
    gram = np.array([[moment(mask, a + b)[known] for b in unit] for a in unit])
    right = np.array([moment(filled, a)[known] for a in unit])
    gram, right = np.moveaxis(gram, -1, 0), right.T
    # As a share of what a full neighborhood has: zero where there is no plane.
    fit = np.linalg.det(gram) > 1e-4 * np.prod(np.einsum("pii->pi", gram), axis=1)
    planes = np.full((1 + values.ndim, *values.shape), np.nan)
    found = np.full((len(right), 1 + values.ndim), np.nan)
    found[fit] = np.linalg.solve(gram[fit], right[fit][..., None])[:, :, 0]
    planes[:, known] = found.T
    return planes[0], planes[1:]
