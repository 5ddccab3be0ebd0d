"""Mixtures by plain numpy: slow and obvious."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm


def mixture_reference(
    x: np.ndarray,
    w: np.ndarray,
    start: tuple[np.ndarray, np.ndarray, np.ndarray],
    floor: float,
    bounds: tuple[float, float],
    iterations: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, widths and shares after so many rounds of expectation-maximization.

    Parameters
    ----------
    x, w : ndarray
        ``(n,)``; the weights sum to one.
    start : (ndarray, ndarray, ndarray)
        ``(k,)`` means, standard deviations and shares to begin with.
    floor : float
        Smallest standard deviation.
    bounds : (float, float)
        Of the means.
    iterations : int
        Number of rounds.
    """
    means, stds, shares = (part.astype(float).copy() for part in start)
    for _ in range(iterations):
        joint = shares * norm.pdf(x[:, None], means, stds)
        part = w[:, None] * joint / joint.sum(axis=1, keepdims=True)
        shares = part.sum(axis=0)
        means = np.clip((part * x[:, None]).sum(axis=0) / shares, *bounds)
        spread = (part * (x[:, None] - means) ** 2).sum(axis=0) / shares
        stds = np.sqrt(np.maximum(spread, floor**2))
    return means, stds, shares


def shares_reference(density: np.ndarray, w: np.ndarray, rounds: int) -> np.ndarray:
    """Shares ``(k,)`` of components of known density ``(n, k)`` after so many rounds."""
    shares = np.full(density.shape[1], 1.0 / density.shape[1])
    for _ in range(rounds):
        joint = shares * density
        shares = (w[:, None] * joint / joint.sum(axis=1, keepdims=True)).sum(axis=0) / w.sum()
    return shares
