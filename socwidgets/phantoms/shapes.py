"""Outlines and thickness profiles of particles, and how they come to lie on a support."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from socwidgets.model.errors import ParameterError

#: Exponent of the outline (2 is an ellipse, larger is squarer) by shape.
_EXPONENTS = {"ellipsoid": 2.0, "platelet": 3.0}
#: Objects dropped at random jam when they cover this much of the ground (discs: 0.547).
_JAMMING = 0.55
#: Part of a platelet's radius over which its edge is beveled.
_BEVEL = 0.35

#: Sine and cosine of directions around a center.
_TURN = np.array([f(np.arange(12) * np.pi / 6.0) for f in (np.sin, np.cos)])


@dataclass(frozen=True, slots=True)
class Particle:
    """One particle seen along the beam; lengths in um.

    Attributes
    ----------
    shape : {"ellipsoid", "platelet"}
        Ellipsoid, or platelet of nearly constant thickness with a beveled edge.
    cy, cx : float
        Center.
    a, b : float
        Half axes, a >= b.
    angle : float
        Angle of the long axis to x, radians.
    thickness : float
        Largest thickness along the beam.
    wave : (float, float)
        Relative amplitude (below about 0.15) and phase (radians) of a threefold wave on the
        outline, because no grown particle is a perfect ellipse.
    """

    shape: str
    cy: float
    cx: float
    a: float
    b: float
    angle: float
    thickness: float
    wave: tuple[float, float] = (0.0, 0.0)

    def coordinates(self, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates along the long and the short axis, -1 to 1 inside; broadcast of y and x."""
        dy, dx = y - self.cy, x - self.cx
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return (dx * cos + dy * sin) / self.a, (dy * cos - dx * sin) / self.b

    def radius(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Distance from the center in units of the outline: 1 on the outline."""
        u, v = self.coordinates(y, x)
        p = _EXPONENTS[self.shape]
        amplitude, phase = self.wave
        bulge = 1.0 + amplitude * np.cos(3.0 * np.arctan2(v, u) + phase)
        return (np.abs(u) ** p + np.abs(v) ** p) ** (1.0 / p) / bulge

    def profile(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Thickness along the beam in um; 0 outside."""
        inner = np.clip(1.0 - self.radius(y, x), 0.0, 1.0)
        if self.shape == "ellipsoid":
            return self.thickness * np.sqrt(inner * (2.0 - inner))
        edge = np.clip(inner / _BEVEL, 0.0, 1.0)
        return self.thickness * edge * (2.0 - edge)


def place_particles(
    particles: list[Particle],
    field_um: float,
    border_um: float,
    touching: float,
    step_um: float,
    rng: np.random.Generator,
) -> list[Particle]:
    """Give every particle a place without overlap, some in contact with another.

    Parameters
    ----------
    particles : list of Particle
        With any centers; place the large ones first.
    field_um : float
        Edge of the square field, um.
    border_um : float
        Width of the rim that stays empty, um.
    touching : float
        Probability that a particle is pushed against one that lies already.
    step_um : float
        Step of the grid on which overlap is tested, um.
    rng : numpy.random.Generator
        Source of the random places.

    Returns
    -------
    list of Particle
        The same particles at their places.

    Raises
    ------
    ParameterError
        If the particles cover more than random placing can reach, or one finds no room in 400
        attempts.
    """
    room = _JAMMING * (field_um - 2.0 * border_um) ** 2
    area = np.pi * np.cumsum([p.a * p.b for p in particles])
    if area[-1] > room:
        raise _no_room(len(particles), int(np.searchsorted(area, room)))
    size = round(field_um / step_um)
    occupied = np.zeros((size, size), dtype=bool)
    placed: list[Particle] = []
    for number, particle in enumerate(particles):
        for _ in range(400):
            host = placed[rng.integers(len(placed))] if placed and rng.random() < touching else None
            candidate = _propose(particle, host, field_um, border_um, occupied, step_um, rng)
            if candidate is not None:
                break
        else:
            raise _no_room(len(particles), number)
        window, inside = footprint(candidate, step_um, size)
        occupied[window] |= inside
        placed.append(candidate)
    return placed


def _no_room(wanted: int, found: int) -> ParameterError:
    return ParameterError(
        "the particles do not fit on the field",
        expected=f"room for {wanted} particles",
        found=f"room for about {found}",
        fix="take fewer or smaller particles, or a larger field",
    )


def footprint(
    particle: Particle, step_um: float, size: int
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Window of a grid that a particle reaches, and which of its points lie inside.

    Returns
    -------
    (slice, slice), ndarray of bool
        Window of the ``(size, size)`` grid of points at multiples of `step_um`, and the mask in it.
    """
    reach = particle.a * 1.5
    window = tuple(
        slice(
            max(0, int((center - reach) / step_um)), min(size, int((center + reach) / step_um) + 2)
        )
        for center in (particle.cy, particle.cx)
    )
    y, x = (np.arange(size)[part] * step_um for part in window)
    return (window[0], window[1]), particle.radius(y[:, None], x[None, :]) < 1.0


def _propose(
    particle: Particle,
    host: Particle | None,
    field_um: float,
    border_um: float,
    occupied: np.ndarray,
    step_um: float,
    rng: np.random.Generator,
) -> Particle | None:
    """Give a free place for the particle, or None if this attempt failed."""
    low, high = border_um, field_um - border_um
    angle = rng.uniform(0.0, 2.0 * np.pi)
    if host is None:
        moved = replace(particle, cy=rng.uniform(low, high), cx=rng.uniform(low, high))
        # A particle that does not touch on purpose keeps a visible gap.
        grown = replace(moved, a=moved.a + 2.5 * step_um, b=moved.b + 2.5 * step_um)
        return moved if _free(grown, occupied, step_um, low, high) else None
    for distance in np.arange(host.b, host.a + particle.a + step_um, step_um):
        moved = replace(
            particle,
            cy=host.cy + distance * np.sin(angle),
            cx=host.cx + distance * np.cos(angle),
        )
        if _free(moved, occupied, step_um, low, high):
            return moved
    return None


def _free(
    particle: Particle, occupied: np.ndarray, step_um: float, low: float, high: float
) -> bool:
    """Whether the particle lies inside the border and on free ground."""
    if not (low < particle.cy < high and low < particle.cx < high):
        return False
    if not _core_is_free(particle, occupied, step_um, low, high):
        return False
    window, inside = footprint(particle, step_um, occupied.shape[0])
    if (occupied[window] & inside).any():
        return False
    rows, columns = np.nonzero(inside)
    if not rows.size:
        return False
    y = (rows + window[0].start) * step_um
    x = (columns + window[1].start) * step_um
    return bool(min(y.min(), x.min()) >= low and max(y.max(), x.max()) <= high)


def _core_is_free(
    particle: Particle, occupied: np.ndarray, step_um: float, low: float, high: float
) -> bool:
    """Whether some points that are inside for certain are free: most attempts fail here, quickly.

    A circle of 0.8 of the short half axis lies within every outline (the wave takes 0.15 of it).
    """
    if particle.b <= 2.0 * step_um:
        return True
    core = 0.8 * particle.b - step_um
    row = np.rint((particle.cy + core * _TURN[0]) / step_um).astype(int)
    column = np.rint((particle.cx + core * _TURN[1]) / step_um).astype(int)
    seen = (np.minimum(row, column) >= 0) & (np.maximum(row, column) < len(occupied))
    row, column = row[seen], column[seen]
    places = np.concatenate([row, column]) * step_um
    if places.size and (places.min() < low or places.max() > high):
        return False
    return not occupied[row, column].any()
