"""Regions as GeoJSON features (RFC 7946 in its form, um instead of degrees)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from socwidgets.model.errors import ParameterError
from socwidgets.model.roi import (
    ROI,
    ROI_COLORS,
    Area,
    Ellipse,
    Polygon,
    Rectangle,
    Ring,
    Shape,
    roi_from_dict,
)

#: Property that holds the exact form; what other programs draw stands in ``geometry``.
EXACT = "socwidgets"
_CORNERS = 64


def rois_to_geojson(rois: Iterable[ROI]) -> dict[str, Any]:
    """Feature collection of regions.

    Parameters
    ----------
    rois : iterable of ROI
        Ellipses become polygons of 64 corners for other programs; a threshold has no geometry.
        The exact form is kept beside it.

    Returns
    -------
    dict
        JSON-able.
    """
    features = [
        {
            "type": "Feature",
            "properties": {"name": roi.name, "stroke": roi.color, EXACT: roi.to_dict()},
            "geometry": _geometry(roi.shape),
        }
        for roi in rois
    ]
    return {"type": "FeatureCollection", "units": "um", "features": features}


def rois_from_geojson(found: dict[str, Any]) -> list[ROI]:
    """Regions of a feature collection, of this package or another program.

    Parameters
    ----------
    found : dict
        Polygons and multi-polygons, coordinates in um; features without a name get one.

    Raises
    ------
    ParameterError
        If it is no feature collection, or a geometry is of another type or malformed.
    """
    features = found.get("features")
    if found.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise ParameterError(
            "this is no GeoJSON of regions",
            expected="a FeatureCollection with a list of features",
            found=str(found.get("type")),
        )
    rois: list[ROI] = []
    for number, feature in enumerate(features, 1):
        properties = (feature.get("properties") if isinstance(feature, dict) else None) or {}
        if isinstance(properties.get(EXACT), dict):
            rois.append(roi_from_dict(properties[EXACT]))
            continue
        name = str(properties.get("name") or f"ROI {number}")
        color = str(properties.get("stroke") or ROI_COLORS[(number - 1) % len(ROI_COLORS)])
        rois.append(ROI(name, _shape(feature, name), color))
    return rois


def _geometry(shape: Shape) -> dict[str, Any] | None:
    match shape:
        case Rectangle(x0, y0, x1, y1):
            rings: tuple[Ring, ...] = (((x0, y0), (x1, y0), (x1, y1), (x0, y1)),)
        case Ellipse(cx, cy, rx, ry):
            turns = (2 * math.pi * i / _CORNERS for i in range(_CORNERS))
            rings = (tuple((cx + rx * math.cos(t), cy + ry * math.sin(t)) for t in turns),)
        case Polygon(vertices):
            rings = (vertices,)
        case Area(area):
            # Which ring is a hole in which is not worked out: each is a polygon of its own, and
            # the exact property keeps the even-odd rule.
            return {"type": "MultiPolygon", "coordinates": [[_closed(ring)] for ring in area]}
        case _:
            return None
    return {"type": "Polygon", "coordinates": [_closed(ring) for ring in rings]}


def _closed(ring: Ring) -> list[list[float]]:
    return [list(point) for point in (*ring, ring[0])]


def _shape(feature: Any, name: str) -> Shape:
    found = feature.get("geometry") if isinstance(feature, dict) else None
    geometry: dict[str, Any] = found if isinstance(found, dict) else {}
    kind = geometry.get("type")
    try:
        if kind == "Polygon":
            polygons = [geometry["coordinates"]]
        elif kind == "MultiPolygon":
            polygons = geometry["coordinates"]
        else:
            raise TypeError(f"geometry {kind}")
        rings = tuple(_open(ring) for polygon in polygons for ring in polygon)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise ParameterError(
            f"feature {name!r} is no region",
            expected="a Polygon or a MultiPolygon of [x, y] in um",
            found=str(error),
        ) from None
    return Polygon(rings[0]) if len(rings) == 1 else Area(rings)


def _open(ring: Any) -> Ring:
    points = tuple((float(p[0]), float(p[1])) for p in ring)
    return points[:-1] if len(points) > 1 and points[0] == points[-1] else points
