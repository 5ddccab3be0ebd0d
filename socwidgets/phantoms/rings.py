"""NCA particles with an oxidized ring, alone or several through a cycle (Fig. 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom, volume_dataset
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.xanes_references import JUMP_PER_UM, xanes_references

#: Center and width of the ring, in units of the radius (ours, after Fig. 10k).
RING_AT, RING_WIDTH = 0.75, 0.1
#: Arrangements of the particles that are tried.
_ARRANGEMENTS = 20
_CHORD_POINTS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class RingParams(FieldParams):
    """Spherical particles whose SOC depends on the distance from their center."""

    size_px: int = param(96, "Edge of the square field of view.", unit="px", low=16, high=2048)
    pixel_um: float = param(0.15, "Pixel size.", unit="um", low=1e-4, high=1e3)
    radius_um: tuple[float, ...] = param(
        (5.0,), "Radius of each particle.", unit="um", low=0.01, high=1e3
    )
    mean_soc: float = param(0.6, "Mean SOC of the parabola, s0.", low=0, high=1)
    parabola: float = param(
        0.1, "Amplitude A of ``A (r^2/R^2 - 3/5)``: surface ahead of the center.", low=-1, high=1
    )
    ring: float = param(0.15, "Height B of the ring.", low=-1, high=1)
    sigma_between: float = param(0.0, "Standard deviation of the particles' SOC.", low=0, high=0.5)
    shift_um: tuple[float, float] = param(
        (0.0, 0.0), "Displacement of the whole field along y and x.", unit="um"
    )
    geometry: str = param(
        "projection", "What is imaged: along the beam, or a section through the middle.",
        choices=("projection", "section"),
    )  # fmt: skip
    od_per_um: float = param(
        JUMP_PER_UM["NCA"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


def ring_profile(r: np.ndarray, mean_soc: float, parabola: float, ring: float) -> np.ndarray:
    """``s0 + A (r^2 - 3/5) + B exp(-((r - 0.75)/0.1)^2)``.

    Parameters
    ----------
    r : ndarray
        Distance from the center in units of the radius.
    mean_soc, parabola, ring : float
        s0, A and B. With B = 0 the volume's mean is s0, its surface s0 + 0.4 A, its center
        s0 - 0.6 A and its standard deviation 0.261861 A (golden G-43).
    """
    return mean_soc + parabola * (r**2 - 0.6) + ring * np.exp(-(((r - RING_AT) / RING_WIDTH) ** 2))


def ring_truth(params: RingParams) -> dict[str, float]:
    """Numbers of one particle: SOC at surface and center, and the contrast of rim and core.

    Returns
    -------
    dict
        ``mean`` and ``std`` of the volume, ``surface``, ``center``, and ``rim_core`` (mean of the
        outer 20 % minus mean of the inner 20 % of the depth) of the volume (``rim_core_volume``)
        and of a section through the middle (``rim_core_section``).
    """
    r = (np.arange(100_000) + 0.5) / 100_000
    s = ring_profile(r, params.mean_soc, params.parabola, params.ring)
    out = {}
    for name, weight in (("volume", r**2), ("section", r)):
        outer, inner = r > 0.8, r < 0.2
        rim = np.average(s[outer], weights=weight[outer])
        out[f"rim_core_{name}"] = float(rim - np.average(s[inner], weights=weight[inner]))
    mean = float(np.average(s, weights=r**2))
    ends = ring_profile(np.array([0.0, 1.0]), params.mean_soc, params.parabola, params.ring)
    return {
        "mean": mean,
        "std": float(np.sqrt(np.average((s - mean) ** 2, weights=r**2))),
        "center": float(ends[0]),
        "surface": float(ends[1]),
        **out,
    }


def ring_particles(params: RingParams, seed: int = 0) -> Phantom:
    """One or more spheres with a radial SOC: a parabola, as diffusion leaves it, and a ring.

    Places and offsets depend on the seed only: states of one cycle are the same particles with
    other parameters, and `shift_um` moves the field as a stage does.

    `numbers`: `ring_truth`, of a particle without an offset.

    Parameters
    ----------
    params : RingParams
        What to make.
    seed : int
        Seed of places and offsets.

    Raises
    ------
    ParameterError
        If the particles do not fit.
    """
    grid = Grid.of(params)
    places = _places(params, np.random.default_rng([seed, 1]))
    rng = np.random.default_rng([seed, 2])
    offsets = params.sigma_between * rng.standard_normal(len(places))
    y, x = grid.centered()
    thickness, charge = np.zeros(grid.fine_shape), np.zeros(grid.fine_shape)
    labels = np.zeros(grid.fine_shape, np.int32)
    for number, ((cy, cx), radius, offset) in enumerate(
        zip(places, params.radius_um, offsets, strict=True), start=1
    ):
        away_y, away_x = y - cy - params.shift_um[0], x - cx - params.shift_um[1]
        distance = np.sqrt(away_y**2 + away_x**2) / radius
        inside = distance < 1.0
        depth, soc = _seen(params, distance[inside], radius)
        thickness[inside] += depth
        charge[inside] += depth * np.clip(soc + offset, 0.0, 1.0)
        labels[inside] = number
    return build_phantom(
        "nca_ring", params, seed, grid, thickness=thickness,
        soc=charge / np.where(thickness > 0, thickness, 1.0), labels=labels,
        references=xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"}),
        states=("ring",) * len(places), numbers=ring_truth(params),
        volume=_volume(params) if len(places) == 1 else None,
    )  # fmt: skip


def _seen(params: RingParams, distance: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Thickness (um) and SOC along the beam at some distances from the axis."""
    if params.geometry == "section":
        soc = ring_profile(distance, params.mean_soc, params.parabola, params.ring)
        return np.full(distance.shape, 2.0 * radius), soc
    half = np.sqrt(1.0 - distance**2)
    soc = np.zeros_like(distance)
    for fraction in (np.arange(_CHORD_POINTS) + 0.5) / _CHORD_POINTS:
        r = np.sqrt(distance**2 + (fraction * half) ** 2)
        soc += ring_profile(r, params.mean_soc, params.parabola, params.ring) / _CHORD_POINTS
    return 2.0 * radius * half, soc


