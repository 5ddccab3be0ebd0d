"""The particles of a report: found in the edge-jump map, and their table."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.particles import particle_table
from socwidgets.model.status import usable
from socwidgets.reports.parameters import SocMapReport


def find_particles(
    jumps: xr.Dataset, maps: xr.Dataset, params: SocMapReport
) -> xr.DataArray | None:
    """Particles of the edge-jump map; None if none of them holds a usable pixel."""
    from socwidgets.analysis.segmentation import segment_particles

    labels = segment_particles(jumps["edge_jump"], **params.particle_options())
    return labels if bool(((labels > 0) & usable(maps)).any()) else None


def tabulate(maps: xr.Dataset, labels: xr.DataArray | None) -> pd.DataFrame | None:
    """Table of the particles, where there are any."""
    return None if labels is None else particle_table(maps, labels)
