"""Compile in a thread of its own, so that whoever waits for it may stop waiting.

The first call of a kernel on a machine compiles it, which takes up to half a minute, and nothing
ends a compiler. So the caller only looks on: a cancel or Ctrl-C takes it away at once, the compiler
goes on unheard, and what it makes is there, and on disk, for the next call.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

#: Seconds between two looks of whoever waits.
LOOK_S = 0.05


class LeftError(RuntimeError):
    """The process ends: nobody waits for the compiler any more."""


def _nothing() -> None:
    """Go on waiting."""


#: Called at each look; raises to stop waiting.
_check: ContextVar[Callable[[], None]] = ContextVar("socwidgets_compiling", default=_nothing)
#: What is compiled, and since when, by the number of its thread.
_running: dict[int | None, tuple[str, float]] = {}
_leaving = threading.Event()
_here = threading.local()
_forked_amid = threading.Event()


@contextmanager
def asking(check: Callable[[], None]) -> Iterator[None]:
    """Inside the block, call `check` while this thread waits for the compiler; it may raise."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def under_way(seconds: float = 0.0) -> str:
    """What has been compiled for longer than so many seconds and still is; empty if nothing is."""
    begun = list(_running.values())
    return next((name for name, since in begun if time.monotonic() - since > seconds), "")


def stoppable(jit: Callable) -> Callable:
    """A decorator of numba whose functions compile `aside` when they are first called."""

    def decorate(function: Callable) -> Any:
        dispatcher = jit(function)
        # What numba's call looks up where it knows no code for its arguments; nothing where numba
        # is off.
        compile_for = getattr(dispatcher, "_compile_for_args", None)
        if compile_for is not None:
            dispatcher._compile_for_args = partial(aside, compile_for)
        return dispatcher

    return decorate


def aside(work: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return ``work(*args, **options)``, which compiles something, done in another thread.

    Raises
    ------
    BaseException
        What the work raises, and what `asking` raises while this waits.
    LeftError
        If the process ends meanwhile.
    RuntimeError
        In a process forked from one that was compiling: its compiler would wait for ever.
    """
    if _forked_amid.is_set():
        raise RuntimeError(
            "this process was forked from one that was compiling, so that it cannot compile: "
            "start it later, or with multiprocessing's 'spawn'"
        )
    if _compiles():
        return work(*args, **options)
    found: dict[str, Any] = {}
    done = threading.Event()

    def run() -> None:
        _here.compiles = True
        _running[threading.get_ident()] = _name(work, *args), time.monotonic()
        try:
            found["result"] = work(*args, **options)
        except BaseException as error:
            found["error"] = error
        finally:
            _running.pop(threading.get_ident(), None)
            done.set()

    # A daemon, so that a process can end while it runs.
    threading.Thread(target=run, name="socwidgets-compiling", daemon=True).start()
    while not done.wait(LOOK_S):
        if _leaving.is_set():
            raise LeftError("the process ends while this compiles")
        _check.get()()
    if "error" in found:
        raise found["error"]
    return found["result"]


def _compiles() -> bool:
    """Whether this thread compiles something already."""
    from numba.core.compiler_lock import global_compiler_lock

    return getattr(_here, "compiles", False) or global_compiler_lock.is_locked()


def _name(work: Callable[..., Any], *args: Any) -> str:
    """Kernel that is compiled, by its module; other people's functions by their own name."""
    function = next((arg for arg in args if hasattr(arg, "__code__")), work)
    function = getattr(getattr(function, "__self__", None), "py_func", function)
    module = str(getattr(function, "__module__", ""))
    own = module.startswith(__name__.partition(".")[0])
    name = module.rpartition(".")[2] if own else getattr(function, "__name__", "")
    return str(name).replace("_", " ")


def _forked() -> None:
    """In a forked process: its parent's threads are not there, but what they held is held."""
    if _running:
        _forked_amid.set()
        _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
# Before the threads of pools are waited for, where Python offers it: they wait for the compiler.
getattr(threading, "_register_atexit", atexit.register)(_leaving.set)
