"""Regions of interest as values in physical coordinates (um), independent of any widget."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from socwidgets.model.errors import ParameterError

#: Okabe-Ito colors that stay apart from each other and from the default color map.
ROI_COLORS = ("#d55e00", "#0072b2", "#cc79a7", "#e69f00", "#56b4e9", "#009e73", "#f0e442")


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Axis-parallel rectangle; corners in um, in any order."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Axis-parallel ellipse; center and half axes in um."""

    cx: float
    cy: float
    rx: float
    ry: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """Closed polygon or lasso; vertices ``(x, y)`` in um, filled by the even-odd rule."""

    vertices: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        points = tuple((float(x), float(y)) for x, y in self.vertices)
        if len(points) < 3:
            raise ParameterError(
                "a polygon needs at least three vertices", found=f"{len(points)} of them"
            )
        object.__setattr__(self, "vertices", points)


@dataclass(frozen=True, slots=True)
class Threshold:
    """All pixels whose value of one map lies in ``[low, high]``; NaN never belongs."""

    variable: str
    low: float
    high: float


Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Area:
    """Anything with an outline: painted, grown or combined regions, with holes and islands.

    Parameters
    ----------
    rings : tuple of tuple of (float, float)
        Closed outlines of ``(x, y)`` in um, all together filled by the even-odd rule.
    """

    rings: tuple[Ring, ...]

    def __post_init__(self) -> None:
        rings = tuple(tuple((float(x), float(y)) for x, y in ring) for ring in self.rings)
        if not rings or any(len(ring) < 3 for ring in rings):
            raise ParameterError(
                "an area needs rings of at least three vertices",
                found=", ".join(str(len(ring)) for ring in rings) or "no ring",
            )
        object.__setattr__(self, "rings", rings)


Shape = Rectangle | Ellipse | Polygon | Area | Threshold

_SHAPES: dict[str, type[Shape]] = {
    "rectangle": Rectangle,
    "ellipse": Ellipse,
    "polygon": Polygon,
    "area": Area,
    "threshold": Threshold,
}
_SHAPE_NAMES = {cls: name for name, cls in _SHAPES.items()}


@dataclass(frozen=True, slots=True)
class ROI:
    """A named, colored region.

    Parameters
    ----------
    name : str
        Unique within a session.
    shape : Rectangle, Ellipse, Polygon, Area or Threshold
        The geometry; kept, so that a region can be edited again.
    color : str
        ``#rrggbb``.
    """

    name: str
    shape: Shape
    color: str = ROI_COLORS[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form, the inverse of `roi_from_dict`."""
        kind = _SHAPE_NAMES[type(self.shape)]
        return {
            "name": self.name,
            "color": self.color,
            "type": kind,
            **dataclasses.asdict(self.shape),
        }


def roi_from_dict(values: dict[str, Any]) -> ROI:
    """Build a region from its JSON form.

    Raises
    ------
    ParameterError
        If the type is unknown or a coordinate is missing or no number.
    """
    values = dict(values)
    kind = values.pop("type", None)
    if kind not in _SHAPES:
        raise ParameterError(
            "a region has an unknown type", expected=f"one of {', '.join(_SHAPES)}", found=str(kind)
        )
    name, color = str(values.pop("name", "ROI")), str(values.pop("color", ROI_COLORS[0]))
    try:
        if kind == "polygon":
            values["vertices"] = tuple(map(tuple, values["vertices"]))
        if kind == "area":
            values["rings"] = tuple(tuple(map(tuple, ring)) for ring in values["rings"])
        shape = _SHAPES[kind](**values)
    except (TypeError, ValueError, KeyError) as error:
        raise ParameterError(
            f"region {name!r} is not a complete {kind}",
            expected=", ".join(f.name for f in dataclasses.fields(_SHAPES[kind])),
            found=", ".join(values) or "nothing",
            fix=str(error),
        ) from None
    return ROI(name, shape, color)
