"""Histogram of a map with the noise floor drawn in: how wide a uniform map would look."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socwidgets.model.kinds import KIND, end_words
from socwidgets.plotting.style import ACCENT, CONTRAST, INK, describe, new_figure, styled
from socwidgets.plotting.text import number, quantity_label


@styled
def histogram_figure(
    values: xr.DataArray,
    weights: xr.DataArray | None = None,
    *,
    mean: float | None = None,
    observed_sd: float | None = None,
    noise_sd: float | None = None,
    true_sd: float | None = None,
    bins: int | None = None,
    title: str | None = None,
    width: float = 5.2,
    height: float = 3.6,
) -> Figure:
    """Draw the distribution of a map beside what measurement noise alone would give.

    The statistics are passed in (they come from `heterogeneity`), so that the figure can never
    disagree with the numbers printed next to it.

    Parameters
    ----------
    values : xarray.DataArray
        ``(y, x)``; NaN is left out.
    weights : xarray.DataArray, optional
        ``(y, x)``, non-negative, for instance thickness; each pixel counts once if left out.
    mean : float, optional
        Mean of the map, in its units; drawn as a line.
    observed_sd, noise_sd, true_sd : float, optional
        Standard deviation as observed, of the measurement noise, and after subtracting the noise
        in quadrature, in the map's units.
    bins : int, optional
        Number of bins; by the Freedman-Diaconis rule, 32 to 80, if left out.
    title : str, optional
        Above the histogram.
    width, height : float
        Size of the figure, inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    data = np.asarray(values.values, dtype=float).ravel()
    weight = np.ones_like(data) if weights is None else np.asarray(weights.values, float).ravel()
    keep = np.isfinite(data) & np.isfinite(weight) & (weight > 0)
    data, weight = data[keep], weight[keep]
    figure = new_figure(width, height)
    axes = figure.subplots()
    if not data.size:
        axes.text(0.5, 0.5, "no pixel has a value", transform=axes.transAxes, ha="center")
        return describe(figure, "Histogram without any value.")
    edges = _edges(data, bins)
    share = weight / weight.sum()
    heights, _, _ = axes.hist(
        data, edges.tolist(), weights=share, color=ACCENT, alpha=0.75, linewidth=0
    )
    top = float(np.max(heights))
    if mean is not None and noise_sd and noise_sd > 0:
        _draw_noise(axes, edges, top, mean, noise_sd)
    if mean is not None:
        axes.axvline(mean, color=INK, linewidth=1.2, label=f"mean {number(mean)}")
    axes.set_ylim(0, top * 1.12)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(_axis_words(values))
    what = "particles" if values.dims == ("particle",) else "pixels"
    axes.set_ylabel(f"share of {what}" if weights is None else "share of thickness")
    _add_legend(axes, observed_sd, noise_sd, true_sd)
    if title:
        axes.set_title(title)
    return describe(figure, _words(values, data.size, mean, observed_sd, noise_sd, true_sd))


def _edges(data: np.ndarray, bins: int | None) -> np.ndarray:
    """Bin edges over all but the outermost 0.2 % of values on each side, within reason."""
    low, high = (float(v) for v in np.percentile(data, [0.2, 99.8]))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    if bins is None:
        quartiles = np.percentile(data, [25, 75])
        step = 2 * (quartiles[1] - quartiles[0]) / data.size ** (1 / 3)
        bins = int(np.clip((high - low) / step, 32, 80)) if step > 0 else 32
    margin = 0.04 * (high - low)
    return np.linspace(low - margin, high + margin, bins + 1)


def _draw_noise(axes: Axes, edges: np.ndarray, top: float, mean: float, noise_sd: float) -> None:
    """Gaussian of the noise, scaled to fit: its width is the message, not its area."""
    grid = np.linspace(edges[0], edges[-1], 600)
    bell = np.exp(-0.5 * ((grid - mean) / noise_sd) ** 2)
    area = (edges[1] - edges[0]) / (noise_sd * np.sqrt(2 * np.pi))
    height = min(area, top)
    axes.plot(grid, bell * height, color=CONTRAST, linewidth=1.8)
    axes.fill_between(grid, bell * height, color=CONTRAST, alpha=0.15, linewidth=0)


def _add_legend(
    axes: Axes, observed: float | None, noise: float | None, true: float | None
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Line2D | Patch] = []
    if observed is not None:
        handles.append(Patch(color=ACCENT, alpha=0.75, label=f"observed sd {number(observed)}"))
    if noise:
        text = f"noise alone, sd {number(noise)}"
        handles.append(Line2D([], [], color=CONTRAST, label=text))
    if true is not None:
        handles.append(Line2D([], [], color="none", label=f"corrected sd {number(true)}"))
    handles += [line for line in axes.get_lines() if str(line.get_label()).startswith("mean")]
    if handles:
        axes.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2,
            borderaxespad=0.2, handlelength=1.3, columnspacing=1.4,
        )  # fmt: skip


def _axis_words(values: xr.DataArray) -> str:
    low, high = end_words(values) if values.attrs.get(KIND) else ("", "")
    label = quantity_label(values)
    return f"◀ {low}     {label}     {high} ▶" if low and high else label


def _words(
    values: xr.DataArray, count: int, mean: float | None, observed: float | None,
    noise: float | None, true: float | None,
) -> str:  # fmt: skip
    named = (
        ("mean", mean),
        ("observed standard deviation", observed),
        ("noise", noise),
        ("noise-corrected standard deviation", true),
    )
    numbers = ", ".join(f"{name} {number(value)}" for name, value in named if value is not None)
    return f"Histogram of {quantity_label(values)} over {count} pixels" + (
        f": {numbers}." if numbers else "."
    )
