"""Small particles with a known arrangement of phases, for tests and studies of heterogeneity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

ARRANGEMENTS = ("core_shell", "domino", "mosaic", "solid_solution", "end_member")


def random_field(size: int, length_px: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian random field with covariance exp(-h^2/(2 l^2)), ``(size, size)``, mean 0, sd 1."""
    white = rng.normal(size=(3 * size, 3 * size))
    field = gaussian_filter(white, length_px / np.sqrt(2))[size : 2 * size, size : 2 * size]
    return (field - field.mean()) / field.std()


def ellipse(size: int, aspect: float, angle: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalized radius and the two normalized coordinates of an ellipse in a square window."""
    y, x = np.indices((size, size)) - (size - 1) / 2.0
    a = (size - 5) / 2.0
    u = (x * np.cos(angle) + y * np.sin(angle)) / a
    v = (y * np.cos(angle) - x * np.sin(angle)) / (a / aspect)
    return np.hypot(u, v), u, v


def particle(
    kind: str,
    rng: np.random.Generator,
    *,
    size: int = 32,
    blur_px: float = 0.8,
    share: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Noise-free composition of one particle (NaN outside), and its inside."""
    r, u, v = ellipse(size, rng.uniform(1.0, 1.5), rng.uniform(0, np.pi))
    inside = r < 1
    part = rng.uniform(0.3, 0.7) if share is None else share
    if kind == "core_shell":
        field = (r >= np.sqrt(1 - part)).astype(float)
    elif kind == "domino":
        turn = rng.uniform(0, 2 * np.pi)
        along = u * np.cos(turn) + v * np.sin(turn)
        field = (along < np.quantile(along[inside], part)).astype(float)
    elif kind == "mosaic":
        grains = random_field(size, size / 12, rng)
        field = (grains < np.quantile(grains[inside], part)).astype(float)
    elif kind == "solid_solution":
        field = np.clip(part + 0.08 * random_field(size, size / 8, rng), 0, 1)
    else:
        field = np.full(r.shape, float(rng.random() < part))
    solid = inside.astype(float)
    blurred = gaussian_filter(solid * field, blur_px) / np.maximum(
        gaussian_filter(solid, blur_px), 1e-9
    )
    return np.where(inside, blurred if blur_px else field, np.nan), inside


def tile(
    fields: Sequence[tuple[np.ndarray, np.ndarray]],
    noise: float,
    rng: np.random.Generator,
    pixel_um: float = 0.04,
) -> tuple[xr.Dataset, xr.DataArray]:
    """Map set and labels of particles laid out on a grid, with white noise added."""
    size, columns = fields[0][0].shape[0], int(np.ceil(np.sqrt(len(fields))))
    shape = (size * int(np.ceil(len(fields) / columns)), size * columns)
    soc, labels = np.full(shape, np.nan), np.zeros(shape, np.int32)
    for i, (field, inside) in enumerate(fields):
        row, column = divmod(i, columns)
        box = np.s_[row * size : (row + 1) * size, column * size : (column + 1) * size]
        soc[box] = field
        labels[box][inside] = i + 1
    soc += rng.normal(0, noise, shape)
    axes = {"y": np.arange(shape[0]) * pixel_um, "x": np.arange(shape[1]) * pixel_um}
    maps = xr.Dataset(
        {
            "soc": (("y", "x"), soc, {"kind": "soc", "units": "1"}),
            "soc_std": (("y", "x"), np.where(np.isfinite(soc), noise, np.nan)),
            "status": (("y", "x"), np.where(np.isfinite(soc), 0, 1).astype(np.uint8)),
        },
        axes,
    )
    return maps, xr.DataArray(labels, axes, ("y", "x"), "labels")
