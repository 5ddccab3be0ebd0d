"""How far a piece of work is, and whether it shall stop: behind ``progress=`` and ``cancel=``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypeVar

from socwidgets.model.errors import CancelledError

Progress = Callable[[int, int], None]
Item = TypeVar("Item")

#: What a whole piece of work counts as: its parts have units of their own.
WHOLE = 1000


def stop_if(cancel: threading.Event | None) -> None:
    """Raise `CancelledError` if the event is set."""
    if cancel is not None and cancel.is_set():
        raise CancelledError


@dataclass(frozen=True, slots=True)
class Watch:
    """Goes through all parts of a piece of work: each says how far it is, and stops if asked to.

    Calling it is a progress callback of the part, ``watch(done, total)`` in units of the part's
    own; the caller hears thousandths of the whole.

    Attributes
    ----------
    progress : callable or None
        ``progress(done, total)`` of the caller.
    cancel : threading.Event or None
        Set by the caller to stop.
    low, high : float
        Which share of the whole this part is.
    """

    progress: Progress | None = None
    cancel: threading.Event | None = None
    low: float = 0.0
    high: float = 1.0

    def __call__(self, done: int, total: int) -> None:
        """Tell how far this part is; raises `CancelledError` if it shall stop."""
        stop_if(self.cancel)
        if self.progress is not None:
            share = self.low + (self.high - self.low) * done / max(total, 1)
            self.progress(round(WHOLE * share), WHOLE)

    def part(self, low: float, high: float) -> Watch:
        """Watch of what lies between two shares of this part."""
        width = self.high - self.low
        return replace(self, low=self.low + width * low, high=self.low + width * high)

    def over(self, items: Iterable[Item], total: int) -> Iterator[Item]:
        """The items, telling before each how many are done."""
        for number, item in enumerate(items):
            self(number, total)
            yield item


#: A watch that nobody looks at.
NOBODY = Watch()
_AMBIENT: ContextVar[Watch] = ContextVar("socwidgets_watch", default=NOBODY)


@contextmanager
def watched_by(watch: Watch) -> Iterator[None]:
    """Let `ambient` return this watch inside the block, in this thread.

    For what lies behind an interface of fixed arguments, such as the readers that other packages
    offer.
    """
    token = _AMBIENT.set(watch)
    try:
        yield
    finally:
        _AMBIENT.reset(token)


def ambient() -> Watch:
    """Watch of the block this runs in; one that nobody looks at outside."""
    return _AMBIENT.get()
