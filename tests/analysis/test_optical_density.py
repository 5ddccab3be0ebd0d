"""Counts to optical density: golden noise figures, calibrated sigma, dead and saturated pixels."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.optical_density import optical_density, sigma_optical_density
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status

ENERGIES = np.array([700.0, 705.0, 708.0, 710.0, 715.0])


@pytest.mark.parametrize(
    ("od", "n0", "flats", "expected"),
    [
        (0.7, 2000, 1, 0.0388),
        (0.7, 2000, 10, 0.0325),
        (0.7, 1000, 1, 0.0549),
        (1.0, 5000, 1, 0.0273),
    ],
)
def test_golden_g10(od, n0, flats, expected):
    assert sigma_optical_density(od, n0, flats) == pytest.approx(expected, abs=5e-5)


def poisson_stack(rng, od=0.7, n0=2000, flats=10, size=60, dark=100.0):
    shape = (ENERGIES.size, size, size)
    counts = rng.poisson(n0 * np.exp(-od), shape) + dark
    flat = xr.DataArray(rng.poisson(n0, (flats, *shape)) + dark, dims=("flat", "energy", "y", "x"))
    stack = make_stack(counts.astype(np.float32), ENERGIES, counts="photons")
    stack["dark"] = xr.DataArray(dark)
    return stack, flat


def test_sigma_is_calibrated(rng):
    stack, flat = poisson_stack(rng)
    od = optical_density(stack, flat=flat)
    pull = (od.signal - 0.7) / od.signal_std
    assert float(pull.std()) == pytest.approx(1.0, abs=0.03)
    assert float(od.signal_std.mean()) == pytest.approx(0.0325, rel=0.02)
    assert od.attrs["quantity"] == "optical_density"
    assert (od.status == Status.OK).all()


def test_lazy_equals_eager(rng):
    stack, flat = poisson_stack(rng, size=20)
    lazy = optical_density(stack.chunk({"y": 7}), flat=flat)
    assert lazy.signal.chunks is not None
    xr.testing.assert_allclose(lazy.signal.compute(), optical_density(stack, flat=flat).signal)


def test_i0_spectrum_and_no_noise_model(rng):
    stack, _ = poisson_stack(rng, dark=0.0)
    stack = stack.drop_vars("dark").assign(i0=("energy", np.full(ENERGIES.size, 2000.0)))
    stack.attrs.pop("counts")
    od = optical_density(stack)
    assert "signal_std" not in od  # float counts of unknown gain carry no Poisson noise
    assert float(od.signal.mean()) == pytest.approx(0.7, abs=0.01)
    assert "signal_std" in optical_density(stack, noise="poisson")


def test_dead_saturated_and_gap_pixels(rng):
    stack, flat = poisson_stack(rng, size=10)
    stack.signal[:, 0, 0] = 90.0  # below the dark counts at every energy
    stack.signal[2, 1, 1] = 100.01  # nothing left: optical density beyond any detector
    stack.signal[3, 2, 2] = 50.0  # one bad sample
    od = optical_density(stack, flat=flat)
    assert od.status[0, 0] == Status.MASKED
    assert od.status[1, 1] == Status.SATURATED
    assert od.status[2, 2] == Status.OK
    assert np.isnan(od.signal[3, 2, 2])
    assert int((od.status != Status.OK).sum()) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s, f: (s.drop_vars("dark"), None), "no I0"),
        (lambda s, f: (s, f[..., :-1]), "does not fit"),
        (lambda s, f: (s, f * 0), "not brighter than the dark"),
        (lambda s, f: (s.assign_attrs(quantity="optical_density"), f), "another quantity"),
    ],
)
def test_bad_input(rng, change, words):
    stack, flat = change(*poisson_stack(rng, size=8))
    with pytest.raises(DataError, match=words):
        optical_density(stack, flat=flat)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("flat_dims", ["flat energy y x", "energy y x", "y x", "energy"])
def test_compiled_equals_array_operations(rng, dtype, flat_dims):
    """A numpy-backed stack goes through the kernel, a dask-backed one through xarray."""
    stack, flat = poisson_stack(rng, size=20)
    stack["signal"] = stack.signal.astype(dtype).assign_attrs(stack.signal.attrs)
    stack.signal[:, 0, 0] = 90
    stack.signal[1, 1, 1] = 100 if dtype in (np.uint16, np.int32) else 100.001
    drop = {"flat energy y x": {}, "energy y x": {"flat": 0}, "y x": {"flat": 0, "energy": 0},
            "energy": {"flat": 0, "y": 0, "x": 0}}  # fmt: skip
    chosen = flat.isel(drop[flat_dims], drop=True)
    for options in ({}, {"noise": "none"}, {"max_od": 0.75, "gain": 2.0}):
        eager = optical_density(stack, flat=chosen, **options)
        lazy = optical_density(stack.chunk({"y": 7}), flat=chosen, **options).compute()
        xr.testing.assert_allclose(eager.drop_attrs(), lazy.drop_attrs(), rtol=2e-6, atol=1e-6)
        assert eager.signal.dtype == np.float32
        assert eager.attrs["quantity"] == "optical_density"
        assert eager.signal.attrs == lazy.signal.attrs


def test_compiled_keeps_order_of_dims_and_leading_dims(rng):
    stack, flat = poisson_stack(rng, size=12)
    series = xr.concat([stack, stack], "state", data_vars=["signal"])
    series.attrs = stack.attrs
    alone = optical_density(stack, flat=flat)
    both = optical_density(series, flat=flat)
    xr.testing.assert_equal(both.signal.isel(state=1, drop=True), alone.signal)
    assert both.status.dims == ("state", "y", "x")
    turned = optical_density(stack.transpose("y", "x", "energy"), flat=flat)
    assert turned.signal.dims == ("y", "x", "energy")
    xr.testing.assert_equal(turned.signal.transpose("energy", "y", "x"), alone.signal)


def test_axes_keep_their_units_and_names(rng):
    from socwidgets.analysis.normalization import normalize

    stack, flat = poisson_stack(rng, size=6)
    od = optical_density(stack, flat=flat)
    normalized = normalize(od, e0=706.0, pre=(-6.0, -1.0), post=(2.0, 9.0), post_degree=0)
    for made in (od, normalized):
        for dim in ("energy", "y", "x"):
            assert made[dim].attrs == stack[dim].attrs
            assert made["signal"][dim].attrs == stack[dim].attrs
