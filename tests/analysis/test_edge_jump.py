"""Edge jump, its noise, and windows found by themselves."""

import numpy as np
import pytest

from socwidgets.analysis.edge_jump import edge_jump
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import EDGES, fe_l3_references

AXIS = np.arange(700.0, 730.0, 0.5)


def stack_with_jump(rng, jump=0.3, noise=0.02, size=20, with_std=True):
    shape = jump * (AXIS > 710) + jump * 3 * np.exp(-((AXIS - 710) ** 2) / 2)
    signal = np.repeat(shape[:, None], size * size, axis=1)
    signal[:, : size * size // 2] = 0.0
    signal = signal + rng.normal(0, noise, signal.shape)
    stack = make_stack(signal.reshape(-1, size, size), AXIS, quantity="optical_density")
    if with_std:
        stack["signal_std"] = stack.signal * 0 + noise
    return stack


@pytest.mark.parametrize("with_std", [True, False])
def test_jump_noise_and_mask(rng, with_std):
    stack = stack_with_jump(rng, with_std=with_std)
    found = edge_jump(stack, pre=(700, 705), post=(716, 730))
    jump = found.edge_jump.values.ravel()
    n_pre, n_post = 11, 28
    sigma = 0.02 * np.sqrt(1 / n_pre + 1 / n_post)
    assert float(found.edge_jump_std.mean()) == pytest.approx(
        sigma, rel=0.1 if not with_std else 0.01
    )
    assert jump[:200].std() == pytest.approx(sigma, rel=0.2)
    np.testing.assert_array_equal(found.mask.values.ravel(), np.arange(400) >= 200)


def test_golden_g16():
    """J = 0.1, sigma_OD 0.039, 13 and 20 points: J/sigma = 7.2."""
    axis = np.concatenate([np.linspace(8200, 8300, 13), np.linspace(8400, 8500, 20)])
    signal = np.where(axis > 8350, 0.1, 0.0)[:, None, None] * np.ones((1, 2, 2))
    stack = make_stack(signal, axis, quantity="optical_density")
    stack["signal_std"] = stack.signal * 0 + 0.039
    found = edge_jump(stack, pre=(8200, 8300), post=(8400, 8500))
    ratio = (found.edge_jump / found.edge_jump_std).values
    np.testing.assert_allclose(ratio, 7.2, atol=0.05)


def test_windows_are_found_before_the_rise_and_after_the_peak(rng):
    found = edge_jump(stack_with_jump(rng))
    pre, post = found.attrs["pre_window"], found.attrs["post_window"]
    assert pre[0] == 700
    assert 705 < pre[1] < 709
    assert 711 < post[0] < 714
    assert post[1] == AXIS[-1]


def test_windows_suit_every_phase_of_a_mixture(rng):
    """One tenth of LFP in FP: a shoulder of LFP, which FP has not, is no place before the edge.

    The mask must not decide by the phase: it left out nine tenths of the minority.
    """
    energies = np.array([700, 704, 706.4, 707.6, 708.2, 709, 710.2, 711, 713, 718, 728.0])
    pure = fe_l3_references(np.arange(695.0, 735.0, 0.05)).interp(energy=energies).values
    lithiated = np.zeros((60, 60), bool)
    lithiated[:20, :18] = True
    signal = 0.8 * np.where(lithiated, pure[0][:, None, None], pure[1][:, None, None])
    signal[:, 40:] = 0.0
    noisy = signal + rng.normal(0, 0.02, signal.shape)
    stack = make_stack(noisy, energies, quantity="optical_density")
    stack["signal_std"] = stack.signal * 0 + 0.02
    found = edge_jump(stack, min_jump=0.005)
    assert found.attrs["pre_window"] == [700.0, 704.0]
    assert found.attrs["post_window"][0] >= 713.0
    kept = [
        found.mask.values[where].mean() for where in (lithiated, (signal[6] > 0.5) & ~lithiated)
    ]
    # What is left out is what noise takes: J is 7 to 10 of its own uncertainties.
    assert min(kept) > 0.9


def test_bad_windows(rng):
    stack = stack_with_jump(rng)
    with pytest.raises(DataError, match="too few points"):
        edge_jump(stack, pre=(600, 650), post=(716, 730))
    with pytest.raises(ParameterError, match="pre window is empty"):
        edge_jump(stack, pre=(705, 700), post=(716, 730))
    with pytest.raises(ParameterError, match="reaches into"):
        edge_jump(stack, pre=(700, 720), post=(716, 730))
    flat = stack.copy()
    flat["signal"] = flat.signal * 0
    with pytest.raises(DataError, match="cannot be found"):
        edge_jump(flat)


def test_a_scan_of_a_white_line_alone_has_no_jump(rng):
    """Half of the edge would be taken for its base, and the mask be one of nothing."""

    def of(axis):
        values = 0.3 + 0.8 * EDGES["LiNiO2"](axis)[:, None, None]
        values = values + rng.normal(0, 0.01, (axis.size, 12, 12))
        return make_stack(values, axis, quantity="optical_density", signal_std=0.01)

    with pytest.raises(DataError, match="no points before the edge") as caught:
        edge_jump(of(np.arange(8345.0, 8361.0)))
    assert "'white_line' still work" in str(caught.value)
    # A white line that comes down to half, after a base: its jump is one.
    axis = np.r_[8325.0, np.arange(8338.0, 8366.0, 2.0)]
    peak = 0.5 * (1 + np.tanh(axis - 8345.0)) + 2.0 * np.exp(-(((axis - 8350.0) / 3.0) ** 2))
    values = peak[:, None, None] + rng.normal(0, 0.01, (axis.size, 12, 12))
    stack = make_stack(values, axis, quantity="optical_density", signal_std=0.01)
    assert float(edge_jump(stack).edge_jump.mean()) == pytest.approx(1.0, abs=0.25)
