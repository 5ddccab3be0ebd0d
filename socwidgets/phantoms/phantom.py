"""A sample whose truth is known, and how to describe one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.model.names import COMPONENT, LABELS, X, Y
from socwidgets.model.parameters import Parameters, param

FRACTION = "fraction_"
COEFFICIENT = "coefficient_"
#: Variable of the fine grid that moves the spectrum of each point along the energy axis, eV.
ENERGY_SHIFT = "energy_shift"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldParams(Parameters):
    """What every phantom on a square field of view has."""

    size_px: int = param(96, "Edge of the square field of view.", unit="px", low=16, high=4096)
    pixel_um: float = param(0.05, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(
        3, "Points of the true field per pixel edge; odd, so that one lies on the pixel center.",
        low=1, high=9,
    )  # fmt: skip
    od_per_um: float = param(
        0.05, "Optical density of a reference of unit height (the edge jump) per thickness.",
        unit="um-1", low=1e-4, high=50,
    )  # fmt: skip

    def check(self) -> None:
        """Check fields against each other."""
        if self.oversample % 2 == 0:
            raise ParameterError("oversample must be odd", found=str(self.oversample))


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
        background), per component ``coefficient_<name>`` (optical density per unit reference) and,
        with three or more components, ``fraction_<name>``. The attributes hold the numbers of
        `summary`.
    fine : xarray.Dataset
        ``thickness`` and ``soc`` (0 where there is no material) on the finer grid that the
        instrument looks at; with three or more components also ``fraction_<name>``, and
        ``energy_shift`` (eV) where spectra are shifted instead of mixed.
    references : xarray.DataArray
        ``(component, energy)``, optical density per unit thickness (in units of ``od_per_um``).
    states : tuple of str
        What kind of particle each label is, first that of label 1.
    params : Parameters
        How it was made.
    seed : int
        Seed of the random generator. The same seed gives the same bytes.
    kind : str
        Name under which `make_phantom` makes it.
    numbers : mapping of str to float
        Analytic truth: what a perfect analysis should find. Each phantom's function says which.
    volume : xarray.Dataset or None
        ``(z, y, x)`` truth of three-dimensional phantoms: ``soc`` (NaN outside), ``labels``.
    """

    truth: xr.Dataset
    fine: xr.Dataset
    references: xr.DataArray
    states: tuple[str, ...]
    params: Parameters
    seed: int
    kind: str = "lfp_ensemble"
    numbers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    volume: xr.Dataset | None = None

    @property
    def pixel_um(self) -> float:
        """Pixel size, um."""
        axis = self.truth[X].values
        return float(axis[-1] - axis[0]) / (axis.size - 1)

    @property
    def oversample(self) -> int:
        """Points of the fine grid per pixel edge."""
        return int(self.fine.sizes[X] // self.truth.sizes[X])

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the reference spectra; of two, the second is the charged one."""
        return tuple(str(name) for name in self.references[COMPONENT].values)

    @property
    def od_per_um(self) -> float:
        """Optical density of a reference of unit height per thickness, um-1."""
        return float(self.params.to_dict()["od_per_um"])

    def amounts(self) -> np.ndarray:
        """``(component, y, x)``, um: thickness of each component on the fine grid."""
        thickness = self.fine["thickness"].values
        names = [f"{FRACTION}{name}" for name in self.components]
        if all(name in self.fine for name in names):
            return np.stack([thickness * self.fine[name].values for name in names])
        if len(names) == 1:
            return thickness[None]
        charge = thickness * self.fine["soc"].values
        return np.stack([thickness - charge, charge])

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
        with np.errstate(invalid="ignore"):
            return table.assign(
                pixels=count.astype(int),
                volume_um3=weight * self.pixel_um**2,
                soc=charge / weight,
                y_um=moment_y / weight,
                x_um=moment_x / weight,
            )


def maps_from_fields(
    thickness: np.ndarray,
    charge: np.ndarray,
    axis_um: np.ndarray | tuple[np.ndarray, np.ndarray],
    od_per_um: float,
    components: tuple[str, ...] = ("LFP", "FP"),
    amounts: np.ndarray | None = None,
) -> xr.Dataset:
    """Map set of SOC, thickness and component coefficients.

    Parameters
    ----------
    thickness, charge : ndarray
        ``(y, x)``, thickness and thickness times SOC, um.
    axis_um : ndarray or (ndarray, ndarray)
        Pixel centers along both axes, or along y and along x, um.
    od_per_um : float
        Optical density of a reference of unit height, per um.
    components : tuple of str
        Names of the reference spectra; of two, the second is the charged one.
    amounts : ndarray, optional
        ``(component, y, x)``, thickness of each component, um; needed for three or more.

    Returns
    -------
    xarray.Dataset
        ``soc`` is NaN where the thickness is below a millionth of its maximum. With `amounts`
        there is a ``fraction_<name>`` of each component.
    """
    floor = 1e-6 * float(thickness.max(initial=0.0))
    solid = thickness > floor
    length = {"units": "um"}
    rows, columns = axis_um if isinstance(axis_um, tuple) else (axis_um, axis_um)
    coords = {
        Y: (Y, rows, {"long_name": "Vertical position", **length}),
        X: (X, columns, {"long_name": "Horizontal position", **length}),
    }
    maps = xr.Dataset(coords=coords)
    soc_attrs = {"long_name": "State of charge", "units": "1", "kind": "soc"}
    maps["soc"] = ((Y, X), _quotient(charge, thickness, solid), soc_attrs)
    maps["thickness"] = ((Y, X), thickness, {"long_name": "Thickness", **length})
    parts = amounts
    if parts is None:
        parts = np.stack([thickness - charge, charge] if len(components) == 2 else [thickness])
    for name, part in zip(components, parts, strict=True):
        attrs = {"long_name": f"Coefficient of {name}", "units": "1", COMPONENT: name}
        maps[f"{COEFFICIENT}{name}"] = ((Y, X), od_per_um * part, attrs)
        if amounts is not None:
            words = {"long_name": f"Fraction of {name}", "units": "1", "kind": "fraction"}
            maps[f"{FRACTION}{name}"] = ((Y, X), _quotient(part, thickness, solid), words)
    return maps


def _quotient(part: np.ndarray, whole: np.ndarray, solid: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(solid, part / whole, np.nan)
