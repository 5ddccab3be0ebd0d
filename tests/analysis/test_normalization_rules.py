"""Normalization against Larch, by MBACK, on measured oxides, and on scans that miss a side."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.larch_rules import larch_defaults
from socwidgets.analysis.mback import MbackParameters, normalize_mback, tabulated_absorption
from socwidgets.analysis.normalization import normalize
from socwidgets.analysis.registration import register
from socwidgets.analysis.scan_alignment import find_e0
from socwidgets.io import open_references
from socwidgets.kernels.normalization_plan import window_rows
from socwidgets.kernels.normalization_reference import normalize_one
from socwidgets.model.errors import DataError, ParameterError, SchemaError
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status

GRID = np.concatenate(
    [np.arange(8200.0, 8330.0, 10), np.arange(8330.0, 8356.0), np.arange(8360.0, 8631.0, 10)]
)
LONG = np.concatenate(
    [np.arange(8100.0, 8320.0, 5.0), np.arange(8320.0, 8360.0, 0.5), np.arange(8360.0, 9200.0, 3.0)]
)


def mu(energies):
    """An edge with a white line on a falling background."""
    step = 0.5 + np.arctan((energies - 8344.3) / 1.8) / np.pi
    line = 0.6 * np.exp(-0.5 * ((energies - 8352.2) / 2.3) ** 2)
    beyond = 1 - 2e-4 * np.maximum(energies - 8333, 0)
    return 0.4 - 2e-4 * (energies - 8333) + 0.8 * (step + line) * beyond


#: Grid, E0, changes of the defaults, rows; then edge step, norm and flat of xraylarch 2026.3.1.
LARCH = [
    (GRID, 8344.0, {}, [5, 20, 30, 40, 50, 66], 0.775975255,
     [-0.00020276, 0.068138799, 0.871870847, 0.987651936, 0.979875732, 0.940928328],
     [-0.00020276, 0.068138799, 0.872438225, 0.992569216, 1.00370563, 0.995018414]),
    (GRID, 8344.0, {"pre": (-120, -30), "post": (50, 250), "post_degree": 2},
     [5, 20, 30, 40, 50, 66], 0.772147949,
     [-0.000535297, 0.064070002, 0.871317516, 0.986595196, 0.974096529, 0.927461804],
     [-0.000535297, 0.064070002, 0.871799522, 0.990993386, 1.000063207, 1.003298286]),
    (GRID, 8333.0, {"nvict": 2}, [5, 20, 30, 40, 50, 66], 0.807002121,
     [-2.6659e-05, 0.065726673, 0.838523677, 0.949745891, 0.941334703, 0.900883706],
     [-2.6659e-05, 0.06721589, 0.843735936, 0.963521147, 0.992340381, 1.01145806]),
    (GRID, 8344.0, {"post_degree": 0}, [5, 20, 30, 40, 50, 66], 0.754548699,
     [-0.000208518, 0.070073704, 0.896628943, 1.015697812, 1.007700791, 0.967647416],
     [-0.000208518, 0.070073704, 0.896628943, 1.015697812, 1.007700791, 0.967647416]),
    (LONG, 8344.0, {}, [50, 100, 150, 300], 0.784503031, None,
     [0.021051696, 0.979272761, 1.001452561, 0.998994617]),
    (GRID[10:42], 8344.0, {}, [2, 8, 14, 20, 26, 31], 0.8821362165,
     [0.00197091, 0.032393453, 0.119786189, 0.751715201, 1.327893334, 0.850982237],
     [0.00197091, 0.032393453, 0.119786189, 0.751715201, 1.327893334, 0.850982237]),
]  # fmt: skip


def one_pixel(energies, values):
    return make_stack(values[:, None, None], energies, quantity="optical_density")


@pytest.mark.parametrize(("axis", "e0", "changes", "rows", "step", "norm", "flat"), LARCH)
def test_equal_to_larch_with_its_own_defaults(axis, e0, changes, rows, step, norm, flat):
    """Oracle numbers of xraylarch 2026.3.1 (its code, not its documentation)."""
    chosen = larch_defaults(axis, e0).replace(**changes)
    stack = one_pixel(axis, mu(axis))
    found = normalize(stack, chosen)
    assert float(found.edge_jump[0, 0]) == pytest.approx(step, abs=1e-8)
    assert found.signal.values[rows, 0, 0] == pytest.approx(flat, abs=1e-6)
    if norm is not None:
        raw = normalize(stack, chosen, flatten=False).signal.values[rows, 0, 0]
        assert raw == pytest.approx(norm, abs=1e-6)


def test_larchs_rules_in_numbers():
    chosen = larch_defaults(GRID, 8344.0)
    assert (chosen.pre, chosen.post) == ((-134.0 - 1.0, -67.5), (25.0, 285.0))
    assert larch_defaults(GRID, 8333.0).pre == (-124.0, -62.0)
    assert larch_defaults(LONG, 8344.0).post_degree == 2
    with pytest.raises(DataError, match="both sides"):
        larch_defaults(GRID, 8200.0)


def test_whole_stack_equals_one_spectrum(rng):
    """The compiled core against polyfit, pixel by pixel."""
    scale = rng.uniform(0.3, 2.0, (1, 6, 7))
    values = mu(GRID)[:, None, None] * scale + rng.normal(0, 0.01, (GRID.size, 6, 7))
    found = normalize(make_stack(values, GRID, quantity="optical_density"), e0=8343.6)
    pre = window_rows(GRID, 8343.6 - 100, 8343.6 - 20)
    post = window_rows(GRID, 8343.6 + 40, np.inf)
    for y, x in np.ndindex(6, 7):
        alone = normalize_one(GRID, values[:, y, x], 8343.6, pre, post)
        assert found.signal.values[:, y, x] == pytest.approx(alone["flat"], abs=1e-6)
        assert float(found.edge_jump[y, x]) == pytest.approx(alone["jump"], abs=1e-6)


HALF = {
    "MnO": 6544.07, "Mn3O4": 6546.12, "Mn2O3": 6548.97, "MnO2": 6551.63,
    "FeO": 7119.28, "Fe3O4": 7121.73, "Fe2O3": 7123.05,
}  # fmt: skip


@pytest.mark.realdata
@pytest.mark.parametrize("name", sorted(HALF))
def test_half_height_edges_of_measured_oxides(shared_data, name):
    folder = shared_data / "xas_library" / name[:2]
    files = sorted(p for p in folder.iterdir() if p.stem.lower().split("_")[0] == name.lower())
    if not files:
        pytest.skip(f"no {name} in the library")
    spectrum = open_references({name: files[0]}).isel(component=0)
    # The golden numbers are of Larch's automatic E0, the largest slope of each spectrum, and of its
    # default windows: they hang on E0 (Mn2O3, see below).
    e0 = find_e0(spectrum, strong=1.0)
    assert half_height(spectrum, e0) == pytest.approx(HALF[name], abs=0.1)


def half_height(spectrum, e0):
    energies, values = spectrum.energy.values, spectrum.values.astype(float)
    norm = normalize(one_pixel(energies, values), larch_defaults(energies, e0))
    norm = norm.signal.values[:, 0, 0]
    first = int(np.argmax((norm > 0.5) & (energies > energies[0] + 10.0)))
    part = (0.5 - norm[first - 1]) / (norm[first] - norm[first - 1])
    return energies[first - 1] + part * (energies[first] - energies[first - 1])


@pytest.mark.realdata
def test_a_short_scan_lets_e0_move_the_half_height(shared_data):
    """Mn2O3 rises by 0.05 per eV there, and its scan ends 80 eV beyond the edge."""
    path = shared_data / "xas_library" / "Mn" / "Mn2O3_rt_01.xdi"
    spectrum = open_references({"Mn2O3": path}).isel(component=0)
    # What xraylarch 2026.3.1 gives with its own E0 (6552.7 eV) and with one at half height.
    for e0, expected in ((find_e0(spectrum, strong=1.0), 6548.975), (6548.97, 6549.224)):
        assert half_height(spectrum, e0) == pytest.approx(expected, abs=1e-3)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("e0", "step"),
    [(6548.97, 0.5380037330680328), (6548.5, 0.535405533201267), (6549.3, 0.5341187286134581)],
)
def test_e0_between_grid_points_as_larch_takes_it(shared_data, e0, step):
    """Larch's windows count from E0 itself; only the step is read at the nearest point."""
    path = shared_data / "xas_library" / "Mn" / "Mn2O3_rt_01.xdi"
    spectrum = open_references({"Mn2O3": path}).isel(component=0)
    energies = spectrum.energy.values
    stack = one_pixel(energies, spectrum.values.astype(float))
    found = normalize(stack, larch_defaults(energies, e0))
    assert float(found.edge_jump[0, 0]) == pytest.approx(step, abs=1e-8)


