"""Figures 6, 7c and 7d: three phases at a time in LMO and LNMO."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.phantoms import Phantom, make_phantom, simulate
from socwidgets.phantoms.multiphase import LMO_FRACTIONS, LMO_LI
from socwidgets.plotting.composite import composite_legend
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import RIM_PX, by_lcf, inner, short_scan
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.statistics import imaged
from socwidgets.plotting.review.ternary import PAPER, SAFE, draw_composite
from socwidgets.plotting.style import CYCLE, INK, MUTED

LNMO = ("Li1", "Li0.5", "Li0")
VALENCES = (2.0, 3.0, 4.0)
LMO = ("Li2Mn2O4", "LiMn2O4", "Li0.5Mn2O4")


def figure_7c(seed: int, colors: str) -> ReviewFigure:
    """LNMO at x = 0.51: three phases side by side, and the mean against the bulk."""
    phantom = make_phantom(
        "lnmo_three_phase", seed=seed, size_px=72, pixel_um=0.08, radius_um=3.6, domain_um=0.6,
        od_per_um=0.06, oversample=3,
    )  # fmt: skip
    found = by_lcf(phantom, seed, n0=35_000.0)
    maps = [found.fit[f"fraction_{name}_free"] for name in LNMO]
    numbers, table = _lnmo_numbers(found)
    palette = PAPER if colors == "paper" else SAFE
    canvas = Canvas(8.2, 3.75)
    axes = canvas.axes(0.3, 0.35, 2.9, 2.9)
    draw_composite(titled(axes, "a  three fractions in one picture"), maps, palette)
    corners = ("Li$_1$  Ni$^{2+}$", "Li$_{0.5}$  Ni$^{3+}$", "Li$_0$  Ni$^{4+}$")
    composite_legend(canvas.axes(3.55, 0.55, 1.2, 1.05), corners, palette)
    valence = titled(canvas.axes(5.55, 0.45, 2.35, 1.25), "b  Ni oxidation number")
    z = table.ni_valence
    valence.hist(z, np.linspace(1.5, 4.5, 61).tolist(), color=CYCLE[0], alpha=0.8)
    for number in (2, 3, 4):
        valence.axvline(number, color=MUTED, linewidth=0.7, linestyle=":")
    valence.set_xlabel("2 f(Li$_1$) + 3 f(Li$_{0.5}$) + 4 f(Li$_0$)")
    valence.set_yticks([])
    valence.set_ylabel("pixels")
    canvas.numbers(3.6, 2.35, numbers, 4.3)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "7c",
        "Three phases of LiMn1.5Ni0.5O4 at x = 0.51",
        canvas.done(f"Composite of three phases in one particle with its legend. {words}."),
        numbers,
        {"pixels": table},
        "Phantom: section of a truncated octahedron with Li1, Li0.5 and Li0 in the shares 0.30, "
        "0.42 and 0.28 (x = 0.51, Ni 2.98; golden G-20), measured by a TXM at the Ni K edge and "
        "fitted with NiO, LiNiO2 and a model of Ni4+. The review prints x = 0.51. "
        "Colors of the review: red Li1 (discharged), green Li0.5, blue Li0 (charged); "
        "here orange, yellow and blue unless colors='paper'.",
    )


def composition(
    fit: xr.Dataset, names: Sequence[str], values: Sequence[float], long_name: str, kind: str
) -> xr.Dataset:
    """Map of ``sum_k v_k f_k`` over three fractions that add up to 1, with its uncertainty.

    The fit gives the variance of each fraction; as they add up to 1 these determine the
    covariances: ``cov_12 = (v_3 - v_1 - v_2)/2``.
    """
    f = [fit[f"fraction_{name}_free"] for name in names]
    v = [fit[f"fraction_{name}_free_std"] ** 2 for name in names]
    value = weighted(f, values)
    variance = weighted(v, [a**2 for a in values])
    for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
        variance = variance + values[i] * values[j] * (v[k] - v[i] - v[j])
    attrs = {"long_name": long_name, "units": "1", "kind": kind}
    maps = fit[["status"]].copy()
    maps["composition"] = value.assign_attrs(attrs)
    maps["composition_std"] = (variance.clip(min=0.0) ** 0.5).assign_attrs(units="1")
    return maps


def weighted(maps: Sequence[xr.DataArray], weights: Sequence[float]) -> xr.DataArray:
    """Sum of maps times numbers."""
    total = weights[0] * maps[0]
    for number, values in zip(weights[1:], maps[1:], strict=True):
        total = total + number * values
    return total


def _lnmo_numbers(found: Analyzed) -> tuple[dict[str, Number], pd.DataFrame]:
    """Shares, x and valence, with their noise, beside the truth of the very pixels; the pixels.

    The rim of a particle gives no value and holds other shares than the whole: its x differs from
    that of the bulk by more than the uncertainty of the fit.
    """
    weights, numbers = found.truth["thickness"], {}
    inside = (found.labels.values > 0) & np.isfinite(found.truth["soc"].values)
    inside &= np.isfinite(found.fit[f"fraction_{LNMO[0]}_free"].values)
    w, true = weights.values[inside], found.fractions(inside)
    table = pd.DataFrame()
    for name, key, values, words in (
        *(
            (f"share of {name}", "", tuple(row), "")
            for name, row in zip(LNMO, np.eye(3), strict=True)
        ),
        (
            "x in Li(x)",
            "x_li",
            (1.0, 0.5, 0.0),
            f"bulk {found.phantom.numbers['x_li']:.2f}, as printed",
        ),
        ("Ni oxidation number", "ni_valence", VALENCES, ""),
    ):
        maps = composition(found.fit, LNMO, values, name, "x_li" if key == "x_li" else "ratio")
        seen = imaged(maps, found.labels, "composition", weights)
        common = found.common_sigma_of(lambda x: float(np.average(x, weights=w)), inside, values)
        sigma = float(np.hypot(seen.mean_sigma, common))
        numbers[name] = Number(seen.mean, float(w @ (true @ values) / w.sum()), sigma, "", words)
        if key:
            table[key] = seen.values
    return numbers, table


def figure_7d(seed: int, colors: str) -> ReviewFigure:
    """Ni oxidation number in the volume of an LNMO particle, in slices."""
    phantom = make_phantom(
        "lnmo_three_phase", seed=seed, size_px=44, pixel_um=0.15, radius_um=4.2, domain_um=0.9,
        geometry="projection",
    )  # fmt: skip
    stack = simulate(phantom, "voxels", seed, noise=0.08, energies_ev=short_scan("Ni"))
    fit = fit_map(stack, "lcf", references=phantom.references, mask=None, constraint="none")
    volume = stack.assign(phantom.volume.drop_vars("labels")) if phantom.volume else stack
    solid = volume["labels"] > 0
    maps = composition(fit, LNMO, VALENCES, "Ni oxidation number", "oxidation_state")
    z = maps["composition"].where(solid)
    truth = weighted([volume[f"fraction_{name}"] for name in LNMO], VALENCES)
    numbers = _voxel_numbers(fit, maps, truth, solid.values)
    slices = [z.isel(z=k) for k in (9, 15, 21, 30)]
    cmap = "viridis" if colors == "safe" else "jet"
    canvas = Canvas(8.6, 3.6)
    titles = [f"{'abcd'[i]}  z = {s.z.values:.1f} µm" for i, s in enumerate(slices)]
    image = canvas.row(0.3, 0.35, 1.88, slices, titles, cmap, (2.0, 4.0))
    canvas.bar(0.3, 2.85, 3.3, image, "Ni oxidation number    ◀ discharged | charged ▶", None, z)
    canvas.numbers(4.4, 2.7, numbers, 3.9)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    voxels = pd.DataFrame({"found": z.values[solid.values], "truth": truth.values[solid.values]})
    return ReviewFigure(
        "7d",
        "Ni oxidation number in the volume of an LNMO particle",
        canvas.done(f"Four slices through a particle. {words}."),
        numbers,
        {"voxels": voxels},
        "Phantom: truncated octahedron with three phases (x = 0.51), spectra of its voxels with "
        "Gaussian noise as after tomography, fitted with three references. The three phases lie "
        "side by side through the whole particle; there is no core and no shell. "
        "Bright means oxidized (charged).",
    )


def _voxel_numbers(
    fit: xr.Dataset, maps: xr.Dataset, truth: xr.DataArray, solid: np.ndarray
) -> dict[str, Number]:
    """Mean valence of the volume and the error of its voxels, beside what the noise says."""
    # The mean of quotients is biased by the noise of their denominators, that of sums is not.
    weights = [fit[f"coefficient_{name}"].values[solid] for name in LNMO]
    total, charge = np.sum(weights, axis=0), np.tensordot(VALENCES, weights, 1)
    mean, n = float(charge.sum() / total.sum()), total.size
    true = truth.values[solid]
    residual = charge - mean * total - (true - true.mean())
    error = maps["composition"].values[solid] - true
    # Far from normal where the denominator is small: half of the voxels tell the width.
    rms = float(np.median(np.abs(error - np.median(error)))) * 1.4826
    stated = float(np.median(maps["composition_std"].values[solid]))
    return {
        "mean of all voxels": Number(
            mean, float(true.mean()), float(residual.std() / total.mean() / np.sqrt(n))
        ),
        "error of a voxel": Number(
            rms, stated, 1.17 * rms / np.sqrt(n), "", "truth: as propagated from the noise"
        ),
    }


def figure_6(seed: int, colors: str) -> ReviewFigure:
    """LMO particle at four voltages: three phases, and how even they are."""
    palette = PAPER if colors == "paper" else SAFE
    canvas = Canvas(8.6, 4.55)
    rows, spreads, found = [], {}, None
    for i, voltage in enumerate(LMO_FRACTIONS):
        found = by_lcf(_lmo(voltage, seed), seed + i, n0=35_000.0)
        maps = [found.fit[f"fraction_{name}_free"] for name in LMO]
        axes = canvas.axes(0.3 + 2.08 * i, 0.35, 1.88, 1.88)
        draw_composite(titled(axes, f"{'abcd'[i]}  {voltage} V"), maps, palette)
        rows.append(_lmo_row(found, voltage))
        spreads[f"sd of Li, {voltage} V"] = _li_spread(found)
    table = pd.DataFrame(rows)
    corners = ("Li$_2$Mn$_2$O$_4$", "LiMn$_2$O$_4$", "Li$_{0.5}$Mn$_2$O$_4$")
    composite_legend(canvas.axes(0.75, 2.95, 1.3, 1.1), corners, palette)
    _bars(canvas, table, palette)
    canvas.text(5.3, 2.62, "Spread of Li per Mn$_2$O$_4$, noise taken out", 9, fontweight="bold")
    canvas.numbers(5.3, 2.87, spreads, 3.1)
    words = ", ".join(f"{name} {number}" for name, number in spreads.items())
    return ReviewFigure(
        "6",
        "Phases of an LMO particle at four voltages",
        canvas.done(f"Composites of three phases at four voltages. {words}."),
        spreads,
        {"shares": table},
        "Phantom: section of an octahedron; shares of the phases by voltage are ours (the review "
        "prints voltages and pictures), and at 4.01 V every pixel holds the same mixture. The "
        "spread must be lowest there. Spectra: Mn2O3, Mn2O3 moved by 1.45 eV and MnO2 moved by "
        "-0.73 eV stand in for the three phases. Colors of the review: red Li2Mn2O4 (discharged), "
        "green LiMn2O4, blue Li0.5Mn2O4; here orange, yellow and blue unless colors='paper'.",
    )


def _lmo(voltage: str, seed: int) -> Phantom:
    return make_phantom(
        "lmo_by_voltage", seed=seed, voltage=voltage, size_px=64, pixel_um=0.125, radius_um=3.7,
        domain_um=0.9, oversample=3,
    )  # fmt: skip


def _lmo_row(found: Analyzed, voltage: str) -> dict[str, float | str]:
    row: dict[str, float | str] = {"voltage": voltage}
    for name in LMO:
        seen = imaged(found.fit, found.labels, f"fraction_{name}_free", found.truth["thickness"])
        row[name], row[f"{name}_sigma"] = seen.mean, seen.mean_sigma
        row[f"{name}_truth"] = found.phantom.numbers[f"fraction_{name}"]
    return row


def _li_spread(found: Analyzed) -> Number:
    """Spread of Li per Mn2O4 over the inner pixels, without noise, beside the truth."""
    labels = inner(found.labels, RIM_PX)
    seen = imaged(
        composition(found.fit, LMO, LMO_LI, "Li per Mn2O4", "x_li"), labels, "composition"
    )
    inside = labels.values > 0
    # The truth of the very pixels that were fitted: those that gave no value count in neither.
    inside &= np.isfinite(found.fit[f"fraction_{LMO[0]}_free"].values)
    common = found.common_sigma_of(lambda x: float(x.std()), inside, LMO_LI)
    truth = float(np.std(found.fractions(inside) @ np.asarray(LMO_LI)))
    return Number(seen.true, truth, float(np.hypot(seen.true_sigma, common)), "", "noise taken out")


def _bars(canvas: Canvas, table: pd.DataFrame, palette: Sequence[str]) -> None:
    """Shares of the phases by voltage: bars found, lines true."""
    axes = titled(canvas.axes(2.75, 2.9, 2.2, 1.15), "e  shares of the phases")
    at = np.arange(len(table))
    for k, (name, color) in enumerate(zip(LMO, palette, strict=True)):
        x = at + 0.26 * (k - 1)
        axes.bar(x, table[name], 0.24, color=color, edgecolor=INK, linewidth=0.4)
        axes.hlines(table[f"{name}_truth"], x - 0.12, x + 0.12, color=INK, linewidth=1.8)
    axes.axhline(0, color=INK, linewidth=0.5)
    axes.set_xticks(at, list(table.voltage))
    axes.set_xlabel("voltage (V); thick lines: truth")
    axes.set_ylim(min(-0.05, float(table[list(LMO)].min().min())), 1.05)
