import numpy as np
import pytest
import xarray as xr

from socwidgets.heterogeneity.particles import particle_dataset, particle_table
from socwidgets.model.errors import DataError


@pytest.fixture
def case():
    rng = np.random.default_rng(5)
    coords = {"y": np.arange(40) * 0.1, "x": np.arange(50) * 0.1}
    labels = np.zeros((40, 50), np.int32)
    labels[2:22, 2:22], labels[25:35, 30:50] = 1, 2
    noise = 0.05
    truth = np.select([labels == 1, labels == 2], [0.2, 0.7], np.nan)
    truth = truth + np.where(labels == 2, 0.1 * np.sign(np.arange(50) - 39.5), 0.0)
    thick = np.where(labels > 0, rng.uniform(0.5, 1.5, labels.shape), 0.0)
    variables = {
        "soc": truth + rng.normal(0, noise, labels.shape),
        "soc_std": np.full(labels.shape, noise),
        "thickness": thick,
    }
    maps = xr.Dataset({k: (("y", "x"), v) for k, v in variables.items()}, coords)
    maps.soc.attrs["kind"] = "soc"
    found = xr.DataArray(labels, coords, ("y", "x"), attrs={"touches_border": [2]})
    return maps, found


def test_means_sizes_and_spreads_of_planted_particles(case):
    maps, labels = case
    table = particle_table(maps, labels)
    assert list(table.index) == [1, 2]
    np.testing.assert_array_equal(table.n_pixels, [400, 200])
    np.testing.assert_allclose(table.area_um2, [4.0, 2.0])
    np.testing.assert_allclose(table.diameter_um, 2 * np.sqrt(np.array([4.0, 2.0]) / np.pi))
    assert np.all(np.abs(table["mean"] - [0.2, 0.7]) < [4 * 0.05 / 19, 4 * 0.05 / 14 + 0.01])
    assert table.sd_true[2] == pytest.approx(0.1, abs=0.012)
    assert table.sd_true[1] < 0.02
    np.testing.assert_array_equal(table.touches_border, [False, True])


def test_uncertainty_of_the_mean_is_the_noise_and_not_the_spread(case):
    maps, labels = case
    equal = particle_table(maps, labels, weights=None)
    np.testing.assert_allclose(equal.mean_std, 0.05 / np.sqrt([400, 200]))


def test_the_mean_is_weighted_by_thickness(case):
    maps, labels = case
    inside = (labels == 1).values
    expected = np.average(maps.soc.values[inside], weights=maps.thickness.values[inside])
    assert particle_table(maps, labels)["mean"][1] == pytest.approx(expected)


def test_a_particle_without_values_has_no_row(case):
    maps, labels = case
    maps["soc"] = maps.soc.where(labels != 1)
    assert list(particle_table(maps, labels).index) == [2]
    with pytest.raises(DataError, match="no usable pixel"):
        particle_table(maps, labels * 0)


def test_shapes_percentiles_and_single_pixels(case):
    maps, labels = case
    labels = labels.copy()
    labels[39, 0] = 5
    maps["thickness"] = maps.thickness * 0 + 1
    table = particle_table(maps.fillna(0.5), labels)
    assert table.aspect[1] == pytest.approx(1.0, abs=1e-6)
    assert table.aspect[2] == pytest.approx(2.0, rel=0.02)
    assert table.orientation_deg[2] == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(table.solidity, 1.0)
    np.testing.assert_allclose([table.y_um[1], table.x_um[1]], 1.15)
    inside = maps.soc.values[(labels == 1).values]
    np.testing.assert_allclose(
        table.loc[1, ["p05", "p25", "median", "p75", "p95"]].astype(float),
        np.quantile(inside, [0.05, 0.25, 0.5, 0.75, 0.95]),
    )
    assert table.mean_sigma[1] == pytest.approx(0.05)
    assert np.isnan(table.sd_true[5])
    assert table.n_pixels[5] == 1


def test_table_as_xarray_and_of_a_volume(case):
    maps, labels = case
    data = particle_dataset(maps, labels)
    assert data.sizes == {"particle": 2}
    assert data.area_um2.attrs["units"] == "um^2"
    assert data.orientation_deg.attrs["units"] == "degree"
    volume = maps.expand_dims(z=[0.0, 0.1, 0.2])
    deep = particle_table(volume, labels.expand_dims(z=volume.z))
    np.testing.assert_allclose(deep.volume_um3, [1.2, 0.6])
    np.testing.assert_allclose(deep.z_um, 0.1)


def test_wrong_labels(case):
    maps, labels = case
    with pytest.raises(DataError, match="do not fit"):
        particle_table(maps, labels[:, :-1])
    with pytest.raises(DataError, match="whole numbers"):
        particle_table(maps, labels - 1)
