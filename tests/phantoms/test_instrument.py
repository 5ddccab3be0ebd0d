"""The instrument chain: counts obey their statistics, drift and blur are what is stated."""

import numpy as np
import pytest
from scipy import ndimage

from socwidgets.model.errors import ParameterError, ReferenceSpectraError
from socwidgets.model.stack import validate_stack
from socwidgets.phantoms import (
    StxmInstrument,
    expected_soc_std,
    lfp_ensemble,
    resolved_truth,
    simulate_stxm,
)

SMALL = {"size_px": 64, "n_particles": 6, "length_um": (0.3, 0.7)}
PURE = {
    "jitter_ev": 0.0, "illumination": 0.0, "illumination_drift": 0.0, "stray_light": 0.0,
    "i0_variation": 0.0, "read_noise": 0.0, "drift_px": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def phantom():
    return lfp_ensemble(seed=1, **SMALL)


@pytest.fixture(scope="module")
def stack(phantom):
    return simulate_stxm(phantom, seed=2)


def test_same_seed_same_bytes(phantom, stack):
    again = simulate_stxm(phantom, seed=2)
    for name in ("signal", "flat", "dark", "truth_drift_y"):
        assert stack[name].values.tobytes() == again[name].values.tobytes()
    assert not np.array_equal(stack.signal, simulate_stxm(phantom, seed=3).signal)


def test_is_a_stack_of_counts(stack):
    validate_stack(stack)
    assert stack.attrs["quantity"] == "counts"
    assert stack.signal.dtype == np.uint16
    assert stack.flat.dims == ("flat_frame", "energy", "y", "x")
    assert 40 <= stack.sizes["energy"] <= 60
    steps = np.diff(stack.energy)
    dense = (stack.energy.values[:-1] >= 706) & (stack.energy.values[:-1] < 712)
    assert steps[dense].max() < 0.21
    assert steps[~dense].min() > 0.4


def test_flats_are_poisson(phantom):
    stack = simulate_stxm(phantom, seed=5, **PURE)
    light = stack.flat.values.astype(float) - 20
    n = light.size
    # Mean and variance of a Poisson law of 1500, each within five standard errors.
    assert light.mean() == pytest.approx(1500, abs=5 * np.sqrt(1500 / n))
    assert light.var() == pytest.approx(1500, rel=5 * np.sqrt(2 / n))


def test_optical_density_is_that_of_the_model(phantom):
    quiet = {**PURE, "n0": 5e4, "psf_fwhm_um": 0.0}
    stack = simulate_stxm(phantom, seed=5, **quiet)
    flat = stack.flat.mean("flat_frame") - stack.dark
    od = -np.log((stack.signal - stack.dark) / flat).values
    spectra = phantom.references.interp(energy=stack.energy)
    # Blur 0 means the value at the pixel's center, here taken from the middle of the fine grid.
    middle = phantom.fine.isel(y=slice(1, None, 3), x=slice(1, None, 3))
    t, q = middle.thickness.values, (middle.thickness * middle.soc).values
    rest = 2.3 * (stack.energy.values / 707.0) ** -3
    model = (
        8 * np.multiply.outer(spectra.sel(component="LFP").values, t - q)
        + 8 * np.multiply.outer(spectra.sel(component="FP").values, q)
        + np.multiply.outer(rest, t)
    )
    pull = (od - model) / np.sqrt((np.exp(model) + 1 / 8) / 5e4)
    assert pull.mean() == pytest.approx(0, abs=0.02)
    assert pull.std() == pytest.approx(1, abs=5 / np.sqrt(2 * pull.size) + 0.005)


def test_drift_moves_the_sample_as_stated(phantom):
    still = simulate_stxm(phantom, seed=7, **{**PURE, "n0": 5e4})
    moved = simulate_stxm(phantom, seed=7, **{**PURE, "n0": 5e4, "drift_px": 0.3})
    path = np.stack([moved.truth_drift_y, moved.truth_drift_x], axis=1)
    assert np.abs(path.mean(axis=0)).max() < 1e-12
    assert np.diff(path, axis=0).std() == pytest.approx(0.3, rel=0.25)
    # Center of mass of the absorbed light, frame by frame, against its counting noise:
    # sqrt(sum of r^2 N) over the light absorbed, from both stacks.
    dark = [5e4 + 20.0 - s.signal.values for s in (still, moved)]
    found = [
        np.subtract(ndimage.center_of_mass(b), ndimage.center_of_mass(a))
        for a, b in zip(*dark, strict=True)
    ]
    spread = np.sqrt(2 * 64 * np.sum((np.arange(64) - 31.5) ** 2) * 5e4)
    pull = (found - path) / (spread / dark[0].sum(axis=(1, 2)))[:, None]
    assert pull.mean() == pytest.approx(0, abs=5 / np.sqrt(pull.size))
    # Drift itself is some ten times this noise. Absorbed light is not noisier than open beam.
    assert 0.6 < pull.std() < 1.1
    assert path.std() / (spread / dark[0].sum(axis=(1, 2))).min() > 10


def test_blur_keeps_mass_and_widens_edges(phantom):
    sharp = resolved_truth(phantom, StxmInstrument(psf_fwhm_um=0.04))
    wide = resolved_truth(phantom, StxmInstrument(psf_fwhm_um=0.16))
    assert float(wide.thickness.sum()) == pytest.approx(float(sharp.thickness.sum()), rel=1e-3)
    assert float(wide.thickness.max()) < float(sharp.thickness.max())
    mean = [float((m.soc * m.thickness).sum() / m.thickness.sum()) for m in (sharp, wide)]
    assert mean[0] == pytest.approx(phantom.summary()["mean_soc"], abs=0.01)
    assert mean[1] == pytest.approx(mean[0], abs=2e-3)


def test_shifted_truth_is_the_truth_moved_by_whole_pixels(phantom):
    here = resolved_truth(phantom)
    there = resolved_truth(phantom, shift_px=(2.0, -3.0))
    np.testing.assert_allclose(
        np.roll(here.thickness.values, (2, -3), (0, 1)), there.thickness.values, atol=1e-6
    )


def test_stray_light_limits_the_optical_density(phantom):
    clean, stray = (
        simulate_stxm(phantom, seed=1, **{**PURE, "n0": 5e4, "stray_light": f}) for f in (0.0, 0.05)
    )
    ratio = (stray.signal.sum("energy") - 58 * 20) / (clean.signal.sum("energy") - 58 * 20)
    thick = phantom.truth.thickness.values > 0.09
    assert float(ratio.values[thick].mean()) > 1.005
    # (T + f)/(1 + f) leaves the open beam alone.
    open_beam = phantom.truth.thickness.values == 0
    assert float(ratio.values[open_beam].mean()) == pytest.approx(1, abs=1e-3)


def test_expected_noise_of_the_soc_is_in_the_stated_range():
    phantom = lfp_ensemble()
    std = expected_soc_std(phantom).values[phantom.truth.labels.values > 0]
    assert 0.03 < np.median(std) < 0.05


def test_energies_must_rise():
    with pytest.raises(ParameterError, match="do not rise"):
        StxmInstrument(energies_ev=(700.0, 710.0, 705.0))


def test_energies_beyond_the_references_are_refused(phantom):
    with pytest.raises(ReferenceSpectraError, match="do not cover"):
        simulate_stxm(phantom, energies_ev=(600.0, 705.0, 710.0))
