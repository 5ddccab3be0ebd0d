"""Which energies to measure: the few that tell the state of charge best (dose, time)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.energy_design import Design, exchange, grow, sigma_of
from socwidgets.kernels.lcf_plan import polynomial_background
from socwidgets.model.errors import ParameterError, ReferenceSpectraError
from socwidgets.model.names import spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.references import align_references, component_names

CRITERIA = ("soc", "determinant")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyPlanParameters(Parameters):
    """What will be measured and what is to be known."""

    count: int = param(10, "Number of energies.", low=2)
    sigma: float | None = param(
        None,
        "Standard uncertainty of one optical density; empty: from the counts.",
        low=1e-9,
    )
    counts: float = param(
        2000.0, "Counts per pixel and frame without a sample.", unit="counts", low=1.0
    )
    flats: int = param(10, "Flat fields per energy.", low=1)
    jitter: float = param(
        0.0,
        "Standard uncertainty of each energy: steep slopes then count less, and the plan becomes "
        "safer against an energy scale that is not quite that of the references.",
        unit="axis units",
        low=0.0,
    )
    share_dose: bool = param(
        False, "The counts are the dose of the whole scan, shared by its frames, not of each frame."
    )
    thickness: float = param(
        1.0, "Thickness of the sample, in units of the references (edge jumps).", low=1e-6
    )
    offset: float = param(0.0, "Optical density that does not come from the references.", low=0.0)
    compositions: tuple[float, ...] = param(
        (0.1, 0.5, 0.9), "Fractions of the charged reference whose variance is averaged."
    )
    charged: str = param("", "Reference whose fraction is wanted; the last one if empty.")
    background_degree: int = param(1, "Background fitted with them; -1 for none.", low=-1, high=1)
    sum_to_one: bool = param(False, "Weights add up to one (normalized spectra).")
    criterion: str = param(
        "soc",
        "'soc' minimizes the variance of the fraction (A-optimal for it), 'determinant' the volume "
        "of all weights (D-optimal).",
        choices=CRITERIA,
    )
    low: float | None = param(None, "Lowest energy that may be taken.", unit="axis units")
    high: float | None = param(None, "Highest energy that may be taken.", unit="axis units")

    def check(self) -> None:
        """Check that there is a composition to plan for."""
        if not self.compositions or not all(0 <= f <= 1 for f in self.compositions):
            raise ParameterError(
                "the compositions to plan for are no fractions",
                expected="one or more numbers from 0 to 1",
                found=str(self.compositions),
            )


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
        ``(n,)``, energies that can be measured; those of the references if left out.
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
        If the references do not cover the candidates or cannot be told apart on all of them.
    ParameterError
        If fewer energies are asked for than the fit has unknowns, or more than there are.

    Notes
    -----
    Energies are added one by one where they help most, then each is exchanged for any other as long
    as that helps (Fedorov 1972). The noise of an optical density from counts is
    ``sqrt((exp(OD) + 1/n_flats)/N0)`` (science B.1). Distinct energies; a repeated one is a longer
    exposure.
    """
    given = params.to_dict() if params is not None else {}
    chosen = EnergyPlanParameters.from_mapping({**given, **changes})
    grid, kept = _candidates(references, candidates, chosen)
    every = _design(references, grid, chosen, None if noise is None else noise[kept], grid.size)
    design = _design(references, grid, chosen, None if noise is None else noise[kept], chosen.count)
    _check_count(chosen, design, grid)
    fixed = sorted({int(np.argmin(np.abs(grid - e))) for e in required})
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


