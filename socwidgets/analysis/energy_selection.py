"""Which energies to measure: the few that tell the state of charge best (dose, time)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.energy_design import Design, exchange, grow, sigma_of
from socwidgets.analysis.energy_model import EnergyPlanParameters, make_design
from socwidgets.model.errors import ParameterError, ReferenceSpectraError
from socwidgets.model.names import COMPONENT, spectral_dim
from socwidgets.model.references import component_names
from socwidgets.model.units import energies_in_ev


@dataclass(frozen=True, slots=True)
class EnergyPlan:
    """Energies to measure, and what to expect of them.

    Attributes
    ----------
    energies : ndarray
        ``(count,)``, axis units, increasing.
    sigma : float
        Predicted standard uncertainty of the fraction in one pixel, root mean square over the
        compositions; not constrained, as the state of charge is.
    sigma_all, sigma_even : float
        The same with all candidates and with as many evenly spread ones (NaN where these cannot
        tell the references apart). With a shared dose all three have the same dose.
    by_composition : dict
        Composition -> predicted sigma.
    parameters : EnergyPlanParameters
        What was planned for.
    """

    energies: np.ndarray
    sigma: float
    sigma_all: float
    sigma_even: float
    by_composition: dict[float, float]
    parameters: EnergyPlanParameters


def select_energies(
    references: xr.DataArray,
    params: EnergyPlanParameters | None = None,
    *,
    candidates: np.ndarray | None = None,
    required: Iterable[float] = (),
    noise: np.ndarray | None = None,
    **changes: object,
) -> EnergyPlan:
    """Find the energies that minimize the uncertainty of the state of charge.

    Parameters
    ----------
    references : xarray.DataArray
        ``(component, spectral)``, two or more.
    params : EnergyPlanParameters, optional
        `changes` are laid over them.
    candidates : ndarray, optional
        ``(n,)``, energies that can be measured; those of the references if left out. Of keV eV are
        made, with a warning.
    required : iterable of float, optional
        Energies that must be among them (the nearest candidates), such as one before the edge.
    noise : ndarray, optional
        ``(n,)``, standard uncertainty of the optical density at each candidate, where it is known
        from a scan; instead of `sigma` and `counts`.

    Returns
    -------
    EnergyPlan

    Raises
    ------
    ReferenceSpectraError
        If there is one reference, or they do not cover the candidates or cannot be told apart on
        all of them.
    ParameterError
        If no more energies are asked for than the fit has unknowns, or more than there are.

    Notes
    -----
    Energies are added one by one where they help most, then each is exchanged for any other as long
    as that helps (Fedorov 1972). The noise of an optical density from counts is
    ``sqrt((exp(OD) + 1/n_flats)/N0)``. Distinct energies; a repeated one is a longer
    exposure.
    """
    chosen = EnergyPlanParameters.merged(params, changes)
    grid, kept = _candidates(references, candidates, chosen)
    every = make_design(references, grid, chosen, None if noise is None else noise[kept], grid.size)
    design = make_design(
        references, grid, chosen, None if noise is None else noise[kept], chosen.count
    )
    _check_count(chosen, design, grid)
    fixed = sorted({_nearest(grid, e) for e in required})
    picked = exchange(design, grow(design, chosen.count, fixed), fixed)
    sigmas = sigma_of(design, picked)
    all_sigmas = sigma_of(every, list(range(grid.size)))
    if not np.isfinite(all_sigmas).all():
        raise ReferenceSpectraError(
            "the references cannot be told apart from each other or from the background",
            found=f"{grid.size} candidates, background of degree {chosen.background_degree}",
            fix="lower background_degree or widen the range of the candidates",
        )
    even = np.unique(np.linspace(0, grid.size - 1, chosen.count).round().astype(int))
    return EnergyPlan(
        energies=np.sort(grid[picked]),
        sigma=_rms(sigmas),
        sigma_all=_rms(all_sigmas),
        sigma_even=_rms(sigma_of(design, even.tolist())),
        by_composition={f: float(s) for f, s in zip(chosen.compositions, sigmas, strict=True)},
        parameters=chosen,
    )


def _nearest(grid: np.ndarray, energy: float) -> int:
    """Candidate nearest to a required energy, which must lie among them."""
    reach = float(np.diff(grid).max()) if grid.size > 1 else 0.0
    if not grid[0] - reach <= energy <= grid[-1] + reach:
        raise ParameterError(
            "a required energy is not among the candidates",
            expected=f"{grid[0]:g} to {grid[-1]:g}",
            found=f"{energy:g}",
            fix="give it in the unit of the candidates, or widen them",
        )
    return int(np.argmin(np.abs(grid - energy)))


def energy_curve(
    references: xr.DataArray,
    numbers: Iterable[int],
    params: EnergyPlanParameters | None = None,
    **options: object,
) -> pd.DataFrame:
    """Predicted uncertainty against the number of energies.

    Parameters
    ----------
    references, params
        As in `select_energies`.
    numbers : iterable of int
        Numbers of energies.
    **options
        Further arguments of `select_energies`.

    Returns
    -------
    pandas.DataFrame
        One row each: ``count``, ``sigma``, ``sigma_even``, ``sigma_all``, ``energies`` (tuple).
    """
    rows = []
    for count in numbers:
        plan = select_energies(references, params, **{**options, "count": count})  # type: ignore[arg-type]
        rows.append(
            {
                "count": count,
                "sigma": plan.sigma,
                "sigma_even": plan.sigma_even,
                "sigma_all": plan.sigma_all,
                "energies": tuple(float(e) for e in plan.energies),
            }
        )
    return pd.DataFrame(rows)


def fewest_energies(
    references: xr.DataArray,
    sigma_wanted: float,
    params: EnergyPlanParameters | None = None,
    **options: object,
) -> EnergyPlan:
    """Plan with the fewest energies whose predicted uncertainty is `sigma_wanted` or less.

    Parameters
    ----------
    references : xarray.DataArray
        ``(component, energy)``, as for `select_energies`.
    sigma_wanted : float
        Standard uncertainty to be reached, in the units of what the plan is for.
    params, **options
        As for `select_energies`; ``count`` is found here.

    Returns
    -------
    EnergyPlan
        Energies, their predicted uncertainty, and what all candidates would give.

    Raises
    ------
    ParameterError
        If not even all candidates reach it.
    """
    names = EnergyPlanParameters.__dataclass_fields__
    changes = {name: value for name, value in options.items() if name in names}
    chosen = EnergyPlanParameters.merged(params, changes)
    grid, _ = _candidates(references, options.get("candidates"), chosen)  # type: ignore[arg-type]
    unknowns = references.sizes["component"] + chosen.background_degree + 1 - chosen.sum_to_one
    for count in range(max(unknowns + 1, 2), grid.size + 1):
        plan = select_energies(references, params, **{**options, "count": count})  # type: ignore[arg-type]
        if plan.sigma <= sigma_wanted:
            return plan
    raise ParameterError(
        "no number of energies reaches this uncertainty",
        expected=f"{plan.sigma:.3g} or more, which all {grid.size} energies give",
        found=f"{sigma_wanted:g}",
        fix="count longer, measure a thicker place, or add candidates",
    )


def _rms(sigmas: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sigmas**2)))


def _candidates(
    references: xr.DataArray, candidates: np.ndarray | None, chosen: EnergyPlanParameters
) -> tuple[np.ndarray, np.ndarray]:
    """Energies that may be taken, and where they stand among the candidates."""
    dim = spectral_dim(references)
    if references.sizes[COMPONENT] < 2:
        raise ReferenceSpectraError(
            "one reference has no fraction to plan for: it is 1 everywhere",
            expected="two references or more",
            found=", ".join(component_names(references)),
        )
    grid = references[dim].values if candidates is None else np.asarray(candidates, float)
    if candidates is not None and dim == "energy":
        grid, message = energies_in_ev(grid)
        if message:
            warnings.warn(f"candidates: {message}", UserWarning, stacklevel=3)
    low = -np.inf if chosen.low is None else chosen.low
    high = np.inf if chosen.high is None else chosen.high
    kept = np.flatnonzero((grid >= low) & (grid <= high))
    return grid[kept], kept


def _check_count(chosen: EnergyPlanParameters, design: Design, grid: np.ndarray) -> None:
    # One more than the unknowns, as the fit itself wants.
    least = design.rows.shape[2] + 1
    if not least <= chosen.count <= grid.size:
        raise ParameterError(
            "this number of energies does not work",
            expected=f"{least} (more than the unknowns of the fit) to {grid.size} (candidates)",
            found=str(chosen.count),
            fix="lower background_degree, or give more candidates",
        )
