"""Figures 5, 17 and 25a: which particles react at a time, how fast, and how evenly inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.pathway.classify import Pathway, classify_pathway
from socwidgets.heterogeneity.pathway.rates import local_current_density, particle_rate
from socwidgets.heterogeneity.phases.uniformity import uniformity_coefficient
from socwidgets.heterogeneity.sample import compact
from socwidgets.phantoms import make_phantom
from socwidgets.phantoms.pathways import PATHWAYS
from socwidgets.plotting.review.analyzed import Analyzed
from socwidgets.plotting.review.canvas import Canvas, titled
from socwidgets.plotting.review.chain import by_lcf, inner
from socwidgets.plotting.review.ensembles import active_of_these, kappa_of_these
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED
from socwidgets.plotting.style import CYCLE, INK, MUTED

#: Few energies, as an STXM takes for many particles: before, on and after both lines.
ENERGIES = (700.0, 704.0, 706.4, 707.6, 708.2, 709.0, 710.2, 711.0, 713.0, 718.0, 728.0)
_WORDS = {
    "sequential_two_phase": "sequential, two phases",
    "sequential_solid_solution": "sequential, solid solution",
    "concurrent_two_phase": "concurrent, two phases",
    "concurrent_solid_solution": "concurrent, solid solution",
}


def _measured(seed: int, **changes: Any) -> Analyzed:
    """An ensemble of LFP particles by STXM at eleven energies."""
    phantom = make_phantom("pathway", seed=seed, **changes)
    return by_lcf(phantom, seed, energies_ev=ENERGIES, n0=8000.0, drift_px=0.1)


def figure_5(seed: int, colors: str) -> ReviewFigure:
    """Four reaction pathways half way through a charge, told apart by numbers."""
    found, verdicts, rows = [], [], []
    for pathway in PATHWAYS:
        one = _measured(
            seed, pathway=pathway, n_particles=49, size_px=144, pixel_um=0.05, duration=0.16,
            correlation_um=0.15, width_um=0.04, fill=0.85, oversample=3,
        )  # fmt: skip
        verdict = classify_pathway(one.soc, one.labels, weights=one.truth["thickness"], seed=seed)
        found.append(one)
        verdicts.append(verdict)
        rows.append(_pathway_row(one, verdict, pathway))
    table = pd.DataFrame(rows)
    numbers = {
        f"kappa, {_WORDS[row.planned]}": Number(
            row.kappa, row.kappa_truth, row.kappa_sigma, "", "of these 49 particles"
        )
        for row in table.itertuples()
    }
    right = int((table.found == table.planned).sum())
    numbers["pathways told right"] = Number(right, 4.0, note="of four")
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "5",
        "Four reaction pathways, told apart",
        _draw_5(found, table, numbers, colors).done(f"Four maps with their verdicts. {words}."),
        numbers,
        {"pathways": table},
        "Phantoms: 49 LFP platelets each on one of four pathways, measured by an STXM at the Fe L3 "
        "edge (eleven energies) and fitted with two references. kappa is 1 if one particle after "
        "the other reacts and 0 if all react together; the uniformity coefficient of the active "
        "particles is 0 for two separate phases and 1 for a solid solution. Uncertainties of kappa "
        "are those of measuring these particles; bars in e hold 95 % of what other particles of "
        "the same kind would give. The review shows schemes (Fig. 5a-d) and their "
        "diffraction patterns; diffraction is not made here. "
        f"Colors: {RED_CHARGED.note}.",
    )


def _pathway_row(found: Analyzed, verdict: Pathway, planned: str) -> dict[str, Any]:
    kappa, kappa_truth, kappa_sigma = kappa_of_these(found)
    return {
        "planned": planned, "found": str(verdict.pathway.value),
        "kappa": kappa, "kappa_sigma": kappa_sigma, "kappa_truth": kappa_truth,
        "kappa_low": verdict.concurrency.low, "kappa_high": verdict.concurrency.high,
        "kappa_planned": found.phantom.numbers["kappa"], "uniformity": verdict.uniformity.value,
        "uniformity_sigma": verdict.uniformity.std, "active": verdict.active.true,
        "active_truth": active_of_these(found)[1], "reason": verdict.reason,
    }  # fmt: skip


def _draw_5(
    found: list[Analyzed], table: pd.DataFrame, numbers: dict[str, Number], colors: str
) -> Canvas:
    canvas = Canvas(8.6, 5.1)
    maps = [one.soc["soc"] for one in found]
    short = ("a  sequential,", "b  sequential,", "c  concurrent,", "d  concurrent,")
    inside = ("two phases", "solid solution") * 2
    titles = [f"{s}\n    {i}" for s, i in zip(short, inside, strict=True)]
    cmap = RED_CHARGED.colormap(colors)
    image = canvas.row(0.3, 0.5, 1.88, maps, titles, cmap, (0.0, 1.0))
    canvas.bar(0.3, 2.98, 3.3, image, "State of charge", RED_CHARGED, maps[0])
    axes = titled(canvas.axes(0.85, 3.78, 2.75, 0.75), "e  verdict")
    for k, row in enumerate(table.itertuples()):
        reach = [[row.kappa - row.kappa_low], [row.kappa_high - row.kappa]]
        axes.errorbar(row.kappa, row.uniformity, xerr=np.maximum(reach, 0.0),
                      yerr=row.uniformity_sigma, fmt="o", color=CYCLE[k], markersize=5,
                      capsize=2)  # fmt: skip
        axes.annotate("abcd"[k], (row.kappa, row.uniformity), xytext=(5, 3),
                      textcoords="offset points", fontsize=9, fontweight="bold")  # fmt: skip
    axes.set_xlabel("kappa    ◀ concurrent | sequential ▶")
    axes.set_ylabel("uniformity")
    axes.set_xlim(-0.08, 1.1)
    axes.set_ylim(-0.1, 1.15)
    canvas.numbers(4.2, 2.95, numbers, 4.1)
    said = [
        f"{'abcd'[k]}: {row.found.replace('_', ' ')}" for k, row in enumerate(table.itertuples())
    ]
    canvas.text(4.2, 4.05, "\n".join(said), 8, color=MUTED)
    return canvas


#: Shape, pathway, rate (1/h), duration of one particle in units of the charge.
_SAMPLES_17 = (
    ("platelet", "concurrent_solid_solution", 0.2, 1.0),
    ("ellipsoid", "sequential_two_phase", 1.0, 0.06),
)
_TIMES_17 = (0.25, 0.5, 0.75)


def figure_17(seed: int, colors: str) -> ReviewFigure:
    """Platelets that react together and ellipsoids that react in turn, at three times each."""
    maps, rows = [], []
    for shape, pathway, rate, duration in _SAMPLES_17:
        for time in _TIMES_17:
            found = _measured(
                seed, pathway=pathway, shape=shape, time=time, duration=duration, n_particles=64,
                size_px=144, pixel_um=0.05, sigma_between=0.07, fill=0.85, width_um=0.04,
            )  # fmt: skip
            active, truth = active_of_these(found)
            rows.append(
                {
                    "shape": shape, "time": time, "rate_per_h": rate, "observed": active.observed,
                    "low": active.low, "high": active.high, "active": active.true,
                    "truth": truth,
                    "planned": found.phantom.numbers["active_fraction"],
                }
            )  # fmt: skip
            maps.append(found.soc["soc"])
    table = pd.DataFrame(rows)
    numbers = _numbers_17(table)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "17",
        "Platelets react together, ellipsoids one after the other",
        _draw_17(maps, table, numbers, colors).done(
            f"Maps of two samples at three times. {words}."
        ),
        numbers,
        {"states": table},
        "Phantoms: LFP platelets at 0.2C on the concurrent and ellipsoids at 1C on the sequential "
        "pathway, measured by an STXM at the Fe L3 edge. Active ones are counted among these "
        "particles; bars in c hold 95 % of what other particles would give (Wilson). The local "
        "rate is that of the cell over the active fraction; its current density takes a radius of "
        "0.1 um of the ellipsoids and a thickness of 0.1 um of the platelets (ours). The review "
        "states that the local current density of the ellipsoids is at least ten times that of "
        "the platelets. "
        f"Colors: {RED_CHARGED.note}.",
    )


def _numbers_17(table: pd.DataFrame) -> dict[str, Number]:
    """Active fractions half way, of these particles, and the ratio of local current densities."""
    numbers: dict[str, Number] = {}
    density: dict[str, float] = {}
    truths: dict[str, float] = {}
    for shape, _, rate, _ in _SAMPLES_17:
        half = table[(table["shape"] == shape) & (table.time == 0.5)].iloc[0]
        numbers[f"active, {shape}s"] = Number(
            half.active, half.truth, note="of these 64 at half charge, noise taken out; of all "
            f"such particles: {half.low:.2f} to {half.high:.2f} (95 %)",
        )  # fmt: skip
        form, size = ("platelet", 0.1) if shape == "platelet" else ("sphere", 0.1)
        for target, fraction in ((density, half.active), (truths, half.truth)):
            local = particle_rate(rate, float(np.clip(fraction, 1e-3, 1.0)))
            target[shape] = float(local_current_density(local, size, shape=form))
    ratio = density["ellipsoid"] / density["platelet"]
    numbers["local current, ratio"] = Number(
        ratio, truths["ellipsoid"] / truths["platelet"], note="printed: at least 10"
    )
    return numbers


def _draw_17(
    maps: list[xr.DataArray], table: pd.DataFrame, numbers: dict[str, Number], colors: str
) -> Canvas:
    canvas = Canvas(8.6, 5.55)
    cmap = RED_CHARGED.colormap(colors)
    for k, (name, row) in enumerate((("platelets, 0.2C", maps[:3]), ("ellipsoids, 1C", maps[3:]))):
        titles = [f"{'ab'[k]}  {name}" if t == 0.25 else f"t = {t:.2f}" for t in _TIMES_17]
        image = canvas.row(0.3, 0.35 + 2.3 * k, 1.75, row, titles, cmap, (0.0, 1.0))
    axes = titled(canvas.axes(6.75, 0.4, 1.6, 1.5), "c  active fraction")
    for color, (shape, *_) in zip(CYCLE, _SAMPLES_17, strict=False):
        part = table[table["shape"] == shape]
        error = [part.observed - part.low, part.high - part.observed]
        axes.errorbar(part.time, part.observed, yerr=np.abs(error), fmt="o-", color=color,
                      markersize=4, capsize=2, label=f"{shape}s")  # fmt: skip
        axes.plot(part.time, part.truth, "_", color=INK, markersize=9)
    axes.set_xlabel("part of the charge")
    axes.set_xticks(_TIMES_17)
    axes.set_ylim(-0.03, 1.2)
    axes.legend(fontsize=7.5, loc="center")
    canvas.bar(0.3, 4.98, 3.6, image, "State of charge", RED_CHARGED, maps[0])
    canvas.numbers(6.05, 2.75, numbers, 2.45)
    return canvas


#: Behavior, planned uniformity: the three of Fig. 25a, from slow to fast.
_RATES_25 = (("slow: phases separate", 0.05), ("faster: partly", 0.45), ("fast: even", 0.88))


def figure_25a(seed: int, colors: str) -> ReviewFigure:
    """Uniformity of single LFP particles at three rates."""
    maps, rows, numbers = [], [], {}
    for k, (name, uniformity) in enumerate(_RATES_25):
        found = _measured(
            seed + k, pathway="concurrent_two_phase", uniformity=uniformity, n_particles=16,
            size_px=128, pixel_um=0.03, sigma_between=0.08, fill=0.9, width_um=0.012, oversample=3,
        )  # fmt: skip
        labels = inner(found.labels, 2)
        for label in np.unique(labels.values[labels.values > 0]):
            inside = (labels.values == label) & np.isfinite(found.soc["soc"].values)
            values, sigma = (found.soc[n].values[inside] for n in ("soc", "soc_std"))
            seen = uniformity_coefficient(values, sigma**2)
            s = found.truth["soc"].values[inside]
            truth = 1.0 - s.std() / np.sqrt(s.mean() * (1.0 - s.mean()))
            rows.append({"rate": name, "uniformity": seen.value, "sigma": seen.std, "truth": truth})
        part = pd.DataFrame(rows[-16:]).query("rate == @name")
        noise = float(np.sqrt(np.sum(part.sigma**2)) / len(part))
        numbers[f"uniformity, {name}"] = Number(
            float(part.uniformity.mean()), float(part.truth.mean()),
            float(np.hypot(noise, _common_of_uniformity(found, labels))), "",
            "mean of 16 particles",
        )  # fmt: skip
        maps.append(found.soc["soc"])
    table = pd.DataFrame(rows)
    canvas = Canvas(8.6, 3.75)
    titles = [f"{'abc'[k]}  {name}" for k, (name, _) in enumerate(_RATES_25)]
    image = canvas.row(0.3, 0.35, 1.88, maps, titles, RED_CHARGED.colormap(colors), (0.0, 1.0))
    axes = titled(canvas.axes(7.0, 0.4, 1.4, 1.7), "d  each particle")
    for k, (name, _) in enumerate(_RATES_25):
        part = table[table.rate == name]
        axes.errorbar(part.truth, part.uniformity, yerr=part.sigma, fmt="o", markersize=3,
                      color=CYCLE[k])  # fmt: skip
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8)
    axes.set_xlabel("true uniformity")
    axes.set_ylabel("found")
    canvas.bar(0.3, 2.95, 3.3, image, "State of charge", RED_CHARGED, maps[0])
    canvas.numbers(4.2, 2.8, numbers, 4.1)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "25a",
        "Uniformity of LFP particles at three rates",
        canvas.done(f"Maps at three rates and the uniformity of each particle. {words}."),
        numbers,
        {"particles": table},
        "Phantoms: sixteen LFP platelets with a front inside whose contrast falls with the rate "
        "(ours; the review describes three behaviors and prints no number), measured by an STXM. "
        "Uniformity is 1 - sd/sqrt(m (1 - m)) with the noise taken out: 0 for separate phases, 1 "
        f"for an even particle. Colors: {RED_CHARGED.note}.",
    )


def _common_of_uniformity(found: Analyzed, labels: xr.DataArray) -> float:
    """Error that wrong photon energies give the mean uniformity of all particles."""
    soc = found.truth["soc"].values
    inside = (labels.values > 0) & np.isfinite(soc)
    group = compact(labels.values[inside])
    size = np.bincount(group)

    def mean_uniformity(values: np.ndarray) -> float:
        mean = np.bincount(group, values) / size
        variance = np.bincount(group, values**2) / size - mean**2
        return float(np.mean(1.0 - np.sqrt(variance / (mean * (1.0 - mean)))))

    return found.common_sigma_of(mean_uniformity, inside)
