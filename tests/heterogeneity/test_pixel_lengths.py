"""Lengths of a map whose axes count pixels."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.space.axes import axis_lengths
from socwidgets.heterogeneity.space.structure import correlation_length


def field(units, width=3.0):
    rng = np.random.default_rng(2)
    smooth = gaussian_filter(rng.normal(size=(64, 64)), width)
    values = 0.5 + 0.5 * smooth + rng.normal(0, 0.01, (64, 64))
    coords = {} if units is None else {d: (d, np.arange(64.0), {"units": units}) for d in "yx"}
    soc = xr.DataArray(values, coords, ("y", "x"), attrs={"kind": "soc"})
    return xr.Dataset({"soc": soc, "soc_std": xr.full_like(soc, 0.01)})


@pytest.mark.parametrize(("units", "expected"), [("pixel", "px"), (None, "px"), ("um", "um")])
def test_a_length_in_pixels_is_not_called_a_length_in_um(units, expected):
    """A TIFF without a pixel size gave a correlation length of 8 "um"."""
    card = heterogeneity_card(field(units), weights=None, draws=100)
    (length,) = [entry for entry in card.entries if entry.name == "correlation_length"]
    assert length.units == expected
    assert np.isfinite(length.value)
    scale = [check for check in card.checks if check.name == "scale"]
    assert len(scale) == (expected == "px")


@pytest.mark.parametrize("resolution_um", [0.05, 50.0])
def test_a_resolution_in_um_is_not_held_against_a_length_in_pixels(resolution_um):
    """50 um made a length of 4 px "not resolved", 0.05 um made it "passed"."""
    maps = field("pixel")
    card = heterogeneity_card(maps, weights=None, draws=0, resolution_um=resolution_um)
    plain = heterogeneity_card(maps, weights=None, draws=0)
    assert card["correlation_length"].value == plain["correlation_length"].value > 2
    check = card.check("resolution")
    assert check.outcome == "not run"
    assert "the pixel size is not known" in check.detail
    lengths = axis_lengths(maps, weights=None, resolution_um=resolution_um)
    assert lengths["reported"].all()


def test_why_a_length_is_not_reported_is_said_in_its_unit():
    """The reason spoke of um."""
    maps = field("pixel", width=0.1)
    assert "px" in correlation_length(maps, weights=None, draws=0).reason
    assert "um" in correlation_length(field("um", 0.1), weights=None, draws=0).reason
