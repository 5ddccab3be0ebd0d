"""Steps of the template `series`: the same analysis of every state, and what changes."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from socwidgets import plotting
from socwidgets.heterogeneity.change.compare import StateChange, compare_states
from socwidgets.model.status import usable
from socwidgets.plotting.text import quantity_label
from socwidgets.reports.inputs import Inputs
from socwidgets.reports.parameter_classes import CompareReport, SeriesReport
from socwidgets.reports.publish import show_figures, show_table
from socwidgets.reports.results import Number
from socwidgets.reports.scan import Scan, inputs_of, map_scan, numbers_of
from socwidgets.reports.words import chance, chance_value, interval, with_uncertainty

#: Below this chance of a difference by accident a change is called one.
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Series:
    """All states of a series, in order.

    Attributes
    ----------
    names : tuple of str
        ``"0.2 h"`` and the like.
    values : tuple of float
        The coordinate.
    scans : tuple of Scan
        One per state; where particles are followed, their labels are those of the first state.
    tracks : pandas.DataFrame
        ``label``, ``state``, ``coordinate``, ``mean``, ``mean_std``, ``diameter_um``.
    changes : tuple of StateChange
        From each state to the next.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    scans: tuple[Scan, ...]
    tracks: pd.DataFrame
    changes: tuple[StateChange, ...]


def map_series(params: SeriesReport) -> Series:
    """Map every state, follow the particles, compare each state with the one before.

    Raises
    ------
    ReadError, DataError, ParameterError
        As the steps of one map do.
    """
    scans = tuple(map_scan(params.one(stack)) for stack in params.stacks())
    values = params.coordinates()
    unit = f" {params.coordinate_unit}" if params.coordinate_unit else ""
    plain = not params.coordinate.strip()
    names = tuple(
        f"{params.coordinate_name} {v:g}" if plain else f"{v:g}{unit}" for v in values
    )  # fmt: skip
    if params.tracking:
        scans = _followed(scans)
    pairs = itertools.pairwise(scans)
    changes = tuple(compare(a, b, params, paired=params.tracking) for a, b in pairs)
    return Series(names, values, scans, _tracks(scans, names, values), changes)


def compare(
    first: Scan, second: Scan, params: SeriesReport | CompareReport, *, paired: bool
) -> StateChange:
    """Change between two maps; whole particles are exchanged for the significance."""
    shared = np.intersect1d(np.unique(first.labels), np.unique(second.labels))
    return compare_states(
        first.maps, second.maps, first.labels, second.labels,
        paired=paired and bool((shared > 0).sum() >= 2), draws=params.draws, seed=params.seed,
    )  # fmt: skip


def _followed(scans: tuple[Scan, ...]) -> tuple[Scan, ...]:
    """Scans whose particles have the numbers that they have in the first state."""
    from socwidgets.analysis.tracking import track_labels
    from socwidgets.heterogeneity.particles import particle_table

    if len({scan.labels.shape for scan in scans}) > 1:
        return scans
    tracked = track_labels([scan.labels for scan in scans])
    return tuple(
        dataclasses.replace(scan, labels=labels, table=particle_table(scan.maps, labels))
        for scan, labels in zip(scans, tracked, strict=True)
    )


def _tracks(
    scans: tuple[Scan, ...], names: tuple[str, ...], values: tuple[float, ...]
) -> pd.DataFrame:
    parts = []
    for scan, name, value in zip(scans, names, values, strict=True):
        rows = scan.table[["mean", "mean_std", "diameter_um"]].reset_index(names="label")
        parts.append(rows.assign(state=name, coordinate=value))
    return pd.concat(parts, ignore_index=True)


def series_inputs(series: Series) -> Inputs:
    """Inputs of the last state, with the record of all states."""
    return inputs_of(series.scans)


def series_numbers(series: Series) -> dict[str, Number]:
    """Mean and spread of each state, and every change."""
    found = numbers_of(series.scans, series.names)
    for number, change in enumerate(series.changes, start=1):
        label = f"Change of the mean, {series.names[number - 1]} to {series.names[number]}"
        found[f"shift_{number}"] = change_number(change, label)
        found[f"p_{number}"] = Number(
            change.p_value, f"{label}: chance by accident (p)", is_chance=True
        )
    return found


