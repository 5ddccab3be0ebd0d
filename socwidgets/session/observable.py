"""A state behind one lock, and observers that cannot hurt each other."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from socwidgets.session.state import FIELDS, State, changed_fields

T = TypeVar("T")

logger = logging.getLogger(__name__)

Observer = Callable[[frozenset[str]], None]
#: An observer, its fields, and whether it is told before the others.
_Entry = tuple[Observer, frozenset[str], bool]


def enlist(lock: threading.RLock, observers: list[T], entry: T) -> Callable[[], None]:
    """Add to a list of observers under its lock; the function returned takes it off again."""
    with lock:
        observers.append(entry)

    def stop() -> None:
        with lock:
            if entry in observers:
                observers.remove(entry)

    return stop


class Observable:
    """Holds a `State`; changes are atomic, observers are told outside the lock.

    Observers get the names of the fields that changed and read the state themselves (notify, then
    pull): when two threads change it at once, the later notice still finds the latest state.
    """

    def __init__(self, state: State) -> None:
        self._lock = threading.RLock()
        self._state = state
        self._observers: list[_Entry] = []

    @property
    def state(self) -> State:
        """The current state, an immutable snapshot."""
        return self._state

    def observe(self, observer: Observer, *fields: str, urgent: bool = False) -> Callable[[], None]:
        """Call ``observer(changed_fields)`` after each change of one of `fields` (all if none).

        Parameters
        ----------
        observer : callable
            Called outside the lock, in the thread that made the change. One that raises is logged,
            its error becomes ``state.error``, and the other observers are still called.
        *fields : str
            Names of `State` fields.
        urgent : bool
            Whether it is told before those that are not.

        Returns
        -------
        callable
            Call it to stop observing.
        """
        unknown = set(fields) - FIELDS
        if unknown:
            raise AttributeError(f"a session has no field {', '.join(sorted(unknown))}")
        entry = (observer, frozenset(fields) or FIELDS, urgent)
        with self._lock:
            stop = enlist(self._lock, self._observers, entry)
            self._observers.sort(key=lambda known: not known[2])
        return stop

    def _update(self, change: Callable[[State], dict[str, Any]] | None = None, **new: Any) -> None:
        """Replace fields at once; `change` computes them from the current state, in the lock."""
        with self._lock:
            before = self._state
            fields = {**(change(before) if change else {}), **new}
            after = dataclasses.replace(before, **fields)
            changed = changed_fields(before, after)
            if not changed:
                return
            self._state = after
            observers = tuple(self._observers)
        self._tell(observers, changed)

    def _tell(self, observers: tuple[_Entry, ...], changed: frozenset[str]) -> None:
        failures = []
        for observer, fields, _ in observers:
            if fields & changed:
                try:
                    observer(changed & fields)
                except Exception as error:
                    logger.exception("a view failed to follow %s", ", ".join(sorted(changed)))
                    failures.append(error)
        # A view that fails while showing an error must not start a circle.
        if failures and "error" not in changed:
            self.report_error(failures[0], "a view could not be updated")

    def report_error(self, error: BaseException, doing: str = "") -> None:
        """Log an error and put it where views show it."""
        logger.error("%s", doing or "error", exc_info=error)
        text = str(error) or type(error).__name__
        self._update(error=f"{doing}: {text}" if doing else text)

    def show_error(self, text: str) -> None:
        """Put a text where views show errors."""
        self._update(error=text)

    def clear_error(self) -> None:
        """Forget the error that views show."""
        self._update(error="")
