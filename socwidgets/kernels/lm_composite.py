"""Models that are sums of stock parts, compiled once for all of them."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from socwidgets.kernels import lineshape_points, lm_math
from socwidgets.kernels.generated import load_source
from socwidgets.kernels.lineshapes import (
    ARCTAN_STEP,
    ERF_STEP,
    EXPONENTIAL,
    FIELDS,
    GAUSSIAN,
    LORENTZIAN,
    POLYNOMIAL,
    PSEUDO_VOIGT,
    VOIGT,
    evaluate,
)
from socwidgets.kernels.lm_lanes import (
    LANES,
    equations_pointer,
    function_pointer,
    jit_disabled,
)
from socwidgets.kernels.lm_plan import Model
from socwidgets.kernels.lm_recipe import Pair, Recipe, Stage
from socwidgets.kernels.lm_source import write_equations

#: Kind and number of parameters of the parts that are not polynomials.
PARTS = {
    "gaussian": (GAUSSIAN, 3),
    "lorentzian": (LORENTZIAN, 3),
    "pseudo_voigt": (PSEUDO_VOIGT, 4),
    "voigt": (VOIGT, 4),
    "arctan": (ARCTAN_STEP, 3),
    "erf": (ERF_STEP, 3),
    "exponential": (EXPONENTIAL, 2),
}


#: Names in `lineshape_points`, before ``_at`` and ``_factors``.
_FUNCTIONS: dict[int, str] = {
    int(GAUSSIAN): "gaussian",
    int(LORENTZIAN): "lorentzian",
    int(PSEUDO_VOIGT): "pseudo_voigt",
    int(VOIGT): "voigt",
    int(ARCTAN_STEP): "arctan",
    int(ERF_STEP): "erf",
    int(EXPONENTIAL): "exponential",
}


#: How far apart samples are whose t, in the functions above, differs by one: part of the width.
_WIDTHS = {
    **dict.fromkeys(map(int, (GAUSSIAN, LORENTZIAN, PSEUDO_VOIGT, ARCTAN_STEP)), 0.5),
    int(ERF_STEP): 0.5 / math.sqrt(math.log(2.0)),
}


@cache
def block(kind: type) -> Any:
    """`lineshapes.evaluate` for one float type; its type is that of every model."""
    return evaluate if jit_disabled() else function_pointer(evaluate, kind, cache=True)


def composite(
    parts: tuple[str, ...],
    axis: np.ndarray,
    *,
    degree: int = -1,
    own_axes: dict[int, np.ndarray] | None = None,
) -> Model:
    """A sum of parts and a polynomial.

    Parameters
    ----------
    parts : tuple of str
        Names in `PARTS`; their parameters follow each other in this order.
    axis : ndarray
        ``(E,)``, scaled to about [-1, 1].
    degree : int
        Degree of the polynomial, whose coefficients come last; -1 for none.
    own_axes : dict, optional
        ``{number of the part: (E,)}`` for parts that run on an axis of their own: a power law is
        an exponential of the logarithm.
    """
    rows, numbers, first = [np.asarray(axis, float)], [], 0
    for n, name in enumerate(parts):
        kind, count = PARTS[name]
        row = 0
        if own_axes and n in own_axes:
            rows.append(np.asarray(own_axes[n], float))
            row = len(rows) - 1
        numbers += [int(kind), first, count, row]
        first += count
    if degree >= 0:
        numbers += [int(POLYNOMIAL), first, degree + 1, len(rows)]
        rows += [rows[0] ** power for power in range(degree + 1)]
        first += degree + 1
    head = [len(numbers) // int(FIELDS), first, len(rows), LANES]
    described = tuple(numbers)
    return Model(
        block,
        first,
        np.array([*head, *numbers], np.uintp),
        np.stack(rows),
        equations=lambda kind, weighted, last: _equations(described, len(rows), kind, weighted),
    )


@cache
def _equations(described: tuple[int, ...], rows: int, kind: type, weighted: bool) -> Any:
    """Normal equations of one combination of parts, compiled for it."""
    text = _HEAD + write_equations(_recipe(described, rows), weighted=weighted) + _TAIL
    names = load_source(text, (lineshape_points, lm_math))
    if jit_disabled():
        return names["equations"]
    return equations_pointer(names["outer"], kind, cache="__file__" in names)


_IMPORTED = ", ".join(f"{name}_at, {name}_factors" for name in _FUNCTIONS.values())
_HEAD = f"""\
import numpy as np
from socwidgets.kernels.lineshape_points import {_IMPORTED}
from socwidgets.kernels.lm_lanes import ONE, ZERO, L, generated


