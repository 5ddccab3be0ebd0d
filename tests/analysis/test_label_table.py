"""Tables of particles: planted values come back; the edges of the input are refused in words."""

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.label_table import label_profiles, label_statistics, surface_depth
from socwidgets.model.errors import DataError, ParameterError

SHAPE = (80, 100)


@pytest.fixture
def particles(rng):
    y, x = np.indices(SHAPE)
    labels = np.zeros(SHAPE, np.int32)
    labels[np.hypot(y - 25, x - 25) < 20] = 3
    labels[np.hypot(y - 55, x - 70) < 18] = 7
    values = np.where(labels == 3, 0.2, 0.8) + rng.normal(0, 0.01, SHAPE)
    values[25, 25] = np.nan
    coords = {"y": 0.05 * np.arange(SHAPE[0]), "x": 0.05 * np.arange(SHAPE[1])}
    return (
        xr.DataArray(values.astype(np.float32), coords, ("y", "x")),
        xr.DataArray(labels, coords, ("y", "x")),
    )


def test_table_equals_ndimage(particles, rng):
    values, labels = particles
    weights = xr.DataArray(rng.uniform(0.5, 1, SHAPE), dims=("y", "x"))
    table = label_statistics(values, labels, weights, quantiles=(0.9, 0.5))
    assert list(table.index) == [3, 7]
    v = values.values.astype(float)
    whole = np.where(np.isfinite(v), labels.values, 0)
    v = np.nan_to_num(v)
    for name, function in (
        ("mean", ndimage.mean),
        ("std", ndimage.standard_deviation),
        ("min", ndimage.minimum),
        ("max", ndimage.maximum),
        ("q50", ndimage.median),
    ):
        np.testing.assert_allclose(table[name], function(v, whole, [3, 7]), rtol=1e-6)
    center = np.array(ndimage.center_of_mass(whole > 0, whole, [3, 7])) * 0.05
    np.testing.assert_allclose(table[["y", "x"]], center, rtol=1e-9)
    assert table.n_pixels[3] == (labels == 3).sum() - 1
    inside = whole == 7
    expected = np.average(v[inside], weights=weights.values[inside])
    np.testing.assert_allclose(table.weighted_mean[7], expected, rtol=1e-9)


def test_core_and_shell_come_back(rng):
    y, x = np.indices(SHAPE)
    labels = np.zeros(SHAPE, np.int32)
    radius = np.hypot(y - 40, x - 50)
    labels[radius < 30] = 5
    noise = 0.02
    values = np.where(radius < 15, 0.1, 0.9) + rng.normal(0, noise, SHAPE)
    profile = label_profiles(*(xr.DataArray(a, dims=("y", "x")) for a in (values, labels)), bins=10)
    assert profile["count"].sum() == (labels > 0).sum()
    shell, core = (
        profile.isel(particle=0, depth=slice(0, 4)),
        profile.isel(particle=0, depth=slice(6, 10)),
    )
    for part, truth in ((shell, 0.9), (core, 0.1)):
        sigma = noise / np.sqrt(part["count"])
        assert (abs(part["mean"] - truth) < 5 * sigma).all()
        assert (abs(part["std"] / noise - 1) < 5 / np.sqrt(2 * part["count"])).all()


def test_particles_that_touch_have_a_surface_between_them():
    labels = np.zeros((30, 40), np.int32)
    labels[5:25, 5:20], labels[5:25, 20:35] = 1, 2
    depth = surface_depth(xr.DataArray(labels, dims=("y", "x"))).values
    np.testing.assert_array_equal(depth[5:25, 19:21], 1.0)
    np.testing.assert_array_equal(depth[:5], 0.0)
    np.testing.assert_allclose(depth[15, 5:20], np.minimum(np.arange(1, 16), np.arange(15, 0, -1)))
    np.testing.assert_allclose(depth[:, ::-1], depth)


def test_a_cut_particle_has_no_surface_at_the_edge():
    labels = np.zeros((20, 20), np.int32)
    labels[:, 10:] = 1
    depth = surface_depth(xr.DataArray(labels, dims=("y", "x"))).values
    np.testing.assert_array_equal(depth[:, 19], 10.0)


def test_bad_input_is_named(particles):
    values, labels = particles
    with pytest.raises(DataError, match="integers from 0"):
        label_statistics(values, labels.astype(float))
    with pytest.raises(DataError, match="integers from 0"):
        label_statistics(values, labels - 1)
    with pytest.raises(DataError, match="does not fit"):
        label_statistics(values[:5], labels)
    with pytest.raises(ParameterError, match="quantile"):
        label_statistics(values, labels, quantiles=[50])
    with pytest.raises(ParameterError, match="bin"):
        label_profiles(values, labels, bins=0)
    with pytest.raises(DataError, match="no surface"):
        surface_depth(labels * 0 + 1)


def test_no_particle_gives_an_empty_table(particles):
    values, labels = particles
    assert label_statistics(values, labels * 0).empty
    assert label_profiles(values, labels * 0).sizes["particle"] == 0