def energy_curve(
    references: xr.DataArray,
    counts: Iterable[int],
    params: EnergyPlanParameters | None = None,
    **options: object,
) -> pd.DataFrame:
    """Predicted uncertainty against the number of energies.

    Parameters
    ----------
    references, params
        As in `select_energies`.
    counts : iterable of int
        Numbers of energies.
    **options
        Further arguments of `select_energies`.

    Returns
    -------
    pandas.DataFrame
        One row each: ``count``, ``sigma``, ``sigma_even``, ``sigma_all``, ``energies`` (tuple).
    """
    rows = []
    for count in counts:
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

    Raises
    ------
    ParameterError
        If not even all candidates reach it.
    """
    given = params.to_dict() if params is not None else {}
    names = EnergyPlanParameters.__dataclass_fields__
    changes = {name: value for name, value in options.items() if name in names}
    chosen = EnergyPlanParameters.from_mapping({**given, **changes})
    grid, _ = _candidates(references, options.get("candidates"), chosen)  # type: ignore[arg-type]
    low = references.sizes["component"] + chosen.background_degree + 1
    for count in range(max(low, 2), grid.size + 1):
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
    grid = references[dim].values if candidates is None else np.asarray(candidates, float)
    low = -np.inf if chosen.low is None else chosen.low
    high = np.inf if chosen.high is None else chosen.high
    kept = np.flatnonzero((grid >= low) & (grid <= high))
    return grid[kept], kept


def _check_count(chosen: EnergyPlanParameters, design: Design, grid: np.ndarray) -> None:
    least = design.rows.shape[2]
    if not least <= chosen.count <= grid.size:
        raise ParameterError(
            "this number of energies does not work",
            expected=f"{least} (unknowns of the fit) to {grid.size} (candidates)",
            found=str(chosen.count),
            fix="lower background_degree, or give more candidates",
        )


def _design(
    references: xr.DataArray,
    grid: np.ndarray,
    chosen: EnergyPlanParameters,
    noise: np.ndarray | None,
    frames: int,
) -> Design:
    """Weighted rows of the linear fit, for each composition, and what of it is wanted."""
    dim = spectral_dim(references)
    names = list(component_names(references))
    target = names.index(chosen.charged) if chosen.charged in names else len(names) - 1
    if chosen.charged and chosen.charged not in names:
        raise ParameterError(
            f"there is no reference {chosen.charged!r}", expected=f"one of {', '.join(names)}"
        )
    coord = xr.DataArray(grid, dims=dim, name=dim, attrs=references[dim].attrs)
    spectra = align_references(references, coord).values
    slopes = _slopes(references, coord) if chosen.jitter else np.zeros_like(spectra)
    background = polynomial_background(grid, chosen.background_degree)
    rows, wanted = [], []
    for fraction in chosen.compositions:
        mix = np.full(len(names), (1.0 - fraction) / max(len(names) - 1, 1))
        mix[target] = fraction
        od = chosen.thickness * (mix @ spectra) + chosen.offset
        slope = chosen.thickness * (mix @ slopes)
        sigma = np.hypot(_sigma(od, chosen, noise, frames), chosen.jitter * slope)
        change = (np.eye(len(names))[target] - fraction) / chosen.thickness
        unknown, gradient = spectra.T, change
        if chosen.sum_to_one:
            # Directions that keep the sum: all differences to the target reference.
            others = [k for k in range(len(names)) if k != target]
            unknown = (spectra[others] - spectra[target]).T
            gradient = np.full(len(others), -1.0 / chosen.thickness)
        table = np.hstack([unknown, background.T]) if background.size else unknown
        rows.append(table / sigma[:, None])
        wanted.append(np.append(gradient, np.zeros(table.shape[1] - gradient.size)))
    return Design(np.stack(rows), np.stack(wanted), chosen.criterion == "determinant")


def _slopes(references: xr.DataArray, coord: xr.DataArray) -> np.ndarray:
    """Change of the references per unit of the axis, from a step inside their range."""
    axis, step = references[spectral_dim(references)].values, 0.05
    ends = [
        align_references(references, coord.copy(data=np.clip(coord.values + s, axis[0], axis[-1])))
        for s in (step, -step)
    ]
    width = np.clip(coord.values + step, axis[0], axis[-1]) - np.clip(
        coord.values - step, axis[0], axis[-1]
    )
    return (ends[0].values - ends[1].values) / width


def _sigma(
    od: np.ndarray, chosen: EnergyPlanParameters, noise: np.ndarray | None, frames: int
) -> np.ndarray:
    if noise is not None:
        return np.asarray(noise, float)
    if chosen.sigma is not None:
        return np.full(od.size, chosen.sigma * (frames**0.5 if chosen.share_dose else 1.0))
    counts = chosen.counts / frames if chosen.share_dose else chosen.counts
    return np.sqrt((np.exp(od) + 1.0 / chosen.flats) / counts)
