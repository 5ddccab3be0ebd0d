"""The acceptance table, through counts, optical density, registration and fit.

Run by hand:  python tests/studies/acceptance.py [realizations] [first seed]

Every number goes the way of a user: simulated counts (2000 photons per pixel, drift, wrong photon
energies, stray light) -> optical density -> registration -> linear combination fit -> SOC ->
segmentation -> measure. About two seconds of processor time per realization and class of pathway.
Writes its table into docs/phases_and_pathways.md.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from phase_tables import table, write
from scipy.ndimage import binary_erosion

import socwidgets as soc
from socwidgets.analysis.edge_jump import edge_jump
from socwidgets.analysis.registration import register
from socwidgets.heterogeneity.pathway.classify import PathwayClass, classify_pathway
from socwidgets.heterogeneity.phases.uniformity import uniformity_coefficient
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.space.moran import autocorrelation
from socwidgets.heterogeneity.space.structure import correlation_length
from socwidgets.heterogeneity.spread import noise_corrected_spread
from socwidgets.phantoms import StxmInstrument, TxmInstrument, make_phantom, simulate
from socwidgets.phantoms.expected import registered_truth
from socwidgets.phantoms.pathways import PATHWAYS

PHOTONS = 2000.0
#: As few energies as an STXM takes for many particles.
FEW_FE = (700.0, 704.0, 706.4, 707.6, 708.2, 709.0, 710.2, 711.0, 713.0, 718.0, 728.0)
RIM_PX = 3


@dataclass(frozen=True)
class Chain:
    """Maps of one phantom, by the calls of a user."""

    maps: xr.Dataset
    jump: xr.Dataset
    truth: xr.Dataset

    @property
    def labels(self) -> xr.DataArray:
        """Particles as the user finds them."""
        return soc.segment_particles(self.jump["edge_jump"])

    def inside(self, pixels: int) -> xr.DataArray:
        """Planted particles without their outermost pixels."""
        labels = self.truth["labels"]
        kept = np.zeros_like(labels.values)
        for label in np.unique(labels.values[labels.values > 0]):
            kept[binary_erosion(labels.values == label, iterations=pixels)] = label
        return labels.copy(data=kept)


def measured(
    kind: str, seed: int, energies: tuple[float, ...] | None = None, **planted: Any
) -> Chain:
    """Simulate, reduce and fit one phantom at the default noise."""
    phantom = make_phantom(kind, seed=seed, **planted)
    instrument = StxmInstrument if kind == "pathway" else TxmInstrument
    changes: dict[str, Any] = {"n0": PHOTONS, "psf_fwhm_um": max(0.04, 1.5 * phantom.pixel_um)}
    if energies:
        changes["energies_ev"] = energies
    used = instrument(**changes)
    counts = simulate(phantom, used, seed)
    od = register(soc.optical_density(counts))
    # Two energies before and two behind the edge: five sigma of a jump would drop thin particles.
    jump = edge_jump(od, min_jump=0.02, jump_sigma=2.0) if energies else edge_jump(od)
    fit = soc.fit_map(
        od, "lcf", references=phantom.references, mask=jump["mask"], weighting="noise"
    )
    spot = StxmInstrument(psf_fwhm_um=used.psf_fwhm_um)
    return Chain(soc.soc_map(fit), jump, registered_truth(phantom, counts, od, spot))


def pathways(seeds: range, energies: tuple[float, ...] | None) -> list[list[Any]]:
    """Confusion matrix of the four pathways."""
    rows = []
    for planted in PATHWAYS:
        verdicts: Counter[str] = Counter()
        for seed in seeds:
            one = measured("pathway", seed, energies, pathway=planted)
            found = classify_pathway(one.maps, one.labels, draws=0)
            verdicts[str(found.pathway)] += 1
            if str(found.pathway) != planted:
                print(planted, seed, found, flush=True)
        rows.append([planted.replace("_", " "), *(verdicts[str(c)] for c in PathwayClass)])
        print(rows[-1], flush=True)
    return rows


def fields(seeds: range) -> list[list[Any]]:
    """Spread, Moran's I and correlation length of random fields in a TXM."""
    found = []
    for seed in seeds:
        one = measured(
            "random_nmc", seed, size_px=128, pixel_um=0.08, correlation_um=0.4, sigma_field=0.10,
            sigma_grain=0.0, n_grains=60, ends="Ni2+ to Ni4+",
        )  # fmt: skip
        labels = one.inside(RIM_PX)
        sample = take_sample(one.maps, "soc", labels=labels)
        true = one.truth["soc"].values[sample.position]
        spread = noise_corrected_spread(sample.values, sample.noise_variance)
        exact = one.truth.assign(soc_std=xr.zeros_like(one.truth["soc"]), status=one.maps["status"])
        exact["soc"] = exact["soc"].assign_attrs(kind="soc")
        error = sample.values - true
        found.append(
            [
                spread.true / true.std() - 1.0,
                spread.hsn,
                autocorrelation(one.maps, labels=labels, permutations=0).moran_true
                - autocorrelation(exact, labels=labels, permutations=0).moran,
                correlation_length(one.maps, labels=labels, draws=0).length_um
                / correlation_length(exact, labels=labels, draws=0).length_um
                - 1.0,
                error.mean(),
                error.std() / np.sqrt(np.mean(sample.noise_variance)),
            ]
        )
        print(np.round(found[-1], 4), flush=True)
    values = np.array(found)
    words = (
        ("sd without noise, relative error", 0.10), ("HSN", np.inf), ("Moran's I, error", 0.03),
        ("correlation length, relative error", 0.15), ("mean SOC, error", 0.01),
        ("rms error of a pixel over its sigma", 1.3),
    )  # fmt: skip
    return [row(name, column, limit) for (name, limit), column in zip(words, values.T, strict=True)]


