"""Semivariogram: golden G-60b, models, nugget and correlation length within their targets."""

import numpy as np
import pytest
from planted_maps import map_set, random_field

from socwidgets.heterogeneity.correlation import correlation_length_px, radial_autocorrelation
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.spread import noise_corrected_spread
from socwidgets.heterogeneity.variogram import (
    RANGE_OF_LENGTH,
    Variogram,
    VariogramFit,
    fit_variogram,
    variogram,
)
from socwidgets.model.errors import ParameterError


def test_golden_g60b():
    model = VariogramFit("gaussian", 0.0025, 0.01, 0.0, 5.0, 7.07, 0.0)
    gamma = model(np.array([1.0, 2.0, 5.0, 10.0, 20.0]))
    np.testing.assert_allclose(gamma, [0.002698, 0.003269, 0.006435, 0.011147, 0.012497], atol=1e-6)


def test_g60b_from_a_realization(rng):
    values = 0.1 * random_field(rng, (256, 256), 5.0) + rng.normal(0, 0.05, (256, 256))
    found = variogram(map_set(values, 0.05, pixel=1.0))
    table = found.to_dataset()
    near = table.gamma.interp(distance=[2.0, 5.0]).values
    np.testing.assert_allclose(near, [0.00327, 0.0064], rtol=0.1)
    fit = fit_variogram(found)
    assert fit.model == "gaussian"
    assert fit.range_px == pytest.approx(5.0, rel=0.15)
    assert fit.nugget == pytest.approx(0.0025, rel=0.05)
    assert fit.sill == pytest.approx(0.01, rel=0.15)


@pytest.mark.parametrize("model", ["gaussian", "exponential", "spherical"])
def test_each_model_comes_back_from_its_own_curve(model):
    distance = np.array([1, 1.4, 2, 2.8, 3, 4, 5, 6, 8, 12, 20, 30.0])
    truth = VariogramFit(model, 0.002, 0.01, 0.0, 6.0, 6.0 / RANGE_OF_LENGTH[model], 0.0)
    found = Variogram(distance, truth(distance), np.full(12, 1e4), None, 1.0)
    fit = fit_variogram(found)
    assert fit.model == model
    assert fit.range_px == pytest.approx(6.0, rel=0.01)
    assert fit.length_px == pytest.approx(truth.length_px, rel=0.01)
    assert fit.nugget == pytest.approx(0.002, rel=0.02)
    # At the 1/e length the correlation is 1/e.
    at = (fit(np.array([fit.length_px]))[0] - fit.nugget) / fit.sill
    assert at == pytest.approx(1 - 1 / np.e, abs=1e-3)


@pytest.mark.parametrize("length", [4.0, 8.0])
def test_correlation_length_within_15_percent(planted, length):
    found = []
    for seed in range(8):
        maps = planted(np.random.default_rng(seed), (192, 192), noise=0.08, length=length)
        found.append(correlation_length_px(take_sample(maps, "soc"), 0.01) / np.sqrt(2))
    assert np.mean(found) == pytest.approx(length, rel=0.15)


def test_gaps_do_not_bias(rng):
    maps = map_set(random_field(rng, (200, 200), 4.0), 0.0)
    maps["soc"] = maps.soc.where(rng.random((200, 200)) < 0.4)
    assert fit_variogram(variogram(maps), "gaussian").range_px == pytest.approx(4.0, rel=0.15)


def test_nothing_to_fit(rng):
    flat = variogram(map_set(np.full((20, 20), 0.3), 0.0))
    assert np.isnan(fit_variogram(flat).range_px)
    with pytest.raises(ParameterError, match="unknown variogram model"):
        fit_variogram(flat, "linear")


def test_radial_autocorrelation_of_a_gaussian_field(rng):
    values = 0.1 * random_field(rng, (256, 256), 4.0) + rng.normal(0, 0.05, (256, 256))
    found = radial_autocorrelation(map_set(values, 0.05, pixel=0.1))
    h = found.distance.values / 0.1
    near = h < 10
    theory = np.exp(-(h**2) / 32)
    np.testing.assert_allclose(found.correlation[near], theory[near], atol=0.08)
    assert found.distance.attrs["units"] == "um"
    flat = radial_autocorrelation(map_set(np.full((20, 20), 0.5), 0.0))
    assert flat.correlation.isnull().all()


@pytest.mark.parametrize("noise", [0.05, 0.09])
def test_corrected_spread_within_10_percent_above_hsn_one(planted, noise):
    """Acceptance J.3, mean and each of ten fields (their own variance scatters by 3 %)."""
    found = []
    for seed in range(10):
        maps = planted(np.random.default_rng(seed), (192, 192), noise=noise, length=4.0)
        sample = take_sample(maps, "soc")
        found.append(noise_corrected_spread(sample.values, sample.noise_variance).true)
    np.testing.assert_allclose(found, 0.1, rtol=0.1)
