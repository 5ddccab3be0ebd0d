"""What the compiled loops of a fit share: the problem, rooms for lanes of pixels, evaluation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from socwidgets.kernels.lm_lanes import COLUMN, LANES, ONE, TWO, ZERO, L, U, inner, leaf
from socwidgets.kernels.lm_normal import POISSON, normal_equations

#: Rows of a state after ``q``, the targets and the largest diagonals (P rows each). The first three
#: are those of `lm_step`.
(
    DAMPING, PROMISED, SLOPE, COST, EARLIER, STREAK, SPENT, SCALE, VALUE, TAKE, WHY, SCALARS,
) = (np.uintp(n) for n in range(12))  # fmt: skip


class Problem(NamedTuple):
    """A fit in one float type.

    Attributes
    ----------
    fused : bool
        Whether the model has normal equations of its own.
    numbers, axis : ndarray
        The model: `lm_plan.Model`.
    points, parameters, unknowns : uintp
        Samples E, parameters M, free parameters P.
    weighting : uintp
        Code of `lm_normal`.
    ties, scales, shifts : ndarray
        ``(T, 2)`` uintp, tied parameter and its master; factors and offsets.
    columns : ndarray
        uintp: the free parameters and the residual, as for `lm_normal.normal_equations`.
    pairs : ndarray
        uintp: rows of the sums as the equations leave them, in the order of the upper triangle of
        the free parameters and the residual.
    rows : uintp
        Number of sums that the equations leave.
    size, bounds : ndarray
        For the step.
    exact : ndarray
        float64 ``(2, P)``, the bounds as given.
    scratch : uintp
        Rows of scratch space.
    lanes : uintp
        `LANES`, as a number that the compiler does not know.
    """

    fused: bool
    numbers: np.ndarray
    axis: np.ndarray
    points: np.uintp
    parameters: np.uintp
    unknowns: np.uintp
    weighting: np.uintp
    ties: np.ndarray
    scales: np.ndarray
    shifts: np.ndarray
    columns: np.ndarray
    pairs: np.ndarray
    rows: np.uintp
    size: np.ndarray
    bounds: np.ndarray
    exact: np.ndarray
    scratch: np.uintp
    lanes: np.uintp


class Functions(NamedTuple):
    """The functions of a fit, which numba takes from Python only as arguments of their own.

    Attributes
    ----------
    equations : callable
        The model's own normal equations, or anything of their type.
    block : callable
        The model: `lm_plan.Model`.
    step : callable
        `lm_step.propose` or `lm_step.finish`, or code of the same form.
    """

    equations: Any
    block: Any
    step: Any


class Data(NamedTuple):
    """Samples of a batch of n pixels.

    Attributes
    ----------
    samples, roots : ndarray
        Flat blocks of ``(padded E, LANES)`` in the type of the samples, zero beyond the last
        energy; the square roots of the weights are one number if there are none.
    squares : ndarray
        ``(n,)``, weighted sum of squared samples; not finite where a sample is missing.
    """

    samples: np.ndarray
    roots: np.ndarray
    squares: np.ndarray


class Room(NamedTuple):
    """Lanes of pixels in the middle of a fit.

    Attributes
    ----------
    y, root : ndarray
        Samples and square roots of their weights.
    trial : ndarray
        ``M * LANES``, parameters at which the model is evaluated next.
    sums : ndarray
        Upper triangles of the normal equations at ``q``.
    state : ndarray
        Rows as listed above.
    pixel : ndarray
        ``LANES``, int64: number of the pixel, -1 for a lane without one.
    """

    y: np.ndarray
    root: np.ndarray
    trial: np.ndarray
    sums: np.ndarray
    state: np.ndarray
    pixel: np.ndarray


class Scratch(NamedTuple):
    """Space that nothing outlives an evaluation in: see `lm_normal.normal_equations`."""

    work: np.ndarray
    jac: np.ndarray
    model: np.ndarray
    fresh: np.ndarray
    deviance: np.ndarray
    step: np.ndarray


@inner
def make_room(problem, weighted, rows):
    """Room for lanes whose state has `rows` rows."""
    kind = problem.axis.dtype
    padded = (problem.points + U - ONE) // U * U
    sums = (problem.unknowns + ONE) * (problem.unknowns + TWO) // TWO
    return Room(
        np.zeros(padded * L, kind),
        np.zeros(padded * L if weighted else ONE, kind),
        np.zeros(problem.parameters * L, kind),
        np.zeros(sums * L, kind),
        np.zeros(rows * L, kind),
        np.full(L, -1, np.int64),
    )


@inner
def make_scratch(problem):
    """Scratch space for a problem."""
    kind = problem.axis.dtype
    return Scratch(
        np.zeros(TWO * problem.parameters * L, kind),
        np.zeros((problem.parameters + ONE) * COLUMN, kind),
        np.zeros(COLUMN, kind),
        np.zeros(problem.rows * L, kind),
        np.zeros(L, kind),
        np.zeros(problem.scratch * L, kind),
    )


@leaf
def evaluate(problem, functions, room, scratch):
    """Normal equations at the trial parameters, in ``scratch.fresh`` and ``scratch.deviance``."""
    equations, block = functions.equations, functions.block
    if problem.fused:
        equations(
            problem.numbers, problem.axis, problem.points, room.y, room.root, room.trial,
            scratch.work, scratch.jac, scratch.fresh,
        )  # fmt: skip
    else:
        normal_equations(
            block, problem.numbers, problem.axis, problem.points, problem.parameters, room.y,
            room.root, problem.weighting, problem.ties, problem.scales, problem.columns,
            problem.unknowns, room.trial, scratch.work, scratch.jac, scratch.model, scratch.fresh,
            scratch.deviance,
        )  # fmt: skip
    if problem.weighting != POISSON:
        square = problem.pairs[problem.pairs.size - 1] * L
        for p in range(L):
            scratch.deviance[p] = scratch.fresh[square + p]


@leaf
def load(data, offset, todo, first, values, room):
    """Put the pixels from `first` on into the lanes; how many there are.

    Lanes without a pixel hold the last one, so that what is in them is finite.
    """
    lanes = min(LANES, todo.size - first)
    row = todo[first]
    if lanes == LANES and row % L == ZERO and todo[first + lanes - 1] == row + L - ONE:
        _load_block(row, data.samples, data.roots, offset, values, room.y, room.root, room.trial)
    else:
        for p in range(LANES):
            row = todo[min(first + p, todo.size - 1)]
            _load_lane(
                p, row, data.samples, data.roots, offset, values, room.y, room.root, room.trial
            )
    for p in range(LANES):
        room.pixel[p] = np.int64(todo[first + p]) if p < lanes else -1
    return lanes


@leaf
def _load_block(row, samples, roots, offset, values, y, root, trial):
    """Consecutive pixels that fill the lanes: the usual case, and a plain copy."""
    at = row * (np.uintp(y.size) // L)
    for k in range(np.uintp(y.size)):
        y[k] = samples[at + k]
    if np.uintp(root.size) > ONE:
        for k in range(np.uintp(y.size)):
            root[k] = roots[at + k]
    for i in range(np.uintp(values.shape[0])):
        for p in range(L):
            trial[i * L + p] = values[i, offset + row + p]


@leaf
def _load_lane(p, row, samples, roots, offset, values, y, root, trial):
    """One pixel into lane p."""
    padded = np.uintp(y.size) // L
    at = row // L * padded * L + row % L
    for e in range(padded):
        y[e * L + p] = samples[at + e * L]
    if np.uintp(root.size) > ONE:
        for e in range(padded):
            root[e * L + p] = roots[at + e * L]
    for i in range(np.uintp(values.shape[0])):
        trial[i * L + p] = values[i, offset + row]


@leaf
def tie(ties, scales, shifts, trial):
    """Compute the tied parameters."""
    for t in range(np.uintp(ties.shape[0])):
        slave, master = ties[t, ZERO] * L, ties[t, ONE] * L
        for p in range(L):
            trial[slave + p] = scales[t] * trial[master + p] + shifts[t]
