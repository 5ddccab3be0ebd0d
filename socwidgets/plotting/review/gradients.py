"""Figure 26: gradients through electrodes, from maps of fractions and of the peak energy of Co."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.calibration import soc_map
from socwidgets.analysis.calibration_lines import StandardsCurve, standards
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.profiles import binned_profile
from socwidgets.model.stack import make_stack
from socwidgets.phantoms import Phantom, make_phantom, simulate
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import by_energy
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED_BLUE
from socwidgets.plotting.style import CYCLE, INK

#: Rate as printed, gradient from face to face at half charge (ours).
_RATES_26 = (("20 mA g⁻¹ (0.11C)", 0.0), ("3 A g⁻¹ (18C)", 0.5))


def figure_26(seed: int, colors: str) -> ReviewFigure:
    """FePO4 fraction against depth and along the electrode at a low and a high rate."""
    canvas = Canvas(8.6, 4.0)
    rows, numbers = [], {}
    for k, (rate, gradient) in enumerate(_RATES_26):
        phantom = make_phantom(
            "depth_gradient", seed=seed + k, gradient=gradient, sigma_field=0.06, size_px=60,
            lateral_px=60, correlation_um=3.0,
        )  # fmt: skip
        maps = simulate(phantom, "map", seed + k, noise=0.05)
        for axis, name in (("y", "vertical"), ("x", "horizontal")):
            profile = _profile(maps, phantom, axis)
            slope, sigma = _slope(profile, "mean")
            truth, _ = _slope(profile, "truth")
            label = f"slope, {name}, {_short(rate)}"
            numbers[label] = Number(100 * slope, 100 * truth, 100 * sigma)
            rows.append(profile.assign(rate=rate, direction=name))
        _panels_26(canvas, k, maps, rows[-2:], rate, colors)
    canvas.text(4.5, 2.55, "Slope of the FePO$_4$ fraction per 100 µm", 9, fontweight="bold")
    canvas.numbers(4.5, 2.8, numbers, 3.9)
    table = pd.concat(rows, ignore_index=True)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "26a-d",
        "FePO4 fraction through the depth and along the electrode",
        canvas.done(f"Maps and profiles at two rates. {words}."),
        numbers,
        {"profiles": table},
        "Phantoms: cross-sections of an LFP electrode at half charge, without and with a gradient, "
        "as maps with noise of 0.05 (micro-diffraction itself is not simulated). The review prints "
        "0.11C for 20 mA/g (flat) and 18C for 3 A/g (gradient in depth only); on one capacity of "
        "169.9 mAh/g these are 0.118C and 17.7C (golden G-39). Slopes by weighted least squares; "
        "the truth is that of the true map, whose random field has a slope of its own. "
        f"Colors: {RED_CHARGED_BLUE.note}.",
    )


def _short(rate: str) -> str:
    """C-rate alone, as printed."""
    return rate.split(" (")[1][:-1]


def _profile(maps: xr.Dataset, phantom: Phantom, axis: str) -> pd.DataFrame:
    """Mean of each band across the other axis, its noise, and the same of the true map."""
    soc = maps["soc"]
    position = np.broadcast_to(soc[axis].values[:, None] if axis == "y" else soc[axis].values,
                               soc.shape)  # fmt: skip
    found, true = (
        binned_profile(
            values.ravel(), position.ravel(), bins=12,
            noise_variance=maps["soc_std"].values.ravel() ** 2,
        )
        for values in (soc.values, phantom.truth["soc"].values)
    )  # fmt: skip
    frame = found.to_dataframe().reset_index()
    return frame.assign(truth=true["mean"].values)


def _slope(profile: pd.DataFrame, column: str) -> tuple[float, float]:
    """Slope per um of a column and what the noise does to it, weighted."""
    (slope, _), covariance = np.polyfit(
        profile.distance, profile[column], 1, w=1.0 / profile["sem"], cov="unscaled"
    )
    return float(slope), float(np.sqrt(covariance[0, 0]))


def _panels_26(
    canvas: Canvas, k: int, maps: xr.Dataset, profiles: list[pd.DataFrame], rate: str, colors: str
) -> None:
    cmap = RED_CHARGED_BLUE.colormap(colors)
    _, image = canvas.map(0.3 + 2.3 * k, 0.35, 2.05, maps["soc"], cmap, (0.0, 1.0),
                          f"{'ab'[k]}  {rate}")  # fmt: skip
    axes = titled(
        canvas.axes(5.3 + 1.65 * k, 0.4, 1.45, 1.4), f"{'cd'[k]}  {rate.split(' (')[1][:-1]}"
    )
    for color, profile in zip(CYCLE, profiles, strict=False):
        axes.errorbar(profile.distance, profile["mean"], yerr=profile["sem"], fmt="o", markersize=3,
                      color=color, label=profile.direction.iloc[0], capsize=1.5)  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_xlabel("position (µm)")
    if k == 0:
        axes.set_ylabel("FePO$_4$ fraction")
        canvas.bar(0.3, 3.1, 3.6, image, "FePO$_4$ fraction (separator at the top)",
                   RED_CHARGED_BLUE, maps["soc"])  # fmt: skip
    else:
        axes.set_yticklabels([])
        axes.legend(fontsize=7.5, loc="upper right")


#: Current (mA/cm2), C-rate as printed, penetration length over the thickness (ours).
_WINDOW_26E: dict[str, Any] = {"half_width": 3.0, "center": 7728.6}
_SHARES = np.linspace(0.0, 1.0, 9)
_JITTER_26E = 0.005
_CURRENTS_26E = ((6, 6.1, 0.9), (9, 9.2, 0.45), (12, 12.2, 0.25))


def figure_26e(seed: int, colors: str) -> ReviewFigure:
    """Charged part of an LCO electrode at three currents, from the peak energy of Co."""
    maps, rows, numbers = [], [], {}
    for k, (current, c_rate, length) in enumerate(_CURRENTS_26E):
        phantom = make_phantom(
            "depth_gradient", seed=seed + k, element="Co", model="exponential", length=length,
            gradient=0.8, mean_soc=0.25 + 0.35 * length, sigma_field=0.04, size_px=50,
            lateral_px=50, pixel_um=1.0, thickness_um=8.0, od_per_um=0.0936,
        )  # fmt: skip
        energies = tuple(np.r_[7600:7700:20, 7718:7740:1, 7760:7900:40].astype(float))
        found = by_energy(
            phantom, seed + k, "white_line", "txm", floor=0.0, options=_WINDOW_26E, n0=35_000.0,
            drift_px=0.0, energies_ev=energies, jitter_ev=_JITTER_26E, psf_fwhm_um=0.0,
        )  # fmt: skip
        line = _standards(phantom, energies)
        soc = soc_map(found.fit, line)
        charged = float((soc["soc"] > 0.5).mean())
        truth = float((phantom.truth["soc"] > 0.5).mean())
        depth = soc["soc"].mean("x")
        common = _common_of_area(phantom, energies, line, _JITTER_26E)
        numbers[f"charged area, {current} mA/cm²"] = Number(
            charged,
            truth,
            float(np.hypot(_edge_sigma(soc, 0.5), common)),
            "",
            f"printed: {c_rate}C",
        )
        maps.append(soc["soc"])
        rows.append(
            pd.DataFrame(
                {"current_ma_cm2": current, "depth_um": depth.y, "soc": depth.values,
                 "truth": phantom.truth["soc"].mean("x").values}
            )
        )  # fmt: skip
    table = pd.concat(rows, ignore_index=True)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "26e",
        "Charged part of an LCO electrode at three currents",
        _draw_26e(maps, table, numbers, colors).done(f"Maps and depth profiles. {words}."),
        numbers,
        {"profiles": table},
        "Phantoms: cross-sections 50 um deep with an exponential profile whose length falls with "
        "the current (ours), measured in transmission at the Co K edge; SOC from the energy of the "
        "white line's top between LiCoO2 and Li0.5CoO2. The review prints 6, 9 and 12 mA/cm2 as "
        "6.1, 9.2 and 12.2C: all three imply 0.98 mAh/cm2 (golden G-39b). "
        f"Colors: {RED_CHARGED_BLUE.note}.",
    )


def _mixtures(
    phantom: Phantom, energies: tuple[float, ...], wrong_ev: np.ndarray | None = None
) -> np.ndarray:
    """Energies of the top ``(row, share)`` of nine mixtures, read with the figure's own window.

    `wrong_ev` ``(row, energy)`` moves the energies at which the spectra are seen, not the stated
    ones; without it there is one row.
    """
    wrong = np.zeros((1, len(energies))) if wrong_ev is None else wrong_ev
    seen = phantom.references.interp(
        energy=xr.DataArray(np.asarray(energies) + wrong, dims=("y", "e")), method="cubic"
    ).transpose("e", "y", ...)
    pure = seen.values
    mixed = (1.0 - _SHARES) * pure[..., :1] + _SHARES * pure[..., 1:]
    stack = make_stack(mixed, np.asarray(energies), quantity="normalized")
    return np.asarray(fit_map(stack, "white_line", **_WINDOW_26E)["white_line_energy"].values)


def _standards(phantom: Phantom, energies: tuple[float, ...]) -> StandardsCurve:
    """Calibration through mixtures, read with the same window on the same energies.

    The top of a mixture does not move in proportion to it: a straight line between the two pure
    compounds would be wrong by up to 0.1 in the middle.
    """
    read = _mixtures(phantom, energies)[0]
    return standards(read, _SHARES, variable="white_line_energy", shape="spline")


def _common_of_area(
    phantom: Phantom, energies: tuple[float, ...], line: StandardsCurve, jitter_ev: float
) -> float:
    """What wrong photon energies, which all pixels share, do to the charged area."""
    read = _mixtures(phantom, energies, jitter_ev * np.eye(len(energies)))
    soc = phantom.truth["soc"].values
    area = float((soc > 0.5).mean())
    total = 0.0
    for row in read:
        found, _ = line.apply(row, np.zeros_like(row))
        total += (float((np.interp(soc, _SHARES, found) > 0.5).mean()) - area) ** 2
    return float(np.sqrt(total))


def _draw_26e(
    maps: list[xr.DataArray], table: pd.DataFrame, numbers: dict[str, Number], colors: str
) -> Canvas:
    canvas = Canvas(8.6, 3.9)
    titles = [f"{'abc'[k]}  {c} mA cm⁻², {r}C" for k, (c, r, _) in enumerate(_CURRENTS_26E)]
    cmap = RED_CHARGED_BLUE.colormap(colors)
    image = canvas.row(0.3, 0.35, 1.9, maps, titles, cmap, (0.0, 1.0))
    canvas.bar(0.3, 2.95, 3.3, image, "SOC from the peak energy of Co (separator at the top)",
               RED_CHARGED_BLUE, maps[0])  # fmt: skip
    axes = titled(canvas.axes(7.0, 0.4, 1.4, 1.75), "d  through the depth")
    for color, (current, part) in zip(CYCLE, table.groupby("current_ma_cm2"), strict=False):
        axes.plot(part.depth_um, part.truth, color=INK, linewidth=0.8)
        axes.plot(part.depth_um, part.soc, color=color, label=f"{current} mA cm⁻²", linewidth=1.4)
    axes.set_xlabel("depth (µm)")
    axes.set_ylabel("SOC")
    axes.set_ylim(0, 1.05)
    axes.legend(fontsize=7)
    canvas.numbers(4.3, 2.8, numbers, 4.0)
    return canvas


def _edge_sigma(soc: xr.Dataset, level: float) -> float:
    """Noise of the share above a level: pixels near it flip by chance."""
    pull = (soc["soc"] - level) / soc["soc_std"]
    chance = 0.5 * (1.0 + np.tanh(0.8 * np.abs(pull)))
    return float(np.sqrt((chance * (1.0 - chance)).sum()) / soc["soc"].size)