def change_number(change: StateChange, label: str) -> Number:
    """Shift of the mean between two states, with its interval and its significance."""
    how = f"{chance(change.p_value)}, exchanging whole particles"
    return Number(
        change.shift, label, change.units, change.shift_std, change.shift_low, change.shift_high,
        how,
    )  # fmt: skip


def series_verdict(series: Series) -> str:
    """One sentence about the series."""
    clear = sum(change.p_value < SIGNIFICANT for change in series.changes)
    first, last = (scan.card["mean"].value for scan in (series.scans[0], series.scans[-1]))
    return (
        f"From {series.names[0]} to {series.names[-1]} the mean goes from {first:.3f} to "
        f"{last:.3f}; {clear} of {len(series.changes)} steps differ by more than chance "
        f"(p < {SIGNIFICANT:g}, whole particles exchanged)."
    )


def series_warnings(series: Series) -> list[str]:
    """What a reader must know about the comparison of states."""
    found = []
    unpaired = sum(not change.paired for change in series.changes)
    if unpaired:
        found.append(
            f"In {unpaired} steps the particles could not be followed: different particles were "
            "compared, and the difference between particles counts as uncertainty."
        )
    small = min(change.n_first for change in series.changes)
    if small < 10:
        found.append(
            f"Only {small} particles: exchanging them gives coarse chances (p); differences that "
            "are not significant may still be real."
        )
    return found


def show_states(series: Series) -> None:
    """Maps of all states on one color scale, their ridge and the table of changes."""
    limits = series.scans[0].params.color_limits
    masked = [scan.maps["soc"].where(usable(scan.maps)) for scan in series.scans]
    figures = [
        plotting.map_figure(values, None, scan.labels, title=name, width=3.6, limits=limits)
        for name, values, scan in zip(series.names, masked, series.scans, strict=True)
    ]
    show_figures(figures, "map", [f"{name}." for name in series.names])
    noise = [scan.card["sigma_noise"].value for scan in series.scans]
    inside = [v.where(scan.labels > 0) for v, scan in zip(masked, series.scans, strict=True)]
    ridge = plotting.ridge_figure(dict(zip(series.names, inside, strict=True)), noise)
    caption = "Distribution inside the particles, state by state. Orange: noise of one pixel."
    show_figures(ridge, "states", caption)


def show_trajectories(series: Series, params: SeriesReport) -> None:
    """Mean of each particle through the states."""
    counts = series.tracks.groupby("label").size()
    followed = series.tracks[series.tracks["label"].isin(counts[counts > 1].index)]
    if followed.empty or not params.tracking:
        return
    unit = f" ({params.coordinate_unit})" if params.coordinate_unit else ""
    figure = plotting.trajectory_figure(
        followed, label=quantity_label(series.scans[-1].maps["soc"]),
        coordinate_label=f"{params.coordinate_name}{unit}",
    )  # fmt: skip
    caption = "Every particle through the states; bars are standard uncertainties from the noise."
    show_figures(figure, "states", caption)


def show_changes(changes: dict[str, StateChange]) -> None:
    """Table of changes with their significance."""
    rows = {
        name: {
            "shift of the mean": with_uncertainty(c.shift, c.shift_std),
            "95 % interval": interval(c.shift_low, c.shift_high),
            "distance (Wasserstein)": f"{c.wasserstein:.3g}",
            "of it shape": f"{c.shape:.3g}",
            "p (any change)": chance_value(c.p_value),
            "p (shape)": chance_value(c.p_shape),
            "particles": f"{c.n_first} and {c.n_second}, {'the same' if c.paired else 'different'}",
        }
        for name, c in changes.items()
    }
    # One change is read downwards, also on a telephone; several are compared row by row.
    table = pd.DataFrame(rows) if len(rows) == 1 else pd.DataFrame(rows).T
    table.index.name = "quantity" if len(rows) == 1 else "change"
    show_table(table, "change", "p: chance of a change as large if nothing had changed")


def show_steps(series: Series) -> None:
    """Changes from each state to the next."""
    names = [
        f"{a} to {b}" for a, b in itertools.pairwise(series.names)
    ]  # fmt: skip
    show_changes(dict(zip(names, series.changes, strict=True)))
