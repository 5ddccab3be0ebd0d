"""What a person did on the map, as a value; parsed from browser messages with care."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from socwidgets.model.errors import ParameterError
from socwidgets.model.roi import Area, Ellipse, Polygon, Rectangle, Threshold, roi_from_dict

DrawnShape = Rectangle | Ellipse | Polygon | Area

TOOLS = (
    "pan", "point", "rectangle", "ellipse", "polygon", "lasso", "wand", "threshold", "brush",
    "eraser", "line",
)  # fmt: skip
#: What a new drawing does.
MODES = ("new", "add", "subtract", "intersect")
KINDS_WITH_SHAPE = ("draw", "edit", "live")
KINDS_WITH_NAME = ("edit", "delete")
KINDS_WITH_PLACE = ("point", "wand", "grow")
EVENT_KINDS = (
    "draw", "edit", "live", "point", "select", "delete", "undo", "redo", "tool",
    "grow", "wand", "stroke", "line", "mode", "brush",
)  # fmt: skip
#: Ways of a stroke.
STROKES = ("paint", "erase")

#: ``type`` of the browser's messages; others on the same channel are none of ours.
MESSAGE_TYPE = "map_event"
#: A browser sends a few hundred at the most.
MAX_VERTICES = 5000
#: Of an area that is moved: regions that grow have more corners than drawn ones.
MAX_CORNERS = 20_000


@dataclass(frozen=True)
class MapEvent:
    """One thing that a person did on the map.

    Attributes
    ----------
    kind : str
        ``draw`` (a new shape is complete), ``edit`` (the region `name` was moved or resized),
        ``live`` (a drag goes on; `name` is empty for a new shape), ``point`` (a click or a drag
        of the point tool), ``select``, ``delete`` (region `name`; ``select`` with an empty name
        takes the selection away, and with the selected name ends a cancelled drag, so that a
        preview can be dropped), ``undo``, ``redo``, ``tool`` (`name` is the tool), ``wand`` (a
        region is to grow from a point; ``grow`` while the wand is dragged), ``stroke`` (`name` is
        ``paint`` or ``erase``), ``line`` (the line of the profile), ``mode`` (`name`
        is one of `MODES`), ``brush`` (its `radius`).
    name : str
        Name of a region or of a tool, or empty.
    shape : Rectangle, Ellipse, Polygon or None
        In um, for ``draw``, ``edit`` and ``live``.
    x, y : float
        In um, for ``point``, ``wand`` and ``grow``; else NaN.
    points : tuple of (float, float)
        In um, for ``stroke`` and ``line``.
    radius : float
        In um, for ``stroke``; else NaN.
    tolerance : float
        Largest difference of values, for ``wand`` and ``grow``; NaN for the usual one.
    mode : str
        One of `MODES`, for ``draw`` and ``wand``.
    seq : int
        Rises with every event of one `MapView`, however it came about: two equal shapes in a row
        are still two events.
    """

    kind: str
    name: str = ""
    shape: DrawnShape | None = None
    x: float = math.nan
    y: float = math.nan
    seq: int = 0
    points: tuple[tuple[float, float], ...] = ()
    radius: float = math.nan
    tolerance: float = math.nan
    mode: str = "new"


def parse_event(content: Any, seq: int) -> MapEvent:
    """Turn a browser message into an event.

    Parameters
    ----------
    content : mapping
        ``{type: "map_event", kind, name, shape, x, y, ...}``, shape as in `ROI.to_dict`.
    seq : int
        Sequence number of the event.

    Returns
    -------
    MapEvent

    Raises
    ------
    ParameterError
        If the message does not say one of `EVENT_KINDS`, or lacks what its kind needs.
    """
    if not isinstance(content, Mapping) or content.get("type") != MESSAGE_TYPE:
        raise _malformed(f"a message of type {MESSAGE_TYPE!r}", repr(content)[:200])
    kind, name = content.get("kind"), content.get("name") or ""
    if kind not in EVENT_KINDS:
        raise _malformed(f"kind to be one of {', '.join(EVENT_KINDS)}", repr(kind)[:200])
    if not isinstance(name, str) or (kind in KINDS_WITH_NAME and not name):
        raise _malformed(f"the name of a region for {kind!r}", repr(name)[:200])
    if kind == "tool":
        require_tool(name)
    if kind == "mode" and name not in MODES:
        raise _malformed(f"name to be one of {', '.join(MODES)}", repr(name)[:200])
    shape = parse_shape(content.get("shape")) if kind in KINDS_WITH_SHAPE else None
    x = y = math.nan
    if kind in KINDS_WITH_PLACE:
        x, y = (_number(axis, content.get(axis)) for axis in "xy")
    tolerance = content.get("tolerance")
    mode = content.get("mode") or "new"
    if mode not in MODES:
        raise _malformed(f"mode to be one of {', '.join(MODES)}", repr(mode)[:200])
    points, radius = _way(kind, name, content)
    allowed = math.nan if tolerance is None else _number("tolerance", tolerance)
    return MapEvent(kind, name, shape, x, y, seq, points, radius, allowed, mode)


def _way(
    kind: str, name: str, content: Mapping[str, Any]
) -> tuple[tuple[tuple[float, float], ...], float]:
    """Points and radius of a stroke or a line."""
    if kind == "brush":
        return (), _radius(content)
    if kind not in ("stroke", "line"):
        return (), math.nan
    found = content.get("points")
    if not isinstance(found, (list, tuple)) or not 1 <= len(found) <= MAX_VERTICES:
        raise _malformed(f"1 to {MAX_VERTICES} points", repr(found)[:200])
    pairs = all(isinstance(p, (list, tuple)) and len(p) == 2 for p in found)
    if not pairs or (kind == "line" and len(found) != 2):
        raise _malformed("points of x and y, two for a line", repr(found)[:200])
    points = tuple((_number("x", x), _number("y", y)) for x, y in found)
    if kind == "line":
        return points, math.nan
    if name not in STROKES:
        raise _malformed(f"name to be one of {', '.join(STROKES)}", repr(name)[:200])
    return points, _radius(content)


def _radius(content: Mapping[str, Any]) -> float:
    radius = _number("radius", content.get("radius"))
    if radius <= 0:
        raise _malformed("a radius above zero", repr(radius))
    return radius


def parse_shape(values: Any) -> DrawnShape:
    """Shape of a message.

    Parameters
    ----------
    values : mapping
        ``type`` (rectangle, ellipse or polygon) and its coordinates in um.

    Raises
    ------
    ParameterError
        If it is incomplete, not finite, has no area, or has more than `MAX_VERTICES` vertices.
    """
    if not isinstance(values, Mapping) or not isinstance(values.get("type"), str):
        raise _malformed("a shape", repr(values)[:200])
    values = {key: _as_float(value) for key, value in values.items()}
    points = values.get("vertices", ())
    if isinstance(points, (list, tuple)) and len(points) > MAX_VERTICES:
        raise _malformed(f"at most {MAX_VERTICES} vertices", f"{len(points)} of them")
    rings = values.get("rings", ())
    corners = sum(len(r) for r in rings if isinstance(r, (list, tuple))) if rings else 0
    if corners > MAX_CORNERS:
        raise _malformed(f"at most {MAX_CORNERS} corners", f"{corners} of them")
    return require_shape(roi_from_dict(values).shape)


def require_shape(shape: Any) -> DrawnShape:
    """Return `shape` if it can be drawn: finite, with an area.

    Raises
    ------
    ParameterError
        Otherwise; also for a threshold, which has no outline.
    """
    if isinstance(shape, Threshold) or not isinstance(shape, DrawnShape):
        raise _malformed("a rectangle, an ellipse or a polygon", type(shape).__name__)
    extent = _extent(shape)
    if not all(_is_number(size) and math.isfinite(size) and size > 0 for size in extent):
        raise _malformed("finite coordinates that enclose an area", repr(shape)[:200])
    return shape


def require_tool(name: str) -> str:
    """Return `name` if it is one of `TOOLS`.

    Raises
    ------
    ParameterError
        If it is unknown, naming the known ones.
    """
    if name in TOOLS:
        return name
    raise ParameterError(
        "this map tool is unknown", expected=f"one of {', '.join(TOOLS)}", found=repr(name)
    )


def _extent(shape: DrawnShape) -> tuple[float, float]:
    try:
        if isinstance(shape, Rectangle):
            return abs(shape.x1 - shape.x0), abs(shape.y1 - shape.y0)
        if isinstance(shape, Ellipse):
            return shape.rx + 0.0 * shape.cx, shape.ry + 0.0 * shape.cy
        rings = shape.rings if isinstance(shape, Area) else (shape.vertices,)
        xs, ys = zip(*(point for ring in rings for point in ring), strict=True)
        # a sum of finite numbers is finite, and NaN anywhere makes it NaN (min and max may not)
        return max(xs) - min(xs) + 0.0 * sum(xs), max(ys) - min(ys) + 0.0 * sum(ys)
    except TypeError:
        return math.nan, math.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_float(value: Any) -> Any:
    """JSON has one kind of number: 1 and 1.0 must not make different shapes."""
    return float(value) if _is_number(value) else value


def _number(what: str, value: Any) -> float:
    if not _is_number(value) or not math.isfinite(value):
        raise _malformed(f"a finite number for {what}", repr(value)[:200])
    return float(value)


def _malformed(expected: str, found: str) -> ParameterError:
    return ParameterError("the map received a message that it cannot use", expected=expected,
                          found=found)  # fmt: skip