def table(energies):
    """A step with the slopes of an atom, as tables have it."""
    fall = (energies / 8343.0) ** -2.8
    return np.where(energies < 8343.0, 38.0 * fall, 290.0 * fall)


def test_mback_recovers_thickness_and_shape(rng):
    short = GRID[(GRID > 8240) & (GRID < 8440)]
    shape = 0.5 + np.arctan((short - 8343.0) / 0.4) / np.pi
    line = 0.6 * np.exp(-0.5 * ((short - 8350.0) / 2.0) ** 2)
    fall = (short / 8343.0) ** -2.8
    thickness = rng.uniform(0.5, 2.0, (5, 6))
    truth = (38.0 * fall + 252.0 * fall * (shape + line)) / 252.0
    tilt = rng.normal(0, 1e-3, (1, 5, 6)) * (short - 8343.0)[:, None, None]
    values = thickness * truth[:, None, None] + 0.3 + tilt
    stack = make_stack(values, short, quantity="optical_density")
    found = normalize_mback(stack, table(short), e0=8343.0)
    # The arctangent's tails reach into the windows, which no step function has.
    assert found.edge_jump.values == pytest.approx(thickness, rel=0.02)
    top = found.signal.max("energy").values
    assert top == pytest.approx(float((shape + line).max()), abs=0.05)
    assert np.ptp(top) < 0.01
    assert found.attrs["quantity"] == "normalized"
    assert (found.status == Status.OK).all()


