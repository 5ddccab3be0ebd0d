"""Groups of pixels for maps too large to draw pixel by pixel (display only)."""

from __future__ import annotations

from typing import Any

import numpy as np


def mean(pixels: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """Mean of each group of pixels.

    Parameters
    ----------
    pixels : ndarray
        ``(y, x)``, any unit. NaN and infinities are left out; a group without a known value
        is NaN.
    factors : tuple of int
        Pixels per group along y and x; the last groups may be smaller.

    Returns
    -------
    ndarray
        ``(ceil(y / fy), ceil(x / fx))``, float64.
    """
    numbers = pixels if pixels.dtype.kind == "f" else pixels.astype(np.float64)
    groups = _groups(numbers, factors, np.nan)
    known = np.isfinite(groups)
    count = known.sum(axis=(1, 3))
    total = np.where(known, groups, 0.0).sum(axis=(1, 3), dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def pick(pixels: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """Central pixel of each group: categories have no mean.

    Parameters
    ----------
    pixels : ndarray
        ``(y, x)``, any dtype.
    factors : tuple of int
        Pixels per group along y and x.

    Returns
    -------
    ndarray
        ``(ceil(y / fy), ceil(x / fx))``, same dtype.
    """
    (fy, fx), (ny, nx) = factors, pixels.shape
    rows = np.minimum(np.arange(0, ny, fy) + fy // 2, ny - 1)
    columns = np.minimum(np.arange(0, nx, fx) + fx // 2, nx - 1)
    return pixels[np.ix_(rows, columns)]


def any_set(bits: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """Whether any pixel of each group is set.

    Parameters
    ----------
    bits : ndarray
        ``(y, x)``, bool.
    factors : tuple of int
        Pixels per group along y and x.

    Returns
    -------
    ndarray
        ``(ceil(y / fy), ceil(x / fx))``, bool.
    """
    return np.asarray(_groups(bits, factors, False).any(axis=(1, 3)))


def _groups(pixels: np.ndarray, factors: tuple[int, int], fill: Any) -> np.ndarray:
    """Groups ``(y, fy, x, fx)``, filled up to whole groups at the far edges."""
    (fy, fx), (ny, nx) = factors, pixels.shape
    padding = ((0, -ny % fy), (0, -nx % fx))
    padded = np.pad(pixels, padding, constant_values=fill) if any(map(any, padding)) else pixels
    return padded.reshape(padded.shape[0] // fy, fy, padded.shape[1] // fx, fx)