@generated
"""
_TAIL = """


def outer(numbers, axis, points, y, root, q, work, jac, sums):
    equations(numbers, axis, points, y, root, q, work, jac, sums)
"""


def _recipe(described: tuple[int, ...], rows: int) -> Recipe:
    """Source of the parts, from the numbers that describe them to `lineshapes.evaluate`."""
    head, terms, columns, plain, factors = [], [], [], {}, {}
    samples: list[str] = []
    parts = [described[at : at + int(FIELDS)] for at in range(0, len(described), int(FIELDS))]
    for kind, first, count, row in parts:
        own = range(first, first + count)
        head += [f"p{i} = q[np.uintp({i}) * L + p]" for i in own]
        if kind == POLYNOMIAL:
            for n, i in enumerate(own):
                plain[i] = "one" if n == 0 else _on_axis(row + n, rows)
                terms.append(f"p{i}" + (f" * {plain[i]}" if n else ""))
            continue
        # The third parameter of peaks and steps is a width, which comes as its inverse.
        arguments = [f"p{i}" for i in own]
        if count > 2:
            head.append(f"i{first} = work[np.uintp({first + 2}) * L + p]")
            arguments[2] = f"i{first}"
        name = _FUNCTIONS[kind]
        head.append(f"{_list('f', own)} = {name}_factors({', '.join(arguments)})")
        head.append(f"a{first} = p{first} * f{first}")
        inside = ", ".join([_on_axis(row, rows), *arguments[1:]])
        samples.append(f"{_list('j', own)} = {name}_at({inside})")
        terms.append(f"a{first} * j{first}")
        columns += list(own)
        factors.update({i: f"f{i}" for i in own})
    total = f"now = {' + '.join(terms)}"
    stage = Stage(
        tuple(head),
        lambda where: [line.replace("AT", where) for line in (*samples, total)],
        tuple(columns),
    )
    setup = (
        f"for k in range(np.uintp({len(columns) + len(plain)}) * L):",
        "    work[k] = one / q[k]",
    )
    return Recipe(
        len(columns) + len(plain), setup, (stage,), plain, tuple(head), factors, _derived(parts)
    )


def _derived(parts: list[tuple[int, ...]]) -> dict[Pair, tuple[tuple[str, Pair], ...]]:
    """Sums of products that follow from others.

    The third column of a peak or step is the second times ``t = (x - c) / d``, with d a part of the
    width; therefore ``x = c + d t`` times the second is a sum of the two. The second column of a
    Gaussian is the first times t, which makes two more.
    """
    line = [first for kind, first, count, _ in parts if kind == POLYNOMIAL and count > 1]
    found: dict[Pair, tuple[tuple[str, Pair], ...]] = {}
    for kind, first, _, row in parts:
        if kind == GAUSSIAN:
            found[first, first + 2] = (("one", (first + 1, first + 1)),)
        if row != 0 or kind not in _WIDTHS:
            continue
        for level in line:
            for i in range(first if kind == GAUSSIAN else first + 1, first + 2):
                distance = f"real({_WIDTHS[kind]}) * p{first + 2}"
                found[i, level + 1] = ((f"p{first + 1}", (i, level)), (distance, (i + 1, level)))
    return found


def _list(letter: str, numbers: range) -> str:
    return ", ".join(f"{letter}{i}" for i in numbers)


def _on_axis(row: int, rows: int) -> str:
    """Text of a sample of a row of the axis."""
    if row == 0:
        return "axis[AT]"
    return f"axis[np.uintp(axis.size) // np.uintp({rows}) * np.uintp({row}) + AT]"
