"""Handles on the spectrum: the window of the fit and the energy, dragged with the mouse.

The same is done by the fields of the fit and the energy slider, which need no drag.
"""

from __future__ import annotations

import time
from typing import Any

import bqplot
import numpy as np

from socwidgets.session import Session
from socwidgets.widgets import plots
from socwidgets.widgets.safe import Guard

#: Shortest time between two coarse fits of one drag, s.
LIVE_S = 0.08
#: Heights of the handles, as shares of the plot.
_WINDOW_AT, _ENERGY_AT = 0.97, 0.03
_WINDOW_COLOR = "#0969da"


class WindowHandles:
    """Two triangles at the ends of the fit's window, one at the energy cursor.

    Parameters
    ----------
    session : Session
        What they change.
    x, unit : bqplot.Scale
        The energy axis, and a scale from 0 to 1 over the height.
    guard : Guard
        Wraps the callbacks.
    """

    def __init__(self, session: Session, x: bqplot.Scale, unit: bqplot.Scale, guard: Guard) -> None:
        self.session = session
        self._last = 0.0
        self.window = self._handles(x, unit, "triangle-down", _WINDOW_COLOR)
        self.energy = self._handles(x, unit, "triangle-up", plots.CURSOR)
        self.edges = [
            plots.make_lines(
                x, unit, colors=[_WINDOW_COLOR], stroke_width=1.2, line_style="dash_dotted"
            )
            for _ in range(2)
        ]
        self.window.on_drag(guard(lambda _m, found: self._slid(found, moving=True)))
        self.window.on_drag_end(guard(lambda _m, found: self._slid(found, moving=False)))
        self.energy.on_drag(guard(lambda _m, found: self._moved(found)))
        self.energy.on_drag_end(guard(lambda _m, found: self._moved(found)))

    @property
    def marks(self) -> list[bqplot.Mark]:
        """Marks of the figure, below to above."""
        return [*self.edges, self.window, self.energy]

    def _handles(self, x: bqplot.Scale, unit: bqplot.Scale, marker: str, color: str) -> Any:
        return bqplot.Scatter(
            x=np.zeros(0), y=np.zeros(0), scales={"x": x, "y": unit}, marker=marker, colors=[color],
            default_size=130, enable_move=True, restrict_x=True, update_on_move=False,
            stroke="white", preserve_domain={"x": True, "y": True},
        )  # fmt: skip

    def refresh(self) -> None:
        """Put the handles where the session says."""
        state = self.session.state
        window = self.session.window() if state.references is not None else None
        ends = np.array(window if window is not None else ())
        _put(self.window, ends, np.full(ends.size, _WINDOW_AT))
        for i, mark in enumerate(self.edges):
            at = ends[i : i + 1].repeat(2)
            plots.set_points(mark, at, np.array([0.0, 1.0])[: at.size])
        cursor = float(self.session.energies[state.energy_index])
        _put(self.energy, np.array([cursor]), np.array([_ENERGY_AT]))

    def _slid(self, found: dict[str, Any], *, moving: bool) -> None:
        window = self.session.window()
        if window is None:
            return
        now = time.monotonic()
        if moving and now - self._last < LIVE_S:
            return
        self._last = now
        low, high = window
        at = float(found["point"]["x"])
        ends = (at, high) if int(found["index"]) == 0 else (low, at)
        step = float(np.abs(np.diff(self.session.energies.values)).max())
        # Handles do not pass each other: there must be something between them to fit.
        if ends[1] - ends[0] < 4 * step:
            self.refresh_soon()
            return
        self.session.set_window(*ends, moving=moving)

    def _moved(self, found: dict[str, Any]) -> None:
        energies = self.session.energies.values
        self.session.set_energy(int(np.abs(energies - float(found["point"]["x"])).argmin()))

    def refresh_soon(self) -> None:
        """Put the handles back, also if the session has not changed."""
        for mark in (self.window, self.energy):
            mark.x = np.zeros(0)
        self.refresh()


def _put(mark: bqplot.Scatter, x: np.ndarray, y: np.ndarray) -> None:
    if np.array_equal(mark.x, x):
        return
    with mark.hold_sync():
        mark.x, mark.y = x, y
