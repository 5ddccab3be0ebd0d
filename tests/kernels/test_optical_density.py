"""The logarithm, optical density and its noise against plain numpy."""

import numpy as np
import pytest
from compiled_call import through_door

from socwidgets.kernels import optical_density as kernel
from socwidgets.kernels.optical_density_reference import optical_density

minus_log = through_door(kernel.minus_log)


def test_logarithm_to_float32_rounding():
    """Relative error 3e-7 over the whole range, also where the logarithm goes through zero."""
    values = np.concatenate(
        [
            np.geomspace(1e-30, 1e30, 400_001),
            1 + np.linspace(-0.01, 0.01, 200_001),
            np.linspace(0.5, 2.0, 200_001),
        ]
    ).astype(np.float32)
    out = np.empty_like(values)
    minus_log(values.copy(), np.float32(1e-30), np.float32(1e30), out)
    exact = -np.log(values.astype(float))
    error = np.abs(out - exact)
    assert (error <= 3e-7 * np.abs(exact)).all()
    assert out[values == 1] == pytest.approx(0, abs=0)


def test_logarithm_of_nan_and_clipping():
    values = np.array([np.nan, 1e-9, 1e9, 0.5], np.float32)
    out = np.empty_like(values)
    minus_log(values, np.float32(1e-4), np.float32(20), out)
    assert np.isnan(out[0])
    np.testing.assert_allclose(out[1:], -np.log([1e-4, 20, 0.5]), rtol=3e-7)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("flat_shape", [(7, 600), (1, 600), (7, 1)])
@pytest.mark.parametrize("dark_shape", [(1, 1), (1, 600), (7, 1)])
@pytest.mark.parametrize("with_std", [False, True])
def test_equal_to_twin(rng, dtype, flat_shape, dark_shape, with_std):
    counts = rng.uniform(90, 3000, (7, 600)).astype(dtype)
    flat = rng.uniform(2000, 4000, flat_shape).astype(np.float32)
    dark = rng.uniform(80, 120, dark_shape).astype(np.float32)
    counts[:, 0] = 10  # dead
    counts[3, 1] = 10  # one dead sample
    flat[0, 0] = 5  # a flat as dark as the dark
    if dtype == np.float32:
        counts[2, 2] = np.nan
        counts[:, 3] = np.nan
        counts[1, 4] = 1e6
    options = {"photons_per_count": 2.0, "per_flat": 0.1, "clip_low": 1e-3, "max_od": 2.5}
    out, std = np.empty((7, 600), np.float32), np.empty((7, 600), np.float32)
    status = np.empty(600, np.uint8)
    kernel.optical_density_block(
        counts, flat, dark, 0, 600, out, std if with_std else None, status, **options
    )
    od, sigma, codes = optical_density(counts, flat, dark, **options)
    # Counts minus dark and the ratio are rounded to float32: 1e-7 of the ratio, hence of the OD.
    np.testing.assert_allclose(out, od, rtol=3e-6, atol=3e-7)
    np.testing.assert_array_equal(status, codes)
    if with_std:
        np.testing.assert_allclose(std, sigma, rtol=2e-5)


def test_block_limits(rng):
    counts = rng.uniform(500, 3000, (3, 9000)).astype(np.float32)
    flat, dark = np.full((1, 1), 3000, np.float32), np.zeros((1, 1), np.float32)
    out, status = np.full((3, 9000), -7, np.float32), np.full(9000, 99, np.uint8)
    kernel.optical_density_block(counts, flat, dark, 100, 8000, out, None, status)
    np.testing.assert_allclose(out[:, 100:8000], -np.log(counts[:, 100:8000] / 3000), atol=1e-6)
    assert (out[:, :100] == -7).all()
    assert (out[:, 8000:] == -7).all()
    assert (status[8000:] == 99).all()
    assert (status[100:8000] == kernel.OK).all()


@pytest.mark.parametrize("photons", [300, 2000, 20000])
def test_pull_of_counting_noise(rng, photons):
    pixels, flats, true = 4000, 5, 0.7
    flat = rng.poisson(photons, (flats, 4, pixels)).mean(axis=0).astype(np.float32)
    counts = rng.poisson(photons * np.exp(-true), (4, pixels)).astype(np.uint16)
    out, std = np.empty((4, pixels), np.float32), np.empty((4, pixels), np.float32)
    kernel.optical_density_block(
        counts, flat, np.zeros((1, 1), np.float32), 0, pixels, out, std,
        np.empty(pixels, np.uint8), per_flat=1 / flats,
    )  # fmt: skip
    pull = (out - true) / std
    assert 0.96 < pull.std() < 1.04
    assert abs(pull.mean()) < 0.1
