"""Standards, windows, materials: calibrations that know what they were made with (G-20, G-25)."""

import dataclasses
import warnings

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.calibration import calibrated_map, soc_map, standards, two_point
from socwidgets.analysis.calibration_guard import measured_with
from socwidgets.analysis.composition import convert, convert_map
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.materials import (
    Material,
    layered_oxide,
    material,
    material_names,
    nickel_white_line,
    register_material,
)
from socwidgets.model.errors import CalibrationWarning, DataError, KindError, ParameterError
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status
from socwidgets.phantoms.spectra import reference_spectrum

KNOWN = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def energy_maps(values, std=0.1, **attrs):
    values = np.atleast_2d(np.asarray(values, float))
    data = {
        "white_line_energy": (("y", "x"), values, {"kind": "energy"}),
        "white_line_energy_std": (("y", "x"), np.full_like(values, std)),
        "status": (("y", "x"), np.zeros(values.shape, np.uint8)),
    }
    return xr.Dataset(data, attrs=attrs)


def test_a_line_through_two_standards_is_the_two_point_calibration():
    line = standards((8350.0, 8353.0), (0.0, 1.0), values_std=(0.1, 0.05))
    two = two_point(8350.0, 8353.0, discharged_std=0.1, charged_std=0.05)
    at = np.linspace(8349.0, 8354.0, 7)
    for found, expected in zip(line.apply(at, 0.2), two.apply(at, 0.2), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", ["line", "spline", "table"])
def test_pulls_of_standards_and_pixel_are_calibrated(rng, shape):
    """400 calibrations, each with standards of its own noise, each read at one noisy value."""
    truth = 8350.0 + 3.0 * KNOWN if shape == "line" else 8350.0 + 2.0 * KNOWN + KNOWN**2
    sigma, tau, noise = 0.06, 0.01, 0.1
    pulls = []
    inverse = _inverse(standards(truth, KNOWN, shape="spline"))
    for wanted in rng.uniform(0.1, 0.9, 400):
        measured = truth + rng.normal(0, sigma, 5)
        stated = KNOWN + rng.normal(0, tau, 5)
        if shape == "table":
            clean = np.interp(wanted, KNOWN, truth)
        elif shape == "line":
            clean = 8350.0 + 3.0 * wanted
        else:
            # What a spline through the true points does is the truth of this test.
            clean = inverse(wanted)
        curve = standards(
            measured, stated, shape=shape, values_std=(sigma,) * 5, compositions_std=(tau,) * 5
        )
        found, std = curve.apply(clean + rng.normal(0, noise), noise)
        pulls.append((float(found) - wanted) / float(std))
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)
    assert abs(np.mean(pulls)) < 4 / 400**0.5


def _inverse(curve):
    grid = np.linspace(8350.0, 8353.0, 301)
    known = curve.apply(grid, 0.0)[0]
    return lambda wanted: float(np.interp(wanted, known, grid))


def test_a_misfit_of_the_line_is_told_and_widens_it():
    bent = 8350.0 + 2.0 * KNOWN + KNOWN**2
    line = standards(bent, KNOWN, values_std=(0.01,) * 5)
    table = line.residuals()
    assert max(abs(row["residual"]) for row in table) > 0.03
    assert table[0]["sigma"] == pytest.approx(0.01 / 3, rel=0.1)
    assert line.fit().redchi > 10
    honest = standards(8350.0 + 3.0 * KNOWN, KNOWN, values_std=(0.01,) * 5)
    assert line.apply(8351.5, 0.0)[1] > 5 * honest.apply(8351.5, 0.0)[1]


def test_splines_and_tables_meet_every_standard_and_go_on_straight():
    for shape in ("spline", "table"):
        curve = standards((8350.0, 8351.0, 8353.0), (1.0, 0.6, 0.2), shape=shape)
        np.testing.assert_allclose(curve.apply(np.array(curve.values), 0.0)[0], curve.compositions)
        beyond = curve.apply(np.array([8353.0, 8353.5, 8354.0]), 0.0)[0]
        assert np.diff(beyond)[0] == pytest.approx(np.diff(beyond)[1])
        assert np.diff(beyond)[0] < 0
    with pytest.raises(ParameterError, match="not be monotonic"):
        standards((8350.0, 8351.0, 8352.0), (0.0, 0.6, 0.5), shape="table")


