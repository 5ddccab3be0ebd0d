"""Infinite and missing samples: a logarithm of no counts, a frame that was not recorded."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.edge_jump import edge_jump
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.mback import normalize_mback
from socwidgets.analysis.normalization import normalize
from socwidgets.analysis.rim_check import check_rim
from socwidgets.analysis.white_line_statistics import statistical_white_line
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status
from socwidgets.phantoms.spectra import EDGES

GRID = np.r_[np.arange(8200, 8321, 10.0), np.arange(8330, 8360.0), np.arange(8360, 8631, 10.0)]
SIZE = 24


def stack_with(rng, where=(slice(0, 0),), value=0.0):
    y, x = np.mgrid[:SIZE, :SIZE]
    thick = np.where((y - 12) ** 2 + (x - 12) ** 2 < 90, 0.8, 0.0)
    signal = thick * EDGES["LiNiO2"](GRID)[:, None, None] + 0.2
    signal = signal + rng.normal(0, 0.01, signal.shape)
    signal[where] = value
    sample = xr.DataArray(thick > 0, dims=("y", "x"))
    return make_stack(signal, GRID, quantity="optical_density", pixel_um=0.04), sample


FRAME, PIXEL = (5,), (slice(None), 3, 3)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("where", [FRAME, PIXEL])
def test_they_cost_what_they_are_and_nothing_else(rng, where, value):
    """One infinite pixel was the mean of all, and E0 lay where it was."""
    whole, sample = stack_with(rng)
    stack = whole.copy(deep=True)
    stack["signal"].values[where] = value
    found, wanted = (fit_map(s, "edge_energy") for s in (stack, whole))
    assert found.attrs["e0"] == wanted.attrs["e0"]
    ok = (found.status == Status.OK) & sample
    assert int(ok.sum()) == int(sample.sum())
    moved = abs(found.edge_energy - wanted.edge_energy) / wanted.edge_energy_std
    assert float(moved.where(ok).max()) < 3.0
    jump = edge_jump(stack)
    assert float(abs(jump.edge_jump.where(ok) - 0.8).max()) < 0.05
    assert statistical_white_line(stack).attrs["conditions_met"] == 1
    assert check_rim(stack).passed


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_frame_without_values_is_named_where_every_sample_is_needed(rng, value):
    stack, _ = stack_with(rng, FRAME, value)
    with pytest.raises(DataError, match="no value at all at 8250"):
        normalize(stack)
    with pytest.raises(DataError, match="no value at all at 8250"):
        normalize(stack.chunk(y=8), e0=8345.0)
    with pytest.raises(DataError, match="0 of 576 pixels have all"):
        normalize_mback(stack, 1.0 + (GRID > 8345.0))
    left = stack.drop_sel(energy=8250.0)
    assert bool((normalize(left).status == Status.OK).any())


def test_a_negative_is_named(rng):
    stack, _ = stack_with(rng)
    sample = stack.isel(y=slice(8, 16), x=slice(8, 16))
    with pytest.warns(UserWarning, match="not its negative"):
        normalize(sample.assign(signal=-sample.signal), e0=8345.0)


def test_no_finite_sample_at_all(rng):
    stack, _ = stack_with(rng, (slice(None),), np.nan)
    for function in (edge_jump, normalize, statistical_white_line, check_rim):
        with pytest.raises(DataError) as caught:
            function(stack)
        assert caught.value.fix
