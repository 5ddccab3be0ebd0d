"""How far values stay alike: the correlation length, and how many pixels are independent."""

from __future__ import annotations

import math

import numpy as np
from scipy import fft

from socwidgets.heterogeneity.sample import Sample


def correlation_length_px(sample: Sample, true_variance: float) -> float:
    """Distance at which the autocovariance has fallen to 1/e of the noise-free variance.

    Parameters
    ----------
    sample : Sample
        Usable pixels; gaps are left out pair by pair.
    true_variance : float
        Variance without the noise, which only lives at lag zero.

    Returns
    -------
    float
        Pixels. NaN where there is no variance, or where the covariance never falls below 1/e.
    """
    if not true_variance > 0:
        return float("nan")
    field, seen = np.zeros(sample.shape), np.zeros(sample.shape)
    mean = np.average(sample.values, weights=sample.weights)
    field[sample.rows, sample.columns] = sample.values - mean
    seen[sample.rows, sample.columns] = 1.0
    lag, covariance = _radial_autocovariance(field, seen)
    ratio = covariance / true_variance
    below = np.flatnonzero(ratio[1:] < 1 / math.e) + 1
    if not below.size:
        return float("nan")
    last = int(below[0])
    # Lag zero of the noise-free field is the full variance by definition.
    high, low = (1.0 if last == 1 else float(ratio[last - 1])), float(ratio[last])
    step = (high - 1 / math.e) / (high - low) if high > low else 0.0
    return float(lag[last - 1] + step * (lag[last] - lag[last - 1]))


def _radial_autocovariance(field: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of the pairs at each whole-pixel distance, by zero-padded FFT."""
    shape = [fft.next_fast_len(2 * n, real=True) for n in field.shape]
    spectrum, support = fft.rfft2(field, shape), fft.rfft2(seen, shape)
    products = fft.irfft2(spectrum * spectrum.conj(), shape)
    pairs = fft.irfft2(support * support.conj(), shape)
    rows = np.minimum(np.arange(shape[0]), shape[0] - np.arange(shape[0]))
    columns = np.minimum(np.arange(shape[1]), shape[1] - np.arange(shape[1]))
    distance = np.hypot(rows[:, None], columns[None, :])
    ring = np.rint(distance).astype(int)
    inside = ring <= max(field.shape) // 3
    count = np.bincount(ring[inside], pairs[inside])
    total = np.bincount(ring[inside], products[inside])
    lag = np.bincount(ring[inside], pairs[inside] * distance[inside]) / np.maximum(count, 1e-9)
    enough = count > 0.5
    return lag[enough], total[enough] / count[enough]


def effective_count(n_pixels: int, length_px: float) -> float:
    """Independent values among correlated pixels, ``N/(2 pi l^2)``, at least 1 and at most N."""
    if not length_px > 0:
        return float(n_pixels)
    return float(np.clip(n_pixels / (2 * np.pi * length_px**2), 1.0, n_pixels))
