"""Whether a function that a user wrote can be a model, said before pixels are fitted with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import float64
from numba.core.errors import NumbaError
from numba.core.types import Number, Tuple, UniTuple

from socwidgets.kernels.compiling import aside
from socwidgets.kernels.lm_lanes import jit_disabled
from socwidgets.kernels.lm_user import parameter_names, scalar_function


@cache
def check_model(function: Callable, jacobian: Callable | None = None) -> None:
    """Compile a model for one x, so that what is wrong with it is said in a line.

    Raises
    ------
    ValueError
        If one of them cannot be compiled, the function returns something else than a number, or
        `jacobian` something else than a tuple of one number per parameter.
    """
    if jit_disabled():
        return
    count = len(parameter_names(function))
    kind = _returned(function, count)
    if not isinstance(kind, Number):
        raise ValueError(f"it returns {kind} for a number x")
    if jacobian is None:
        return
    kind = _returned(jacobian, count)
    parts = kind.types if isinstance(kind, (Tuple, UniTuple)) else ()
    if len(parts) != count or not all(isinstance(part, Number) for part in parts):
        raise ValueError(f"its derivatives are {kind}, not a tuple of {count} numbers")


def _returned(function: Callable, count: int) -> Any:
    """Type of what a function of x and `count` parameters returns."""
    compiled: Any = scalar_function(function)
    arguments = (float64,) * (1 + count)
    try:
        aside(compiled.compile, arguments)
    except (NumbaError, AttributeError) as problem:
        raise ValueError(f"{function.__name__} cannot be compiled: {_cause(problem)}") from problem
    return compiled.overloads[arguments].signature.return_type


def _cause(problem: Exception) -> str:
    """What a compiler's report says is wrong, in a line."""
    lines = [line.strip() for line in str(problem).splitlines()]
    said = [line for line in lines if line and not line.startswith(("Failed in", "During"))]
    if any("NRT required" in line for line in said):
        return "it makes arrays, lists or other objects"
    called = [line.removeprefix(">>> ") for line in said if line.startswith(">>> ")]
    return " ".join(said[:1] + called[:1])
