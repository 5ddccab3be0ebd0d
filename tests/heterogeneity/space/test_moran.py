"""Moran's I and Geary's C: golden G-60a, theory of a Gaussian field, noise taken out, p values."""

import itertools

import numpy as np
import pytest
from planted_maps import map_set, random_field

from socwidgets.heterogeneity.bootstrap import resampling_units
from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.space import shuffles as module
from socwidgets.heterogeneity.space.moran import autocorrelation, autocorrelation_of
from socwidgets.heterogeneity.space.structure import correlation_length
from socwidgets.model.errors import ParameterError

CHECKER = np.indices((4, 4)).sum(axis=0) % 2
HALVES = np.repeat([[0, 0, 1, 1]], 4, axis=0)
GRADIENT = np.repeat([[0, 1, 2, 3]], 4, axis=0)


@pytest.mark.parametrize(
    ("values", "moran", "geary"),
    [(CHECKER, -1.0, 1.875), (HALVES, 0.666667, 0.3125), (GRADIENT, 0.666667, 0.1875)],
)
def test_golden_g60a(values, moran, geary):
    found = autocorrelation(map_set(values.astype(float), 0.0))
    assert found.moran == pytest.approx(moran, abs=1e-6)
    assert found.geary == pytest.approx(geary, abs=1e-6)
    assert found.moran_true == pytest.approx(found.moran)
    assert found.expected == pytest.approx(-0.066667, abs=1e-6)
    assert found.n_pairs == 24


@pytest.mark.parametrize("length", [2.0, 5.0, 10.0])
def test_gaussian_field_with_and_without_noise(rng, length):
    """Golden G-60a, fields: theory exp(-1/(2 l^2)); noise of a quarter of the variance."""
    theory = np.exp(-1 / (2 * length**2))
    field = 0.1 * random_field(rng, (256, 256), length)
    found = autocorrelation(map_set(field + rng.normal(0, 0.05, field.shape), 0.05), permutations=0)
    assert found.moran == pytest.approx(theory / 1.25, abs=0.03)
    assert found.moran_true == pytest.approx(theory, abs=0.03)
    assert found.geary_true == pytest.approx(1 - theory, abs=0.03)


def test_queen_counts_corners():
    found = autocorrelation(map_set(CHECKER.astype(float), 0.0), neighbors="queen")
    assert found.n_pairs == 42
    assert -0.5 < found.moran < 0


def test_p_of_noise_is_uniform_and_that_of_order_small(rng):
    p = [
        autocorrelation(map_set(rng.normal(size=(12, 12)), 0.0), permutations=199, seed=i).p
        for i in range(60)
    ]
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) < 0.05) < 0.15
    ordered = map_set(random_field(rng, (20, 20), 3.0), 0.0)
    assert autocorrelation(ordered).p == pytest.approx(0.001)
    assert autocorrelation(ordered).p_geary == pytest.approx(0.001)


def test_moments_equal_those_of_the_shuffles(rng, monkeypatch):
    """The limit used for large maps gives the same p as shuffling."""
    values = rng.normal(size=(15, 15)) + 0.5 * random_field(rng, (15, 15), 1.5)
    values[rng.random((15, 15)) < 0.2] = np.nan
    maps = map_set(values, 0.0)
    shuffled = autocorrelation(maps, permutations=4999)
    monkeypatch.setattr(module, "MAX_SHUFFLED", 10)
    limit = autocorrelation(maps)
    assert "normal limit" in limit.p_method
    assert limit.p == pytest.approx(shuffled.p, abs=0.015)
    assert limit.p_geary == pytest.approx(shuffled.p_geary, abs=0.02)


def test_interval_and_determinism(planted, rng):
    sample = take_sample(planted(rng, length=3.0), "soc")
    units = resampling_units(sample, 4.2)
    one, two = (autocorrelation_of(sample, units, draws=200, seed=1) for _ in range(2))
    assert one == two
    assert one.moran_interval.low < one.moran_true < one.moran_interval.high <= 1.0


def test_noise_stated_too_large_is_told_by_an_interval_above_one(rng):
    field = 0.5 + 0.08 * random_field(rng, (80, 80), 8.0)
    maps = map_set(field + rng.normal(0, 0.05, field.shape), 0.065)
    sample = take_sample(maps, "soc")
    found = autocorrelation_of(sample, resampling_units(sample, 8.0), draws=200, permutations=19)
    assert 1.0 < found.moran_interval.low < found.moran_true < found.moran_interval.high
    entry = next(e for e in heterogeneity_card(maps, draws=200).entries if e.name == "moran")
    assert "more noise was taken out than there is" in entry.note


def test_nothing_to_correlate():
    flat = autocorrelation(map_set(np.full((5, 5), 0.4), 0.0))
    assert np.isnan(flat.moran)
    assert np.isnan(flat.p)
    lonely = np.full((5, 5), np.nan)
    lonely[::2, ::2] = np.arange(9.0).reshape(3, 3)
    assert np.isnan(autocorrelation(map_set(lonely, 0.0)).moran)
    noise = autocorrelation(map_set(np.eye(6), 5.0))
    assert np.isnan(noise.moran_true)
    with pytest.raises(ParameterError, match="neighborhood"):
        autocorrelation(map_set(np.eye(6), 0.0), neighbors="bishop")


def test_length_is_reported_only_where_it_may_be(planted, rng):
    good = correlation_length(planted(rng, length=5.0), draws=100)
    assert good.reported
    assert good.interval.low < 5 * np.sqrt(2) * 0.04 < good.interval.high
    assert good.model_um == pytest.approx(5 * np.sqrt(2) * 0.04, rel=0.15)
    coarse = correlation_length(planted(rng, length=5.0), resolution_um=0.3, draws=0)
    assert not coarse.reported
    assert "not resolved" in coarse.reason
    long = correlation_length(planted(rng, (64, 64), length=40.0), draws=0)
    assert not long.reported


def test_normal_limit_has_the_variances_of_all_orders(rng):
    """Every order of eight values on a 2 x 4 grid: 40,320 values of I and C, no formula."""
    values = rng.normal(size=8) ** 3
    z = values - values.mean()
    first, second = np.array([(a, b) for a in range(8) for b in range(a) if _touch(a, b)]).T
    orders = z[np.array(list(itertools.permutations(range(8))))]
    square = np.sum(z**2)
    moran = 8 * np.sum(orders[:, first] * orders[:, second], axis=1) / first.size / square
    geary = 7 * np.sum((orders[:, first] - orders[:, second]) ** 2, axis=1)
    geary /= 2 * first.size * square
    degree = np.bincount(np.concatenate([first, second]), minlength=8).astype(float)
    found = module._moments(z, degree, float(first.size))
    np.testing.assert_allclose(found, [moran.var(), geary.var()], rtol=1e-9)


def _touch(a: int, b: int) -> bool:
    return abs(a // 4 - b // 4) + abs(a % 4 - b % 4) == 1
