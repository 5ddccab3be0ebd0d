"""The last step, in float64: it gives the result, its covariance, chi-square and the status."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from socwidgets.kernels.lm_lanes import LANES, ONE, TWO, L, compiled, leaf
from socwidgets.kernels.lm_normal import NONE
from socwidgets.kernels.lm_problem import evaluate, load, tie
from socwidgets.kernels.lm_step import CLIPPED, LENGTH, LOST

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, NOT_CONVERGED, AT_BOUND, SINGULAR = 0, 3, 4, 5

#: Steps shorter than this part of the sum of squared data are rounding: data without noise.
_ROUNDING = 1e-20


class Verdicts(NamedTuple):
    """Space of the last step beside its room.

    Attributes
    ----------
    free : ndarray
        A state, as if no parameter were held at a bound.
    opened : ndarray
        What the step is given for bounds to find it.
    scale, status : ndarray
        ``LANES``: what the inverse is multiplied by, and the status (uint8).
    """

    free: np.ndarray
    opened: np.ndarray
    scale: np.ndarray
    status: np.ndarray


@compiled
def make_verdicts(problem):
    """Space for the last step of a problem."""
    opened = problem.bounds.copy()
    opened[TWO * problem.unknowns + ONE] = 0.0
    rows = result_rows(problem.unknowns)
    return Verdicts(np.zeros(rows * L), opened, np.zeros(L), np.zeros(L, np.uint8))


@leaf
def polish(
    problem, functions, room, scratch, verdicts, data, longest, offset, todo, values, covariance,
    redchi, status,
):  # fmt: skip
    """One undamped Gauss-Newton step of the pixels `todo`.

    Parameters
    ----------
    problem, functions, data : Problem, Functions, Data
        The fit, its step `lm_step.finish`, and the samples.
    room, scratch, verdicts : Room, Scratch, Verdicts
        A room of `result_rows` rows.
    longest : float
        Square of the longest step, in units of sigma, that may be the last.
    offset, todo, values
        As for `lm_iterate.iterate`.
    covariance : ndarray
        ``(P (P + 1) / 2, N)``: lower triangle of the inverse of ``J^T W J``, row by row; times the
        reduced chi-square where samples have no weights. Of a parameter held at a bound the
        variance is what it would be if it were free, those of the others and all covariances are
        conditional on it.
    redchi : ndarray
        ``(N,)``: weighted sum of squared residuals, with Poisson weights the Pearson one, over
        N - P.
    status : ndarray
        ``(N,)``: `OK`, `AT_BOUND`, `SINGULAR`, or `NOT_CONVERGED` if the step is too long to be the
        last one.
    """
    unknowns = problem.unknowns
    triangle = unknowns * (unknowns + ONE) // TWO
    free, opened, scale, verdict = verdicts
    freedom = np.float64(problem.points) - np.float64(unknowns)
    step = functions.step
    for first in range(0, todo.size, LANES):
        lanes = load(data, offset, todo, first, values, room)
        tie(problem.ties, problem.scales, problem.shifts, room.trial)
        evaluate(problem, functions, room, scratch)
        _gather(unknowns, problem.columns, problem.pairs, scratch.fresh, room, free)
        step(problem.size, problem.bounds, problem.lanes, room.sums, room.state, scratch.step)
        if room.state[unknowns * L : TWO * unknowns * L].any():
            step(problem.size, opened, problem.lanes, room.sums, free, scratch.step)
            _use_free_variances(unknowns, free, room.state)
        _spread(unknowns, problem.columns, room.state, room.trial)
        tie(problem.ties, problem.scales, problem.shifts, room.trial)
        start = room.sums.size - L
        limit = longest / max(freedom, 1.0)
        _judge(
            problem.lanes, unknowns, room.state, room.sums[start:], room.pixel, data.squares,
            freedom, limit, problem.weighting == NONE, scale, verdict,
        )  # fmt: skip
        row = offset + todo[first]
        together = lanes == LANES and todo[first + lanes - 1] == todo[first] + L - ONE
        variances = room.state[TWO * unknowns * L : (TWO * unknowns + triangle) * L]
        chi = room.sums[start:]
        if together:
            _store(
                row, room.trial, variances, chi, scale, verdict, values, covariance, redchi, status
            )
        else:
            _scatter(
                lanes, offset, room.pixel, room.trial, variances, chi, scale, verdict, values,
                covariance, redchi, status,
            )  # fmt: skip


@leaf
def result_rows(unknowns):
    """Rows of the state of a room."""
    return TWO * unknowns + unknowns * (unknowns + ONE) // TWO + np.uintp(3)


@leaf
def _gather(unknowns, columns, pairs, fresh, room, free):
    """Normal equations and parameters (for two steps) in the order of the free ones."""
    sums, state, trial = room.sums, room.state, room.trial
    for n in range(np.uintp(pairs.size)):
        row = pairs[n] * L
        for p in range(L):
            sums[n * L + p] = fresh[row + p]
    for i in range(unknowns):
        own = columns[i] * L
        for p in range(L):
            state[i * L + p] = trial[own + p]
            free[i * L + p] = trial[own + p]


@leaf
def _spread(unknowns, columns, state, trial):
    for i in range(unknowns):
        own = columns[i] * L
        for p in range(L):
            trial[own + p] = state[i * L + p]


@leaf
def _use_free_variances(unknowns, free, state):
    """Variance that a held parameter would have if it were free: how far beyond the data reach."""
    for i in range(unknowns):
        held = (unknowns + i) * L
        at = (TWO * unknowns + i * (i + ONE) // TWO + i) * L
        for p in range(L):
            state[at + p] = free[at + p] if state[held + p] > 0.0 else state[at + p]


@leaf
def _judge(
    lanes, unknowns, state, chi, pixel, squares, freedom, limit, scaled, scale, verdict
):  # fmt: skip
    """Status, reduced chi-square (in the place of chi-square), and what the inverse is scaled by.

    A long step, or one that meets a bound, is not the last.
    """
    scalars = (TWO * unknowns + unknowns * (unknowns + ONE) // TWO) * L
    for p in range(lanes):
        before, length = chi[p], state[scalars + LENGTH * L + p]
        row = pixel[p]
        nothing = _ROUNDING * squares[row if row >= 0 else 0]
        held = False
        for i in range(unknowns):
            held |= state[(unknowns + i) * L + p] > 0.0
        code = AT_BOUND if held else OK
        code = SINGULAR if state[scalars + LOST * L + p] > 0.0 else code
        last = length <= limit * before + nothing and state[scalars + CLIPPED * L + p] == 0.0
        after = max(before - length, 0.0)
        last &= after - after == 0.0
        verdict[p] = code if last else NOT_CONVERGED
        chi[p] = after / freedom if freedom > 0.0 else np.nan
        scale[p] = chi[p] if scaled else 1.0


@leaf
def _store(row, trial, variances, chi, scale, verdict, values, covariance, redchi, status):
    """Results of consecutive pixels that fill the lanes."""
    for i in range(np.uintp(values.shape[0])):
        for p in range(L):
            values[i, row + p] = trial[i * L + p]
    for i in range(np.uintp(covariance.shape[0])):
        for p in range(L):
            covariance[i, row + p] = variances[i * L + p] * scale[p]
    for p in range(L):
        redchi[row + p] = chi[p]
        status[row + p] = verdict[p]


@leaf
def _scatter(
    lanes, offset, pixel, trial, variances, chi, scale, verdict, values, covariance, redchi, status
):  # fmt: skip
    """Results of some pixels anywhere."""
    for lane in range(lanes):
        p = np.uintp(lane)
        row = offset + np.uintp(pixel[p])
        for i in range(np.uintp(values.shape[0])):
            values[i, row] = trial[i * L + p]
        for i in range(np.uintp(covariance.shape[0])):
            covariance[i, row] = variances[i * L + p] * scale[p]
        redchi[row], status[row] = chi[p], verdict[p]