def test_values_beyond_the_standards_are_flagged_unless_confirmed():
    options = {"variable": "white_line_energy", "composition": "oxidation_state"}
    curve = standards((8350.0, 8352.0, 8353.5), (2.0, 3.0, 4.0), shape="spline", **options)
    maps = energy_maps([8351.0, 8353.6, 8356.0], std=0.02)
    found = calibrated_map(maps, curve)
    assert list(found.status.values[0]) == [0, 0, Status.OUT_OF_RANGE]
    assert found.oxidation_state.attrs["end_points"] == [2.0, 4.0]
    assert found.oxidation_state.attrs["kind"] == "oxidation_state"
    sure = calibrated_map(maps, curve.replace(confirm_extrapolation=True))
    assert (sure.status == 0).all()
    with pytest.raises(KindError, match="not to a state of charge"):
        soc_map(maps, curve)


GRID = np.concatenate(
    [np.arange(8200, 8330, 10.0), np.arange(8330, 8361, 1.0), np.arange(8370, 8631, 10.0)]
)


def nickel(offset=0.0, grid=GRID):
    signal = reference_spectrum("LiNiO2", grid - offset)[:, None, None] * np.ones((1, 2, 2))
    return make_stack(signal, grid, quantity="optical_density", pixel_um=0.04)


