"""Shrinking core: a sphere with a discharged core, as a volume, a projection and a section."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom, volume_dataset
from socwidgets.phantoms.fields import core_shell
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.xanes_references import xanes_references

#: Points along each chord; the error of a mean is below 1e-4.
_CHORD_POINTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreParams(FieldParams):
    """A spherical particle with a core of another state of charge."""

    size_px: int = param(64, "Edge of the square field of view.", unit="px", low=16, high=1024)
    pixel_um: float = param(0.1, "Pixel size.", unit="um", low=1e-4, high=1e3)
    radius_um: float = param(2.5, "Radius of the particle.", unit="um", low=1e-3, high=1e4)
    core_radius: float = param(0.5, "Radius of the core over that of the particle.", low=0, high=1)
    width: float = param(
        0.01, "Half width of the front over the particle's radius.", low=1e-4, high=1
    )
    soc_core: float = param(0.0, "SOC inside.", low=0, high=1)
    soc_shell: float = param(1.0, "SOC outside.", low=0, high=1)
    geometry: str = param(
        "projection", "What is imaged: along the beam, or a section through the middle.",
        choices=("projection", "section"),
    )  # fmt: skip

    def check(self) -> None:
        """Check fields against each other."""
        FieldParams.check(self)
        if 2.0 * self.radius_um > 0.9 * self.size_px * self.pixel_um:
            raise ParameterError(
                "the particle does not fit on the field",
                expected=f"a diameter below {0.9 * self.size_px * self.pixel_um:.3g} um",
                found=f"{2 * self.radius_um:g} um",
                fix="lower radius_um, or raise size_px or pixel_um",
            )


def shrinking_core(params: CoreParams, seed: int = 0) -> Phantom:
    """Sphere with a core: ``s = s_shell + (s_core - s_shell) (1 + tanh((r_c - r)/w))/2``.

    `numbers` (of a sharp front): see `core_truth`.

    Parameters
    ----------
    params : CoreParams
        What to make.
    seed : int
        Kept for the contract; nothing is random.
    """
    grid = Grid.of(params)
    y, x = grid.centered()
    distance = np.sqrt(y**2 + x**2) / params.radius_um

    def soc_at(r: np.ndarray) -> np.ndarray:
        return core_shell(r, params.core_radius, params.width, params.soc_core, params.soc_shell)

    inside = distance < 1.0
    half = np.sqrt(np.clip(1.0 - distance**2, 0.0, None))
    if params.geometry == "section":
        thickness, soc = np.where(inside, 2.0 * params.radius_um, 0.0), soc_at(distance)
    else:
        thickness, soc = 2.0 * params.radius_um * half, np.zeros_like(distance)
        for fraction in (np.arange(_CHORD_POINTS) + 0.5) / _CHORD_POINTS:
            soc += soc_at(np.sqrt(distance**2 + (fraction * half) ** 2)) / _CHORD_POINTS
    return build_phantom(
        "shrinking_core", params, seed, grid, thickness=np.where(inside, thickness, 0.0), soc=soc,
        references=xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"}), states=("core_shell",),
        numbers=core_truth(params.core_radius, params.soc_core, params.soc_shell),
        volume=_volume(params, soc_at),
    )  # fmt: skip


def _volume(params: CoreParams, soc_at: Callable[[np.ndarray], np.ndarray]) -> xr.Dataset:
    """Voxels at the pixel size."""
    axis = (np.arange(params.size_px) - (params.size_px - 1) / 2) * params.pixel_um
    squared = axis**2 / params.radius_um**2
    r = np.sqrt(squared[:, None, None] + squared[None, :, None] + squared[None, None, :])
    solid = r < 1.0
    return volume_dataset(np.where(solid, soc_at(r), np.nan), solid, params.pixel_um)


def core_truth(
    core_radius: float, soc_core: float = 0.0, soc_shell: float = 1.0
) -> dict[str, float]:
    """Numbers of a sphere with a sharp core (golden G-40 to G-42).

    A beam at distance b from the axis sees ``s(b) = 1 - sqrt(r_c^2 - b^2)/sqrt(1 - b^2)`` (shell 1,
    core 0). Weighting by thickness gives back the mean of the volume; plain pixels do not.

    Parameters
    ----------
    core_radius : float
        In units of the particle's radius.
    soc_core, soc_shell : float
        SOC inside and outside.

    Returns
    -------
    dict
        ``mean`` and ``std`` of the volume, ``weighted_mean`` of the projected map (the same as
        ``mean``), ``pixel_mean`` and ``pixel_std`` of its plain pixels, ``center_pixel``,
        ``section_mean`` of a section through the middle, ``pixels_in_between`` (share of projected
        pixels with a shell fraction of 0.1 to 0.9).
    """
    # The plain mean over the disk is an integral over b^2, uniform in [0, 1].
    squared = (np.arange(400_000) + 0.5) / 400_000
    core = np.sqrt(np.clip(core_radius**2 - squared, 0.0, None)) / np.sqrt(1.0 - squared)
    shell = 1.0 - core
    step = soc_shell - soc_core
    volume = core_radius**3
    return {
        "mean": soc_core + step * (1.0 - volume),
        "weighted_mean": soc_core + step * (1.0 - volume),
        "std": abs(step) * float(np.sqrt(volume * (1.0 - volume))),
        "pixel_mean": soc_core + step * float(shell.mean()),
        "pixel_std": abs(step) * float(shell.std()),
        "center_pixel": soc_core + step * (1.0 - core_radius),
        "section_mean": soc_core + step * (1.0 - core_radius**2),
        "pixels_in_between": float(np.mean((shell > 0.1) & (shell < 0.9))),
    }
