"""Secondary particles: Voronoi grains inside a sphere or a disk, and cracks between them."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree


def voronoi_grains(
    shape: tuple[int, ...], solid: np.ndarray, n_grains: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Grains as the cells of random points inside a solid.

    Parameters
    ----------
    shape : tuple of int
        ``(y, x)`` or ``(z, y, x)``.
    solid : ndarray of bool
        Where there is material.
    n_grains : int
        Number of points drawn, at least 1.
    rng : numpy.random.Generator
        Source of the points.

    Returns
    -------
    grains : ndarray of int32
        1 to `n_grains` inside, 0 outside.
    seeds : ndarray
        ``(n_grains, dims)``, positions of the points in pixels.
    """
    places = np.argwhere(solid)
    chosen = places[rng.choice(len(places), size=min(n_grains, len(places)), replace=False)]
    # Off the pixel grid, so that no two cells tie.
    seeds = chosen + rng.uniform(-0.5, 0.5, chosen.shape)
    grains = np.zeros(shape, dtype=np.int32)
    _, nearest = cKDTree(seeds).query(places)
    grains[tuple(places.T)] = nearest + 1
    return grains, seeds


def grain_offsets(grains: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Constant random offset of every grain, with standard deviation `sd`; 0 outside.

    Parameters
    ----------
    grains : ndarray of int
        As `voronoi_grains` gives it.
    sd : float
        In the unit of the map.
    rng : numpy.random.Generator
        Source of the offsets.
    """
    offsets = sd * rng.standard_normal(int(grains.max(initial=0)) + 1)
    offsets[0] = 0.0
    return offsets[grains]


def open_cracks(
    grains: np.ndarray, probability: float, rng: np.random.Generator, width: int = 1
) -> np.ndarray:
    """Faces between grains that opened.

    Parameters
    ----------
    grains : ndarray of int
        ``(y, x)``, as `voronoi_grains` gives it.
    probability : float
        Probability that a face opens.
    rng : numpy.random.Generator
        Source of the choice.
    width : int
        Half width of an open crack, pixels; 1 opens one pixel on each side of the face.

    Returns
    -------
    ndarray of bool
        ``(y, x)``, True in a crack.
    """
    cracked = np.zeros(grains.shape, dtype=bool)
    faces: dict[tuple[int, int], bool] = {}
    for axis in (0, 1):
        near = np.moveaxis(grains, axis, 0)
        out = np.moveaxis(cracked, axis, 0)
        rows, columns = np.nonzero((near[1:] != near[:-1]) & (near[1:] > 0) & (near[:-1] > 0))
        for row, column in zip(rows, columns, strict=True):
            pair = tuple(sorted((int(near[row, column]), int(near[row + 1, column]))))
            if pair not in faces:
                faces[pair] = bool(rng.random() < probability)  # type: ignore[index]
            if faces[pair]:  # type: ignore[index]
                out[max(0, row + 1 - width) : row + 1 + width, column] = True
    return cracked & (grains > 0)
