"""Lengths of a map whose axes count pixels."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

from socwidgets.heterogeneity.card import heterogeneity_card


@pytest.mark.parametrize(("units", "expected"), [("pixel", "px"), (None, "px"), ("um", "um")])
def test_a_length_in_pixels_is_not_called_a_length_in_um(units, expected):
    """A TIFF without a pixel size gave a correlation length of 8 "um"."""
    rng = np.random.default_rng(2)
    values = (
        0.5 + 0.5 * gaussian_filter(rng.normal(size=(64, 64)), 3) + rng.normal(0, 0.01, (64, 64))
    )
    coords = {} if units is None else {d: (d, np.arange(64.0), {"units": units}) for d in "yx"}
    soc = xr.DataArray(values, coords, ("y", "x"), attrs={"kind": "soc"})
    card = heterogeneity_card(
        xr.Dataset({"soc": soc, "soc_std": xr.full_like(soc, 0.01)}), weights=None, draws=100
    )
    (length,) = [entry for entry in card.entries if entry.name == "correlation_length"]
    assert length.units == expected
    assert np.isfinite(length.value)
    scale = [check for check in card.checks if check.name == "scale"]
    assert len(scale) == (expected == "px")
