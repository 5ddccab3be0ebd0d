"""Source of the small solves of a fit, for one number of free parameters.

A loop over lanes per element of a five by five matrix spends its time on entering loops. Code that
knows the number of parameters keeps the matrix of a pixel in registers and goes through the lanes
once, which is ten times faster. `lm_step` has the same for any number, in plain loops.
"""

from __future__ import annotations

from collections.abc import Iterator

from socwidgets.kernels.lm_recipe import triangle_row

#: Rows of a state after ``q``, the target of the step, and the largest diagonal (P rows each).
DAMPING, PROMISED, SLOPE = range(3)
#: Rows of the result of the last step after its target, the parameters held (P rows each), and the
#: covariance.
LENGTH, CLIPPED, LOST = range(3)

_HEAD = """\
import numpy as np
from socwidgets.kernels.lm_lanes import L


def step(numbers, bounds, lanes, sums, state, scratch):
    real = sums.dtype.type
    zero, one = real(0.0), real(1.0)"""


def write_propose(count: int) -> str:
    """Source of `lm_step.propose` for `count` parameters."""
    span = range(count)
    lines = [
        _HEAD,
        "    tiny, small = real(np.finfo(sums.dtype).tiny), real(np.finfo(sums.dtype).eps)",
        *_bounds(count),
        "    for p in range(L):",
        f"        damping = state[np.uintp({3 * count + DAMPING}) * L + p]",
    ]
    body = [f"q{i} = {_at('state', i)}" for i in span]
    body += _gradients(count)
    for i in span:
        largest = _at("state", 2 * count + i)
        body += [
            f"size = {_at('sums', triangle_row(i, i, count + 1))}",
            f"t{i} = max({largest}, size)",
            f"{largest} = t{i}",
            f"m{i}_{i} = size + damping * t{i}",
            f"e{i} = max(size * small, tiny)",
        ]
    body += [*_factorize(count), *_solve(count)]
    body += [f"a{i} = min(max(q{i} + d{i}, low{i}), high{i})" for i in span]
    body += [f"{_at('state', count + i)} = a{i}" for i in span]
    promised = " + ".join(f"d{i} * (g{i} + damping * t{i} * d{i})" for i in span)
    slope = " + ".join(f"g{i} * (a{i} - q{i})" for i in span)
    body += [f"{_at('state', 3 * count + PROMISED)} = {promised}"]
    body += [f"{_at('state', 3 * count + SLOPE)} = {slope}"]
    return "\n".join([*lines, *(f"        {line}" for line in body)]) + "\n"


def write_finish(count: int) -> str:
    """Source of `lm_step.finish` for `count` parameters."""
    span, scalars = range(count), 2 * count + count * (count + 1) // 2
    lines = [
        _HEAD,
        "    least = bounds[bounds.size - 2]",
        "    respected = bounds[bounds.size - 1] > zero",
        *_bounds(count),
        "    for p in range(L):",
    ]
    body = [f"q{i} = {_at('state', i)}" for i in span]
    body += _gradients(count, " & respected")
    for i in span:
        body += [
            f"m{i}_{i} = {_at('sums', triangle_row(i, i, count + 1))}",
            f"e{i} = max(m{i}_{i} * least, real(1e-300))",
        ]
    body += _factorize(count)
    # A comparison with something that is not a number is false: such a pixel is lost as well.
    lost = " | ".join(f"(free{i} & (not v{i} * e{i} < real(0.99)))" for i in span)
    body += [f"{_at('state', scalars + LOST)} = one if {lost} else zero", *_solve(count)]
    body += [f"{_at('state', count + i)} = zero if free{i} else one" for i in span]
    body += [f"length = {' + '.join(f'd{i} * g{i}' for i in span)}"]
    body += [f"{_at('state', scalars + LENGTH)} = length"]
    body += [f"a{i} = min(max(q{i} + d{i}, low{i}), high{i})" for i in span]
    clipped = " | ".join(f"(a{i} != q{i} + d{i})" for i in span)
    body += [f"{_at('state', scalars + CLIPPED)} = one if {clipped} else zero"]
    body += [f"{_at('state', i)} = a{i}" for i in span]
    for k in span:
        body += _unit_column(count, k)
        body += [
            f"{_at('state', 2 * count + i * (i + 1) // 2 + k)} = c{i}" for i in range(k, count)
        ]
    return "\n".join([*lines, *(f"        {line}" for line in body)]) + "\n"


def _at(array: str, row: int) -> str:
    return f"{array}[np.uintp({row}) * L + p]"


def _bounds(count: int) -> Iterator[str]:
    for i in range(count):
        yield f"    low{i}, high{i} = bounds[{i}], bounds[{count + i}]"


def _gradients(count: int, also: str = "") -> Iterator[str]:
    """Gradients, which parameters are free to move, and the matrix without the others."""
    for i in range(count):
        yield f"g{i} = {_at('sums', triangle_row(i, count, count + 1))}"
        yield f"out = ((q{i} <= low{i}) & (g{i} < zero)) | ((q{i} >= high{i}) & (g{i} > zero))"
        yield f"free{i} = not (out{also})"
        yield f"d{i} = g{i} if free{i} else zero"
        for j in range(i):
            pair = _at("sums", triangle_row(j, i, count + 1))
            yield f"m{i}_{j} = {pair} if free{i} & free{j} else zero"


def _factorize(count: int) -> Iterator[str]:
    """``L D L^T``: unit lower triangle ``m``, inverse pivots ``v``."""
    for k in range(count):
        yield f"v{k} = one / max(m{k}_{k}, e{k})"
        for i in range(k + 1, count):
            for j in range(k + 1, i):
                yield f"m{i}_{j} -= m{i}_{k} * m{j}_{k}"
            yield f"scaled = m{i}_{k} * v{k}"
            yield f"m{i}_{i} -= m{i}_{k} * scaled"
            yield f"m{i}_{k} = scaled"


def _solve(count: int) -> Iterator[str]:
    """The solution takes the place of the right-hand side ``d``."""
    for i in range(count):
        for k in range(i):
            yield f"d{i} -= m{i}_{k} * d{k}"
    yield from (f"d{i} *= v{i}" for i in range(count))
    for k in range(count - 1, 0, -1):
        for i in range(k):
            yield f"d{i} -= m{k}_{i} * d{k}"


def _unit_column(count: int, k: int) -> Iterator[str]:
    """Column k of the inverse, from its diagonal element down."""
    yield f"c{k} = one"
    for i in range(k + 1, count):
        terms = [f"m{i}_{k}", *(f"m{i}_{j} * c{j}" for j in range(k + 1, i))]
        yield f"c{i} = -({' + '.join(terms)})"
    yield from (f"c{i} *= v{i}" for i in range(k, count))
    for j in range(count - 1, k, -1):
        for i in range(k, j):
            yield f"c{i} -= m{j}_{i} * c{j}"
