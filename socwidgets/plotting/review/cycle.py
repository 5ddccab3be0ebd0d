"""Figure 10a-k: NCA particles at eight stops of a cycle, and the ring in the largest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from socwidgets.analysis.profiles import binned_profile
from socwidgets.heterogeneity.particles import particle_table
from socwidgets.kernels.distance import surface_distance
from socwidgets.phantoms import make_phantom
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import RIM_PX, by_lcf, inner, short_scan
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_DISCHARGED
from socwidgets.plotting.review.ridge import draw_ridge
from socwidgets.plotting.style import CYCLE, INK

#: Stop, mean SOC, height of the ring (ours); the stage moves between the stops.
STOPS = (
    ("I  3.0 V", 0.05, 0.02), ("II  3.7 V", 0.30, 0.16), ("III  3.9 V", 0.50, 0.14),
    ("IV  4.2 V", 0.85, 0.10), ("V  4.0 V", 0.65, 0.10), ("VI  3.8 V", 0.45, 0.12),
    ("VII  3.6 V", 0.25, 0.10), ("VIII  3.0 V", 0.10, 0.04),
)  # fmt: skip
_RADII = (4.4, 2.6, 2.2, 1.9)
#: True core contrast needs a ring that a projection still shows: see `ring_truth`.
_SIZE: dict[str, Any] = {"size_px": 48, "pixel_um": 0.375, "radius_um": _RADII}


def figure_10(seed: int, colors: str) -> ReviewFigure:
    """The same four particles at eight stops: maps, histograms, trajectories, the ring."""
    rng = np.random.default_rng([seed, 10])
    found, tables = [], []
    for k, (stop, soc, ring) in enumerate(STOPS):
        shift = tuple(rng.uniform(-0.6, 0.6, 2).tolist())
        phantom = make_phantom(
            "nca_ring", seed=seed, mean_soc=soc, ring=ring, parabola=0.04, sigma_between=0.03,
            shift_um=shift, **_SIZE,
        )  # fmt: skip
        one = by_lcf(phantom, seed + k, n0=35_000.0, energies_ev=short_scan("Ni")[::2])
        found.append(one)
        inside = inner(one.labels, RIM_PX)
        table = particle_table(one.soc, inside, weights=one.truth["thickness"])
        truth = particle_table(one.as_true(), inside, weights=one.truth["thickness"])
        tables.append(
            pd.DataFrame(
                {"stop": stop.split("  ")[0], "particle": table.index, "soc": table["mean"],
                 "sigma": np.hypot(table["mean_std"], one.mean(labels=inside)[1]),
                 "truth": truth["mean"]}
            )
        )  # fmt: skip
    particles = pd.concat(tables, ignore_index=True)
    rings = {name: _ring(found[k]) for name, k in (("3.7 V", 1), ("4.2 V", 3))}
    numbers = _numbers(particles, rings)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "10a-k",
        "NCA particles at eight stops of a cycle, and the ring in one",
        _draw(found, particles, rings, numbers, colors).done(
            f"Eight maps, histograms, trajectories and radial profiles. {words}."
        ),
        numbers,
        {"particles": particles,
         "rings": pd.concat([r.assign(voltage=v) for v, r in rings.items()], ignore_index=True)},
        "Phantom: four NCA spheres with a ring at 0.75 R, followed through eight stops of a cycle "
        "while the stage moves; measured by a TXM at the Ni K edge. The review prints voltages "
        "(3.7 and 4.2 V) and pictures; a ring of Ni4+ is there already at 3.7 V. The ring is seen "
        "through the projection, which flattens it. Means leave out the rims: transmission is "
        "blurred, not absorption, and where the thickness falls steeply that makes the charge look "
        f"too low. Colors: {RED_DISCHARGED.note}.",
    )  # fmt: skip


def _ring(found: Analyzed) -> pd.DataFrame:
    """SOC against the distance from the surface in the largest particle, and its truth."""
    largest = (found.labels.values == 1).astype(np.int32)
    distance = surface_distance(largest, (found.phantom.pixel_um, found.phantom.pixel_um))
    inside = (largest > 0) & np.isfinite(found.soc["soc"].values)
    out = {}
    for name, source in (("soc", found.soc["soc"]), ("truth", found.truth["soc"])):
        profile = binned_profile(
            source.values[inside], distance[inside], bins=14,
            noise_variance=found.soc["soc_std"].values[inside] ** 2,
        )  # fmt: skip
        out[name], at, sem = profile["mean"].values, profile["distance"].values, profile["sem"]
    return pd.DataFrame({"distance_um": at, **out, "sigma": sem.values})


def _contrast(ring: pd.DataFrame, column: str) -> float:
    """Top of the ring (0.8 to 1.7 um deep) minus the innermost three bins."""
    near = ring[(ring.distance_um > 0.8) & (ring.distance_um < 1.7)]
    return float(near[column].mean() - ring[column].iloc[-3:].mean())


def _numbers(particles: pd.DataFrame, rings: dict[str, pd.DataFrame]) -> dict[str, Number]:
    numbers = {}
    for stop in ("II", "IV", "VIII"):
        part = particles[particles.stop == stop]
        numbers[f"mean of particles, {stop}"] = Number(
            float(part.soc.mean()), float(part.truth.mean()), float(part.sigma.mean())
        )
    for name, ring in rings.items():
        sigma = float(ring.sigma.mean() * np.sqrt(1 / 3 + 1 / 3))
        numbers[f"ring − core, {name}"] = Number(
            _contrast(ring, "soc"), _contrast(ring, "truth"), sigma, "", "as projected"
        )
    return numbers


def _draw(
    found: list[Analyzed], particles: pd.DataFrame, rings: dict[str, pd.DataFrame],
    numbers: dict[str, Number], colors: str,
) -> Canvas:  # fmt: skip
    canvas = Canvas(8.6, 7.7)
    cmap = RED_DISCHARGED.colormap(colors)
    maps = [one.soc["soc"] for one in found]
    names = [name for name, *_ in STOPS]
    for row in (0, 1):
        part = slice(4 * row, 4 * row + 4)
        titles = names[part]
        image = canvas.row(0.3, 0.35 + 1.85 * row, 1.3, maps[part], titles, cmap, (0, 1), gap=0.15)
    canvas.bar(0.3, 4.1, 3.4, image, "State of charge, projected", RED_DISCHARGED, maps[1])
    ridge = canvas.axes(6.65, 0.55, 1.7, 3.15)
    values = {
        name.split("  ")[0]: one.soc["soc"].values[inner(one.labels, RIM_PX).values > 0]
        for (name, *_), one in zip(STOPS, found, strict=True)
    }
    noise = [float(np.sqrt(np.nanmean(one.soc["soc_std"].values ** 2))) for one in found]
    draw_ridge(
        ridge, {k: v[np.isfinite(v)] for k, v in values.items()}, limits=(0.0, 1.0), noise=noise
    )
    ridge.set_xlabel("SOC")
    lines = titled(canvas.axes(0.75, 5.4, 3.0, 1.7), "particles through the cycle")
    for color, (label, part) in zip(CYCLE, particles.groupby("particle"), strict=False):
        lines.plot(part.stop, part.truth, color=color, linewidth=1)
        lines.errorbar(part.stop, part.soc, yerr=part.sigma, fmt="o", color=color, markersize=3.5,
                       label=f"{2 * _RADII[int(label) - 1]:.1f} µm")  # fmt: skip
    lines.set_ylabel("SOC (lines: truth)")
    lines.set_ylim(0, 1)
    lines.legend(title="diameter", title_fontsize=7.5, fontsize=7.5, loc="upper right")
    radial = titled(canvas.axes(4.7, 5.4, 3.4, 1.7), "k  ring in the largest")
    for color, (name, ring) in zip(CYCLE, rings.items(), strict=False):
        radial.plot(ring.distance_um, ring.truth, color=INK, linewidth=0.9)
        radial.errorbar(ring.distance_um, ring.soc, yerr=ring.sigma, fmt="o", color=color,
                        markersize=3.5, label=name)  # fmt: skip
    radial.set_xlabel("distance from the surface (µm)")
    radial.set_ylabel("SOC")
    radial.legend(fontsize=7.5)
    canvas.numbers(4.3, 4.15, numbers, 4.0)
    return canvas
