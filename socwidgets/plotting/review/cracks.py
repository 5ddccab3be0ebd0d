"""Figures 16c and 27c: cracks against size, a crack in the way."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import binary_fill_holes
from skimage.graph import MCP_Geometric

from socwidgets.heterogeneity.size_dependence import SizeDependence, size_dependence
from socwidgets.heterogeneity.space.paths import detour_factor
from socwidgets.phantoms import Phantom, make_phantom, simulate
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import measured
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED
from socwidgets.plotting.style import CYCLE, INK


def figure_16c(seed: int, colors: str) -> ReviewFigure:
    """Which particles cracked, against their size: points and a logistic curve."""
    phantom = make_phantom("cracked_particles", seed=seed, n_particles=64, size_px=388)
    od, _ = measured(phantom, seed, n0=8000.0, drift_px=0.0,
                     energies_ev=(8300.0, 8320.0, 8400.0, 8420.0))  # fmt: skip
    jump = od["signal"].isel(energy=slice(2, 4)).mean("energy") - od["signal"].isel(
        energy=slice(0, 2)
    ).mean("energy")
    table = _crack_table(jump.values, phantom)
    curve = size_dependence(table.diameter_um, table.cracked)
    numbers = _numbers_16c(curve, phantom, float((table.cracked == table.truth).mean()))
    canvas = Canvas(8.2, 4.3)
    shown = jump.where(od["status"] != 1).assign_attrs(long_name="Edge jump", units="1")
    _, image = canvas.map(0.3, 0.35, 3.0, shown, "gray", (0.0, 0.45), "a  edge jump of Ni")
    canvas.bar(0.3, 3.75, 3.0, image, "edge jump", None, shown)
    axes = titled(canvas.axes(4.1, 0.4, 3.4, 1.9), "b  crack fraction against size")
    for color, flag, name in ((CYCLE[0], False, "sound"), (CYCLE[1], True, "cracked")):
        part = table[table.truth == flag]
        axes.plot(part.diameter_um, part.crack_fraction, "o", color=color, markersize=4, label=name)
    axes.set_xlabel("equivalent diameter (µm)")
    axes.set_ylabel("crack fraction of the area")
    axes.set_ylim(-0.015, 0.34)
    twin = axes.twinx()
    d = np.linspace(2.5, 10.5, 100)
    twin.plot(d, curve.chance(d), color=INK, linewidth=1.2)
    twin.set_ylabel("chance of a crack (line)")
    twin.set_ylim(0, 1.05)
    axes.legend(loc="upper left", fontsize=8)
    canvas.numbers(4.0, 3.05, numbers, 3.9)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "16c",
        "Cracks against particle size",
        canvas.done(f"Map of 64 particles and their crack fraction. {words}."),
        numbers,
        {"particles": table},
        "Phantom: 64 NMC622 particles of 3 to 10 um that crack with a chance of "
        "1/(1 + exp(-1.4 (D - 6))) (ours; the review prints 50 cycles at 10C and no number), "
        "imaged by a TXM below and above the Ni K edge. A particle counts as cracked if more than "
        "4 % of its outline's area have less than a third of the jump that a sphere would have. "
        "Truth: the planned curve; the uncertainty is that of 64 particles drawn from it. "
        "Gray: bright means more material.",
    )


def _numbers_16c(curve: SizeDependence, phantom: Phantom, right: float) -> dict[str, Number]:
    planned = phantom.numbers
    return {
        "half of the particles crack at": Number(
            curve.middle, planned["middle_um"], curve.middle_std, "µm"
        ),
        "slope of the curve": Number(curve.slope, planned["slope_per_um"], curve.slope_std, "µm⁻¹"),
        "particles told right": Number(right, 1.0),
    }


def _crack_table(jump: np.ndarray, phantom: Phantom) -> pd.DataFrame:
    """Diameter and crack fraction of each particle, from the edge jump."""
    labels, rows = phantom.truth["labels"].values, []
    for number, state in enumerate(phantom.states, start=1):
        rows_, columns = np.nonzero(labels == number)
        window = (slice(rows_.min() - 1, rows_.max() + 2),
                  slice(columns.min() - 1, columns.max() + 2))  # fmt: skip
        outline = binary_fill_holes(labels[window] == number)
        radius = np.sqrt(outline.sum() / np.pi)
        y, x = np.nonzero(outline)
        r = np.hypot(y - y.mean(), x - x.mean()) / radius
        sphere = 2.0 * radius * phantom.pixel_um * np.sqrt(np.clip(1.0 - r**2, 0.0, None))
        expected = phantom.od_per_um * sphere
        inside = r < 0.85
        missing = jump[window][outline][inside] < 0.34 * expected[inside]
        rows.append(
            {
                "particle": number, "diameter_um": 2.0 * radius * phantom.pixel_um,
                "crack_fraction": float(missing.mean()), "truth": state == "cracked",
            }
        )  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(cracked=table.crack_fraction > 0.04)


def figure_27c(seed: int, colors: str) -> ReviewFigure:
    """A crack that lithium goes around: path length, detour and the lag behind it."""
    phantom = make_phantom("crack_detour", seed=seed, height=0.5, size_px=81)
    maps = simulate(phantom, "map", seed, noise=0.03)
    solid = phantom.truth["labels"].values > 0
    middle, d = 40, 20
    path = _shortest(solid, (middle, middle - d), (middle, middle + d))
    places = [(middle * phantom.pixel_um, (middle + c) * phantom.pixel_um) for c in (-d, d)]
    found = float(detour_factor(phantom.truth["labels"] > 0, *places))
    noise = 0.03 / np.sqrt(25)
    patch = [maps["soc"].values[middle - 2 : middle + 3, c - 2 : c + 3].mean()
             for c in (middle - d, middle + d)]  # fmt: skip
    numbers = {
        "detour around the crack": Number(
            found, phantom.numbers["detour"], 0.01 * found, "", "fast marching, good to 1 %"
        ),
        "SOC right − left": Number(
            float(patch[1] - patch[0]), phantom.numbers["lag"], float(noise * np.sqrt(2))
        ),
    }
    canvas = Canvas(8.0, 4.3)
    cmap = RED_CHARGED.colormap(colors)
    axes, image = canvas.map(0.3, 0.35, 2.8, maps["soc"], cmap, (0, 1), "a  charged from the right")
    pixel = phantom.pixel_um
    axes.plot(path[:, 1] * pixel, path[:, 0] * pixel, color=INK, linewidth=1.6)
    axes.plot([(middle - d) * pixel, (middle + d) * pixel], [middle * pixel] * 2, "o", color=INK,
              markersize=4)  # fmt: skip
    canvas.bar(0.3, 3.65, 2.8, image, "State of charge", RED_CHARGED, maps["soc"])
    plot = titled(canvas.axes(3.9, 0.4, 3.7, 1.75), "b  SOC along the middle row")
    x = maps["x"].values
    whole = make_phantom("crack_detour", height=-1.0, size_px=81).truth["soc"].values[middle]
    row = maps["soc"].values[middle - 2 : middle + 3].mean(axis=0)
    plot.plot(x, whole, color=CYCLE[0], linewidth=1.2, label="without the crack (truth)")
    plot.plot(x, phantom.truth["soc"].values[middle], color=CYCLE[1], label="with it (truth)")
    plot.plot(x, row, ".", color=INK, markersize=3, label="measured, five rows")
    plot.set_xlabel("position (µm)")
    plot.set_ylabel("SOC")
    plot.legend(fontsize=8)
    canvas.numbers(3.8, 2.85, numbers, 3.8)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "27c",
        "A crack lengthens the path of lithium",
        canvas.done(f"Map with the shortest path around a crack. {words}."),
        numbers,
        {"row": pd.DataFrame({"x_um": x, "soc": row, "without_crack": whole})},
        "Phantom: diffusion from the right face around an impenetrable crack, as a map with noise "
        "of 0.03. Detour: shortest path over straight distance; truth by geometry, "
        "sqrt(1 + (h/d)^2) (golden G-44). The review shows a scheme and prints no number. "
        f"Colors: {RED_CHARGED.note}.",
    )


def _shortest(solid: np.ndarray, start: tuple[int, int], end: tuple[int, int]) -> np.ndarray:
    """Shortest path between two pixels through the material, pulled tight; ``(n, 2)`` pixels."""
    cost = MCP_Geometric(np.where(solid, 1.0, np.inf), fully_connected=True)
    cost.find_costs([start], [end])
    path = np.array(cost.traceback(end), float)
    # A path on a grid has eight directions only: keep the points that a straight line cannot skip.
    kept = [0]
    while kept[-1] < len(path) - 1:
        last = kept[-1]
        ahead = next(
            k for k in range(len(path) - 1, last, -1) if _clear(solid, path[last], path[k])
        )
        kept.append(ahead)
    return path[kept]


def _clear(solid: np.ndarray, a: np.ndarray, b: np.ndarray) -> bool:
    n = int(np.ceil(4 * np.hypot(*(b - a)))) + 1
    points = np.rint(np.linspace(a, b, n)).astype(int)
    return bool(solid[points[:, 0], points[:, 1]].all())
