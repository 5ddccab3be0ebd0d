"""The picture saved with a notebook, bins of a map, color tables kept as a file."""

from __future__ import annotations

import io

import numpy as np
import pytest
import small_stack
import xarray as xr
from matplotlib import colormaps
from PIL import Image

from socwidgets.model.roi import Ellipse, Polygon, Rectangle
from socwidgets.session import Session
from socwidgets.widgets.bins import BINS, bins_of
from socwidgets.widgets.colormaps import COLORMAPS, lut
from socwidgets.widgets.plots import short_label
from socwidgets.widgets.static_picture import picture_png


@pytest.mark.parametrize("name", COLORMAPS)
def test_the_kept_color_tables_are_those_of_matplotlib(name):
    np.testing.assert_array_equal(lut(name), colormaps[name](np.arange(256), bytes=True)[:, :3])


def test_bins_count_what_numpy_counts():
    rng = np.random.default_rng(0)
    shown = xr.DataArray(rng.normal(size=(40, 50)).astype(np.float32), dims=("y", "x"), name="m")
    good = rng.random((40, 50)) > 0.2
    region = rng.random((40, 50)) > 0.6
    bins = bins_of(shown, good)
    assert bins.edges.size == BINS + 1
    for inside, share in ((good, bins.share()), (good & region, bins.share(region))):
        values = shown.values[inside]
        counts, _ = np.histogram(values, bins.edges)
        # A value on an edge may fall to either side of it in single precision.
        assert np.abs(share * values.size / 100 - counts).max() <= 1
        assert share.sum() == pytest.approx(100 * counts.sum() / values.size, abs=0.2)


def test_a_few_wild_pixels_do_not_squeeze_the_histogram():
    """One in a hundred far out: the axis stays with the others, and the rest is told."""
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 0.1, (100, 100))
    plain = bins_of(xr.DataArray(values, dims=("y", "x"), name="soc"), np.ones((100, 100), bool))
    assert 0 < plain.beyond() < 0.3
    values[0] = rng.uniform(-30, 30, 100)
    wild = bins_of(xr.DataArray(values, dims=("y", "x"), name="soc"), np.ones((100, 100), bool))
    assert wild.beyond() == pytest.approx(1.0, abs=0.1)
    # Half of the inner 96 % beyond them, at most: 4.1 standard deviations and a little room.
    assert np.all(np.abs(wild.edges[[0, -1]] - 0.5) < 0.5)
    assert wild.share().sum() == pytest.approx(100.0 - wild.beyond())


def test_the_picture_shows_map_regions_and_histogram():
    stack = small_stack.stack()
    session = Session(stack, small_stack.maps(stack), small_stack.references())
    plain = np.asarray(Image.open(io.BytesIO(picture_png(session))).convert("RGB")).astype(int)
    session.add_roi(Rectangle(0.2, 0.2, 0.8, 0.8))
    session.add_roi(Ellipse(1.0, 0.5, 0.3, 0.2))
    session.add_roi(Polygon(((0.1, 0.1), (0.5, 0.1), (0.3, 0.5))))
    drawn = np.asarray(Image.open(io.BytesIO(picture_png(session))).convert("RGB")).astype(int)
    for roi in session.state.rois:
        color = [int(roi.color[i : i + 2], 16) for i in (1, 3, 5)]

        def close(image, color=color):
            return (abs(image - color).max(axis=2) < 24).sum()

        assert close(drawn[:, :500]) > close(plain[:, :500]) + 50
        assert close(drawn[:, 500:]) > close(plain[:, 500:]) + 50
    session.select_map("status")
    session.brush(0, 1)
    assert Image.open(io.BytesIO(picture_png(session))).size == (1000, 500)
    session.close()


def test_a_long_label_loses_its_explanation_and_no_unit():
    long = "Sum of the weights (thickness in units of the references)"
    assert short_label(long) == "Sum of the weights"
    for words in ("Edge energy (eV)", "State of charge", f"{'Energy ' * 7}(eV)"):
        assert short_label(words) == words
