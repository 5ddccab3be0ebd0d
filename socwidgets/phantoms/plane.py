"""Reaction in the plane of an electrode: lost contact, missing carbon, reaction channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.model.parameters import param
from socwidgets.phantoms.build import Grid, build_phantom
from socwidgets.phantoms.phantom import FieldParams, Phantom
from socwidgets.phantoms.xanes_references import xanes_references

#: Edge of the box of voxels in which carbon is missing (Fig. 20a).
CARBON_BOX = 76


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactParams(FieldParams):
    """Plane of an electrode with spots that the collector does not reach."""

    size_px: int = param(152, "Edge of the square field of view.", unit="px", low=16, high=4096)
    pixel_um: float = param(10.0, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=9)
    n_spots: int = param(4, "Number of detached spots.", low=0, high=200)
    radius_um: tuple[float, float] = param(
        (90.0, 180.0), "Smallest and largest radius of a spot.", unit="um", low=1e-3
    )
    soc_good: float = param(0.8, "SOC where there is contact.", low=0, high=1)
    drop: float = param(0.6, "How much lower the middle of a spot is.", low=0, high=1)
    transition_um: float = param(
        25.0, "Half width over which a spot's rim is still reached.", unit="um", low=1e-3
    )
    carbon_side: int = param(
        0, "Side of a square without carbon, in voxels of a box of 76; 0 for spots instead.",
        low=0, high=CARBON_BOX,
    )  # fmt: skip
    carbon_position: int = param(
        1, "Where the square lies: 1 at the separator to 4 at the collector.", low=1, high=4
    )
    thickness_um: float = param(50.0, "Thickness.", unit="um", low=1e-3, high=1e4)
    od_per_um: float = param(0.01, "Edge jump per thickness.", unit="um-1", low=1e-4, high=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelParams(FieldParams):
    """Plane of an electrode in which the reaction spreads from some places."""

    size_px: int = param(120, "Edge of the square field of view.", unit="px", low=16, high=4096)
    pixel_um: float = param(10.0, "Pixel size.", unit="um", low=1e-4, high=1e3)
    oversample: int = param(1, "Points of the true field per pixel edge; odd.", low=1, high=9)
    n_centers: int = param(3, "Number of channels.", low=1, high=50)
    time: float = param(0.5, "Part of the charge that has passed.", low=0, high=1)
    speed_um: float = param(
        700.0, "Growth of a channel's radius over the whole charge.", unit="um", low=0
    )
    last_start: float = param(0.3, "Time at which the last channel opens.", low=0, high=0.95)
    transition_um: float = param(30.0, "Half width of a channel's rim.", unit="um", low=1e-3)
    element: str = param("Fe", "Absorber: Fe (LiFePO4) or Mn (LMO).", choices=("Fe", "Mn"))
    thickness_um: float = param(20.0, "Thickness.", unit="um", low=1e-3, high=1e4)
    od_per_um: float = param(0.045, "Edge jump per thickness.", unit="um-1", low=1e-4, high=50)


def contact_loss(params: ContactParams, seed: int = 0) -> Phantom:
    """Plane with spots that lag because the collector does not reach them.

    With `carbon_side` above 0 the spots give way to one square of that side (of 76 voxels), as in
    the simulations behind Fig. 20.

    `numbers`: ``detached_fraction`` (area with a drop above half), ``carbon_fraction``
    (``(side/76)^2``; golden G-33), ``mean``.

    Parameters
    ----------
    params : ContactParams
        What to make.
    seed : int
        Seed of the spots.
    """
    grid = Grid.of(params)
    y, x = grid.centered()
    share = np.zeros(grid.fine_shape)
    if params.carbon_side:
        share = _square(params, grid)
    else:
        rng = np.random.default_rng([seed, 1])
        half = 0.5 * params.size_px * params.pixel_um
        for _ in range(params.n_spots):
            cy, cx = rng.uniform(-0.8 * half, 0.8 * half, 2)
            radius = rng.uniform(*params.radius_um)
            away = np.sqrt((y - cy) ** 2 + (x - cx) ** 2)
            spot = 0.5 * (1.0 + np.tanh((radius - away) / params.transition_um))
            share = np.maximum(share, spot)
    soc = params.soc_good - params.drop * share
    numbers = {
        "detached_fraction": float(np.mean(share > 0.5)),
        "carbon_fraction": (params.carbon_side / CARBON_BOX) ** 2,
        "mean": float(soc.mean()),
    }
    return build_phantom(
        "contact_loss", params, seed, grid, thickness=np.full(soc.shape, params.thickness_um),
        soc=soc, references=xanes_references({"Ni3+": "LiNiO2", "Ni4+": "Ni4+"}),
        states=("electrode",), numbers=numbers,
    )  # fmt: skip


def _square(params: ContactParams, grid: Grid) -> np.ndarray:
    """1 inside the square without carbon; its middle moves down the box with the position."""
    ny, nx = grid.fine_shape
    side = params.carbon_side / CARBON_BOX
    free = 1.0 - side
    top = free * (params.carbon_position - 1) / 3.0
    rows, columns = (np.arange(n) + 0.5 for n in (ny, nx))
    inside_y = (rows / ny > top) & (rows / ny < top + side)
    inside_x = np.abs(columns / nx - 0.5) < side / 2.0
    return (inside_y[:, None] & inside_x[None, :]).astype(float)


def reaction_channel(params: ChannelParams, seed: int = 0) -> Phantom:
    """Channels from which the reaction spreads as growing disks that merge: ``r = v (t - t_k)``.

    Centers and starting times depend on the seed only, so a series of `time` is one charge. The
    oxidized fraction is 1 inside (Fe3+ of Fe, Mn4+ of Mn).

    `numbers`: ``mean`` (oxidized share of the area) and, per channel k from 1, ``center_y_k``,
    ``center_x_k`` (um, from pixel 0) and ``radius_k`` (um, 0 before it opens).

    Parameters
    ----------
    params : ChannelParams
        What to make.
    seed : int
        Seed of centers and times.
    """
    grid = Grid.of(params)
    rng = np.random.default_rng([seed, 1])
    half = 0.5 * params.size_px * params.pixel_um
    y, x = grid.centered()
    soc, numbers = np.zeros(grid.fine_shape), {}
    starts = np.linspace(0.0, params.last_start, params.n_centers)
    for number, (cy, cx), start in zip(
        range(1, params.n_centers + 1), _centers(params.n_centers, half, rng), starts, strict=True
    ):
        radius = params.speed_um * max(0.0, params.time - start)
        away = np.sqrt((y - cy) ** 2 + (x - cx) ** 2)
        if radius > 0:
            disk = 0.5 * (1.0 + np.tanh((radius - away) / params.transition_um))
            soc = np.maximum(soc, disk)
        middle = grid.center_um
        numbers[f"center_y_{number}"], numbers[f"center_x_{number}"] = (
            float(c + m) for c, m in zip((cy, cx), middle, strict=True)
        )
        numbers[f"radius_{number}"] = radius
    numbers["mean"] = float(soc.mean())
    models = (
        {"Fe2+": "vivianite", "Fe3+": "ferrihydrite"}
        if params.element == "Fe"
        else {"Mn3.5+": {"Mn2O3": 0.5, "MnO2": 0.5}, "Mn4+": "MnO2"}
    )
    return build_phantom(
        "reaction_channel", params, seed, grid, thickness=np.full(soc.shape, params.thickness_um),
        soc=soc, references=xanes_references(models), states=("electrode",),  # type: ignore[arg-type]
        numbers=numbers,
    )  # fmt: skip


def _centers(n: int, half: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Places apart from each other: the best of many draws for each."""
    found: list[tuple[float, float]] = []
    for _ in range(n):
        draws = rng.uniform(-0.7 * half, 0.7 * half, (200, 2))
        if found:
            near = np.min([np.hypot(*(draws - np.array(c)).T) for c in found], axis=0)
            draws = draws[[int(np.argmax(near))]]
        found.append((float(draws[0][0]), float(draws[0][1])))
    return found
