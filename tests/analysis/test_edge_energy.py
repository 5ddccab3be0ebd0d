"""Normalized stacks, edge-energy and white-line maps: truth recovered, golden and real spectra."""

import json
import warnings

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.edge_parameters import EdgeEnergyParameters
from socwidgets.analysis.edge_position import half_rise
from socwidgets.analysis.fit import fit_map, fit_spectrum, warm_up
from socwidgets.analysis.normalization import normalize
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.mapset import validate_maps
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status
from socwidgets.phantoms.spectra import EDGES

GRID = np.concatenate(
    [np.arange(8200, 8321, 10.0), np.arange(8330, 8360, 1.0), np.arange(8360, 8631, 10.0)]
)
SHAPE = (20, 24)
SHIFT = 1.5
FULL = {"e0": 8345.0, "half_width": 3.0}
DEFINITIONS = ("half", "half_wl", "integral", "centroid", "derivative", "white_line")


def shifted_stack(rng, noise=0.002, with_std=True):
    """Particles with an edge at two places 1.5 eV apart, thickness varying, empty border."""
    moved = np.zeros(SHAPE)
    moved[:, SHAPE[1] // 2 :] = SHIFT
    thick = rng.uniform(0.4, 1.2, SHAPE)
    thick[0] = 0.0
    model = {s: EDGES["LiNiO2"].shifted(s, "moved")(GRID) for s in (0.0, SHIFT)}
    edge = np.where(moved > 0, model[SHIFT][:, None, None], model[0.0][:, None, None])
    signal = thick * edge + 0.3 - 2e-4 * (GRID - 8345)[:, None, None]
    signal += rng.normal(0, noise, signal.shape)
    stack = make_stack(signal.astype(np.float32), GRID, quantity="optical_density", pixel_um=0.04)
    if with_std:
        stack["signal_std"] = xr.full_like(stack.signal, noise)
    return stack, moved, thick


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("with_std", [False, True])
def test_planted_shift_comes_back(rng, definition, with_std):
    stack, moved, thick = shifted_stack(rng, with_std=with_std)
    options = {"centroid": (-15, 25)} if definition == "centroid" else {}
    maps = fit_map(stack, "edge_energy", definition=definition, **FULL, **options)
    validate_maps(maps)
    assert maps.edge_energy.attrs["kind"] == "energy"
    assert maps.edge_energy.attrs["units"] == "eV"
    assert maps.attrs["definition"] == definition
    assert (maps.status[0] == Status.LOW_SIGNAL).all()
    # Of the thinnest pixels noise may hide which slope is the largest: the value is there.
    ok = (maps.status[1:] == Status.OK).values
    assert ok.mean() > 0.85 if definition == "derivative" else ok.all()
    np.testing.assert_array_equal(np.isfinite(maps.edge_energy_std.values[1:]), ok)
    found = maps.edge_energy.values[1:]
    shift = found[moved[1:] > 0].mean() - found[moved[1:] == 0].mean()
    # Grid-phase ripple of the linear interpolation; a fixed window sees less of a shift of an
    # asymmetric peak; the window of a centroid cuts the shifted edge elsewhere.
    tolerance = {"centroid": 1.0, "derivative": 0.3, "white_line": 0.2}.get(definition, 0.12)
    assert shift == pytest.approx(SHIFT, abs=tolerance)
    for side in (ok & (moved[1:] == 0), ok & (moved[1:] > 0)):
        pull = (found[side] - found[side].mean()) / maps.edge_energy_std.values[1:][side]
        # 228 values; without known noise they follow Student's t with 7 degrees of freedom.
        assert abs(pull.std() - 1) < (0.15 if with_std else 0.25)
    jump_pull = (maps.edge_jump.values[1:] / thick[1:]).std()
    assert jump_pull < 0.01


@pytest.mark.parametrize("with_std", [False, True])
def test_a_warm_kernel_is_not_compiled_again(rng, with_std):
    from socwidgets.kernels.edge import _edge

    warm_up(["edge_energy"])
    compiled = list(_edge.signatures)
    stack, *_ = shifted_stack(rng, with_std=with_std)
    fit_map(stack, "edge_energy", definition="all", **FULL)
    fit_map(stack, "white_line", center=8352.0)
    assert list(_edge.signatures) == compiled


def test_positions_are_continuous(rng):
    # In float32 a position at 8345 eV has steps of half a meV: 480 pixels would share values.
    stack, *_ = shifted_stack(rng)
    maps = fit_map(stack, "edge_energy", definition="half", **FULL)
    found = maps.edge_energy.values[1:].ravel()
    assert found.dtype == np.float64
    assert np.unique(found).size > 0.99 * found.size


def test_every_definition_is_continuous_in_the_position_of_the_edge(rng):
    """16,384 edges 0.1 meV apart: no plateau, no jump, no value twice (peers return 54 of them).

    In units of the planted step: 1 for what follows the edge, less for a centroid, whose window
    stays; a grid that is seen through makes the rest.
    """
    planted = np.linspace(0.0, SHIFT, 128 * 128).reshape(128, 128)
    exact = np.stack([EDGES["LiNiO2"](energy - planted) for energy in GRID])
    clean = make_stack(exact, GRID, quantity="optical_density")
    noisy = make_stack(exact + rng.normal(0, 0.02, exact.shape), GRID, quantity="optical_density")
    options = {"definition": "all", "jump_sigma": 0.0, **FULL}
    maps, rough = (fit_map(stack, "edge_energy", **options) for stack in (clean, noisy))
    names = [str(name) for name in maps if str(name).endswith("_energy")]
    assert len(names) == len(DEFINITIONS)
    for name in names:
        steps = np.diff(maps[name].values.ravel()) / (planted[0, 1] - planted[0, 0])
        low, high = (0.4, 0.6) if name == "centroid_energy" else (0.75, 1.6)
        assert low < steps.min(), name
        assert steps.max() < high, name
        found = rough[name].values[np.isfinite(rough[name].values)]
        assert np.unique(found).size > 0.98 * found.size, name


def test_all_definitions_in_one_pass_equal_single_ones(rng):
    stack, _, _ = shifted_stack(rng)
    every = fit_map(stack, "edge_energy", definition="all", **FULL)
    names = {"half": "half_energy", "half_wl": "half_wl_energy", "integral": "integral_energy",
             "centroid": "centroid_energy", "derivative": "derivative_energy",
             "white_line": "white_line_energy"}  # fmt: skip
    for definition, name in names.items():
        alone = fit_map(stack, "edge_energy", definition=definition, **FULL)
        np.testing.assert_allclose(alone.edge_energy, every[name], rtol=1e-6, err_msg=name)
    assert every.white_line_height.median() == pytest.approx(1.6, abs=0.05)


def test_same_numbers_for_any_threads_layout_and_laziness(rng):
    stack, _, _ = shifted_stack(rng)
    one = fit_map(stack, "edge_energy", definition="all", workers=1, **FULL)
    for other in (
        fit_map(stack, "edge_energy", definition="all", workers=3, block_pixels=64, **FULL),
        fit_map(stack.transpose("y", "x", "energy"), "edge_energy", definition="all", **FULL),
        fit_map(stack.chunk({"y": 7}), "edge_energy", definition="all", block_pixels=64, **FULL),
    ):
        xr.testing.assert_equal(one.drop_attrs(), other.drop_attrs())


def test_windows_and_center_are_found_once_and_recorded(rng):
    stack, _, _ = shifted_stack(rng)
    maps = fit_map(stack, "edge_energy", definition="white_line")
    assert 8342 < maps.attrs["e0"] < 8348
    assert maps.attrs["white_line_center"] in (8352.0, 8353.0)
    assert maps.attrs["white_line_grid"] == [
        maps.attrs["white_line_center"] + d for d in (-2, -1, 0, 1, 2)
    ]
    step = json.loads(maps.attrs["provenance"])[-1]["parameters"]
    assert step["center"] == maps.attrs["white_line_center"]
    assert 8342 < step["e0"] < 8348
    again = fit_map(stack, "edge_energy", **{k: v for k, v in step.items() if k != "method"})
    xr.testing.assert_equal(again.drop_attrs(), maps.drop_attrs())


def test_white_line_needs_no_normalization(rng):
    stack, moved, _ = shifted_stack(rng)
    maps = fit_map(stack, "white_line", half_width=3.0)
    assert set(maps.data_vars) == {
        "white_line_energy", "white_line_energy_std", "white_line_height", "white_line_height_std",
        "status",
    }  # fmt: skip
    found = maps.white_line_energy.values[1:]
    shift = found[moved[1:] > 0].mean() - found[moved[1:] == 0].mean()
    assert shift == pytest.approx(SHIFT, abs=0.2)
    assert (maps.status[0] == Status.LOW_SIGNAL).all()
    recentered = fit_map(stack, "white_line", half_width=3.0, recenter=True)
    assert recentered.attrs["white_line_recentered"]
    assert float(abs(recentered.white_line_energy - maps.white_line_energy).max()) < 0.5


def test_a_window_that_cuts_the_largest_shifts_says_so(rng):
    """Shifts of +-2.5 eV in a window of +-2 eV: a spread of 1.4 eV comes out as 1.0 eV."""
    grid = np.r_[
        np.arange(8240.0, 8330.0, 10), np.arange(8330.0, 8364.0), np.arange(8370, 8500, 10)
    ]
    shift = rng.uniform(-2.5, 2.5, 900)
    signal = EDGES["LiNiO2"](grid[:, None] - shift) + rng.normal(0, 0.005, (grid.size, 900))
    stack = make_stack(signal.reshape(-1, 30, 30), grid, quantity="optical_density")
    stack["signal_std"] = xr.full_like(stack.signal, 0.005)
    options = {"center": 8352.0, "half_width": 2.0}
    with pytest.warns(UserWarning, match="no maximum inside the white-line window"):
        fixed = fit_map(stack, "white_line", **options)
    assert "recenter=True" in fixed.attrs["window_doubt"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        follows = fit_map(stack, "white_line", recenter=True, **options)
    assert "window_doubt" not in follows.attrs
    assert float(follows.white_line_energy.std()) == pytest.approx(shift.std(), rel=0.02)
    assert float(fixed.white_line_energy.std()) < 0.8 * shift.std()
    with pytest.warns(UserWarning, match="no maximum inside"):
        fit_map(stack, "edge_energy", definition="white_line", e0=8344.0, **options)


def test_gaps_are_filled_by_the_points_that_are_there(rng):
    stack, _, _ = shifted_stack(rng, noise=1e-4)
    whole = fit_map(stack, "edge_energy", definition="all", **FULL)
    gapped = stack.copy(deep=True)
    gapped.signal[3, 5, 5] = np.nan  # pre-edge
    gapped.signal[60, 6, 6] = np.nan  # post-edge
    gapped.signal[35, 7, 7] = np.nan  # white line
    gapped.signal[:, 8, 8] = np.nan
    gapped.signal[:12, 9, 9] = np.nan
    maps = fit_map(gapped, "edge_energy", definition="all", **FULL)
    for y in (5, 6, 7):
        assert maps.status[y, y] == Status.OK
        for name in ("half_energy", "white_line_energy", "integral_energy"):
            assert float(abs(maps[name] - whole[name])[y, y]) < 0.1
    assert maps.status[8, 8] == Status.MASKED
    assert maps.status[9, 9] == Status.SINGULAR
    jump = fit_map(gapped, "pre_edge", e0=8345.0)
    assert float(abs(jump.edge_jump - whole.edge_jump)[5, 5]) < 1e-3
    assert jump.status[9, 9] == Status.SINGULAR


def test_saturated_and_out_of_range(rng):
    stack, _, _ = shifted_stack(rng)
    maps = fit_map(stack, "edge_energy", saturation=1.2, **FULL)
    saturated = stack.signal.max("energy").values >= 1.2
    assert saturated[1:].any()
    np.testing.assert_array_equal(maps.status.values[1:] == Status.SATURATED, saturated[1:])
    assert np.isfinite(maps.edge_energy.values[saturated]).all()
    late = fit_map(stack, "edge_energy", search=(5.0, 40.0), **FULL)
    assert (late.status[1:] == Status.OUT_OF_RANGE).all()
    assert np.isnan(late.edge_energy).all()


def test_fit_of_one_spectrum_equals_the_map(rng):
    stack, _, _ = shifted_stack(rng)
    for method, options in (
        ("edge_energy", {"definition": "half_wl", "center": 8352.0, **FULL}),
        ("white_line", {"center": 8352.0, "baseline": (8200.0, 8320.0)}),
        ("pre_edge", {"e0": 8345.0}),
    ):
        maps = fit_map(stack, method, **options)
        one = fit_spectrum(stack.signal[:, 4, 5], method, std=stack.signal_std[:, 4, 5], **options)
        results = json.loads(one.attrs["results"])
        assert one.attrs["status"] == "ok"
        for name, result in results.items():
            assert result["value"] == pytest.approx(float(maps[name][4, 5]), rel=1e-4, abs=1e-6)
        # Noise of 0.002: the fitted curves follow the data where they were fitted, but for the
        # asymmetry of the white line and the wiggles beyond the edge.
        rest = one.residual.values[np.isfinite(one.residual.values)]
        assert 0 < rest.size <= GRID.size
        assert np.median(np.abs(rest)) < 0.005


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"e0": 9000.0}, DataError, "E0 lies outside"),
        ({"pre": (-100, -120)}, ParameterError, "pre window is empty"),
        ({"pre": (-500, -300)}, DataError, "pre-edge window holds too few points"),
        ({"post": (280, 281)}, DataError, "post-edge window holds too few points"),
        ({"definition": "white_line", "half_width": 0.4}, DataError, "too few points"),
        ({"definition": "white_line", "center": 8800.0}, DataError, "no point near"),
        ({"definition": "midpoint"}, ParameterError, "half_wl"),
        ({"definition": "derivative", "search": (-2, 3)}, DataError, "derivative"),
        ({"derivative_points": 4}, ParameterError, "odd"),
        ({"serch": (0, 1)}, ParameterError, "search"),
    ],
)
def test_bad_parameters_are_named(rng, change, error, words):
    stack, _, _ = shifted_stack(rng)
    with pytest.raises(error, match=words):
        fit_map(stack, "edge_energy", **{"e0": 8345.0, **change})


