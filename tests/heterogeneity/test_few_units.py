"""Intervals of the spread of a few particles hold, whatever the particles' distribution."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.registration import register
from socwidgets.analysis.resample import (
    Motion,
    cardinal_spline,
    move_frame,
    noise_gain,
    noise_shape,
)
from socwidgets.heterogeneity.bootstrap import Units, draw_counts
from socwidgets.heterogeneity.pairs import sum_pairs
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.space import moran
from socwidgets.heterogeneity.spread_intervals import observed_variance, spread_interval
from socwidgets.model.noise_shape import NOISE_SHAPE, NoiseShape


def interval(means, within, draws=200):
    """Of particles with one hundred pixels each, known by mean and variance within."""
    n = means.size
    units = Units(np.arange(n), n, "particle", np.sqrt(n / (n - 1.0)), n - 1.0)
    ones = np.ones(n)
    sums = np.stack([ones, means, within + means**2, means**2])
    drawn = np.concatenate([sums @ c.T for c in draw_counts(units, draws, 0)], axis=1)
    return spread_interval(observed_variance, sums, drawn, units)


@pytest.mark.parametrize("count", [5, 10, 36])
@pytest.mark.parametrize(
    ("between", "within"), [("normal", 0.0044), ("normal", 0.0), ("uniform", 0.001), ("none", 0.01)]
)
def test_the_interval_holds_for_few_particles(count, between, within, rng):
    """200 sets: 95 % +- 1.5 %; below 87 % the interval would be misleading."""
    made = {
        "normal": (lambda: rng.normal(0, 0.1, count), 0.01),
        "uniform": (lambda: rng.uniform(-0.5, 0.5, count), 1 / 12),
        "none": (lambda: np.zeros(count), 0.0),
    }
    draw, variance = made[between]
    truth = np.sqrt(variance + within)
    held = 0
    for _ in range(200):
        found = interval(draw(), within * rng.chisquare(30, count) / 30)
        held += found.low <= truth <= found.high
    assert 0.87 <= held / 200 <= 1.0


def test_a_variance_within_is_not_widened_as_one_between(rng):
    """Three particles that differ in nothing but their pixels: n/(n-1) would add 22 % to the sd."""
    found = [interval(np.zeros(3), 0.01 * rng.chisquare(99, 3) / 99) for _ in range(60)]
    middle = np.sqrt([i.low * i.high for i in found])
    assert np.mean(middle) == pytest.approx(0.1, rel=0.03)


def test_pairs_counted_by_pixel_add_up_to_pairs_counted_by_block(planted, rng):
    """The same sums over all, however pairs across blocks are shared out (rook and queen)."""
    sample = take_sample(planted(rng, (40, 44)), "soc")
    sample = sample.subset(rng.random(sample.size) > 0.2)
    sample = replace(sample, noise_shape=NoiseShape(0.2, 0.1, 0.05))
    block = (sample.rows // 10 * 5 + sample.columns // 10).astype(np.int64)
    units = Units(block, int(block.max()) + 1, "block", 1.0, 19.0)
    for name, offsets in moran.NEIGHBORS.items():
        sums = moran._unit_sums(sample, sum_pairs(sample, offsets, units), units, name)
        own = moran._by_own_pixels(sample, sums, units, name)
        np.testing.assert_allclose(own.sum(axis=1), sums.sum(axis=1), rtol=1e-9, atol=1e-9)


def test_the_standard_error_of_moran_is_its_scatter(planted, rng):
    """40 fields know their scatter to 11 %; blocks that share pairs badly gave 1.5 times it."""
    from socwidgets.heterogeneity.bootstrap import resampling_units

    found = []
    for _ in range(40):
        sample = take_sample(planted(rng, (96, 96), length=3.0), "soc")
        units = resampling_units(sample, 3.0 * np.sqrt(2.0))
        found.append(moran.autocorrelation_of(sample, units, draws=150, permutations=0))
    scatter = np.std([f.moran_true for f in found], ddof=1)
    claimed = np.sqrt(np.mean([f.moran_interval.std**2 for f in found]))
    assert claimed == pytest.approx(scatter, rel=0.3)


def test_what_registration_makes_alike_is_taken_from_moran(rng):
    """White noise moved by half a pixel looks ordered; nothing of that is left as true order."""
    from planted_maps import map_set, random_field

    motion = Motion(0.5, 0.4)
    true = 0.5 + 0.1 * random_field(rng, (150, 150), 3.0)
    moved = move_frame(rng.normal(0, 0.1, true.shape), motion)
    sigma = 0.1 * np.sqrt(noise_gain(0.5, 0.4))
    maps = map_set(true + moved, sigma)
    naive = moran.autocorrelation(maps, permutations=0)
    told = maps.assign_attrs({NOISE_SHAPE: noise_shape([motion]).to_attr()})
    mended = moran.autocorrelation(told, permutations=0)
    exact = moran.autocorrelation(map_set(true, 0.0), permutations=0)
    # Noise and signal have about the same variance: its correlation of 0.2 shows in full.
    assert naive.moran_true - exact.moran > 0.08
    assert mended.moran_true == pytest.approx(exact.moran, abs=0.04)
    assert mended.geary_true == pytest.approx(exact.geary, abs=0.04)
    assert mended.moran == naive.moran


def test_the_noise_shape_follows_a_stack_to_its_maps():
    import small_stack

    data = small_stack.stack()
    assert take_sample(small_stack.maps(data), "soc").noise_shape == NoiseShape()
    drift = xr.Dataset({a: ("energy", np.full(26, d)) for a, d in (("dy", 0.5), ("dx", 0.0))})
    moved = register(data, drift=drift.assign_coords(energy=data.energy))
    shape = take_sample(small_stack.maps(moved), "soc").noise_shape
    w = cardinal_spline(np.arange(-9, 10) + 0.5)
    assert shape.along_y == pytest.approx(np.sum(w[1:] * w[:-1]) / np.sum(w**2), rel=1e-3)
    assert shape.along_x == pytest.approx(0.0, abs=1e-9)