def test_mback_noise_and_missing_pixels(rng):
    values = np.broadcast_to(mu(GRID)[:, None, None], (GRID.size, 20, 20)).copy()
    values += rng.normal(0, 0.02, values.shape)
    values[:, 0, 0] = -values[:, 0, 0]
    values[3, 1, 1] = np.nan
    stack = make_stack(values, GRID, quantity="optical_density")
    stack["signal_std"] = xr.full_like(stack.signal, 0.02).assign_attrs(stack.signal.attrs)
    found = normalize_mback(stack, table(GRID), e0=8344.0)
    assert int(found.status[0, 0]) == Status.LOW_SIGNAL
    assert int(found.status[1, 1]) == Status.MASKED
    assert np.isnan(found.signal.values[:, 0, 0]).all()
    rows = slice(15, 35)
    spread = found.signal.isel(energy=rows).where(found.status == 0).std(("y", "x"))
    ratio = spread / found.signal_std.isel(energy=rows).where(found.status == 0).mean(("y", "x"))
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.1)


def test_mback_bad_input():
    stack = one_pixel(GRID, mu(GRID))
    with pytest.raises(DataError, match="table does not fit"):
        normalize_mback(stack, table(GRID)[:-1])
    with pytest.raises(DataError, match="does not step up"):
        normalize_mback(stack, -table(GRID), e0=8344.0)
    edge = stack.sel(energy=slice(8335, 8355))
    with pytest.raises(DataError, match="too few energies"):
        normalize_mback(edge, table(edge.energy.values), MbackParameters(e0=8344.0))
    with pytest.raises((ParameterError, DataError)):
        tabulated_absorption("Ni", np.arange(7000.0, 7100.0))


