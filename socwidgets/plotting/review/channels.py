"""Figure 13: valence of LMO and reaction channels of LFP by 2-D XAFS, row energies corrected."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.optical_density import optical_density
from socwidgets.phantoms import Phantom, make_phantom, simulate
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED_BLUE
from socwidgets.plotting.style import CYCLE
from socwidgets.techniques.xafs2d import RowEnergy, correct_row_energy, fit_row_energy
from socwidgets.techniques.xafs2d_standards import RowStandards, refine_rows

_FIELD: dict[str, Any] = {"size_px": 72, "pixel_um": 40.0, "transition_um": 60.0,
                          "speed_um": 2300.0}  # fmt: skip
TIMES = (0.2, 0.4, 0.6)


#: Windows of the edge-energy map, relative to E0 (eV), and the scan.
_EDGE: dict[str, Any] = {"definition": "half", "e0": 7119.0, "pre": (-120.0, -25.0),
                         "post": (60.0, 190.0)}  # fmt: skip
#: Random error of each photon energy, and those near the edge, where it matters.
_JITTER_EV, _NEAR_EV = 0.002, (7109.0, 7131.0)
_ENERGIES = tuple(np.r_[6980:7095:10, 7100:7150:1, 7160:7320:10].astype(float).tolist())


def figure_13(seed: int, colors: str) -> ReviewFigure:
    """Oxidized fraction of an LFP electrode at three times, from its edge energy by row."""
    blank = optical_density(_counts(_phantom(0.0, seed), seed + 50))
    rows = fit_row_energy(blank, e0=_EDGE["e0"])
    rows = refine_rows(rows, _read(blank, rows)["edge_energy"], _standards(blank, rows))
    read, known = partial(_read, rows=rows), _standards(blank, rows)
    uncharged = read(blank)["edge_energy"].values - known.energy[:, [_pure(known)]]
    offset = float(uncharged.mean())
    of_offset = float(np.hypot(known.sigma_of_offset(), uncharged.std() / np.sqrt(uncharged.size)))
    maps, states, raw = [], [], blank
    for k, time in enumerate(TIMES):
        phantom = _phantom(time, seed)
        od = optical_density(_counts(phantom, seed + k))
        raw = fit_map(od, "edge_energy", **_EDGE) if k == 1 else raw
        edges = read(od)
        value, std = known.shares_of(edges["edge_energy"], edges["edge_energy_std"], offset)
        shown = edges["edge_energy"].copy(data=value)
        maps.append(shown.assign_attrs(long_name="Fe(III) fraction", units="1"))
        common = np.hypot(known.sigma_of_mean(value), of_offset * _gain(known, value))
        states.append(_state(time, value, std, float(common), phantom))
    table = pd.DataFrame(states)
    numbers = {
        f"Fe(III) at t = {row.time:.2f}": Number(row.oxidized, row.truth, row.sigma)
        for row in table.itertuples()
    }
    meV = 1e3 * _FIELD["pixel_um"]
    true = _counts(_phantom(0.0, seed), seed + 50)["truth_row_offset"]
    numbers["energy per row"] = Number(
        meV * rows.b, meV * float(true.polyfit("y", 1)["polyfit_coefficients"][0]),
        meV * rows.b_std, "meV",
    )  # fmt: skip
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
        "of half of the edge; the energies of the rows are measured on the uncharged electrode, "
        "and mixtures of the two standards are read through the same rows. "
        "The review prints no number for 13c-h. "
        f"Colors: {RED_CHARGED_BLUE.note}.",
    )


def _phantom(time: float, seed: int) -> Phantom:
    return make_phantom("reaction_channel", seed=seed, time=time, element="Fe", **_FIELD)


def _counts(phantom: Phantom, seed: int) -> xr.Dataset:
    return simulate(phantom, "xafs2d", seed, energies_ev=_ENERGIES, jitter_ev=_JITTER_EV)


def _read(stack: xr.Dataset, rows: RowEnergy) -> xr.Dataset:
    """Edge energies with the energies of the rows taken out."""
    return fit_map(correct_row_energy(stack, rows), "edge_energy", **_EDGE)


def _standards(blank: xr.Dataset, rows: RowEnergy) -> RowStandards:
    """The two references through the same rows, and what wrong photon energies do to them."""
    return RowStandards.of(
        _phantom(0.0, 0).references, np.asarray(_ENERGIES), blank["y"].values, rows,
        lambda stack: _read(stack, rows)["edge_energy"], error_ev=_JITTER_EV, within_ev=_NEAR_EV,
    )  # fmt: skip


def _pure(known: RowStandards) -> int:
    return int(np.abs(known.shares).argmin())


def _gain(known: RowStandards, shares: np.ndarray) -> float:
    """Change of the mean share with the energy, 1/eV."""
    slopes = np.gradient(known.shares, known.energy.mean(axis=0))
    return float(np.interp(shares[np.isfinite(shares)], known.shares, slopes).mean())


def _state(
    time: float, value: np.ndarray, std: np.ndarray, common: float, phantom: Phantom
) -> dict[str, float]:
    """Means of one state beside the truth, and the radius of the first channel from its area."""
    truth = phantom.truth["soc"].values
    pixel = phantom.pixel_um
    y, x = np.meshgrid(phantom.truth["y"].values, phantom.truth["x"].values, indexing="ij")
    centers = [
        (phantom.numbers[f"center_y_{k}"], phantom.numbers[f"center_x_{k}"]) for k in (1, 2, 3)
    ]
    away = np.stack([np.hypot(y - cy, x - cx) for cy, cx in centers])
    nearest = away.argmin(axis=0) == 0
    radius = float(np.sqrt((nearest & (value > 0.5)).sum() / np.pi))
    noise = float(np.sqrt(np.nanmean(std**2) / value.size))
    return {
        "time": time, "oxidized": float(np.nanmean(value)), "truth": float(truth.mean()),
        "sigma": float(np.hypot(noise, common)), "radius": radius * pixel,
        "radius_truth": phantom.numbers["radius_1"],
        # Pixels in a circle anywhere: variance 0.6765 R (Kendall 1948, Q. J. Math. 19, 1).
        "radius_sigma": float(np.sqrt(0.6765 * radius) / (2.0 * np.pi * radius)) * pixel,
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
