"""Density of many points as a small picture: a browser cannot draw each as an element."""

from __future__ import annotations

import io

import numpy as np

#: Fewest and most bins along x; two thirds as many along y.
FEWEST, MOST = 50, 180
#: One hue that stands out on white and on black; the density is its opacity.
COLOR = (0x2F, 0x86, 0xD2)


def density_rgba(
    x: np.ndarray, y: np.ndarray, x_range: tuple[float, float], y_range: tuple[float, float]
) -> np.ndarray:
    """Picture ``(rows, columns, 4)`` uint8 of the density of points, top row first.

    Parameters
    ----------
    x, y : ndarray
        ``(n,)``, finite.
    x_range, y_range : (float, float)
        What the picture spans; points outside are not drawn.

    Returns
    -------
    ndarray
        Opacity by the logarithm of the count; empty bins are transparent.
    """
    across = int(np.clip(np.sqrt(x.size), FEWEST, MOST))
    counts = _counts(x, y, x_range, y_range, (2 * across // 3, across))
    picture = np.zeros((*counts.shape, 4), np.uint8)
    picture[..., :3] = COLOR
    most = counts.max()
    if most > 0:
        share = np.log1p(counts) / np.log1p(most)
        picture[..., 3] = np.where(counts > 0, np.rint(255 * (0.3 + 0.7 * share)), 0)
    return picture[::-1]


def _counts(
    x: np.ndarray,
    y: np.ndarray,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    shape: tuple[int, int],
) -> np.ndarray:
    """Points per bin; many times faster than histogram2d, which searches for every edge."""
    columns = np.floor((x - x_range[0]) * (shape[1] / (x_range[1] - x_range[0])))
    rows = np.floor((y - y_range[0]) * (shape[0] / (y_range[1] - y_range[0])))
    inside = (columns >= 0) & (columns < shape[1]) & (rows >= 0) & (rows < shape[0])
    index = (rows[inside] * shape[1] + columns[inside]).astype(np.intp)
    return np.bincount(index, minlength=shape[0] * shape[1]).reshape(shape)


def density_png(
    x: np.ndarray, y: np.ndarray, x_range: tuple[float, float], y_range: tuple[float, float]
) -> bytes:
    """`density_rgba` as PNG."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, density_rgba(x, y, x_range, y_range), format="png")
    return buffer.getvalue()
