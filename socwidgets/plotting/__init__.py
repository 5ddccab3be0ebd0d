"""Static matplotlib figures for reports and papers, made without pyplot."""

from socwidgets.plotting.data import figure_data
from socwidgets.plotting.histogram import histogram_figure
from socwidgets.plotting.maps import map_figure, map_pair
from socwidgets.plotting.particles import particle_figure
from socwidgets.plotting.spectrum import spectrum_figure
from socwidgets.plotting.status import status_figure
from socwidgets.plotting.style import alt_text, png_bytes, svg_text

__all__ = [
    "alt_text",
    "figure_data",
    "histogram_figure",
    "map_figure",
    "map_pair",
    "particle_figure",
    "png_bytes",
    "spectrum_figure",
    "status_figure",
    "svg_text",
]
