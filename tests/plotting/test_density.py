"""Flat, frame, optical density and what was flagged, in one figure."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.optical_density import optical_density
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.plotting import alt_text, density_figure, png_bytes


@pytest.fixture(scope="module")
def scan():
    """Four frames of a block, a dead pixel, and a sample at full scale."""
    rng = np.random.default_rng(0)
    block = np.zeros((20, 24))
    block[6:14, 6:18] = 1.0
    depth = np.array([0.1, 0.2, 1.2, 0.8])[:, None, None] * block
    counts = rng.poisson(3000.0 * np.exp(-depth))
    flat = rng.poisson(3000.0, (3, 20, 24))
    for image in (counts, flat):
        image[:, 2, 3] = 1
    counts[1, 10, 10] = 65535
    stack = make_stack(counts.astype(np.uint16), 8330.0 + 10.0 * np.arange(4), pixel_um=0.05)
    beam = xr.DataArray(flat.astype(np.uint16), dims=("flat_frame", "y", "x"))
    return stack, optical_density(stack, flat=beam), beam


def test_it_shows_all_steps_and_counts_what_was_flagged(scan):
    stack, od, flat = scan
    figure = density_figure(stack, od, flat=flat)
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]
    assert [t for t in titles if t] == ["Flat", "Frame at 8350.0 eV", "Optical density",
                                       "All samples"]  # fmt: skip
    assert "1 dead" in alt_text(figure)
    assert "1 at full scale" in alt_text(figure)
    legend = figure.axes[-1].get_legend() or next(
        a.get_legend() for a in figure.axes if a.get_legend()
    )
    assert "dead: 1 px" in [text.get_text() for text in legend.get_texts()]
    assert png_bytes(figure).startswith(b"\x89PNG")
    at = density_figure(stack, od, flat=flat, energy=8331.0)
    assert "8330.0 eV" in alt_text(at)


def test_marks_lie_on_their_pixels_and_an_i0_spectrum_has_no_panel(scan):
    stack, od, _ = scan
    figure = density_figure(stack, od)
    assert not any("Flat" in (a.get_title(loc="left"), a.get_title()) for a in figure.axes)
    marks = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "x"]
    at = next(line.get_xydata() for line in marks if line.get_xydata().size)
    np.testing.assert_allclose(at, [[od.x.values[3], od.y.values[2]]])


def test_other_stacks_are_refused(scan):
    stack, od, _ = scan
    with pytest.raises(DataError, match="not counts and their optical density"):
        density_figure(stack.isel(y=slice(0, 5)), od)
