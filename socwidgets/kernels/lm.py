"""Batched non-linear least squares: bounded Levenberg-Marquardt over pixels.

Twin: `socwidgets.kernels.lm_reference`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.kernels.lm_iterate import CONVERGED, iterate
from socwidgets.kernels.lm_lanes import compiled, tile_positions
from socwidgets.kernels.lm_plan import WEIGHTINGS, Plan, padded, padded_axis
from socwidgets.kernels.lm_polish import FINE, HELD, UNDETERMINED, polish

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, NOT_CONVERGED, AT_BOUND, SINGULAR = 0, 3, 4, 5
#: A sample is not finite: the caller fits this pixel on the samples that it has.
MISSING = 255

#: Pixels that are staged at a time: their samples stay in the level-2 cache.
_BATCH = 4096
#: The single precision iterations stop at a step of a hundredth of sigma, which the last step in
#: double precision squares; a last step longer than 3 % of sigma sends the pixel back.
_COARSE, _LONGEST, _FINE = 1e-4, 1e-3, 1e-12
_ROUNDING_SINGLE, _ROUNDING_DOUBLE = 1e-13, 1e-26


@dataclass(slots=True)
class Result:
    """Results of a range of n pixels, all float64.

    Attributes
    ----------
    values : ndarray
        ``(n, M)``, all parameters: free, fixed and tied.
    covariance : ndarray
        ``(n, P (P + 1) / 2)``, of the free parameters: lower triangle, row by row; for known noise
        (weights) as it is, without weights scaled by the reduced chi-square.
    redchi : ndarray
        ``(n,)``, weighted sum of squared residuals over N - P.
    passes : ndarray
        ``(n,)``, evaluations of the model.
    status : ndarray
        ``(n,)`` uint8.
    """

    values: np.ndarray
    covariance: np.ndarray
    redchi: np.ndarray
    passes: np.ndarray
    status: np.ndarray


def fit_block(
    plan: Plan,
    signal: np.ndarray,
    std: np.ndarray | None,
    start: int,
    stop: int,
    guess: np.ndarray,
) -> Result:
    """Fit pixels ``start:stop`` of a stack.

    Parameters
    ----------
    plan : Plan
        From `make_plan`.
    signal : ndarray
        ``(E, N)``, C-contiguous, float32 or float64; with Poisson weights, counts.
    std : ndarray or None
        ``(E, N)``, standard uncertainty of each sample; needed for the weighting "std" and
        otherwise not used. A sample whose sigma is not positive has no weight.
    start, stop : int
        Range of pixels.
    guess : ndarray
        ``(stop - start, M)`` float64, starting values; clipped to the bounds.

    Returns
    -------
    Result
        Of pixels with status `OK` or `AT_BOUND` (a parameter is held at a bound); other values are
        the last ones reached, NaN for `MISSING`. `SINGULAR` means that the data do not determine
        some parameter (the center of a peak of no height), `NOT_CONVERGED` that no minimum was
        found in `max_passes` evaluations.
    """
    count, unknowns = plan.model.count, plan.unknowns
    n = stop - start
    result = Result(
        np.array(guess, dtype=np.float64),
        np.full((n, unknowns * (unknowns + 1) // 2), np.nan),
        np.full(n, np.nan),
        np.zeros(n, np.int64),
        np.full(n, MISSING, np.uint8),
    )
    if result.values.shape != (n, count):
        raise ValueError(f"starting values of shape {result.values.shape}, not {(n, count)}")
    _respect_plan(plan, result.values)
    for first in range(start, stop, _BATCH):
        last = min(first + _BATCH, stop)
        _fit_batch(plan, signal, std, first, last, result, first - start)
    return result


def _respect_plan(plan: Plan, values: np.ndarray) -> None:
    """Clip starting values to the bounds and compute the tied ones."""
    np.clip(values, plan.lower, plan.upper, out=values, where=plan.master >= 0)
    for slave in np.flatnonzero((plan.master >= 0) & (plan.master != np.arange(values.shape[1]))):
        values[:, slave] = (
            plan.factor[slave] * values[:, plan.master[slave]] + plan.offset[slave]
        )


def _fit_batch(
    plan: Plan, signal: np.ndarray, std: np.ndarray | None, first: int, last: int, result: Result,
    at: int,
) -> None:  # fmt: skip
    """Iterate, polish; what the polish finds unfinished iterates again in double precision."""
    n, points = last - first, signal.shape[0]
    here = slice(at, at + n)
    values, covariance = result.values[here], result.covariance[here]
    ending, verdict = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    chi, passes = np.full(n, np.nan), result.passes[here]
    use_std = plan.weighting == "std"
    data = np.zeros((n, padded(points)))
    roots = np.zeros((n, padded(points)) if use_std else (1, 1))
    finite = np.zeros(n, np.bool_)
    _stage(signal, std if std is not None and use_std else signal, first, use_std, data, roots, finite)
    finite &= np.isfinite(values).all(axis=1)
    todo = np.flatnonzero(finite).astype(np.uintp)
    if not todo.size:
        return
    if not plan.double:
        single = values.astype(np.float32)
        _iterate(plan, np.float32, _COARSE, points, data.astype(np.float32),
                 roots.astype(np.float32), todo, single, passes, ending)  # fmt: skip
        moved = values.copy()
        moved[todo] = single[todo]
        _keep_fixed(plan, values, moved)
        _polish(plan, points, data, roots, todo, values, covariance, chi, verdict)
        again = todo[(verdict[todo] > UNDETERMINED) | (ending[todo] != CONVERGED)]
    else:
        again = todo
    if again.size:
        _iterate(plan, np.float64, _FINE, points, data, roots, again, values, passes, ending)
        _polish(plan, points, data, roots, again, values, covariance, chi, verdict)
    _conclude(plan, points, todo, verdict, ending, chi, covariance, result, at)


def _keep_fixed(plan: Plan, values: np.ndarray, moved: np.ndarray) -> None:
    """Take over iterated values, without rounding those that never moved."""
    free = plan.master >= 0
    values[:, free] = moved[:, free]
    _respect_plan(plan, values)


def _conclude(
    plan: Plan, points: int, todo: np.ndarray, verdict: np.ndarray, ending: np.ndarray,
    chi: np.ndarray, covariance: np.ndarray, result: Result, at: int,
) -> None:  # fmt: skip
    """Status, reduced chi-square and scale of the covariance."""
    rows = todo.astype(np.intp)
    words = np.full(verdict.size, NOT_CONVERGED, np.uint8)
    for found, code in ((FINE, OK), (HELD, AT_BOUND), (UNDETERMINED, SINGULAR)):
        words[verdict == found] = code
    freedom = points - plan.unknowns
    redchi = chi / freedom if freedom > 0 else np.full_like(chi, np.nan)
    words[~np.isfinite(chi)] = NOT_CONVERGED
    if plan.weighting == "none":
        covariance *= redchi[:, None]
    result.status[at + rows] = words[rows]
    result.redchi[at + rows] = redchi[rows]


def _arguments(plan: Plan, kind: type, points: int) -> tuple:
    """Arguments that the compiled loops share, up to the bounds."""
    count = plan.model.count
    slaves = np.flatnonzero((plan.master >= 0) & (plan.master != np.arange(count)))
    ties = np.stack([slaves, plan.master[slaves]], axis=1).astype(np.uintp)
    columns = np.append(plan.free, np.uintp(count)).astype(np.uintp)
    if columns.size % 2:
        columns = np.append(columns, np.uintp(count)).astype(np.uintp)
    code = np.uintp(WEIGHTINGS.index(plan.weighting))
    free = plan.free.astype(np.intp)
    return (
        plan.model.block(kind), plan.model.config, padded_axis(plan.model.axis, kind),
        np.uintp(points), np.uintp(count), code, ties, plan.factor[slaves].astype(kind),
        plan.offset[slaves].astype(kind), columns, np.uintp(plan.unknowns),
        tile_positions(columns.size), plan.lower[free].astype(kind), plan.upper[free].astype(kind),
    )  # fmt: skip


def _iterate(plan, kind, tolerance, points, data, roots, todo, values, passes, ending) -> None:
    rounding = _ROUNDING_SINGLE if kind is np.float32 else _ROUNDING_DOUBLE
    iterate(
        *_arguments(plan, kind, points), kind(tolerance), kind(rounding), plan.max_passes,
        data, roots, todo, values, passes, ending,
    )  # fmt: skip


def _polish(plan, points, data, roots, todo, values, covariance, chi, verdict) -> None:
    polish(
        *_arguments(plan, np.float64, points), _LONGEST,
        data, roots, todo, values, covariance, chi, verdict,
    )  # fmt: skip


@compiled
def _stage(signal, std, first, use_std, data, roots, finite):
    """Samples of consecutive pixels as rows, and the square roots of their weights."""
    for e in range(signal.shape[0]):
        for row in range(data.shape[0]):
            data[row, e] = signal[e, first + row]
    if use_std:
        for e in range(signal.shape[0]):
            for row in range(data.shape[0]):
                sigma = std[e, first + row]
                roots[row, e] = 1.0 / sigma if not sigma <= 0.0 else 0.0
    for row in range(data.shape[0]):
        total = 0.0
        for e in range(signal.shape[0]):
            total += data[row, e] * 0.0
            if use_std:
                total += roots[row, e] * 0.0
        finite[row] = total == 0.0
