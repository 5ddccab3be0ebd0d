"""Figure 4: a front that moves by direction, anisotropic early and isotropic late."""

from __future__ import annotations

import numpy as np
import pandas as pd

from socwidgets.heterogeneity.phases.rose import FrontRose, front_rose
from socwidgets.phantoms import make_phantom
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import by_lcf
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED_BLUE
from socwidgets.plotting.style import CYCLE

STATES = (0.08, 0.2, 0.35, 0.5, 0.65, 0.85)
_ANGLE = 25.0


def figure_4(seed: int, colors: str) -> ReviewFigure:
    """Front speed by direction in one particle during a charge."""
    found = [
        by_lcf(
            make_phantom(
                "anisotropic_front", mean_soc=s, angle_deg=_ANGLE, size_px=64, pixel_um=0.12,
                length_um=6.4, width_um=0.12, od_per_um=0.08,
            ),
            seed + i, n0=20_000.0,
        )
        for i, s in enumerate(STATES)
    ]  # fmt: skip
    inside = np.all([np.isfinite(a.soc["soc"].values) for a in found], axis=0)
    inside &= found[0].labels.values > 0
    states = np.stack([a.soc["soc"].values for a in found])
    rose = front_rose(states, inside, np.asarray(STATES), (0.12, 0.12), sectors=12)
    table = _table(rose, states, inside)
    numbers = {
        f"anisotropy at SOC {row.soc:.2f}": Number(row.anisotropy, row.truth, note="no sigma known")
        for row in table.iloc[[0, 2, 4]].itertuples()
    }
    slope = np.polyfit(table.soc, table.anisotropy, 1)[0]
    numbers["its slope with SOC"] = Number(slope, -0.8, note="0.8 at the start, 0 at the end")
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "4",
        "Front speed by direction: anisotropic early, isotropic late",
        _draw(found, rose, table, numbers, colors).done(f"Maps, rose and index. {words}."),
        numbers,
        {"steps": table, "rose": rose.data.to_dataframe().reset_index()},
        "Phantom: disk whose charged shell grows inward with v0 (1 + e cos 2 phi), e = 0.8 (1 - s) "
        "(ours: the review states the order, anisotropic then isotropic, and no number), measured "
        "by a TXM at six states. Twelve sectors about the centroid of the core. "
        f"Colors: {RED_CHARGED_BLUE.note} (the review does not state the direction of Fig. 4).",
    )


def _table(rose: FrontRose, states: np.ndarray, inside: np.ndarray) -> pd.DataFrame:
    soc = rose.data["soc"].values
    return pd.DataFrame(
        {"soc": soc, "anisotropy": rose.data["anisotropy"].values, "truth": 0.8 * (1.0 - soc)}
    )


def _draw(
    found: list[Analyzed], rose: FrontRose, table: pd.DataFrame, numbers: dict[str, Number],
    colors: str,
) -> Canvas:  # fmt: skip
    canvas = Canvas(8.6, 4.9)
    maps = [found[i].soc["soc"] for i in (0, 2, 3, 5)]
    titles = [f"{'abcd'[k]}  SOC {STATES[i]:.2f}" for k, i in enumerate((0, 2, 3, 5))]
    cmap = RED_CHARGED_BLUE.colormap(colors)
    image = canvas.row(0.3, 0.35, 1.88, maps, titles, cmap, (0.0, 1.0))
    canvas.bar(5.3, 2.9, 3.0, image, "State of charge", RED_CHARGED_BLUE, maps[1])
    axes = canvas.figure.add_axes((0.05, 0.05, 0.21, 0.35), projection="polar")
    angle = np.radians(rose.data["angle"].values)
    speed = rose.data["speed"].values
    for step, color in ((0, CYCLE[1]), (len(speed) - 1, CYCLE[0])):
        ring = speed[step] / np.nanmean(speed[step])
        label = f"SOC {table.soc[step]:.2f}"
        axes.plot(np.append(angle, angle[0]), np.append(ring, ring[0]), color=color, label=label)
    axes.set_ylim(0, 2.0)
    axes.set_yticks([1.0], [""])
    axes.set_xticks(np.radians([0, 90, 180, 270]))
    axes.tick_params(labelsize=7, pad=0)
    axes.set_title("e  speed / its mean", fontsize=9, pad=8)
    axes.legend(loc="upper left", bbox_to_anchor=(0.98, 1.1), fontsize=7.5)
    lower = titled(canvas.axes(3.55, 2.95, 1.5, 1.25), "f  anisotropy")
    lower.plot([0, 1], [0.8, 0.0], color=CYCLE[1], linewidth=1.2, label="truth")
    lower.plot(table.soc, table.anisotropy, "o", color=CYCLE[0], markersize=4, label="found")
    lower.set_xlabel("mean SOC")
    lower.set_ylim(0, 1)
    lower.legend(fontsize=7.5)
    canvas.numbers(5.3, 3.55, numbers, 3.1)
    return canvas
