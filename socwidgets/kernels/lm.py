"""Batched non-linear least squares: bounded Levenberg-Marquardt over pixels.

Twin: `socwidgets.kernels.lm_reference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.kernels import lm_run
from socwidgets.kernels.lm_iterate import CONVERGED, EXHAUSTED
from socwidgets.kernels.lm_lanes import L, tile_positions, tile_rows
from socwidgets.kernels.lm_normal import no_block, no_equations
from socwidgets.kernels.lm_plan import WEIGHTINGS, Plan, padded_axis
from socwidgets.kernels.lm_polish import AT_BOUND, NOT_CONVERGED, OK, SINGULAR
from socwidgets.kernels.lm_problem import Functions, Problem
from socwidgets.kernels.lm_recipe import triangle_positions, triangle_rows
from socwidgets.kernels.lm_step import finish_step, propose_step, scratch_rows

__all__ = ["AT_BOUND", "MISSING", "NOT_CONVERGED", "OK", "SINGULAR", "Result", "fit_block"]

# numba types a compiled function by the parameters of its Python one, without the call's packing.
_run: Any = lm_run.run

#: A sample is not finite: the caller fits this pixel on the samples that it has.
MISSING = 255

#: Code of its own for a model of more parameters would take long to compile and gain little.
_MOST_PARAMETERS = 11
#: Squares of steps in units of sigma. The single precision iterations stop when the step that is
#: left is below 3 %: it is the polish, in double precision, after which what is left is smaller by
#: orders of magnitude. If that step itself turns out longer, the pixel iterates on in double
#: precision, until 0.1 %. Fits in double precision throughout go on until the next step but one
#: would be a millionth.
_COARSE, _LONGEST, _MEDIUM, _FINE = 1e-3, 1e-3, 1e-6, 1e-12
_ROUNDING_SINGLE, _ROUNDING_DOUBLE = 1e-13, 1e-26
#: Evaluations beyond which a fit is in a narrow valley; others take four to twelve.
_NARROW = 20
#: Pixels that iterate again at a time: bounds the copies of their samples.
_AGAIN = 8192


#: A pivot below this part of its diagonal element: the data do not determine the parameter.
_SINGULAR = 1e-14


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

    def of(self, pixels: np.ndarray) -> Result:
        """Copy of the results of some pixels."""
        rows = (self.values, self.covariance, self.redchi, self.passes, self.status)
        return Result(*(np.ascontiguousarray(row[..., pixels]) for row in rows))

    def replace(self, pixels: np.ndarray, other: Result) -> None:
        """Take the results of some pixels from another fit of them."""
        self.values[:, pixels] = other.values
        self.covariance[:, pixels] = other.covariance
        self.redchi[pixels], self.status[pixels] = other.redchi, other.status
        self.passes[pixels] = other.passes


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
        np.array(guess, dtype=np.float64, order="C"),
        np.empty((unknowns * (unknowns + 1) // 2, n)),
        np.empty(n),
        np.zeros(n, np.int64),
        np.empty(n, np.uint8),
    )
    if result.values.shape != (count, n):
        raise ValueError(f"starting values of shape {result.values.shape}, not {(count, n)}")
    _respect_plan(plan, result.values)
    noise = std if std is not None and plan.weighting == "std" else signal[:0]
    ending = np.full(n, CONVERGED, np.uint8)
    begun = result.values.copy() if plan.double else result.values
    _fit(plan, not plan.double, signal, noise, start, result, ending)
    lost = result.status == NOT_CONVERGED
    if plan.double:
        # In a narrow valley differences to one side are too coarse: on with central ones.
        slow = (result.passes > _NARROW) & (ending != EXHAUSTED)
        again = np.flatnonzero(slow & (plan.model.last_numbers is not None))
    else:
        # What the polish finds unfinished iterates on in double precision.
        again = np.flatnonzero((lost | (ending != CONVERGED)) & (result.status != MISSING))
    for first in range(0, again.size, _AGAIN):
        some = again[first : first + _AGAIN]
        part, noises = (np.ascontiguousarray(x[:, start + some]) for x in (signal, noise))
        rest = result.of(some)
        if plan.double:
            # The last step of a pixel that is lost has left for anywhere.
            rest.values[:] = np.where(lost[some], begun[:, some], rest.values)
        _fit(plan, False, part, noises, 0, rest, ending[some], central=plan.double)
        result.replace(some, rest)
    return result


def _respect_plan(plan: Plan, values: np.ndarray) -> None:
    """Clip starting values to the bounds and compute the tied ones."""
    own = np.arange(values.shape[0])
    for i in np.flatnonzero(plan.master == own):
        if np.isfinite(plan.lower[i]) or np.isfinite(plan.upper[i]):
            np.clip(values[i], plan.lower[i], plan.upper[i], out=values[i])
    for i in np.flatnonzero((plan.master >= 0) & (plan.master != own)):
        values[i] = plan.factor[i] * values[plan.master[i]] + plan.offset[i]


def _fit(
    plan: Plan,
    single: bool,
    signal: np.ndarray,
    noise: np.ndarray,
    start: int,
    result: Result,
    ending: np.ndarray,
    *,
    central: bool = False,
) -> None:
    """Iterate in one precision, polish; with the polish's derivatives throughout if `central`."""
    kind = np.float32 if single else np.float64
    points = signal.shape[0]
    key = kind, points, central
    if key not in plan.prepared:
        plan.prepared[key] = (
            *_problem(plan, kind, points, central=central),
            *_problem(plan, np.float64, points, last=True, central=True),
        )
    problem, functions, last, last_functions = plan.prepared[key]
    if single:
        limits = (_COARSE, _LONGEST, _ROUNDING_SINGLE, plan.max_passes, _LONGEST, 1.0)
    else:
        fine = _FINE if plan.double else _MEDIUM
        limits = (fine, _MEDIUM, _ROUNDING_DOUBLE, plan.max_passes, _LONGEST, 0.0)
    _run(
        problem, *functions, last, *last_functions, np.array(limits, float), signal, noise, start,
        result.values, result.covariance, result.redchi, result.passes, ending, result.status,
        MISSING,
    )  # fmt: skip


