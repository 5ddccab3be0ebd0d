"""The statistical white line tests its own conditions; edges of public spectra (G-13)."""

import json

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.white_line_statistics import statistical_white_line
from socwidgets.model.errors import DataError
from socwidgets.model.mapset import notes_of
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status
from socwidgets.phantoms.spectra import EDGES

GRID = np.concatenate([np.arange(8280.0, 8331.0, 10.0), np.arange(8345.0, 8361.0, 1.0)])
CENTER = 8352.0


def raw_stack(rng, slope=0.0, slope_spread=0.0, noise=0.01, size=40, thin=0):
    """Optical density of LiNiO2 of thickness 0.5 to 1, on a straight background of each pixel."""
    thick = np.linspace(0.5, 1.0, size)[:, None] * np.ones(size)
    thick[:thin] = 0.0
    tilt = slope + slope_spread * rng.standard_normal((size, size))
    signal = EDGES["LiNiO2"](GRID)[:, None, None] * thick
    signal = signal + 0.3 + tilt * (GRID - 8333.0)[:, None, None]
    signal = signal + rng.normal(0, noise, signal.shape)
    stack = make_stack(signal, GRID, quantity="optical_density", pixel_um=0.04)
    stack["signal_std"] = xr.full_like(stack.signal, noise)
    return stack, thick


def test_a_flat_background_meets_the_conditions(rng):
    stack, _ = raw_stack(rng, slope=-2e-4)
    found = statistical_white_line(stack)
    assert found.attrs["conditions_met"] == 1
    assert found.attrs["verdict"] == "the conditions hold"
    assert found.attrs["accepted_fraction"] > 0.99
    assert found.attrs["white_line_center"] == CENTER
    # The volume average and the mean of the map agree, which is what the mode claims.
    mean = stack.isel(y=slice(0, 1), x=slice(0, 1)).copy(deep=True)
    mean["signal"][:, 0, 0] = stack.signal.mean(("y", "x"))
    whole = float(fit_map(mean.drop_vars("signal_std"), "white_line", center=CENTER)
                  .white_line_energy[0, 0])  # fmt: skip
    error = float(found.white_line_energy_std.mean()) / 40
    assert float(found.white_line_energy.mean()) == pytest.approx(whole, abs=4 * error)


def test_the_bias_that_is_told_is_the_bias_that_is_there(rng):
    """A slope of 2 to 4 % of the peak's height per eV moves the peak, and the verdict says so."""
    clean, _ = raw_stack(rng, noise=1e-5)
    tilted, _ = raw_stack(rng, slope=0.02, noise=1e-5)
    before = statistical_white_line(clean, baseline=(8280.0, 8330.0))
    assert "caveat" not in before.attrs
    with pytest.warns(UserWarning, match="Normalize first"):
        after = statistical_white_line(tilted, baseline=(8280.0, 8330.0))
    assert after.attrs["caveat"] in notes_of(after)
    moved = (after.white_line_energy - before.white_line_energy).values
    np.testing.assert_allclose(moved, after.background_bias.values, atol=0.02)
    assert after.attrs["bias_ev"] == pytest.approx(moved.mean(), rel=0.1)
    assert after.attrs["conditions_met"] == 0
    assert "moves the peak" in after.attrs["verdict"]
    assert "Normalize first" in after.attrs["verdict"]


def test_scatter_of_the_background_is_told_without_its_noise(rng):
    quiet, _ = raw_stack(rng, slope_spread=0.0, noise=0.02)
    assert statistical_white_line(quiet).attrs["bias_spread_ev"] < 0.02
    restless, thick = raw_stack(rng, slope_spread=0.01, noise=0.02)
    with pytest.warns(UserWarning, match="scatter"):
        found = statistical_white_line(restless, baseline=(8280.0, 8330.0))
    window = GRID[np.abs(GRID - CENTER) <= 2.0]
    curvature = -np.polyfit(window, EDGES["LiNiO2"](window), 2)[0] * thick
    expected = np.sqrt(np.average((0.01 / (2 * curvature)) ** 2, weights=curvature**2))
    assert found.attrs["bias_spread_ev"] == pytest.approx(expected, rel=0.2)
    assert found.attrs["conditions_met"] == 0
    assert "scatter" in found.attrs["verdict"]
    # Without a known noise the residual of the pre-edge tells it.
    own = statistical_white_line(quiet.drop_vars("signal_std"))
    np.testing.assert_allclose(
        (own.background_bias_std**2).mean(), (quiet_std(quiet) ** 2).mean(), rtol=0.1
    )


def quiet_std(stack):
    return statistical_white_line(stack).background_bias_std


def test_accepted_fraction_counts_only_pixels_that_were_asked(rng):
    stack, thick = raw_stack(rng, thin=10)
    found = statistical_white_line(stack)
    assert found.attrs["accepted_fraction"] == pytest.approx(0.75, abs=0.01)
    reasons = json.loads(found.attrs["rejected"])
    assert sum(reasons.values()) == pytest.approx(1 - found.attrs["accepted_fraction"])
    assert reasons["low_signal"] == pytest.approx(0.25, abs=0.02)
    sample = xr.DataArray(thick > 0, dims=("y", "x"))
    masked = statistical_white_line(stack, mask=sample)
    assert masked.attrs["accepted_fraction"] > 0.99
    assert (masked.status[:10] == Status.MASKED).all()


