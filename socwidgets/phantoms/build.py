"""From fields on a fine grid to a phantom: pixel means, labels and the summary of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import xarray as xr

from socwidgets.model.names import LABELS, X, Y
from socwidgets.model.parameters import Parameters
from socwidgets.phantoms.phantom import ENERGY_SHIFT, FRACTION, Phantom, maps_from_fields


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixels of a field of view and the finer points inside them.

    Attributes
    ----------
    shape : (int, int)
        Pixels along y and x.
    pixel_um : float
        Pixel size, um; pixel 0 has its center at 0.
    oversample : int
        Points per pixel edge, odd.
    """

    shape: tuple[int, int]
    pixel_um: float
    oversample: int = 1

    @classmethod
    def of(cls, params: Parameters, shape: tuple[int, int] | None = None) -> Grid:
        """Grid of a phantom's parameters (``size_px``, ``pixel_um``, ``oversample``)."""
        values = params.to_dict()
        chosen = shape or (values["size_px"], values["size_px"])
        return cls(chosen, values["pixel_um"], values["oversample"])

    @property
    def step_um(self) -> float:
        """Distance of the fine points, um."""
        return self.pixel_um / self.oversample

    @property
    def fine_shape(self) -> tuple[int, int]:
        """Fine points along y and x."""
        return self.shape[0] * self.oversample, self.shape[1] * self.oversample

    @property
    def center_um(self) -> tuple[float, float]:
        """Middle of the field along y and x, um."""
        return (self.shape[0] - 1) / 2 * self.pixel_um, (self.shape[1] - 1) / 2 * self.pixel_um

    def axes(self, fine: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Positions ``(y,)`` and ``(x,)`` of the fine points or of the pixels, um."""
        if not fine:
            return (
                np.arange(self.shape[0]) * self.pixel_um,
                np.arange(self.shape[1]) * self.pixel_um,
            )
        offset = (self.oversample - 1) / 2.0
        rows, columns = (np.arange(n) - offset for n in self.fine_shape)
        return rows * self.step_um, columns * self.step_um

    def centered(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions ``(y, 1)`` and ``(1, x)`` of the fine points from the field's middle, um."""
        rows, columns = self.axes()
        return (rows - self.center_um[0])[:, None], (columns - self.center_um[1])[None, :]

    def block_mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over the fine points of each pixel, ``(..., y, x)``."""
        (ny, nx), edge = self.shape, self.oversample
        return values.reshape(*values.shape[:-2], ny, edge, nx, edge).mean(axis=(-3, -1))

    def middle(self, values: np.ndarray) -> np.ndarray:
        """Value at the pixel centers, ``(y, x)``."""
        edge = self.oversample
        return np.ascontiguousarray(values[edge // 2 :: edge, edge // 2 :: edge])


def build_phantom(
    kind: str,
    params: Parameters,
    seed: int,
    grid: Grid,
    *,
    thickness: np.ndarray,
    soc: np.ndarray,
    references: xr.DataArray,
    labels: np.ndarray | None = None,
    fractions: Mapping[str, np.ndarray] | None = None,
    energy_shift: np.ndarray | None = None,
    states: tuple[str, ...] = (),
    numbers: Mapping[str, float] | None = None,
    volume: xr.Dataset | None = None,
) -> Phantom:
    """Phantom from its fields on the fine grid.

    Parameters
    ----------
    kind, params, seed
        As `Phantom` keeps them.
    grid : Grid
        Of the field of view.
    thickness, soc : ndarray
        ``(y, x)`` on the fine grid, um and SOC; SOC is only used where there is thickness.
    references : xarray.DataArray
        ``(component, energy)``.
    labels : ndarray, optional
        ``(y, x)`` on the fine grid, int; everything with thickness is particle 1 if left out.
    fractions : mapping of str to ndarray, optional
        ``(y, x)`` on the fine grid for each component; needed for three or more.
    energy_shift : ndarray, optional
        ``(y, x)`` on the fine grid, eV.
    states, numbers, volume
        As `Phantom` keeps them.

    Returns
    -------
    Phantom
    """
    solid = thickness > 0
    fine_labels = solid.astype(np.int32) if labels is None else labels.astype(np.int32)
    filled = np.where(solid, np.nan_to_num(soc), 0.0)
    names = tuple(str(name) for name in references["component"].values)
    od_per_um = float(params.to_dict()["od_per_um"])
    amounts = None
    if fractions is not None:
        amounts = np.stack([thickness * np.where(solid, fractions[n], 0.0) for n in names])
    truth = maps_from_fields(
        grid.block_mean(thickness),
        grid.block_mean(thickness * filled),
        grid.axes(fine=False),
        od_per_um,
        names,
        None if amounts is None else grid.block_mean(amounts),
    )
    truth[LABELS] = ((Y, X), grid.middle(fine_labels), {"long_name": "Particle", "units": "1"})
    add_summary(truth)
    fine = maps_from_fields(thickness, thickness * filled, grid.axes(), od_per_um)
    fine = fine[["soc", "thickness"]].fillna(0.0)
    for name in names if fractions is not None else ():
        fine[f"{FRACTION}{name}"] = ((Y, X), np.where(solid, fractions[name], 0.0))  # type: ignore[index]
    if energy_shift is not None:
        _add_shift(truth, fine, grid, thickness, energy_shift)
    counted = states or tuple("particle" for _ in range(int(fine_labels.max(initial=0))))
    known = MappingProxyType({name: float(value) for name, value in (numbers or {}).items()})
    return Phantom(truth, fine, references, counted, params, seed, kind, known, volume)


def _add_shift(
    truth: xr.Dataset, fine: xr.Dataset, grid: Grid, thickness: np.ndarray, shift: np.ndarray
) -> None:
    """Energy shift on the fine grid, and its thickness-weighted mean on the pixels, eV."""
    attrs = {"long_name": "Shift of the spectrum", "units": "eV"}
    fine[ENERGY_SHIFT] = ((Y, X), np.where(thickness > 0, shift, 0.0), attrs)
    mass = grid.block_mean(thickness)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(mass > 0, grid.block_mean(thickness * shift) / mass, np.nan)
    truth[ENERGY_SHIFT] = ((Y, X), mean, attrs)


def add_summary(truth: xr.Dataset) -> None:
    """Write mean SOC and variance between and within particles into the attributes of `truth`.

    Weighted by thickness over the labeled pixels that have a SOC; variances without ddof.
    """
    label, soc = truth[LABELS].values, truth["soc"].values
    inside = (label > 0) & np.isfinite(soc)
    if not inside.any():
        return
    weight, soc, group = truth["thickness"].values[inside], soc[inside], label[inside]
    mass = np.bincount(group, weights=weight)
    means = np.bincount(group, weights=weight * soc) / np.where(mass > 0, mass, 1.0)
    mean = float(np.average(soc, weights=weight))
    truth.attrs.update(
        mean_soc=mean,
        variance_between=float(np.average((means[group] - mean) ** 2, weights=weight)),
        variance_within=float(np.average((soc - means[group]) ** 2, weights=weight)),
        n_particles=int(np.unique(group).size),
        note="weighted by thickness over the labeled pixels; variances without ddof",
    )


def volume_dataset(
    soc: np.ndarray,
    labels: np.ndarray,
    pixel_um: float | tuple[float, float, float],
    **more: tuple[np.ndarray, dict[str, str]],
) -> xr.Dataset:
    """Three-dimensional truth.

    Parameters
    ----------
    soc : ndarray
        ``(z, y, x)``, NaN outside the material.
    labels : ndarray
        ``(z, y, x)`` int, 0 = outside.
    pixel_um : float or (float, float, float)
        Voxel edge, or edges along z, y and x, um.
    **more : (ndarray, dict)
        Further ``(z, y, x)`` variables with their attributes.
    """
    steps = pixel_um if isinstance(pixel_um, tuple) else (pixel_um,) * 3
    dims = ("z", Y, X)
    words = ("Depth", "Vertical position", "Horizontal position")
    coords = {
        dim: (dim, np.arange(n) * step, {"units": "um", "long_name": word})
        for dim, n, step, word in zip(dims, soc.shape, steps, words, strict=True)
    }
    attrs = {"long_name": "State of charge", "units": "1", "kind": "soc"}
    data = {
        "soc": (dims, soc, attrs),
        LABELS: (dims, labels.astype(np.int32), {"long_name": "Particle", "units": "1"}),
    }
    data.update({name: (dims, values, words_) for name, (values, words_) in more.items()})
    return xr.Dataset(data, coords)
