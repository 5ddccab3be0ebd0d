"""Outlines of particles and regions on a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import patches
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from socwidgets.model.names import X, Y
from socwidgets.model.roi import ROI, Area, Ellipse, Polygon, Rectangle
from socwidgets.plotting.scalebar import extent

#: More particle numbers than this would cover the map.
MAX_NUMBERS = 40
#: Id of the outlines in a figure: they mark particles, they are no data.
OUTLINE = "outline"


def label_edges(labels: np.ndarray) -> np.ndarray:
    """Pixel edges between different labels.

    Parameters
    ----------
    labels : ndarray
        ``(y, x)``, integer, 0 = background.

    Returns
    -------
    ndarray
        ``(n, 2, 2)``; start and end of each edge as ``(column, row)`` in pixel-corner units,
        where pixel ``(0, 0)`` spans 0 to 1. The border of the field counts as background.
    """
    padded = np.pad(np.asarray(labels), 1)
    row, column = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    across = np.stack([np.stack([column, row], 1), np.stack([column + 1, row], 1)], 1)
    row, column = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    down = np.stack([np.stack([column, row], 1), np.stack([column, row + 1], 1)], 1)
    return np.concatenate([across, down]).astype(float)


def draw_labels(axes: Axes, labels: xr.DataArray, numbers: bool = True) -> None:
    """Outline every particle, with its number at its center where there are few enough."""
    left, right, bottom, top = extent(labels)
    height, width = labels.shape
    scale = np.array([(right - left) / width, (bottom - top) / height])
    edges = label_edges(labels.values) * scale + np.array([left, top])
    # Two passes over all edges: a halo per edge would cover the neighboring edge's dark line.
    for color, points in (("white", 2.2), ("#111111", 0.8)):
        lines = LineCollection(list(edges), colors=color, linewidths=points, capstyle="projecting")
        lines.set_gid(OUTLINE)
        axes.add_collection(lines, autolim=False)
    found = np.unique(labels.values[labels.values > 0])
    if not numbers or found.size > MAX_NUMBERS:
        return
    for label in found:
        rows, columns = np.nonzero(labels.values == label)
        axes.text(
            float(labels[X].values[columns].mean()), float(labels[Y].values[rows].mean()),
            str(int(label)), ha="center", va="center", fontsize=7.5, fontweight="bold",
            color="#111111", path_effects=[withStroke(linewidth=2.2, foreground="white")],
        )  # fmt: skip


def draw_rois(axes: Axes, rois: Sequence[ROI]) -> list[Any]:
    """Draw the geometric regions and return their artists; thresholds have no outline here."""
    artists = []
    for roi in rois:
        patch = _patch(roi)
        if patch is None:
            continue
        patch.set(facecolor="none", edgecolor=roi.color, linewidth=1.8, label=roi.name)
        patch.set_path_effects([withStroke(linewidth=3.4, foreground="white")])
        artists.append(axes.add_patch(patch))
    return artists


def _patch(roi: ROI) -> patches.Patch | None:
    shape = roi.shape
    if isinstance(shape, Rectangle):
        corner = (min(shape.x0, shape.x1), min(shape.y0, shape.y1))
        return patches.Rectangle(corner, abs(shape.x1 - shape.x0), abs(shape.y1 - shape.y0))
    if isinstance(shape, Ellipse):
        return patches.Ellipse((shape.cx, shape.cy), 2 * shape.rx, 2 * shape.ry)
    if isinstance(shape, Polygon):
        return patches.Polygon(list(shape.vertices), closed=True)
    if isinstance(shape, Area):
        rings = (Path([*ring, ring[0]], closed=True) for ring in shape.rings)
        return patches.PathPatch(Path.make_compound_path(*rings))
    return None
