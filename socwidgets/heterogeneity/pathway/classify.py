"""The four reaction pathways of an ensemble: which one is this? (Fig. 5 of the review)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.inputs import checked_ends
from socwidgets.heterogeneity.particles import particle_table
from socwidgets.heterogeneity.pathway.active import ActiveFraction, active_fraction
from socwidgets.heterogeneity.pathway.concurrency import Concurrency, concurrency
from socwidgets.heterogeneity.phases.plateau import PhaseShares, phase_shares
from socwidgets.heterogeneity.phases.uniformity import (
    EnsembleUniformity,
    ensemble_uniformity,
    uniformity_coefficient,
)
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.model.errors import DataError
from socwidgets.model.kinds import require_kind
from socwidgets.model.parameters import Parameters, param


class PathwayClass(enum.StrEnum):
    """One of the four classes, or none."""

    SEQUENTIAL_TWO_PHASE = "sequential_two_phase"
    SEQUENTIAL_SOLID_SOLUTION = "sequential_solid_solution"
    CONCURRENT_TWO_PHASE = "concurrent_two_phase"
    CONCURRENT_SOLID_SOLUTION = "concurrent_solid_solution"
    UNDETERMINED = "undetermined"


#: Panel of Fig. 5 of Zhang, Yang and Tian (2019).
PANELS = {
    PathwayClass.SEQUENTIAL_TWO_PHASE: "a",
    PathwayClass.SEQUENTIAL_SOLID_SOLUTION: "b",
    PathwayClass.CONCURRENT_TWO_PHASE: "c",
    PathwayClass.CONCURRENT_SOLID_SOLUTION: "d",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayParameters(Parameters):
    """Thresholds of the classification; ours, calibrated on phantoms."""

    min_hsn: float = param(
        2.0,
        "Spread of a fully separated particle (half the distance of the ends) over the noise of a "
        "pixel: below it the inside of a particle cannot be judged.",
        low=0.0,
    )
    sequential_kappa: float = param(
        0.5, "Kappa from which the ensemble reacts one after the other.", low=0.0, high=1.0
    )
    concurrent_kappa: float = param(
        0.3, "Kappa up to which the ensemble reacts together.", low=0.0, high=1.0
    )
    two_phase_below: float = param(
        0.55, "Mean uniformity coefficient of the active particles below which they hold two "
        "phases.", low=0.0, high=1.0,
    )  # fmt: skip
    solid_solution_above: float = param(
        0.65, "Mean uniformity coefficient of the active particles above which they are a solid "
        "solution.", low=0.0, high=1.0,
    )  # fmt: skip
    min_active: int = param(1, "Active particles that the judgment of their inside needs.", low=1)
    min_particles: int = param(10, "Particles that kappa needs.", low=2)
    window: tuple[float, float] = param(
        (0.1, 0.9), "Mean compositions of an active particle, as a part of the range of the ends.",
        low=0.0, high=1.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pathway:
    """Verdict on an ensemble, and what it rests on.

    Attributes
    ----------
    pathway : PathwayClass
        The class.
    reason : str
        Which rule decided.
    active : ActiveFraction
        Of the particles.
    concurrency : Concurrency
        Kappa.
    inside : PhaseShares
        Of the pixels of the active particles, pooled; NaN where there are none.
    uniformity : EnsembleUniformity
        Of the active particles: what decides about their inside, because it also tells a solid
        solution near an end from two phases.
    hsn : float
        Spread of a fully separated particle over the noise of a pixel.
    n_small : int
        Particles left out because they were too small to judge.
    """

    pathway: PathwayClass
    reason: str
    active: ActiveFraction
    concurrency: Concurrency
    inside: PhaseShares
    uniformity: EnsembleUniformity
    hsn: float
    n_small: int

    @property
    def panel(self) -> str:
        """Panel of the review's Fig. 5, empty if undetermined."""
        return PANELS.get(self.pathway, "")

    def entries(self) -> list[CardEntry]:
        """Numbers for a card."""
        a, k, i, u = self.active, self.concurrency, self.inside, self.uniformity
        return [
            CardEntry(
                "active_fraction", "Active particles", a.true, low=a.true_low, high=a.true_high,
                note=f"{a.n_active} of {a.n} seen between the ends; noise taken out; Wilson",
            ),
            CardEntry(
                "kappa", "Sequential (1) or concurrent (0)", k.kappa, low=k.low, high=k.high,
                note=f"resampling {k.n} particles; noise taken out",
            ),
            CardEntry(
                "intermediate_fraction", "Intermediate fraction of active particles",
                i.intermediate, i.std, i.low, i.high,
                note=f"noise taken out; {i.naive:.3f} counted naively",
            ),
            CardEntry(
                "uniformity", "Uniformity coefficient of active particles",
                u.value, u.std, u.low, u.high,
                note=f"{u.n} particle{'s' * (u.n != 1)}; 0 separated, 1 even; noise taken out",
            ),
        ]  # fmt: skip


