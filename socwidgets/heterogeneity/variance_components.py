"""Variance components of a nested random-effects model, and their jackknife intervals."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

#: Outer groups are left out in at most this many portions.
MAX_JACKKNIFE = 200
#: Sums per innermost group: count, value, square, weight, weighted value, weighted square,
#: squared weight x noise, weight x noise, noise.
COUNT, VALUE, SQUARE, WEIGHT, WEIGHTED, WEIGHTED_SQUARE, MEAN_NOISE, WEIGHTED_NOISE, NOISE = range(
    9
)


def variance_components(sums: np.ndarray, chains: list[np.ndarray]) -> np.ndarray:
    """Variance components by equating sums of squares to their expectations (Searle 1992, ch. 3).

    ``E[T_l] = sum_m k_lm sigma_m^2`` with ``T_l = sum_g n_g mean_g^2``; differences of consecutive
    levels make a triangular system.
    """
    n, total = sums[COUNT], sums[COUNT].sum()
    depth = len(chains)
    sizes = [np.bincount(chain, n) for chain in chains]
    squares = [
        np.sum(np.bincount(c, sums[VALUE]) ** 2 / s) for c, s in zip(chains, sizes, strict=True)
    ]
    squares.append(sums[SQUARE].sum())
    # k[l, m]: weight of component m (levels below the whole, then pixels) in T_l.
    k = np.full((depth + 1, depth), total)
    for level in range(depth):
        for inner in range(level + 1, depth):
            members = np.zeros(sizes[inner].size, np.int64)
            members[chains[inner]] = chains[level]
            k[level, inner - 1] = np.sum(sizes[inner] ** 2 / sizes[level][members])
        k[level, depth - 1] = sizes[level].size
    system, known = np.diff(k, axis=0), np.diff(squares)
    found = np.full(depth, np.nan)
    for m in reversed(range(depth)):
        rest = known[m] - system[m, m + 1 :] @ found[m + 1 :]
        found[m] = rest / system[m, m] if system[m, m] > 1e-9 * total else np.nan
    noise = sums[NOISE].sum() / total
    found[-1] -= noise if np.isfinite(noise) else 0.0
    return found


def intraclass(component: np.ndarray) -> np.ndarray:
    """Share of all components at or above each level but the last; ICC(1) of one grouping."""
    # What noise leaves below zero counts as none, or a correlation would exceed one.
    component = np.maximum(component, 0.0)
    total = component.sum()
    return np.cumsum(component)[:-1] / total if total > 0 else np.full(component.size - 1, np.nan)


def jackknife(
    sums: np.ndarray, chains: list[np.ndarray], component: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """95 % limits of components and correlations, leaving out outer groups in turn.

    Components are taken in logarithm and correlations in logit, where they are nearly normal
    (Arvesen 1969, Ann. Math. Stat. 40, 2076); a component that is not above zero keeps its scale.
    """
    outer = chains[1]
    portions = min(int(outer.max()) + 1, MAX_JACKKNIFE)
    whole = np.concatenate([component, intraclass(component)])
    if portions < 4:
        return np.full(whole.size, np.nan), np.full(whole.size, np.nan)
    portion = outer % portions
    left_out = np.empty((portions, whole.size))
    for i in range(portions):
        kept = portion != i
        inner = [_renumbered(chain[kept]) for chain in chains]
        found = variance_components(sums[:, kept], inner)
        left_out[i] = np.concatenate([found, intraclass(found)])
    levels = component.size
    low, high = np.empty(whole.size), np.empty(whole.size)
    for j, value in enumerate(whole):
        low[j], high[j] = _limits(value, left_out[:, j], bounded=j >= levels)
    return low, high


def _limits(value: float, others: np.ndarray, *, bounded: bool) -> tuple[float, float]:
    n = others.size
    quantile = student.ppf(0.975, n - 1) * np.sqrt((n - 1) ** 2 / n)
    inside = (others > 0) & (others < 1) if bounded else others > 0
    if value > 0 and inside.all() and (not bounded or value < 1):
        forward = (lambda p: np.log(p / (1 - p))) if bounded else np.log
        back = (lambda q: 1 / (1 + np.exp(-q))) if bounded else np.exp
        middle, width = forward(value), quantile * forward(others).std(ddof=1)
        return float(back(middle - width)), float(back(middle + width))
    width = quantile * others.std(ddof=1)
    low, high = float(value - width), float(value + width)
    return (max(low, 0.0), min(high, 1.0)) if bounded else (low, high)


def _renumbered(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]
