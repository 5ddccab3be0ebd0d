"""Nested variance: golden numbers, planted components, noise at each level, weights."""

import numpy as np
import pytest
import xarray as xr
from planted_maps import map_set

from socwidgets.heterogeneity.nested import variance_shares
from socwidgets.heterogeneity.nested_levels import nested_variance, split_variance
from socwidgets.model.errors import DataError, ParameterError

G59 = np.array([0.50, 0.52, 0.54, 0.60, 0.62, 0.64, 0.40, 0.41, 0.45])


def test_golden_g59():
    found = split_variance(G59, {"particle": np.repeat([3, 1, 2], 3)})
    np.testing.assert_allclose(found.population, [0.0066667, 0.00033333], atol=1e-7)
    assert found.icc[0] == pytest.approx(0.951613, abs=1e-6)
    np.testing.assert_allclose(found.component, [0.0098333, 0.0005], atol=1e-7)
    assert found.population[0] / found.population.sum() == pytest.approx(0.952381, abs=1e-6)
    assert found.n_groups == (3, 9)


def test_two_levels_equal_the_one_way_analysis(rng):
    label = rng.integers(0, 20, 500)
    values = rng.normal(0, 1, 20)[label] + rng.normal(0, 0.5, 500)
    weights, noise = rng.random(500) + 0.5, np.full(500, 0.04)
    found = split_variance(values, {"particle": label}, weights, noise)
    twin = variance_shares(values, label, weights, noise)
    np.testing.assert_allclose(found.population, [twin.between, twin.within])
    # The noise of the grand mean, missing in the twin, is all that differs.
    np.testing.assert_allclose(found.true, [twin.between_true, twin.within_true], rtol=0.002)
    plain = split_variance(values, {"particle": label})
    assert plain.icc[0] == pytest.approx(twin.icc)


def electrode(rng, layers=12, particles=12, side=5, sizes=(0.010, 0.004, 0.002), noise=0.03):
    """Layers x particles x pixels with chosen variances; labels start again in each layer."""
    shape = (layers, particles * side, side)
    values, label = np.full(shape, 0.5), np.zeros(shape, np.int32)
    values += rng.normal(0, np.sqrt(sizes[0]), layers)[:, None, None]
    for i in range(particles):
        part = np.s_[:, i * side : (i + 1) * side]
        values[part] += rng.normal(0, np.sqrt(sizes[1]), layers)[:, None, None]
        label[part] = i + 1
    values += rng.normal(0, np.sqrt(sizes[2]), shape) + rng.normal(0, noise, shape)
    maps = map_set(values, noise, dims=("z", "y", "x"))
    return maps, xr.DataArray(label, maps.soc.coords, ("z", "y", "x"))


def test_planted_components_of_an_electrode_come_back(rng):
    """Means over many electrodes are unbiased, and nine in ten intervals hold the truth."""
    truth = np.array([0.010, 0.004, 0.002])
    found, covered = [], []
    for _ in range(30):
        maps, labels = electrode(rng)
        result = nested_variance(maps, {"layer": "z", "particle": labels})
        found.append(result.component)
        covered.append((result.component_low <= truth) & (truth <= result.component_high))
    assert result.levels == ("layer", "particle", "pixel")
    assert result.n_groups == (12, 144, 12 * 12 * 25)
    scatter = np.std(found, axis=0) / np.sqrt(30)
    assert np.all(np.abs(np.mean(found, axis=0) - truth) < 3.5 * scatter + 1e-5)
    assert np.all(np.mean(covered, axis=0) >= 0.8)
    assert list(result.to_frame().index) == ["layer", "particle", "pixel"]
    assert result.shares.sum() == pytest.approx(1.0)


def test_noise_leaves_each_level_of_the_population_form(rng):
    maps, labels = electrode(rng, sizes=(0.0, 0.004, 0.0), noise=0.1)
    result = nested_variance(maps, {"layer": "z", "particle": labels})
    particles = maps.soc.values.reshape(12, 12, 25).mean(axis=2)
    means = particles.var(axis=1).mean()
    assert result.population[1] == pytest.approx(means)
    assert result.true[1] == pytest.approx(means - 0.01 / 25 * 11 / 12, rel=1e-6)
    assert result.true[2] < 0.1 * result.population[2]


def test_weights_decide_the_population_form():
    maps = map_set(np.array([[0.0, 0.0, 1.0, 1.0]]), 0.0, thickness=np.array([[3.0, 3, 1, 1]]))
    labels = maps.soc.copy(data=[[1, 1, 2, 2]])
    assert nested_variance(maps, {"particle": labels}).population[0] == pytest.approx(0.1875)
    equal = nested_variance(maps, {"particle": labels}, weights=None)
    assert equal.population[0] == pytest.approx(0.25)


def test_bad_levels(rng):
    maps, labels = electrode(rng, 2, 2)
    with pytest.raises(ParameterError, match="named levels"):
        nested_variance(maps, {})
    with pytest.raises(DataError, match="no dimension 'depth'"):
        nested_variance(maps, {"layer": "depth"})
    with pytest.raises(DataError, match="do not fit"):
        nested_variance(maps, {"particle": labels[:1]})
    with pytest.raises(DataError, match="no usable pixel"):
        nested_variance(maps, {"particle": labels * 0})
    one = nested_variance(maps, {"particle": labels * 0 + 1})
    assert np.isnan(one.component[0])
