"""The figure of the drift."""

import numpy as np
import xarray as xr

from socwidgets.plotting.shifts import shifts_figure
from socwidgets.plotting.style import alt_text, png_bytes


def test_it_shows_both_axes_and_what_was_not_believed():
    at = np.linspace(8320.0, 8380.0, 20)
    path = np.stack([np.sin(at / 20.0), 0.02 * (at - 8320.0)])
    drift = xr.Dataset(
        {"dy": ("energy", path[0]), "dx": ("energy", path[1])},
        {"energy": ("energy", at, {"long_name": "Photon energy", "units": "eV"})},
    )
    drift["replaced"] = ("energy", np.arange(20) == 7)
    figure = shifts_figure(drift, pixel_nm=30.0)
    axes = figure.axes[0]
    assert axes.get_xlabel() == "Photon energy (eV)"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == [
        "along y", "along x", "not believed",
    ]  # fmt: skip
    assert "1 frames not believed" in alt_text(figure)
    assert png_bytes(figure).startswith(b"\x89PNG")
    states = drift.drop_vars(["energy", "replaced"]).rename(energy="state")
    assert shifts_figure(states).axes[0].get_xlabel() == "State"
