"""Figures 9b-d and 29a: maps and histograms of the peak energy of Ni."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from scipy.ndimage import gaussian_filter

from socwidgets.phantoms import Phantom, make_phantom
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import RIM_PX, by_energy, inner, resolution_um
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_OXIDIZED
from socwidgets.plotting.review.ridge import draw_ridge
from socwidgets.plotting.review.statistics import Imaged, imaged
from socwidgets.plotting.review.white_line_scale import ENERGY, WhiteLineScale
from socwidgets.plotting.style import CYCLE, MUTED

#: State of NMC622, mode of the white line against LiNiO2 (eV) and its spread (eV), ours.
STATES_9B = (
    ("chemical delithiation", 0.6, 0.18),
    ("charged", 0.9, 0.55),
    ("discharged", -0.5, 0.42),
)
LIMIT_EV = 1.5
TEMPERATURES_C = (25.0, 200.0, 250.0, 300.0, 350.0, 400.0)
#: A window that follows each pixel's own top: one that all share loses a tenth of every shift.
_WINDOW = {"half_width": 3.0, "degree": 2, "recenter": True}
#: A scan whose dense part holds the window of every top there is, up to 3 eV above that of LiNiO2.
_ENERGIES = (*range(8200, 8321, 30), *range(8337, 8361), *range(8380, 8621, 30))
MAX_SIGMA_EV = 0.4
_NOTE = "noise taken out; uncertainty of noise and photon energies"
_PHOTONS = 35_000.0


def figure_9bcd(seed: int, colors: str) -> ReviewFigure:
    """Peak energy of Ni in three states of NMC622, against the mode of each map."""
    shown, rows, numbers = [], [], {}
    for i, (state, mode, sd) in enumerate(STATES_9B):
        phantom = make_phantom(
            "edge_field", seed=seed + i, size_px=96, pixel_um=0.12, radius_um=5.2,
            thickness_um=10.0, correlation_um=0.7, mode_ev=mode, sigma_ev=sd,
        )  # fmt: skip
        peaks = _peak_map(phantom, seed + i)
        seen = peaks.seen
        at = seen.mode()
        numbers[f"sd, {state}"] = peaks.spread()
        values = peaks.maps[ENERGY].where(inner(peaks.found.labels, RIM_PX) > 0) - at
        shown.append(values.assign_attrs(long_name="Peak energy − mode", units="eV"))
        rows.append(pd.DataFrame({"state": state, "energy_ev": seen.values, "mode_ev": at}))
    table = pd.concat(rows, ignore_index=True)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "9b-d",
        "Peak energy of Ni in NMC622, against its mode",
        _draw_9b(shown, table, numbers, colors).done(
            f"Three maps of the peak energy of Ni and their histograms. {words}."
        ),
        numbers,
        {"pixels": table},
        "Phantoms: disks in which the spectrum of LiNiO2 is shifted from point to point, measured "
        "by a TXM at the Ni K edge; the energy is that of the top of a parabola whose window "
        "follows it, on a scale made by shifting the standard on the same energies. "
        f"The review prints the limits, mode ± {LIMIT_EV} eV; spreads are ours. "
        f"Colors: {RED_OXIDIZED.note}.",
    )


@dataclass(frozen=True, slots=True)
class _Peaks:
    """Shifts of the white line of one phantom, as found and as they are.

    `maps` holds the shift in the place of the energy; `seen` and `true` are those of the pixels
    that count.
    """

    found: Analyzed
    maps: xr.Dataset
    seen: Imaged
    true: np.ndarray
    scale: WhiteLineScale

    def spread(self) -> Number:
        """Spread of the shift without noise, with its noise and that of the photon energies."""
        common = self.scale.sigma_of(lambda x: float(x.std()), self.true)
        sigma = float(np.hypot(self.seen.true_sigma, common))
        return Number(self.seen.true, float(self.true.std()), sigma, "eV", _NOTE)

    def median(self) -> Number:
        """Median of the shift."""
        noise = 1.25 * self.seen.observed * np.sqrt(self.seen.area / self.seen.values.size)
        common = self.scale.sigma_of(lambda x: float(np.median(x)), self.true)
        sigma = float(np.hypot(noise * self.seen.noise / self.seen.observed, common))
        return Number(float(np.median(self.seen.values)), float(np.median(self.true)), sigma, "eV")


def _peak_map(phantom: Phantom, seed: int) -> _Peaks:
    scan = tuple(float(e) for e in _ENERGIES)
    found = by_energy(phantom, seed, "white_line", options=_WINDOW, n0=_PHOTONS, energies_ev=scan)
    standard = phantom.references.isel({phantom.references.dims[0]: 0})
    scale = WhiteLineScale.of(
        standard, found.od["energy"].values, float(found.instrument["jitter_ev"]), _WINDOW
    )
    maps = scale.shifts_of(found.fit)
    # Where a parabola is all but flat its top has no place: one such pixel would outweigh the rest.
    known = (maps[f"{ENERGY}_std"] < MAX_SIGMA_EV) & maps[ENERGY].notnull()
    labels = inner(found.labels, RIM_PX).where(known, 0)
    width_px = resolution_um(phantom) / phantom.pixel_um / 2.355
    shift = gaussian_filter(np.nan_to_num(phantom.truth["energy_shift"].values), width_px)
    return _Peaks(found, maps, imaged(maps, labels, ENERGY), shift[labels.values > 0], scale)


def _draw_9b(
    maps: list[xr.DataArray], table: pd.DataFrame, numbers: dict[str, Number], colors: str
) -> Canvas:
    canvas = Canvas(8.6, 5.1)
    titles = [f"{'bcd'[i]}  {state}" for i, (state, *_) in enumerate(STATES_9B)]
    cmap = RED_OXIDIZED.colormap(colors)
    image = canvas.row(0.3, 0.35, 2.1, maps, titles, cmap, (-LIMIT_EV, LIMIT_EV))
    canvas.bar(0.3, 3.08, 3.4, image, "Peak energy − mode (eV)", RED_OXIDIZED, maps[1],
               [-LIMIT_EV, 0.0, LIMIT_EV])  # fmt: skip
    axes = titled(canvas.axes(0.75, 3.95, 3.0, 0.7), "histograms")
    edges = np.linspace(-2.6, 2.6, 79)
    for color, (state, *_) in zip(CYCLE, STATES_9B, strict=False):
        part = table[table.state == state]
        axes.hist(part.energy_ev - part.mode_ev, edges.tolist(), histtype="step", color=color,
                  label=state, density=True, linewidth=1.3)  # fmt: skip
    axes.set_xlabel("peak energy − mode (eV)")
    axes.set_yticks([])
    axes.set_xlim(-2.6, 2.6)
    for edge in (-LIMIT_EV, LIMIT_EV):
        axes.axvline(edge, color=MUTED, linewidth=0.6, linestyle=":")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.1), fontsize=8)
    canvas.text(4.4, 2.95, "Spread of the peak energy, noise taken out", 9, fontweight="bold")
    canvas.numbers(4.4, 3.18, numbers, 3.9)
    return canvas


def figure_29a(seed: int, colors: str) -> ReviewFigure:
    """Histograms of the peak energy of charged NMC442 while it is heated."""
    rows, numbers, table = {}, {}, []
    for i, temperature in enumerate(TEMPERATURES_C):
        phantom = make_phantom(
            "heating_nmc", seed=seed, size_px=64, pixel_um=0.18, radius_um=5.2, thickness_um=12.0,
            correlation_um=0.8, mode_ev=1.2, temperature_c=temperature,
        )  # fmt: skip
        peaks = _peak_map(phantom, seed + i)
        rows[f"{temperature:.0f} °C"] = peaks.seen
        median, spread = peaks.median(), peaks.spread()
        table.append(
            {
                "temperature_c": temperature, "median_ev": median.value,
                "median_sigma_ev": median.sigma, "median_truth_ev": median.truth,
                "sd_ev": spread.value, "sd_sigma_ev": spread.sigma, "sd_truth_ev": spread.truth,
                "noise_ev": peaks.seen.noise,
            }
        )  # fmt: skip
    found = pd.DataFrame(table)
    moved = found.median_ev - found.median_ev[0]
    planned = found.median_truth_ev - found.median_truth_ev[0]
    sigma = float(np.hypot(found.median_sigma_ev.iloc[0], found.median_sigma_ev.iloc[-1]))
    numbers["median, 400 − 25 °C"] = Number(
        moved.iloc[-1], planned.iloc[-1], sigma, "eV", "the review shows the sign, no number"
    )
    for name, row in (("25", found.iloc[0]), ("400", found.iloc[-1])):
        numbers[f"sd at {name} °C"] = Number(
            row.sd_ev, row.sd_truth_ev, row.sd_sigma_ev, "eV", _NOTE
        )
    pixels = pd.concat([pd.DataFrame({"state": k, "energy_ev": v.values}) for k, v in rows.items()])
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "29a",
        "Peak energy of Ni in NMC442 while it is heated",
        _draw_29a(rows, found, moved, planned, numbers).done(
            f"Ridge of histograms over six temperatures. {words}."
        ),
        numbers,
        {"states": found.assign(shift_ev=moved, shift_truth_ev=planned), "pixels": pixels},
        "Phantom: charged NMC442 whose edge falls by 0.6 eV per 100 °C above 200 °C while its "
        "spread grows from 0.3 to 0.8 eV (ours; the review shows a shift to lower energy and "
        "prints no number), measured at each temperature by a TXM; energies as in Fig. "
        "9b-d, against LiNiO2. The spread has the noise taken out. Colors: one hue, darker when "
        "hotter; the axis carries the direction.",
    )


def _draw_29a(
    rows: dict[str, Imaged], found: pd.DataFrame, moved: pd.Series, planned: pd.Series,
    numbers: dict[str, Number],
) -> Canvas:  # fmt: skip
    canvas = Canvas(8.2, 4.6)
    axes = titled(canvas.axes(0.75, 0.4, 3.6, 3.6), "a  histograms of all pixels")
    draw_ridge(axes, {k: v.values for k, v in rows.items()}, noise=found.noise_ev.tolist())
    axes.set_xlabel("shift of the peak of Ni against LiNiO$_2$ (eV)    ◀ reduced | oxidized ▶")
    _against(titled(canvas.axes(5.1, 0.4, 2.8, 0.95), "b  shift of the median (eV)"),
             found.temperature_c, moved, planned)  # fmt: skip
    lower = titled(canvas.axes(5.1, 1.8, 2.8, 0.95), "c  spread, noise taken out (eV)")
    _against(lower, found.temperature_c, found.sd_ev, found.sd_truth_ev, found.sd_sigma_ev)
    lower.set_xlabel("temperature (°C)")
    lower.set_ylim(0, None)
    canvas.numbers(4.75, 3.4, numbers, 3.2)
    return canvas


def _against(
    axes: Axes, x: pd.Series, found: pd.Series, truth: pd.Series, sigma: pd.Series | None = None
) -> None:
    """What was found (points) over the truth (line)."""
    axes.plot(x, truth, color=CYCLE[1], linewidth=1.2, label="truth")
    axes.errorbar(x, found, yerr=sigma, fmt="o", color=CYCLE[0], markersize=4, label="found",
                  capsize=2)  # fmt: skip
    axes.legend(fontsize=7.5, loc="best")
