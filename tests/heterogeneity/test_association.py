"""Correlation of two maps: attenuation by noise, independent pixels."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from socwidgets.heterogeneity.association import correlate_maps
from socwidgets.model.errors import DataError


def field(rng, size=72, smooth=3.0):
    made = ndimage.gaussian_filter(rng.normal(size=(size, size)), smooth, mode="wrap")
    return (made - made.mean()) / made.std()


def map_set(a, b, noise_a=0.0, noise_b=0.0):
    dims = ("y", "x")
    maps = {"a": (dims, a), "b": (dims, b)}
    if noise_a:
        maps["a_std"] = (dims, np.full_like(a, noise_a))
        maps["b_std"] = (dims, np.full_like(b, noise_b))
    return xr.Dataset(maps)


def test_noise_is_taken_out_of_the_correlation():
    rng = np.random.default_rng(1)
    a, other = field(rng, 128), field(rng, 128)
    b = 0.6 * a + 0.8 * other
    planted = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    found = [
        correlate_maps(
            map_set(a + rng.normal(0, 0.8, a.shape), b + rng.normal(0, 0.5, a.shape), 0.8, 0.5),
            "a", "b",
        )
        for _ in range(12)
    ]  # fmt: skip
    observed = np.mean([f.r for f in found])
    assert observed == pytest.approx(planted / np.sqrt(1.64 * 1.25), abs=0.01)
    true = np.array([f.r_true for f in found])
    assert abs(true.mean() - planted) < 4 * true.std() / np.sqrt(12)
    assert found[0].reliability_x == pytest.approx(1 / 1.64, abs=0.02)


def test_the_interval_of_independent_smooth_fields_holds_zero():
    rng = np.random.default_rng(2)
    found = [correlate_maps(map_set(field(rng), field(rng)), "a", "b") for _ in range(120)]
    z = np.arctanh([f.r for f in found]) * np.sqrt(np.array([f.n_eff for f in found]) - 3)
    # A pull: the naive one, sqrt(72 * 72 - 3), would be about seven.
    assert 0.8 < z.std() < 1.25
    inside = np.mean([f.low < 0 < f.high for f in found])
    assert 0.88 < inside <= 1.0


def test_white_noise_counts_every_pixel():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(60, 60))
    found = correlate_maps(map_set(a, rng.normal(size=a.shape)), "a", "b")
    assert found.n_eff == pytest.approx(3600, rel=0.08)
    assert np.isnan(found.r_true)


def test_gaps_masks_and_nothing_to_correlate():
    rng = np.random.default_rng(4)
    a, b = field(rng), field(rng)
    a[:10] = np.nan
    maps = map_set(a, b)
    maps["status"] = (
        ("y", "x"),
        np.where(np.arange(72)[None, :] < 20, 1, 0).astype(np.uint8) + np.zeros((72, 72), np.uint8),
    )
    found = correlate_maps(maps, "a", "b")
    assert found.n_pixels == 62 * 52
    assert found.r == pytest.approx(np.corrcoef(a[10:, 20:].ravel(), b[10:, 20:].ravel())[0, 1])
    empty = correlate_maps(maps, "a", "b", mask=np.zeros((72, 72), bool))
    assert empty.n_pixels == 0
    assert np.isnan(empty.r)
    with pytest.raises(DataError, match="no map 'c'"):
        correlate_maps(maps, "a", "c")
