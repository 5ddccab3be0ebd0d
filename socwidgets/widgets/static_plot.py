"""A bqplot figure as a picture, for places where no widget runs: GitHub, print, other viewers."""

from __future__ import annotations

import io
import re
from typing import Any

import bqplot
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import imread

from socwidgets.plotting.style import describe, new_figure, png_bytes, styled

_VARIABLE = re.compile(r"var\([^,]+,\s*(#[0-9a-fA-F]+)\)")
_DASHES = {"solid": "-", "dashed": "--", "dotted": ":", "dash_dotted": "-."}
_DPI = 90


@styled
def plot_png(figure: bqplot.Figure, title: str) -> bytes:
    """PNG of what a figure shows: lines, bands, points, a density, axes with labels.

    Parameters
    ----------
    figure : bqplot.Figure
        With linear scales whose ends are set.
    title : str
        Stands above, and describes the picture.
    """
    made = new_figure(7.0, 3.4)
    axes = made.add_subplot()
    for mark in figure.marks:
        if isinstance(mark, bqplot.Lines):
            _draw_lines(axes, mark)
        elif isinstance(mark, bqplot.Scatter) and np.size(mark.x):
            size = max(float(mark.default_size) / 6.0, 2.0)
            axes.scatter(mark.x, mark.y, s=size, color=plain_color(mark.colors[0]), linewidths=0)
        elif isinstance(mark, bqplot.Image):
            picture = imread(io.BytesIO(bytes(mark.image.value)), format="png")
            (left, right), (bottom, top) = map(float, mark.x), map(float, mark.y)
            extent = (left, right, bottom, top)
            axes.imshow(picture, extent=extent, aspect="auto", zorder=0)
    for axis in figure.axes:
        vertical = axis.orientation == "vertical"
        limits = axis.scale.min, axis.scale.max
        if None not in limits:
            (axes.set_ylim if vertical else axes.set_xlim)(*limits)
        (axes.set_ylabel if vertical else axes.set_xlabel)(axis.label or "")
    axes.set_title(title)
    return png_bytes(describe(made, title), _DPI)


def _draw_lines(axes: Axes, mark: bqplot.Lines) -> None:
    x, y = np.asarray(mark.x, float), np.atleast_2d(np.asarray(mark.y, float))
    if not x.size or mark.scales["y"].max is None:
        return
    if mark.fill == "between" and len(y) == 2:
        color = plain_color((mark.fill_colors or mark.colors)[0])
        axes.fill_between(x, y[0], y[1], color=color, alpha=(mark.fill_opacities or [0.2])[0], lw=0)
        return
    spans_height = (mark.scales["y"].min, mark.scales["y"].max) == (0.0, 1.0) and x.size == 2
    if spans_height and x[0] == x[1]:  # a cursor on a scale of its own
        axes.axvline(x[0], color=plain_color(mark.colors[0]), lw=1.0)
        return
    for line, color in zip(y, [*mark.colors, *mark.colors * len(y)], strict=False):
        style: dict[str, Any] = {"lw": mark.stroke_width, "ls": _DASHES.get(mark.line_style, "-")}
        axes.plot(x, line, color=plain_color(color), **style)


def plain_color(color: str) -> str:
    """A color without the variables of a page: their fallback."""
    found = _VARIABLE.fullmatch(color)
    return found.group(1) if found else color
