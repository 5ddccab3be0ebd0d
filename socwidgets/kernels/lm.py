"""Batched non-linear least squares: bounded Levenberg-Marquardt over pixels.

Twin: `socwidgets.kernels.lm_reference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.kernels import lm_iterate, lm_polish
from socwidgets.kernels.lm_composite import block as stock_block
from socwidgets.kernels.lm_iterate import CONVERGED
from socwidgets.kernels.lm_lanes import L, tile_positions, tile_rows
from socwidgets.kernels.lm_normal import no_equations
from socwidgets.kernels.lm_plan import WEIGHTINGS, Plan, padded_axis
from socwidgets.kernels.lm_polish import UNDETERMINED
from socwidgets.kernels.lm_source import triangle_positions, triangle_rows
from socwidgets.kernels.lm_stage import Samples

# numba types a compiled function by the parameters of its Python one, without the call's packing.
_iterate: Any = lm_iterate.iterate
_polish: Any = lm_polish.polish

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, NOT_CONVERGED, AT_BOUND, SINGULAR = 0, 3, 4, 5
#: A sample is not finite: the caller fits this pixel on the samples that it has.
MISSING = 255

#: Code of its own for a model of more parameters would take long to compile and gain little.
_MOST_PARAMETERS = 11
#: Pixels that are staged at a time: their samples stay in the level-2 cache.
_BATCH = 4096
#: Squares of steps in units of sigma. The single precision iterations stop when the step that is
#: left is below 3 %: it is the polish, in double precision, after which what is left is smaller by
#: orders of magnitude. If that step itself turns out longer, the pixel iterates on in double
#: precision, until 0.1 %. Fits in double precision throughout go on until the next step but one
#: would be a millionth.
_COARSE, _LONGEST, _MEDIUM, _FINE = 1e-3, 1e-3, 1e-6, 1e-12
_ROUNDING_SINGLE, _ROUNDING_DOUBLE = 1e-13, 1e-26


#: Status by the verdict of the polish, in its order.
_STATUS = np.array([OK, AT_BOUND, SINGULAR, NOT_CONVERGED], np.uint8)


@dataclass(slots=True)
class Result:
    """Results of a range of n pixels, all float64.

    Attributes
    ----------
    values : ndarray
        ``(M, n)``, all parameters: free, fixed and tied.
    covariance : ndarray
        ``(P (P + 1) / 2, n)``, of the free parameters: lower triangle, row by row; for known noise
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
        ``(M, stop - start)``, starting values; clipped to the bounds.

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
        np.full((unknowns * (unknowns + 1) // 2, n), np.nan),
        np.full(n, np.nan),
        np.zeros(n, np.int64),
        np.full(n, MISSING, np.uint8),
    )
    if result.values.shape != (count, n):
        raise ValueError(f"starting values of shape {result.values.shape}, not {(count, n)}")
    _respect_plan(plan, result.values)
    arguments = _all_arguments(plan, signal.shape[0])
    noise = std if std is not None and plan.weighting == "std" else signal[:0]
    batch = None
    for first in range(start, stop, _BATCH):
        size = min(_BATCH, stop - first)
        if batch is None or batch.samples.squares.size != size:
            batch = _Batch.room(plan, Samples.room(signal, noise, size))
        batch.samples.load(signal, noise, first)
        _fit_batch(plan, arguments, batch, signal.shape[0], result, first - start)
    return result


@dataclass(frozen=True, slots=True)
class _Batch:
    """Room for the samples and results of some pixels."""

    samples: Samples
    values: np.ndarray
    covariance: np.ndarray
    chi: np.ndarray
    passes: np.ndarray
    ending: np.ndarray
    verdict: np.ndarray

    @classmethod
    def room(cls, plan: Plan, samples: Samples) -> _Batch:
        n, unknowns = samples.squares.size, plan.unknowns
        return cls(
            samples,
            np.empty((plan.model.count, n)),
            np.empty((unknowns * (unknowns + 1) // 2, n)),
            *(np.empty(n, kind) for kind in (np.float64, np.int64, np.uint8, np.uint8)),
        )


def _respect_plan(plan: Plan, values: np.ndarray) -> None:
    """Clip starting values to the bounds and compute the tied ones."""
    own = np.arange(values.shape[0])
    for i in np.flatnonzero(plan.master == own):
        if np.isfinite(plan.lower[i]) or np.isfinite(plan.upper[i]):
            np.clip(values[i], plan.lower[i], plan.upper[i], out=values[i])
    for i in np.flatnonzero((plan.master >= 0) & (plan.master != own)):
        values[i] = plan.factor[i] * values[plan.master[i]] + plan.offset[i]


def _fit_batch(
    plan: Plan, arguments: dict[str, tuple], batch: _Batch, points: int, result: Result, at: int
) -> None:
    """Fit the loaded samples; numbers of pixels without a sample stay NaN."""
    here = slice(at, at + batch.chi.size)
    values = batch.values
    values[...] = result.values[:, here]
    finite = np.isfinite(batch.samples.squares) & np.isfinite(values).all(axis=0)
    todo = np.flatnonzero(finite).astype(np.uintp)
    result.values[:, here][:, ~finite] = np.nan
    if not todo.size:
        return
    batch.passes[:], batch.ending[:], batch.verdict[:], batch.chi[:] = 0, 0, 0, np.nan
    _iterate_and_polish(plan, arguments, batch, todo)
    redchi = batch.chi / (points - plan.unknowns if points > plan.unknowns else np.nan)
    if plan.weighting == "none":
        with np.errstate(over="ignore", invalid="ignore"):  # of fits that ran away
            np.multiply(batch.covariance, redchi, out=batch.covariance)
    words = _STATUS[batch.verdict]
    words[~np.isfinite(batch.chi)] = NOT_CONVERGED
    keep = slice(None) if finite.all() else finite
    result.values[:, here][:, keep] = values[:, keep]
    result.covariance[:, here][:, keep] = batch.covariance[:, keep]
    result.redchi[here][keep], result.passes[here][keep] = redchi[keep], batch.passes[keep]
    result.status[here][keep] = words[keep]


def _iterate_and_polish(
    plan: Plan, arguments: dict[str, tuple], batch: _Batch, todo: np.ndarray
) -> None:
    """Iterate, polish; what the polish finds unfinished iterates again in double precision."""
    data = (batch.samples.data, batch.samples.roots, batch.samples.squares)
    counts = (batch.passes, batch.ending)
    results = (batch.values, batch.covariance, batch.chi, batch.verdict)
    again = todo
    if not plan.double:
        single = batch.values.astype(np.float32)
        _iterate(
            *arguments["single"], np.float32(_COARSE), np.float32(_LONGEST),
            np.float32(_ROUNDING_SINGLE), plan.max_passes, *data, todo, single, *counts,
        )  # fmt: skip
        free = plan.free.astype(np.intp)  # what never moves keeps its double precision
        batch.values[free] = single[free]
        _respect_plan(plan, batch.values)
        _polish(*arguments["last"], _LONGEST, *data, todo, *results)
        unfinished = batch.verdict[todo] > UNDETERMINED
        again = todo[unfinished | (batch.ending[todo] != CONVERGED)]
    if again.size:
        tolerance = _FINE if plan.double else _MEDIUM
        _iterate(
            *arguments["double"], tolerance, _MEDIUM, _ROUNDING_DOUBLE, plan.max_passes, *data,
            again, batch.values, *counts,
        )  # fmt: skip
        _polish(*arguments["last"], _LONGEST, *data, again, *results)


def _all_arguments(plan: Plan, points: int) -> dict[str, tuple]:
    """Arguments of the iterations in either precision and of the last step."""
    return {
        "single": () if plan.double else _arguments(plan, np.float32, points),
        "double": _arguments(plan, np.float64, points),
        "last": _arguments(plan, np.float64, points, last=True),
    }


def _arguments(plan: Plan, kind: type, points: int, *, last: bool = False) -> tuple:
    """Arguments that the compiled loops share, up to the bounds."""
    model, count = plan.model, plan.model.count
    numbers = model.last_numbers if last and model.last_numbers is not None else model.numbers
    slaves = np.flatnonzero((plan.master >= 0) & (plan.master != np.arange(count)))
    ties = np.stack([slaves, plan.master[slaves]], axis=1).astype(np.uintp)
    columns = np.append(plan.free, np.uintp(count)).astype(np.uintp)
    code = np.uintp(WEIGHTINGS.index(plan.weighting))
    free = plan.free.astype(np.intp)
    fused = _has_own_equations(plan)
    if fused and model.equations is not None:
        where = triangle_positions(columns, count + 1)
        equations, block = model.equations(kind, plan.weighting == "std", last), stock_block(kind)
    else:
        if columns.size % 2:
            columns = np.append(columns, np.uintp(count)).astype(np.uintp)
        where = tile_positions(columns.size)
        equations, block = no_equations(kind), model.block(kind)
    rows = triangle_rows(count + 1) if fused else tile_rows(columns.size)
    return (
        L, fused, equations, block, numbers, padded_axis(model.axis, kind), np.uintp(points),
        np.uintp(count), code, ties, plan.factor[slaves].astype(kind),
        plan.offset[slaves].astype(kind), columns, np.uintp(plan.unknowns), np.uintp(rows), where,
        plan.lower[free].astype(kind), plan.upper[free].astype(kind),
    )  # fmt: skip


def _has_own_equations(plan: Plan) -> bool:
    """Whether the model's own code can be used: not for ties, counts, or very many parameters."""
    tied = (plan.master >= 0) & (plan.master != np.arange(plan.model.count))
    plain = plan.weighting != "poisson" and not tied.any()
    return plain and plan.model.equations is not None and plan.model.count <= _MOST_PARAMETERS
