"""Optical density in plain numpy, float64: slow, obvious, for tests."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.optical_density import MASKED, OK, SATURATED


def optical_density(
    counts: np.ndarray,
    flat: np.ndarray,
    dark: np.ndarray,
    *,
    clip_low: float = 1e-4,
    clip_high: float = 20.0,
    max_od: float = 3.0,
    photons_per_count: float = 1.0,
    per_flat: float | np.ndarray = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Optical density, its counting noise and the status of every pixel.

    Parameters
    ----------
    counts : ndarray
        ``(E, N)``.
    flat, dark : ndarray
        Anything that broadcasts against `counts`.

    Returns
    -------
    tuple of ndarray
        ``(E, N)``, ``(E, N)`` and ``(N,)`` uint8; the rest as for
        `socwidgets.kernels.optical_density.optical_density_block`.
    """
    signal = counts.astype(float) - dark
    beam = np.broadcast_to(flat - np.asarray(dark, float), signal.shape)
    beam = np.where(beam > 0, beam, np.nan)
    lit = signal > 0
    transmission = np.where(lit, signal / beam, np.nan)
    inside = np.clip(transmission, clip_low, clip_high)
    od = -np.log(inside)
    share = np.reshape(per_flat, (-1, 1))
    std = np.sqrt((1 / inside + share) / (beam * photons_per_count))
    clipped = (transmission < clip_low) | (transmission > clip_high) | (od > max_od)
    status = np.where(clipped.any(axis=0), SATURATED, OK)
    return od, std, np.where(lit.any(axis=0), status, MASKED).astype(np.uint8)
