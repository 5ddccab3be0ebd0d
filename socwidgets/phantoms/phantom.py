"""A sample whose truth is known, and how to describe one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.model.names import COMPONENT, LABELS, X, Y
from socwidgets.model.parameters import Parameters, param


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleParams(Parameters):
    """What the ensemble looks like."""

    size_px: int = param(160, "Edge of the square field of view.", unit="px", low=48, high=2048)
    pixel_um: float = param(0.04, "Pixel size.", unit="um", low=0.001, high=10)
    oversample: int = param(
        3, "Points of the true field per pixel edge; odd, so that one lies on the pixel center.",
        low=1, high=9,
    )  # fmt: skip
    n_particles: int = param(32, "Number of particles.", low=1, high=2000)
    length_um: tuple[float, float] = param(
        (0.35, 1.2), "Smallest and largest length of a particle.", unit="um", low=0.05, high=20
    )
    thickness_um: tuple[float, float] = param(
        (0.055, 0.125), "Smallest and largest thickness.", unit="um", low=0.005, high=5
    )
    border: float = param(0.12, "Part of the field left empty on each side.", low=0.05, high=0.4)
    touching: float = param(0.4, "Share of particles that touch another.", low=0, high=1)
    mean_soc: float = param(0.5, "Wanted mean state of charge.", low=0, high=1)
    two_phase: float = param(0.16, "Share of particles with a front inside.", low=0, high=1)
    solid_solution: float = param(0.1, "Share of particles in between.", low=0, high=1)
    soc_ends: tuple[float, float] = param(
        (0.02, 0.98), "SOC of discharged and of charged material.", low=0, high=1
    )
    interface_um: float = param(0.05, "Half width of a front.", unit="um", low=0.001, high=1)
    roughness: float = param(0.05, "Relative variation of the thickness.", low=0, high=0.3)
    od_per_um: float = param(
        8.0, "Optical density of a reference of unit height per thickness (LiFePO4, Fe L3).",
        unit="um-1", low=0.1, high=50,
    )  # fmt: skip

    def check(self) -> None:
        """Check fields against each other."""
        if self.oversample % 2 == 0:
            raise ParameterError("oversample must be odd", found=str(self.oversample))
        if self.two_phase + self.solid_solution > 1:
            raise ParameterError(
                "more than all particles are two-phase or solid solution",
                expected="two_phase + solid_solution <= 1",
                found=f"{self.two_phase} + {self.solid_solution}",
            )
        for name in ("length_um", "thickness_um", "soc_ends"):
            low, high = getattr(self, name)
            if low > high:
                raise ParameterError(f"{name} is upside down", found=f"{low} > {high}")


@dataclass(frozen=True, slots=True)
class Phantom:
    """A sample whose truth is known.

    Attributes
    ----------
    truth : xarray.Dataset
        Maps ``(y, x)`` on the pixels: ``soc`` (thickness-weighted over the pixel, NaN where there
        is no material), ``thickness`` (um, mean over the pixel), ``labels`` (int32, 0 =
        background), and per component ``coefficient_<name>`` (optical density per unit reference).
        The attributes hold the numbers of `summary`.
    fine : xarray.Dataset
        ``thickness`` and ``soc`` (0 where there is no material) on the finer grid that the
        instrument looks at.
    references : xarray.DataArray
        ``(component, energy)``, optical density per unit thickness; 695 to 735 eV, every 0.05 eV.
    states : tuple of str
        What kind of particle each label is, first that of label 1.
    params : EnsembleParams
        How it was made.
    seed : int
        Seed of the random generator. The same seed gives the same bytes.
    """

    truth: xr.Dataset
    fine: xr.Dataset
    references: xr.DataArray
    states: tuple[str, ...]
    params: EnsembleParams
    seed: int

    def summary(self) -> dict[str, float]:
        """Thickness-weighted mean SOC and its variance between and within particles."""
        return {str(k): v for k, v in self.truth.attrs.items() if isinstance(v, float)}

    def particles(self) -> pd.DataFrame:
        """One row per particle: label, state, pixels, volume (um3), mean SOC and center (um).

        Mean and center are weighted by thickness.
        """
        labels = self.truth[LABELS].values.ravel()
        thickness = self.truth["thickness"].values.ravel()
        soc = np.nan_to_num(self.truth["soc"].values.ravel())
        y, x = np.meshgrid(self.truth[Y].values, self.truth[X].values, indexing="ij")
        ones = np.ones_like(thickness)
        count, weight, charge, moment_y, moment_x = (
            np.bincount(labels, weights=w, minlength=len(self.states) + 1)[1:]
            for w in (ones, thickness, *(thickness * v for v in (soc, y.ravel(), x.ravel())))
        )
        table = pd.DataFrame({"label": np.arange(1, len(self.states) + 1), "state": self.states})
        return table.assign(
            pixels=count.astype(int),
            volume_um3=weight * self.params.pixel_um**2,
            soc=charge / weight,
            y_um=moment_y / weight,
            x_um=moment_x / weight,
        )


def maps_from_fields(
    thickness: np.ndarray, charge: np.ndarray, axis_um: np.ndarray, od_per_um: float
) -> xr.Dataset:
    """Map set of SOC, thickness and component coefficients.

    Parameters
    ----------
    thickness, charge : ndarray
        ``(y, x)``, thickness and thickness times SOC, um.
    axis_um : ndarray
        Pixel centers along both axes, um.
    od_per_um : float
        Optical density of a reference of unit height, per um.

    Returns
    -------
    xarray.Dataset
        ``soc`` is NaN where the thickness is below a millionth of its maximum.
    """
    floor = 1e-6 * float(thickness.max(initial=0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        soc = np.where(thickness > floor, charge / thickness, np.nan)
    length = {"units": "um"}
    coords = {
        Y: (Y, axis_um, {"long_name": "Vertical position", **length}),
        X: (X, axis_um, {"long_name": "Horizontal position", **length}),
    }
    maps = xr.Dataset(coords=coords)
    soc_attrs = {"long_name": "State of charge", "units": "1", "kind": "soc"}
    maps["soc"] = ((Y, X), soc, soc_attrs)
    maps["thickness"] = ((Y, X), thickness, {"long_name": "Thickness", **length})
    for name, part in (("LFP", thickness - charge), ("FP", charge)):
        attrs = {"long_name": f"Coefficient of {name}", "units": "1", COMPONENT: name}
        maps[f"coefficient_{name}"] = ((Y, X), od_per_um * part, attrs)
    return maps
