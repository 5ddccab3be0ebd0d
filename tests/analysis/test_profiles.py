"""Profiles along lines and over distances."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.profiles import binned_profile, line_profile
from socwidgets.model.errors import DataError, ParameterError


def plane(ny=40, nx=50, pixel=0.1):
    y, x = np.arange(ny) * pixel, np.arange(nx) * pixel
    values = 2.0 * x[None, :] + 0.5 * y[:, None]
    return xr.DataArray(
        values, {"y": ("y", y, {"units": "um"}), "x": ("x", x, {"units": "um"})}, name="v"
    )


def test_a_plane_is_followed_along_a_line_to_half_a_pixel():
    profile = line_profile(plane(), (0.5, 0.5, 4.0, 3.0))
    wanted = 2.0 * profile["x_um"] + 0.5 * profile["y_um"]
    assert float(abs(profile["mean"] - wanted).max()) <= 0.05 * 2.5 + 1e-9
    assert float(profile["distance"][-1]) == pytest.approx(np.hypot(3.5, 2.5))


def test_a_wide_line_averages_and_carries_the_noise():
    field = plane()
    rng = np.random.default_rng(0)
    noisy = field + rng.normal(0, 0.2, field.shape)
    profile = line_profile(noisy, (0.5, 2.0, 4.0, 2.0), width_um=1.0, std=xr.full_like(field, 0.2))
    assert (profile["count"] >= 10).all()
    np.testing.assert_allclose(profile["sem"], 0.2 / np.sqrt(profile["count"]))
    pull = (profile["mean"] - (2.0 * profile["x_um"] + 1.0)) / profile["sem"]
    assert float(pull[::2].std()) < 1.6  # nearest pixels add up to half a pixel of slope
    np.testing.assert_allclose(profile["sd"], np.sqrt(0.2**2 + (0.5 * 0.3) ** 2), rtol=0.6)


def test_gaps_stay_gaps_and_the_outside_has_no_value():
    field = plane()
    field[:, 20:25] = np.nan
    profile = line_profile(field, (-1.0, 1.0, 4.0, 1.0))
    outside = profile["x_um"] < -0.05
    assert np.isnan(profile["mean"][outside]).all()
    gap = (profile["x_um"] > 1.96) & (profile["x_um"] < 2.44)
    assert np.isnan(profile["mean"][gap]).all()
    assert (profile["count"][gap] == 0).all()
    with pytest.raises(ParameterError, match="line and a width"):
        line_profile(field, (1.0, 1.0, 1.0, 1.0))


def test_bins_hold_equal_numbers_and_weights_count():
    rng = np.random.default_rng(1)
    d = rng.uniform(0, 1, 4000)
    v = 3.0 * d + rng.normal(0, 0.1, d.size)
    w = rng.uniform(0.5, 2.0, d.size)
    found = binned_profile(v, d, bins=10, weights=w, noise_variance=np.full(d.size, 0.01))
    assert (found["count"] == 400).all()
    pull = (found["mean"] - 3.0 * found["distance"]) / found["sem"]
    assert float(np.sqrt((pull**2).mean())) < 1.8
    first = d <= np.quantile(d, 0.1)
    assert float(found["mean"][0]) == pytest.approx(
        np.average(v[first], weights=w[first]), abs=2e-3
    )
    with pytest.raises(DataError, match="no pixel"):
        binned_profile(np.full(3, np.nan), np.arange(3.0))
