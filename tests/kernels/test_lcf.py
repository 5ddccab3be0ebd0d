"""The compiled linear combination fit against its plain twin and against scipy."""

import numpy as np
import pytest
from scipy.optimize import nnls

from socwidgets.kernels import lcf, lcf_reference
from socwidgets.kernels.lcf_plan import CONSTRAINTS, make_plan, polynomial_background

# Non-uniform on purpose: dense where the edge is, as beamlines scan.
AXIS = np.concatenate(
    [np.arange(700, 706, 1.0), np.arange(706, 712, 0.25), np.arange(712, 731, 1.0)]
)


def spectra(count):
    rows = [
        np.exp(-((AXIS - 707 - 1.5 * i) ** 2) / 1.5) + 0.1 * (AXIS - i > 712) for i in range(count)
    ]
    return np.stack(rows)


def planted(rng, references, background, pixels, constraint, noise=0.03):
    weights = np.maximum(rng.normal(0.4, 0.4, (len(references), pixels)), 0)
    if constraint in ("sum_to_one", "simplex"):
        weights[0] += 1e-3
        weights /= weights.sum(axis=0)
    poly = rng.normal(0, 1, (len(background), pixels))
    clean = references.T @ weights + background.T @ poly
    return clean + rng.normal(0, noise, clean.shape)


def run(plan, signal, std=None):
    pixels = signal.shape[1]
    out = np.empty((lcf.result_rows(len(plan.references), len(plan.background)), pixels))
    status = np.zeros(pixels, np.uint8)
    lcf.fit_block(plan, np.ascontiguousarray(signal), std, 0, pixels, out, status)
    return out, status


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("degree", [-1, 0, 1])
@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_to_twin(rng, constraint, degree, count, weighted):
    references, background = spectra(count), polynomial_background(AXIS, degree)
    weights = rng.uniform(0.5, 2.0, AXIS.size) if weighted else None
    plan = make_plan(references, background, weights=weights, constraint=constraint)
    signal = planted(rng, references, background, 40, constraint)
    out, status = run(plan, signal)
    for pixel in range(signal.shape[1]):
        twin = lcf_reference.fit_one(
            signal[:, pixel], references, background, weights=weights, constraint=constraint
        )
        rows = 6 * count + len(background)
        np.testing.assert_allclose(out[: 6 * count : 6, pixel], twin["weights"], atol=1e-8)
        np.testing.assert_allclose(out[6 * count : rows, pixel], twin["background"], atol=1e-8)
        np.testing.assert_allclose(out[rows + 2, pixel], twin["r_factor"], rtol=1e-8)
        np.testing.assert_allclose(out[rows + 3, pixel], twin["redchi"], rtol=1e-8)
        if status[pixel] == lcf.OK:
            sigma = np.sqrt(np.diag(twin["covariance"]).clip(0))
            np.testing.assert_allclose(out[1 : 6 * count : 6, pixel], sigma, rtol=1e-6, atol=1e-10)


def test_equal_to_scipy_nnls_in_float32(rng):
    references, background = spectra(2), polynomial_background(AXIS, 1)
    signal = planted(rng, references, background, 200, "non_negative").astype(np.float32)
    out, status = run(make_plan(references, background, constraint="non_negative"), signal)
    design = np.hstack([references.T, background.T, -background.T])
    for pixel in range(200):
        expected = nnls(design, signal[:, pixel].astype(float))[0][:2]
        np.testing.assert_allclose(out[0:12:6, pixel], expected, atol=1e-6)
        assert (status[pixel] == lcf.AT_BOUND) == bool((expected == 0).any() and expected.any())


@pytest.mark.parametrize("known_noise", [False, True])
def test_pulls_are_standard_normal(rng, known_noise):
    references, background = spectra(2), polynomial_background(AXIS, 1)
    pixels, noise = 4000, 0.05
    truth = np.array([0.5, 0.7])
    signal = (references.T @ truth)[:, None] + rng.normal(0, noise, (AXIS.size, pixels))
    std = np.full_like(signal, noise) if known_noise else None
    out, _ = run(make_plan(references, background), signal, std)
    for row, true in (
        (0, 0.5),
        (6, 0.7),
        (2, truth[0] / truth.sum()),
        (10, truth[1] / truth.sum()),
    ):
        pull = (out[row] - true) / out[row + 1]
        # Standard error of a standard deviation of 4000 values is 0.011; five of them.
        assert abs(pull.std() - 1) < 0.056
        assert abs(pull.mean()) < 5 / np.sqrt(pixels)
    redchi = out[6 * 2 + 2 + 3].mean()
    assert redchi == pytest.approx(1.0 if known_noise else noise**2, rel=0.02)


def test_uneven_noise_is_propagated(rng):
    """Energies with more noise must count in sigma although the fit weights all alike."""
    references, background = spectra(2), polynomial_background(AXIS, 0)
    pixels = 4000
    std = np.broadcast_to(np.where(AXIS > 708, 0.1, 0.02)[:, None], (AXIS.size, pixels)).copy()
    signal = (references.T @ [0.5, 0.7])[:, None] + rng.normal(0, 1, std.shape) * std
    out, _ = run(make_plan(references, background), signal, std)
    assert abs(((out[0] - 0.5) / out[1]).std() - 1) < 0.056


