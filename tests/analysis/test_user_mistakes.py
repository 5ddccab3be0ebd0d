"""What users hand over by mistake or by habit: plain arrays, raw counts, keV, the wrong range."""

import warnings

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.calibration import soc_map, standards, two_point
from socwidgets.analysis.edge_jump import edge_jump
from socwidgets.analysis.energy_selection import select_energies
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.optical_density import optical_density
from socwidgets.analysis.registration import register
from socwidgets.analysis.rim_check import check_rim
from socwidgets.model.errors import (
    CalibrationWarning,
    DataError,
    KindError,
    ParameterError,
    ReferenceSpectraError,
    SchemaError,
)
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms import lfp_ensemble, simulate_stxm
from socwidgets.phantoms.spectra import EDGES
from socwidgets.techniques.valence_classes import valence_classes

GRID = np.r_[
    np.arange(8240.0, 8330.0, 10), np.arange(8330.0, 8370.0), np.arange(8380.0, 8500.0, 10)
]
FINE = np.arange(8230.0, 8510.0, 0.5)
REFERENCES = make_references({n: (FINE, EDGES[n](FINE)) for n in ("LiNiO2", "Ni4+")})
JUMP = 0.8


@pytest.fixture(scope="module")
def counts():
    """Counts ``(energy, y, x)`` with three flats per energy and a dark image."""
    rng = np.random.default_rng(3)
    soc = rng.uniform(0, 1, (9, 10))
    low, high = (EDGES[n](GRID)[:, None, None] for n in ("LiNiO2", "Ni4+"))
    od = 0.1 + JUMP * (low * (1 - soc) + high * soc)
    stack = make_stack(rng.poisson(2e4 * np.exp(-od)) + 100.0, GRID, pixel_um=0.04)
    stack["flat"] = (("repeat", "energy", "y", "x"), rng.poisson(2e4, (3, *od.shape)) + 100.0)
    stack["dark"] = (("y", "x"), np.full(od.shape[1:], 100.0))
    stack.attrs["counts"] = "photons"
    return stack


@pytest.fixture(scope="module")
def od(counts):
    return optical_density(counts)


def test_plain_arrays_are_named_by_their_shape(counts, od):
    bare = counts.drop_vars(["flat", "dark"])
    flats = counts.flat.values
    for flat in (flats, xr.DataArray(flats)):
        found = optical_density(bare, flat=flat, dark=counts.dark.values)
        np.testing.assert_array_equal(found.signal, od.signal)
        np.testing.assert_array_equal(found.signal_std, od.signal_std)
    one = optical_density(bare, flat=flats.mean((0, 2, 3)), dark=100.0)
    assert one.signal.sizes == od.signal.sizes
    image = optical_density(bare, flat=flats[:, 0], dark=100.0)
    assert image.signal.sizes == od.signal.sizes
    empty = np.zeros((9, 10), bool)
    empty[0] = True
    assert optical_density(counts, empty=empty).signal.sizes == od.signal.sizes
    masked = fit_map(od, "lcf", references=REFERENCES, mask=~empty)
    assert (np.isnan(masked["fraction_Ni4+"].values) == empty).all()
    with pytest.raises(DataError, match=r"found: *shape \(4, 4\)"):
        optical_density(bare, flat=np.ones((4, 4)))


def test_dark_of_another_size_is_refused_and_its_coordinates_do_not_matter(counts, od):
    with pytest.raises(DataError, match="dark does not fit"):
        optical_density(counts, dark=xr.DataArray(np.zeros((5, 5)), dims=("y", "x")))
    pixels = counts.dark.assign_coords(y=np.arange(9.0), x=np.arange(10.0))
    np.testing.assert_array_equal(optical_density(counts, dark=pixels).signal, od.signal)


@pytest.mark.parametrize("method", ["lcf", "white_line", "edge_energy", "pre_edge"])
def test_transmitted_counts_are_not_fitted(counts, method):
    with pytest.raises(DataError, match="needs optical density"):
        fit_map(counts, method, references=REFERENCES if method == "lcf" else None)


def test_counts_of_a_yield_are_fitted(od):
    grown = make_stack(1e4 * od.signal.values, GRID)
    with pytest.warns(UserWarning, match="or a yield, say so"):
        maps = fit_map(grown, "lcf", references=REFERENCES)
    assert np.isfinite(maps["fraction_Ni4+"]).all()


@pytest.mark.parametrize("method", ["lcf", "edge_energy"])
def test_counts_without_a_beam_are_named(counts, od, method):
    """Nothing tells them from a yield, so that they are fitted, and it is said."""
    bare = counts.drop_vars(["flat", "dark"])
    with pytest.warns(UserWarning, match="transmitted counts are no spectrum"):
        fit_map(bare, method, references=REFERENCES)
    for meant in (bare.assign_attrs(quantity="intensity"), od):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=".*transmitted counts")
            fit_map(meant, method, references=REFERENCES)


@pytest.mark.parametrize("method", ["lcf", "edge_energy", "white_line"])
@pytest.mark.parametrize("value", [0.0, -0.01])
def test_noise_of_zero_or_less_is_refused_and_nan_leaves_the_sample_out(od, method, value):
    at = {"energy": 30, "y": 2, "x": 3}
    bad = od.copy(deep=True)
    bad.signal_std[at] = value
    with pytest.raises(DataError, match=r"1 of .* samples at zero or less"):
        fit_map(bad, method, references=REFERENCES)
    pixel = bad.signal_std.isel(energy=0, drop=True)
    elsewhere = xr.ones_like(pixel, dtype=bool)
    elsewhere[{"y": 2, "x": 3}] = False
    fit_map(bad, method, references=REFERENCES, mask=elsewhere)
    gap = bad.assign(signal_std=bad.signal_std.where(bad.signal_std > 0))
    maps, whole = (fit_map(s, method, references=REFERENCES) for s in (gap, od))
    name = "fraction_Ni4+" if method == "lcf" else next(iter(whole.data_vars))
    spread = whole[f"{name}_std"].isel(y=2, x=3)
    assert np.isfinite(maps[name].isel(y=2, x=3))
    assert abs(maps[name] - whole[name]).isel(y=2, x=3) < 3 * spread
    xr.testing.assert_equal(maps[name].where(elsewhere), whole[name].where(elsewhere))


