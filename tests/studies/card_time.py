"""Time of a card of 2048 x 2048 pixels with 5,000 particles: python tests/studies/card_time.py.

Prints processor and wall-clock seconds of the card without bootstrap, of 1000 resamples on top, and
of the particle table, after one run that compiles.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from planted_maps import map_set

from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.particles import particle_table


def many_particles(n: int = 5000, size: int = 2048) -> tuple[xr.Dataset, xr.DataArray]:
    """Spheres of random size and state on a grid."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(n)))
    pitch = size / side
    y, x = np.mgrid[:size, :size]
    row, column = np.floor(y / pitch), np.floor(x / pitch)
    which = (row * side + column).astype(int)
    radius = rng.uniform(0.3, 0.5, side**2) * pitch
    r = np.hypot(y - (row + 0.5) * pitch, x - (column + 0.5) * pitch) / radius[which]
    inside = (r < 1) & (which < n)
    soc = rng.uniform(0.2, 0.8, side**2)[which] + rng.normal(0, 0.05, y.shape)
    thickness = np.where(inside, np.sqrt(np.clip(1 - r**2, 0, None)), 0.0)
    maps = map_set(soc, 0.05, thickness=thickness)
    return maps, maps.soc.copy(data=np.where(inside, which + 1, 0).astype(np.int32))


def main() -> None:
    """Run and print."""
    maps, labels = many_particles()
    runs: dict[str, Callable[[], object]] = {
        "card without bootstrap": lambda: heterogeneity_card(maps, labels, draws=0),
        "card with 1000 resamples": lambda: heterogeneity_card(maps, labels, draws=1000),
        "particle table": lambda: particle_table(maps, labels),
    }
    for name, run in runs.items():
        run()
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        print(
            f"{name}: {time.process_time() - cpu:.1f} s processor, "
            f"{time.perf_counter() - wall:.1f} s wall"
        )


if __name__ == "__main__":
    main()
