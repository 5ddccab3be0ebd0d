"""Static matplotlib figures for reports and papers, made without pyplot."""

from socwidgets.plotting.data import figure_data
from socwidgets.plotting.density import density_figure
from socwidgets.plotting.histogram import histogram_figure
from socwidgets.plotting.maps import map_figure, map_pair
from socwidgets.plotting.particles import particle_figure
from socwidgets.plotting.shifts import drift_figure
from socwidgets.plotting.spectrum import spectrum_figure
from socwidgets.plotting.states import (
    profile_figure,
    ridge_figure,
    state_figure,
    trajectory_figure,
)
from socwidgets.plotting.status import status_figure
from socwidgets.plotting.style import alt_text, png_bytes, svg_text

__all__ = [
    "alt_text",
    "density_figure",
    "drift_figure",
    "figure_data",
    "histogram_figure",
    "map_figure",
    "map_pair",
    "particle_figure",
    "png_bytes",
    "profile_figure",
    "ridge_figure",
    "spectrum_figure",
    "state_figure",
    "status_figure",
    "svg_text",
    "trajectory_figure",
]
