"""The two kinds of compiled functions: doors, which Python calls, and what is behind them.

numba makes a function that Python can call of everything that it compiles, and keeps each on disk.
A kernel is one or two functions that Python calls, made of up to a hundred others: those need
neither, and without it a kernel is compiled in three quarters of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import register_jitable

from socwidgets.kernels.compiling import stoppable

_jit: Any = numba.njit


def door(**options: Any) -> Callable[[Callable], Any]:
    """Decorator of a function that Python calls: kept on disk, and others may run meanwhile."""
    return stoppable(lambda function: kept(_jit, function, nogil=True, **options))


def kept(jit: Callable, function: Callable, *place: Any, **options: Any) -> Any:
    """Compile with numba's `jit`, on disk where there is a place for it.

    numba refuses where neither the package's folder nor the user's cache can be written to.
    """
    try:
        return jit(*place, cache=True, **options)(function)
    except RuntimeError as problem:
        if "no locator" not in str(problem):
            raise
        return jit(*place, **options)(function)


def inner(**options: Any) -> Callable[[Callable], Any]:
    """Decorator of a function that only compiled ones call.

    It stays a Python function: whoever calls it from Python, such as a debugger, runs it
    interpreted. (numba's own ``no_cpython_wrapper`` would let such a call end the process.)
    """

    def decorate(function: Callable) -> Any:
        return register_jitable(no_cfunc_wrapper=True, **options)(function)

    return decorate


def doors(**options: Any) -> tuple[Callable[[Callable], Any], Callable[[Callable], Any]]:
    """`door` and `inner` of the same options."""
    return door(**options), inner(**options)
