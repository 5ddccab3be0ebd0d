"""Steps of the template `compare`: two samples side by side, and whether they differ."""

from __future__ import annotations

from dataclasses import dataclass

from socwidgets import plotting
from socwidgets.heterogeneity.change.compare import StateChange
from socwidgets.model.status import usable
from socwidgets.plotting.limits import default_limits
from socwidgets.plotting.text import quantity_label
from socwidgets.reports.closing import show_card
from socwidgets.reports.inputs import Inputs
from socwidgets.reports.parameter_classes import CompareReport
from socwidgets.reports.publish import show_figures
from socwidgets.reports.results import Number
from socwidgets.reports.scan import Scan, inputs_of, map_scan, numbers_of
from socwidgets.reports.series import SIGNIFICANT, change_number, compare, show_changes
from socwidgets.reports.words import chance


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two maps and what differs."""

    names: tuple[str, str]
    first: Scan
    second: Scan
    change: StateChange


def compare_samples(params: CompareReport) -> Comparison:
    """Map both samples in the same way and compare them.

    Raises
    ------
    ReadError, DataError, ParameterError
        As the steps of one map do.
    """
    first, second = map_scan(params.one(params.stack)), map_scan(params.one(params.second))
    change = compare(first, second, params, paired=params.same_particles)
    return Comparison((params.first_name, params.second_name), first, second, change)


def comparison_inputs(found: Comparison) -> Inputs:
    """Inputs of the second sample, with the record of both."""
    return inputs_of((found.first, found.second))


def comparison_numbers(found: Comparison) -> dict[str, Number]:
    """Mean and spread of both, and the difference with its significance."""
    a, b = found.names
    numbers = {"shift": change_number(found.change, f"Difference of the mean, {b} minus {a}")}
    c = found.change
    numbers["p_value"] = Number(
        c.p_value, "Chance of such a difference by accident (p)", is_chance=True
    )
    numbers["p_shape"] = Number(c.p_shape, "Chance of such a change of shape by accident")
    numbers["wasserstein"] = Number(c.wasserstein, "Distance of the distributions", c.units)
    return numbers | numbers_of((found.first, found.second), found.names)


def comparison_verdict(found: Comparison) -> str:
    """One sentence: whether the two differ, by how much, with which chance of an accident."""
    c, (a, b) = found.change, found.names
    differ = c.p_value < SIGNIFICANT
    how = "differ" if differ else "cannot be told apart with these particles"
    return (
        f"{a} and {b} {how}: the mean changes by {c.shift:+.3f} (95 %: {c.shift_low:+.3f} to "
        f"{c.shift_high:+.3f}), {chance(c.p_value)} from exchanging whole particles "
        f"({c.n_first} and {c.n_second})."
    )


def comparison_warnings(found: Comparison) -> list[str]:
    """What a reader must know about the comparison."""
    c = found.change
    said = []
    if min(c.n_first, c.n_second) < 10:
        said.append(
            f"Few particles ({c.n_first} and {c.n_second}): a real difference may be missed."
        )
    if c.added_noise > 0:
        said.append(
            f"The two scans have different noise; a noise of {c.added_noise:.3g} was added to the "
            "quieter one before the shapes were compared."
        )
    return said


def show_both_cards(found: Comparison) -> None:
    """Heterogeneity card of each sample."""
    for name, scan in zip(found.names, (found.first, found.second), strict=True):
        show_card(scan.card, name)


def show_comparison(found: Comparison) -> None:
    """Maps and uncertainties on shared color scales, distributions, table of the difference."""
    scans = dict(zip(found.names, (found.first, found.second), strict=True))
    limits = found.first.params.color_limits
    masked = {name: scan.maps["soc"].where(usable(scan.maps)) for name, scan in scans.items()}
    figures = [
        plotting.map_figure(values, None, scans[name].labels, title=name, width=4.6, limits=limits)
        for name, values in masked.items()
    ]
    label = quantity_label(found.first.maps["soc"])
    captions = [f"{label}, {name}. Gray: no value." for name in masked]
    sigma = {name: scan.maps["soc_std"].where(usable(scan.maps)) for name, scan in scans.items()}
    top = max(default_limits(values)[1] for values in sigma.values())
    figures += [
        plotting.map_figure(values, title=name, limits=(0.0, top), width=4.6)
        for name, values in sigma.items()
    ]
    captions += [f"Standard uncertainty of each pixel, {name}." for name in masked]
    show_figures(figures, "map", captions)
    inside = {name: values.where(scans[name].labels > 0) for name, values in masked.items()}
    noise = [scan.card["sigma_noise"].value for scan in scans.values()]
    caption = "Distribution inside the particles. Orange: noise of one pixel."
    show_figures(plotting.ridge_figure(inside, noise, width=5.2), "distributions", caption)
    show_changes({" to ".join(found.names): found.change})
