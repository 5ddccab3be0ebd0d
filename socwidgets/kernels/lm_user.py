"""Models that a user writes as a plain Python function, compiled for lanes of pixels."""

from __future__ import annotations

import inspect
import math
import types as python_types
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from socwidgets.kernels import doors
from socwidgets.kernels.lm_lanes import (
    COLUMN,
    ONE,
    ZERO,
    L,
    NoOverlap,
    U,
    equations_pointer,
    function_pointer,
    jit_disabled,
)
from socwidgets.kernels.lm_plan import Model
from socwidgets.kernels.lm_recipe import Recipe, Stage
from socwidgets.kernels.lm_source import ONCE, UNROLL, write_equations
from socwidgets.kernels.lm_user_scope import FAST, frozen, plain_function

_REPLACED = {id(getattr(module, name)): ours for (module, name), ours in FAST.items()}

#: Parameters whose differences share one loop.
_TOGETHER = 4

_jit: Any = njit
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}


def parameter_names(function: Callable) -> tuple[str, ...]:
    """Names of the parameters of a model ``f(x, p1, p2, ...)``.

    Raises
    ------
    ValueError
        If the function has no axis and parameter, takes ``*args`` or keywords, or is none.
    """
    found = list(inspect.signature(plain_function(function)).parameters.values())
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(found) < 2 or any(p.kind not in plain for p in found):
        raise ValueError("a model is a function of the axis and at least one named parameter")
    return tuple(p.name for p in found[1:])


def compile_model(
    function: Callable,
    axis: np.ndarray,
    *,
    jacobian: Callable | None = None,
    typical: np.ndarray | None = None,
) -> Model:
    """Compile a user's model.

    Parameters
    ----------
    function : callable
        ``f(x, p1, p2, ...)``: arithmetic and numpy (or math) functions. It is compiled for one x
        at a time, so it may branch, but must not look at other samples. What it refers to outside
        itself must be numbers, arrays, modules or such functions; it is taken as it is now.
    axis : ndarray
        ``(E,)``, in the user's units.
    jacobian : callable, optional
        ``g(x, p1, p2, ...)`` that returns the tuple of derivatives. Without it they are
        differences: forward during the iterations, central for the last step and the covariance
        (relative step 6e-6, error about 1e-10).
    typical : ndarray, optional
        ``(M,)``, typical size of each parameter (one if left out or zero): a value a thousand times
        smaller is not small enough to shorten the step of a difference further.

    Returns
    -------
    Model
        For float64 iterations (``make_plan(..., double=True)``).
    """
    count = len(parameter_names(function))
    function, jacobian = frozen(function), None if jacobian is None else frozen(jacobian)

    def block(kind: type):
        _only_double(kind)
        return _block(function, jacobian, count)

    def equations(kind: type, weighted: bool, last: bool):
        _only_double(kind)
        return _equations(function, jacobian, count, weighted, last and jacobian is None)

    sizes = np.ones(count) if typical is None else np.abs(np.asarray(typical, float))
    sizes = 1e-3 * np.where(sizes > 0, sizes, 1.0)
    rows = np.vstack([axis, np.repeat(sizes[:, None], len(axis), axis=1)])
    numbers = np.array([count, 0], np.uintp)
    last = np.array([count, 1], np.uintp)
    return Model(block, count, numbers, rows, last_numbers=last, equations=equations)


def _only_double(kind: type) -> None:
    if kind is not np.float64:
        raise ValueError("a user's model is fitted in double precision: double=True")


@cache
def _block(function: Callable, jacobian: Callable | None, count: int):
    """The function that the engine calls, compiled once per model."""
    source = _analytic(count) if jacobian is not None else _differences(count)
    evaluate = _defined(source, "evaluate", function, jacobian)
    if jit_disabled():
        return evaluate

    def outer(n, axis, e, q, work, jac, model):
        evaluate(n, axis, e, q, work, jac, model)

    return function_pointer(outer, np.float64, cache=False)


@cache
def _equations(
    function: Callable, jacobian: Callable | None, count: int, weighted: bool, central: bool
):
    """Normal equations of the model, compiled for it; central differences for the last step."""
    recipe = _recipe(count, jacobian is not None, central)
    source = write_equations(recipe, weighted=weighted, unroll=ONCE if central else UNROLL)
    equations = _defined(source, "equations", function, jacobian)
    if jit_disabled():
        return equations

    def outer(numbers, axis, points, y, root, q, work, jac, sums):
        equations(numbers, axis, points, y, root, q, work, jac, sums)

    return equations_pointer(outer, np.float64, cache=False)


def _defined(source: str, name: str, function: Callable, jacobian: Callable | None) -> Callable:
    """A function from its source, compiled where numba is on."""
    scope = {
        "value": scalar_function(function),
        "derivatives": scalar_function(jacobian) if jacobian is not None else None,
        "COLUMN": COLUMN, "L": L, "U": U, "ZERO": ZERO, "ONE": ONE, "np": np,
        "FORWARD": float(np.sqrt(np.finfo(float).eps)),
        "CENTRAL": float(np.cbrt(np.finfo(float).eps)),
    }  # fmt: skip
    exec(compile(source, "<model>", "exec"), scope)
    found: Any = scope[name]
    if jit_disabled():
        return found
    return doors.inner(pipeline_class=NoOverlap, _nrt=False, **_OPTIONS)(found)


