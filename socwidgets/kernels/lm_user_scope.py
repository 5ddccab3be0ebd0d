"""What a function that a user wrote refers to, at the time it is used as a model.

Compiled code has the numbers of its time in it. A session in which a constant is changed, or a
function that the model calls is defined anew, must not meet code with the old ones.
"""

from __future__ import annotations

import math
import types as python_types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from socwidgets.kernels import lm_math

_OPTIONS: Any = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}
#: By what they are made of: asked for again, a function is the same one, and is not compiled again.
_frozen: dict[Any, Callable] = {}


def plain_function(function: Any) -> python_types.FunctionType:
    """The Python function of a model, which may be one that the user compiled.

    Raises
    ------
    ValueError
        If it is something else that can be called.
    """
    found = getattr(function, "py_func", function)
    if not isinstance(found, python_types.FunctionType):
        raise ValueError(f"it is a {type(function).__name__}, not a function: write def model(...)")
    return found


def frozen(function: Any, callers: tuple[Any, ...] = ()) -> Callable:
    """A copy of a function that keeps what the names in it stand for now, its helpers likewise.

    Raises
    ------
    ValueError
        If it is no plain function, or calls itself.
    """
    plain = plain_function(function)
    if plain.__code__ in callers:
        raise ValueError(f"{plain.__name__} calls itself")
    inside = (*callers, plain.__code__)
    names = {
        name: _now(plain.__globals__[name], inside)
        for name in dict.fromkeys(_names(plain.__code__))
        if name in plain.__globals__
    }
    cells = [_now(cell.cell_contents, inside) for cell in plain.__closure__ or ()]
    defaults = plain.__defaults__ or ()
    values = (*cells, *defaults, *names.values())
    parts = tuple(_namespace(value, plain.__code__) for value in values)
    key = plain.__code__, tuple(names), tuple(_key(value) for value in values), parts
    if key not in _frozen:
        closure = tuple(python_types.CellType(value) for value in cells)
        scope = {"__name__": plain.__module__, **names}
        _frozen[key] = python_types.FunctionType(
            plain.__code__, scope, plain.__name__, plain.__defaults__, closure
        )
    return _frozen[key]


def _names(code: python_types.CodeType) -> Iterator[str]:
    """Names in the code, and in that of functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, python_types.CodeType):
            yield from _names(constant)


def _now(value: Any, callers: tuple[Any, ...]) -> Any:
    """What a name stands for; of a function, the function as it is now."""
    if isinstance(getattr(value, "py_func", value), python_types.FunctionType):
        return frozen(value, callers)
    return value.copy() if isinstance(value, np.ndarray) else value


def _key(value: Any) -> Any:
    """Something by which equal values are known."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, (bool, int, float, complex, str, tuple, np.generic)):
        return type(value), repr(value)
    return id(value)


def _namespace(value: Any, code: python_types.CodeType) -> Any:
    """Numbers of a module of the user's that the code may mean."""
    if not isinstance(value, python_types.ModuleType):
        return ()
    return tuple(
        (name, _key(vars(value)[name]))
        for name in dict.fromkeys(_names(code))
        if isinstance(vars(value).get(name), (int, float, complex, np.ndarray))
    )


def _form(plain: Callable, ours: Callable) -> Callable:
    """A function of numpy in the form that vectorizes, where that knows the type."""

    def usual(x):
        return plain(x)

    def fast(x):
        return ours(x)

    def call(x):
        """The function; compiled code gets one of the two."""

    overload(call, jit_options=_OPTIONS)(lambda x: fast if x == types.float64 else usual)
    return call


def _log(x):
    """Natural logarithm of any number: the fast one knows normal positive numbers only."""


@overload(_log, jit_options=_OPTIONS)
def _compiled_log(x):
    nothing, infinite, zero = math.nan, math.inf, 0.0

    def compiled(x):
        other = -infinite if x == zero else (x if x == infinite else nothing)
        return lm_math.log(x) if (x > zero) & (x < infinite) else other

    return compiled


def _where(condition, yes, no):
    """`numpy.where` of numbers."""


@overload(_where, jit_options=_OPTIONS)
def _compiled_where(condition, yes, no):
    if isinstance(condition, types.Array):
        return None
    return lambda condition, yes, no: yes if condition else no


def _clip(x, low, high):
    """`numpy.clip` of a number."""


@overload(_clip, jit_options=_OPTIONS)
def _compiled_clip(x, low, high):
    if isinstance(x, types.Array):
        return None
    return lambda x, low, high: min(max(x, low), high)


_EXP, _LOG = _form(np.exp, lm_math.exp), _form(np.log, _log)
_ARCTAN, _TANH = _form(np.arctan, lm_math.arctan), _form(np.tanh, lm_math.tanh)
#: Functions of numpy and math by the form that the compiler knows, or can vectorize.
FAST: dict[tuple[Any, str], Callable] = {
    (np, "exp"): _EXP, (np, "log"): _LOG, (np, "arctan"): _ARCTAN, (np, "tanh"): _TANH,
    (math, "exp"): _EXP, (math, "log"): _LOG, (math, "atan"): _ARCTAN, (math, "tanh"): _TANH,
    (np, "where"): _where, (np, "clip"): _clip,
}  # fmt: skip