def test_no_edge_at_all(rng):
    falling = np.linspace(1.0, 0.2, GRID.size)[:, None, None] * np.ones((1, 3, 3))
    with pytest.raises(DataError, match="never rises"):
        fit_map(make_stack(falling, GRID, quantity="optical_density"), "edge_energy")


def test_parameters_travel_as_text():
    given = EdgeEnergyParameters.from_mapping({"e0": "8345", "search": "-10,30"})
    assert given.search == (-10.0, 30.0)
    assert given.e0 == 8345.0


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("with_std", [False, True])
def test_normalized_stack(rng, flatten, with_std):
    stack, _, thick = shifted_stack(rng, with_std=with_std)
    before = stack.signal.copy(deep=True)
    result = normalize(stack, e0=8345.0, flatten=flatten)
    assert result.attrs["quantity"] == "normalized"
    xr.testing.assert_equal(stack.signal, before)
    inside = result.signal.values[:, 1:]
    assert np.abs(inside[:10]).max() < 0.05
    # Post-edge mean of 24 samples of 0.2 to 0.5 % noise, and the model's own wiggles.
    assert inside[-24:].mean(axis=0).std() < 0.01
    # Without flattening the slope of the post-edge stays in.
    assert inside[-24:].mean() == pytest.approx(1.0, abs=0.005 if flatten else 0.03)
    assert (result.status[1:] == Status.OK).all()
    np.testing.assert_allclose(result.edge_jump[1:] / thick[1:], 1.0, atol=0.05)
    if with_std:
        expected = 0.002 / result.edge_jump.values[1:]
        np.testing.assert_allclose(result.signal_std.values[5, 1:], expected, rtol=1e-5)


