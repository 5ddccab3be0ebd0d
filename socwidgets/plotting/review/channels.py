"""Figure 13: valence of LMO and reaction channels of LFP by 2-D XAFS, row energies corrected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.calibration_lines import StandardsCurve, standards
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.optical_density import optical_density
from socwidgets.model.stack import make_stack
from socwidgets.phantoms import Phantom, make_phantom, simulate
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED_BLUE
from socwidgets.plotting.style import CYCLE

_FIELD: dict[str, Any] = {"size_px": 72, "pixel_um": 40.0, "transition_um": 60.0,
                          "speed_um": 2300.0}  # fmt: skip
TIMES = (0.2, 0.4, 0.6)


#: Windows of the edge-energy map, relative to E0 (eV), and the scan.
_EDGE: dict[str, Any] = {"definition": "half", "e0": 7119.0, "pre": (-120.0, -25.0),
                         "post": (60.0, 190.0)}  # fmt: skip
_ENERGIES = tuple(np.r_[6980:7095:10, 7100:7150:1, 7160:7320:10].astype(float).tolist())


def figure_13(seed: int, colors: str) -> ReviewFigure:
    """Oxidized fraction of an LFP electrode at three times, from its edge energy by row."""
    rows_px = np.arange(_FIELD["size_px"])
    blank, truth_offset = _edges(_phantom(0.0, seed), seed + 50)
    step, start = np.polyfit(rows_px, blank["edge_energy"].mean("x").values, 1)
    curve = _curve()
    maps, rows, raw = [], [], blank
    for k, time in enumerate(TIMES):
        phantom = _phantom(time, seed)
        edges, _ = _edges(phantom, seed + k)
        raw = edges if k == 1 else raw
        moved = edges["edge_energy"] - xr.DataArray(start + step * rows_px, dims="y")
        value, std = curve.apply(moved.values, edges["edge_energy_std"].values)
        maps.append(moved.copy(data=value).assign_attrs(long_name="Fe(III) fraction", units="1"))
        rows.append(_row(time, value, std, phantom))
    table = pd.DataFrame(rows)
    flat = blank["edge_energy"]
    scatter = float((flat - flat.mean("x")).std()) / np.sqrt(flat.size)
    step_error = scatter / float(rows_px.std())
    numbers = {
        f"Fe(III) at t = {row.time:.2f}": Number(row.oxidized, row.truth, row.sigma)
        for row in table.itertuples()
    }
    per_row = float(np.polyfit(rows_px, truth_offset, 1)[0])
    # Reading the level off straight pieces on a 1 eV grid leaves about 0.02 eV.
    grid = 0.02 / rows_px.size
    numbers["energy per row"] = Number(
        -1e3 * step, 1e3 * per_row, 1e3 * float(np.hypot(step_error, grid)), "meV"
    )
    numbers["radius of channel 1, t = 0.20"] = Number(
        table.radius[0], table.radius_truth[0], table.radius_sigma[0], "µm", "from its area"
    )
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "13",
        "Reaction channels of LFP by 2-D XAFS",
        _draw(raw, maps, table, numbers, colors).done(f"Maps at three times. {words}."),
        numbers,
        {"times": table},
        "Phantom: LFP electrode in which three channels open one after the other and grow, seen by "
        "a 2-D XAFS camera at the Fe K edge whose rows see different energies. Energies are those "
        "of half of the edge; the row model E = E0 + b row is fitted on the uncharged electrode. "
        "The review prints no number for 13c-h. "
        f"Colors: {RED_CHARGED_BLUE.note}.",
    )


def _phantom(time: float, seed: int) -> Phantom:
    return make_phantom("reaction_channel", seed=seed, time=time, element="Fe", **_FIELD)


def _edges(phantom: Phantom, seed: int) -> tuple[xr.Dataset, np.ndarray]:
    """Edge energies without any correction, and the true offset of each row, eV."""
    counts = simulate(phantom, "xafs2d", seed, energies_ev=_ENERGIES, jitter_ev=0.002)
    fit = fit_map(optical_density(counts), "edge_energy", **_EDGE)
    return fit, counts["truth_row_offset"].values


def _curve() -> StandardsCurve:
    """Calibration of the edge's shift through nine mixtures of the two references."""
    pure = _phantom(0.0, 0).references.interp(energy=list(_ENERGIES), method="cubic").values
    shares = np.linspace(0.0, 1.0, 9)
    mixed = np.outer(1.0 - shares, pure[0]) + np.outer(shares, pure[1])
    stack = make_stack(mixed.T[:, :, None], np.asarray(_ENERGIES), quantity="normalized")
    read = fit_map(stack, "edge_energy", **_EDGE)["edge_energy"].values[:, 0]
    return standards(read - read[0], shares, shape="spline")


