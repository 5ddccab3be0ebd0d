"""Tables of the edge kernel: fixed weights of the samples, and the products of such weights.

Positions ``x`` are in units of `EdgePlan.scale` from `EdgePlan.origin`: small numbers, which
float32 can carry. "Staged" rows are the rows of the stack that a fit needs, in the order of their
energies.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from socwidgets.kernels.normalization_plan import NormalizationPlan

#: What the kernel can make, each followed by its standard uncertainty.
QUANTITIES = (
    "edge_jump",
    "white_line_energy",
    "white_line_height",
    "half_energy",
    "half_wl_energy",
    "integral_energy",
    "centroid_energy",
    "derivative_energy",
)

#: Levels of the normalized spectrum between which its energy is averaged (Dau et al. 2003, Anal.
#: Bioanal. Chem. 376, 562).
INTEGRAL_LEVELS = (0.15, 1.0)


#: Samples of the local parabolas that tell where a noisy spectrum crosses a level: of a narrow one,
#: and of a wide one for spectra that are noisier still.
LEVEL_POINTS = (5, 7)


class Windows(NamedTuple):
    """Pre- and post-edge curves as in `NormalizationPlan`, over staged rows.

    ``products_pre``, ``products_post`` and ``products`` ``(6, n)``, ``(6, n)`` and ``(6,)`` give
    the covariances c0c0, c0c1, c1c1, c0J, c1J, JJ of pre-edge coefficients and jump from the
    variances of the samples (the last one for a unit variance).
    """

    pre: np.ndarray
    post: np.ndarray
    pre_weights: np.ndarray
    post_weights: np.ndarray
    post_from_pre: np.ndarray
    pre_basis: np.ndarray
    basis: np.ndarray
    merge: np.ndarray
    products_pre: np.ndarray
    products_post: np.ndarray
    products: np.ndarray


class WhiteLine(NamedTuple):
    """Local polynomials in ``v = (x - center) / half``, one table entry per possible center.

    ``first (C,)`` staged row where the window starts, ``samples (C,)`` how many it holds, ``weights
    (C, degree + 1, n)`` (zero beyond them), ``center (C,)``, ``half (C,)``; ``candidates (C,)``
    the staged rows that the entries belong to. A fixed window has one entry: ``basis (degree + 1,
    n)`` are its powers of ``v``, ``products (pairs, n)`` the products of its weights; ``pairs
    (pairs, 2)`` names the two powers.
    """

    candidates: np.ndarray
    first: np.ndarray
    samples: np.ndarray
    weights: np.ndarray
    center: np.ndarray
    half: np.ndarray
    basis: np.ndarray
    products: np.ndarray
    pairs: np.ndarray


class Centroid(NamedTuple):
    """Trapezoidal weights ``q`` of the samples in the centroid's window.

    ``rows (n,)``; ``weights (2, n)``: ``q x`` and ``q``; ``products (3, n)``: ``q^2``, ``q^2 x``
    and ``q^2 x^2``; ``moments (3,)``: sums of ``q``, ``q x`` and ``q x^2``.
    """

    rows: np.ndarray
    weights: np.ndarray
    products: np.ndarray
    moments: np.ndarray


class Derivative(NamedTuple):
    """Smoothed derivative at ``rows (n,)``.

    ``weights (n, m)`` are those of the samples from ``rows - m // 2`` on. The parabola through the
    derivative at a row and at its two neighbors has the slope ``sum_k (alpha_k + beta_k xi) d_k``
    at ``xi = x - x_row``, with ``alpha``, ``beta`` ``(n, 3)``. In the samples it is ``sum_j (flat_j
    + bend_j xi) z_j``, with ``flat``, ``bend`` ``(n, m + 2)``; ``unit (n, 3)`` are the sums
    of ``flat^2``, ``flat bend`` and ``bend^2``; ``norm (n,)`` those of ``weights^2``.
    ``wide (n, 5)`` gives the second derivative of the slope from rows ``around (n,)`` on. The first
    and last row only serve as neighbors.
    """

    rows: np.ndarray
    weights: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    flat: np.ndarray
    bend: np.ndarray
    unit: np.ndarray
    norm: np.ndarray
    around: np.ndarray
    wide: np.ndarray


class Levels(NamedTuple):
    """Local parabolas of each of `LEVEL_POINTS` samples around each staged row ``r``.

    ``first (2, R)`` staged row where the window starts; ``weights (2, R, 3, m)`` give value, slope
    and half the second derivative at ``x_r``; ``unit (2, R, 3)``: the slope at ``x_r + u`` has the
    variance ``unit_0 + u (unit_1 + u unit_2)`` for samples of unit variance. ``share (R,)`` is the
    interval before ``x_r`` over the distance from ``x_{r - 2}`` to ``x_{r + 1}``. ``counts (2,)``
    samples of each window.
    """

    first: np.ndarray
    weights: np.ndarray
    unit: np.ndarray
    share: np.ndarray
    counts: np.ndarray


def level_table(x: np.ndarray, search: np.ndarray) -> Levels:
    """Tables of the local parabolas over the consecutive staged rows `search`."""
    shape = (len(LEVEL_POINTS), x.size)
    counts = np.minimum(LEVEL_POINTS, search.size)
    first, weights = np.zeros(shape, np.intp), np.zeros((*shape, 3, counts.max()))
    for size, points in enumerate(counts):
        terms = min(3, int(points))
        for row in search:
            start = min(max(row - points // 2, search[0]), search[-1] + 1 - points)
            offset = x[start : start + points] - x[row]
            local = np.linalg.pinv(offset[:, None] ** np.arange(terms))
            weights[size, row, :terms, :points], first[size, row] = local, start
    slope, bend = weights[..., 1, :], 2.0 * weights[..., 2, :]
    unit = np.stack([slope * slope, 2.0 * slope * bend, bend * bend], axis=-1).sum(axis=-2)
    share = np.zeros(x.size)
    for row in search[1:]:
        around = x[min(row + 1, search[-1])] - x[max(row - 2, search[0])]
        share[row] = (x[row] - x[row - 1]) / around
    return Levels(first, weights, unit, share, counts)


def window_table(plan: NormalizationPlan, rows: np.ndarray) -> Windows:
    """Tables of the pre- and post-edge windows."""
    pre, post = np.searchsorted(rows, plan.pre_rows), np.searchsorted(rows, plan.post_rows)
    functionals = plan.functionals()[:3]
    if not post.size:
        functionals[1] = 0.0  # the slope stays in the spectrum
    pairs = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))
    products = np.stack([functionals[i] * functionals[j] for i, j in pairs])
    return Windows(
        pre,
        post,
        plan.pre_weights,
        plan.post_weights,
        plan.post_from_pre,
        plan.pre_basis[:, plan.pre_rows],
        plan.basis[:, plan.post_rows],
        plan.merge,
        products[:, : pre.size],
        products[:, pre.size :],
        products.sum(axis=1),
    )


def white_line_windows(
    energies: np.ndarray,
    centers: np.ndarray | None,
    half_width: float,
    available: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Rows of the window around each center."""
    if centers is None:
        return []
    near = half_width * (1 + 1e-9) + 1e-6
    seen = np.ones(energies.size, bool) if available is None else available
    return [np.flatnonzero(seen & (np.abs(energies - energies[c]) <= near)) for c in centers]


