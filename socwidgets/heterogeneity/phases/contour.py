"""The line or surface at one composition: its size, and the distance of every pixel from it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree


def contour_size(smooth: np.ndarray, level: float, size: np.ndarray) -> float:
    """Length of the contour of an image, or area of that of a volume.

    Parameters
    ----------
    smooth : ndarray
        ``(y, x)`` or ``(z, y, x)``, NaN outside the particle.
    level : float
        Value at the contour.
    size : ndarray
        ``(dims,)`` pixel size along each axis; the unit of the result.

    Returns
    -------
    float
        um (marching squares) or um^2 (marching cubes); 0 where there is none. The outline of the
        particle does not count.
    """
    if smooth.ndim == 3:
        corners = _faces(smooth, level) * size
        return float(0.5 * np.linalg.norm(_normals(corners), axis=1).sum())
    return float(sum(np.sum(_steps(line * size)) for line in _lines(smooth, level)))


def signed_distance(
    smooth: np.ndarray, level: float, size: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Distance of the pixels from the contour, positive on its rich side, and which pixels.

    Parameters
    ----------
    smooth, level, size
        As for `contour_size`.

    Returns
    -------
    distance : ndarray
        ``(n,)`` um.
    seen : tuple of ndarray
        ``(n,)`` index along each axis. Pixels whose nearest point of the contour is the end of an
        open one stand beside it, not across, and are left out. Empty where there is no contour.
    """
    points, normals, is_end = (
        _surface_points(smooth, level, size) if smooth.ndim == 3 else _points(smooth, level, size)
    )
    if not len(points):
        empty = np.empty(0, np.intp)
        return np.empty(0), (empty,) * smooth.ndim
    inside = np.nonzero(np.isfinite(smooth))
    places = np.column_stack(inside) * size
    distance, nearest = cKDTree(points).query(places)
    across = ~is_end[nearest]
    if normals is not None:
        # The nearest corner of a triangle may lie beside the nearest point of the surface.
        distance = np.abs(np.sum((places - points[nearest]) * normals[nearest], axis=1))
    kept = tuple(axis[across] for axis in inside)
    sign = np.where(smooth[kept] >= level, 1.0, -1.0)
    return sign * distance[across], kept


def _steps(line: np.ndarray) -> np.ndarray:
    return np.hypot(*np.diff(line, axis=0).T)


def _lines(smooth: np.ndarray, level: float) -> list[np.ndarray]:
    from skimage.measure import find_contours

    if min(smooth.shape) < 2:
        return []
    keep = np.isfinite(smooth)
    return find_contours(np.where(keep, smooth, level), level, mask=keep)


def _points(
    smooth: np.ndarray, level: float, size: np.ndarray
) -> tuple[np.ndarray, None, np.ndarray]:
    """Points along the contours of an image, eight a pixel, and which of them are ends."""
    points, is_end = [np.empty((0, 2))], [np.empty(0, bool)]
    for line in (line * size for line in _lines(smooth, level) if len(line) > 3):
        place = np.concatenate([[0.0], np.cumsum(_steps(line))])
        fine = np.linspace(0.0, place[-1], max(4, int(8 * place[-1] / size.min())))
        points.append(np.column_stack([np.interp(fine, place, line[:, k]) for k in (0, 1)]))
        ends = np.zeros(fine.size, bool)
        ends[[0, -1]] = not np.allclose(line[0], line[-1])
        is_end.append(ends)
    return np.concatenate(points), None, np.concatenate(is_end)


def _faces(smooth: np.ndarray, level: float) -> np.ndarray:
    """Triangles of the surface in a volume, ``(face, corner, axis)`` in pixels."""
    from skimage.measure import marching_cubes

    keep = np.isfinite(smooth)
    found = smooth[keep]
    if min(smooth.shape) < 2 or not found.size or not found.min() < level < found.max():
        return np.empty((0, 3, 3))
    # Continued outward with the nearest value, so that the outline itself is no step.
    nearest = ndimage.distance_transform_edt(~keep, return_distances=False, return_indices=True)
    vertices, faces, _, _ = marching_cubes(smooth[tuple(nearest)], level)
    corners = vertices[faces].astype(np.float64)
    return corners[keep[tuple(np.rint(corners.mean(axis=1)).astype(int).T)]]


def _normals(corners: np.ndarray) -> np.ndarray:
    """Normal of each triangle, twice as long as its area is large."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _surface_points(
    smooth: np.ndarray, level: float, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centers of the triangles, their unit normals, and which lie at an open edge."""
    corners = _faces(smooth, level)
    if not len(corners):
        return np.empty((0, 3)), np.empty((0, 3)), np.empty(0, bool)
    normals = _normals(corners * size)
    length = np.linalg.norm(normals, axis=1)
    # Marching cubes leaves slivers without a direction.
    solid = length > 1e-9 * size.prod() ** (2.0 / 3.0)
    open_edge = _at_open_edge(corners)[solid]
    centers = (corners * size).mean(axis=1)[solid]
    return centers, normals[solid] / length[solid, None], open_edge


def _at_open_edge(corners: np.ndarray) -> np.ndarray:
    """Whether a triangle has an edge that no other one shares."""
    _, vertex = np.unique(np.rint(corners.reshape(-1, 3) * 1e4), axis=0, return_inverse=True)
    face = vertex.reshape(-1, 3)
    edges = np.sort(np.stack([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]]), axis=2)
    code = edges[..., 0].astype(np.int64) * (face.max() + 1) + edges[..., 1]
    _, which, count = np.unique(code, return_inverse=True, return_counts=True)
    single = count[which].reshape(code.shape) == 1
    # A sliver's edge of no length is shared with itself.
    return np.any(single & (edges[..., 0] != edges[..., 1]), axis=0)
