"""A fit of a range of pixels, batch by batch: samples into lanes, iterations, last step.

One compiled call does all: each call from Python costs as much as a hundred fits.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_iterate import iterate, state_rows
from socwidgets.kernels.lm_lanes import ONE, door, leaf
from socwidgets.kernels.lm_polish import make_last, polish
from socwidgets.kernels.lm_problem import Functions, make_room, make_scratch
from socwidgets.kernels.lm_stage import list_finite, make_data, stage

#: Pixels that are staged at a time: their samples stay in the level-2 cache.
BATCH = 2048


@door
def run(
    problem, equations, block, step, last, last_equations, last_block, last_step, limits,
    signal, std, start, values, covariance, redchi, passes, ending, status, missing,
):  # fmt: skip
    """Fit pixels of a stack.

    Parameters
    ----------
    problem, equations, block, step : Problem, callable, callable, callable
        The iterations, and their `Functions`.
    last, last_equations, last_block, last_step : Problem, callable, callable, callable
        Likewise the last step.
    limits : ndarray
        float64: those of `iterate`, the longest last step, and whether to try it in the float type
        of the iterations.
    signal, std : ndarray
        ``(E, N)``; `std` has no rows where samples have no weights.
    start : int
        Pixel of the stack to which the first column of the results belongs.
    values, covariance, redchi, passes, ending, status
        As for `iterate` and `polish`.
    missing : int
        Status of a pixel without a finite sample or starting value; its numbers are NaN.
    """
    count, weighted = values.shape[1], std.shape[0] > 0
    batch = np.uintp(min(BATCH, count))
    functions = Functions(equations, block, step)
    last_functions = Functions(last_equations, last_block, last_step)
    data = make_data(signal, std, batch)
    rows = state_rows(problem.unknowns)
    rooms = (make_room(problem, weighted, rows), make_room(problem, weighted, rows))
    last_room = make_room(last, weighted, ONE)
    scratch, last_scratch = make_scratch(problem), make_scratch(last)
    single = limits[5] > 0.0
    ends, last_ends = make_last(last, True), make_last(last, False)
    rest = np.empty(batch, np.uintp)
    of_iterations = limits[:4].astype(problem.axis.dtype)
    for first in range(0, count, BATCH):
        size, offset = np.uintp(min(BATCH, count - first)), np.uintp(first)
        stage(signal, std, np.uintp(start + first), size, data)
        todo = list_finite(data.squares, size, values, offset)
        if np.uintp(todo.size) < size:
            _blank(todo, size, offset, values, covariance, redchi, status, missing)
        iterate(
            problem, functions, rooms, scratch, data, of_iterations, offset, todo, values, passes,
            ending,
        )  # fmt: skip
        if single:
            left = polish(
                problem, functions, rooms[0], scratch, last, last_step, ends, data, limits[4], True,
                offset, todo, values, covariance, redchi, status, rest,
            )  # fmt: skip
            todo = rest[:left]
        polish(
            last, last_functions, last_room, last_scratch, last, last_step, last_ends, data,
            limits[4], False, offset, todo, values, covariance, redchi, status, rest,
        )  # fmt: skip


@leaf
def _blank(todo, size, offset, values, covariance, redchi, status, missing):
    """No number for the pixels of the batch that are not to do."""
    at = 0
    for p in range(size):
        if at < todo.size and todo[at] == p:
            at += 1
            continue
        values[:, offset + p] = np.nan
        covariance[:, offset + p] = np.nan
        redchi[offset + p] = np.nan
        status[offset + p] = missing
