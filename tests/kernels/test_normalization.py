"""Pre- and post-edge normalization: equal to the plain twin, golden numbers, calibrated sigma."""

from dataclasses import replace

import numpy as np
import pytest

from socwidgets.kernels import normalization as kernel
from socwidgets.kernels.normalization_plan import make_plan, window_rows
from socwidgets.kernels.normalization_reference import normalize_one
from socwidgets.phantoms.spectra import EDGES

#: The energies of a full-field scan: dense at the edge, sparse elsewhere.
GRID = np.concatenate(
    [np.arange(8200, 8321, 10.0), np.arange(8330, 8356, 1.0), np.arange(8360, 8631, 10.0)]
)
E0 = 8345.0


def windows(energies=GRID, rule="inclusive"):
    return (
        window_rows(energies, E0 - 150, E0 - 20, rule),
        window_rows(energies, E0 + 40, np.inf, rule),
    )


def spectra(rng, pixels, noise=0.01, energies=GRID):
    edge = EDGES["LiNiO2"](energies)[:, None] * rng.uniform(0.2, 1.5, pixels)
    line = rng.normal(0.4, 0.2, pixels) + rng.normal(0, 1e-3, pixels) * (energies - E0)[:, None]
    return edge + line + rng.normal(0, noise, (energies.size, pixels))


def coefficients(plan, signal, std=None, **options):
    out = np.full((kernel.result_rows(plan), signal.shape[1]), -7.0)
    status = np.full(signal.shape[1], 99, np.uint8)
    kernel.coefficients_block(plan, signal, std, 0, signal.shape[1], out, status, **options)
    return out, status