def _row(time: float, value: np.ndarray, std: np.ndarray, phantom: Phantom) -> dict[str, float]:
    """Means of one state beside the truth, and the radius of the first channel from its area."""
    truth = phantom.truth["soc"].values
    pixel = phantom.pixel_um
    y, x = np.meshgrid(phantom.truth["y"].values, phantom.truth["x"].values, indexing="ij")
    centers = [
        (phantom.numbers[f"center_y_{k}"], phantom.numbers[f"center_x_{k}"]) for k in (1, 2, 3)
    ]
    away = np.stack([np.hypot(y - cy, x - cx) for cy, cx in centers])
    nearest = away.argmin(axis=0) == 0
    inside = nearest & (value > 0.5)
    rim = 0.5 / np.sqrt(12.0) * pixel
    return {
        "time": time, "oxidized": float(np.nanmean(value)), "truth": float(truth.mean()),
        # The row model and the calibration are common to all pixels: a hundredth of the range.
        "sigma": float(np.hypot(np.sqrt(np.nanmean(std**2) / value.size), 0.004)),
        "radius": float(np.sqrt(inside.sum() * pixel**2 / np.pi)),
        "radius_truth": phantom.numbers["radius_1"], "radius_sigma": float(rim),
    }  # fmt: skip


def _draw(
    raw: xr.Dataset, maps: list[xr.DataArray], table: pd.DataFrame, numbers: dict[str, Number],
    colors: str,
) -> Canvas:  # fmt: skip
    canvas = Canvas(8.6, 5.1)
    cmap = RED_CHARGED_BLUE.colormap(colors)
    edge = raw["edge_energy"].assign_attrs(long_name="Edge energy", units="eV")
    limits = (float(edge.min()), float(edge.max()))
    _, first = canvas.map(0.3, 0.35, 1.8, edge, "cividis", limits, "a  t = 0.40, as measured")
    ticks = [float(v) for v in np.round(np.linspace(*limits, 3)[:], 0)]
    canvas.bar(0.3, 2.85, 1.8, first, "Edge energy (eV)", None, edge, ticks)
    titles = [f"{'bcd'[k]}  t = {t:.2f}, corrected" for k, t in enumerate(TIMES)]
    image = canvas.row(2.4, 0.35, 1.8, maps, titles, cmap, (0.0, 1.0))
    canvas.bar(2.4, 2.85, 3.3, image, "Fe(III) fraction", RED_CHARGED_BLUE, maps[1])
    axes = titled(canvas.axes(0.8, 3.75, 2.8, 0.75), "e  oxidized share of the field")
    axes.plot(table.time, table.truth, color=CYCLE[1], label="truth")
    axes.errorbar(table.time, table.oxidized, yerr=table.sigma, fmt="o", color=CYCLE[0],
                  markersize=4, label="found")  # fmt: skip
    axes.set_xlabel("part of the charge")
    axes.set_ylim(0, 1.1)
    axes.legend(fontsize=7.5)
    canvas.numbers(4.4, 3.45, numbers, 3.9)
    return canvas
