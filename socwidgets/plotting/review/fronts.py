"""Figure 4: a front that moves by direction, anisotropic early and isotropic late."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from socwidgets.heterogeneity.phases.rose import FrontRose, front_rose
from socwidgets.model.noise_shape import NoiseShape
from socwidgets.phantoms import make_phantom
from socwidgets.phantoms.fronts import front_radius
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import by_lcf
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED_BLUE
from socwidgets.plotting.style import CYCLE

#: The front must have left the blurred rim, and the core be wider than the front.
STATES = (0.36, 0.45, 0.54, 0.63, 0.72)
SECTORS = 12
_ANGLE, PIXEL_UM, LENGTH_UM = 25.0, 0.12, 6.4


def figure_4(seed: int, colors: str) -> ReviewFigure:
    """Front speed by direction in one particle during a charge."""
    found = [
        by_lcf(
            make_phantom(
                "anisotropic_front", mean_soc=s, angle_deg=_ANGLE, size_px=64, pixel_um=PIXEL_UM,
                length_um=LENGTH_UM, width_um=0.12, od_per_um=0.08,
            ),
            seed + i, n0=20_000.0,
        )
        for i, s in enumerate(STATES)
    ]  # fmt: skip
    inside = np.all([np.isfinite(a.soc["soc"].values) for a in found], axis=0)
    inside &= found[0].labels.values > 0
    states = np.stack([a.soc["soc"].values for a in found])
    # A sum over pixels whose noise hangs together is as uncertain as one of more noise.
    noise = np.stack([_noise(a) for a in found])
    rose = front_rose(
        states,
        inside,
        np.asarray(STATES),
        (PIXEL_UM, PIXEL_UM),
        sectors=SECTORS,
        smooth_px=0.0,
        noise_std=noise,
    )
    table = _table(rose)
    numbers = {
        f"e, SOC {STATES[i]:.2f}–{STATES[i + 1]:.2f}": Number(
            table.anisotropy[i], table.truth[i], table.sigma[i], "", "noise of the pixels"
        )
        for i in range(len(table))
    }
    weights = 1.0 / table.sigma
    slope, covariance = np.polyfit(
        table.soc, table.anisotropy, 1, w=weights, cov="unscaled"
    )  # fmt: skip
    true_slope = np.polyfit(table.soc, table.truth, 1, w=weights)[0]
    numbers["its slope with SOC"] = Number(
        slope[0], true_slope, float(np.sqrt(covariance[0, 0])), "", "planned: -0.8"
    )
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "4",
        "Front speed by direction: anisotropic early, isotropic late",
        _draw(found, rose, table, numbers, colors).done(f"Maps, rose and index. {words}."),
        numbers,
        {"steps": table, "rose": rose.data.to_dataframe().reset_index()},
        "Phantom: disk whose charged shell grows inward with v0 (1 + e cos 2 phi), e = 0.8 (1 - s) "
        "(ours: the review states the order, anisotropic then isotropic, and no number), measured "
        "by a TXM at five states. Twelve sectors about the centroid of the core; the truth is "
        "that of the front itself. "
        f"Colors: {RED_CHARGED_BLUE.note} (the review does not state the direction of Fig. 4).",
    )


def _noise(found: Analyzed) -> np.ndarray:
    return np.asarray(
        found.soc["soc_std"].values * np.sqrt(NoiseShape.of(found.soc.attrs).area), float
    )


def _table(rose: FrontRose) -> pd.DataFrame:
    """Anisotropy of each step beside that of the phantom's own front between the two states."""
    data = rose.data
    return pd.DataFrame(
        {
            "soc": data["soc"].values, "anisotropy": data["anisotropy"].values,
            "sigma": data["anisotropy_std"].values,
            "truth": [_true_anisotropy(a, b) for a, b in pairwise(STATES)],
        }
    )  # fmt: skip


def _true_anisotropy(before: float, after: float) -> float:
    """Second harmonic of the way of the phantom's front over its mean, in the same sectors."""
    way = _true_radii(before) - _true_radii(after)
    phi = (np.arange(SECTORS) + 0.5) * 2.0 * np.pi / SECTORS
    second = float(np.abs(np.mean(way * np.exp(2j * phi))) / np.mean(way))
    return 2.0 * second / float(np.sinc(2.0 / SECTORS))


def _true_radii(mean_soc: float) -> np.ndarray:
    """Radius of the circle sector with the area of the core, ``(sector,)``, um."""
    radii = front_radius(mean_soc, LENGTH_UM / 2.0)
    phi = np.linspace(0.0, 360.0, radii.size, endpoint=False) + _ANGLE
    sector = (np.mod(phi, 360.0) * SECTORS / 360.0).astype(int)
    return np.asarray(np.sqrt(np.bincount(sector, radii**2) / np.bincount(sector)))


def _draw(
    found: list[Analyzed], rose: FrontRose, table: pd.DataFrame, numbers: dict[str, Number],
    colors: str,
) -> Canvas:  # fmt: skip
    canvas = Canvas(8.6, 4.9)
    shown = (0, 1, 3, 4)
    maps = [found[i].soc["soc"] for i in shown]
    titles = [f"{'abcd'[k]}  SOC {STATES[i]:.2f}" for k, i in enumerate(shown)]
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
    lower.plot(table.soc, table.truth, color=CYCLE[1], linewidth=1.2, label="truth")
    lower.errorbar(table.soc, table.anisotropy, yerr=table.sigma, fmt="o", color=CYCLE[0],
                   markersize=4, label="found", capsize=2)  # fmt: skip
    lower.set_xlabel("mean SOC")
    lower.set_ylim(0, 1)
    lower.legend(fontsize=7.5)
    canvas.numbers(5.3, 3.55, numbers, 3.1)
    return canvas
