"""How far the rows of a raster scan are believed: by what half of the columns says of the rest.

A curve through the rows of a frame follows noise as well as drift. Where the rows move by
themselves that costs little; where they do not, it is the largest error of all. The halves of the
image share the drift and not the noise: one predicts the other only as far as the drift is real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Standard deviations of the supports beyond what is known, px, that are tried; 0 holds the rows.
SPREADS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
#: Second differences of the supports have this part of their standard deviation.
_BEND = 0.3


@dataclass(frozen=True, slots=True)
class HalvedFrame:
    """What the two halves of the columns of one frame say of its rows.

    Attributes
    ----------
    basis : ndarray
        ``(y, support)``, spline basis at the rows that are read.
    normal, right : ndarray
        ``(2, y, 2, 2)`` and ``(2, y, 2)``, normal equations of each half about the present rows.
    beyond : ndarray
        ``(prior, y, 2)``, px, how far the present rows lie from each candidate for what is known.
    """

    basis: np.ndarray
    normal: np.ndarray
    right: np.ndarray
    beyond: np.ndarray


def choose_prior(frames: Sequence[HalvedFrame]) -> tuple[int, float]:
    """Candidate for what is known of the rows, and spread around it, that predict best.

    Each half of each frame is fitted with every candidate and spread; the fit is judged by the
    squares that it leaves in the other half (cross-validation; Stone 1974).

    Parameters
    ----------
    frames : sequence of HalvedFrame
        Frames that have contrast; at least one.

    Returns
    -------
    prior : int
        Number of the candidate.
    spread : float
        One of `SPREADS`, px; 0 where the rows are best left where the candidate has them.
    """
    loss = np.zeros((len(frames[0].beyond), len(SPREADS)))
    for frame in frames:
        for half in (0, 1):
            loss += _left_in_other(frame, half)
    prior, spread = np.unravel_index(int(np.argmin(loss)), loss.shape)
    return int(prior), SPREADS[spread]


def _left_in_other(frame: HalvedFrame, half: int) -> np.ndarray:
    """Squares ``(prior, spread)`` left in the other half, but for a constant."""
    basis, normal, other = frame.basis, frame.normal[half], frame.normal[1 - half]
    matrix = spline_matrix(basis, normal)
    left = np.empty((len(frame.beyond), len(SPREADS)))
    for p, beyond in enumerate(frame.beyond):
        right = frame.right[half] + np.einsum("rab,rb->ra", normal, beyond)
        vector = np.einsum("rk,ra->ka", basis, right)
        for s, spread in enumerate(SPREADS):
            step = basis @ solve_spline(matrix, vector, spread) - beyond
            square = np.einsum("ra,rab,rb->", step, other, step)
            left[p, s] = 0.5 * square - np.sum(step * frame.right[1 - half])
    return left


def spline_matrix(basis: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Normal matrix ``(support, 2, support, 2)`` of a spline through rows, without a prior."""
    return np.einsum("rk,rab,rl->kalb", basis, normal, basis, optimize=True)


def solve_spline(matrix: np.ndarray, vector: np.ndarray, spread: float) -> np.ndarray:
    """Coefficients ``(support, 2)`` of the spline that fits all rows best.

    Parameters
    ----------
    matrix : ndarray
        ``(support, 2, support, 2)``, from `spline_matrix`.
    vector : ndarray
        ``(support, 2)``.
    spread : float
        px; the supports are held as if drawn with this standard deviation, their second differences
        with a third of it, so that rows without contrast follow their neighbors.
    """
    k = vector.shape[0]
    if not spread > 0:
        return np.zeros((k, 2))
    bend = np.diff(np.eye(k), 2, axis=0)
    hold = (bend.T @ bend / _BEND**2 + np.eye(k)) / spread**2
    held = matrix + np.einsum("kl,ab->kalb", hold, np.eye(2))
    return np.linalg.solve(held.reshape(2 * k, 2 * k), vector.ravel()).reshape(k, 2)


def column_halves(columns: int) -> np.ndarray:
    """Two halves ``(2, x)`` bool of the columns: blocks in turns, wider than noise is alike."""
    block = max(6, columns // 12)
    odd = (np.arange(columns) // block) % 2 == 1
    return np.stack([~odd, odd])
