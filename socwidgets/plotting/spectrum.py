"""A mean spectrum with its spread, the fit with its components, and the residual below."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socwidgets.model.names import axis_label, spectral_dim
from socwidgets.plotting.style import CYCLE, GRID, INK, MUTED, describe, new_figure, styled

PREFIX = "component_"


@styled
def spectrum_figure(
    fit: xr.Dataset,
    spread: xr.Dataset | None = None,
    *,
    title: str | None = None,
    note: str = "",
    y_label: str = "Optical density",
    width: float = 4.8,
    height: float = 4.2,
) -> Figure:
    """Draw a spectrum with its fit.

    Parameters
    ----------
    fit : xarray.Dataset
        Over the spectral dim, as `fit_spectrum` returns it: ``data`` and, where fitted, ``fit``,
        ``residual``, ``background`` and ``component_<name>``, all in the units of the data.
    spread : xarray.Dataset, optional
        As `roi_spectrum` returns it: ``mean`` and ``std`` over the region's pixels, ``count``. A
        band of one standard deviation is drawn.
    title : str, optional
        Above the spectrum.
    note : str
        Numbers of the fit, printed beside the title.
    y_label : str
        What the data are, with units.
    width, height : float
        Size of the figure, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With the residual in a panel of its own where there is a fit.
    """
    dim = spectral_dim(fit["data"])
    axis = fit[dim]
    figure = new_figure(width, height)
    fitted = "residual" in fit
    if fitted:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
    else:
        upper, lower = figure.subplots(), None
    _draw_data(upper, axis.values, fit["data"].values, spread, dim)
    _draw_fit(upper, axis.values, fit)
    upper.set_ylabel(y_label)
    # Above the axes: no corner of a spectrum with two edges is free.
    upper.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2,
        handlelength=1.3, columnspacing=1.2,
    )  # fmt: skip
    if note or title:
        figure.suptitle(title or " ", x=0.02, ha="left", fontsize=10, fontweight="bold")
        figure.text(0.98, 0.985, note, ha="right", va="top", fontsize=8.5, color=MUTED)
    if lower is not None:
        _draw_residual(lower, axis.values, fit["residual"].values)
    (lower or upper).set_xlabel(axis_label(axis))
    upper.set_xlim(float(axis.values.min()), float(axis.values.max()))
    return describe(figure, _words(fit, axis, title or "Spectrum", note))


def _draw_data(
    axes: Axes, grid: np.ndarray, data: np.ndarray, spread: xr.Dataset | None, dim: str
) -> None:
    if spread is not None:
        mean, std = spread["mean"].values, spread["std"].values
        axes.fill_between(
            spread[dim].values, mean - std, mean + std, color="#9aa5ae", alpha=0.35, linewidth=0,
            label="±1 sd over pixels",
        )  # fmt: skip
    axes.plot(grid, data, "o", color=INK, markersize=2.6, markeredgewidth=0, label="mean")


def _draw_fit(axes: Axes, grid: np.ndarray, fit: xr.Dataset) -> None:
    background = fit["background"].values if "background" in fit else 0.0
    names = [str(name) for name in fit.data_vars if str(name).startswith(PREFIX)]
    for index, name in enumerate(names):
        # Components stand on the background, so that they can be compared with the data by eye.
        curve = fit[name].values + background
        color = CYCLE[(index + 1) % len(CYCLE)]
        axes.plot(grid, curve, color=color, linewidth=1.2, label=name.removeprefix(PREFIX))
    if "background" in fit:
        axes.plot(grid, fit["background"].values, color=MUTED, linewidth=1.0, linestyle="--",
                  label="background")  # fmt: skip
    if "fit" in fit:
        axes.plot(grid, fit["fit"].values, color=CYCLE[0], linewidth=1.6, label="fit")


def _draw_residual(axes: Axes, grid: np.ndarray, residual: np.ndarray) -> None:
    axes.axhline(0, color=GRID, linewidth=1.0, zorder=0)
    axes.plot(grid, residual, color=INK, linewidth=0.9)
    finite = residual[np.isfinite(residual)]
    reach = 1.25 * float(np.max(np.abs(finite))) if finite.size else 1.0
    axes.set_ylim(-(reach or 1.0), reach or 1.0)
    axes.set_ylabel("residual")
    axes.locator_params(axis="y", nbins=3)


def _words(fit: xr.Dataset, axis: xr.DataArray, title: str, note: str) -> str:
    low, high = float(axis.values.min()), float(axis.values.max())
    units = axis.attrs.get("units", "")
    names = [str(n).removeprefix(PREFIX) for n in fit.data_vars if str(n).startswith(PREFIX)]
    parts = f" with the fit of {' and '.join(names)}" if names else ""
    tail = f" {note.replace(chr(10), ', ')}." if note else ""
    return f"{title}: spectrum from {low:g} to {high:g} {units}{parts}.{tail}"
