"""The figure of the drift."""

import numpy as np
import xarray as xr

from socwidgets.plotting import drift_figure
from socwidgets.plotting.style import alt_text, png_bytes


def test_it_shows_both_axes_and_what_was_not_believed():
    at = np.linspace(8320.0, 8380.0, 20)
    path = np.stack([np.sin(at / 20.0), 0.02 * (at - 8320.0)])
    drift = xr.Dataset(
        {"dy": ("energy", path[0]), "dx": ("energy", path[1])},
        {"energy": ("energy", at, {"long_name": "Photon energy", "units": "eV"})},
    )
    drift["replaced"] = ("energy", np.arange(20) == 7)
    figure = drift_figure(drift, pixel_nm=30.0)
    axes = figure.axes[0]
    assert axes.get_xlabel() == "Photon energy (eV)"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == [
        "along y", "along x", "from neighbors",
    ]  # fmt: skip
    assert "1 took that of their neighbors" in alt_text(figure)
    assert png_bytes(figure).startswith(b"\x89PNG")
    states = drift.drop_vars(["energy", "replaced"]).rename(energy="state")
    assert drift_figure(states).axes[0].get_xlabel() == "State"


def test_rows_of_a_raster_scan_are_bars_around_their_frame():
    at = np.arange(4.0)
    turn = np.linspace(-1.0, 1.0, 9)
    rows = np.outer([0.5, 1.0, 0.2, 0.0], turn)
    drift = xr.Dataset(
        {"dy": ("energy", at), "dx": ("energy", -at), "row_dy": (("energy", "y"), rows),
         "row_dx": (("energy", "y"), 2 * rows)},
        {"energy": 700.0 + at},
    )  # fmt: skip
    axes = drift_figure(drift).axes[0]
    along_y, along_x = (np.array(c.get_segments())[:, :, 1] for c in axes.collections)
    np.testing.assert_allclose(along_y, at[:, None] + rows[:, [0, -1]])
    np.testing.assert_allclose(along_x, -at[:, None] + 2 * rows[:, [0, -1]])
    assert "rows of the frame" in [t.get_text() for t in axes.get_legend().get_texts()]
