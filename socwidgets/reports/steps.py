"""Everything that the report templates call, under one name, so that they hold no logic."""

from __future__ import annotations

import os

import xarray as xr

from socwidgets.analysis.energy_scale import EnergyScale, energy_sensitivity
from socwidgets.analysis.recovery import Recovery, compare_with_truth
from socwidgets.model.status import usable
from socwidgets.reports.closing import show_card, show_factors, show_provenance
from socwidgets.reports.figures import save_figures, save_thumbnail
from socwidgets.reports.inputs import Inputs, open_inputs
from socwidgets.reports.parameters import SocMapReport
from socwidgets.reports.particles import find_particles, tabulate
from socwidgets.reports.prepare import align, name_quantity, to_optical_density, truth_map
from socwidgets.reports.results import Results, write_results
from socwidgets.reports.scan import cluster_address, conclude, map_scan, read_rois
from socwidgets.reports.sections import (
    show_edge_jump,
    show_headline,
    show_histogram,
    show_inputs,
    show_interactive,
    show_maps,
    show_particles,
    show_quality,
    show_regions,
    show_spectra,
    show_warnings,
)
from socwidgets.reports.summary import gather, headline_names

__all__ = [
    "Inputs",
    "Results",
    "align",
    "check_energy_scale",
    "cluster_address",
    "compare_if_known",
    "conclude",
    "find_particles",
    "gather",
    "headline_names",
    "map_scan",
    "name_quantity",
    "open_inputs",
    "read_rois",
    "save",
    "show_card",
    "show_edge_jump",
    "show_factors",
    "show_headline",
    "show_histogram",
    "show_inputs",
    "show_interactive",
    "show_maps",
    "show_particles",
    "show_provenance",
    "show_quality",
    "show_regions",
    "show_spectra",
    "show_warnings",
    "tabulate",
    "to_optical_density",
    "truth_map",
    "write_results",
]


def compare_if_known(inputs: Inputs, maps: xr.Dataset, drift: xr.Dataset | None) -> Recovery | None:
    """Comparison with the truth, for a phantom."""
    if inputs.phantom is None:
        return None
    return compare_with_truth(maps, truth_map(inputs, drift))


def check_energy_scale(
    od: xr.Dataset, maps: xr.Dataset, inputs: Inputs, params: SocMapReport
) -> EnergyScale | None:
    """How the mean depends on the energy scale; None where normalized weights leave no freedom."""
    if params.constraint in ("sum_to_one", "simplex"):
        return None
    return energy_sensitivity(
        od, usable(maps), inputs.references, charged=params.charged, **params.fit_options()
    )


def save(
    params: SocMapReport, path: str | os.PathLike[str], **objects: xr.Dataset | xr.DataArray | None
) -> None:
    """Write the bundle, the figures and a thumbnail, where the parameters do not say otherwise.

    Objects that are None are left out of the bundle.
    """
    from socwidgets.io import save_bundle

    save_thumbnail()
    if params.figures:
        save_figures("figures")
    if params.bundle:
        save_bundle(path, **{k: v for k, v in objects.items() if v is not None})