def classify_pathway(
    maps: xr.Dataset,
    labels: xr.DataArray,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    ends: tuple[float, float] = (0.0, 1.0),
    min_pixels: int = 20,
    params: PathwayParameters | None = None,
    draws: int = 200,
    seed: int = 0,
) -> Pathway:
    """Classify how an ensemble of particles reacts.

    Sequential or concurrent from kappa of the particle means; two-phase or solid solution from the
    uniformity coefficient of the active particles, noise taken out of both.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable` (a composition), its ``_std`` and ``status``, ``(y, x)``.
    labels : xarray.DataArray
        ``(y, x)`` integer, 0 = background.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights, see `take_sample`.
    ends : (float, float)
        Compositions of the end members.
    min_pixels : int
        Smaller particles are left out.
    params : PathwayParameters, optional
        Thresholds.
    draws, seed : int
        Of the bootstraps.

    Returns
    -------
    Pathway
        ``undetermined`` with its reason where the numbers do not carry a verdict.

    Raises
    ------
    KindError
        If the map is no composition.
    DataError
        If nothing usable is there, or the map has no standard uncertainty.
    """
    p = params or PathwayParameters()
    low, high = checked_ends(ends)
    require_kind(maps[variable] if variable in maps else xr.DataArray(), _KINDS, "a pathway")
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    if sample.labels is None or not np.isfinite(sample.noise_variance).any():
        raise DataError(
            "a pathway cannot be told from noise that is not known",
            expected=f"particles and a map {variable}_std with finite values",
            found="none",
            fix="fit with signal_std, or add the noise of a homogeneous reference",
        )
    table = particle_table(maps, labels, variable=variable, weights=weights)
    large = table[table["n_pixels"] >= min_pixels]
    mean, std = large["mean"].to_numpy(), large["mean_std"].to_numpy()
    active = active_fraction(mean, std, ends=ends, window=p.window)
    kappa = concurrency(mean, std, ends=ends, draws=draws, seed=seed)
    chosen = large.index[(mean > active.window[0]) & (mean < active.window[1])]
    inside = _inside(sample, chosen.to_numpy(), ends, draws, seed)
    uniformity = _uniformity(sample, chosen.to_numpy(), ends, draws, seed)
    # Of a typical pixel: at a rim without material one sigma of 10 would speak for all.
    noise = float(np.sqrt(np.nanmedian(sample.noise_variance)))
    hsn = 0.5 * (high - low) / noise if noise > 0 else float("inf")
    verdict, reason = _decide(active, kappa, uniformity, hsn, p)
    small = len(table) - len(large)
    return Pathway(verdict, reason, active, kappa, inside, uniformity, hsn, small)


_KINDS = ("soc", "x_li", "x_removed", "fraction")


def _inside(
    sample: Sample, chosen: np.ndarray, ends: tuple[float, float], draws: int, seed: int
) -> PhaseShares:
    labels: Any = sample.labels
    own = np.isin(labels, chosen)
    return phase_shares(
        sample.values[own],
        np.sqrt(sample.noise_variance[own]),
        sample.weights[own],
        units=labels[own],
        ends=ends,
        draws=draws,
        seed=seed,
    )


def _uniformity(
    sample: Sample, chosen: np.ndarray, ends: tuple[float, float], draws: int, seed: int
) -> EnsembleUniformity:
    labels: Any = sample.labels
    found = []
    for label in chosen:
        own = labels == label
        found.append(
            uniformity_coefficient(
                sample.values[own], sample.noise_variance[own], sample.weights[own], ends=ends
            )
        )
    return ensemble_uniformity(found, draws=max(draws, 1), seed=seed)


def _decide(
    active: ActiveFraction,
    kappa: Concurrency,
    uniformity: EnsembleUniformity,
    hsn: float,
    p: PathwayParameters,
) -> tuple[PathwayClass, str]:
    none = PathwayClass.UNDETERMINED
    if not hsn >= p.min_hsn:
        return none, f"the noise is too large: a separated particle has {hsn:.2g} times its spread"
    if active.n < p.min_particles:
        return none, f"fewer than {p.min_particles} particles"
    if np.isnan(kappa.kappa):
        return none, "the mean composition is too near to an end"
    if active.n_active < p.min_active:
        return none, f"fewer than {p.min_active} active particles: their inside is not seen"
    sequential = kappa.kappa >= p.sequential_kappa
    if not sequential and kappa.kappa > p.concurrent_kappa:
        return none, "neither one after the other nor together"
    order = "one after the other" if sequential else "together"
    if uniformity.value < p.two_phase_below:
        two = PathwayClass.SEQUENTIAL_TWO_PHASE, PathwayClass.CONCURRENT_TWO_PHASE
        return two[not sequential], f"{order}, with two phases inside active particles"
    if uniformity.value > p.solid_solution_above:
        solid = PathwayClass.SEQUENTIAL_SOLID_SOLUTION, PathwayClass.CONCURRENT_SOLID_SOLUTION
        return solid[not sequential], f"{order}, with active particles in solid solution"
    return none, "active particles are neither clearly separated nor clearly even"
