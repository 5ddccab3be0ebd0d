"""Maps: equal aspect, scale bar, gray for no value, color-bar ends in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from socwidgets.model.errors import DataError
from socwidgets.model.kinds import end_words
from socwidgets.model.names import STD_SUFFIX, X, Y
from socwidgets.model.roi import ROI
from socwidgets.plotting.limits import default_colormap, default_limits, extend_of
from socwidgets.plotting.outlines import draw_labels, draw_rois
from socwidgets.plotting.panel import Panel, add_bar_axes, add_map_axes, panel_for
from socwidgets.plotting.scalebar import add_scale_bar, extent
from socwidgets.plotting.style import MUTED, NO_VALUE, colormap, describe, new_figure, styled
from socwidgets.plotting.text import map_words, quantity_label


@styled
def map_figure(
    values: xr.DataArray,
    rois: Sequence[ROI] | None = None,
    labels: xr.DataArray | None = None,
    *,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
    cmap: str | None = None,
    signed: bool = False,
    width: float = 4.6,
) -> Figure:
    """Draw one map.

    Parameters
    ----------
    values : xarray.DataArray
        ``(y, x)``; NaN is drawn gray. ``long_name``, ``units`` and ``kind`` name the color bar.
    rois : sequence of ROI, optional
        Regions to outline in their colors.
    labels : xarray.DataArray, optional
        ``(y, x)`` int32; particles to outline and number.
    title : str, optional
        Above the map, on the left; nothing if left out (the color bar names the quantity).
    limits : (float, float), optional
        Color limits, in the map's units; values beyond them give the color bar an arrow.
    cmap : str, optional
        Name of a matplotlib color map; chosen by the kind of quantity if left out.
    signed : bool
        Use symmetric limits and a diverging color map (residuals, differences).
    width : float
        Width of the figure, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With a text alternative, see `alt_text`.

    Raises
    ------
    DataError
        If `values` is not a map over y and x.
    """
    values = _require_map(values)
    panel = panel_for(values, width, title=bool(title), words=bool(_words(values)[1]))
    figure = new_figure(width, panel.height, layout=None)
    low, high = limits or default_limits(values, signed=signed)
    chosen = cmap or default_colormap(values, signed=signed)
    axes = draw_map(figure, panel, 0.0, values, chosen, low, high)
    _decorate(axes, rois, labels)
    if title:
        axes.set_title(title)
    return describe(figure, map_words(values))


@styled
def map_pair(
    values: xr.DataArray,
    sigma: xr.DataArray,
    rois: Sequence[ROI] | None = None,
    labels: xr.DataArray | None = None,
    *,
    limits: tuple[float, float] | None = None,
    width: float = 8.8,
) -> Figure:
    """Draw a map beside the map of its standard uncertainty.

    Parameters
    ----------
    values, sigma : xarray.DataArray
        ``(y, x)``; a quantity and its standard uncertainty, in the same units.
    rois, labels, limits, width
        As in `map_figure`; the limits are those of `values`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        If one of the two is not a map over y and x.
    """
    values, sigma = _require_map(values), _require_map(sigma)
    panel = panel_for(values, width / 2, title=True, words=bool(_words(values)[1]))
    figure = new_figure(width, panel.height, layout=None)
    low, high = limits or default_limits(values)
    left = draw_map(figure, panel, 0.0, values, default_colormap(values), low, high)
    _decorate(left, rois, labels)
    left.set_title(quantity_label(values))
    low, high = default_limits(sigma)
    right = draw_map(figure, panel, width / 2, sigma, default_colormap(sigma), low, high)
    right.set_title("Standard uncertainty")
    return describe(figure, f"{map_words(values)} Beside it: {map_words(sigma)}")


def draw_map(
    figure: Figure, panel: Panel, left: float, values: xr.DataArray, cmap: str, low: float,
    high: float,
) -> Axes:  # fmt: skip
    """Draw a map and its color bar into one panel of a figure and return the map's axes."""
    axes = add_map_axes(figure, panel, left)
    image = draw_image(axes, values, cmap, low, high)
    bar = figure.colorbar(
        image, cax=add_bar_axes(figure, panel, left), orientation="horizontal",
        extend=extend_of(values, low, high),
    )  # fmt: skip
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=3)
    bar.set_label(quantity_label(values))
    for text, place, side in zip(_words(values), (0.0, 1.0), ("left", "right"), strict=True):
        bar.ax.annotate(
            text, (place, 1.0), xycoords="axes fraction", xytext=(0, 3), ha=side, va="bottom",
            textcoords="offset points", fontsize=8, color=MUTED,
        )  # fmt: skip
    return axes


def draw_image(axes: Axes, values: xr.DataArray, cmap: str, low: float, high: float) -> AxesImage:
    """Pixels, frame and scale bar of a map, without a color bar; row 0 is at the top."""
    axes.set_facecolor(NO_VALUE)
    image = axes.imshow(
        np.asarray(values.values, dtype=float), cmap=colormap(cmap), vmin=low, vmax=high,
        extent=extent(values), origin="upper", interpolation="nearest", aspect="equal",
    )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
    add_scale_bar(axes, values)
    return image


def _decorate(axes: Axes, rois: Sequence[ROI] | None, labels: xr.DataArray | None) -> None:
    if labels is not None:
        draw_labels(axes, _require_map(labels))
    if rois:
        artists = draw_rois(axes, rois)
        if artists:
            axes.legend(handles=artists, loc="upper right", frameon=True, framealpha=0.85)


def _words(values: xr.DataArray) -> tuple[str, str]:
    """Both ends of the color bar in words, with an arrow; empty for an uncertainty."""
    if str(values.name).endswith(STD_SUFFIX):
        return "", ""
    low, high = end_words(values)
    return (f"◀ {low}" if low else "", f"{high} ▶" if high else "")


def _require_map(values: xr.DataArray) -> xr.DataArray:
    if set(values.dims) != {Y, X}:
        raise DataError(
            f"{values.name!r} is not a map",
            expected="dims (y, x)",
            found=str(values.dims),
            fix="select one state, frame or layer first, for instance values.isel(state=0)",
        )
    return values.transpose(Y, X)
