"""A range slider that tells a person's move from the browser's answer to the kernel's own."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import ipywidgets

#: Seconds in which an answer to a change made here can still arrive.
ECHO_S = 1.5
_STEPS = 200


class RangeSlider(ipywidgets.FloatRangeSlider):
    """Range slider for data of any scale.

    The browser puts every value on a multiple of the step and sends the result back as if a person
    had moved the handle. When the map has been changed meanwhile, such an answer would set the
    limits of the wrong map. `moved` tells the two apart.
    """

    # Traits of the base class, named for the type checker.
    min: Any
    max: Any
    value: Any

    def __init__(self, **options: object) -> None:
        self._shown: tuple[float, float, tuple[float, float]] | None = None
        self._own: deque[tuple[float, tuple[float, float], float]] = deque(maxlen=8)
        super().__init__(**options)

    def show(self, least: float, most: float, chosen: tuple[float, float]) -> None:
        """Show a range between two ends, in one message."""
        low, high = (min(max(value, least), most) for value in chosen)
        step = (most - least) / _STEPS or 0.01
        self._shown = least, most, (low, high)
        if (self.min, self.max, tuple(self.value)) == (least, most, (low, high)):
            return
        self._own.append((time.monotonic(), (low, high), step))
        with self.hold_sync():
            self.step = step
            # In an order that keeps the lower end below the upper one.
            if least > self.max:
                self.max, self.min = most, least
            else:
                self.min, self.max = least, most
            self.value = (low, high)

    def moved(self, chosen: tuple[float, float], shown: tuple[float, float]) -> bool:
        """Whether `chosen` is a person's, given what the session has (`shown`)."""
        recent = time.monotonic() - ECHO_S
        known = [(shown, self.step), *((v, s) for t, v, s in self._own if t > recent)]
        if chosen[0] < chosen[1]:
            return not any(_near(chosen, v, s) for v, s in known)
        # An answer about an earlier range, cut to the ends of this one: the handles go back.
        if self._shown is not None:
            self.show(*self._shown)
        return False


def _near(a: tuple[float, float], b: tuple[float, float], step: float) -> bool:
    return all(abs(p - q) <= 0.75 * step for p, q in zip(a, b, strict=True))