def test_missing_and_singular_pixels(rng):
    references, background = spectra(2), polynomial_background(AXIS, 0)
    signal = planted(rng, references, background, 3, "none")
    signal[4, 0] = np.nan
    signal[:, 1] = 0.3  # flat: no component at all
    out, status = run(make_plan(references, background, constraint="non_negative"), signal)
    assert status[0] == lcf.MISSING
    assert np.isnan(out[:, 0]).all()
    assert status[1] == lcf.SINGULAR
    assert np.isnan(out[2, 1])
    assert status[2] == lcf.OK


def test_block_limits_are_respected(rng):
    references, background = spectra(2), polynomial_background(AXIS, 0)
    plan = make_plan(references, background)
    signal = planted(rng, references, background, 700, "none")
    whole, _ = run(plan, signal)
    out, status = np.full_like(whole, -7.0), np.zeros(700, np.uint8)
    lcf.fit_block(plan, signal, None, 100, 600, out, status)
    np.testing.assert_array_equal(out[:, 100:600], whole[:, 100:600])
    assert (out[:, :100] == -7).all()
    assert (out[:, 600:] == -7).all()


def test_dependent_references_are_refused():
    references = spectra(2)
    with pytest.raises(np.linalg.LinAlgError):
        make_plan(np.vstack([references, references.sum(axis=0)]), polynomial_background(AXIS, 0))
    with pytest.raises(np.linalg.LinAlgError):
        make_plan(np.vstack([references[:1], np.ones(AXIS.size)]), polynomial_background(AXIS, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("points", [12, 13, 14, 15])
def test_odd_pixels_equal_the_twin(rng, dtype, points):
    """Dead, constant, saturated, huge and almost noise-free pixels; every remainder of energies."""
    axis = np.sort(rng.uniform(700, 720, points))
    references = np.stack([np.exp(-((axis - c) ** 2) / 20) for c in (706, 714)])
    background = polynomial_background(axis, 1)
    signal = planted(rng, references, background, 9, "non_negative").astype(dtype)
    signal[:, 0] = 0.0
    signal[:, 1] = 0.3
    signal[:, 2] = np.minimum(signal[:, 2], np.median(signal[:, 2]))
    signal[:, 3] *= 1e6
    signal[:, 4] = (references.T @ [0.4, 0.6] + 1e-5 * rng.normal(size=points)).astype(dtype)
    signal[3, 5] = np.nan
    out, status = run(make_plan(references, background, constraint="non_negative"), signal)
    np.testing.assert_array_equal(status[[0, 1, 5]], [lcf.SINGULAR, lcf.SINGULAR, lcf.MISSING])
    assert np.isnan(out[:, 5]).all()
    for pixel in (2, 3, 4, 6, 7, 8):
        twin = lcf_reference.fit_one(
            signal[:, pixel].astype(float), references, background, constraint="non_negative"
        )
        np.testing.assert_allclose(out[0:12:6, pixel], twin["weights"], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(out[16, pixel], twin["r_factor"], rtol=1e-6)
        np.testing.assert_allclose(out[17, pixel], twin["redchi"], rtol=1e-6)


def test_a_pixel_does_not_depend_on_its_neighbors(rng):
    """Bit for bit: alone, in a group with noise-free, missing or held pixels, at any position."""
    references, background = spectra(3), polynomial_background(AXIS, 1)
    plan = make_plan(references, background, constraint="non_negative")
    signal = planted(rng, references, background, 600, "non_negative").astype(np.float32)
    signal[:, ::7] = (references.T @ [0.2, 0.3, 0.4])[:, None]
    signal[5, ::11] = np.nan
    whole, codes = run(plan, signal)
    for pixel in (0, 1, 5, 7, 11, 255, 256, 599):
        alone, code = run(plan, signal[:, pixel : pixel + 1])
        np.testing.assert_array_equal(alone[:, 0], whole[:, pixel])
        assert code[0] == codes[pixel]


@pytest.mark.parametrize("noise", [0.005, 0.05, 0.3])
@pytest.mark.parametrize("constraint", ["none", "sum_to_one"])
def test_pulls_at_three_noise_levels(rng, noise, constraint):
    references, background = spectra(2), polynomial_background(AXIS, 1)
    signal = (references.T @ [0.4, 0.6])[:, None] + rng.normal(0, noise, (AXIS.size, 4000))
    for std in (None, np.full_like(signal, noise)):
        out, _ = run(make_plan(references, background, constraint=constraint), signal, std)
        pull = (out[0] - 0.4) / out[1]
        assert 0.9 < pull.std() < 1.1
        assert abs(pull.mean()) < 0.1


def test_known_noise_equals_the_textbook(rng):
    """Sigma and reduced chi-square from the noise of each sample, written out in numpy."""
    references, background = spectra(3), polynomial_background(AXIS, 1)
    signal = planted(rng, references, background, 40, "none")
    std = rng.uniform(0.01, 0.1, signal.shape)
    weights = rng.uniform(0.5, 2.0, AXIS.size)
    out, _ = run(make_plan(references, background, weights=weights), signal, std)
    design = np.vstack([references, background]).T
    root = np.sqrt(weights / weights.mean())
    inverse = np.linalg.pinv(root[:, None] * design) * root
    for pixel in range(40):
        solution = inverse @ signal[:, pixel]
        covariance = (inverse * std[:, pixel] ** 2) @ inverse.T
        np.testing.assert_allclose(out[0:18:6, pixel], solution[:3], atol=1e-9)
        np.testing.assert_allclose(out[1:18:6, pixel] ** 2, np.diag(covariance)[:3], rtol=1e-9)
        residual = (signal[:, pixel] - design @ solution) / std[:, pixel]
        np.testing.assert_allclose(out[23, pixel], residual @ residual / (AXIS.size - 5), rtol=1e-9)
