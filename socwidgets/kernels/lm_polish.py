"""The last step: it gives the result, its covariance, chi-square and the status."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from socwidgets.kernels.lm_lanes import LANES, ONE, TWO, L, inner, leaf
from socwidgets.kernels.lm_normal import NONE, POISSON
from socwidgets.kernels.lm_problem import evaluate, load, tie
from socwidgets.kernels.lm_step import CLIPPED, LENGTH, LOST

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, NOT_CONVERGED, AT_BOUND, SINGULAR = 0, 3, 4, 5

#: Single precision is enough for the last step where the noise is at least this part of the data,
#: and every pivot of the equations this part of its diagonal element: what it rounds is then some
#: thousandth of sigma, and some ten-thousandths of the uncertainties.
_LEAST_NOISE, _LEAST_PIVOT = 1e-3, 1e-3
#: In the place of a status: the pixel is left as it is.
_LEFT = 255

#: Steps shorter than this part of the sum of squared data are rounding: data without noise.
_ROUNDING = 1e-20


class Last(NamedTuple):
    """Lanes of pixels in their last step, in float64.

    Attributes
    ----------
    trial : ndarray
        ``M * LANES``, parameters.
    sums, state, scratch : ndarray
        For the step.
    free : ndarray
        A state as if no parameter were held at a bound.
    bounds, opened : ndarray
        What the step is given for bounds, and what to find `free` by.
    scale, status : ndarray
        ``LANES``: what the inverse is multiplied by, and the status (uint8).
    """

    trial: np.ndarray
    sums: np.ndarray
    state: np.ndarray
    scratch: np.ndarray
    free: np.ndarray
    bounds: np.ndarray
    opened: np.ndarray
    scale: np.ndarray
    status: np.ndarray


@inner
def make_last(problem, single):
    """Lanes for the last step of a problem in float64, evaluated in single precision or not."""
    unknowns = problem.unknowns
    rows = TWO * unknowns + unknowns * (unknowns + ONE) // TWO + np.uintp(3)
    bounds = problem.bounds.copy()
    if single:
        bounds[TWO * unknowns] = _LEAST_PIVOT
    opened = bounds.copy()
    opened[TWO * unknowns + ONE] = 0.0
    return Last(
        np.zeros(problem.parameters * L), np.zeros(np.uintp(problem.pairs.size) * L),
        np.zeros(rows * L), np.zeros(problem.scratch * L), np.zeros(rows * L), bounds, opened,
        np.zeros(L), np.zeros(L, np.uint8),
    )  # fmt: skip


@leaf
def polish(
    evaluated, functions, room, scratch, problem, step, last, data, longest, single, offset, todo,
    values, covariance, redchi, status, rest,
):  # fmt: skip
    """One undamped Gauss-Newton step of the pixels `todo`.

    Parameters
    ----------
    evaluated, functions, room, scratch : Problem, Functions, Room, Scratch
        What makes the sums: in single precision where that may be enough.
    problem, step, last, data : Problem, callable, Last, Data
        The fit in float64, `lm_step.finish`, and the samples.
    longest : float
        Square of the longest step, in units of sigma, that may be the last.
    single : bool
        Leave the pixels for which single precision is not enough, or of which there is more to say
        than that they are well, as they are. It is enough or not for the pixel alone: where noise
        is large beside the rounding of the model, and the equations are well conditioned.
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
    rest : ndarray
        Like `todo`; what is left is put there.

    Returns
    -------
    int
        How many are left.
    """
    unknowns, lanes, left = problem.unknowns, problem.lanes, 0
    inverse, chi = last.state[TWO * unknowns * L :], last.sums[last.sums.size - L :]
    freedom = np.float64(problem.points) - np.float64(unknowns)
    limit = longest / max(freedom, 1.0)
    counted = problem.weighting == POISSON
    for first in range(0, todo.size, LANES):
        count = load(data, offset, todo, first, values, room)
        tie(evaluated.ties, evaluated.scales, evaluated.shifts, room.trial)
        evaluate(evaluated, functions, room, scratch)
        _gather(
            unknowns, problem.columns, problem.pairs, scratch.fresh, offset, todo, first, values,
            last,
        )  # fmt: skip
        step(problem.size, last.bounds, lanes, last.sums, last.state, last.scratch)
        if not single and last.state[unknowns * L : TWO * unknowns * L].any():
            step(problem.size, last.opened, lanes, last.sums, last.free, last.scratch)
            _use_free_variances(unknowns, last.free, last.state)
        _spread(unknowns, problem.columns, last.state, last.trial)
        tie(problem.ties, problem.scales, problem.shifts, last.trial)
        _judge(
            lanes, unknowns, last.state, chi, room.pixel, data.squares, freedom, limit,
            problem.weighting == NONE, last.scale, last.status,
        )  # fmt: skip
        before = left
        if single:
            left = _leave(
                count, room.pixel, data.squares, np.float64(counted) * problem.points, chi,
                freedom, last.status, rest, left,
            )  # fmt: skip
        row = offset + todo[first]
        together = count == LANES and todo[first + count - 1] == todo[first] + L - ONE
        if together and left == before:
            _store(
                lanes, row, last.trial, inverse, chi, last.scale, last.status, values, covariance,
                redchi, status,
            )  # fmt: skip
        else:
            _scatter(
                count, offset, room.pixel, last.trial, inverse, chi, last.scale, last.status,
                values, covariance, redchi, status,
            )  # fmt: skip
    return left


@leaf
def _gather(unknowns, columns, pairs, fresh, offset, todo, first, values, last):
    """Normal equations and parameters (for two steps) in the order of the free ones."""
    sums, state, free, trial = last.sums, last.state, last.free, last.trial
    for n in range(np.uintp(pairs.size)):
        row = pairs[n] * L
        for p in range(L):
            sums[n * L + p] = fresh[row + p]
    for p in range(L):
        row = offset + todo[min(np.uintp(first) + p, np.uintp(todo.size) - ONE)]
        for i in range(np.uintp(values.shape[0])):
            trial[i * L + p] = values[i, row]
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
def _leave(count, pixel, squares, samples, chi, freedom, status, rest, left):
    """Mark and list the pixels that are not well, or have too little noise; how many are left."""
    for p in range(count):
        size = squares[pixel[p]]
        # Counts come without weights: the weighted sum of their squares is about their own sum.
        size = np.sqrt(samples * size) if samples > 0.0 else size
        if status[p] != OK or not chi[p] * freedom >= _LEAST_NOISE**2 * size:
            status[p] = _LEFT
            rest[left] = np.uintp(pixel[p])
            left += 1
    return left


@leaf
def _store(lanes, row, trial, variances, chi, scale, verdict, values, covariance, redchi, status):
    """Results of consecutive pixels that fill the lanes."""
    for i in range(np.uintp(values.shape[0])):
        for p in range(lanes):
            values[i, row + p] = trial[i * L + p]
    for i in range(np.uintp(covariance.shape[0])):
        for p in range(lanes):
            covariance[i, row + p] = variances[i * L + p] * scale[p]
    for p in range(lanes):
        redchi[row + p] = chi[p]
        status[row + p] = verdict[p]


@leaf
def _scatter(
    lanes, offset, pixel, trial, variances, chi, scale, verdict, values, covariance, redchi, status
):  # fmt: skip
    """Results of some pixels anywhere."""
    for lane in range(lanes):
        p = np.uintp(lane)
        if verdict[p] == _LEFT:
            continue
        row = offset + np.uintp(pixel[p])
        for i in range(np.uintp(values.shape[0])):
            values[i, row] = trial[i * L + p]
        for i in range(np.uintp(covariance.shape[0])):
            covariance[i, row] = variances[i * L + p] * scale[p]
        redchi[row], status[row] = chi[p], verdict[p]
