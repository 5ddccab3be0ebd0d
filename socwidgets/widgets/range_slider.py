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
        self._own: deque[tuple[float, float, float, tuple[float, float]]] = deque(maxlen=8)
        super().__init__(**options)

    def show(self, least: float, most: float, chosen: tuple[float, float]) -> None:
        """Show a range between two ends, in one message."""
        low, high = (min(max(value, least), most) for value in chosen)
        step = (most - least) / _STEPS or 0.01
        self._shown = least, most, (low, high)
        if (self.min, self.max, tuple(self.value)) == (least, most, (low, high)):
            return
        self._own.append((time.monotonic(), least, most, (low, high)))
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
        if not chosen[0] < chosen[1]:
            # An answer about an earlier range, cut to the ends of this one: the handles go back.
            if self._shown is not None:
                self.show(*self._shown)
            return False
        recent = time.monotonic() - ECHO_S
        answers = [shown, self._snapped(shown, self.min, self.max)]
        for when, least, most, value in self._own:
            if when > recent:
                answers += [value, self._snapped(value, least, most)]
        return not any(self._same(chosen, answer) for answer in answers)

    @staticmethod
    def _snapped(value: tuple[float, float], least: float, most: float) -> tuple[float, ...]:
        """Where the browser puts the handles: on steps counted from the lower end."""
        step = (most - least) / _STEPS or 0.01
        return tuple(min(least + round((v - least) / step) * step, most) for v in value)

    def _same(self, chosen: tuple[float, float], answer: tuple[float, ...]) -> bool:
        # A key moves a handle by one step: no more than rounding may be taken for an answer.
        cut = (min(max(value, self.min), self.max) for value in answer)
        return all(abs(p - q) <= 1e-3 * self.step for p, q in zip(chosen, cut, strict=True))