def normalized(plan, signal, **options):
    out, jump = np.empty_like(signal), np.empty(signal.shape[1], signal.dtype)
    kernel.normalize_block(plan, signal, 0, signal.shape[1], out, jump, **options)
    return out, jump


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pre_degree", [0, 1])
@pytest.mark.parametrize("post_degree", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("nvict", [0, 2])
@pytest.mark.parametrize("known_noise", [False, True])
@pytest.mark.parametrize("post_exponent", [0.0, 2.4])
def test_equal_to_twin(rng, dtype, pre_degree, post_degree, nvict, known_noise, post_exponent):
    energies = np.sort(GRID + rng.uniform(-0.3, 0.3, GRID.size))
    pre, post = windows(energies)
    options = {
        "pre_degree": pre_degree, "post_degree": post_degree, "nvict": nvict,
        "post_exponent": post_exponent,
    }  # fmt: skip
    plan = make_plan(energies, E0, pre, post, **options)
    signal = spectra(rng, 9, energies=energies).astype(dtype)
    std = rng.uniform(0.005, 0.02, signal.shape).astype(dtype) if known_noise else None
    out, status = coefficients(plan, signal, std)
    raised, jumps = normalized(plan, signal, flatten=False)
    flat, _ = normalized(plan, signal)
    exact = dtype == np.float64
    # A coefficient is a sum of samples of size 1 with weights of size 1: float32 keeps six digits.
    close = {"rtol": 1e-9 if exact else 5e-6, "atol": 1e-9 if exact else 2e-6}
    for pixel in range(signal.shape[1]):
        twin = normalize_one(
            energies, signal[:, pixel].astype(float), E0, pre, post, **options,
            std=None if std is None else std[:, pixel].astype(float),
        )  # fmt: skip
        np.testing.assert_allclose(out[4, pixel], twin["jump"], **close)
        np.testing.assert_allclose(jumps[pixel], twin["jump"], **close)
        np.testing.assert_allclose(out[0, pixel], twin["pre"][plan.edge], **close)
        np.testing.assert_allclose(out[2, pixel], twin["slope"], rtol=1e-4, atol=1e-8)
        np.testing.assert_allclose(out[-1, pixel], twin["noise"], rtol=1e-9 if exact else 1e-3)
        scale = 20 * close["atol"] / min(1.0, abs(float(twin["jump"])))
        np.testing.assert_allclose(raised[:, pixel], twin["norm"], atol=scale)
        np.testing.assert_allclose(flat[:, pixel], twin["flat"], atol=scale)
        if known_noise:
            np.testing.assert_allclose(out[5, pixel], twin["jump_std"], rtol=1e-4)
    assert (status == kernel.OK).all()


@pytest.mark.parametrize("in_place", [False, True])
def test_in_place_and_block_limits(rng, in_place):
    plan = make_plan(GRID, E0, *windows(), post_degree=2)
    signal = spectra(rng, 9000).astype(np.float32)
    whole, jumps = normalized(plan, signal)
    target = signal.copy() if in_place else np.full_like(signal, -7)
    source = target if in_place else signal
    jump = np.zeros(9000, np.float32)
    kernel.normalize_block(plan, source, 100, 5000, target, jump)
    np.testing.assert_allclose(target[:, 100:5000], whole[:, 100:5000], rtol=1e-6, atol=1e-6)
    kept = signal if in_place else np.full_like(signal, -7)
    np.testing.assert_array_equal(target[:, :100], kept[:, :100])
    np.testing.assert_array_equal(target[:, 5000:], kept[:, 5000:])
    np.testing.assert_allclose(jump[100:5000], jumps[100:5000], rtol=1e-6)
    assert not jump[:100].any()


@pytest.mark.parametrize("sigma", [False, True])
def test_pixels_that_cannot_be_normalized(rng, sigma):
    plan = make_plan(GRID, E0, *windows())
    signal = spectra(rng, 7).astype(np.float32)
    pre, post = windows()
    between = np.setdiff1d(np.arange(GRID.size), np.concatenate([pre, post]))[0]
    signal[:, 0] = np.nan
    signal[pre[0], 1] = np.nan
    signal[post[-1], 2] = np.inf
    signal[:, 3] = 0.0
    signal[:, 4] *= -1.0
    signal[between, 5] = np.nan
    out, status = coefficients(plan, signal, sigma=sigma)
    missing, low, ok = kernel.MISSING, kernel.LOW_SIGNAL, kernel.OK
    assert status.tolist() == [missing, missing, missing, low, low, ok, ok]
    values = out[0 : 2 * len(plan.merge.T) : 2]
    assert np.isnan(values[:, :3]).all()
    assert np.isfinite(values[:, 3:]).all()
    raised, jump = normalized(plan, signal)
    assert np.isnan(raised[:, :5]).all()
    assert np.isnan(jump).tolist() == [True] * 3 + [False] * 4
    assert np.isnan(raised[:, 5]).sum() == 1
    assert np.isfinite(raised[:, 6]).all()


@pytest.mark.parametrize("noise", [0.002, 0.01, 0.05])
@pytest.mark.parametrize("known_noise", [False, True])
@pytest.mark.parametrize("pixel_dtype", [np.float32, np.float64])
def test_pulls_are_standard_normal(rng, noise, known_noise, pixel_dtype):
    """Every coefficient of straight lines with noise, from known and from residual noise."""
    pixels = 4000
    clean = np.where(GRID > E0, 0.8 - 1e-4 * (GRID - E0), 0.0) + 0.4 - 2e-4 * (GRID - E0)
    signal = (clean[:, None] + rng.normal(0, noise, (GRID.size, pixels))).astype(pixel_dtype)
    std = np.full_like(signal, noise) if known_noise else None
    out, _ = coefficients(make_plan(GRID, E0, *windows()), signal, std)
    for row, truth in ((0, 0.4), (2, -2e-4), (4, 0.8), (6, -1e-4)):
        pull = (out[row] - truth) / out[row + 1]
        # Standard error of a standard deviation of 4000 values is 0.011; five of them.
        assert abs(pull.std() - 1) < 0.056
        assert abs(pull.mean()) < 5 / np.sqrt(pixels)
    assert np.mean(out[-1]) == pytest.approx(noise, rel=0.03)


def golden_g12():
    """The spectrum of golden G-12.

    Its numbers were made with the unrounded step of the LiNiO2 model (8341.945, 3.583); the model
    is published rounded to 8341.94 and 3.58, which moves single values by up to 6e-4.
    """
    model = replace(EDGES["LiNiO2"], edge_ev=8344.445, width_ev=3.583)
    above = np.maximum(GRID - 8333, 0)
    return 0.40 - 2e-4 * (GRID - 8333) + 0.8 * model(GRID) * (1 - 2e-4 * above)


G12 = {
    8340: (0.122678, 0.122637), 8345: (0.593183, 0.593114), 8350: (1.398588, 1.398490),
    8352: (1.653748, 1.653639), 8355: (1.386125, 1.385999), 8400: (1.086435, 1.086049),
    8600: (0.987868, 0.986332),
}  # fmt: skip


def test_golden_g12():
    """Larch 2026.3.1 on a synthetic full-field scan."""
    pre = window_rows(GRID, 8333 - 120, 8333 - 30, "larch")
    post = window_rows(GRID, 8333 + 50, 8333 + 290, "larch")
    plan = make_plan(GRID, 8333.0, pre, post)
    signal = golden_g12()[:, None]
    out, _ = coefficients(plan, signal)
    assert out[4, 0] == pytest.approx(0.766580, abs=5e-7)
    assert out[2, 0] == pytest.approx(-2.0e-4, abs=1e-9)
    raised, flat = normalized(plan, signal, flatten=False)[0], normalized(plan, signal)[0]
    for energy, (norm_value, flat_value) in G12.items():
        row = int(np.flatnonzero(energy == GRID)[0])
        assert raised[row, 0] == pytest.approx(norm_value, abs=6e-7)
        assert flat[row, 0] == pytest.approx(flat_value, abs=6e-7)


def test_windows():
    assert GRID[window_rows(GRID, 8380, 8400)].tolist() == [8380, 8390, 8400]
    assert GRID[window_rows(GRID, 8385, 8400, "larch")].tolist() == [8380, 8390]
    assert GRID[window_rows(GRID, 8380, 8381, "larch")].tolist() == [8380, 8390]
    assert window_rows(GRID, 9000, 9100).size == 0
    with pytest.raises(ValueError, match="too few samples"):
        make_plan(GRID, E0, np.array([0]), np.arange(40, 60))
