"""Two energies of the Fe L3 edge: ratio and polar angle (G-26, G-27)."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status
from socwidgets.phantoms.spectra import fe_l3_references
from socwidgets.techniques.polar import domains, lithiated_fraction, phase_angles, polar_angle
from socwidgets.techniques.stxm_soc import polar_soc, two_energy_soc

AXIS = np.array([700.0, 702.0, 706.0, 708.2, 710.2, 716.0, 725.0])
FINE = np.arange(695.0, 735.0, 0.05)
ENDS = (24.808, 65.755)


def stack_of(x_li, thickness=1.0, noise=0.0, offset=0.0, rng=None, step=True):
    """Optical density of lithiated fraction `x_li` ``(y, x)``, with its sigma if noisy."""
    fine = fe_l3_references(FINE, step=step, l2=step)
    low, high = fine.interp(energy=AXIS).values[:, :, None, None]
    signal = thickness * (low * x_li + high * (1 - x_li)) + offset
    if noise:
        signal = signal + rng.normal(0, noise, signal.shape)
    stack = make_stack(signal, AXIS, quantity="optical_density", pixel_um=0.02)
    if noise:
        stack["signal_std"] = xr.full_like(stack.signal, noise)
    return stack


def test_golden_g26():
    angles = np.array([35, 40, 46.24, 50, 55, 60.0])
    found, _ = lithiated_fraction(angles, (27.48, 65.0))
    np.testing.assert_allclose(found, [0.7926, 0.6610, 0.5, 0.4033, 0.2732, 0.1395], atol=6e-5)
    longer, _ = lithiated_fraction(np.array([40.0, 50.0]), (27.48, 65.0), 1.2)
    np.testing.assert_allclose(longer, [0.7005, 0.4478], atol=6e-5)
    assert np.tan(np.radians(27.48)) == pytest.approx(0.52012, abs=5e-6)
    assert polar_angle(1.0, 2.14451)[0] == pytest.approx(65.0, abs=1e-4)


def test_golden_g27_the_model_is_inverted_exactly():
    x = np.linspace(0, 1, 11)[None, :]
    stack = stack_of(x, step=False)
    options = {"pre": None, "angles": ENDS, "x_li": (1.0, 0.0)}
    maps = polar_soc(stack, **options)
    np.testing.assert_allclose(maps.x_li.values, x, atol=2e-4)
    at = {0.93: 27.480, 0.5: 45.281, 0.02: 65.000}
    for content, angle in at.items():
        one = polar_soc(stack_of(np.array([[content]]), step=False), **options)
        assert float(one.angle[0, 0]) == pytest.approx(angle, abs=2e-3)
    theta = np.radians(maps.angle.values)
    s, c = np.sin(np.radians(ENDS)), np.cos(np.radians(ENDS))
    tan = np.tan(theta)
    formula = (s[1] - c[1] * tan) / ((s[1] - c[1] * tan) - (s[0] - c[0] * tan))
    np.testing.assert_allclose(maps.fraction.values, formula, atol=1e-9)


@pytest.mark.parametrize("thickness", [0.3, 1.0])
def test_ratio_is_exact_for_any_thickness_and_offset(thickness):
    x = np.linspace(0, 1, 11)[None, :]
    maps = two_energy_soc(stack_of(x, thickness, offset=0.8), fe_l3_references(FINE))
    np.testing.assert_allclose(maps.soc.values, 1 - x, atol=1e-4)
    assert maps.soc.attrs["kind"] == "soc"
    assert (maps.status == 0).all()
    named = two_energy_soc(stack_of(x), fe_l3_references(FINE), charged="LFP")
    np.testing.assert_allclose(named.soc.values, x, atol=1e-4)


@pytest.mark.parametrize("known", [True, False])
def test_pulls(rng, known):
    x = np.linspace(0.05, 0.95, 60)[None, :] * np.ones((60, 1))
    stack = stack_of(x, 1.0, noise=0.01, rng=rng)
    if not known:
        # Seven pre-edge points tell the noise to a quarter: a Student spread of 1.2.
        early = np.arange(700.0, 703.1, 0.25)
        grid = np.r_[early, AXIS[2:]]
        signal = stack_of(x).signal.interp(energy=grid).values
        signal[: early.size] = stack_of(x).signal.values[:1]
        signal = signal + rng.normal(0, 0.01, signal.shape)
        stack = make_stack(signal, grid, quantity="optical_density")
    ratio = two_energy_soc(stack, fe_l3_references(FINE))
    polar = polar_soc(
        stack_of(x, noise=0.01, rng=rng, step=False), angles=ENDS, x_li=(1.0, 0.0), pre=None
    )
    for name, maps, truth in (("soc", ratio, 1 - x), ("x_li", polar, x)):
        pull = (maps[name].values - truth) / maps[f"{name}_std"].values
        limit = 0.1 if known else 0.25
        assert np.nanstd(pull) == pytest.approx(1.0, abs=limit)
        assert abs(np.nanmean(pull)) < 0.1


def test_dark_and_negative_pixels_have_no_value(rng):
    """Wrap-around: an angle of -170 degrees is no state of charge."""
    x = np.full((30, 30), 0.5)
    thick = np.ones((30, 30))
    thick[:10] = 0.0
    stack = stack_of(x, thick, noise=0.03, rng=rng)
    stack.signal[:, 29, 29] = np.nan
    for maps in (two_energy_soc(stack, fe_l3_references(FINE)), polar_soc(stack)):
        first = next(iter(maps.data_vars))
        # A length of 3 sigma is reached by noise in both densities in about 1 % of the pixels.
        assert (maps.status[:10] == Status.LOW_SIGNAL).mean() > 0.95
        assert maps[first][:10].notnull().mean() < 0.05
        assert (maps.status[10:] == Status.OK).mean() > 0.98
        assert maps.status[29, 29] == Status.MASKED
    assert float(polar_soc(stack).angle.min()) > 0


def test_values_out_of_range_are_flagged_not_clipped():
    one = two_energy_soc(stack_of(np.array([[1.3, 0.5]])), fe_l3_references(FINE))
    assert float(one.soc[0, 0]) == pytest.approx(-0.3, abs=1e-3)
    assert list(one.status.values[0]) == [Status.OUT_OF_RANGE, Status.OK]


def test_two_phases_are_found_in_the_histogram_of_angles(rng):
    values = np.r_[rng.normal(27.48, 2, 4000), rng.normal(65.0, 3, 6000), [np.nan] * 5]
    centers, widths, share = phase_angles(xr.DataArray(values, dims="n"))
    assert centers == pytest.approx((27.48, 65.0), abs=0.2)
    assert widths == pytest.approx((2, 3), abs=0.2)
    assert share == pytest.approx(0.4, abs=0.01)
    with pytest.raises(DataError, match="too few angles"):
        phase_angles(xr.DataArray(values[:5], dims="n"))


def test_domains_of_yu():
    fraction = xr.DataArray([[0.1, 0.3, 0.69, 0.71, np.nan]], dims=("y", "x"))
    assert domains(fraction).values.tolist() == [[1, 2, 2, 3, 0]]


def test_states_go_through_and_bad_input_is_named():
    x = np.linspace(0, 1, 12).reshape(3, 4)
    one = stack_of(x)
    two = xr.concat([one, one], "state").assign_attrs(one.attrs)
    maps = two_energy_soc(two, fe_l3_references(FINE))
    assert maps.soc.dims == ("state", "y", "x")
    np.testing.assert_allclose(maps.soc[1], 1 - x, atol=1e-4)
    with pytest.raises(DataError, match=r"not measured at 710\.2 eV"):
        two_energy_soc(one.isel(energy=[0, 1, 2, 3]), fe_l3_references(FINE))
    with pytest.raises(DataError, match="no energy lies before the edge"):
        polar_soc(one.isel(energy=slice(2, None)))
    with pytest.raises(DataError, match="two phases"):
        two_energy_soc(one, fe_l3_references(FINE).isel(component=[0]))
    with pytest.raises(ParameterError, match="not in order"):
        polar_soc(one, energies=(710.2, 708.2))
    with pytest.raises(ParameterError, match="angles of the phases"):
        polar_soc(one, angles=(65, 27))
