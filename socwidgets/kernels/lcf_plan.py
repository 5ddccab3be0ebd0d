"""Everything about a linear combination fit that does not depend on the pixel.

With design ``[S B]`` (references, polynomial background), weights ``w`` and ``y`` one spectrum, the
background is projected out once: ``P = sqrt(w) (1 - Q Q^T) sqrt(w) S``. A pixel then only needs
``q = P^T y``; the solution on any subset of the components is affine in it, ``c = M q + m``. All
subsets are prepared here, which makes the constrained optimum of a pixel a comparison of at most
``2^k - 1`` small products: exact, without iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

CONSTRAINTS = ("none", "non_negative", "sum_to_one", "simplex")


@dataclass(frozen=True, slots=True)
class LcfPlan:
    """Pixel-independent matrices of a linear combination fit.

    Attributes
    ----------
    references : ndarray
        ``(k, E)``.
    background : ndarray
        ``(b, E)``, rows 1 and a coordinate scaled to [-1, 1]; ``b`` may be 0.
    weights : ndarray
        ``(E,)``, relative weights with mean 1.
    projector : ndarray
        ``(k, E)``, ``P^T``: gives ``q`` from a raw spectrum.
    gram : ndarray
        ``(k, k)``, weighted Gram matrix of the references without background.
    solve, offset : ndarray
        ``(n_subsets, k, k)`` and ``(n_subsets, k)``; subset 0 holds all components.
    size : ndarray
        ``(n_subsets,)``, number of free weights of each subset (one less under a sum rule).
    member : ndarray
        ``(n_subsets, k)`` bool.
    background_from_data, background_from_weights : ndarray
        ``(b, E)`` and ``(b, k)``: background coefficients are ``R y - T c``.
    """

    references: np.ndarray
    background: np.ndarray
    weights: np.ndarray
    projector: np.ndarray
    gram: np.ndarray
    solve: np.ndarray
    offset: np.ndarray
    size: np.ndarray
    member: np.ndarray
    background_from_data: np.ndarray
    background_from_weights: np.ndarray


def polynomial_background(axis: np.ndarray, degree: int) -> np.ndarray:
    """Rows of the background basis on a scaled axis.

    Parameters
    ----------
    axis : ndarray
        ``(E,)``, spectral values.
    degree : int
        -1 for none, 0 for a constant, 1 for a line.

    Returns
    -------
    ndarray
        ``(degree + 1, E)``; the scaled axis runs from -1 to 1, so that the first coefficient is the
        background at mid-range and the second half its change over the range.
    """
    half = 0.5 * (axis[-1] - axis[0])
    scaled = (axis - 0.5 * (axis[-1] + axis[0])) / (half if half else 1.0)
    return (
        np.stack([scaled**power for power in range(degree + 1)])
        if degree >= 0
        else scaled[:0, None] * scaled
    )


def make_plan(
    references: np.ndarray,
    background: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    constraint: str = "none",
) -> LcfPlan:
    """Prepare a fit.

    Parameters
    ----------
    references : ndarray
        ``(k, E)``, 1 <= k <= 6.
    background : ndarray
        ``(b, E)``, possibly no rows.
    weights : ndarray, optional
        ``(E,)``, positive; equal if left out.
    constraint : str
        One of `CONSTRAINTS`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the references cannot be told from each other or from the background.
    """
    count, points = references.shape
    w = np.ones(points) if weights is None else weights / weights.mean()
    root = np.sqrt(w)
    s, b = references * root, background * root
    if b.shape[0]:
        q, _ = np.linalg.qr(b.T)
        orthogonal = s - (s @ q) @ q.T
        from_data = np.linalg.solve(b @ b.T, b * root)
        from_weights = np.linalg.solve(b @ b.T, b @ s.T)
    else:
        orthogonal = s
        from_data, from_weights = np.zeros((0, points)), np.zeros((0, count))
    gram = orthogonal @ orthogonal.T
    scale = np.sqrt(np.einsum("ke,ke->k", s, s))
    if np.linalg.matrix_rank(orthogonal / scale[:, None], tol=1e-6) < count:
        raise np.linalg.LinAlgError("references and background are linearly dependent")
    sum_rule = constraint in ("sum_to_one", "simplex")
    non_negative = constraint in ("non_negative", "simplex")
    solve, offset, size, member = _subsets(gram, sum_rule, non_negative)
    return LcfPlan(
        np.ascontiguousarray(references, dtype=np.float64),
        np.ascontiguousarray(background, dtype=np.float64),
        w,
        np.ascontiguousarray(orthogonal * root),
        gram,
        solve,
        offset,
        size,
        member,
        from_data,
        from_weights,
    )


def _subsets(
    gram: np.ndarray, sum_rule: bool, non_negative: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Solution matrices of every subset of components, the full set first."""
    count = gram.shape[0]
    smallest = 1 if non_negative else count
    chosen = [s for n in range(count, smallest - 1, -1) for s in combinations(range(count), n)]
    if non_negative and not sum_rule:
        chosen.append(())
    solve = np.zeros((len(chosen), count, count))
    offset = np.zeros((len(chosen), count))
    member = np.zeros((len(chosen), count), dtype=np.bool_)
    for row, subset in enumerate(chosen):
        if not subset:
            continue
        index = np.array(subset)
        inverse = np.linalg.inv(gram[np.ix_(index, index)])
        if sum_rule:
            # Lagrange multiplier of sum(c) = 1, eliminated.
            ones = inverse.sum(axis=1)
            offset[row, index] = ones / ones.sum()
            inverse = inverse - np.outer(ones, ones) / ones.sum()
        solve[row][np.ix_(index, index)] = inverse
        member[row, index] = True
    size = member.sum(axis=1).astype(np.int64) - (1 if sum_rule else 0)
    return solve, offset, size, member
