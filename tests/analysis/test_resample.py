"""Moving a frame: against scipy's spline, against smooth truth, and the noise by Monte Carlo."""

import numpy as np
import pytest
from scipy import ndimage

from socwidgets.analysis.resample import (
    cardinal_spline,
    noise_gain,
    shift_frame,
    shift_matrix,
    shift_variance,
)


def test_cardinal_spline_is_one_at_zero_and_zero_at_other_integers():
    np.testing.assert_allclose(cardinal_spline(np.arange(-4, 5)), np.eye(9)[4], atol=1e-5)


def test_rows_of_the_matrix_sum_to_one():
    for shift in (-3.7, 0.0, 0.5, 40.2):
        matrix = shift_matrix(20, shift)
        np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize(("dy", "dx"), [(0.3, -0.6), (2.5, 1.25), (-4.1, 0.0)])
def test_equals_the_spline_of_scipy(dy, dx):
    frame = np.random.default_rng(0).normal(size=(40, 50))
    ours = shift_frame(frame, dy, dx)
    theirs = ndimage.shift(frame, (-dy, -dx), order=3, mode="mirror")
    seen = np.isfinite(ours)
    assert seen.sum() >= (40 - int(abs(dy)) - 1) * (50 - int(abs(dx)) - 1)
    # Weights beyond ten pixels (2e-6 of the data) are cut.
    np.testing.assert_allclose(ours[seen], theirs[seen], atol=3e-5)


def test_brings_a_displaced_pattern_back():
    y, x = np.mgrid[0:60, 0:70]

    def scene(dy, dx):
        return np.exp(-((y - 30 - dy) ** 2 + (x - 35 - dx) ** 2) / (2 * 4.0**2))

    back = shift_frame(scene(1.7, -2.4), 1.7, -2.4)
    # A cubic spline of a Gaussian of 4 px is exact to a few 1e-5.
    np.testing.assert_allclose(np.nan_to_num(back), scene(0, 0), atol=2e-4)


def test_a_whole_number_of_pixels_moves_values_unchanged():
    frame = np.arange(30.0).reshape(5, 6)
    moved = shift_frame(frame, 1.0, -2.0)
    np.testing.assert_allclose(moved[:4, 2:], frame[1:, :4], rtol=1e-5)
    assert np.isnan(moved[4]).all()
    assert np.isnan(moved[:, :2]).all()


def test_noise_gain_against_monte_carlo():
    rng = np.random.default_rng(5)
    dy, dx = 0.5, 0.3
    std = 1.0 + 0.5 * np.sin(np.arange(40) / 3.0)[:, None] * np.ones(40)
    n = 400
    frames = std * rng.standard_normal((n, 40, 40))
    moved = np.stack([shift_frame(f, dy, dx) for f in frames])[:, 5:-5, 5:-5]
    predicted = shift_variance(std**2, dy, dx)[5:-5, 5:-5]
    ratio = moved.var(axis=0) / predicted
    # A variance of n samples is known to sqrt(2/n); 900 correlated pixels count for about 300.
    assert ratio.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / n / 300))
    assert noise_gain(dy, dx) < 0.75


@pytest.mark.parametrize("shifts", [(0.0, 0.0), (0.5, 0.5), (0.2, 1.7)])
def test_noise_gain_is_that_of_the_interior(shifts):
    interior = shift_variance(np.ones((60, 60)), *shifts)[30, 30]
    assert noise_gain(*shifts) == pytest.approx(interior, rel=1e-4)


def test_the_border_row_is_kept_for_a_rounding_error():
    assert np.isfinite(shift_frame(np.ones((8, 8)), 1e-9, -1e-9)).all()


def test_a_dead_pixel_does_not_spread():
    frame = np.random.default_rng(1).normal(10, 1, (30, 30))
    frame[15, 15] = np.nan
    moved = shift_frame(frame, 0.4, 0.4)
    lost = np.isnan(moved[:29, :29])
    assert 1 <= lost.sum() <= 6
    assert lost[14:17, 14:17].sum() == lost.sum()
    variance = shift_variance(np.where(np.isnan(frame), np.nan, 1.0), 0.4, 0.4)
    np.testing.assert_array_equal(np.isnan(variance), np.isnan(moved))


def test_an_empty_frame_stays_empty():
    assert np.isnan(shift_frame(np.full((6, 6), np.nan), 0.3, 0.3)).all()
