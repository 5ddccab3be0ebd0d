"""States and slices go through the whole chain at once; what cannot work is named."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.calibration import calibrated_map, soc_map, standards, two_point
from socwidgets.analysis.calibration_guard import measured_with
from socwidgets.analysis.composition import convert_map
from socwidgets.analysis.edge_jump import edge_jump
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.lcf_shift import shifted_lcf
from socwidgets.analysis.lcf_systematics import systematic_band
from socwidgets.analysis.materials import material
from socwidgets.model.errors import DataError, ReferenceSpectraError, SchemaError
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status
from socwidgets.phantoms.spectra import EDGES

GRID = np.r_[
    np.arange(8240.0, 8330.0, 10), np.arange(8330.0, 8370.0), np.arange(8380.0, 8500.0, 10)
]
FINE = np.arange(8230.0, 8510.0, 0.5)


@pytest.fixture(scope="module")
def volume():
    """Optical density ``(state=2, z=3, energy, y=6, x=7)`` of planted SOC, noise 0.003."""
    rng = np.random.default_rng(5)
    soc = rng.uniform(0.1, 0.9, (2, 3, 6, 7))
    low, high = (EDGES[n](GRID)[:, None, None] for n in ("LiNiO2", "Ni4+"))
    images = []
    for state in soc:
        slices = [
            make_stack(
                0.8 * (low * (1 - s) + high * s) + rng.normal(0, 0.003, (GRID.size, 6, 7)),
                GRID, quantity="optical_density", pixel_um=0.04,
            )
            for s in state
        ]  # fmt: skip
        images.append(xr.concat(slices, "z", combine_attrs="override"))
    stack = xr.concat(images, "state", combine_attrs="override")
    stack["signal"] = stack.signal.transpose("state", "z", "energy", "y", "x")
    stack["signal_std"] = xr.full_like(stack.signal, 0.003)
    return stack, soc


@pytest.fixture(scope="module")
def references():
    return make_references({n: (FINE, EDGES[n](FINE)) for n in ("LiNiO2", "Ni4+")})


def test_lcf_of_a_tomogram_in_time(volume, references):
    stack, truth = volume
    maps = soc_map(fit_map(stack, "lcf", references=references))
    assert maps.soc.dims == ("state", "z", "y", "x")
    pull = (maps.soc.values - truth) / maps.soc_std.values
    assert np.std(pull) == pytest.approx(1.0, abs=0.15)
    lithium = convert_map(maps, "x_li", material("LiNiO2", x_charged=0.2))
    np.testing.assert_allclose(lithium.x_li, 1 - 0.8 * maps.soc, rtol=1e-6)
    one = soc_map(fit_map(stack.isel(state=1, z=2), "lcf", references=references))
    np.testing.assert_allclose(maps.soc.isel(state=1, z=2), one.soc, rtol=1e-5)
    shifted = shifted_lcf(stack, references)
    assert abs(shifted.attrs["energy_shift"]) < 0.05
    banded = systematic_band(stack.isel(state=0), references)
    assert banded["fraction_Ni4+_free_systematic"].dims == ("z", "y", "x")


def test_the_mask_of_a_tomogram_in_time_goes_into_its_fits(volume, references):
    """The mask that `edge_jump` makes has the leading dims of the stack."""
    stack, _ = volume
    thin = stack.copy(deep=True)
    thin.signal[1, 2, :, :3] *= 0.01
    mask = edge_jump(thin)["mask"]
    assert mask.dims == ("state", "z", "y", "x")
    assert int((~mask).sum()) == int((~mask[1, 2]).sum()) == 21
    maps = fit_map(thin, "lcf", references=references, mask=mask)
    np.testing.assert_array_equal(maps.status == Status.LOW_SIGNAL, ~mask)
    assert np.isfinite(maps["fraction_Ni4+"].values[mask.values]).all()
    for other in (mask.values, mask.transpose("x", "y", "z", "state")):
        again = fit_map(thin, "lcf", references=references, mask=other)
        np.testing.assert_array_equal(again["fraction_Ni4+"], maps["fraction_Ni4+"])
    by_state = fit_map(thin, "lcf", references=references, mask=mask[:, 2])
    assert (by_state.status[1, :, :3] == Status.LOW_SIGNAL).all()
    with pytest.raises(DataError, match="mask does not fit") as caught:
        fit_map(thin, "lcf", references=references, mask=mask[:1])
    assert "state, z" in str(caught.value)


def test_energies_of_a_tomogram_in_time(volume):
    stack, truth = volume
    edge = fit_map(stack, "edge_energy", definition="half", e0=8344.0)
    pure = 0.8 * np.stack([EDGES[n](GRID) for n in ("LiNiO2", "Ni4+")], axis=-1)[:, None]
    ends = fit_map(
        make_stack(pure, GRID, quantity="optical_density"), "edge_energy", definition="half",
        e0=8344.0,
    )  # fmt: skip
    curve = standards(
        ends.edge_energy.values[0], (0.0, 1.0), variable="edge_energy",
        made_with=measured_with(ends, "edge_energy"),
    )  # fmt: skip
    soc = calibrated_map(edge, curve)
    assert soc.soc.dims == ("state", "z", "y", "x")
    # Half heights of mixtures are not quite on a line (0.02 of 1.5 eV), nor are those
    # that are read between points 1 eV apart.
    assert (np.abs(soc.soc.values - truth) < 0.05 + 4 * soc.soc_std.values).all()
    line = fit_map(stack, "white_line")
    assert line.attrs["white_line_grid"]
    assert soc_map(line, two_point(8352.3, 8353.8, variable="white_line_energy")).soc.shape


@pytest.mark.parametrize(
    ("energies", "word"),
    [(np.arange(8340.0, 8500.0), "pre"), (np.arange(8200.0, 8360.0), "post")],
)
def test_a_missing_window_names_the_methods_that_still_work(energies, word):
    signal = EDGES["LiNiO2"](energies)[:, None, None] * np.ones((1, 3, 3))
    stack = make_stack(signal, energies, quantity="optical_density")
    with pytest.raises(DataError, match=f"without a {word}-edge .* 'lcf' and 'white_line'"):
        fit_map(stack, "edge_energy")
    assert np.isfinite(fit_map(stack, "white_line").white_line_energy).all()


def test_a_jump_needs_a_base_however_high_the_white_line():
    """A scan that starts on the rise: half of the white line's height above it is no "after"."""
    signal = np.repeat(EDGES["LiNiO2"](GRID)[:, None, None], 3, axis=2)
    stack = make_stack(np.repeat(signal, 3, axis=1), GRID, quantity="optical_density")
    stack["signal_std"] = xr.full_like(stack.signal, 0.01)
    assert edge_jump(stack).attrs["post_window"][1] == GRID[-1]
    for start in (8340.0, 8344.0, 8348.0):
        with pytest.raises(DataError, match="no points before the edge"):
            edge_jump(stack.sel(energy=slice(start, None)))
    with pytest.raises(DataError, match=r"no step at the edge|never rises"):
        edge_jump(stack.assign(signal=-stack.signal))


def test_two_energies_and_other_edges_are_refused(references):
    few = np.array([8340.0, 8352.0])
    stack = make_stack(np.ones((2, 3, 3)), few, quantity="optical_density")
    with pytest.raises(DataError, match="too few spectral points"):
        fit_map(stack, "lcf", references=references)
    other = make_references({n: (FINE - 624.0, EDGES["LiNiO2"](FINE)) for n in "ab"})
    with pytest.raises(ReferenceSpectraError, match="do not cover"):
        fit_map(stack, "lcf", references=other, background_degree=-1, coverage="cut")


def test_references_in_kev_are_those_in_ev(references):
    kilo = make_references({n: (FINE / 1e3, EDGES[n](FINE)) for n in ("LiNiO2", "Ni4+")})
    np.testing.assert_allclose(kilo.energy, references.energy)


def test_swapped_axes_are_named():
    with pytest.raises(SchemaError, match=r"moveaxis\(signal, 2, 0\)"):
        make_stack(np.ones((3, 4, GRID.size)), GRID, quantity="optical_density")
    with pytest.raises(SchemaError, match="one spectral value per frame"):
        make_stack(np.ones((5, 4, 4)), GRID, quantity="optical_density")
