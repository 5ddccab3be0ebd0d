"""Polycrystalline NMC: a random field, constant offsets of grains, shifted edges, cracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom
from socwidgets.phantoms.fields import gaussian_field
from socwidgets.phantoms.grains import grain_offsets, open_cracks, voronoi_grains
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.xanes_references import JUMP_PER_UM, xanes_references

_ENDS = {
    "Ni3+ to Ni4+": {"Ni3+": "LiNiO2", "Ni4+": "Ni4+"},
    "Ni2+ to Ni4+": {"Ni2+": "NiO", "Ni4+": "Ni4+"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NmcParams(FieldParams):
    """A slab-like secondary particle (constant thickness) with structure at two scales."""

    size_px: int = param(128, "Edge of the square field of view.", unit="px", low=16, high=4096)
    pixel_um: float = param(0.08, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=9)
    radius_um: float = param(4.2, "Radius of the particle.", unit="um", low=1e-3, high=1e4)
    thickness_um: float = param(6.0, "Thickness along the beam.", unit="um", low=1e-3, high=1e3)
    mean_soc: float = param(0.5, "Mean SOC s0.", low=0, high=1)
    sigma_field: float = param(0.08, "Standard deviation of the random field.", low=0, high=0.5)
    correlation_um: float = param(
        0.4, "Correlation length l of the random field.", unit="um", low=1e-4, high=1e3
    )
    sigma_grain: float = param(0.04, "Standard deviation of the grains' offsets.", low=0, high=0.5)
    n_grains: int = param(200, "Number of grains.", low=1, high=5000)
    crack: float = param(0.0, "Probability that a face between grains is open.", low=0, high=1)
    n_particles: int = param(
        1, "Particles in the field, on a grid; each has the planned mean and spread.",
        low=1, high=400,
    )  # fmt: skip
    ends: str = param(
        "Ni3+ to Ni4+", "What discharged and charged material look like.",
        choices=("Ni3+ to Ni4+", "Ni2+ to Ni4+"),
    )  # fmt: skip
    od_per_um: float = param(
        JUMP_PER_UM["NMC622"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeFieldParams(NmcParams):
    """The same particle where the edge itself moves instead of two references mixing."""

    mode_ev: float = param(
        0.0, "Mode of the shift against LiNiO2 (white line 8352.22 eV).", unit="eV",
        low=-10, high=10,
    )  # fmt: skip
    sigma_ev: float = param(0.3, "Standard deviation of the shift.", unit="eV", low=0, high=3)
    od_per_um: float = param(
        JUMP_PER_UM["NMC622"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatingParams(EdgeFieldParams):
    """NMC442 that is heated: the edge falls and spreads (ours, after Fig. 29)."""

    temperature_c: float = param(25.0, "Temperature.", unit="degC", low=-50, high=800)
    od_per_um: float = param(
        JUMP_PER_UM["NMC442"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


def random_nmc(params: NmcParams, seed: int = 0) -> Phantom:
    """Disk with ``s = s0 + sigma_w GRF(l)`` and constant offsets of Voronoi grains.

    `numbers`: ``mean``, ``std`` (``sqrt(sigma_field^2 + sigma_grain^2)``), ``correlation_px``,
    ``moran_rook`` of the random field alone (``exp(-1/(2 l^2))``, l in px; golden G-60a) and
    ``field_share`` (share of the variance that is the field's).

    Parameters
    ----------
    params : NmcParams
        What to make.
    seed : int
        Seed of field, grains and cracks.
    """
    grid, thickness, labels, field, grains = _particles(params, seed)
    # Rescaled inside each particle, so that the planned spread is there and not one draw of it.
    offsets = grain_offsets(grains, 1.0, np.random.default_rng([seed, 3]))
    total = np.zeros_like(field)
    for number in range(1, params.n_particles + 1):
        inside = (thickness > 0) & (labels == number)
        for part, sd in ((field, params.sigma_field), (offsets, params.sigma_grain)):
            total[inside] += sd * _standard(part[inside])
    length = params.correlation_um / params.pixel_um
    variance = params.sigma_field**2 + params.sigma_grain**2
    numbers = {
        "mean": params.mean_soc,
        "std": float(np.sqrt(variance)),
        "correlation_px": length,
        "moran_rook": float(np.exp(-0.5 / length**2)),
        "field_share": params.sigma_field**2 / variance if variance else float("nan"),
    }
    return build_phantom(
        "random_nmc", params, seed, grid, thickness=thickness, soc=params.mean_soc + total,
        references=xanes_references(_ENDS[params.ends]), labels=labels,
        states=("polycrystal",) * params.n_particles, numbers=numbers,
    )  # fmt: skip


def edge_field(params: EdgeFieldParams, seed: int = 0) -> Phantom:
    """Disk in which the spectrum of LiNiO2 is shifted from point to point.

    The truth's ``energy_shift`` (eV) is what a peak or edge energy map should show, up to a
    constant; ``soc`` is the shift over the 1.5 eV between the Ni3+ and the Ni4+ model.

    `numbers`: ``mode_ev``, ``sigma_ev`` and ``white_line_ev`` (mode of the white line's energy).

    Parameters
    ----------
    params : EdgeFieldParams
        What to make; `mean_soc`, `sigma_field` and `sigma_grain` are not used.
    seed : int
        Seed of the field and the grains.
    """
    return _shifted("edge_field", params, seed, params.mode_ev, params.sigma_ev)


def heating_nmc(params: HeatingParams, seed: int = 0) -> Phantom:
    """Charged NMC442 at a temperature: above 200 degC the mode falls 0.6 eV per 100 degC.

    The spread grows from 0.3 eV at 25 degC to 0.8 eV at 400 degC (ours). `numbers` as
    `edge_field`, with ``temperature_c``.

    Parameters
    ----------
    params : HeatingParams
        What to make; `mode_ev` is that at 25 degC, `sigma_ev` is not used.
    seed : int
        Seed of the field and the grains: the same particle at every temperature.
    """
    mode = params.mode_ev - 0.006 * max(0.0, params.temperature_c - 200.0)
    sigma = 0.3 + 0.5 * float(np.clip((params.temperature_c - 25.0) / 375.0, 0.0, 1.0))
    more = {"temperature_c": params.temperature_c}
    return _shifted("heating_nmc", params, seed, mode, sigma, more)


def _shifted(
    kind: str, params: EdgeFieldParams, seed: int, mode_ev: float, sigma_ev: float,
    more: dict[str, float] | None = None,
) -> Phantom:  # fmt: skip
    grid, thickness, labels, field, _ = _particles(params, seed)
    shift = np.zeros_like(field)
    for number in range(1, params.n_particles + 1):
        inside = (thickness > 0) & (labels == number)
        shift[inside] = mode_ev + sigma_ev * _standard(field[inside])
    numbers = {"mode_ev": mode_ev, "sigma_ev": sigma_ev, "white_line_ev": 8352.22 + mode_ev}
    return build_phantom(
        kind, params, seed, grid, thickness=thickness, soc=shift / 1.5, energy_shift=shift,
        references=xanes_references({"Ni3+": "LiNiO2"}), labels=labels,
        states=(kind,) * params.n_particles,
        numbers={**numbers, **(more or {})},
    )  # fmt: skip


def _particles(
    params: NmcParams, seed: int
) -> tuple[Grid, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Grid, thickness (um), labels, random field and grains of disks; cracks have no thickness."""
    grid = Grid.of(params)
    across = int(np.ceil(np.sqrt(params.n_particles)))
    cell = params.size_px * params.pixel_um / across
    if 2.0 * params.radius_um > 0.97 * cell:
        raise ParameterError(
            "the particles do not fit on the field",
            expected=f"radius_um up to {0.485 * cell:.3g} um",
            found=f"{params.radius_um:g} um",
            fix="lower radius_um or n_particles, or raise size_px or pixel_um",
        )
    y, x = grid.centered()
    labels = np.zeros(grid.fine_shape, np.int32)
    for number in range(params.n_particles):
        cy, cx = ((place + 0.5 - across / 2) * cell for place in divmod(number, across))
        labels[np.sqrt((y - cy) ** 2 + (x - cx) ** 2) < params.radius_um] = number + 1
    inside = labels > 0
    rng = np.random.default_rng([seed, 1])
    field = gaussian_field(grid.fine_shape, params.correlation_um / grid.step_um, rng)
    grains, _ = voronoi_grains(grid.fine_shape, inside, params.n_grains, rng)
    cracked = np.zeros_like(inside)
    if params.crack:
        faces = np.random.default_rng([seed, 2])
        cracked = open_cracks(grains, params.crack, faces, max(1, grid.oversample // 2))
    return grid, np.where(inside & ~cracked, params.thickness_um, 0.0), labels, field, grains


def _standard(values: np.ndarray) -> np.ndarray:
    """Values with mean 0 and standard deviation 1 (zeros where all are alike)."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)
