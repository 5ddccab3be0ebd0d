"""Is a change more than chance? Exchange whole particles between the states and look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.model.errors import DataError

#: Fine bins on which the distances of the exchanged states are computed.
_BINS = 400

State = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """Result of `permutation_test`.

    Attributes
    ----------
    p_total, p_shape : float
        Share of exchanges with a Wasserstein distance, or a shape part of it, at least as large as
        the one found (which counts as one of them).
    total, shape : ndarray
        ``(draws,)``, what the exchanges gave.
    """

    p_total: float
    p_shape: float
    total: np.ndarray
    shape: np.ndarray


def permutation_test(
    first: State, second: State, *, paired: bool, draws: int = 999, seed: int = 0
) -> PermutationTest:
    """Particle-level permutation test of the Wasserstein distance between two states.

    Parameters
    ----------
    first, second : tuple of ndarray
        Values, weights and particle labels, each ``(n,)``, finite.
    paired : bool
        The same particles in both: each one's two states are exchanged, or not, with equal chance.
        Else particles are dealt out anew between the states.
    draws, seed : int
        Number of exchanges and seed.

    Returns
    -------
    PermutationTest
        NaN with fewer than four particles in all: then nothing can become significant; and without
        draws.

    Raises
    ------
    DataError
        If paired states do not hold the same particles, a state's arrays do not fit each other,
        a value is not finite, or weights are negative or all zero.
    """
    for v, w, labels in (first, second):
        if not v.size == w.size == labels.size or not np.all(np.isfinite(v)):
            raise DataError(
                "a state needs finite values, each with a weight and a particle",
                found=f"{v.size} values, {w.size} weights, {labels.size} labels",
            )
        if np.any(w < 0) or not w.sum() > 0:
            raise DataError("weights are negative or all zero", expected="zero or more, not all")
    values = np.concatenate([first[0], second[0]])
    edges = np.linspace(values.min(), values.max() + 1e-12, _BINS + 1)
    a, ids_a = _per_particle(first, edges)
    b, ids_b = _per_particle(second, edges)
    if paired and not np.array_equal(ids_a, ids_b):
        raise DataError("paired states hold different particles", fix="use paired=False")
    n = len(a) if paired else len(a) + len(b)
    nothing = np.full(draws, np.nan)
    if n < 4 or not draws or edges[-1] - edges[0] < 1e-11:
        return PermutationTest(float("nan"), float("nan"), nothing, nothing)
    rng = np.random.default_rng(seed)
    total, shape = np.empty(draws), np.empty(draws)
    found = _distances(a.sum(axis=0), b.sum(axis=0), edges)
    for i in range(draws):
        if paired:
            swap = rng.random(n) < 0.5
            moved = (b - a)[swap].sum(axis=0)
            one, two = a.sum(axis=0) + moved, b.sum(axis=0) - moved
        else:
            chosen = rng.permutation(n)[: len(a)]
            every = np.concatenate([a, b])
            one = every[chosen].sum(axis=0)
            two = every.sum(axis=0) - one
        total[i], shape[i] = _distances(one, two, edges)
    slack = 1e-9 * (edges[-1] - edges[0])
    p = [
        (1.0 + np.count_nonzero(drawn >= seen - slack)) / (draws + 1.0)
        for drawn, seen in zip((total, shape), found, strict=True)
    ]
    return PermutationTest(float(p[0]), float(p[1]), total, shape)


def _per_particle(state: State, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of each particle in each bin, ``(particle, bin)``."""
    v, w, labels = state
    ids, unit = np.unique(labels, return_inverse=True)
    index = np.clip(np.searchsorted(edges, v, side="right") - 1, 0, _BINS - 1)
    table = np.bincount(unit * _BINS + index, w, minlength=ids.size * _BINS)
    return table.reshape(ids.size, _BINS), ids


def _distances(p: np.ndarray, q: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    """Wasserstein-1 of two histograms, as they are and after centering."""
    step = edges[1] - edges[0]
    place = edges[:-1] + 0.5 * step
    p, q = p / p.sum(), q / q.sum()
    total = float(np.abs(np.cumsum(p - q)).sum() * step)
    shift = float(np.sum((q - p) * place))
    # Move the second back by the shift: interpolate its cumulative distribution.
    cumulative = np.concatenate([[0.0], np.cumsum(q)])
    pad = int(np.ceil(abs(shift) / step)) + 1
    wide = edges[0] + step * np.arange(-pad, _BINS + 1 + pad)
    back = np.interp(wide + shift, edges, cumulative)
    straight = np.interp(wide, edges, np.concatenate([[0.0], np.cumsum(p)]))
    return total, float(np.abs(back - straight).sum() * step)