def test_normalized_lazily_and_in_place_are_the_same(rng):
    stack, _, _ = shifted_stack(rng)
    stack.signal[:, 3, 3] = np.nan
    eager = normalize(stack, e0=8345.0, post_degree=2)
    lazy = normalize(stack.chunk({"y": 7, "energy": 20}), e0=8345.0, post_degree=2)
    assert lazy.signal.chunks is not None
    # The empty first row has a jump of nothing but rounding.
    inside = slice(1, None)
    xr.testing.assert_allclose(
        lazy.compute().drop_attrs().isel(y=inside), eager.drop_attrs().isel(y=inside), atol=1e-5
    )
    assert eager.status[3, 3] == Status.MASKED
    series = xr.concat([stack, stack], "state", data_vars=["signal"])
    series.attrs = stack.attrs
    both = normalize(series.drop_vars("signal_std"), e0=8345.0, post_degree=2)
    xr.testing.assert_equal(both.signal.isel(state=1, drop=True), eager.signal)
    mine = stack.copy(deep=True)
    buffer = mine.signal.values
    normalize(mine, e0=8345.0, post_degree=2, in_place=True)
    np.testing.assert_allclose(buffer, eager.signal.values, rtol=1e-6, atol=1e-6)
    with pytest.raises(DataError, match="in place"):
        normalize(stack.chunk({"y": 7}), e0=8345.0, in_place=True)
    with pytest.raises(DataError, match="another quantity"):
        normalize(eager, e0=8345.0)


