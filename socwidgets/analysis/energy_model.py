"""Model of a scan to be planned: its linear fit, its noise, and what is wanted of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.analysis.energy_design import Design
from socwidgets.analysis.lcf_design import BACKGROUND_POWERS, background_rows
from socwidgets.model.errors import ParameterError
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
    background_law: str = param(
        "line",
        "How a background of degree 1 runs, as for the fit: along a straight line, or as E^-3.",
        choices=tuple(BACKGROUND_POWERS),
    )
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


def make_design(
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
    background = background_rows(grid, chosen.background_degree, chosen.background_law)
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
