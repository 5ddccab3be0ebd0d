"""Moving fronts in one particle: domino, facets, and anisotropic growth that turns isotropic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom
from socwidgets.phantoms.fields import domino, solve_front
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.shapes import Particle
from socwidgets.phantoms.xanes_references import JUMP_PER_UM, xanes_references

#: Angles at which the radius of an anisotropic front is followed.
_ANGLES = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
_ANISOTROPY_START = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontParams(FieldParams):
    """One particle that a front crosses."""

    size_px: int = param(96, "Edge of the square field of view.", unit="px", low=16, high=2048)
    pixel_um: float = param(0.1, "Pixel size.", unit="um", low=1e-4, high=1e3)
    length_um: float = param(7.0, "Length of the particle.", unit="um", low=0.01, high=1e4)
    aspect: float = param(0.7, "Width over length.", low=0.05, high=1)
    angle_deg: float = param(
        25.0, "Direction in which the front moves, from x.", unit="degree", low=-360, high=360
    )
    thickness_um: float = param(5.0, "Thickness along the beam.", unit="um", low=0.01, high=1e3)
    mean_soc: float = param(0.5, "Mean SOC: how far the front has come.", low=0, high=1)
    width_um: float = param(0.1, "Half width of the front.", unit="um", low=1e-4, high=100)
    od_per_um: float = param(
        JUMP_PER_UM["NMC622"], "Edge jump per thickness.", unit="um-1", low=1e-4, high=50
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetFrontParams(FrontParams):
    """A front that starts at one corner and runs faster along one axis."""

    speed_ratio: float = param(3.0, "Speed along a over speed along c.", low=1, high=100)


def domino_particle(params: FrontParams, seed: int = 0) -> Phantom:
    """Platelet with a straight front: ``s = (1 + tanh((p - n.r)/w))/2``.

    `numbers`: ``mean`` (the swept share of the volume), ``front_anisotropy`` (1: planar, D.6) and
    ``front_angle_deg``, the direction of the front's normal.

    Parameters
    ----------
    params : FrontParams
        What to make.
    seed : int
        Kept for the contract; nothing is random.
    """
    grid, thickness = _platelet(params)
    along = _along(grid, params.angle_deg)
    reach = params.length_um
    position = solve_front(
        lambda p: domino(along, p, params.width_um), thickness, params.mean_soc, (-reach, reach)
    )
    soc = domino(along, position, params.width_um)
    numbers = {
        "mean": float(np.average(soc, weights=thickness)),
        "front_anisotropy": 1.0,
        "front_angle_deg": params.angle_deg,
    }
    return _finish("domino", params, seed, grid, thickness, soc, numbers)


def facet_front(params: FacetFrontParams, seed: int = 0) -> Phantom:
    """Front that starts at one end and moves with another speed along each axis.

    A point is reached when both facets have passed: ``T = max(|a|/v_a, |c|/v_c)``.

    `numbers`: ``mean`` and ``speed_ratio``.

    Parameters
    ----------
    params : FacetFrontParams
        What to make.
    seed : int
        Kept for the contract; nothing is random.
    """
    grid, thickness = _platelet(params)
    a = _along(grid, params.angle_deg) + 0.5 * params.length_um
    c = np.abs(_along(grid, params.angle_deg + 90.0))
    arrival = np.maximum(np.abs(a), params.speed_ratio * c)
    position = solve_front(
        lambda t: domino(arrival, t, params.width_um), thickness, params.mean_soc,
        (0.0, 2.0 * params.speed_ratio * params.length_um),
    )  # fmt: skip
    soc = domino(arrival, position, params.width_um)
    mean = float(np.average(soc, weights=thickness))
    numbers = {"mean": mean, "speed_ratio": params.speed_ratio}
    return _finish("facet_front", params, seed, grid, thickness, soc, numbers)


def anisotropic_front(params: FrontParams, seed: int = 0) -> Phantom:
    """Shell that grows inward with ``v(phi) = v0 (1 + e cos 2 phi)``; e falls from 0.8 to 0.

    The anisotropy ``e = 0.8 (1 - s)`` falls as the particle's own SOC s rises (after the order
    reported for Fig. 4 of the review: anisotropic early, isotropic late). Angles count from
    `angle_deg`; the particle is a disk of diameter `length_um`.

    `numbers`: ``mean``, ``speed_anisotropy`` (e at this state), ``front_radius_along`` and
    ``front_radius_across`` (um).

    Parameters
    ----------
    params : FrontParams
        What to make; `aspect` is not used.
    seed : int
        Kept for the contract; nothing is random.
    """
    grid = Grid.of(params)
    y, x = grid.centered()
    outer = params.length_um / 2.0
    distance = np.sqrt(y**2 + x**2)
    thickness = np.where(distance < outer, params.thickness_um, 0.0)
    radii = front_radius(params.mean_soc, outer)
    phi = np.mod(np.arctan2(y, x) - np.radians(params.angle_deg), 2.0 * np.pi)
    front = np.interp(phi, np.append(_ANGLES, 2.0 * np.pi), np.append(radii, radii[0]))
    soc = 0.5 * (1.0 + np.tanh((distance - front) / params.width_um))
    mean = float(np.average(soc, weights=thickness))
    numbers = {
        "mean": mean,
        "speed_anisotropy": _ANISOTROPY_START * (1.0 - params.mean_soc),
        "front_radius_along": float(radii[0]),
        "front_radius_across": float(radii[radii.size // 4]),
    }
    return _finish("anisotropic_front", params, seed, grid, thickness, soc, numbers)


def front_radius(mean_soc: float, outer_um: float) -> np.ndarray:
    """Radius of the unreacted core at 720 angles when the particle has reached a SOC.

    Parameters
    ----------
    mean_soc : float
        Share of the disk's area that the shell has taken.
    outer_um : float
        Radius of the disk, um.

    Returns
    -------
    ndarray
        ``(720,)``, um; angle 0 is the fast direction.
    """
    radii = np.full(_ANGLES.size, outer_um)
    step = outer_um / 400.0

    def taken(r: np.ndarray) -> float:
        return 1.0 - float(np.mean(r**2)) / outer_um**2

    while taken(radii) < mean_soc and radii.max() > 0:
        speed = 1.0 + _ANISOTROPY_START * (1.0 - taken(radii)) * np.cos(2.0 * _ANGLES)
        moved = np.clip(radii - step * speed, 0.0, None)
        if taken(moved) >= mean_soc:
            return radii + _part_of_step(radii, moved, outer_um, mean_soc) * (moved - radii)
        radii = moved
    return radii


def _part_of_step(before: np.ndarray, after: np.ndarray, outer_um: float, wanted: float) -> float:
    """Part of the step between two outlines at which the shell has the wanted share."""

    def excess(part: float) -> float:
        radii = before + part * (after - before)
        return 1.0 - float(np.mean(radii**2)) / outer_um**2 - wanted

    return float(brentq(excess, 0.0, 1.0))


def _platelet(params: FrontParams) -> tuple[Grid, np.ndarray]:
    """Grid and thickness (um) of a platelet whose long axis lies along the front's way."""
    grid = Grid.of(params)
    y, x = grid.centered()
    a = params.length_um / 2.0
    turn = np.radians(params.angle_deg)
    outline = Particle("platelet", 0.0, 0.0, a, a * params.aspect, turn, params.thickness_um)
    return grid, outline.profile(y, x)


def _along(grid: Grid, angle_deg: float) -> np.ndarray:
    """Coordinate along a direction, um from the middle of the field."""
    y, x = grid.centered()
    turn = np.radians(angle_deg)
    return x * np.cos(turn) + y * np.sin(turn)


def _finish(
    kind: str, params: FrontParams, seed: int, grid: Grid, thickness: np.ndarray, soc: np.ndarray,
    numbers: dict[str, float],
) -> Phantom:  # fmt: skip
    references = xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"})
    return build_phantom(
        kind, params, seed, grid, thickness=thickness, soc=soc, references=references,
        states=(kind,), numbers=numbers,
    )  # fmt: skip