def test_edge_of_a_normalized_stack_is_that_of_the_raw_one(rng):
    stack, _, _ = shifted_stack(rng)
    raw = fit_map(stack, "edge_energy", **FULL)
    normalized = normalize(stack, e0=8345.0, flatten=False)
    again = fit_map(normalized.drop_vars("status"), "edge_energy", **FULL)
    np.testing.assert_allclose(again.edge_energy[1:], raw.edge_energy[1:], atol=5e-3)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "half", "integral", "white_line", "height"),
    [("NiO", 8340.05, 8340.32, 8347.76, 1.67), ("LiNiO2", 8341.81, 8342.26, 8349.74, 1.59)],
)
def test_golden_g13_nickel(shared_data, name, half, integral, white_line, height):
    """References of pyxas: keV, normalized already, so that constants are the right curves."""
    energies, mu = np.loadtxt(shared_data / "ni_k_references" / f"ref_{name}.txt").T
    order = np.argsort(energies)
    stack = make_stack(mu[order][:, None, None], energies[order] * 1e3, quantity="normalized")
    options = {"pre": (-60, -15), "post": (40, 300), "pre_degree": 0, "post_degree": 0}
    maps = fit_map(stack, "edge_energy", definition="all", e0=8340.0, **options)
    found = {key: float(maps[key][0, 0]) for key in maps.data_vars}
    assert found["half_energy"] == pytest.approx(half, abs=0.1)
    assert found["integral_energy"] == pytest.approx(integral, abs=0.1)
    assert found["white_line_energy"] == pytest.approx(white_line, abs=0.3)
    assert found["white_line_height"] == pytest.approx(height, abs=0.05)


