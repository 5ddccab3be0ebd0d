"""Shape of every particle: size, position, axes, orientation, solidity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from socwidgets.kernels.regions import MOMENTS, hulls, region_moments


def region_shapes(labels: np.ndarray, spacing_um: tuple[float, ...]) -> pd.DataFrame:
    """Shape of every label.

    Parameters
    ----------
    labels : ndarray
        ``(y, x)`` or ``(z, y, x)`` integer, 0 = background.
    spacing_um : tuple of float
        Pixel size along each dimension.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``label``, a row for every label that occurs: ``n_pixels_all``; ``area_um2`` and
        ``diameter_um`` (of the circle of that area), or ``volume_um3`` and the diameter of the
        sphere; position in pixel indices ``y``, ``x`` (and ``z``); ``major_um``, ``minor_um`` (full
        axes of the ellipse of the same second moments, longest and shortest), ``aspect`` (their
        ratio), ``orientation_deg`` (of the long axis in the image plane, from x towards y, in
        (-90, 90]); ``solidity`` (area over that of the convex hull), NaN in a volume.

    Notes
    -----
    A pixel is a square, not a point: its own moment of 1/12 is added, so one pixel has the aspect
    of a pixel.
    """
    flat = np.ascontiguousarray(labels, dtype=np.int32)
    volume = flat if flat.ndim == 3 else flat[None]
    table = np.empty((int(flat.max(initial=0)) + 1, len(MOMENTS)))
    origin = region_moments(volume, table)
    ids = np.flatnonzero(table[:, 0] > 0)
    sums, origin = table[ids], origin[ids]
    count = sums[:, 0]
    center = sums[:, 1:4] / count[:, None]
    spacing = np.array([1.0, *spacing_um][-3:])
    size = count * float(np.prod(spacing_um))
    frame = pd.DataFrame(index=pd.Index(ids.astype(int), name="label"))
    frame["n_pixels_all"] = count.astype(int)
    if flat.ndim == 3:
        frame["volume_um3"] = size
        frame["diameter_um"] = np.cbrt(6.0 * size / np.pi)
        frame["z"] = center[:, 0] + origin[:, 0]
    else:
        frame["area_um2"] = size
        frame["diameter_um"] = 2.0 * np.sqrt(size / np.pi)
    frame["y"], frame["x"] = center[:, 1] + origin[:, 1], center[:, 2] + origin[:, 2]
    _add_axes(frame, sums, center, spacing, flat.ndim)
    frame["solidity"] = count / hulls(flat)[ids] if flat.ndim == 2 else np.nan
    return frame


def _add_axes(
    frame: pd.DataFrame, sums: np.ndarray, center: np.ndarray, spacing: np.ndarray, dims: int
) -> None:
    tensor = np.empty((len(frame), 3, 3))
    for i in range(3):
        tensor[:, i, i] = sums[:, 4 + i] / sums[:, 0] - center[:, i] ** 2 + 1.0 / 12.0
    for (i, j), column in (((0, 1), 7), ((0, 2), 8), ((1, 2), 9)):
        mixed = sums[:, column] / sums[:, 0] - center[:, i] * center[:, j]
        tensor[:, i, j] = tensor[:, j, i] = mixed
    tensor = (tensor * np.outer(spacing, spacing))[:, 3 - dims :, 3 - dims :]
    values, vectors = np.linalg.eigh(tensor)
    # A disc or ball of radius r has second moments r^2/4 and r^2/5.
    axes = 2.0 * np.sqrt(values * (4.0 if dims == 2 else 5.0))
    frame["major_um"], frame["minor_um"] = axes[:, -1], axes[:, 0]
    frame["aspect"] = axes[:, -1] / axes[:, 0]
    long = vectors[:, :, -1]
    angle = np.degrees(np.arctan2(long[:, -2], long[:, -1]))
    angle = np.where(angle > 90, angle - 180, angle)
    frame["orientation_deg"] = np.where(angle <= -90, angle + 180, angle)
