"""Particles of two and three phases: LNMO, LMO by voltage, LCO by step of a cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr
from scipy.optimize import brentq

from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom, volume_dataset
from socwidgets.phantoms.fields import gaussian_field
from socwidgets.phantoms.phantom import FRACTION, FieldParams, Phantom
from socwidgets.phantoms.solids import SHAPES, level, project, spread_out
from socwidgets.phantoms.xanes_references import JUMP_PER_UM, xanes_references

#: Area fractions by voltage of (Li2Mn2O4, LiMn2O4, Li0.5Mn2O4), ours; Fig. 6 prints none.
LMO_FRACTIONS = {
    "3.09": (0.55, 0.45, 0.0), "3.58": (0.10, 0.90, 0.0), "4.01": (0.0, 0.75, 0.25),
    "4.14": (0.0, 0.35, 0.65),
}  # fmt: skip
#: Discharged share of LCO by step; printed by the review, except the one after 0.2C.
LCO_DISCHARGED = {
    "pristine": 1.0, "charged_4.6V": 0.02, "discharged_1C": 0.50, "discharged_10C": 0.29,
    "discharged_0.2C": 0.90, "20_cycles_0.2C": 0.85,
}  # fmt: skip
#: Li per Mn2O4 of the three LMO phases and per LiMn1.5Ni0.5O4 of the three LNMO phases.
LMO_LI, LNMO_LI = (2.0, 1.0, 0.5), (1.0, 0.5, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseParams(FieldParams):
    """A particle with a random arrangement of phases."""

    size_px: int = param(80, "Edge of the square field of view.", unit="px", low=16, high=1024)
    pixel_um: float = param(0.1, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=9)
    shape: str = param("truncated_octahedron", "Shape of the particle.", choices=SHAPES)
    radius_um: float = param(3.4, "Half axis of the particle.", unit="um", low=1e-3, high=1e4)
    domain_um: float = param(
        0.7, "Correlation length of the domains.", unit="um", low=1e-3, high=1e3
    )
    softness: float = param(
        0.15, "Width of the boundaries, in standard deviations of the field.", low=1e-3, high=3
    )
    geometry: str = param(
        "section", "What is imaged: along the beam, or a section through the middle.",
        choices=("projection", "section"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LnmoParams(PhaseParams):
    """LiMn1.5Ni0.5O4 with three cubic phases at a time (Kuppan et al. 2017)."""

    fractions: tuple[float, float, float] = param(
        (0.30, 0.42, 0.28), "Volume fractions of Li1, Li0.5 and Li0.", low=0, high=1
    )
    od_per_um: float = param(
        JUMP_PER_UM["LNMO"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LmoParams(PhaseParams):
    """LiMn2O4 octahedra stopped at a voltage (Fig. 6)."""

    shape: str = param("octahedron", "Shape of the particle.", choices=SHAPES)
    voltage: str = param("4.01", "Where the charge stopped, V.", choices=tuple(LMO_FRACTIONS))
    od_per_um: float = param(
        JUMP_PER_UM["LMO"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LcoParams(PhaseParams):
    """One LiCoO2 particle with charged and discharged domains (Fig. 8g)."""

    shape: str = param("sphere", "Shape of the particle.", choices=SHAPES)
    step: str = param("discharged_1C", "Step of the test.", choices=tuple(LCO_DISCHARGED))
    soc_ends: tuple[float, float] = param(
        (0.0, 1.0), "SOC of discharged and of charged domains.", low=0, high=1
    )
    od_per_um: float = param(
        JUMP_PER_UM["LCO"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


def lnmo_three_phase(params: LnmoParams, seed: int = 0) -> Phantom:
    """Random field cut at two levels into Li1, Li0.5 and Li0, with the planned fractions.

    The fractions hold in what is imaged (section or projection, weighted by thickness).

    `numbers` (golden G-20): ``fraction_Li1``, ``fraction_Li0.5``, ``fraction_Li0``, ``x_li``
    (``f1 + 0.5 f2``) and ``ni_valence`` (``2 f1 + 3 f2 + 4 f3``); ``mean`` SOC is ``1 - x_li``.

    Parameters
    ----------
    params : LnmoParams
        What to make.
    seed : int
        Seed of the field.
    """
    names = ("Li1", "Li0.5", "Li0")
    references = xanes_references({"Li1": "NiO", "Li0.5": "LiNiO2", "Li0": "Ni4+"})
    f = np.asarray(params.fractions) / sum(params.fractions)
    x = float(f @ LNMO_LI)
    numbers = {f"{FRACTION}{n}": float(v) for n, v in zip(names, f, strict=True)}
    numbers.update(x_li=x, ni_valence=float(f @ (2.0, 3.0, 4.0)), mean=1.0 - x)
    socs = tuple(1.0 - li for li in LNMO_LI)
    return _phases("lnmo_three_phase", params, seed, names, tuple(f), socs, references, numbers)


def lmo_by_voltage(params: LmoParams, seed: int = 0) -> Phantom:
    """LMO particle at one of four voltages; at 4.01 V every pixel has the same mixture.

    The field of domains depends on the seed only. SOC counts the lithium left of two per Mn2O4.

    `numbers`: the three fractions, ``x_li`` per Mn2O4, ``mean`` SOC (``1 - x/2``) and
    ``uniform`` (1 at 4.01 V, where the heterogeneity must be lowest, else 0).

    Parameters
    ----------
    params : LmoParams
        What to make.
    seed : int
        Seed of the field.
    """
    names = ("Li2Mn2O4", "LiMn2O4", "Li0.5Mn2O4")
    f = LMO_FRACTIONS[params.voltage]
    x = float(np.dot(f, LMO_LI))
    uniform = params.voltage == "4.01"
    numbers = {f"{FRACTION}{n}": v for n, v in zip(names, f, strict=True)}
    numbers.update(x_li=x, mean=1.0 - x / 2.0, uniform=float(uniform))
    socs = tuple(1.0 - li / 2.0 for li in LMO_LI)
    return _phases(
        "lmo_by_voltage", params, seed, names, f, socs, lmo_references(), numbers, uniform
    )


def lmo_references() -> xr.DataArray:
    """Mn K spectra of Li2Mn2O4 (3+), LiMn2O4 (3.5+) and Li0.5Mn2O4 (3.75+).

    Mn2O3, Mn2O3 moved up by 1.45 eV (half of the 2.9 eV between 3+ and 4+), and MnO2 moved down by
    0.73 eV (a quarter of them), ours: mixtures of the two oxides would be linearly dependent, which
    the spectra of the real phases are not.
    """
    return xanes_references(
        {"Li2Mn2O4": "Mn2O3", "LiMn2O4": "Mn2O3 +1.45 eV", "Li0.5Mn2O4": "MnO2 -0.73 eV"}
    )


def lco_domains(params: LcoParams, seed: int = 0) -> Phantom:
    """LCO particle cut into charged and discharged domains at one step of the test.

    `numbers` (golden G-21): ``discharged_fraction``, ``charged_fraction`` and ``recovery``
    (discharged fraction over that of the pristine particle).

    Parameters
    ----------
    params : LcoParams
        What to make.
    seed : int
        Seed of the field: the same domains grow from step to step.
    """
    f = LCO_DISCHARGED[params.step]
    numbers = {
        "discharged_fraction": f,
        "charged_fraction": 1.0 - f,
        "recovery": f / LCO_DISCHARGED["pristine"],
    }
    references = xanes_references({"LiCoO2": "LiCoO2", "Li0.5CoO2": "Li0.5CoO2"})
    names = ("LiCoO2", "Li0.5CoO2")
    return _phases(
        "lco_domains", params, seed, names, (f, 1.0 - f), params.soc_ends, references, numbers
    )


def _phases(
    kind: str, params: PhaseParams, seed: int, names: tuple[str, ...],
    fractions: tuple[float, ...], socs: tuple[float, ...], references: xr.DataArray,
    numbers: Mapping[str, float], uniform: bool = False,
) -> Phantom:  # fmt: skip
    """Particle whose phases are slices of one random field, or the same mixture everywhere."""
    grid, n = Grid.of(params), params.size_px
    rng = np.random.default_rng([seed, 1])
    field = gaussian_field((n, n, n), params.domain_um / params.pixel_um, rng)
    axes = (params.radius_um,) * 3
    middle = (n - 1) // 2

    def surface(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return level(params.shape, z, y, x, axes)

    def plane(index: int, *_: np.ndarray) -> dict[str, np.ndarray]:
        return {"field": spread_out(field[index], grid)}

    whole, _, _, solid = project(grid, n, surface, plane)
    y, x = grid.centered()
    cut = np.broadcast_to(surface(np.zeros(1), y, x) < 1.0, grid.fine_shape)
    is_cut = params.geometry == "section"
    used = field[middle][grid.middle(cut)] if is_cut else field[solid]
    parts = _soft_slices(field, used, fractions, params.softness) if not uniform else [
        np.full(field.shape, f) for f in fractions
    ]  # fmt: skip
    soc = np.sum([s * part for s, part in zip(socs, parts, strict=True)], axis=0)
    if is_cut:
        thickness = np.where(cut, 2.0 * params.radius_um, 0.0)
        seen = [spread_out(part[middle], grid) for part in parts]
        seen_soc = spread_out(soc[middle], grid)
    else:
        thickness = whole
        _, means, _, _ = project(
            grid, n, surface,
            lambda i, *_: {str(k): spread_out(part[i], grid) for k, part in enumerate(parts)},
        )  # fmt: skip
        seen = [means[str(k)] for k in range(len(parts))]
        seen_soc = np.sum([s * part for s, part in zip(socs, seen, strict=True)], axis=0)
    words = {"units": "1", "kind": "fraction"}
    more = {
        f"{FRACTION}{name}": (np.where(solid, part, np.nan), {**words, "long_name": name})
        for name, part in zip(names, parts, strict=True)
    }
    volume = volume_dataset(np.where(solid, soc, np.nan), solid, params.pixel_um, **more)
    return build_phantom(
        kind, params, seed, grid, thickness=thickness, soc=seen_soc, references=references,
        fractions=dict(zip(names, seen, strict=True)) if len(names) > 2 else None,
        states=(kind,), numbers=numbers, volume=volume,
    )  # fmt: skip


def _soft_slices(
    field: np.ndarray, used: np.ndarray, fractions: tuple[float, ...], softness: float
) -> list[np.ndarray]:
    """Shares of the phases at every voxel: slices of the field with soft boundaries.

    The levels are chosen so that the means over `used` are exactly the wanted fractions.
    """
    below: list[np.ndarray] = [np.zeros(field.shape)]
    reach = float(np.abs(used).max()) + 20.0 * softness
    for wanted in np.cumsum(fractions)[:-1]:
        if wanted <= 0.0 or wanted >= 1.0:
            below.append(np.full(field.shape, float(wanted)))
            continue

        def excess(cut: float, goal: float = float(wanted)) -> float:
            return float(_step(cut - used, softness).mean()) - goal

        cut = float(brentq(excess, -reach, reach, xtol=1e-9))
        below.append(_step(cut - field, softness))
    below.append(np.ones(field.shape))
    return [upper - lower for lower, upper in pairwise(below)]


def _step(x: np.ndarray, softness: float) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(x / softness))