def test_another_window_or_grid_warns():
    fit = fit_map(nickel(), "white_line", center=8352.0)
    made = measured_with(fit, "white_line_energy")
    line = two_point(8350.4, 8353.7, variable="white_line_energy", made_with=made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        soc_map(fit, line)
    for other in (
        fit_map(nickel(), "white_line", center=8352.0, half_width=3.0),
        fit_map(nickel(grid=GRID + 0.5), "white_line", center=8352.5),
        fit_map(nickel(), "white_line", center=8352.0, half_width=3.0, degree=3),
    ):
        with pytest.warns(CalibrationWarning, match="white line"):
            doubted = soc_map(other, line)
        assert doubted.attrs["calibration_doubts"]
    every = fit_map(nickel(), "edge_energy", definition="all")
    half = two_point(
        8343.0, 8346.0, variable="half_energy", made_with=measured_with(every, "half_energy")
    )
    alone = fit_map(nickel(), "edge_energy", definition="half")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        soc_map(alone, half.replace(variable="edge_energy"))
    with pytest.warns(CalibrationWarning, match="definition: half there, integral here"):
        soc_map(every, half.replace(variable="integral_energy"))


def test_the_largest_slope_of_nickel_is_refused_unless_forced():
    line = two_point(8345.0, 8349.5, variable="edge_energy")
    fit = fit_map(nickel(), "edge_energy", definition="derivative")
    with pytest.raises(KindError, match=r"4\.5 eV"):
        soc_map(fit, line)
    soc_map(fit, line.replace(force=True))
    every = fit_map(nickel(), "edge_energy", definition="all")
    with pytest.raises(KindError, match="two inflections"):
        soc_map(every, line.replace(variable="derivative_energy"))
    soc_map(every, line.replace(variable="half_energy"))


@pytest.mark.parametrize(
    ("name", "ni"),
    [("NMC333", 2.0), ("NMC442", 2.0), ("NMC532", 2.4), ("NMC622", 8 / 3), ("NMC811", 2.875),
     ("NCA", 3.0)],
)  # fmt: skip
def test_golden_g25_nickel_valences(name, ni):
    assert material(name).oxidation_state(1.0) == pytest.approx(ni, abs=1e-9)
    assert material(name).lithium(ni) == pytest.approx(1.0)


def test_golden_g25_half_charged_and_g20():
    assert convert(0.5, "x_li", "oxidation_state", material("NMC622")) == pytest.approx(3.5)
    f1, half, _ = 0.30, 0.42, 0.28
    x = f1 + 0.5 * half
    assert x == pytest.approx(0.51)
    lnmo = material("LiNi0.5Mn1.5O4")
    assert lnmo.oxidation_state(x) == pytest.approx(2.98)
    assert 2 * f1 + 3 * half + 4 * 0.28 == pytest.approx(2.98)


def soc_maps(values, std=0.05):
    maps = energy_maps(values, std).rename(white_line_energy="soc", white_line_energy_std="soc_std")
    maps.soc.attrs.update(kind="soc", end_points=[0.0, 1.0])
    return maps


def test_kinds_convert_there_and_back_with_their_sigma():
    of = material("NMC622", x_charged=0.4)
    maps = soc_maps([-0.05, 0.0, 0.5, 1.0])
    lithium = convert_map(maps, "x_li", of)
    np.testing.assert_allclose(lithium.x_li[0], [1.03, 1.0, 0.7, 0.4])
    np.testing.assert_allclose(lithium.x_li_std[0], 0.05 * 0.6)
    assert lithium.x_li.attrs["end_points"] == pytest.approx([0.4, 1.0])
    removed = convert_map(lithium, "x_removed", of)
    np.testing.assert_allclose(removed.x_removed, 1 - lithium.x_li)
    nickel_state = convert_map(removed, "oxidation_state", of)
    np.testing.assert_allclose(nickel_state.oxidation_state[0, 1:3], [8 / 3, 8 / 3 + 0.5])
    back = convert_map(nickel_state, "soc", of)
    np.testing.assert_allclose(back.soc, maps.soc, atol=1e-12)
    np.testing.assert_allclose(back.soc_std, maps.soc_std, atol=1e-12)


def test_nickel_is_capped_at_four_with_a_warning():
    """NMC333 at x < 1/3: cobalt or oxygen must take part."""
    maps = soc_maps([0.5, 0.9, 1.0])
    of = material("NMC333", x_charged=0.1)
    with pytest.warns(CalibrationWarning, match=r"33\.3 % .* set to it"):
        found = convert_map(maps.isel(x=[0, 0, 2]), "oxidation_state", of)
    np.testing.assert_allclose(found.oxidation_state[0], [3.35, 3.35, 4.0])
    assert list(found.status.values[0]) == [0, 0, Status.AT_BOUND]
    assert found.attrs["capped"] == pytest.approx(1 / 3)
    with pytest.warns(CalibrationWarning, match="upper limit"):
        convert_map(found, "x_li", of)


def test_presets_are_a_table_that_users_edit():
    assert {"NMC622", "NCA", "LiFePO4", "LiCoO2"} <= set(material_names())
    presets = ("NMC333", "NMC442", "NMC532", "NMC622", "NMC811", "NCA", "LiNiO2", "LiCoO2",
               "LiFePO4", "LiMn2O4", "LiNi0.5Mn1.5O4")  # fmt: skip
    assert all("check me" in material(name).note for name in presets)
    # The map that was made with one says so, once.
    lithium = convert_map(soc_maps([0.2, 0.8]), "x_li", "LiFePO4")
    again = convert_map(lithium, "x_removed", "LiFePO4")
    assert [c for c in again.attrs["caveats"] if "check me" in c] == [
        f"LiFePO4: {material('LiFePO4').note}"
    ]
    assert "Check me" in nickel_white_line.__doc__
    assert nickel_white_line(values=(8350.0, 8352.0, 8353.0)).kind == "oxidation_state"
    own = register_material(layered_oxide("NMC90", 0.9, 0.05, 0.05))
    assert material("NMC90") == own
    with pytest.raises(dataclasses.FrozenInstanceError):
        own.x_charged = 0.0
    with pytest.raises(ParameterError, match="did you mean 'NMC622'"):
        material("NMC662")
    with pytest.raises(ParameterError, match="add up to one"):
        layered_oxide("odd", 0.5, 0.1)
    with pytest.raises(ParameterError, match="no width"):
        material("NCA", x_charged=1.0)
    with pytest.raises(ParameterError, match="needs a name"):
        register_material(Material())


def test_bad_standards_and_maps():
    with pytest.raises(ParameterError, match="do not pair up"):
        standards((1.0, 2.0), (0.0,))
    with pytest.raises(ParameterError, match="values_std"):
        standards((1.0, 2.0), (0.0, 1.0), values_std=(0.1,))
    with pytest.raises(ParameterError, match="are the same"):
        standards((1.0, 1.0), (0.0, 1.0))
    with pytest.raises(ParameterError, match="not a finite number"):
        standards((1.0, np.nan), (0.0, 1.0))
    with pytest.raises(DataError, match="composition is not clear"):
        convert_map(energy_maps([1.0]), "x_li", material("NCA"))
    with pytest.raises(KindError, match="is no composition"):
        convert_map(soc_maps([1.0]), "ratio", material("NCA"))
