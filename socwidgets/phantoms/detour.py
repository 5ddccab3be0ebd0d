"""A crack that lithium must go around (golden G-44)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix, identity
from scipy.sparse.linalg import splu

from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.xanes_references import xanes_references


@dataclass(frozen=True, slots=True, kw_only=True)
class DetourParams(FieldParams):
    """A square of material that is charged through its right face; a crack stands in the middle."""

    size_px: int = param(81, "Edge of the square field of view.", unit="px", low=21, high=400)
    pixel_um: float = param(0.1, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=1)
    height: float = param(
        0.25, "Height of the crack's tip above the middle, in units of the field's half edge; the "
        "crack reaches from the lower face to the tip. -1: no crack.",
        low=-1, high=0.95,
    )  # fmt: skip
    time: float = param(0.15, "Time, in units of edge squared over diffusivity.", low=1e-4, high=10)
    steps: int = param(40, "Steps of the implicit solver.", low=5, high=1000)
    thickness_um: float = param(5.0, "Thickness.", unit="um", low=1e-3, high=1e4)


def crack_detour(params: DetourParams, seed: int = 0) -> Phantom:
    """Diffusion from the right face around an impenetrable crack, solved implicitly.

    ``ds/dt = D lap s`` with s = 1 on the right face, no flux through the others and through the
    crack, s = 0 at the start. The crack is one pixel wide and has no material (thickness 0).

    `numbers`: ``detour`` of the pair of points at the middle height, a distance d = half of the
    half edge left and right of the crack: ``sqrt(1 + (h/d)^2)``, with h the tip's height (1 without
    a crack or if the tip is below); ``tip_um``, ``d_um``; ``lag``: SOC right minus left of the
    crack at those points.

    Parameters
    ----------
    params : DetourParams
        What to make.
    seed : int
        Kept for the contract; nothing is random.
    """
    grid, n = Grid.of(params), params.size_px
    middle = n // 2
    crack = np.zeros((n, n), dtype=bool)
    tip = round(params.height * middle)
    if params.height > -1:
        # y runs downward: the crack comes from the last row up to its tip, whose center is free, so
        # that the shortest path over pixel centers turns exactly there.
        crack[middle - tip + 1 :, middle] = True
    soc = _diffuse(crack, params.time * n**2, params.steps)
    d = round(middle / 2)
    detour = float(np.sqrt(1.0 + (tip / d) ** 2)) if params.height > 0 else 1.0
    numbers = {
        "detour": detour,
        "tip_um": tip * params.pixel_um,
        "d_um": d * params.pixel_um,
        "lag": float(soc[middle, middle + d] - soc[middle, middle - d]),
        "mean": float(soc[~crack].mean()),
    }
    return build_phantom(
        "crack_detour", params, seed, grid, thickness=np.where(crack, 0.0, params.thickness_um),
        soc=soc, references=xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"}),
        states=("cracked",), numbers=numbers,
    )  # fmt: skip


def _diffuse(crack: np.ndarray, time_px2: float, steps: int) -> np.ndarray:
    """SOC ``(y, x)`` after a time (pixels squared over D); implicit Euler, stable at any step."""
    index = np.full(crack.shape, -1)
    free = ~crack
    index[free] = np.arange(free.sum())
    laplacian = _laplacian(index)
    # The face lies half a pixel outside the last column: twice the conductance.
    face = np.zeros(int(free.sum()))
    face[index[:, -1][free[:, -1]]] = 2.0
    dt = time_px2 / steps
    matrix = csc_matrix(identity(face.size) + dt * (laplacian + _diagonal(face)))
    solver, soc = splu(matrix), np.zeros(face.size)
    for _ in range(steps):
        soc = solver.solve(soc + dt * face)
    out = np.zeros(crack.shape)
    out[free] = soc
    return out


def _diagonal(values: np.ndarray) -> coo_matrix:
    at = np.arange(values.size)
    return coo_matrix((values, (at, at)), (values.size, values.size))


def _laplacian(index: np.ndarray) -> csc_matrix:
    """Negative graph Laplacian between free neighbors: no flux into a crack or out of the field."""
    size = int(index.max()) + 1
    rows, columns = [], []
    for a, b in ((index[:, :-1], index[:, 1:]), (index[:-1], index[1:])):
        joined = (a >= 0) & (b >= 0)
        rows += [a[joined], b[joined]]
        columns += [b[joined], a[joined]]
    i, j = np.concatenate(rows), np.concatenate(columns)
    links = coo_matrix((np.ones(i.size), (i, j)), (size, size)).tocsc()
    degree = np.asarray(links.sum(axis=1)).ravel()
    return csc_matrix(_diagonal(degree) - links)