def test_two_lines_in_one_window_are_told(rng):
    grid = np.concatenate([np.arange(8280.0, 8331.0, 10.0), np.arange(8340.0, 8370.0, 1.0)])
    double = sum(np.exp(-(((grid - c) / 1.2) ** 2)) for c in (8350.0, 8354.0))
    signal = double[:, None, None] * np.ones((1, 3, 3)) + rng.normal(0, 1e-4, (grid.size, 3, 3))
    stack = make_stack(signal, grid, quantity="optical_density")
    found = statistical_white_line(stack, center=8352.0, half_width=5.0, peak_sigma=0.0)
    assert found.attrs["misfit"] > 0.1
    assert "not one simple line" in found.attrs["verdict"]


def test_what_cannot_be_tested_is_refused(rng):
    stack, _ = raw_stack(rng)
    late = stack.isel(energy=slice(4, None))
    with pytest.raises(DataError, match="too few points before the edge"):
        statistical_white_line(late)
    empty, _ = raw_stack(rng, thin=40)
    with pytest.raises(DataError, match="no pixel has a white line"):
        statistical_white_line(empty, center=CENTER, baseline=(8280.0, 8330.0))


def test_leading_dims_go_through(rng):
    one, _ = raw_stack(rng, size=8)
    two = xr.concat([one, one], "state", data_vars="all").assign_attrs(one.attrs)
    found = statistical_white_line(two)
    assert found.background_bias.dims == found.white_line_energy.dims
    np.testing.assert_allclose(found.background_bias[0], found.background_bias[1])


@pytest.mark.realdata
def test_golden_g13_the_slope_makes_a_shift_of_4_5_ev(shared_data):
    """NiO and LiNiO2: the largest slope moves by 4.5 eV, half height by 1.8 eV."""
    found = {}
    for name in ("NiO", "LiNiO2"):
        energies, mu = np.loadtxt(shared_data / "ni_k_references" / f"ref_{name}.txt").T
        order = np.argsort(energies)
        stack = make_stack(mu[order][:, None, None], energies[order] * 1e3, quantity="normalized")
        options = {"pre": (-60, -15), "post": (40, 300), "pre_degree": 0, "post_degree": 0}
        found[name] = fit_map(stack, "edge_energy", definition="all", e0=8340.0, **options)
    move = {q: float((found["LiNiO2"][q] - found["NiO"][q])[0, 0]) for q in found["NiO"].data_vars}
    assert move["half_energy"] == pytest.approx(1.76, abs=0.1)
    assert move["white_line_energy"] == pytest.approx(1.98, abs=0.3)
    assert move["derivative_energy"] == pytest.approx(4.5, abs=0.5)


#: Spectra that end 80 eV above the edge: a line would follow their wiggles.
SHORT = {"post": (50, 300), "post_degree": 0, "e0": 6545.0}


def library_spectrum(path):
    lines = path.read_text().splitlines()
    names = [line.split(":")[1].split()[0] for line in lines if line.startswith("# Column")]
    columns = dict(zip(names, np.loadtxt(path).T, strict=True))
    energies, first = np.unique(columns["energy"], return_index=True)
    mu = np.log(columns["i0"] / columns["itrans"])[first]
    return make_stack(mu[:, None, None], energies, quantity="optical_density")


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "half", "options"),
    [
        ("Mn/Mn3O4_rt_01", 6546.12, SHORT),
        ("Mn/MnO2_rt_01", 6551.63, SHORT),
        ("Fe/Fe3O4_rt_01", 7121.73, {}),
    ],
)
def test_half_heights_of_mixed_valence_oxides(shared_data, file, half, options):
    stack = library_spectrum(shared_data / "xas_library" / f"{file}.xdi")
    maps = fit_map(stack, "edge_energy", definition="half", jump_sigma=0.0, **options)
    assert float(maps.edge_energy[0, 0]) == pytest.approx(half, abs=0.1)


@pytest.mark.filterwarnings("ignore:.*no maximum inside the white-line window")
@pytest.mark.filterwarnings("ignore:noise is too large")
def test_a_scan_that_ends_on_the_rise_does_not_meet_the_conditions(rng):
    """A few pixels have a maximum by noise, and what they say about the rest is nothing."""
    stack, _ = raw_stack(rng, noise=0.05)
    with pytest.warns(UserWarning, match="of the pixels with signal have a maximum") as caught:
        found = statistical_white_line(stack.isel(energy=stack.energy <= 8349.0))
    assert found.attrs["accepted_fraction"] < 0.4
    assert found.attrs["conditions_met"] == 0
    assert any("around the white line" in str(w.message) for w in caught)
    # Pixels without sample are no argument against the others.
    thin, _ = raw_stack(rng, thin=30)
    found = statistical_white_line(thin)
    assert found.attrs["accepted_fraction"] < 0.4
    assert found.attrs["conditions_met"] == 1