def test_edge_jump_of_a_k_edge_finds_its_windows(od):
    found = edge_jump(od)
    assert found.attrs["pre_window"][0] == GRID[0]
    assert 8310 <= found.attrs["pre_window"][1] <= 8330
    assert found.attrs["post_window"][1] == GRID[-1]
    # The edge is not flat beyond 40 eV: the mean of the references there is the yardstick.
    after = found.attrs["post_window"][0] <= GRID
    expected = JUMP * np.mean([EDGES[n](GRID[after]).mean() for n in ("LiNiO2", "Ni4+")])
    assert float(found.edge_jump.mean()) == pytest.approx(expected, abs=0.02)
    with pytest.raises(DataError, match="no points after the edge") as caught:
        edge_jump(od.sel(energy=slice(None, 8360)))
    assert "white_line" in str(caught.value)


def test_one_frame_cannot_be_registered(od):
    with pytest.raises(DataError, match="nothing to be registered with"):
        register(od.isel(energy=[3]))


def test_a_stack_that_begins_on_the_white_line_has_no_jump():
    """Its first points would be taken for the base, and every jump would come out near zero."""
    phantom = lfp_ensemble(seed=3, size_px=64, n_particles=6, length_um=(0.3, 0.9))
    od = optical_density(simulate_stxm(phantom, seed=1, drift_px=0.0))
    assert edge_jump(od).mask.any()
    for first in (708.0, 709.0):
        with pytest.raises(DataError, match="no points before the edge") as caught:
            edge_jump(od.sel(energy=slice(first, None)))
        assert "'lcf' and 'white_line' still work" in caught.value.fix
    in_kev = phantom.references.assign_coords(energy=phantom.references.energy / 1000)
    with pytest.raises(ReferenceSpectraError, match="look like keV"):
        fit_map(od, "lcf", references=in_kev)


def test_two_energies_name_what_still_works(od):
    with pytest.raises(DataError, match="two_energy_soc"):
        fit_map(od.isel(energy=[3, 25]), "lcf", references=REFERENCES)


def test_what_is_no_stack_and_no_reference_is_named(od):
    maps = fit_map(od, "white_line")
    for wrong in (maps, od.signal):
        with pytest.raises(SchemaError, match="signal: is missing"):
            fit_map(wrong, "white_line")
    with pytest.raises(ReferenceSpectraError, match="no reference spectra"):
        fit_map(od, "lcf", references={"LiNiO2": FINE})
    holed = REFERENCES.where(REFERENCES.energy != 8350.0)
    with pytest.raises(ReferenceSpectraError, match=r"LiNiO2, Ni4\+ holds values"):
        fit_map(od, "lcf", references=holed)
    falling = REFERENCES.isel(energy=slice(None, None, -1))
    np.testing.assert_array_equal(
        fit_map(od, "lcf", references=falling)["fraction_Ni4+"],
        fit_map(od, "lcf", references=REFERENCES)["fraction_Ni4+"],
    )


def test_counts_have_no_rim_to_judge(counts):
    with pytest.raises(DataError, match="check of the rim needs a signal of another quantity"):
        check_rim(counts)


def test_a_required_energy_in_kev_is_not_the_first_candidate():
    with pytest.raises(ParameterError, match="required energy is not among"):
        select_energies(REFERENCES, count=6, candidates=GRID, required=[8.35])
    plan = select_energies(REFERENCES, count=6, candidates=GRID, required=[8350.3])
    assert 8350.0 in plan.energies


def test_energies_are_no_thresholds_of_a_state_of_charge(od):
    charge = soc_map(fit_map(od, "lcf", references=REFERENCES)).soc
    with pytest.raises(KindError, match="thresholds are energies"):
        valence_classes(charge, (8344.0, 8346.0))
    assert set(np.unique(valence_classes(charge, (0.3, 0.7)))) == {0, 1, 2}


def test_map_without_a_value_says_so(od):
    with pytest.warns(UserWarning, match="no pixel of the 'white_line' map has a value"):
        empty = fit_map(od, "white_line", center=8270.0, half_width=30.0)
    assert np.isnan(empty.white_line_energy).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_map(od, "white_line")


def test_calibration_finds_the_only_energy_and_guards_its_range(od):
    lines = fit_map(od, "white_line")
    found = soc_map(lines, two_point(8352.2, 8353.9))
    named = soc_map(lines, two_point(8352.2, 8353.9, variable="white_line_energy"))
    np.testing.assert_array_equal(found.soc, named.soc)
    everything = fit_map(od, "edge_energy", definition="all", e0=8344.0)
    with pytest.raises(DataError, match="not clear"):
        soc_map(everything, two_point(8352.2, 8353.9))
    for kilo in (two_point(8.3522, 8.3539), standards((8.3522, 8.3539), (0.0, 1.0))):
        with pytest.raises(ParameterError, match="different units"):
            soc_map(lines, kilo)
    with pytest.warns(CalibrationWarning, match="90 of 90 pixels lie outside"):
        far = soc_map(lines, two_point(8349.7, 8350.3))
    assert "90 of 90" in far.attrs["calibration_doubts"][0]
