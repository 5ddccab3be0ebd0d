"""Whether a function that a user wrote can be a model, said before pixels are fitted with it."""

from __future__ import annotations

import dis
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
from numba import float64
from numba.core.errors import NumbaError, UnsupportedBytecodeError
from numba.core.types import Float, Integer, Tuple, UniTuple

from socwidgets.kernels.compiling import aside
from socwidgets.kernels.lm_lanes import jit_disabled
from socwidgets.kernels.lm_user import parameter_names, scalar_function
from socwidgets.kernels.lm_user_scope import frozen

_REAL = (Float, Integer)
#: Derivatives by differences: relative step, samples that are looked at, and the part of them that
#: may disagree.
_STEP, _LOOKED_AT, _FEW = 6e-6, 100, 0.3


def check_model(function: Callable, jacobian: Callable | None = None) -> None:
    """Compile a model for one x, so that what is wrong with it is said in a line.

    Raises
    ------
    ValueError
        If one of them is no function, cannot be compiled or raises errors, the function returns
        something else than a real number, or `jacobian` something else than a tuple of one real
        number per parameter.
    """
    count = len(parameter_names(function))
    if jacobian is not None and len(parameter_names(jacobian)) != count:
        raise ValueError(f"its derivatives take other parameters than {count} like itself")
    _check(frozen(function), None if jacobian is None else frozen(jacobian), count)


@cache
def _check(function: Callable, jacobian: Callable | None, count: int) -> None:
    if jit_disabled():
        return
    kind = _returned(function, count)
    if not isinstance(kind, _REAL):
        raise ValueError(f"it returns {kind} for a number x")
    if jacobian is None:
        return
    kind = _returned(jacobian, count)
    parts = kind.types if isinstance(kind, (Tuple, UniTuple)) else ()
    if len(parts) != count or not all(isinstance(part, _REAL) for part in parts):
        raise ValueError(f"its derivatives are {kind}, not a tuple of {count} numbers")


def _returned(function: Callable, count: int) -> Any:
    """Type of what a function of x and `count` parameters returns."""
    if _raises(function):
        # The other pixels of the lanes would be left half done.
        raise ValueError(f"{function.__name__} raises errors: return np.nan instead")
    compiled: Any = scalar_function(function)
    arguments = (float64,) * (1 + count)
    try:
        aside(compiled.compile, arguments)
    except (NumbaError, UnsupportedBytecodeError, AttributeError) as problem:
        raise ValueError(f"{function.__name__} cannot be compiled: {_cause(problem)}") from problem
    return compiled.overloads[arguments].signature.return_type


def _raises(function: Callable) -> bool:
    """Whether there is a ``raise`` or an ``assert`` in a function or in what it calls."""
    lines = (line.opname for line in dis.get_instructions(function.__code__))
    called = [*function.__globals__.values()]
    called += [cell.cell_contents for cell in function.__closure__ or ()]
    return "RAISE_VARARGS" in lines or any(
        _raises(value) for value in called if isinstance(value, FunctionType)
    )


def check_derivatives(
    function: Callable, jacobian: Callable, axis: np.ndarray, start: np.ndarray
) -> None:
    """Compare a user's derivatives at the starting values with differences.

    With wrong ones a fit may well find the minimum, but not the uncertainties. A model may have
    kinks, at which the two differ: a derivative is wrong where it is for many samples.

    Raises
    ------
    ValueError
        Naming the parameter.
    """
    value, slopes = scalar_function(frozen(function)), scalar_function(frozen(jacobian))
    points = [float(x) for x in axis[:: -(-axis.size // _LOOKED_AT)]]
    given = np.array([slopes(x, *start) for x in points], float)
    for i, name in enumerate(parameter_names(function)):
        step = np.zeros(start.size)
        step[i] = _STEP * max(abs(start[i]), 1e-3)
        ends = np.array([[value(x, *(start + s * step)) for x in points] for s in (-1.0, 1.0)])
        found = (ends[1] - ends[0]) / (2 * step[i])
        size = np.maximum(np.abs(found), np.abs(given[:, i]))
        rounding = np.abs(ends[0]) * 1e-15 / step[i]
        seen = size > 1e-3 * np.nanmax(size, initial=0.0)
        wrong = np.abs(found - given[:, i])[seen] > (0.01 * size + 10 * rounding)[seen]
        if np.count_nonzero(wrong) > _FEW * wrong.size:
            at = np.flatnonzero(seen)[wrong][0]
            raise ValueError(
                f"its derivative by {name} is {given[at, i]:g} at x = {points[at]:g} of the "
                f"starting values, but the function changes by {found[at]:g}"
            )


def _cause(problem: Exception) -> str:
    """What a compiler's report says is wrong, in a line."""
    lines = [line.strip() for line in str(problem).splitlines()]
    said = [line for line in lines if line and not line.startswith(("Failed in", "During"))]
    if any("NRT required" in line for line in said):
        return "it makes arrays, lists or other objects"
    called = [line.removeprefix(">>> ") for line in said if line.startswith(">>> ")]
    return " ".join(said[:1] + called[:1])
