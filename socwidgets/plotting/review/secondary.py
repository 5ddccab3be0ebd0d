"""Figure 9a: Li removed in secondary particles of NMC333, against the median of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from socwidgets.heterogeneity.sample import compact
from socwidgets.phantoms import make_phantom
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import RIM_PX, by_lcf, inner
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_LESS_CHARGED
from socwidgets.plotting.review.statistics import imaged, sigma_of_root
from socwidgets.plotting.style import CYCLE, MUTED

#: Li removed per formula unit at which the Ni of NMC333 is all 4+ (charge neutrality, G-25).
NMC333_FULL = 2.0 / 3.0
#: State, x removed, standard deviation of x within a particle, particles: 21 in all.
STATES_9A = (
    ("pristine powder", 0.0, 0.004, 4),
    ("pristine electrode", 0.0, 0.008, 5),
    ("x = 0.30", 0.30, 0.030, 6),
    ("x = 0.60", 0.60, 0.038, 6),
)
LIMIT_9A = 0.09
_SMALL: dict[str, Any] = {
    "pixel_um": 0.35, "radius_um": 4.6, "thickness_um": 9.0, "correlation_um": 1.3, "n_grains": 60,
}  # fmt: skip


def figure_9a(seed: int, colors: str) -> ReviewFigure:
    """Twenty-one NMC333 particles in four states: Li removed against each particle's median."""
    rows, maps, tables, spreads = [], [], [], {}
    for i, (state, x, sd, count) in enumerate(STATES_9A):
        phantom = make_phantom(
            "random_nmc", seed=seed + i, size_px=84, n_particles=count, ends="Ni2+ to Ni4+",
            mean_soc=x / NMC333_FULL, sigma_field=sd / NMC333_FULL, sigma_grain=0.0,
            od_per_um=0.0272, **_SMALL,
        )  # fmt: skip
        found = by_lcf(phantom, seed + i, n0=35_000.0)
        centered, table = _against_median(found, state)
        rows.append(_rows(found, state, sd))
        spreads[f"sd of x, {state}"] = _x_spread(found, rows[-1], sd)
        maps.append(centered)
        tables.append(table)
    particles = pd.concat(rows, ignore_index=True)
    canvas = _draw_9a(maps, particles, spreads, colors)
    words = ", ".join(f"{name} {number}" for name, number in spreads.items())
    return ReviewFigure(
        "9a",
        "Li removed in 21 NMC333 particles, against the median of each",
        canvas.done(f"Maps of 21 particles in four states. {words}."),
        spreads,
        {"particles": particles, "pixels": pd.concat(tables, ignore_index=True)},
        "Phantoms: 21 disks of NMC333 with a random field inside, measured by a TXM at the Ni K "
        "edge and fitted with Ni2+ and Ni4+ references; x = 2/3 of the Ni4+ fraction. The review "
        f"prints color limits of the median ± {LIMIT_9A} and 21 particles. The spread is given "
        f"with the noise taken out. Colors: {RED_LESS_CHARGED.note}.",
    )


def _against_median(found: Analyzed, state: str) -> tuple[xr.DataArray, pd.DataFrame]:
    """Li removed minus the particle's median, and the pixels behind it."""
    labels = inner(found.labels, RIM_PX).values
    x = found.soc["soc"].values * NMC333_FULL
    centered = np.full(x.shape, np.nan)
    for label in np.unique(labels[labels > 0]):
        inside = (labels == label) & np.isfinite(x)
        centered[inside] = x[inside] - np.median(x[inside])
    attrs = {"long_name": "Li removed, x - median", "units": "1", "kind": "x_removed"}
    values = found.soc["soc"].copy(data=centered).assign_attrs(attrs)
    keep = np.isfinite(centered)
    table = pd.DataFrame({"state": state, "particle": labels[keep], "dx": centered[keep]})
    return values, table


def _rows(found: Analyzed, state: str, sd: float) -> pd.DataFrame:
    """Spread of x in every particle, noise taken out, beside the planned one."""
    labels, out = inner(found.labels, RIM_PX), []
    for label in np.unique(labels.values[labels.values > 0]):
        one = labels.copy(data=(labels.values == label).astype(np.int32))
        seen = imaged(found.soc, one)
        truth = float(np.nanstd(found.truth["soc"].values[one.values > 0])) * NMC333_FULL
        out.append(
            {
                "state": state, "particle": int(label), "sd_x": seen.true * NMC333_FULL,
                "square_x": seen.square * NMC333_FULL**2,
                "square_scatter": seen.square_sigmas[0] * NMC333_FULL**2,
                "square_common": seen.square_sigmas[1] * NMC333_FULL**2,
                "sd_x_observed": seen.observed * NMC333_FULL,
                "sd_x_truth": truth, "sd_x_planned": sd,
                "sd_x_sigma": seen.true_sigma * NMC333_FULL,
            }
        )  # fmt: skip
    return pd.DataFrame(out)


