"""Figure 3: shrinking core and domino, and what a projection makes of a core."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from socwidgets.phantoms import make_phantom
from socwidgets.phantoms.core import core_truth
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import RIM_PX, by_lcf, inner
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_DISCHARGED
from socwidgets.plotting.review.statistics import imaged
from socwidgets.plotting.style import CYCLE, MUTED

#: Core radii of mean SOC 0.27, 0.50 and 0.875 (golden G-40).
CORES = (0.9, 0.7937, 0.5)
_PHOTONS = 20_000.0


def figure_3(seed: int, colors: str) -> ReviewFigure:
    """Three stages of a shrinking core and one domino particle, each measured by a TXM."""
    cores = [
        by_lcf(make_phantom("shrinking_core", core_radius=r, width=0.02, od_per_um=0.1),
               seed + i, n0=_PHOTONS, floor=0.03)
        for i, r in enumerate(CORES)
    ]  # fmt: skip
    front = by_lcf(make_phantom("domino"), seed + 9, n0=_PHOTONS)
    table = pd.DataFrame([_averages(a, r) for a, r in zip(cores, CORES, strict=True)])
    numbers = _numbers(table)
    canvas = _draw([*cores, front], table, numbers, colors)
    pixels = pd.concat(
        [a.soc["soc"].to_dataframe().dropna().assign(panel=n) for a, n in
         zip([*cores, front], ("core .90", "core .79", "core .50", "domino"), strict=True)]
    ).reset_index()  # fmt: skip
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "3",
        "Shrinking core and domino, as a projection shows them",
        canvas.done(f"Maps of three shrinking cores and a domino particle. {words}."),
        numbers,
        {"averages": table, "pixels": pixels[["panel", "y", "x", "soc"]]},
        "Phantoms: spheres with a discharged core of radius 0.90, 0.79 and 0.50 and a platelet "
        "with a straight front, seen by a TXM at the Ni K edge (20,000 photons, 40 energies) and "
        "fitted with two references. The review shows the models (Fig. 3) and prints no number. "
        "Along the beam core and shell mix: a sharp two-phase particle looks intermediate, so "
        "pixels between the ends are no proof of a solid solution. Weighted by thickness the map "
        f"gives the mean of the volume, plain pixels do not. Colors: {RED_DISCHARGED.note}.",
    )


def _averages(found: Analyzed, radius: float) -> dict[str, float]:
    """Means and spread of one projected core beside their truth."""
    truth = core_truth(radius)
    out = {"core_radius": radius}
    for name, weighted in (("weighted_mean", True), ("pixel_mean", False)):
        out[name], out[f"{name}_sigma"] = found.mean(weighted)
        out[f"{name}_truth"] = truth[name]
    labels = inner(found.labels, RIM_PX)
    seen = imaged(found.soc, labels)
    inside = (labels.values > 0) & found.soc["soc"].notnull().values
    common = found.common_sigma_of(lambda x: float(x.std()), inside)
    out.update(
        pixel_std=seen.true, pixel_std_sigma=float(np.hypot(seen.true_sigma, common)),
        pixel_std_truth=float(found.truth["soc"].values[inside].std()), std_volume=truth["std"],
    )  # fmt: skip
    return out


def _numbers(table: pd.DataFrame) -> dict[str, Number]:
    half = table.iloc[1]
    note = "core radius 0.794, true mean 0.5"
    return {
        "mean, by thickness": Number(
            half.weighted_mean, half.weighted_mean_truth, half.weighted_mean_sigma, note=note
        ),
        "mean, plain pixels": Number(
            half.pixel_mean, half.pixel_mean_truth, half.pixel_mean_sigma, note=note
        ),
        "sd of inner pixels": Number(
            half.pixel_std, half.pixel_std_truth, half.pixel_std_sigma, "", "noise taken out"
        ),
        "sd of the volume": Number(float("nan"), half.std_volume, note="hidden by projection"),
    }


def _draw(
    panels: list[Analyzed], table: pd.DataFrame, numbers: dict[str, Number], colors: str
) -> Canvas:
    canvas = Canvas(8.6, 5.1)
    titles = ("a  core 0.90 R", "b  core 0.79 R", "c  core 0.50 R", "d  domino")
    maps = [panel.soc["soc"] for panel in panels]
    cmap = RED_DISCHARGED.colormap(colors)
    image = canvas.row(0.3, 0.35, 1.9, maps, titles, cmap, (0.0, 1.0))
    canvas.bar(0.3, 2.85, 3.6, image, "State of charge, projected", RED_DISCHARGED, maps[0])
    _draw_averages(titled(canvas.axes(0.75, 3.7, 3.1, 0.95), "e  the two ways to average"), table)
    canvas.text(4.6, 2.75, "Core 0.79 R: half of the volume is charged", 9, fontweight="bold")
    canvas.numbers(4.6, 3.0, numbers, 3.7)
    canvas.text(
        4.6, 4.0, "The projected spread is below that of the volume, and\n"
        f"{core_truth(CORES[1])['pixels_in_between']:.0%} of the pixels look intermediate "
        "although none of\nthe material is.", 8, color=MUTED,
    )  # fmt: skip
    return canvas


def _draw_averages(axes: Axes, table: pd.DataFrame) -> None:
    """Both means against the core's radius: curves are the truth, points what was found."""
    radii = np.linspace(0.02, 0.98, 60)
    truth = [core_truth(float(r)) for r in radii]
    for name, color, words in (
        ("weighted_mean", CYCLE[0], "by thickness"),
        ("pixel_mean", CYCLE[1], "plain pixels"),
    ):
        axes.plot(radii, [t[name] for t in truth], color=color, linewidth=1.2)
        axes.errorbar(
            table.core_radius, table[name], yerr=table[f"{name}_sigma"], fmt="o", markersize=4,
            color=color, label=words, capsize=2,
        )  # fmt: skip
    axes.set_xlabel("core radius / R")
    axes.set_ylabel("mean SOC")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.05)
    axes.legend(loc="lower left", title="mean weighted", title_fontsize=8, fontsize=8)
