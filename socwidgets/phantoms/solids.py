"""Solid particles in three dimensions and what is seen along the beam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from socwidgets.model.errors import ParameterError
from socwidgets.phantoms.build import Grid

#: Where a truncated octahedron's cube faces stand, in units of the octahedron's half axis.
TRUNCATION = 2.0 / 3.0
#: Exponent of a platelet's outline in its plane (2 is an ellipse, larger is squarer).
_PLATELET = 4.0

SHAPES = ("sphere", "ellipsoid", "platelet", "octahedron", "truncated_octahedron")

#: Volume of each shape with half axes a, b, c, in units of a b c.
VOLUMES = {
    "sphere": 4.0 * np.pi / 3.0,
    "ellipsoid": 4.0 * np.pi / 3.0,
    "octahedron": 4.0 / 3.0,
    # Six pyramids of height 1/3 are cut off.
    "truncated_octahedron": 32.0 / 27.0,
    # A superellipse of exponent 4 has an area of 3.70815 a b; the thickness is constant.
    "platelet": 2.0 * 3.7081493546,
}

Values = Callable[[int, np.ndarray, np.ndarray, np.ndarray], Mapping[str, np.ndarray]]


def level(shape: str, z: Any, y: Any, x: Any, axes: tuple[float, float, float]) -> np.ndarray:
    """Distance from the center in units of the surface: below 1 inside.

    Parameters
    ----------
    shape : str
        One of `SHAPES`.
    z, y, x : ndarray
        Positions from the center, um; broadcast.
    axes : (float, float, float)
        Half axes along z, y and x, um. An octahedron's are the distances of its corners.

    Returns
    -------
    ndarray
    """
    w, v, u = (np.abs(p) / a for p, a in zip((z, y, x), axes, strict=True))
    if shape in ("sphere", "ellipsoid"):
        return np.sqrt(u**2 + v**2 + w**2)
    if shape == "platelet":
        return np.maximum((u**_PLATELET + v**_PLATELET) ** (1.0 / _PLATELET), w)
    if shape == "octahedron":
        return u + v + w
    if shape == "truncated_octahedron":
        return np.maximum(u + v + w, np.maximum(np.maximum(u, v), w) / TRUNCATION)
    raise ParameterError(
        f"there is no shape {shape!r}", expected=f"one of {', '.join(SHAPES)}", found=repr(shape)
    )


def project(
    grid: Grid,
    n_z: int,
    surface: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    values: Values,
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Thickness and thickness-weighted means along the beam, and the volume itself.

    Parameters
    ----------
    grid : Grid
        Of the field of view; the beam runs along z.
    n_z : int
        Planes of the volume, one pixel size apart.
    surface : callable
        ``(z, y, x)`` from the center, um -> level, below 1 inside.
    values : callable
        ``(plane, z, y, x)`` -> named fields on the fine points of one plane.

    Returns
    -------
    thickness : ndarray
        ``(y, x)`` on the fine grid, um.
    means : dict of ndarray
        ``(y, x)`` on the fine grid, per name; 0 where there is no material.
    voxels : dict of ndarray
        ``(z, y, x)`` on the pixels, per name, NaN outside.
    solid : ndarray of bool
        ``(z, y, x)`` on the pixels.
    """
    y, x = grid.centered()
    thickness = np.zeros(grid.fine_shape)
    sums: dict[str, np.ndarray] = {}
    planes: dict[str, list[np.ndarray]] = {}
    solid = np.zeros((n_z, *grid.shape), dtype=bool)
    for index, height in enumerate((np.arange(n_z) - (n_z - 1) / 2) * grid.pixel_um):
        z = np.asarray(height)
        inside = np.broadcast_to(surface(z, y, x) < 1.0, grid.fine_shape)
        thickness += inside * grid.pixel_um
        solid[index] = grid.middle(inside)
        for name, field in values(index, z, y, x).items():
            sums[name] = sums.get(name, 0.0) + np.where(inside, field, 0.0) * grid.pixel_um
            seen = grid.middle(np.broadcast_to(field, inside.shape))
            planes.setdefault(name, []).append(np.where(solid[index], seen, np.nan))
    means = {n: total / np.where(thickness > 0, thickness, 1.0) for n, total in sums.items()}
    return thickness, means, {n: np.stack(found) for n, found in planes.items()}, solid


def spread_out(plane: np.ndarray, grid: Grid) -> np.ndarray:
    """Plane of voxels ``(y, x)`` on the fine grid: every fine point has its voxel's value."""
    edge = grid.oversample
    return np.repeat(np.repeat(plane, edge, axis=0), edge, axis=1)
