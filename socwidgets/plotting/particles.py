"""Mean of every particle against its size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socwidgets.plotting.style import ACCENT, INK, describe, new_figure, styled
from socwidgets.plotting.text import number


@styled
def particle_figure(
    table: pd.DataFrame,
    *,
    size: str = "diameter_um",
    value: str = "mean",
    error: str = "sem",
    label: str = "State of charge",
    size_label: str = "Equivalent diameter (µm)",
    overall: float | None = None,
    ends: tuple[str, str] = ("", ""),
    title: str | None = None,
    width: float = 5.2,
    height: float = 3.6,
) -> Figure:
    """Draw the mean of every particle with its standard error against its size.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per particle, indexed by its label, with the columns named by the next three.
    size, value, error : str
        Column names: size (um), mean, and standard error of the mean in the mean's units.
    label, size_label : str
        Axis labels with units.
    overall : float, optional
        Mean of the whole map, drawn as a line.
    ends : (str, str)
        What low and high values mean, in words.
    title : str, optional
        Above the plot.
    width, height : float
        Size of the figure, inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(width, height)
    axes = figure.subplots()
    kept = table[np.isfinite(table[value].astype(float)) & np.isfinite(table[size].astype(float))]
    errors = kept[error].astype(float).fillna(0.0)
    axes.errorbar(
        kept[size], kept[value], yerr=errors, fmt="o", color=ACCENT, markersize=4.5,
        ecolor="#7fb2d6", elinewidth=1.2, capsize=2, zorder=3,
    )  # fmt: skip
    if overall is not None:
        axes.axhline(overall, color=INK, linewidth=1.0, linestyle="--", zorder=1)
        axes.annotate(
            f"map mean {number(overall)}", (1.0, overall), xycoords=("axes fraction", "data"),
            xytext=(-3, 3), textcoords="offset points", ha="right", va="bottom", fontsize=8.5,
        )  # fmt: skip
    axes.margins(x=0.08, y=0.15)
    axes.set_xlabel(size_label)
    low, high = ends
    axes.set_ylabel(f"{label}\n◀ {low} | {high} ▶" if low and high else label)
    if title:
        axes.set_title(title)
    _number_particles(axes, kept, size, value)
    return describe(figure, _words(kept, value, label))


def _number_particles(axes: Axes, table: pd.DataFrame, size: str, value: str) -> None:
    """Write the numbers of the particles, largest first, where they do not cover each other."""
    spots = axes.transData.transform(table[[size, value]].to_numpy(float).reshape(-1, 2))
    taken: list[np.ndarray] = []
    for name, spot in zip(table.index, spots, strict=True):
        # A number is about 14 by 9 points; the figure's pixels are 72ths of an inch times dpi.
        gap = np.array([16.0, 10.0]) * axes.figure.dpi / 72.0
        if any(np.all(np.abs(spot - other) < gap) for other in taken):
            continue
        taken.append(spot)
        axes.annotate(
            str(name), tuple(axes.transData.inverted().transform(spot)), xytext=(4, 4),
            textcoords="offset points", fontsize=7.5, color=INK,
        )  # fmt: skip


def _words(table: pd.DataFrame, value: str, label: str) -> str:
    if table.empty:
        return f"{label} of particles against size: there is no particle."
    low, high = float(table[value].min()), float(table[value].max())
    return (
        f"{label} of {len(table)} particles against size, with standard errors; "
        f"means from {number(low)} to {number(high)}."
    )
