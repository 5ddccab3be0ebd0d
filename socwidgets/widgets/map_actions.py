"""The map's events: from browser messages and from the methods that do what the mouse does."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

from socwidgets.model.errors import ParameterError, SocwidgetsError
from socwidgets.widgets.map_events import (
    MESSAGE_TYPE,
    DrawnShape,
    MapEvent,
    parse_event,
    require_shape,
    require_tool,
)

_log = logging.getLogger(__name__)
#: Asks for the visible part of a binned map, and answers.
WINDOW_TYPE = "map_window"
#: Asks for the words of a place, and answers.
PROBE_TYPE = "map_probe"
#: What anywidget itself puts on the channel of custom messages.
_ANYWIDGET_KIND = "anywidget-command"


class MapActions:
    """Mixin of `MapView`: receives, numbers and hands out events, one at a time."""

    tool: Any
    mode: Any
    brush_um: Any
    line: Any
    selected: Any
    point: Any
    error: Any
    send: Callable[..., None]

    _answer_window: Callable[[dict[str, Any]], None]

    def _prepare_actions(self) -> None:
        self._event_callbacks: list[Callable[[MapEvent], None]] = []
        self._error_callbacks: list[Callable[[str], None]] = []
        self._prober: Callable[[float, float], str] | None = None
        self._event_numbers = itertools.count(1)
        # A kernel may deliver messages on a thread of its own beside a busy cell.
        self._action_lock = threading.RLock()

    def on_event(self, callback: Callable[[MapEvent], None]) -> None:
        """Call `callback` with each `MapEvent`.

        It may run on a thread of the kernel's own beside a busy cell. An exception is shown below
        the map and logged; other callbacks still run.
        """
        self._event_callbacks.append(callback)

    def on_error(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the text of each error: a malformed message, a failing callback."""
        self._error_callbacks.append(callback)

    # -- what the mouse does, as methods -------------------------------------------------------

    def draw(self, shape: DrawnShape, mode: str = "new") -> None:
        """Report a new shape (um), as drawing it would; `mode` as in `MapView.mode`."""
        self._dispatch(MapEvent("draw", shape=require_shape(shape), mode=mode))

    def edit(self, name: str, shape: DrawnShape) -> None:
        """Report that the region `name` became `shape` (um), as dragging it would."""
        self._dispatch(MapEvent("edit", name, require_shape(shape)))

    def drag(self, shape: DrawnShape, name: str = "") -> None:
        """Report a drag that goes on: of the region `name`, or of a new shape."""
        self._dispatch(MapEvent("live", name, require_shape(shape)))

    def click(self, x: float, y: float) -> None:
        """Report a click of the point tool at ``x``, ``y`` in um.

        Raises
        ------
        ParameterError
            If they are not finite.
        """
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ParameterError(
                "a point needs finite coordinates", expected="um", found=f"({x}, {y})"
            )
        self._dispatch(MapEvent("point", x=float(x), y=float(y)))

    def wand(self, x: float, y: float, tolerance: float | None = None, mode: str = "new") -> None:
        """Report a click of the magic wand at ``x``, ``y`` in um."""
        self._say("wand", x=x, y=y, tolerance=tolerance, mode=mode)

    def grow(self, x: float, y: float, tolerance: float) -> None:
        """Report that the magic wand is being dragged: a region as it would grow."""
        self._say("grow", x=x, y=y, tolerance=tolerance)

    def stroke(
        self, points: Sequence[tuple[float, float]], radius: float, *, erase: bool = False
    ) -> None:
        """Report a stroke of the brush or the eraser, in um."""
        name = "erase" if erase else "paint"
        self._say("stroke", name=name, points=[list(p) for p in points], radius=radius)

    def choose_mode(self, mode: str) -> None:
        """Choose what a new drawing does, see `MapView.mode`."""
        self._say("mode", name=mode)

    def choose_brush(self, radius: float) -> None:
        """Choose the radius of brush and eraser, um."""
        self._say("brush", radius=radius)

    def draw_line(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Report the line of the profile, in um."""
        self._say("line", points=[[x0, y0], [x1, y1]])

    def _say(self, kind: str, **fields: Any) -> None:
        self._dispatch(parse_event({"type": MESSAGE_TYPE, "kind": kind, **fields}, 0))

    def select(self, name: str) -> None:
        """Select the region `name`; an empty name takes the selection away."""
        self._dispatch(MapEvent("select", name))

    def delete(self, name: str) -> None:
        """Report that the region `name` should go."""
        self._dispatch(MapEvent("delete", name))

    def undo(self) -> None:
        """Report a wish to undo."""
        self._dispatch(MapEvent("undo"))

    def redo(self) -> None:
        """Report a wish to redo."""
        self._dispatch(MapEvent("redo"))

    def choose_tool(self, name: str) -> None:
        """Take another tool, as its button does.

        Raises
        ------
        ParameterError
            If it is unknown.
        """
        self._dispatch(MapEvent("tool", require_tool(name)))

    # -- plumbing ------------------------------------------------------------------------------

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Handle one custom message of the browser; never raises."""
        if isinstance(content, dict) and content.get("kind") == _ANYWIDGET_KIND:
            return
        if isinstance(content, dict) and content.get("type") == WINDOW_TYPE:
            self._answer_window(content)
            return
        if isinstance(content, dict) and content.get("type") == PROBE_TYPE:
            self._answer_probe(content)
            return
        try:
            event = parse_event(content, 0)
        except SocwidgetsError as error:
            _log.warning("map message refused: %s", error)
            self._report(str(error))
        else:
            self._dispatch(event)
        # The browser keeps showing its own version of an edit until the answer of this very
        # message, and holds back further live messages meanwhile: a slow kernel is not flooded.
        if isinstance(content, dict):
            answer = {key: content.get(key) for key in ("view", "seq")}
            self.send({"type": "map_ack", **answer})

    def _answer_probe(self, content: dict[str, Any]) -> None:
        """Say what a place has, beside what the browser knows of it by itself."""
        x, y = content.get("x"), content.get("y")
        if (
            self._prober is None
            or not isinstance(x, (int, float))
            or not isinstance(y, (int, float))
        ):
            return
        try:
            words = self._prober(float(x), float(y))
        except Exception:
            _log.exception("the words of a pixel could not be found")
            words = ""
        self.send({"type": PROBE_TYPE, "view": content.get("view"), "x": x, "y": y, "text": words})

    def on_probe(self, words: Callable[[float, float], str] | None) -> None:
        """Take ``words(x, y)`` for the status line while the pointer rests; None ends it."""
        self._prober = words

    def _dispatch(self, event: MapEvent) -> None:
        """Number an event, follow it, hand it to every callback."""
        with self._action_lock:
            event = dataclasses.replace(event, seq=next(self._event_numbers))
            self._follow(event)
        # Not under the lock: a callback may wait for the session's lock, whose holder may be
        # reporting an event of its own.
        texts = [_call(callback, event) for callback in list(self._event_callbacks)]
        self._report("\n".join(filter(None, texts)))

    def _follow(self, event: MapEvent) -> None:
        if event.kind == "tool":
            self.tool = event.name
        elif event.kind == "mode":
            self.mode = event.name
        elif event.kind == "brush":
            self.brush_um = event.radius
        elif event.kind == "line":
            self.line = [value for point in event.points for value in point]
        elif event.kind in ("select", "edit"):
            self.selected = event.name
        elif event.kind == "delete" and self.selected == event.name:
            self.selected = ""
        elif event.kind == "point":
            self.point = [event.x, event.y]

    def _report(self, text: str) -> None:
        self.error = text
        if text:
            for callback in self._error_callbacks:
                callback(text)


def _call(callback: Callable[[MapEvent], None], event: MapEvent) -> str:
    """Run one callback; return the text of what went wrong, or nothing."""
    try:
        callback(event)
    except SocwidgetsError as error:
        _log.warning("a callback refused the map event %s: %s", event.kind, error)
        return str(error)
    except Exception as error:  # any callback may fail: show it, keep the others alive
        _log.exception("a callback of the map failed on %s", event.kind)
        return f"{type(error).__name__}: {error}"
    return ""
