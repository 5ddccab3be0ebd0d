"""Plain shapes, secondary particles, facets of other speed, and cracks against size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom, volume_dataset
from socwidgets.phantoms.grains import open_cracks, voronoi_grains
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.solids import SHAPES, VOLUMES, level, project
from socwidgets.phantoms.xanes_references import JUMP_PER_UM, xanes_references

_REFERENCES = {"Ni3+": "LiNiO2", "Ni4+": "Ni4+"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeParams(FieldParams):
    """One solid particle of a plain shape and one SOC, seen along the beam."""

    size_px: int = param(64, "Edge of the square field of view.", unit="px", low=16, high=1024)
    pixel_um: float = param(0.1, "Pixel size.", unit="um", low=1e-4, high=1e3)
    shape: str = param("sphere", "Which solid.", choices=SHAPES)
    axes_um: tuple[float, float, float] = param(
        (2.5, 2.5, 2.5), "Half axes along z (the beam), y and x.", unit="um", low=1e-3, high=1e4
    )
    mean_soc: float = param(0.5, "SOC.", low=0, high=1)
    n_grains: int = param(1, "Voronoi grains inside: a secondary particle.", low=1, high=2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetParams(FieldParams):
    """Section of a truncated octahedron that reacts faster through its (100) facets."""

    size_px: int = param(96, "Edge of the square field of view.", unit="px", low=16, high=2048)
    pixel_um: float = param(0.1, "Pixel size.", unit="um", low=1e-4, high=1e3)
    radius_um: float = param(4.4, "Distance of the octahedron's corners.", unit="um", low=1e-3)
    depth_100_um: float = param(1.0, "Penetration length from (100).", unit="um", low=1e-3)
    depth_111_um: float = param(0.4, "Penetration length from (111).", unit="um", low=1e-3)
    soc_surface: float = param(0.9, "SOC at the surface.", low=0, high=1)
    soc_core: float = param(0.1, "SOC far inside.", low=0, high=1)
    thickness_um: float = param(8.0, "Thickness of the section.", unit="um", low=1e-3)
    od_per_um: float = param(0.04, "Edge jump per thickness.", unit="um-1", low=1e-4, high=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrackedParams(FieldParams):
    """Secondary particles of many sizes, the larger the more cracked (Fig. 16c)."""

    size_px: int = param(320, "Edge of the square field of view.", unit="px", low=32, high=4096)
    pixel_um: float = param(0.25, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=9)
    n_particles: int = param(49, "Number of particles.", low=4, high=2000)
    diameter_um: tuple[float, float] = param(
        (3.0, 10.0), "Smallest and largest diameter.", unit="um", low=0.01, high=1e3
    )
    middle_um: float = param(6.0, "Diameter at which half of all particles crack.", unit="um")
    slope_per_um: float = param(1.4, "Slope of the logistic curve.", unit="um-1", low=0.01)
    crack: float = param(0.5, "Share of open faces in a cracked particle.", low=0, high=1)
    mean_soc: float = param(0.5, "SOC.", low=0, high=1)
    od_per_um: float = param(
        JUMP_PER_UM["NMC622"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


def particle_shape(params: ShapeParams, seed: int = 0) -> Phantom:
    """Plain solid in projection, with its voxels; with grains it is a secondary particle.

    `numbers`: ``volume_um3`` (analytic) and ``mean``.

    Parameters
    ----------
    params : ShapeParams
        What to make.
    seed : int
        Seed of the grains.
    """
    grid = Grid.of(params)

    def surface(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return level(params.shape, z, y, x, params.axes_um)

    thickness, _, _, solid = project(grid, params.size_px, surface, lambda *_: {})
    grains = solid.astype(np.int32)
    if params.n_grains > 1:
        rng = np.random.default_rng([seed, 1])
        grains, _ = voronoi_grains(solid.shape, solid, params.n_grains, rng)
    soc = np.where(solid, params.mean_soc, np.nan)
    volume = VOLUMES[params.shape] * float(np.prod(params.axes_um))
    return build_phantom(
        "particle_shape", params, seed, grid, thickness=thickness,
        soc=np.full(thickness.shape, params.mean_soc), references=xanes_references(_REFERENCES),
        states=(params.shape,), numbers={"volume_um3": volume, "mean": params.mean_soc},
        volume=volume_dataset(soc, grains, params.pixel_um),
    )  # fmt: skip


def facet_particle(params: FacetParams, seed: int = 0) -> Phantom:
    """Octagonal section: SOC falls with the distance from each facet, more slowly from (100).

    ``s = s_c + (s_s - s_c) max over facets of exp(-d/lambda)``. The four facets across x and y are
    (100), the four diagonal ones (111).

    `numbers`: ``depth_100_um``, ``depth_111_um``, ``inradius_100_um``, ``inradius_111_um``.

    Parameters
    ----------
    params : FacetParams
        What to make.
    seed : int
        Kept for the contract; nothing is random.
    """
    grid = Grid.of(params)
    y, x = grid.centered()
    radius = params.radius_um
    reach = {"100": radius * 2.0 / 3.0, "111": radius / np.sqrt(2.0)}
    diagonal = np.sqrt(0.5)
    depths = {
        "100": [reach["100"] - d for d in (x + 0 * y, -x + 0 * y, y + 0 * x, -y + 0 * x)],
        "111": [reach["111"] - diagonal * (sy * y + sx * x) for sy in (1, -1) for sx in (1, -1)],
    }
    inside = np.min([d for group in depths.values() for d in group], axis=0) > 0
    terms = [
        np.exp(-np.clip(d, 0.0, None) / length)
        for name, length in (("100", params.depth_100_um), ("111", params.depth_111_um))
        for d in depths[name]
    ]
    soc = params.soc_core + (params.soc_surface - params.soc_core) * np.max(terms, axis=0)
    numbers = {
        "depth_100_um": params.depth_100_um,
        "depth_111_um": params.depth_111_um,
        **{f"inradius_{name}_um": float(value) for name, value in reach.items()},
    }
    return build_phantom(
        "facet_particle", params, seed, grid,
        thickness=np.where(inside, params.thickness_um, 0.0), soc=soc,
        references=xanes_references(_REFERENCES), states=("faceted",), numbers=numbers,
    )  # fmt: skip


def cracked_particles(params: CrackedParams, seed: int = 0) -> Phantom:
    """Disks of many sizes on a grid; each cracks with a probability that grows with its size.

    ``p = 1/(1 + exp(-k (D - D0)))``. Cracks are open faces between Voronoi grains, one or two
    pixels wide, without material. `states` says ``cracked`` or ``sound``.

    `numbers`: ``middle_um``, ``slope_per_um`` and ``cracked_fraction`` of this draw.

    Parameters
    ----------
    params : CrackedParams
        What to make.
    seed : int
        Seed of sizes, places and cracks.
    """
    grid = Grid.of(params)
    rng = np.random.default_rng([seed, 1])
    across = int(np.ceil(np.sqrt(params.n_particles)))
    cell = 0.94 * params.size_px * params.pixel_um / across
    y, x = grid.centered()
    thickness, labels = np.zeros(grid.fine_shape), np.zeros(grid.fine_shape, np.int32)
    states = []
    diameters = rng.uniform(*params.diameter_um, params.n_particles)
    chance = 1.0 / (1.0 + np.exp(-params.slope_per_um * (diameters - params.middle_um)))
    flips = rng.random(params.n_particles) < chance
    for number, (diameter, flip) in enumerate(zip(diameters, flips, strict=True), start=1):
        row, column = divmod(number - 1, across)
        cy, cx = ((place + 0.5 - across / 2) * cell for place in (row, column))
        r = np.sqrt((y - cy) ** 2 + (x - cx) ** 2) / min(diameter / 2.0, 0.46 * cell)
        inside = r < 1.0
        labels[inside] = number
        profile = diameter * np.sqrt(np.clip(1.0 - r[inside] ** 2, 0.0, None))
        thickness[inside] = profile
        if flip:
            n_grains = max(6, int(1.5 * diameter))
            grains, _ = voronoi_grains(grid.fine_shape, inside, n_grains, rng)
            thickness[open_cracks(grains, params.crack, rng)] = 0.0
        states.append("cracked" if flip else "sound")
    numbers = {
        "middle_um": params.middle_um,
        "slope_per_um": params.slope_per_um,
        "cracked_fraction": float(flips.mean()),
    }
    return build_phantom(
        "cracked_particles", params, seed, grid, thickness=thickness,
        soc=np.full(grid.fine_shape, params.mean_soc), labels=labels,
        references=xanes_references(_REFERENCES), states=tuple(states), numbers=numbers,
    )  # fmt: skip
