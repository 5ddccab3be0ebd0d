"""Figures 16c, 18 and 27c: cracks against size, facets of other speed, a crack in the way."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import binary_fill_holes
from scipy.optimize import minimize
from skimage.graph import MCP_Geometric

from socwidgets.heterogeneity.space.paths import detour_factor
from socwidgets.phantoms import Phantom, make_phantom, simulate
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import by_lcf, measured
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED, RED_CHARGED_BLUE
from socwidgets.plotting.style import CYCLE, INK


def figure_18(seed: int, colors: str) -> ReviewFigure:
    """SOC against the distance from (100) and from (111) facets."""
    phantom = make_phantom("facet_particle", seed=seed, size_px=84, pixel_um=0.12)
    found = by_lcf(phantom, seed, n0=30_000.0)
    soc, sigma = found.soc["soc"].values, found.soc["soc_std"].values
    rows, numbers = [], {}
    for facet, keep, depth in _sectors(phantom):
        inside = keep & np.isfinite(soc) & (depth > 0.35) & (depth < 1.7)
        length, error = _penetration(depth[inside], soc[inside], sigma[inside])
        truth, _ = _penetration(depth[inside], found.truth["soc"].values[inside], sigma[inside])
        numbers[f"penetration from ({facet})"] = Number(
            length, truth, error, "µm", f"planned: {phantom.numbers[f'depth_{facet}_um']} um"
        )
        true = found.truth["soc"].values[inside]
        columns = {"depth_um": depth[inside], "soc": soc[inside], "truth": true}
        rows.append(pd.DataFrame({"facet": facet, **columns}))
    table = pd.concat(rows, ignore_index=True)
    canvas = Canvas(8.0, 4.15)
    cmap = RED_CHARGED_BLUE.colormap(colors)
    _, image = canvas.map(0.3, 0.35, 2.7, found.soc["soc"], cmap, (0, 1), "a  map of the SOC")
    canvas.bar(0.3, 3.5, 2.7, image, "State of charge", RED_CHARGED_BLUE, found.soc["soc"])
    axes = titled(canvas.axes(3.8, 0.4, 3.8, 1.75), "b  SOC below each kind of facet")
    for color, (facet, part) in zip(CYCLE, table.groupby("facet"), strict=False):
        bins = part.groupby(pd.cut(part.depth_um, 14), observed=True)
        mean = bins[["depth_um", "soc"]].mean()
        axes.errorbar(mean.depth_um, mean.soc, yerr=bins.soc.std(), fmt="o", markersize=4,
                      color=color, label=f"({facet})", capsize=2)  # fmt: skip
        axes.plot(mean.depth_um, bins.truth.mean(), color=color, linewidth=1)
    axes.set_xlabel("distance from the facet (µm); lines: truth; bars: sd of pixels")
    axes.set_ylabel("SOC")
    axes.set_ylim(0, 1)
    axes.legend()
    canvas.numbers(3.8, 2.85, numbers, 3.8)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "18",
        "Facets that react at another speed",
        canvas.done(f"Map of an octagonal section and two depth profiles. {words}."),
        numbers,
        {"pixels": table},
        "Phantom: section of a truncated octahedron whose SOC falls with the distance from each "
        "facet, over 1.0 um from (100) and 0.4 um from (111) (ours; the review states that (100) "
        "is faster), measured by a TXM. Below (111) the neighboring (100) facets reach in, so the "
        "length there is longer than planned. Truth: the same fit on the true map at the "
        f"resolution of the instrument. Colors: {RED_CHARGED_BLUE.note}.",
    )


def _sectors(phantom: Phantom) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Facet, pixels that are nearest to facets of its kind, and their distance from it (um)."""
    axis = phantom.truth["x"].values
    y, x = np.meshgrid(axis - axis.mean(), axis - axis.mean(), indexing="ij")
    square = phantom.numbers["inradius_100_um"] - np.maximum(np.abs(x), np.abs(y))
    diagonal = phantom.numbers["inradius_111_um"] - (np.abs(x) + np.abs(y)) / np.sqrt(2.0)
    # Near a corner both facets count: a margin keeps the two kinds apart.
    return [
        ("100", diagonal > square + 0.45, square),
        ("111", square > diagonal + 0.45, diagonal),
    ]


def _penetration(depth: np.ndarray, soc: np.ndarray, sigma: np.ndarray) -> tuple[float, float]:
    """Length of ``0.1 + 0.8 exp(-d/l)`` and its standard error, by weighted least squares."""
    length = 0.6
    for _ in range(30):
        model = 0.8 * np.exp(-depth / length)
        gradient = model * depth / length**2
        weight = gradient / sigma**2
        step = np.sum(weight * (soc - 0.1 - model)) / np.sum(weight * gradient)
        length = float(np.clip(length + step, 0.05, 10.0))
    return length, float(1.0 / np.sqrt(np.sum((gradient / sigma) ** 2)))


def figure_16c(seed: int, colors: str) -> ReviewFigure:
    """Which particles cracked, against their size: points and a logistic curve."""
    phantom = make_phantom("cracked_particles", seed=seed, n_particles=64, size_px=330)
    od, _ = measured(phantom, seed, n0=8000.0, drift_px=0.0,
                     energies_ev=(8300.0, 8320.0, 8400.0, 8420.0))  # fmt: skip
    jump = od["signal"].isel(energy=slice(2, 4)).mean("energy") - od["signal"].isel(
        energy=slice(0, 2)
    ).mean("energy")
    table = _crack_table(jump.values, phantom)
    (middle, slope), errors = _logistic(table.diameter_um, table.cracked)
    (middle0, slope0), _ = _logistic(table.diameter_um, table.truth)
    right = float((table.cracked == table.truth).mean())
    numbers = {
        "half of the particles crack at": Number(middle, middle0, errors[0], "µm", "planned: 6"),
        "slope of the curve": Number(slope, slope0, errors[1], "µm⁻¹", "planned: 1.4"),
        "particles told right": Number(right, 1.0),
    }
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
    twin = axes.twinx()
    d = np.linspace(2.5, 10.5, 100)
    twin.plot(d, 1 / (1 + np.exp(-slope * (d - middle))), color=INK, linewidth=1.2)
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
        "Truth: the same curve through the planned cracks. Gray: bright means more material.",
    )


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


def _logistic(x: pd.Series, flags: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Middle and slope of a logistic curve by maximum likelihood, with standard errors."""
    at, y = x.to_numpy(float), flags.to_numpy(float)

    def loss(p: np.ndarray) -> float:
        z = p[1] * (at - p[0])
        return float(np.sum(np.logaddexp(0.0, z) - y * z))

    fit = minimize(loss, np.array([at.mean(), 1.0]), method="BFGS")
    return fit.x, np.sqrt(np.diag(fit.hess_inv))


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
