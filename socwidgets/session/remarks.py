"""Warnings of a piece of work, heard in its own threads: a person sees no kernel's log."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_heard: ContextVar[list[str] | None] = ContextVar("socwidgets_heard", default=None)
_lock = threading.Lock()
#: How many pieces of work listen now, and what was there before the first of them.
_listening: dict[str, Any] = {"count": 0, "before": None}


@contextmanager
def heard_warnings() -> Iterator[list[str]]:
    """List of the texts of warnings that this thread, and those with its context, give inside.

    `warnings.catch_warnings` belongs to the whole process: with several pieces of work at once it
    would give each the warnings of the others, and leave its filters behind.
    """
    found: list[str] = []
    token = _heard.set(found)
    _begin()
    try:
        yield found
    finally:
        _end()
        _heard.reset(token)


def _begin() -> None:
    with _lock:
        _listening["count"] += 1
        if _listening["count"] > 1:
            return
        catcher = warnings.catch_warnings()
        catcher.__enter__()
        shown: Callable[..., None] = warnings.showwarning
        # Each time: a filter that lets a text through once would hide it from the second run.
        warnings.simplefilter("always", UserWarning)

        def hear(message: Any, category: type[Warning], *rest: Any, **named: Any) -> None:
            found = _heard.get()
            if found is None or not issubclass(category, UserWarning):
                shown(message, category, *rest, **named)
            elif str(message) not in found:
                found.append(str(message))

        warnings.showwarning = hear
        _listening["before"] = catcher


def _end() -> None:
    with _lock:
        _listening["count"] -= 1
        if _listening["count"]:
            return
        catcher, _listening["before"] = _listening["before"], None
        catcher.__exit__(None, None, None)
