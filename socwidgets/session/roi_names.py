"""Names and colors of regions, and copies of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from socwidgets.model.errors import ParameterError
from socwidgets.model.roi import (
    ROI,
    ROI_COLORS,
    Area,
    Ellipse,
    Polygon,
    Rectangle,
    Shape,
    Threshold,
)

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def find_roi(rois: Iterable[ROI], name: str) -> ROI:
    """Return the region called `name`, or raise `ParameterError` that lists those there are."""
    rois = tuple(rois)
    for roi in rois:
        if roi.name == name:
            return roi
    raise ParameterError(
        f"there is no region {name!r}", found=", ".join(roi.name for roi in rois) or "none at all"
    )


def free_name(rois: Iterable[ROI]) -> str:
    """Return the first of ``ROI 1``, ``ROI 2``, ... that no region has."""
    taken = {roi.name for roi in rois}
    return next(name for i in range(1, len(taken) + 2) if (name := f"ROI {i}") not in taken)


def free_color(rois: Iterable[ROI]) -> str:
    """Return the palette color that the fewest regions have; the first of those."""
    used = [roi.color.lower() for roi in rois]
    return min(ROI_COLORS, key=used.count)


def new_name(rois: Iterable[ROI], name: str) -> str:
    """Return `name` without outer spaces; raise `ParameterError` if it is empty or taken."""
    title = name.strip()
    if not title:
        raise ParameterError("a region needs a name", found="an empty one")
    if any(roi.name == title for roi in rois):
        raise ParameterError(f"there is already a region {title!r}", fix="choose another name")
    return title


def checked_color(color: str) -> str:
    """Return `color` if it is ``#rrggbb``, else raise `ParameterError`."""
    if not _COLOR.fullmatch(color):
        raise ParameterError("a color is not understood", expected="#rrggbb", found=repr(color))
    return color.lower()


def unique_rois(rois: Iterable[ROI]) -> tuple[ROI, ...]:
    """Regions as a tuple; raise `ParameterError` if two have the same name."""
    kept: list[ROI] = []
    for roi in rois:
        new_name(kept, roi.name)
        checked_color(roi.color)
        kept.append(roi)
    return tuple(kept)


def aside(shape: Shape) -> Shape:
    """The same shape, moved right and down by a tenth of its size."""
    match shape:
        case Rectangle(x0, y0, x1, y1):
            dx, dy = abs(x1 - x0) / 10, abs(y1 - y0) / 10
            return Rectangle(x0 + dx, y0 + dy, x1 + dx, y1 + dy)
        case Ellipse(cx, cy, rx, ry):
            return Ellipse(cx + rx / 5, cy + ry / 5, rx, ry)
        case Polygon(vertices):
            xs, ys = [x for x, _ in vertices], [y for _, y in vertices]
            dx, dy = (max(xs) - min(xs)) / 10, (max(ys) - min(ys)) / 10
            return Polygon(tuple((x + dx, y + dy) for x, y in vertices))
        case Area(rings):
            xs = [x for ring in rings for x, _ in ring]
            ys = [y for ring in rings for _, y in ring]
            dx, dy = (max(xs) - min(xs)) / 10, (max(ys) - min(ys)) / 10
            return Area(tuple(tuple((x + dx, y + dy) for x, y in ring) for ring in rings))
        case Threshold():
            return shape
    raise TypeError(f"{type(shape).__name__} is no shape")
