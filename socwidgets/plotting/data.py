"""The numbers behind a figure, read from what is drawn, so that they cannot disagree with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from socwidgets.plotting.outlines import OUTLINE
from socwidgets.plotting.panel import BAR_LABEL


def figure_data(figure: Figure) -> dict[str, pd.DataFrame]:
    """Tables of everything that a figure draws to scale.

    Parameters
    ----------
    figure : Figure
        Made by this room, or any other.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``"image"``, ``"image2"``, ...: one table per image, values on the grid of pixel
        centers (rows y, columns x, in the units of the axes; NaN where there is no value).
        ``"curves"``: one long table of lines, points and bars: panel, series, x, y.
    """
    tables: dict[str, pd.DataFrame] = {}
    rows: list[pd.DataFrame] = []
    # Color bars are axes, too; what they show is the scale, not data.
    panels = [axes for axes in figure.axes if axes.get_label() not in (BAR_LABEL, "<colorbar>")]
    for index, axes in enumerate(panels, start=1):
        for image in axes.get_images():
            name = "image" if not tables else f"image{len(tables) + 1}"
            tables[name] = _image(image)
        rows += [table.assign(panel=_panel_name(axes, index)) for table in _curves(axes)]
    if rows:
        tables["curves"] = pd.concat(rows, ignore_index=True)[["panel", "series", "x", "y"]]
    return tables


def _panel_name(axes: Axes, index: int) -> str:
    return axes.get_title(loc="left") or axes.get_title() or str(index)


def _image(image: AxesImage) -> pd.DataFrame:
    values = image.get_array()
    if values is None:
        return pd.DataFrame()
    data = np.ma.filled(np.ma.asarray(values).astype(float), np.nan)
    left, right, bottom, top = image.get_extent()
    rows, columns = data.shape[:2]
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    first, last = (top, bottom) if image.origin == "upper" else (bottom, top)
    y = first + (np.arange(rows) + 0.5) * (last - first) / rows
    index = pd.Index(np.round(y, 6), name="y \\ x")
    if data.ndim == 3:  # a color composite: its channels, one below the other
        stacked = [pd.DataFrame(data[:, :, k], index, np.round(x, 6)) for k in range(3)]
        return pd.concat(stacked, keys=["red", "green", "blue"], names=["channel"])
    return pd.DataFrame(data, index, np.round(x, 6))


def _curves(axes: Axes) -> list[pd.DataFrame]:
    found = []
    for number, line in enumerate(axes.get_lines(), start=1):
        x, y = _line(line)
        if x.size:
            found.append(_table(_name(line.get_label(), f"line {number}"), x, y))
    for number, box in enumerate(axes.containers, start=1):
        if isinstance(box, BarContainer):
            centers = [bar.get_x() + bar.get_width() / 2 for bar in box]
            heights = [bar.get_y() + bar.get_height() for bar in box]
            found.append(_table(_name(box.get_label(), f"bars {number}"), centers, heights))
    for number, points in enumerate(axes.collections, start=1):
        if isinstance(points, PathCollection):
            offsets: np.ndarray = np.ma.filled(
                np.ma.asarray(points.get_offsets(), dtype=float), np.nan
            )
            name = _name(points.get_label(), f"points {number}")
            found.append(_table(name, offsets[:, 0], offsets[:, 1]))
        elif isinstance(points, LineCollection) and points.get_gid() != OUTLINE:
            ends = [segment for segment in points.get_segments() if len(segment)]
            if ends:
                both = np.concatenate([np.asarray(end, dtype=float) for end in ends])
                name = _name(points.get_label(), f"segments {number}")
                found.append(_table(name, both[:, 0], both[:, 1]))
    return found


def _line(line: Line2D) -> tuple[np.ndarray, np.ndarray]:
    """Data of a line; NaN along an axis that it only crosses, empty for a mere mark."""
    x, y = (np.asarray(values, dtype=float).ravel() for values in line.get_data())
    if line.axes is None:
        return x, y
    in_x, in_y = line.get_transform().contains_branch_seperately(line.axes.transData)
    if not (in_x or in_y):
        return np.empty(0), np.empty(0)
    return (x if in_x else np.full_like(x, np.nan)), (y if in_y else np.full_like(y, np.nan))


def _name(label: object, otherwise: str) -> str:
    text = str(label or "")
    return otherwise if not text or text.startswith("_") else text


def _table(name: str, x: object, y: object) -> pd.DataFrame:
    return pd.DataFrame({"series": name, "x": np.asarray(x), "y": np.asarray(y)})
