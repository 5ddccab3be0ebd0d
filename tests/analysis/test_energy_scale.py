import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.energy_scale import energy_sensitivity
from socwidgets.model.errors import DataError
from socwidgets.model.references import make_references, shift_references
from socwidgets.model.stack import make_stack

ENERGY = np.arange(700.0, 730.01, 0.2)
FRACTION, NOISE = 0.3, 0.01


def peak(energy, center, width):
    return np.exp(-0.5 * ((energy - center) / width) ** 2)


def end_members(energy):
    step = 0.15 / (1 + np.exp(-(energy - 712)))
    return (
        peak(energy, 708.2, 0.7) + 0.4 * peak(energy, 710.2, 0.8) + step,
        0.4 * peak(energy, 708.2, 0.7) + peak(energy, 710.2, 0.8) + step,
    )


@pytest.fixture
def references():
    grid = np.arange(695.0, 735.01, 0.1)
    discharged, charged = end_members(grid)
    return make_references({"LFP": (grid, discharged), "FP": (grid, charged)})


def stack_at(shift, rng):
    """Stack whose energy axis reads `shift` too low: it sees the references at E + shift."""
    discharged, charged = end_members(ENERGY + shift)
    spectrum = 0.8 * ((1 - FRACTION) * discharged + FRACTION * charged) + 0.1
    thickness = np.linspace(0.5, 1.5, 80).reshape(8, 10)
    signal = spectrum[:, None, None] * thickness + rng.normal(0, NOISE, (ENERGY.size, 8, 10))
    return make_stack(signal, ENERGY, quantity="optical_density")


@pytest.mark.parametrize("shift", [-0.22, 0.0, 0.13])
def test_a_planted_shift_is_found_and_undone(references, rng, shift):
    stack = stack_at(shift, rng)
    mask = xr.ones_like(stack.signal.isel(energy=0, drop=True), dtype=bool)
    found = energy_sensitivity(stack, mask, references, charged="FP", background_degree=0)
    assert found.best_shift == pytest.approx(-shift, abs=0.02)
    assert found.best_fraction == pytest.approx(FRACTION, abs=0.01)
    assert not found.at_end
    # The slope predicts the error that the shift makes, to first order.
    assert found.fraction - FRACTION == pytest.approx(
        found.slope * shift, abs=0.25 * abs(shift) ** 2 + 0.01
    )
    assert found.best_rms <= found.rms


def test_a_shift_beyond_the_reach_is_no_minimum(references, rng):
    stack = stack_at(0.9, rng)
    mask = xr.ones_like(stack.signal.isel(energy=0, drop=True), dtype=bool)
    found = energy_sensitivity(stack, mask, references)
    assert found.at_end
    assert found.best_shift == pytest.approx(-0.5)


def test_references_that_just_cover_the_stack_are_never_extrapolated(references, rng):
    stack = stack_at(0.0, rng)
    narrow = references.sel(energy=slice(700.0, 730.0))
    mask = xr.ones_like(stack.signal.isel(energy=0, drop=True), dtype=bool)
    found = energy_sensitivity(stack, mask, narrow, low=None, high=None)
    assert found.fraction == pytest.approx(FRACTION, abs=0.01)
    with pytest.raises(DataError, match="no pixel to average"):
        energy_sensitivity(stack, mask & False, narrow)


def test_shifting_references_moves_the_axis_only(references):
    moved = shift_references(references, 0.25)
    np.testing.assert_array_equal(moved.values, references.values)
    np.testing.assert_allclose(moved.energy - 0.25, references.energy.values)
    assert moved.energy.attrs == references.energy.attrs
