"""Distance of every pixel of a particle from the particle's own surface, compiled.

Twin: `scipy.ndimage.distance_transform_edt`, to which the tests compare it.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels import doors

door = doors.door(error_model="numpy")


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
    depth = distance_inside(inside, spacing)
    touching = _touching(labels)
    if touching.any():
        between = distance_inside(~touching, spacing) + min(spacing)
        depth = np.where(inside, np.minimum(depth, between), 0.0)
    return depth


def distance_inside(inside: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance of the pixels inside to the nearest pixel outside, exact.

    Parameters
    ----------
    inside : ndarray
        Image or volume, bool.
    spacing : tuple of float
        Pixel size along each dimension.

    Returns
    -------
    ndarray
        float64, in the unit of `spacing`; 0 outside, infinite where nothing is outside.

    Notes
    -----
    Squared distances line by line along one dimension after the other, each the lower envelope of
    parabolas (Felzenszwalb and Huttenlocher 2012, Theory Comput. 8, 415).
    """
    squared = np.where(inside, np.inf, 0.0)
    for axis, size in enumerate(spacing):
        # Lines along the last axis lie together in memory.
        moved = np.ascontiguousarray(np.moveaxis(squared, axis, -1))
        _along_lines(moved.reshape(-1, moved.shape[-1]), size)
        squared = np.moveaxis(moved, -1, axis)
    return np.sqrt(np.ascontiguousarray(squared))


@door
def _along_lines(squared, size):
    """Least of ``squared[j] + (size (i - j))^2`` over j for every i of each row, in place."""
    rows, n = squared.shape
    vertex = np.empty(n, np.int64)
    start = np.empty(n + 1)
    line = np.empty(n)
    for row in range(rows):
        count = 0
        for j in range(n):
            value = squared[row, j]
            line[j] = value
            if value == math.inf:
                continue
            # Where the parabola of j comes below the last of the envelope, in pixels.
            at = -math.inf
            while count > 0:
                k = vertex[count - 1]
                at = 0.5 * ((value - line[k]) / (size * size * (j - k)) + (j + k))
                if at > start[count - 1]:
                    break
                count -= 1
                at = -math.inf
            vertex[count], start[count] = j, at
            count += 1
        if count == 0:
            continue
        k = 0
        for i in range(n):
            while k + 1 < count and start[k + 1] < i:
                k += 1
            away = size * (i - vertex[k])
            squared[row, i] = line[vertex[k]] + away * away


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