def _recipe(count: int, analytic: bool, central: bool) -> Recipe:
    head = [f"p{i} = q[np.uintp({i}) * L + p]" for i in range(count)]
    value = ["x = axis[AT]", f"now = value(x, {_arguments(count)})"]
    if analytic:
        found = [f"j{i} = found[{i}]" for i in range(count)]
        lines = [*value, f"found = derivatives(x, {_arguments(count)})", *found]
        return Recipe(count, (), (_stage(head, lines, range(count)),))
    stages = []
    for first in range(0, count, _TOGETHER):
        own = range(first, min(first + _TOGETHER, count))
        steps = [f"h{i} = work[np.uintp({i}) * L + p]" for i in own]
        lines = list(value)
        for i in own:
            up, down = (f"value(x, {_arguments(count, i, f'p{i} {s} h{i}')})" for s in "+-")
            lines.append(f"j{i} = {up} - {down if central else 'now'}")
        stages.append(_stage(head + steps, lines, own))
    factors = {i: f"work[np.uintp({count + i}) * L + p]" for i in range(count)}
    setup = tuple(_steps(count, str(central)))
    return Recipe(count, setup, tuple(stages), factors=factors)


def _stage(head: list[str], lines: list[str], columns: range) -> Stage:
    return Stage(
        tuple(head), lambda where: [line.replace("AT", where) for line in lines], tuple(columns)
    )


def _steps(count: int, central: str) -> list[str]:
    """Steps of the differences, and what the differences are multiplied by."""
    return [
        f"rows = np.uintp(axis.size) // np.uintp({count + 1})",
        f"for i in range(np.uintp({count})):",
        "    for p in range(L):",
        "        k = i * L + p",
        "        size = max(abs(q[k]), axis[(i + np.uintp(1)) * rows])",
        # The step that counts is the one that the rounded sum makes.
        f"        step = (q[k] + (CENTRAL if {central} else FORWARD) * size) - q[k]",
        "        work[k] = step",
        f"        work[np.uintp({count}) * L + k] = (0.5 if {central} else 1.0) / step",
    ]


@cache
def scalar_function(function: Callable, *, helper: bool = False) -> Callable:
    """A `frozen` function for one x, with numpy's exp, log, ... in forms that vectorize.

    A helper, which it calls, may also make arrays.
    """
    if jit_disabled():
        return function
    names = {name: _compiled(value) for name, value in function.__globals__.items()}
    cells = (_compiled(cell.cell_contents) for cell in function.__closure__ or ())
    closure = tuple(python_types.CellType(value) for value in cells)
    copy = python_types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, closure
    )
    options = {} if helper else {"forceinline": True, "_nrt": False}
    return _jit(**options, **_OPTIONS)(copy)


def _compiled(value: Any) -> Any:
    """What a name in a model stands for, for the compiler."""
    if value is np or value is math:
        return _module(value)
    if isinstance(value, python_types.FunctionType):
        return scalar_function(value, helper=True)
    return _REPLACED.get(id(value), value)


@cache
def _module(original: python_types.ModuleType) -> python_types.ModuleType:
    """A copy of numpy or math with the fast functions in the place of the others."""
    module = python_types.ModuleType(original.__name__)
    module.__dict__.update(original.__dict__)
    for (where, name), ours in FAST.items():
        if where is original:
            setattr(module, name, ours)
    return module


def _arguments(count: int, changed: int = -1, text: str = "") -> str:
    return ", ".join(text if i == changed else f"p{i}" for i in range(count))


def _loop(count: int) -> list[str]:
    """Loop over lanes with the parameters of the pixel and the value of its model."""
    return [
        "            for p in range(L):",
        "                k = u * L + p",
        *(f"                p{i} = q[np.uintp({i}) * L + p]" for i in range(count)),
        f"                now = value(x, {_arguments(count)})",
    ]


_HEAD = "def evaluate(n, axis, e, q, work, jac, model):"
_ROWS = ["    for u in range(U):", "        x = axis[e + u]", "        if True:"]


def _analytic(count: int) -> str:
    lines = [_HEAD, *_ROWS, *_loop(count), "                model[k] = now"]
    lines.append(f"                found = derivatives(x, {_arguments(count)})")
    lines += [f"                jac[np.uintp({i}) * COLUMN + k] = found[{i}]" for i in range(count)]
    return "\n".join(lines)


def _differences(count: int) -> str:
    """Forward differences on the way, central ones (twice the work) for the last step.

    Several parameters share a loop, so that the compiler computes what they have in common once;
    with too many it gives up vectorizing.
    """
    lines = [
        _HEAD,
        "    central = n[1] == np.uintp(1)",
        "    if e == np.uintp(0):",
        *(f"        {line}" for line in _steps(count, "central")),
    ]
    for first in range(0, count, _TOGETHER):
        for central in (False, True):
            lines += [*_ROWS[:2], f"        if central == {central}:", *_loop(count)]
            lines += ["                model[k] = now"] * (first == 0)
            for i in range(first, min(first + _TOGETHER, count)):
                up, down = (_arguments(count, i, f"p{i} {sign} step") for sign in "+-")
                lines += [
                    f"                step = work[np.uintp({i}) * L + p]",
                    f"                last = value(x, {down})" if central
                    else "                last = now",
                    f"                jac[np.uintp({i}) * COLUMN + k] = (value(x, {up}) - last)"
                    f" * work[np.uintp({count + i}) * L + p]",
                ]  # fmt: skip
    return "\n".join(lines)