def near(low, high):
    axis = GRID[(low <= GRID) & (high >= GRID)]
    return one_pixel(axis, mu(axis))


def test_a_scan_that_misses_a_side_names_what_still_works():
    with pytest.raises(DataError, match="pre-edge window") as caught:
        normalize(near(8340, 8630), e0=8344.0)
    assert "white_line" in str(caught.value)
    assert "lcf" in str(caught.value)
    with pytest.raises(DataError, match="post-edge window") as caught:
        normalize(near(8200, 8360), e0=8344.0)
    assert "normalize_mback" in str(caught.value)
    # What the message names does work.
    short = near(8340, 8360)
    found = fit_map(short, "white_line")
    assert float(found["white_line_energy"][0, 0]) == pytest.approx(8352.0, abs=1.0)


def test_two_energies_are_refused_for_what_they_cannot_do():
    two = one_pixel(GRID[[20, 30]], mu(GRID)[[20, 30]])
    with pytest.raises(DataError, match="holds too few points") as caught:
        normalize(two)
    assert "lcf" in str(caught.value)
    with pytest.raises(DataError, match="outside the measured energies"):
        normalize(two, e0=8.344)


def test_swapped_axes_say_how_to_turn_them():
    with pytest.raises(SchemaError, match="spectral axis comes first"):
        make_stack(np.ones((20, 30, GRID.size)), GRID)


def test_drift_larger_than_the_field_is_refused(rng):
    scene = rng.normal(0, 1, (400, 60)).cumsum(axis=0)
    frames = [scene[i * 40 : i * 40 + 60] for i in range(8)]
    stack = make_stack(np.stack(frames), GRID[:8], quantity="optical_density")
    with pytest.raises(DataError):
        register(stack, reference="first")


@pytest.mark.parametrize(
    ("jump", "covered", "says"),
    [(0.0, 1.0, True), (0.002, 1.0, False), (0.8, 1.0, False), (0.8, 0.002, False)],
)
def test_noise_without_an_edge_is_told_and_a_dilute_edge_is_none(rng, recwarn, jump, covered, says):
    """A mean jump of four standard errors (0.0005) is an edge, as are three pixels of 1600."""
    spectrum = 0.3 * (GRID / 8333.0) ** -3
    seen = np.arange(1600).reshape(40, 40) < 1600 * covered
    edge = jump * (0.5 + np.arctan((GRID - 8344.3) / 1.8) / np.pi)
    signal = spectrum[:, None, None] + edge[:, None, None] * seen
    signal = signal + rng.normal(0, 0.02, signal.shape)
    normalize(make_stack(signal, GRID, quantity="optical_density"), e0=8344.0)
    told = [str(w.message) for w in recwarn if "no edge is seen" in str(w.message)]
    assert bool(told) is says
    if says:
        assert "± 0.0005" in told[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lazy", [False, True])
def test_what_rounding_leaves_of_a_constant_spectrum_is_no_jump(rng, dtype, lazy):
    energies = np.sort(rng.uniform(8200, 8600, 90))
    levels = rng.uniform(0.1, 3.0, (1, 20, 20))
    signal = np.broadcast_to(levels, (90, 20, 20)).astype(dtype).copy()
    signal[:, 0, 0] += 1e-4 * (energies > 8350)
    stack = make_stack(signal, energies, quantity="optical_density")
    if lazy:
        pytest.importorskip("dask.array")
        stack = stack.chunk({"y": 7})
    found = normalize(stack, e0=8350.0, pre=(-140.0, -20.0), post=(50.0, 240.0))
    assert int(found.status[0, 0]) == Status.OK
    assert (found.status.values.ravel()[1:] == Status.LOW_SIGNAL).all()
    assert np.isnan(found.signal.values.reshape(90, -1)[:, 1:]).all()
