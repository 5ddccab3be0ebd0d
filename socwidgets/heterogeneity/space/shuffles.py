"""How often chance makes neighbors so much alike: shuffled values, or the moments of shuffling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from socwidgets.heterogeneity.sample import Sample

#: More pixels than this are not shuffled: the p value follows from the moments under shuffling.
MAX_SHUFFLED = 100_000


def likeness_p(
    sample: Sample,
    z: np.ndarray,
    moran: float,
    geary: float,
    offsets: Sequence[tuple[int, ...]],
    permutations: int,
    seed: int,
) -> tuple[float, float, str]:
    """One-sided p of Moran's I and of Geary's C, and how they were found.

    Parameters
    ----------
    sample : Sample
        Usable pixels.
    z : ndarray
        ``(n,)``, their values less the mean.
    moran, geary : float
        What was measured.
    offsets : sequence of tuple of int
        To half of a pixel's neighbors.
    permutations : int
        Shuffles; 0, or more than 100,000 pixels, for the moments under shuffling.
    seed : int
        Of the shuffles.
    """
    from socwidgets.kernels.pairs import shuffled_sums

    square = float(np.sum(z**2))
    first, second = _partners(sample, offsets)
    if not np.isfinite(moran) or not first.size:
        return float("nan"), float("nan"), "no variance or no neighbors"
    n, pairs = sample.size, first.size
    if permutations > 0 and n <= MAX_SHUFFLED:
        result = np.empty((permutations, 2))
        shuffled_sums(z.copy(), first, second, seed, result)
        above = np.count_nonzero(n * result[:, 0] / pairs / square >= moran - 1e-12)
        below = np.count_nonzero((n - 1) * result[:, 1] / pairs / square <= geary + 1e-12)
        size = permutations + 1
        return (above + 1) / size, (below + 1) / size, f"{permutations} shuffles, seed {seed}"
    degree = np.bincount(first, minlength=n) + np.bincount(second, minlength=n)
    variances = _moments(z, degree.astype(float), float(pairs))
    p = norm.sf((moran + 1 / (n - 1)) / np.sqrt(variances[0]))
    p_geary = norm.cdf((geary - 1) / np.sqrt(variances[1]))
    return float(p), float(p_geary), "normal limit of the shuffles"


def _moments(z: np.ndarray, degree: np.ndarray, pairs: float) -> tuple[float, float]:
    """Variance of I and of C under shuffling (Cliff and Ord 1981, eqs. 1.39 and 1.44)."""
    n = float(z.size)
    s0, s1, s2 = 2 * pairs, 4 * pairs, 4 * float(np.sum(degree**2))
    kurtosis = float(np.mean(z**4) / np.mean(z**2) ** 2)
    top = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    top -= kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    moran = top / ((n - 1) * (n - 2) * (n - 3) * s0**2) - 1 / (n - 1) ** 2
    geary = (
        (n - 1) * s1 * (n**2 - 3 * n + 3 - (n - 1) * kurtosis)
        - 0.25 * (n - 1) * s2 * (n**2 + 3 * n - 6 - (n**2 - n + 2) * kurtosis)
        + s0**2 * (n**2 - 3 - (n - 1) ** 2 * kurtosis)
    ) / (n * (n - 2) * (n - 3) * s0**2)
    return moran, geary


def _partners(sample: Sample, offsets: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the sample of the two pixels of every pair."""
    index = np.full(sample.shape, -1, np.int32)
    index[sample.position] = np.arange(sample.size, dtype=np.int32)
    firsts, seconds = [], []
    for offset in offsets:
        moved = list(zip(offset, sample.shape, strict=True))
        here = index[tuple(slice(max(0, -d), min(n, n - d)) for d, n in moved)]
        there = index[tuple(slice(max(0, d), min(n, n + d)) for d, n in moved)]
        both = (here >= 0) & (there >= 0)
        firsts.append(here[both])
        seconds.append(there[both])
    return np.concatenate(firsts), np.concatenate(seconds)
