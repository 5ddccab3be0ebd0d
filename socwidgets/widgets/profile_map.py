"""The map beside a profile: a drag across it is the line, a click is the pixel."""

from __future__ import annotations

from typing import Any

from socwidgets.model.names import X, Y
from socwidgets.session import Session
from socwidgets.widgets.colormaps import COLORMAPS
from socwidgets.widgets.data_view import unchanged
from socwidgets.widgets.map_events import MapEvent
from socwidgets.widgets.map_view import MapView

#: Shorter drags than this part of the image are clicks.
_SHORTEST = 0.01


class ProfileMap(MapView):
    """Map of a session that shows the line of the profile and takes a new one from a drag.

    Parameters
    ----------
    session : Session
        Whose shown map it is.
    """

    def __init__(self, session: Session, *, height: int = 280) -> None:
        super().__init__(height=height, tool="line", layout={"width": "100%", "min_width": "0"})
        self.add_class("socwidgets-plain-map")
        self._session = session
        self._drawn: tuple[Any, ...] = ()

    def refresh_values(self) -> None:
        """Show what the session shows, in its colors."""
        state = self._session.state
        limits = self._session.displayed_limits()
        drawn = (state.stack, state.maps, state.map_name, state.show_frame,
                 state.energy_index if state.show_frame else -1)  # fmt: skip
        if unchanged(self._drawn, drawn):
            self.clim = limits
        else:
            self.set_map(self._session.displayed(), clim=limits)
            self._drawn = drawn
        if state.cmap in COLORMAPS:
            self.cmap = state.cmap

    def refresh_line(self, line: tuple[float, float, float, float] | None) -> None:
        """Show a line, or none, and the chosen pixel."""
        state = self._session.state
        self.line = [] if line is None else list(line)
        if state.pixel is None:
            self.point = []
        else:
            row, column = state.pixel
            self.point = [float(state.stack[X][column]), float(state.stack[Y][row])]

    def refresh_highlight(self) -> None:
        """Show what the session highlights."""
        self.set_highlight(self._session.highlight())

    def take(self, event: MapEvent) -> None:
        """Tell the session of a line that is drawn or a point that is clicked."""
        if event.kind == "point":
            self._session.select_pixel(event.x, event.y)
        if event.kind != "line":
            return
        (x0, y0), (x1, y1) = event.points
        stack = self._session.state.stack
        size = max(float(abs(stack[d][-1] - stack[d][0])) for d in (X, Y))
        if max(abs(x1 - x0), abs(y1 - y0)) > _SHORTEST * size:
            self._session.set_line((x0, y0, x1, y1))


def line_roi(name: str, line: tuple[float, float, float, float], color: str) -> dict[str, Any]:
    """A line as a region without an inside, which the map can draw."""
    start, end = [line[0], line[1]], [line[2], line[3]]
    return {"name": name, "color": color, "type": "polygon", "vertices": [start, end, start]}
