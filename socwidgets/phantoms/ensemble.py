"""Phantom of an ensemble of LiFePO4/FePO4 particles with a known state of charge everywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from socwidgets.phantoms.build import Grid, build_phantom
from socwidgets.phantoms.fields import core_shell, domino, gaussian_field, solve_front
from socwidgets.phantoms.phantom import EnsembleParams, Phantom
from socwidgets.phantoms.shapes import Particle, footprint, place_particles
from socwidgets.phantoms.spectra import fe_l3_references

DISCHARGED, CHARGED = "discharged", "charged"
DOMINO, CORE_SHELL, SOLID_SOLUTION = "two_phase_domino", "two_phase_core_shell", "solid_solution"


def lfp_ensemble(params: EnsembleParams | None = None, seed: int = 0, **changes: Any) -> Phantom:
    """Ensemble of LiFePO4 platelets at half charge: most full or empty, few in between.

    Particle-by-particle ("mosaic") charge with a share of particles caught with a front inside
    (domino or core-shell across the beam; the front stands parallel to the beam) and a few in
    solid solution, after Chueh et al. (2013, Nano Lett. 13, 866) and Li et al. (2014, Nat. Mater.
    13, 1149). Thickness and absorption are such that the white line reaches an optical density of
    0.5 to 1.3, where it does not saturate.

    Parameters
    ----------
    params : EnsembleParams, optional
        Defaults if left out.
    seed : int
        Seed of the random generator.
    **changes
        Fields of `EnsembleParams` to change.

    Returns
    -------
    Phantom
        Truth on 160 x 160 pixels of 0.04 um (default), with the references that belong to it.

    Raises
    ------
    ParameterError
        For a parameter out of bounds, or particles that do not fit on the field.
    """
    params = (params or EnsembleParams()).replace(**changes)
    rng = np.random.default_rng(seed)
    step = params.pixel_um / params.oversample
    field_um = params.size_px * params.pixel_um
    particles = place_particles(
        _draw_particles(params, rng),
        field_um,
        params.border * field_um,
        params.touching,
        step,
        rng,
    )
    states = _draw_states(params, particles, rng)
    thickness, charge, labels = _paint(params, particles, states, rng)
    soc = charge / np.where(thickness > 0, thickness, 1.0)
    return build_phantom(
        "lfp_ensemble", params, seed, Grid.of(params), thickness=thickness, soc=soc, labels=labels,
        references=fe_l3_references(np.arange(695.0, 735.0 + 1e-9, 0.05)), states=tuple(states),
    )  # fmt: skip


def _draw_particles(params: EnsembleParams, rng: np.random.Generator) -> list[Particle]:
    """Draw sizes, shapes and angles; the largest first, so that the field fills."""
    low, high = params.length_um
    # Log-normal between the limits, as particle sizes are: more small than large ones.
    middle, spread = np.log(np.sqrt(low * high)), np.log(high / low) / 4.0
    lengths = np.clip(np.exp(rng.normal(middle, spread, params.n_particles)), low, high)
    drawn = []
    for length in np.sort(lengths)[::-1]:
        drawn.append(
            Particle(
                shape="platelet" if rng.random() < 0.7 else "ellipsoid",
                cy=0.0,
                cx=0.0,
                a=length / 2.0,
                b=length / 2.0 * rng.uniform(0.45, 0.9),
                angle=rng.uniform(0.0, np.pi),
                thickness=rng.uniform(*params.thickness_um),
                wave=(rng.uniform(0.0, 0.12), rng.uniform(0.0, 2.0 * np.pi)),
            )
        )
    return drawn


def _draw_states(
    params: EnsembleParams, particles: list[Particle], rng: np.random.Generator
) -> list[str]:
    """Draw which particle is what, so that the whole comes near to the wanted SOC."""
    n = len(particles)
    order = rng.permutation(n)
    n_front, n_solid = round(params.two_phase * n), round(params.solid_solution * n)
    # Fronts are drawn among the larger half, where a microscope can see them.
    large = [int(i) for i in order if i < (n + 1) // 2]
    fronts = (large + [int(i) for i in order if i not in large])[:n_front]
    rest = [int(i) for i in order if i not in fronts]
    states = [""] * n
    for count, index in enumerate(fronts):
        states[index] = DOMINO if count % 2 == 0 else CORE_SHELL
    for index in rest[:n_solid]:
        states[index] = SOLID_SOLUTION
    volume = np.array([p.a * p.b * p.thickness for p in particles])
    low, high = params.soc_ends
    total = charge = 0.0
    # The largest first: the small ones that follow even out what remains.
    for index in sorted(rest[n_solid:], key=lambda i: -volume[i]):
        total += volume[index]
        charged = charge + high * volume[index] - params.mean_soc * total
        discharged = charge + low * volume[index] - params.mean_soc * total
        states[index] = CHARGED if abs(charged) < abs(discharged) else DISCHARGED
        charge += volume[index] * (high if states[index] == CHARGED else low)
    return states


def _paint(
    params: EnsembleParams,
    particles: list[Particle],
    states: list[str],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thickness (um), thickness x SOC (um) and labels on the fine grid."""
    size, step = params.size_px * params.oversample, params.pixel_um / params.oversample
    # Point i of the fine grid lies at (i - (oversample - 1) / 2) steps from pixel center 0.
    offset = (params.oversample - 1) / 2.0
    rough = gaussian_field((size, size), 0.1 / step, rng)
    texture = gaussian_field((size, size), 0.15 / step, rng)
    thickness, charge = np.zeros((size, size)), np.zeros((size, size))
    labels = np.zeros((size, size), dtype=np.int32)
    for number, (particle, state) in enumerate(zip(particles, states, strict=True), start=1):
        shifted = replace(particle, cy=particle.cy + offset * step, cx=particle.cx + offset * step)
        window, inside = footprint(shifted, step, size)
        y, x = (np.arange(size)[part] * step for part in window)
        grid = (y[:, None], x[None, :])
        profile = shifted.profile(*grid) * (1.0 + params.roughness * rough[window])
        profile = np.where(inside, np.clip(profile, 0.0, None), 0.0)
        soc = _soc_field(params, shifted, state, grid, profile, texture[window], rng)
        thickness[window] += profile
        charge[window] += profile * soc
        labels[window][inside] = number
    return thickness, charge, labels


def _soc_field(
    params: EnsembleParams,
    particle: Particle,
    state: str,
    grid: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    texture: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """SOC of one particle in its window."""
    low, high = params.soc_ends
    if state in (CHARGED, DISCHARGED):
        base = high if state == CHARGED else low
        return np.clip(base + 0.01 * texture, 0.0, 1.0)
    if state == SOLID_SOLUTION:
        return np.clip(rng.uniform(0.3, 0.7) + 0.05 * texture, 0.0, 1.0)
    target = rng.uniform(0.3, 0.7)
    sign = rng.choice([-1.0, 1.0])
    if state == DOMINO:
        u = sign * particle.coordinates(*grid)[0]
        width = params.interface_um / particle.a

        def front(position: float) -> np.ndarray:
            return low + (high - low) * domino(u, position, width)

        span = (-1.5, 1.5)
    else:
        r = particle.radius(*grid)
        width = params.interface_um / particle.b
        ends = (low, high) if sign > 0 else (high, low)

        def front(position: float) -> np.ndarray:
            return core_shell(r, position, width, *ends)

        span = (0.0, 1.5)
    return front(solve_front(front, weights, target, span))
