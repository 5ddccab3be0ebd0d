"""States beside each other: a ridge of histograms, and particles followed through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from socwidgets.model.kinds import end_words
from socwidgets.plotting.review.ridge import draw_ridge
from socwidgets.plotting.style import CYCLE, INK, MUTED, describe, new_figure, styled
from socwidgets.plotting.text import number, quantity_label


@styled
def ridge_figure(
    states: Mapping[str, xr.DataArray],
    noise: Sequence[float] | None = None,
    *,
    width: float = 5.6,
) -> Figure:
    """Draw the distribution of a map in each state, the first at the bottom.

    Parameters
    ----------
    states : mapping of str to xarray.DataArray
        Name of the state -> ``(y, x)``; NaN is left out.
    noise : sequence of float, optional
        Standard deviation of the noise of each state, in the map's units.
    width : float
        Width, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With a text alternative.
    """
    rows = {}
    for name, values in states.items():
        data = np.asarray(values.values, dtype=float)
        rows[name] = data[np.isfinite(data)]
    figure = new_figure(width, 1.5 + 0.62 * len(rows))
    axes = figure.subplots()
    draw_ridge(axes, rows, noise=noise)
    last = list(states.values())[-1]
    low, high = end_words(last)
    label = quantity_label(last)
    axes.set_xlabel(f"◀ {low}     {label}     {high} ▶" if low and high else label)
    means = ", ".join(f"{name} {number(float(v.mean()))}" for name, v in rows.items() if v.size)
    return describe(figure, f"Histograms of {label} in {len(rows)} states; means: {means}.")


@styled
def trajectory_figure(
    tracks: pd.DataFrame,
    *,
    label: str = "State of charge",
    coordinate_label: str = "state",
    width: float = 5.6,
    height: float = 3.8,
) -> Figure:
    """Draw the mean of every particle through the states.

    Parameters
    ----------
    tracks : pandas.DataFrame
        Columns ``label``, ``coordinate``, ``mean``, ``mean_std``; one row per particle and state.
    label, coordinate_label : str
        Axis labels with units.
    width, height : float
        Size, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With a text alternative.
    """
    figure = new_figure(width, height)
    axes = figure.subplots()
    groups = list(tracks.groupby("label"))
    many = len(groups) > len(CYCLE)
    for index, (name, rows) in enumerate(groups):
        rows = rows.sort_values("coordinate")
        axes.errorbar(
            rows["coordinate"], rows["mean"], yerr=rows["mean_std"].fillna(0.0),
            color=MUTED if many else CYCLE[index], linewidth=0.9 if many else 1.5, marker="o",
            markersize=3, alpha=0.55 if many else 0.95, label=f"_{name}" if many else str(name),
        )  # fmt: skip
    means = tracks.groupby("coordinate")["mean"].mean()
    axes.plot(means.index, means, color=INK, linewidth=2.4, label="mean of the particles")
    if means.size <= 8:
        axes.set_xticks(means.index, [f"{value:g}" for value in means.index])
    axes.set_xlabel(coordinate_label)
    axes.set_ylabel(label)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)
    return describe(
        figure, f"{label} of {len(groups)} particles through {means.size} values of "
        f"{coordinate_label}; the mean goes from {number(float(means.iloc[0]))} to "
        f"{number(float(means.iloc[-1]))}.",
    )  # fmt: skip


@styled
def profile_figure(
    profiles: Mapping[str, xr.Dataset],
    *,
    label: str = "State of charge",
    width: float = 4.2,
    height: float = 3.0,
) -> Figure:
    """Draw a quantity against the distance from the surface, with its uncertainty.

    Parameters
    ----------
    profiles : mapping of str to xarray.Dataset
        Name -> as `binned_profile` gives it: ``mean``, ``sem``, ``sd`` over ``distance`` (um).
    label : str
        Axis label with units.
    width, height : float
        Size, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With a text alternative.
    """
    figure = new_figure(width, height)
    axes = figure.subplots()
    for (name, profile), color in zip(profiles.items(), CYCLE, strict=False):
        x, mean = profile["distance"].values, profile["mean"].values
        sd = np.nan_to_num(profile["sd"].values)
        axes.fill_between(x, mean - sd, mean + sd, color=color, alpha=0.15, linewidth=0)
        error = np.nan_to_num(profile["sem"].values) if "sem" in profile else None
        axes.errorbar(x, mean, yerr=error, color=color, marker="o", markersize=3.5, label=name)
    axes.set_xlabel("distance from the surface (µm)")
    axes.set_ylabel(label)
    if len(profiles) > 1:
        axes.legend()
    return describe(
        figure, f"{label} against the distance from the surface: {', '.join(profiles)}."
    )


@styled
def state_figure(
    counts: Mapping[str, int], colors: Mapping[str, str], *, width: float = 4.8
) -> Figure:
    """Draw how many particles are in each state, as bars with their numbers.

    Parameters
    ----------
    counts : mapping of str to int
        State -> particles.
    colors : mapping of str to str
        State -> color.
    width : float
        Width, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With a text alternative.
    """
    figure = new_figure(width, 0.9 + 0.42 * max(len(counts), 1))
    axes = figure.subplots()
    names = list(counts)
    axes.barh(names, [counts[name] for name in names], color=[colors[name] for name in names])
    for index, name in enumerate(names):
        axes.annotate(
            str(counts[name]), (counts[name], index), xytext=(4, 0), textcoords="offset points",
            va="center",
        )  # fmt: skip
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.set_xlabel("particles")
    words = ", ".join(f"{name} {count}" for name, count in counts.items())
    return describe(figure, f"Number of particles in each state: {words}.")
