"""Steps of the template `particles`: one section for each selected particle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets import plotting
from socwidgets.analysis.profiles import binned_profile
from socwidgets.heterogeneity.phases.table import phase_table
from socwidgets.kernels.distance import surface_distance
from socwidgets.model.errors import ParameterError
from socwidgets.model.names import X, Y
from socwidgets.model.stack import pixel_size_um
from socwidgets.model.status import usable
from socwidgets.plotting.text import quantity_label
from socwidgets.reports.parameter_classes import ParticlesReport
from socwidgets.reports.publish import show_figures, show_table
from socwidgets.reports.results import Number
from socwidgets.reports.scan import Scan
from socwidgets.reports.words import with_uncertainty

#: Pixels left around a particle's own.
MARGIN_PX = 4


def choose_particles(scan: Scan, params: ParticlesReport) -> list[int]:
    """Numbers of the particles that get a page: those named, or the largest.

    Raises
    ------
    ParameterError
        If a named particle does not exist.
    """
    known = [int(label) for label in scan.table.index]
    wanted = list(params.wanted())
    unknown = [label for label in wanted if label not in known]
    if unknown:
        raise ParameterError(
            f"there is no particle {unknown[0]}",
            expected=f"numbers from 1 to {max(known)}",
            fix="run the report soc_map and look at the numbers on its map",
        )
    sizes = scan.table["n_pixels"].sort_values(ascending=False)
    return wanted or [int(label) for label in sizes.index[: params.n_particles]]


def describe_particles(
    scan: Scan, chosen: list[int], params: ParticlesReport
) -> tuple[pd.DataFrame, dict[int, xr.Dataset]]:
    """Phase state and radial profile of the chosen particles.

    Returns
    -------
    pandas.DataFrame
        Columns of `particle_table` and `phase_table`, one row per chosen particle.
    dict of int to xarray.Dataset
        Radial profile of each, see `binned_profile`; without those too small for one.
    """
    phases = phase_table(scan.maps, scan.labels.where(scan.labels.isin(chosen), 0))
    own = [name for name in phases.columns if name not in scan.table.columns]
    table = scan.table.loc[chosen].join(phases[own])
    distance = surface_distance(scan.labels.values, pixel_size_um(scan.maps))
    keep = usable(scan.maps)
    profiles = {}
    for label in chosen:
        inside = ((scan.labels == label) & keep).values
        if inside.sum() < 2 * params.rings:
            continue
        thickness = scan.maps["thickness"].values[inside] if "thickness" in scan.maps else None
        profiles[label] = binned_profile(
            scan.maps["soc"].values[inside], distance[inside], bins=params.rings,
            weights=thickness, noise_variance=scan.maps["soc_std"].values[inside] ** 2,
        )  # fmt: skip
    return table, profiles


def particle_numbers(table: pd.DataFrame, profiles: Mapping[int, xr.Dataset]) -> dict[str, Number]:
    """Mean of each particle, and its center against its rim."""
    found = {}
    for label, row in table.iterrows():
        name = f"Mean of particle {label}"
        state = str(row.get("state", "")).replace("_", " ")
        found[f"mean_{label}"] = Number(
            float(row["mean"]), name, std=float(row["mean_std"]), method=state
        )
    for label, profile in profiles.items():
        mean, sem = profile["mean"].values, profile["sem"].values
        contrast, std = mean[-1] - mean[0], float(np.hypot(sem[0], sem[-1]))
        found[f"contrast_{label}"] = Number(
            float(contrast), f"Center minus rim, particle {label}", std=std,
            method="innermost and outermost ring; std from noise",
        )  # fmt: skip
    return found


def particles_verdict(table: pd.DataFrame, total: int) -> str:
    """One sentence about the chosen particles."""
    states = table["state"].astype(str).str.replace("_", " ").value_counts()
    words = ", ".join(f"{name}: {count}" for name, count in states.items())
    means = f"means from {table['mean'].min():.2f} to {table['mean'].max():.2f}"
    return f"{len(table)} of {total} particles in detail ({words}); {means}."


def show_particle(
    scan: Scan, label: int, table: pd.DataFrame, profiles: Mapping[int, xr.Dataset]
) -> None:
    """One particle: its map beside the uncertainty, its radial profile, its numbers."""
    section = f"Particle {label}"
    rows, columns = np.nonzero(scan.labels.values == label)
    window = {
        Y: slice(max(rows.min() - MARGIN_PX, 0), rows.max() + MARGIN_PX + 1),
        X: slice(max(columns.min() - MARGIN_PX, 0), columns.max() + MARGIN_PX + 1),
    }
    inside = (scan.labels == label) & usable(scan.maps)
    value = scan.maps["soc"].where(inside).isel(window)
    sigma = scan.maps["soc_std"].where(inside).isel(window)
    figures = [
        plotting.map_figure(value, limits=scan.params.color_limits, width=3.3),
        plotting.map_figure(sigma, width=3.3),
    ]
    name = quantity_label(scan.maps["soc"])
    captions = [f"{name}. Gray: not of this particle.", "Standard uncertainty of each pixel."]
    if label in profiles:
        figures.append(plotting.profile_figure({f"particle {label}": profiles[label]}, label=name))
        captions.append("From the surface inwards; bars: from noise, band: spread of the ring.")
    show_figures(figures, section, captions)
    row = table.loc[label]
    cells = {
        "State": str(row["state"]).replace("_", " "),
        "Why": str(row["reason"]),
        "Mean": with_uncertainty(float(row["mean"]), float(row["mean_std"])),
        "Spread inside, noise removed": f"{row['sd_true']:.3f}",
        "Uniformity (0 separated, 1 even)": with_uncertainty(
            float(row["uniformity"]), float(row["uniformity_std"])
        ),
        "Diameter": f"{row['diameter_um']:.2f} µm",
        "Pixels": str(int(row["n_pixels"])),
        "Cut by the border": "yes" if row["touches_border"] else "no",
    }
    shown = pd.DataFrame({"value": cells})
    shown.index.name = "quantity"
    show_table(shown, section)