def white_line_table(
    x: np.ndarray,
    rows: np.ndarray,
    centers: np.ndarray | None,
    windows: list[np.ndarray],
    half: float,
    degree: int,
) -> WhiteLine:
    """Tables of the local polynomials around each row of `centers`."""
    if centers is None or not windows:
        none = np.empty(0, dtype=np.intp)
        flat = np.empty(0)
        return WhiteLine(
            none, none, none, np.zeros((0, degree + 1, 0)), flat, flat,
            np.zeros((degree + 1, 0)), np.zeros((0, 0)), np.zeros((0, 2), dtype=np.intp),
        )  # fmt: skip
    counts = np.array([window.size for window in windows])
    if counts.min() <= degree:
        raise ValueError("a white-line window holds too few samples for its polynomial")
    candidates = np.searchsorted(rows, centers)
    first = np.array([np.searchsorted(rows, window[0]) for window in windows])
    weights = np.zeros((len(windows), degree + 1, counts.max()))
    for entry, (start, count) in enumerate(zip(first, counts, strict=True)):
        v = (x[start : start + count] - x[candidates[entry]]) / half
        weights[entry, :, :count] = np.linalg.pinv(v[:, None] ** np.arange(degree + 1))
    pairs = np.array(list(combinations_with_replacement(range(degree + 1), 2)))
    products = weights[0][pairs[:, 0]] * weights[0][pairs[:, 1]]
    basis = ((x[first[0] : first[0] + counts[0]] - x[candidates[0]]) / half) ** np.arange(
        degree + 1
    )[:, None]
    halves = np.full(len(windows), half)
    return WhiteLine(
        candidates, first, counts, weights, x[candidates], halves, basis, products, pairs,
    )  # fmt: skip


