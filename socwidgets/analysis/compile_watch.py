"""Waiting while a kernel is compiled: a cancel ends it, and somebody is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from socwidgets.kernels.compiling import asking, under_way
from socwidgets.model.watch import Progress, stop_if

logger = logging.getLogger(__name__)

#: Seconds before anybody is told: code that was compiled before is there sooner.
TELL_AFTER_S = 1.0


@contextmanager
def give_up_if(
    *events: threading.Event | None, meanwhile: Callable[[], None] | None = None
) -> Iterator[None]:
    """Inside the block, raise `CancelledError` where this thread waits for the compiler.

    Parameters
    ----------
    *events : threading.Event or None
        Any of them that is set ends the wait.
    meanwhile : callable, optional
        Called now and then during the wait.
    """

    def check() -> None:
        for event in events:
            stop_if(event)
        if meanwhile is not None:
            meanwhile()

    with asking(check):
        yield


def tell(done: int, total: int, progress: Progress | None) -> None:
    """Repeat how far the work is while a kernel is compiled, or say once that it is."""
    name = under_way(TELL_AFTER_S)
    if name and progress is not None:
        progress(done, total)
    elif name:
        _say(name)


@cache
def _say(name: str) -> None:
    logger.warning("compiling '%s': once on this machine, up to a minute", name)