def library_spectrum(path):
    """Absorption of an XDI file of the XAS Data Library, transmission."""
    names = [
        line.split(":")[1].split()[0]
        for line in path.read_text().splitlines()
        if line.startswith("# Column")
    ]
    columns = dict(zip(names, np.loadtxt(path).T, strict=True))
    energies, first = np.unique(columns["energy"], return_index=True)
    mu = np.log(columns["i0"] / columns["itrans"])[first]
    return make_stack(mu[:, None, None], energies, quantity="optical_density")


#: Scans from 25 to 85 eV about the edge. By the plain call they are Larch's (test_short_scans.py:
#: 6544.07, 6548.97, 6551.63); one rule gives G-13's three, with E0 at half of the rise.
SHORT = {"pre": (-100, -5), "post": (30, 70), "post_degree": 1}


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "half", "white_line", "options"),
    [
        ("Mn/MnO_rt_01", 6544.0, None, SHORT),
        ("Mn/Mn2O3_rt_01", 6548.8, None, SHORT),
        ("Mn/MnO2_rt_01", 6551.8, None, SHORT),
        ("Fe/FeO_rt_01", 7119.3, 7128.3, {}),
        ("Fe/Fe2O3_rt_01", 7123.05, 7132.3, {}),
        ("Fe/Hansel2001_vivianite_xanes_001", 7119.3, 7126.5, {}),
        ("Fe/Hansel2001_2lineFerrihydrite_xanes_001", 7122.5, 7132.0, {}),
    ],
)
def test_golden_g13_library(shared_data, file, half, white_line, options):
    stack = library_spectrum(shared_data / "xas_library" / f"{file}.xdi")
    if options is SHORT:
        e0 = half_rise(stack.energy.values, stack.signal.values[:, 0, 0])
        options = {"e0": e0, **SHORT}
    maps = fit_map(stack, "edge_energy", definition="all", jump_sigma=0.0, **options)
    assert float(maps.half_energy[0, 0]) == pytest.approx(half, abs=0.1)
    if white_line is not None:
        assert float(maps.white_line_energy[0, 0]) == pytest.approx(white_line, abs=0.3)
