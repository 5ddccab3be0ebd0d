"""Figure 18: facets that react at another speed."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from socwidgets.heterogeneity.space.facet_penetration import FacetPenetration, facet_penetration
from socwidgets.phantoms import Phantom, make_phantom
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import by_lcf
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED_BLUE
from socwidgets.plotting.style import CYCLE

#: Pixels nearer to a facet are blurred with what lies outside.
_RIM_UM = 0.3


def figure_18(seed: int, colors: str) -> ReviewFigure:
    """SOC against the distance from (100) and from (111) facets."""
    phantom = make_phantom(
        "facet_particle", seed=seed, size_px=84, pixel_um=0.12, radius_um=6.0, depth_111_um=0.5
    )
    found = by_lcf(phantom, seed, n0=30_000.0)
    distances = _distances(phantom)
    fit = facet_penetration(found.soc, distances, labels=found.labels, rim_um=_RIM_UM)
    numbers = _numbers(found, fit)
    table = _below(found, distances)
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
        "facet, over 1.0 um from (100) and 0.5 um from (111) (ours; the review states that (100) "
        "is faster), measured by a TXM. Below (111) the neighboring (100) facets reach in: the two "
        "lengths come from a fit of all pixels at once, and their truth is the planned one. "
        f"Colors: {RED_CHARGED_BLUE.note}.",
    )


def _distances(phantom: Phantom) -> dict[str, np.ndarray]:
    """Kind of facet -> distance ``(y, x)`` from the nearest one of its kind, um."""
    axis = phantom.truth["x"].values
    y, x = np.meshgrid(axis - axis.mean(), axis - axis.mean(), indexing="ij")
    square = phantom.numbers["inradius_100_um"] - np.maximum(np.abs(x), np.abs(y))
    diagonal = phantom.numbers["inradius_111_um"] - (np.abs(x) + np.abs(y)) / np.sqrt(2.0)
    return {"100": square, "111": diagonal}


def _numbers(found: Analyzed, fit: FacetPenetration) -> dict[str, Number]:
    """Both lengths beside the planned ones; sigma of the noise and of what pixels share."""
    numbers = {}
    for facet, length in fit.lengths.items():
        common = found.common_sigma_of(partial(_weighted_sum, fit.gain[facet]), fit.used)
        planned = found.phantom.numbers[f"depth_{facet}_um"]
        numbers[f"penetration from ({facet})"] = Number(
            length, planned, float(np.hypot(fit.sigmas[facet], common)), "µm"
        )
    return numbers


def _weighted_sum(weights: np.ndarray, values: np.ndarray) -> float:
    return float(weights @ values)


def _below(found: Analyzed, distances: dict[str, np.ndarray]) -> pd.DataFrame:
    """Pixels that clearly lie below one kind of facet: near an edge both count."""
    soc, truth = found.soc["soc"].values, found.truth["soc"].values
    rows = []
    for facet, other in (("100", "111"), ("111", "100")):
        depth = distances[facet]
        inside = np.isfinite(soc) & (depth > _RIM_UM) & (depth < 1.7)
        inside &= distances[other] > depth + 0.45
        columns = {"depth_um": depth[inside], "soc": soc[inside], "truth": truth[inside]}
        rows.append(pd.DataFrame({"facet": facet, **columns}))
    return pd.concat(rows, ignore_index=True)
