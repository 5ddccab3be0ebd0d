"""The small solves of a fit: from the normal equations of lanes of pixels to their next step.

Both have the form ``step(numbers, bounds, lanes, sums, state, scratch)`` of a C function, so that
the loops that call them are compiled once. `lm_step_source` writes them for one number of
parameters; these here serve any.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from socwidgets.kernels import lm_step_source
from socwidgets.kernels.generated import load_source
from socwidgets.kernels.lm_lanes import (
    ONE,
    THREE,
    TWO,
    ZERO,
    L,
    factorize,
    jit_disabled,
    leaf,
    solve,
    step_pointer,
    unit_column,
)
from socwidgets.kernels.lm_step_source import write_finish, write_propose

#: Code for one number of parameters takes the longer to compile the more there are (four seconds
#: for eight), while the loops of the general code get longer and lose less.
MOST_PARAMETERS = 8

DAMPING, PROMISED, SLOPE = (
    np.uintp(n) for n in (lm_step_source.DAMPING, lm_step_source.PROMISED, lm_step_source.SLOPE)
)
LENGTH, CLIPPED, LOST = (
    np.uintp(n) for n in (lm_step_source.LENGTH, lm_step_source.CLIPPED, lm_step_source.LOST)
)


@cache
def propose_step(count: int, kind: type, *, own: bool) -> Any:
    """`propose` for some number of parameters, from code of its own if asked and worth it."""
    if own and count <= MOST_PARAMETERS:
        return _written(write_propose(count), kind)
    return propose if jit_disabled() else step_pointer(propose, kind, cache=True)


@cache
def finish_step(count: int, *, own: bool) -> Any:
    """`finish` likewise."""
    if own and count <= MOST_PARAMETERS:
        return _written(write_finish(count), np.float64)
    return finish if jit_disabled() else step_pointer(finish, np.float64, cache=True)


def _written(source: str, kind: type) -> Any:
    names = load_source(source, ())
    if jit_disabled():
        return names["step"]
    return step_pointer(names["step"], kind, cache="__file__" in names)


def scratch_rows(count: int) -> int:
    """Rows of the scratch space that the general code needs for `count` parameters."""
    return count * count + 4 * count


@leaf
def propose(numbers, bounds, lanes, sums, state, scratch):
    """Damped step inside the bounds; what it promises, and the slope along it.

    A parameter at a bound whose gradient points outside is frozen for this step; the others move
    as if it were a constant.

    Parameters
    ----------
    numbers : ndarray
        uintp: the number of parameters P.
    bounds : ndarray
        Lower, then upper bounds.
    lanes : uintp
        `LANES`, as a number that the compiler does not know.
    sums : ndarray
        Rows of lanes: upper triangle of ``J^T W J`` with ``J^T W r`` and ``r^T W r`` as the last
        column, row by row.
    state : ndarray
        Rows: P parameters, P targets (set), P largest diagonals so far (updated), then `DAMPING`,
        `PROMISED` (set) and `SLOPE` (set).
    scratch : ndarray
        `scratch_rows`.
    """
    count = numbers[ZERO]
    size = count * L
    scalars = (TWO + ONE) * size
    matrix, pivots, least, step, closed = _rooms(count, scratch)
    damping, promised = state[scalars : scalars + L], state[scalars + L : scalars + TWO * L]
    slope = state[scalars + TWO * L : scalars + (TWO + ONE) * L]
    # Rooms as arguments of their own: the compiler then knows that they do not overlap.
    _reduce(count, bounds, lanes, sums, state[:size], matrix, step, closed)
    _damp(count, lanes, sums, state[TWO * size : scalars], damping, matrix, least)
    factorize(lanes, count, matrix, pivots, least)
    solve(lanes, count, matrix, pivots, step)
    _promise(
        count, bounds, lanes, sums, state[:size], state[size : TWO * size],
        state[TWO * size : scalars], damping, promised, slope, step,
    )  # fmt: skip


@leaf
def _damp(count, lanes, sums, largest, damping, matrix, least):
    """Diagonal elements, and the least that a pivot may be."""
    real = sums.dtype.type
    tiny, small = real(np.finfo(sums.dtype).tiny), real(np.finfo(sums.dtype).eps)
    for i in range(count):
        pair, to, own = _row(i, i, count), (i * count + i) * L, i * L
        for p in range(lanes):
            value = sums[pair + p]
            largest[own + p] = max(largest[own + p], value)
            matrix[to + p] = value + damping[p] * largest[own + p]
            least[own + p] = max(value * small, tiny)


@leaf
def _promise(
    count, bounds, lanes, sums, q, target, largest, damping, promised, slope, step
):  # fmt: skip
    """Targets inside the bounds, and what to expect of them."""
    zero = sums.dtype.type(0.0)
    for p in range(lanes):
        promised[p], slope[p] = zero, zero
    for i in range(count):
        gradient, own, low, high = _row(i, count, count), i * L, bounds[i], bounds[count + i]
        for p in range(lanes):
            d, g = step[own + p], sums[gradient + p]
            promised[p] += d * (g + damping[p] * largest[own + p] * d)
            aim = min(max(q[own + p] + d, low), high)
            slope[p] += g * (aim - q[own + p])
            target[own + p] = aim


@leaf
def finish(numbers, bounds, lanes, sums, state, scratch):
    """Undamped step inside the bounds, and the inverse of the normal matrix.

    Parameters
    ----------
    numbers, lanes, sums, scratch
        As for `propose`.
    bounds : ndarray
        Lower, then upper bounds; a pivot below which part of its diagonal element means that the
        data do not determine the parameter; whether to respect the bounds: without, the inverse
        is that of all parameters free.
    state : ndarray
        Rows: P parameters (set to the targets), P times 1 where one is held at a bound (set), the
        lower triangle of the inverse row by row (set), then `LENGTH` (square of the step in units
        of sigma), `CLIPPED` (1 where it meets a bound) and `LOST` (1 where some parameter is not
        determined).
    """
    count = numbers[ZERO]
    size = count * L
    inverse = TWO * size
    scalars = inverse + count * (count + ONE) // TWO * L
    matrix, pivots, least, step, closed = _rooms(count, scratch)
    length, clipped = state[scalars : scalars + L], state[scalars + L : scalars + TWO * L]
    lost = state[scalars + TWO * L : scalars + (TWO + ONE) * L]
    _reduce(count, bounds, lanes, sums, state[:size], matrix, step, closed)
    if bounds[TWO * count + ONE] <= bounds.dtype.type(0.0):
        _open(count, lanes, sums, matrix, step, closed)
    _diagonal(count, lanes, sums, bounds[TWO * count], matrix, least)
    factorize(lanes, count, matrix, pivots, least)
    solve(lanes, count, matrix, pivots, step)
    _move(
        count, bounds, lanes, sums, state[:size], pivots, least, step, closed, length, clipped, lost
    )
    _keep(count, lanes, closed, state[size:inverse])
    for k in range(count):
        unit_column(lanes, count, matrix, pivots, k, step)
        for i in range(k, count):
            to = inverse + (i * (i + ONE) // TWO + k) * L
            _keep(ONE, lanes, step[i * L : (i + ONE) * L], state[to : to + L])


@leaf
def _open(count, lanes, sums, matrix, step, closed):
    """Normal matrix and right-hand side with all parameters free."""
    for i in range(count):
        gradient = _row(i, count, count)
        for p in range(lanes):
            closed[i * L + p] = sums.dtype.type(0.0)
            step[i * L + p] = sums[gradient + p]
        for j in range(i):
            pair, to = _row(j, i, count), (i * count + j) * L
            for p in range(lanes):
                matrix[to + p] = sums[pair + p]


@leaf
def _diagonal(count, lanes, sums, part, matrix, least):
    for i in range(count):
        pair, to = _row(i, i, count), (i * count + i) * L
        for p in range(lanes):
            matrix[to + p] = sums[pair + p]
            least[i * L + p] = max(sums[pair + p] * part, 1e-300)


@leaf
def _move(count, bounds, lanes, sums, q, pivots, least, step, closed, length, clipped, lost):
    """Make the step; see which parameters are not determined."""
    zero, one = sums.dtype.type(0.0), sums.dtype.type(1.0)
    for p in range(lanes):
        length[p], clipped[p], lost[p] = zero, zero, zero
    for i in range(count):
        own, gradient, low, high = i * L, _row(i, count, count), bounds[i], bounds[count + i]
        for p in range(lanes):
            # A comparison with something that is not a number is false: such a pixel is lost too.
            determined = pivots[own + p] * least[own + p] < 0.99 or closed[own + p] > zero
            lost[p] = lost[p] if determined else one
            length[p] += step[own + p] * sums[gradient + p]
            wanted = q[own + p] + step[own + p]
            target = min(max(wanted, low), high)
            clipped[p] = one if target != wanted else clipped[p]
            q[own + p] = target


@leaf
def _keep(count, lanes, source, target):
    for i in range(count):
        for p in range(lanes):
            target[i * L + p] = source[i * L + p]


@leaf
def _rooms(count, scratch):
    """Matrix, inverse pivots, least pivots, step, and which parameters may not move."""
    size = count * L
    a, b, c, d = count * size, (count + ONE) * size, (count + TWO) * size, (count + THREE) * size
    return scratch[:a], scratch[a:b], scratch[b:c], scratch[c:d], scratch[d : d + size]


@leaf
def _row(i, j, count):
    """Offset of the sums of two columns, i <= j."""
    columns = count + ONE
    return (i * columns + j - i * (i + ONE) // TWO) * L


@leaf
def _reduce(count, bounds, lanes, sums, q, matrix, step, closed):
    """Off-diagonal elements and right-hand side without the parameters that push at a bound."""
    zero, one = sums.dtype.type(0.0), sums.dtype.type(1.0)
    for i in range(count):
        gradient, own, low, high = _row(i, count, count), i * L, bounds[i], bounds[count + i]
        for p in range(lanes):
            g, at = sums[gradient + p], q[own + p]
            out = (at <= low and g < zero) or (at >= high and g > zero)
            closed[own + p] = one if out else zero
            step[own + p] = zero if out else g
        for j in range(i):
            pair, to, other = _row(j, i, count), (i * count + j) * L, j * L
            for p in range(lanes):
                out = closed[own + p] + closed[other + p] > zero
                matrix[to + p] = zero if out else sums[pair + p]