def _x_spread(found: Analyzed, rows: pd.DataFrame, sd: float) -> Number:
    """Spread within the particles of a state: root mean square over them, with its errors."""
    # Squares below zero count: without them the mean of what the noise hides would be too large.
    square = float(np.mean(rows.square_x))
    value, truth = float(np.sqrt(max(square, 0.0))), float(np.sqrt(np.mean(rows.sd_x_truth**2)))
    # Of the error, not of the spread: particles differ, and so do their truths.
    scatter = float(np.sqrt(np.sum(rows.square_scatter**2)) / len(rows))
    noise = sigma_of_root(square, float(np.hypot(scatter, np.mean(rows.square_common))))
    common = NMC333_FULL * _common_of_spread(found)
    return Number(
        value, truth, float(np.hypot(noise, common)), "", f"noise taken out; planned {sd}"
    )


def _common_of_spread(found: Analyzed) -> float:
    """Error of the root mean square of the particles' spreads that their pixels share."""
    labels = inner(found.labels, RIM_PX).values
    inside = (labels > 0) & np.isfinite(found.truth["soc"].values)
    group = compact(labels[inside])
    size = np.bincount(group)

    def spread(x: np.ndarray) -> float:
        variance = np.bincount(group, x**2) / size - (np.bincount(group, x) / size) ** 2
        return float(np.sqrt(variance.mean()))

    return found.common_sigma_of(spread, inside)


def _draw_9a(
    maps: list[xr.DataArray], particles: pd.DataFrame, numbers: dict[str, Number], colors: str
) -> Canvas:
    canvas = Canvas(8.6, 5.0)
    cmap = RED_LESS_CHARGED.colormap(colors)
    titles = [f"{'abcd'[i]}  {state}" for i, (state, *_) in enumerate(STATES_9A)]
    image = canvas.row(0.3, 0.35, 1.88, maps, titles, cmap, (-LIMIT_9A, LIMIT_9A))
    ticks = [-LIMIT_9A, 0.0, LIMIT_9A]
    canvas.bar(0.3, 2.85, 3.3, image, "Li removed, x − median of the particle",
               RED_LESS_CHARGED, maps[-1], ticks)  # fmt: skip
    axes = titled(canvas.axes(0.85, 3.72, 2.75, 0.85), "e  spread within each particle")
    _strip(axes, particles)
    canvas.text(4.4, 2.75, "Spread of x within a particle, noise taken out", 9, fontweight="bold")
    canvas.numbers(4.4, 3.0, numbers, 3.9)
    canvas.text(
        4.4, 3.98, "Truth: of the same pixels at the resolution of the instrument.", 8, color=MUTED
    )
    return canvas


def _strip(axes: Axes, particles: pd.DataFrame) -> None:
    """One point per particle: spread observed (open) and with the noise taken out (full)."""
    for i, (state, *_) in enumerate(STATES_9A):
        rows = particles[particles.state == state]
        at = i + np.linspace(-0.22, 0.22, len(rows))
        axes.plot(at, rows.sd_x_observed, "o", mfc="none", mec=MUTED, markersize=3.5)
        axes.plot(at, rows.sd_x, "o", color=CYCLE[0], markersize=3.5)
        axes.plot(at, rows.sd_x_truth, "_", color=CYCLE[1], markersize=8, mew=1.4)
    axes.set_xticks(range(len(STATES_9A)), ["powder", "electrode", "0.30", "0.60"])
    axes.set_ylabel("sd of x")
    axes.set_ylim(0, None)
    handles = [
        axes.plot([], [], "o", mfc="none", mec=MUTED, markersize=3.5, label="observed")[0],
        axes.plot([], [], "o", color=CYCLE[0], markersize=3.5, label="noise out")[0],
        axes.plot([], [], "_", color=CYCLE[1], mew=1.4, label="truth")[0],
    ]
    axes.legend(handles=handles, loc="upper left", fontsize=7, borderaxespad=0, labelspacing=0.2)
