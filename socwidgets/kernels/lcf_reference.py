"""Linear combination fit of one spectrum in plain numpy and scipy: slow, obvious, for tests."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.optimize import nnls


def fit_one(
    spectrum: np.ndarray,
    references: np.ndarray,
    background: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    constraint: str = "none",
) -> dict[str, np.ndarray | float]:
    """Fit one spectrum by the textbook route.

    Parameters
    ----------
    spectrum : ndarray
        ``(E,)``; points that are NaN are left out.
    references, background : ndarray
        ``(k, E)`` and ``(b, E)``.
    weights : ndarray, optional
        ``(E,)``.
    constraint : str
        "none", "non_negative", "sum_to_one" or "simplex".

    Returns
    -------
    dict
        ``weights`` (k,), ``background`` (b,), ``residual`` (E,), ``r_factor``, ``covariance``
        (k, k) of the unconstrained or sum-ruled weights scaled by the residual variance.
    """
    seen = np.isfinite(spectrum)
    y, s, b = spectrum[seen], references[:, seen].T, background[:, seen].T
    root = np.ones(y.size) if weights is None else np.sqrt(weights[seen] / weights[seen].mean())
    y_w, s_w, b_w = y * root, s * root[:, None], b * root[:, None]
    solution, free = _solve(y_w, s_w, b_w, constraint)
    poly = np.linalg.lstsq(b_w, y_w - s_w @ solution, rcond=None)[0] if b.size else np.zeros(0)
    residual = y - s @ solution - b @ poly
    freedom = y.size - free - b.shape[1]
    scale = float(np.sum((root * residual) ** 2) / freedom)
    return {
        "weights": solution,
        "background": poly,
        "residual": residual,
        "r_factor": float(np.sum(residual**2) / np.sum((y - b @ poly) ** 2)),
        "covariance": scale * _unit_covariance(s_w, b_w, constraint),
        "redchi": scale,
    }


def _solve(y: np.ndarray, s: np.ndarray, b: np.ndarray, constraint: str) -> tuple[np.ndarray, int]:
    """Weights and their number that are free."""
    k = s.shape[1]
    if constraint == "none":
        return np.linalg.lstsq(np.hstack([s, b]), y, rcond=None)[0][:k], k
    if constraint == "non_negative":
        # The background has no sign: it enters twice, once with each sign.
        solution = nnls(np.hstack([s, b, -b]), y, maxiter=1000)[0][:k]
        return solution, int(np.count_nonzero(solution))
    if constraint == "sum_to_one":
        return _equality(y, s, b, tuple(range(k))), k - 1
    trials = [_equality(y, s, b, c) for n in range(1, k + 1) for c in combinations(range(k), n)]
    losses = [_loss(y, s, b, t) if (t >= -1e-12).all() else np.inf for t in trials]
    best = trials[int(np.argmin(losses))]
    return best, int(np.count_nonzero(best)) - 1


def _equality(y: np.ndarray, s: np.ndarray, b: np.ndarray, chosen: tuple[int, ...]) -> np.ndarray:
    """Least squares on some components whose weights sum to one, by the KKT system."""
    design = np.hstack([s[:, chosen], b])
    n, m = design.shape[1], len(chosen)
    rule = np.concatenate([np.ones(m), np.zeros(n - m)])
    system = np.block([[design.T @ design, rule[:, None]], [rule[None], np.zeros((1, 1))]])
    solution = np.zeros(s.shape[1])
    solution[list(chosen)] = np.linalg.solve(system, np.append(design.T @ y, 1.0))[:m]
    return solution


def _loss(y: np.ndarray, s: np.ndarray, b: np.ndarray, weights: np.ndarray) -> float:
    rest = y - s @ weights
    if b.size:
        rest = rest - b @ np.linalg.lstsq(b, rest, rcond=None)[0]
    return float(rest @ rest)


def _unit_covariance(s: np.ndarray, b: np.ndarray, constraint: str) -> np.ndarray:
    """Covariance of the weights for unit noise, ``(D^T D)^-1``, honoring a sum rule."""
    k = s.shape[1]
    inverse = np.linalg.inv(np.hstack([s, b]).T @ np.hstack([s, b]))[:k, :k]
    if constraint in ("none", "non_negative"):
        return inverse
    ones = inverse.sum(axis=1)
    return inverse - np.outer(ones, ones) / ones.sum()