def centroid_table(x: np.ndarray, at: np.ndarray) -> Centroid:
    """Tables of the centroid over the staged rows `at`."""
    t = x[at]
    q = np.gradient(t) if t.size > 1 else np.zeros_like(t)
    if t.size > 1:
        # Trapezoids: an end sample stands for half an interval.
        q[0], q[-1] = 0.5 * (t[1] - t[0]), 0.5 * (t[-1] - t[-2])
        q[1:-1] = 0.5 * (t[2:] - t[:-2])
    powers = np.stack([np.ones_like(t), t, t**2])
    return Centroid(at, np.stack([q * t, q]), q**2 * powers, (q * powers).sum(axis=1))


def derivative_table(x: np.ndarray, at: np.ndarray, points: int) -> Derivative:
    """Tables of the derivative over the staged rows `at`, for parabolas of so many points."""
    half = points // 2
    rows = at[half : at.size - half] if points else at[:0]
    weights = np.array([_slope_weights(x[r - half : r + half + 1] - x[r]) for r in rows])
    weights = weights.reshape(rows.size, points)
    alpha, beta = np.zeros((rows.size, 3)), np.zeros((rows.size, 3))
    flat, bend = np.zeros((rows.size, points + 2)), np.zeros((rows.size, points + 2))
    for entry in range(1, rows.size - 1):
        near = x[rows[entry] - 1 : rows[entry] + 2] - x[rows[entry]]
        for k in range(3):
            a, b = np.delete(near, k)
            beta[entry, k] = 2.0 / ((near[k] - a) * (near[k] - b))
            alpha[entry, k] = -0.5 * (a + b) * beta[entry, k]
            flat[entry, k : k + points] += alpha[entry, k] * weights[entry + k - 1]
            bend[entry, k : k + points] += beta[entry, k] * weights[entry + k - 1]
    unit = np.stack([flat * flat, flat * bend, bend * bend], axis=-1).sum(axis=1)
    norm = np.sum(weights * weights, axis=1)
    return Derivative(rows, weights, alpha, beta, flat, bend, unit, norm, *_wide_bends(x[rows]))


def _wide_bends(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start of the window around each point, and weights of the second derivative in it."""
    points = min(5, x.size)
    around = np.clip(np.arange(x.size) - points // 2, 0, x.size - points)
    wide = np.zeros((x.size, points))
    for entry, first in enumerate(around if points > 2 else ()):
        offset = x[first : first + points] - x[entry]
        wide[entry] = 2.0 * np.linalg.pinv(offset[:, None] ** np.arange(3))[2]
    return around, wide


def _slope_weights(offset: np.ndarray) -> np.ndarray:
    """Weights of the slope at zero of the least-squares parabola."""
    return np.linalg.pinv(offset[:, None] ** np.arange(3))[1]
