"""The status map: why a pixel has no value, with the number of pixels of each reason."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from socwidgets.model.names import X, Y
from socwidgets.model.status import STATUS_WORDS, Status
from socwidgets.plotting.maps import draw_image
from socwidgets.plotting.panel import add_map_axes, panel_for
from socwidgets.plotting.style import describe, new_figure, styled
from socwidgets.plotting.text import grouped

#: Values in colors, pixels without one in grays, pixels to be careful with in warm colors.
STATUS_COLORS = {
    Status.OK: "#0072b2",
    Status.MASKED: "#bdbdbd",
    Status.LOW_SIGNAL: "#e4e4e4",
    Status.NOT_CONVERGED: "#e69f00",
    Status.AT_BOUND: "#56b4e9",
    Status.SINGULAR: "#cc79a7",
    Status.SATURATED: "#d55e00",
    Status.OUT_OF_RANGE: "#f0e442",
}


@styled
def status_figure(
    status: xr.DataArray,
    *,
    title: str = "Status",
    words: Mapping[Status, str] | None = None,
    width: float = 4.6,
) -> Figure:
    """Draw a status map with a legend that counts the pixels of each category.

    Parameters
    ----------
    status : xarray.DataArray
        ``(y, x)`` uint8, codes of `socwidgets.model.status.Status`.
    title : str
        Above the map.
    words : mapping of Status to str, optional
        Other words for some categories, where the caller knows the reason better.
    width : float
        Width of the figure, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With a text alternative that lists the counts.
    """
    status = status.transpose(Y, X)
    codes = np.asarray(status.values, dtype=np.uint8)
    counts = np.bincount(codes.ravel(), minlength=len(Status))
    present = [code for code in Status if counts[code]]
    panel = panel_for(status, width, title=bool(title), words=False, colorbar=False)
    row = 0.19
    figure = new_figure(width, panel.height + row * len(present), layout=None)
    axes = add_map_axes(figure, panel)
    _draw_codes(axes, status)
    axes.set_title(title)
    said = {**STATUS_WORDS, **(words or {})}
    texts = [
        f"{said[code]}: {grouped(int(counts[code]))} px ({counts[code] / codes.size:.1%})"
        for code in present
    ]
    handles = [
        Patch(facecolor=STATUS_COLORS[code], edgecolor="#666666", linewidth=0.5, label=text)
        for code, text in zip(present, texts, strict=True)
    ]
    figure.legend(handles=handles, loc="lower left", fontsize=8.5, handlelength=1.2,
        borderaxespad=0.3,
    )  # fmt: skip
    return describe(figure, f"Status map of {codes.size} pixels. " + "; ".join(texts) + ".")


def _draw_codes(axes: Axes, status: xr.DataArray) -> None:
    image = draw_image(axes, status, "viridis", -0.5, len(Status) - 0.5)
    image.set_cmap(ListedColormap([STATUS_COLORS[code] for code in Status]))
