"""Many particles on four reaction pathways: which react at a time, and how inside (Fig. 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom
from socwidgets.phantoms.fields import domino, gaussian_field, solve_front
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.shapes import Particle, footprint
from socwidgets.phantoms.spectra import fe_l3_references

PATHWAYS = (
    "sequential_two_phase", "sequential_solid_solution", "concurrent_two_phase",
    "concurrent_solid_solution",
)  # fmt: skip
#: A particle counts as active between these states of charge.
ACTIVE = (0.1, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayParams(FieldParams):
    """Particles on a support, some way through a charge."""

    size_px: int = param(256, "Edge of the square field of view.", unit="px", low=32, high=4096)
    pixel_um: float = param(0.04, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=9)
    pathway: str = param(
        "concurrent_solid_solution", "Which particles react at a time, and how inside.",
        choices=PATHWAYS,
    )  # fmt: skip
    n_particles: int = param(100, "Number of particles.", low=4, high=20_000)
    time: float = param(0.5, "Part of the charge that has passed.", low=0, high=1)
    duration: float = param(
        0.02, "Time one particle needs, in units of the whole charge (sequential).",
        low=1e-3, high=1,
    )  # fmt: skip
    sigma_between: float = param(
        0.06, "Standard deviation of the particles' SOC (concurrent).", low=0, high=0.5
    )
    sigma_within: float = param(
        0.04, "Standard deviation inside a particle (solid solution).", low=0, high=0.5
    )
    correlation_um: float = param(
        0.12, "Correlation length inside a particle (solid solution).", unit="um", low=1e-4
    )
    width_um: float = param(
        0.03, "Half width of the front inside a particle (two-phase).", unit="um", low=1e-5
    )
    uniformity: float = param(
        0.0, "How far a two-phase particle's contrast is taken back: 0 separated, 1 uniform.",
        low=0, high=1,
    )  # fmt: skip
    shape: str = param("platelet", "Outline of the particles.", choices=("platelet", "ellipsoid"))
    fill: float = param(0.72, "Length of the largest particle over its cell.", low=0.2, high=0.9)
    thickness_um: tuple[float, float] = param(
        (0.06, 0.12), "Smallest and largest thickness.", unit="um", low=1e-3, high=1e3
    )
    od_per_um: float = param(
        8.0, "Optical density of a reference of unit height per thickness (LiFePO4, Fe L3).",
        unit="um-1", low=1e-4, high=50,
    )  # fmt: skip


def pathway_particles(params: PathwayParams, seed: int = 0) -> Phantom:
    """Particles on a jittered grid, each with a known SOC and a known field inside.

    Sequential: particles flip one after the other, the small ones first, each within `duration`.
    Concurrent: all follow the mean, with a standard deviation of `sigma_between`. Inside, either a
    straight front ("two phase") or a random field. The geometry depends on the seed only, so the
    same particles can be followed through states of `time`.

    `numbers` (over the particles' planned SOC, each counted once): ``mean``, ``kappa``
    (``var/(mean (1 - mean))``), ``active_fraction`` (SOC between 0.1 and 0.9) and
    ``std_between``.

    Parameters
    ----------
    params : PathwayParams
        What to make.
    seed : int
        Seed of sizes, places, angles and states.
    """
    grid = Grid.of(params)
    particles = _lay_out(params, np.random.default_rng([seed, 1]))
    planned = planned_soc(params, particles, np.random.default_rng([seed, 2]))
    rng = np.random.default_rng([seed, 3])
    texture = gaussian_field(grid.fine_shape, params.correlation_um / grid.step_um, rng)
    turns = rng.uniform(0.0, 2.0 * np.pi, len(particles))
    thickness, charge = np.zeros(grid.fine_shape), np.zeros(grid.fine_shape)
    labels = np.zeros(grid.fine_shape, np.int32)
    for number, (particle, soc) in enumerate(zip(particles, planned, strict=True), start=1):
        window, inside = footprint(particle, grid.step_um, grid.fine_shape[0])
        y, x = (np.arange(grid.fine_shape[0])[part] * grid.step_um for part in window)
        at = (y[:, None], x[None, :])
        profile = np.where(inside, particle.profile(*at), 0.0)
        if params.pathway.endswith("solid_solution"):
            field = _solution(params, soc, texture[window], profile)
        else:
            field = _two_phase(params, soc, particle, at, profile, turns[number - 1])
        thickness[window] += profile
        charge[window] += profile * field
        labels[window][inside] = number
    return build_phantom(
        "pathway", params, seed, grid, thickness=thickness,
        soc=charge / np.where(thickness > 0, thickness, 1.0), labels=labels,
        references=fe_l3_references(np.arange(695.0, 735.0 + 1e-9, 0.05)),
        states=(params.pathway,) * len(particles), numbers=pathway_truth(planned),
    )  # fmt: skip


def pathway_truth(soc: np.ndarray) -> dict[str, float]:
    """Numbers of a set of particles, each counted once: mean, kappa, active fraction.

    Parameters
    ----------
    soc : ndarray
        ``(particle,)``, SOC of each.

    Returns
    -------
    dict
        ``kappa`` is NaN where the mean is 0 or 1.
    """
    mean, variance = float(np.mean(soc)), float(np.var(soc))
    full = mean * (1.0 - mean)
    return {
        "mean": mean,
        "kappa": variance / full if full > 0 else float("nan"),
        "active_fraction": float(np.mean((soc > ACTIVE[0]) & (soc < ACTIVE[1]))),
        "std_between": float(np.sqrt(variance)),
        "n_particles": float(soc.size),
    }


def planned_soc(
    params: PathwayParams, particles: list[Particle], rng: np.random.Generator
) -> np.ndarray:
    """SOC that each particle is to have, ``(particle,)``."""
    draws = rng.standard_normal(len(particles))
    if params.pathway.startswith("concurrent"):
        return np.clip(params.time + params.sigma_between * draws, 0.0, 1.0)
    # Small particles first, with some noise in the order; all have flipped at time 1.
    size = np.array([p.a * p.b for p in particles])
    rank = np.argsort(np.argsort(size * (1.0 + 0.15 * draws)))
    starts = (rank + 0.5) / len(particles) * (1.0 - params.duration)
    return np.clip((params.time - starts) / params.duration, 0.0, 1.0)


def _lay_out(params: PathwayParams, rng: np.random.Generator) -> list[Particle]:
    """Particles in the cells of a square grid, log-normal in size, inside an empty border."""
    across = int(np.ceil(np.sqrt(params.n_particles)))
    field = params.size_px * params.pixel_um
    cell = 0.9 * field / across
    longest = 0.5 * params.fill * cell
    lengths = np.clip(longest * np.exp(-np.abs(rng.normal(0.0, 0.3, params.n_particles))), 0, None)
    offset = (params.oversample - 1) / 2.0 * params.pixel_um / params.oversample
    particles = []
    for index, a in enumerate(lengths):
        row, column = divmod(index, across)
        # As much jitter as keeps the particle inside its cell.
        slack = max(0.0, 0.5 * cell - a - 1.5 * params.pixel_um)
        cy, cx = (
            0.05 * field + (place + 0.5) * cell + rng.uniform(-slack, slack) + offset
            for place in (row, column)
        )
        b = a * (rng.uniform(0.6, 0.9) if params.shape == "platelet" else rng.uniform(0.75, 1.0))
        turn, depth = rng.uniform(0.0, np.pi), rng.uniform(*params.thickness_um)
        particles.append(Particle(params.shape, cy, cx, a, b, turn, depth))
    return particles


def _solution(
    params: PathwayParams, soc: float, texture: np.ndarray, profile: np.ndarray
) -> np.ndarray:
    """Random field whose mean over the particle is exactly the planned SOC."""
    # Room to both ends: a particle that has not reacted yet is uniform.
    room = min(1.0, soc / 0.1, (1.0 - soc) / 0.1)
    centered = texture - np.average(texture, weights=profile)
    return soc + params.sigma_within * room * centered


def _two_phase(
    params: PathwayParams,
    soc: float,
    particle: Particle,
    at: tuple[np.ndarray, np.ndarray],
    profile: np.ndarray,
    turn: float,
) -> np.ndarray:
    """Straight front through the particle, at the place that gives the planned SOC."""
    along = (at[1] - particle.cx) * np.cos(turn) + (at[0] - particle.cy) * np.sin(turn)
    reach = 1.5 * particle.a + 4.0 * params.width_um
    if soc <= 0.0 or soc >= 1.0:
        return np.full(profile.shape, soc)
    position = solve_front(
        lambda p: domino(along, p, params.width_um), profile, soc, (-reach, reach)
    )
    front = domino(along, position, params.width_um)
    return soc + (1.0 - params.uniformity) * (front - soc)