def _problem(
    plan: Plan, kind: type, points: int, *, last: bool = False, central: bool
) -> tuple[Problem, Functions]:
    """The fit as the compiled loops take it: iterations in one float type, or the last step."""
    model, count, unknowns = plan.model, plan.model.count, plan.unknowns
    numbers = model.last_numbers if central and model.last_numbers is not None else model.numbers
    slaves = np.flatnonzero((plan.master >= 0) & (plan.master != np.arange(count)))
    ties = np.stack([slaves, plan.master[slaves]], axis=1).astype(np.uintp)
    columns = np.append(plan.free, np.uintp(count)).astype(np.uintp)
    free = plan.free.astype(np.intp)
    fused = _has_own_equations(plan)
    if fused and model.equations is not None:
        where = triangle_positions(columns, count + 1)
        equations, block = model.equations(kind, plan.weighting == "std", central), no_block(kind)
    else:
        if columns.size % 2:
            columns = np.append(columns, np.uintp(count)).astype(np.uintp)
        where = tile_positions(columns.size)[: unknowns + 1, : unknowns + 1]
        equations, block = no_equations(kind), model.block(kind)
    rows = triangle_rows(count + 1) if fused else tile_rows(columns.size)
    # A user's model is compiled while its user waits: that the steps are ready counts for more.
    own = not plan.double and (last or kind is np.float32)
    exact = np.stack([plan.lower[free], plan.upper[free]])
    problem = Problem(
        fused, numbers, padded_axis(model.axis, kind), np.uintp(points), np.uintp(count),
        np.uintp(unknowns), np.uintp(WEIGHTINGS.index(plan.weighting)), ties,
        plan.factor[slaves].astype(kind), plan.offset[slaves].astype(kind), columns,
        where[np.triu_indices(unknowns + 1)], np.uintp(rows), np.array([unknowns], np.uintp),
        np.append(exact.ravel(), [_SINGULAR, 1.0]).astype(kind), exact,
        np.uintp(scratch_rows(unknowns)), L,
    )  # fmt: skip
    step = finish_step(unknowns, own=own) if last else propose_step(unknowns, kind, own=own)
    return problem, Functions(equations, block, step)


def _has_own_equations(plan: Plan) -> bool:
    """Whether the model's own code can be used: not for ties, counts, or very many parameters."""
    tied = (plan.master >= 0) & (plan.master != np.arange(plan.model.count))
    plain = plan.weighting != "poisson" and not tied.any()
    return plain and plan.model.equations is not None and plan.model.count <= _MOST_PARAMETERS
