"""Full-field microscope, 2-D XAFS camera and voxels: counts and energies are what is stated."""

import numpy as np
import pytest

from socwidgets.phantoms import Xafs2dInstrument, make_phantom, simulate, simulate_txm
from socwidgets.phantoms.row_energy import row_energy_step, row_offsets

QUIET = {
    "n0": 5e4, "jitter_ev": 0.0, "illumination": 0.0, "illumination_drift": 0.0,
    "i0_variation": 0.0, "read_noise": 0.0, "drift_px": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def slab():
    """Uniform material over the whole field: no blur, no rim."""
    return make_phantom("depth_gradient", size_px=24, lateral_px=24, gradient=0.0, sigma_field=0.0)


def od_of(stack):
    return -np.log((stack.signal - stack.dark) / (stack.flat.mean("flat_frame") - stack.dark))


def test_optical_density_is_that_of_the_model(slab):
    stack = simulate_txm(slab, seed=1, **QUIET)
    spectra = slab.references.interp(energy=stack.energy).mean("component")
    model = 10.0 * (0.049 * spectra + 0.03 * (stack.energy / 8333.0) ** -3)
    od = od_of(stack)
    pull = (od - model) / np.sqrt((np.exp(model) + 1 / 10) / 5e4)
    assert float(pull.mean()) == pytest.approx(0, abs=0.05)
    assert float(pull.std()) == pytest.approx(1, abs=0.03)


def test_flats_are_poisson(slab):
    stack = simulate_txm(slab, seed=1, **{**QUIET, "n0": 2000.0})
    light = stack.flat.values.astype(float) - 100
    n = light.size
    assert light.mean() == pytest.approx(2000, abs=5 * np.sqrt(2000 / n))
    assert light.var() == pytest.approx(2000, rel=5 * np.sqrt(2 / n))


def test_ring_current_falls_in_the_sample_only(slab):
    still, fading = (simulate_txm(slab, seed=1, **QUIET, ring_decay=d) for d in (0.0, 0.1))
    last = [float((s.signal[-1] - s.dark).mean()) for s in (still, fading)]
    assert last[1] / last[0] == pytest.approx(0.9, abs=2e-3)
    assert float(fading.flat[:, -1].mean() / still.flat[:, -1].mean()) == pytest.approx(1, abs=1e-3)


def test_dead_and_hot_pixels_are_marked(slab):
    stack = simulate_txm(slab, seed=1, **QUIET, dead_pixels=0.02, hot_pixels=0.02)
    kinds = stack.truth_defect.values
    assert set(np.unique(kinds)) == {0, 1, 2}
    light = (stack.signal - stack.dark).mean("energy").values
    assert np.abs(light[kinds == 1]).max() < 10
    assert light[kinds == 2].min() > 3 * light[kinds == 0].max() / 1.5


def test_halo_brightens_outside_and_darkens_inside():
    phantom = make_phantom("particle_shape", size_px=48, axes_um=(1.5, 1.5, 1.5))
    plain, ringed = (simulate_txm(phantom, seed=1, **QUIET, halo=h) for h in (0.0, 0.03))
    ratio = (ringed.signal.mean("energy") - 100) / (plain.signal.mean("energy") - 100)
    # The largest fringe has the stated amplitude, at every energy the same.
    assert float(np.abs(ratio - 1).max()) == pytest.approx(0.03, abs=0.004)


def test_slow_energy_drift_is_in_the_record(slab):
    stack = simulate_txm(slab, seed=1, **QUIET, energy_drift_ev=0.2)
    error = (stack.truth_energy - stack.energy).values
    assert error[0] == pytest.approx(0)
    assert error[-1] == pytest.approx(0.2)


def test_energy_shift_moves_the_white_line():
    phantom = make_phantom("edge_field", size_px=48, radius_um=1.6, sigma_ev=0.0, mode_ev=0.7,
                           thickness_um=12.0)  # fmt: skip
    grid = tuple(np.arange(8349.0, 8357.0, 0.25))
    stack = simulate_txm(phantom, seed=2, **QUIET, energies_ev=grid)
    inside = phantom.truth.labels.values > 0
    spectrum = od_of(stack).values[:, inside].mean(axis=1)
    a, b, _ = np.polyfit(np.array(grid)[8:24] - 8353, spectrum[8:24], 2)
    fine = np.linspace(8349, 8357, 8001)
    model = phantom.references.interp(energy=fine - 0.7, method="cubic").values[0]
    peak = fine[np.argmax(model)]
    assert peak == pytest.approx(8352.92, abs=0.02)
    assert 8353 - b / (2 * a) == pytest.approx(peak, abs=0.25)


@pytest.mark.parametrize(
    ("energy", "small", "large"),
    [(6539, 0.0103, 7.42), (7112, 0.0123, 8.85), (7709, 0.0145, 10.46), (8333, 0.0171, 12.28)],
)
def test_g15_row_energy(energy, small, large):
    assert row_energy_step(energy, 0.5e-6) == pytest.approx(small, abs=1e-4)
    assert row_energy_step(energy, 360e-6) == pytest.approx(large, abs=0.01)


def test_rows_see_another_energy():
    phantom = make_phantom("reaction_channel", time=0.0, element="Mn", size_px=64, pixel_um=50.0)
    instrument = Xafs2dInstrument(n0=6e4, jitter_ev=0.0)
    offsets = row_offsets(phantom, instrument)
    assert offsets[-1] - offsets[0] == pytest.approx(6.5, abs=0.2)
    stack = simulate(phantom, instrument, seed=1)
    np.testing.assert_allclose(stack.truth_row_offset, offsets)
    od = od_of(stack).mean("x").values
    # A higher true energy on the rising edge: more absorption in the last row.
    rising = int(np.argmin(np.abs(stack.energy.values - 6549)))
    assert od[rising, -1] > od[rising, 0] + 0.2
    flat = od_of(simulate(phantom, instrument, seed=1, row_energy=False)).mean("x").values
    assert abs(flat[rising, -1] - flat[rising, 0]) < 0.05


def test_voxels_have_their_noise_and_their_mean():
    phantom = make_phantom("shrinking_core", size_px=24, radius_um=1.0)
    stack = simulate(phantom, "voxels", seed=3, noise=0.04)
    assert stack.signal.dims == ("z", "energy", "y", "x")
    empty = stack.signal.where(stack.labels == 0)
    assert float(empty.std()) == pytest.approx(0.04, rel=0.01)


def test_map_has_the_stated_noise():
    phantom = make_phantom("contact_loss", seed=1)
    maps = simulate(phantom, "map", seed=2, noise=0.05, noise_uneven=0.5)
    pull = (maps.soc - phantom.truth.soc) / maps.soc_std
    assert float(pull.std()) == pytest.approx(1, abs=0.02)
    assert float(maps.soc_std[0, -1] / maps.soc_std[0, 0]) == pytest.approx(1.25 / 0.75)
