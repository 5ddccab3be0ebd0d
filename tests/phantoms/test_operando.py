"""Operando series and uniform fields: their truth comes back."""

import numpy as np
import pytest

from socwidgets.model.errors import ParameterError
from socwidgets.model.stack import validate_stack
from socwidgets.phantoms.operando import OperandoParams, operando_series
from socwidgets.phantoms.spectra import EDGES, fe_l3_references
from socwidgets.phantoms.uniform import count_uniform


def test_series_has_the_planted_shift_and_lag():
    series = operando_series(OperandoParams(noise=0.0, lag=0.05))
    validate_stack(series)
    soc = series.true_soc.values
    assert np.ptp(soc[:, 0]) == pytest.approx(0.997, abs=1e-3)
    middle = np.argmin(np.abs(series.charge_mah.values[:, 1] - 0.5 * 1.61))
    assert soc[middle, 1] == pytest.approx(0.5 - 0.05, abs=0.01)
    energies = series.energy.values
    last = series.signal.values[-1, :, 0, 0]
    np.testing.assert_allclose(last, EDGES["LiNiO2"](energies - 1.24), atol=1e-6)


def test_noise_and_seed():
    one, same, other = (operando_series(seed=s).signal.values for s in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert np.std(one - other) == pytest.approx(0.002 * 2**0.5, rel=0.02)
    assert operando_series(OperandoParams(n_states=10)).sizes["state"] == 10


def test_uniform_field_is_b1():
    """sigma of OD: golden G-10, 2000 counts, OD 0.7."""
    references = fe_l3_references(np.array([700.0, 708.2, 710.2]))
    stack = count_uniform(references, {"FP": 1.0}, thickness=0.7, counts=2000, flats=10, seed=1)
    od = 0.7 * references.sel(component="FP").values
    for k in range(3):
        seen = stack.signal.values[k]
        assert seen.mean() == pytest.approx(od[k], abs=4 * seen.std() / 64 + 1e-3)
        assert seen.std() == pytest.approx(float(stack.signal_std[k, 0, 0]), rel=0.04)
    with pytest.raises(ParameterError, match="no reference 'NiO'"):
        count_uniform(references, {"NiO": 1.0})