def uniformities(seeds: range) -> list[list[Any]]:
    """Uniformity coefficient of particles at three planted values, mean of sixteen particles."""
    rows = []
    for planted in (0.05, 0.45, 0.88):
        errors = []
        for seed in seeds:
            one = measured(
                "pathway", seed, FEW_FE, pathway="concurrent_two_phase", uniformity=planted,
                n_particles=16, size_px=128, pixel_um=0.03, sigma_between=0.08, fill=0.9,
                width_um=0.012, oversample=3,
            )  # fmt: skip
            sample = take_sample(one.maps, "soc", labels=one.inside(1))
            true = one.truth["soc"].values[sample.position]
            seen, exact = [], []
            for label in np.unique(sample.particle):
                own = sample.particle == label
                seen.append(
                    uniformity_coefficient(sample.values[own], sample.noise_variance[own]).value
                )
                exact.append(uniformity_coefficient(true[own], np.zeros(own.sum())).value)
            errors.append(np.nanmean(seen) - np.nanmean(exact))
        rows.append(row(f"uniformity coefficient {planted}, error", np.array(errors), 0.05))
        print(rows[-1], flush=True)
    return rows


def row(name: str, values: np.ndarray, limit: float) -> list[Any]:
    """Mean, standard deviation, share within the limit."""
    held = "" if np.isinf(limit) else f"{100 * np.mean(np.abs(values) <= limit):.0f} %"
    wanted = "" if np.isinf(limit) else f"{limit:g}"
    return [name, f"{values.mean():+.4f}", f"{values.std():.4f}", wanted, held]


def main() -> None:
    """Run all and write the table."""
    warnings.simplefilter("ignore")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    few, every = range(first, first + max(count // 5, 2)), range(first, first + count)
    header = ["quantity", "mean", "sd over realizations", "accepted", "within"]
    text = table(header, [*fields(few), *uniformities(few)])
    text += f"\n\nPathways, {count} realizations each, eleven energies, seeds from {first}:\n\n"
    words = [str(c).replace("_", " ") for c in PathwayClass]
    text += table(["planted \\ found", *words], pathways(every, FEW_FE))
    write("acceptance", text)


if __name__ == "__main__":
    main()