def _volume(params: RingParams) -> xr.Dataset:
    """Voxels of a single, centered particle at the pixel size."""
    axis = (np.arange(params.size_px) - (params.size_px - 1) / 2) * params.pixel_um
    squared = (axis / params.radius_um[0]) ** 2
    r = np.sqrt(squared[:, None, None] + squared[None, :, None] + squared[None, None, :])
    soc = ring_profile(r, params.mean_soc, params.parabola, params.ring)
    return volume_dataset(np.where(r < 1.0, soc, np.nan), r < 1.0, params.pixel_um)


def _places(params: RingParams, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Centers without overlap, um from the middle of the field; a single particle is centered."""
    if len(params.radius_um) == 1:
        return [(0.0, 0.0)]
    # Large particles can be put where no other finds room: then all begin anew.
    most = 0
    for _ in range(_ARRANGEMENTS):
        placed = _arrangement(params, rng)
        if len(placed) == len(params.radius_um):
            return placed
        most = max(most, len(placed))
    raise ParameterError(
        "the particles do not fit on the field",
        expected=f"room for {len(params.radius_um)} particles",
        found=f"room for {most}",
        fix="put the largest radius first, take fewer or a larger field",
    )


def _arrangement(params: RingParams, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Random centers one after the other, as far as there is room."""
    half = 0.5 * params.size_px * params.pixel_um * 0.9
    placed: list[tuple[float, float]] = []
    for radius in params.radius_um:
        for _ in range(2000):
            spot = rng.uniform(-half + radius, half - radius, 2) if half > radius else None
            if spot is not None and all(
                np.hypot(spot[0] - cy, spot[1] - cx) > radius + other + 2.0 * params.pixel_um
                for (cy, cx), other in zip(placed, params.radius_um, strict=False)
            ):
                placed.append((float(spot[0]), float(spot[1])))
                break
        else:
            break
    return placed
