"""Optical densities at two energies above the pre-edge, with their covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import SIGNAL, SIGNAL_STD, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.references import align_references
from socwidgets.model.stack import require_quantity, validate_stack

#: How far a measured energy may lie from the one that was asked for, eV.
_NEAR_EV = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoEnergyParameters(Parameters):
    """Parameters of a state of charge from two energies."""

    energies: tuple[float, float] = param(
        (708.2, 710.2), "Peaks of the lithiated and of the delithiated phase.", unit="eV"
    )
    pre: tuple[float, float] | None = param(
        (700.0, 703.5),
        "Window before the edge whose mean is taken off; empty: nothing is taken off.",
        unit="eV",
    )
    signal_sigma: float = param(
        3.0, "Smallest length of (OD, OD) in units of its standard uncertainty.", low=0.0
    )
    margin: float = param(
        0.1, "How far outside 0 to 1, beyond 3 sigma, a value counts as in range.", low=0.0
    )

    def check(self) -> None:
        """Check the order of the energies."""
        if not self.energies[0] < self.energies[1]:
            raise ParameterError(
                "the two energies are not in order",
                expected="the peak of the lithiated phase first, which is the lower one",
                found=str(self.energies),
            )


def _nearest(od: xr.Dataset, energy_ev: float) -> int:
    axis = od[spectral_dim(od[SIGNAL])].values
    row = int(np.argmin(np.abs(axis - energy_ev)))
    if abs(axis[row] - energy_ev) > _NEAR_EV:
        raise DataError(
            f"the stack was not measured at {energy_ev:g} eV",
            expected=f"an energy within {_NEAR_EV:g} eV of it",
            found=f"the nearest is {axis[row]:g} eV",
            fix="give energies=(lithiated, delithiated)",
        )
    return row


def _pre_rows(axis: np.ndarray, window: tuple[float, float] | None) -> np.ndarray:
    if window is None:
        return np.empty(0, dtype=int)
    rows = np.flatnonzero((axis >= window[0] - 1e-6) & (axis <= window[1] + 1e-6))
    if not rows.size:
        raise DataError(
            "no energy lies before the edge",
            expected=f"one from {window[0]:g} to {window[1]:g} eV",
            found=f"{axis[0]:g} to {axis[-1]:g} eV",
            fix="give pre=(low, high), or pre=None where the background is known to be zero",
        )
    return rows


def two_densities(
    od: xr.Dataset, params: TwoEnergyParameters
) -> tuple[xr.DataArray, xr.DataArray, tuple[Any, Any, Any]]:
    """Both densities above the pre-edge, and their variances and covariance (the pre-edge's)."""
    validate_stack(od)
    require_quantity(od, ("optical_density",), "a state of charge from two energies")
    signal = od[SIGNAL].astype(np.float64)
    dim = spectral_dim(signal)
    axis = signal[dim].values
    rows = [_nearest(od, energy) for energy in params.energies]
    pre = _pre_rows(axis, params.pre)
    base = signal.isel({dim: pre}).mean(dim) if pre.size else 0.0
    u, v = (signal.isel({dim: row}, drop=True) - base for row in rows)
    u.attrs["energies"] = [float(axis[row]) for row in rows]
    if SIGNAL_STD in od:
        noise = od[SIGNAL_STD].astype(np.float64) ** 2
        shared = noise.isel({dim: pre}).sum(dim) / max(pre.size, 1) ** 2
        own = [noise.isel({dim: row}, drop=True) for row in rows]
    else:
        scatter = signal.isel({dim: pre}).var(dim, ddof=1) if pre.size >= 3 else u * np.nan
        shared, own = scatter / max(pre.size, 1), [scatter, scatter]
    return u, v, (own[0] + shared, own[1] + shared, shared if pre.size else 0.0 * shared)


def reference_densities(
    references: xr.DataArray, energies: list[float], params: TwoEnergyParameters
) -> list[tuple[float, float]]:
    """Each reference at the two energies, its own pre-edge taken off as that of the stack."""
    dim = spectral_dim(references)
    grid = xr.DataArray(energies, dims=dim, name=dim, attrs=references[dim].attrs)
    at = align_references(references, grid).values
    if params.pre is not None:
        axis = references[dim].values
        at = at - references.values[:, _pre_rows(axis, params.pre)].mean(axis=1)[:, None]
    return [(float(one[0]), float(one[1])) for one in at]
