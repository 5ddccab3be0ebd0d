"""Levenberg-Marquardt iterations of lanes of pixels.

Pixels come in blocks that fill the lanes. Most of a block is done after the same few evaluations;
the few that need more are moved, with all that is known of them, to other lanes where such pixels
are collected, so that no lane is evaluated for nothing. What a pixel goes through is the same in
any company.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_lanes import LANES, ONE, TWO, L, leaf
from socwidgets.kernels.lm_problem import (
    COST,
    DAMPING,
    EARLIER,
    PROMISED,
    SCALARS,
    SCALE,
    SLOPE,
    SPENT,
    STREAK,
    TAKE,
    WHY,
    evaluate,
    load,
    tie,
)

#: How the iterations of a pixel ended.
CONVERGED, STALLED, EXHAUSTED, BROKEN = range(4)

_FIRST_DAMPING, _LARGEST_DAMPING = 1e-3, 1e9
#: In single precision less is nothing. In a narrow valley (two exponentials that are nearly equal)
#: it is this that limits the steps.
_LEAST_DAMPING_SINGLE, _LEAST_DAMPING_DOUBLE = 1e-9, 1e-11
#: Damping below which steps are those of Gauss and Newton; near the minimum the square of each is
#: less than this part of the one before.
_NO_DAMPING, _QUICK = 1e-4, 0.05
#: Pixels of a block that go on elsewhere: to move one costs as much as to evaluate two or three.
_FEW = 10


@leaf
def iterate(
    problem, functions, rooms, scratch, data, limits, offset, todo, values, passes, ending
):  # fmt: skip
    """Fit the pixels `todo`.

    Parameters
    ----------
    problem, functions, data : Problem, Functions, Data
        The fit, its step `lm_step.propose`, and the samples.
    rooms, scratch : tuple of Room, Scratch
        Two rooms of `state_rows` rows, free of pixels.
    limits : ndarray
        Of four numbers in the float type of the fit. A pixel is done when the step after the next
        one would be no longer than the first, judged by how the last steps shrank, and the next one
        is no longer than the second: squares, in units of sigma. The polish makes the next step.
        The third is what is as good as no step, as a part of the sum of squared data: for data
        without noise. The fourth is the number of evaluations per pixel.
    offset, todo : uintp, ndarray
        Column of the results that belongs to the first pixel of the batch; numbers (uintp) of
        pixels of the batch.
    values : ndarray
        ``(M, N)`` float64, starting values; free parameters are replaced by the result.
    passes, ending : ndarray
        ``(N,)``: evaluations, and `CONVERGED`, `STALLED` (no step lowers the sum of squares any
        more: at the resolution of the type), `EXHAUSTED` or `BROKEN` (no finite model at the
        start).
    """
    front, rest = rooms
    results = (offset, values, passes, ending)
    collected = 0
    for first in range(0, todo.size, LANES):
        busy = load(data, offset, todo, first, values, front)
        _begin(problem.unknowns, problem.columns, todo, data.squares, front)
        while busy > _FEW:
            _pass(problem, functions, front, scratch, limits)
            busy = _retire(problem, front, results)
        for p in range(LANES):
            if front.pixel[p] < 0:
                continue
            while collected == LANES:
                _pass(problem, functions, rest, scratch, limits)
                collected = _retire(problem, rest, results)
            to = 0
            while rest.pixel[to] >= 0:
                to += 1
            _move(np.uintp(p), np.uintp(to), front, rest)
            collected += 1
    while collected > 0:
        _pass(problem, functions, rest, scratch, limits)
        collected = _retire(problem, rest, results)


@leaf
def state_rows(unknowns):
    """Rows of the state of a room."""
    return np.uintp(3) * unknowns + SCALARS


@leaf
def _begin(unknowns, columns, todo, squares, room):
    """State before the first evaluation."""
    state, size = room.state, unknowns * L
    state[:] = state.dtype.type(0.0)
    scale = np.uintp(3) * size + SCALE * L
    for p in range(L):
        row = room.pixel[p]
        state[scale + p] = squares[row if row >= 0 else np.int64(todo[0])]
    for i in range(unknowns):
        own = columns[i] * L
        for p in range(L):
            state[size + i * L + p] = room.trial[own + p]


@leaf
def _pass(problem, functions, room, scratch, limits):
    """Evaluate the trial parameters, judge them, and propose the next ones."""
    evaluate(problem, functions, room, scratch)
    unknowns, lanes, state = problem.unknowns, problem.lanes, room.state
    size = unknowns * L
    scalars = np.uintp(3) * size
    own = state[scalars:]
    _judge(lanes, scratch.deviance, own)
    take = own[TAKE * L : (TAKE + ONE) * L]
    _accept_sums(lanes, take, problem.pairs, scratch.fresh, room.sums)
    _accept(lanes, unknowns, take, state[size : TWO * size], state[:size])
    step = functions.step
    step(problem.size, problem.bounds, lanes, room.sums, state, scratch.step)
    _try_next(unknowns, problem.columns, state[size : TWO * size], room.trial)
    tie(problem.ties, problem.scales, problem.shifts, room.trial)
    freedom = max(np.int64(problem.points) - np.int64(unknowns), 1)
    _stop(lanes, own, limits, limits.dtype.type(freedom))


@leaf
def _judge(lanes, value, own):
    """Accept or refuse the steps, and set the damping by how well each was predicted.

    `TAKE` is one or zero, so that everything here stays arithmetic: no branch, no masked store.
    """
    real = own.dtype.type
    zero, one = real(0.0), real(1.0)
    # A sum of squares is not resolved better than about ten times the precision of the type.
    epsilon = np.finfo(own.dtype).eps
    slack = real(1.0 + 10.0 * epsilon)
    least = real(_LEAST_DAMPING_SINGLE if epsilon > 1e-10 else _LEAST_DAMPING_DOUBLE)
    for p in range(lanes):
        cost, damping = own[COST * L + p], own[DAMPING * L + p]
        first = own[SPENT * L + p] == zero
        good = value[p] <= cost * slack
        gain, promised = cost - value[p], own[PROMISED * L + p]
        scale = real(0.1) if gain > real(0.75) * promised else one
        scale = real(4.0) if gain < real(0.25) * promised else scale
        scale = scale if good else real(10.0)
        damping = max(damping * scale, least)
        own[DAMPING * L + p] = real(_FIRST_DAMPING) if first else damping
        accepted = first | good
        own[COST * L + p] = value[p] if accepted else cost
        own[TAKE * L + p] = one if accepted else zero


@leaf
def _accept_sums(lanes, take, pairs, fresh, sums):
    """Normal equations of the lanes that take their step."""
    half = sums.dtype.type(0.5)
    for n in range(np.uintp(pairs.size)):
        row = pairs[n] * L
        for p in range(lanes):
            new, old = fresh[row + p], sums[n * L + p]
            sums[n * L + p] = new if take[p] > half else old


@leaf
def _accept(lanes, unknowns, take, target, q):
    """Parameters of the lanes that take their step."""
    half = q.dtype.type(0.5)
    for i in range(unknowns):
        for p in range(lanes):
            new, old = target[i * L + p], q[i * L + p]
            q[i * L + p] = new if take[p] > half else old


@leaf
def _try_next(unknowns, columns, target, trial):
    for i in range(unknowns):
        own = columns[i] * L
        for p in range(L):
            trial[own + p] = target[i * L + p]


@leaf
def _stop(lanes, own, limits, freedom):
    """Count the pass, and say how the iterations of each lane end, -1 if they go on."""
    real = own.dtype.type
    zero, one, large = real(0.0), real(1.0), real(_LARGEST_DAMPING)
    mild, small = real(_NO_DAMPING), real(_QUICK)
    tiny = real(np.finfo(own.dtype).tiny)
    tolerance, longest, rounding, limit = limits[0], limits[1], limits[2], limits[3]
    for p in range(lanes):
        slope, cost, damping = own[SLOPE * L + p], own[COST * L + p], own[DAMPING * L + p]
        shrinks = slope / max(own[EARLIER * L + p], tiny)
        spent = own[SPENT * L + p]
        # A damped step is short whether or not the minimum is near, and in a curved valley steps
        # shrink and grow at random: only steps that shrink twice in a row foretell the next.
        quick = (spent > one) & (damping <= mild) & (shrinks < small)
        streak = own[STREAK * L + p] + one if quick else zero
        own[STREAK * L + p] = streak
        shrinks = shrinks if streak > one else one
        own[EARLIER * L + p] = slope
        spent += one
        own[SPENT * L + p] = spent
        variance, nothing = cost / freedom, rounding * own[SCALE * L + p]
        enough = (slope * shrinks <= tolerance * variance + nothing) & (
            slope <= longest * variance + nothing
        )
        # The difference of a number that is not finite with itself is not zero.
        broken = (cost + slope) - (cost + slope) != zero
        code = real(EXHAUSTED) if spent >= limit else real(-1.0)
        code = real(STALLED) if damping > large else code
        code = real(CONVERGED) if enough else code
        own[WHY * L + p] = real(BROKEN) if broken else code


@leaf
def _retire(problem, room, results):
    """Write what is done; how many pixels go on."""
    offset, values, passes, ending = results
    unknowns, state = problem.unknowns, room.state
    size = unknowns * L
    why, spent = np.uintp(3) * size + WHY * L, np.uintp(3) * size + SPENT * L
    busy = 0
    for p in range(L):
        if room.pixel[p] < 0:
            continue
        code = int(state[why + p])
        if code < 0:
            busy += 1
            continue
        row = offset + np.uintp(room.pixel[p])
        if code != BROKEN:
            # The polish makes the step that is left of a pixel that converged.
            start = size if code == CONVERGED else np.uintp(0)
            for i in range(unknowns):
                values[problem.columns[i], row] = _unrounded(
                    state[start + i * L + p], problem.bounds, problem.exact, i, unknowns
                )
        passes[row] += np.int64(state[spent + p])
        ending[row] = code
        room.pixel[p] = -1
    return busy


@leaf
def _unrounded(value, bounds, exact, i, unknowns):
    """A value in double precision: what is at a bound is at the bound as given."""
    if value <= bounds[i]:
        return exact[0, i]
    if value >= bounds[unknowns + i]:
        return exact[1, i]
    return np.float64(value)


@leaf
def _move(p, to, source, target):
    """Move a pixel with all that is known of it to a lane of other lanes."""
    _move_rows(p, to, source.y, target.y)
    if np.uintp(source.root.size) > ONE:
        _move_rows(p, to, source.root, target.root)
    _move_rows(p, to, source.trial, target.trial)
    _move_rows(p, to, source.sums, target.sums)
    _move_rows(p, to, source.state, target.state)
    target.pixel[to] = source.pixel[p]
    source.pixel[p] = -1


@leaf
def _move_rows(p, to, source, target):
    for row in range(np.uintp(source.size) // L):
        target[row * L + to] = source[row * L + p]
