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
from typing import NamedTuple

import numpy as np

from socwidgets.kernels.lanes import padded_rows

CONSTRAINTS = ("none", "non_negative", "sum_to_one", "simplex")


class LcfMatrices(NamedTuple):
    """What the compiled fit reads; energies padded with zeros, see `socwidgets.kernels.lanes`.

    Attributes
    ----------
    references, background : ndarray
        Padded, and with a zero row added to an odd ``k`` and to fewer than two background rows.
    weights : ndarray
        ``(E,)``, relative weights with mean 1.
    weighted : bool
        Whether the weights differ from one.
    projector : ndarray
        ``(k + b, E)``, ``P^T`` above ``R``: gives ``q`` and ``R y`` from a raw spectrum.
    pairs : ndarray
        ``(k (k + 1) / 2, E)``, products of two rows of ``P^T``, the upper triangle by rows:
        they turn the variance of the samples into that of ``q``.
    shadow : ndarray
        ``(b, k)``, ``T``: background coefficients are ``R y - T c``.
    background_gram, shadow_gram : ndarray
        ``(b, b)`` and ``(k, k)``: ``B B^T`` and ``T^T B B^T T``, for sums of squares.
    gram : ndarray
        ``(k, k)``, weighted Gram matrix of the references without background.
    solve, offset : ndarray
        ``(n_subsets, k, k)`` and ``(n_subsets, k)``; subset 0 holds all components.
    member : ndarray
        ``(n_subsets, k)`` bool.
    unit : ndarray
        ``(n_subsets, k + 1)``, sigma of each weight and of their sum for residual variance one; a
        weight outside the subset has the sigma that it would have if it were free.
    every_unit : ndarray
        ``(k * k,)``, covariance of the weights on all components for residual variance one.
    per_freedom : ndarray
        ``(n_subsets,)``, one over the degrees of freedom, NaN where there are none.
    per_point : float
        One over the number of energies.
    """

    references: np.ndarray
    background: np.ndarray
    weights: np.ndarray
    weighted: bool
    projector: np.ndarray
    pairs: np.ndarray
    shadow: np.ndarray
    background_gram: np.ndarray
    shadow_gram: np.ndarray
    gram: np.ndarray
    solve: np.ndarray
    offset: np.ndarray
    member: np.ndarray
    unit: np.ndarray
    every_unit: np.ndarray
    per_freedom: np.ndarray
    per_point: float


@dataclass(frozen=True, slots=True)
class LcfPlan:
    """A linear combination fit that is ready for any pixel of an axis.

    Attributes
    ----------
    references : ndarray
        ``(k, E)``.
    background : ndarray
        ``(b, E)``, rows 1 and a coordinate scaled to [-1, 1]; ``b`` may be 0.
    matrices : LcfMatrices
        Everything else that does not depend on the pixel.
    """

    references: np.ndarray
    background: np.ndarray
    matrices: LcfMatrices


def polynomial_background(axis: np.ndarray, degree: int, power: float = 1.0) -> np.ndarray:
    """Rows of the background basis on a scaled axis.

    Parameters
    ----------
    axis : ndarray
        ``(E,)``, spectral values.
    degree : int
        -1 for none, 0 for a constant, 1 for a line.
    power : float
        The line runs along this power of the axis, which must then be positive: -3 for the
        absorption beside an edge.

    Returns
    -------
    ndarray
        ``(degree + 1, E)``; the scaled axis runs from -1 to 1, so that the first coefficient is the
        background at mid-range and the second half its change over the range.
    """
    # Over their middle, so that no power of a large energy loses digits.
    along = axis if power == 1.0 else (axis / axis[axis.size // 2]) ** power
    half = 0.5 * (along[-1] - along[0])
    scaled = (along - 0.5 * (along[-1] + along[0])) / (half if half else 1.0)
    return (
        np.stack([scaled**k for k in range(degree + 1)])
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
    unit, every = _unit_sigma(solve, gram, member)
    freedom = (points - size - background.shape[0]).astype(float)
    projector = orthogonal * root
    upper = np.triu_indices(count)
    matrices = LcfMatrices(
        references=padded_rows(_with_rows(references, count + count % 2)),
        background=padded_rows(_with_rows(background, 2)),
        weights=padded_rows(w[None])[0],
        weighted=bool(np.any(w != 1.0)),
        projector=padded_rows(np.vstack([projector, from_data])),
        pairs=padded_rows(projector[upper[0]] * projector[upper[1]]),
        shadow=from_weights,
        background_gram=background @ background.T,
        shadow_gram=from_weights.T @ (background @ background.T) @ from_weights,
        gram=gram,
        solve=solve,
        offset=offset,
        member=member,
        unit=unit,
        every_unit=every,
        per_freedom=np.divide(1.0, freedom, out=np.full_like(freedom, np.nan), where=freedom > 0),
        per_point=1.0 / points,
    )
    return LcfPlan(
        np.ascontiguousarray(references, dtype=np.float64),
        np.ascontiguousarray(background, dtype=np.float64),
        matrices,
    )


def _with_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Rows with zero rows added up to `count`."""
    return np.vstack([rows, np.zeros((count - rows.shape[0], rows.shape[1]))])


def _unit_sigma(
    solve: np.ndarray, gram: np.ndarray, member: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`LcfMatrices.unit` and `LcfMatrices.every_unit`."""
    covariance = solve @ gram @ solve.transpose(0, 2, 1)
    own = np.einsum("sii->si", covariance)
    variance = np.where(member, own, own[0])
    total = covariance.sum(axis=(1, 2))
    unit = np.sqrt(np.maximum(np.column_stack([variance, total]), 0.0))
    return unit, np.ascontiguousarray(covariance[0]).ravel()


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
