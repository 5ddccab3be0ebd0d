"""Edge and white-line kernel: equal to the plain twin, calibrated sigma, status, golden numbers."""

import numpy as np
import pytest
from compiled_call import through_door

from socwidgets.kernels import edge as kernel
from socwidgets.kernels import edge_output as output
from socwidgets.kernels.edge_crossings import find_crossings
from socwidgets.kernels.edge_plan import make_plan, without_normalization
from socwidgets.kernels.edge_reference import edge_one, noisy_crossing, uncertainties
from socwidgets.kernels.edge_scan import first_crossings
from socwidgets.kernels.edge_tables import QUANTITIES, level_table
from socwidgets.kernels.normalization_plan import make_plan as normalization_plan
from socwidgets.kernels.normalization_plan import window_rows
from socwidgets.phantoms.spectra import EDGES

GRID = np.concatenate(
    [np.arange(8200, 8321, 10.0), np.arange(8330, 8356, 1.0), np.arange(8360, 8631, 10.0)]
)
E0 = 8345.0
#: White-line window halfway between the lines of Ni2+ and Ni3+.
WINDOW = np.array([int(np.argmin(np.abs(GRID - 8351.0)))])
EVERYTHING = np.arange(output.RESULT_ROWS)
ENERGIES = [name for name in QUANTITIES if name.endswith("energy")]


def setting(energies=GRID, *, centers=None, **options):
    """Windows of a full-field scan, as arguments of both the kernel's plan and of the twin."""
    at = np.array([np.argmin(np.abs(energies - 8352.0))]) if centers is None else centers
    return {
        "search": window_rows(energies, 8322, 8385),
        "white_line": at,
        "half_width": 3.0,
        "centroid": window_rows(energies, 8330, 8380),
        "derivative_points": 5,
        **options,
    }


def windows(energies):
    return window_rows(energies, 8190, 8325), window_rows(energies, 8385, np.inf)


def plan_for(energies=GRID, **options):
    return make_plan(
        energies,
        normalization_plan(energies, E0, *windows(energies)),
        **setting(energies, **options),
    )


def run(plan, signal, std=None, rows=EVERYTHING, **options):
    out = np.full((output.RESULT_ROWS, signal.shape[1]), -7.0)
    status = np.full(signal.shape[1], 99, np.uint8)
    kernel.edge_block(plan, signal, std, 0, signal.shape[1], out, status, rows=rows, **options)
    return out, status


def value_of(out, name):
    return out[2 * QUANTITIES.index(name)]


def std_of(out, name):
    return out[2 * QUANTITIES.index(name) + 1]


def clean(energies=GRID, name="LiNiO2"):
    return 0.4 - 2e-4 * (energies - 8333) + 0.8 * EDGES[name](energies)


def spectra(rng, pixels, noise, energies=GRID):
    mixed = rng.uniform(0, 1, pixels)
    both = [EDGES[name](energies)[:, None] for name in ("NiO", "LiNiO2")]
    thick = rng.uniform(0.5, 1.5, pixels) * (mixed * both[0] + (1 - mixed) * both[1])
    line = rng.normal(0.4, 0.2, pixels) + rng.normal(0, 2e-4, pixels) * (energies - E0)[:, None]
    return thick + line + rng.normal(0, noise, (energies.size, pixels))


def jittered(rng):
    """A grid that is uniform nowhere, and dense to beyond the white line."""
    wide = np.concatenate([GRID[GRID < 8330], np.arange(8330, 8364, 1.0), GRID[GRID > 8365]])
    return np.sort(wide + rng.uniform(-0.3, 0.3, wide.size))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("degree", [2, 3, 4])
@pytest.mark.parametrize("recenter", [False, True])
def test_values_equal_the_twin(rng, dtype, degree, recenter):
    energies = jittered(rng)
    centers = window_rows(energies, 8344, 8358) if recenter else None
    signal = spectra(rng, 40, 0.003, energies).astype(dtype)
    out, status = run(plan_for(energies, centers=centers, degree=degree), signal)
    options = setting(energies, centers=centers)
    # float32 samples near 1 are 1e-7 wide; slopes of 0.05/eV make that 1e-5 eV.
    limit = 1e-7 if dtype == np.float64 else 2e-4
    for pixel in range(signal.shape[1]):
        twin = edge_one(
            energies, signal[:, pixel].astype(float), E0, *windows(energies), **options,
            degree=degree,
        )  # fmt: skip
        for name in QUANTITIES:
            found = value_of(out, name)[pixel]
            np.testing.assert_allclose(found, twin[name], rtol=0, atol=limit, err_msg=name)
        if np.isfinite(list(twin.values())).all():
            assert status[pixel] == output.OK
    assert np.mean(status == output.OK) > 0.5


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.06])
def test_noisy_crossings_equal_the_twin(rng, noise):
    """A level that needs no normalization, so that the twin's sigma is all there is."""
    energies = jittered(rng)
    at = window_rows(energies, 8330, 8366)
    signal = EDGES["LiNiO2"](energies)[:, None] + rng.normal(0, noise, (energies.size, 200))
    x = energies[at] - E0
    n = signal.shape[1]
    work, unsure = np.empty((8, n)), np.empty(n)
    level, index = np.full(n, 0.5), np.empty(n)
    staged = np.ascontiguousarray(signal[at])
    through_door(first_crossings)(staged, n, (0, at.size), level, index)
    through_door(find_crossings)(
        staged, staged, False, np.full(n, noise**2), x, n, (0, at.size),
        level_table(x, np.arange(at.size)), index, level, work, unsure,
    )  # fmt: skip
    position, part, slope = work[:3]
    sigma = np.sqrt((1 - part) ** 2 * work[3] + part**2 * work[4]) / slope
    twin = np.array([noisy_crossing(x, z, 0.5, noise) for z in signal[at].T])
    np.testing.assert_allclose(position, twin[:, 0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(sigma, twin[:, 1], rtol=1e-9)
    np.testing.assert_array_equal(unsure != 0, np.isnan(twin[:, 1]))
    assert np.isfinite(sigma).mean() > 0.9


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("recenter", [False, True])
def test_sigma_equals_moving_every_sample(rng, degree, recenter):
    energies = jittered(rng)
    centers = window_rows(energies, 8344, 8358) if recenter else None
    signal = spectra(rng, 6, 0.0, energies)
    std = rng.uniform(1e-4, 3e-4, signal.shape)
    out, status = run(plan_for(energies, centers=centers, degree=degree), signal, std)
    options = setting(energies, centers=centers)
    for pixel in np.flatnonzero(status == output.OK):
        expected = uncertainties(
            lambda mu: edge_one(energies, mu, E0, *windows(energies), **options, degree=degree),
            signal[:, pixel],
            std[:, pixel],
        )
        for name in QUANTITIES:
            found = std_of(out, name)[pixel]
            # Samples shared by two windows count as independent, which costs up to a percent.
            assert found == pytest.approx(expected[name], rel=0.02), name
    assert (status == output.OK).sum() >= 3


def test_sigma_without_known_noise_is_that_of_the_residual(rng):
    """With the standard deviation of a pixel's residual as known noise, the answer is the same."""
    plan = plan_for()
    signal = spectra(rng, 50, 0.004)
    alone, _ = run(plan, signal)
    student = np.sqrt(plan.freedom / (plan.freedom - 2))
    std = np.broadcast_to(alone[output.NOISE] * student, signal.shape).copy()
    known, _ = run(plan, signal, std)
    np.testing.assert_allclose(alone[: output.NOISE], known[: output.NOISE], rtol=1e-9)
    slope, level = np.polyfit(GRID[windows(GRID)[0]], signal[windows(GRID)[0], 0], 1)
    rest = signal[windows(GRID)[0], 0] - level - slope * GRID[windows(GRID)[0]]
    expected = np.sqrt(np.sum(rest**2) / (rest.size - 2))
    assert alone[output.NOISE, 0] == pytest.approx(expected, rel=1e-6)


def mixtures(rng, pixels):
    """Clean spectra of pixels that are something between Ni2+ and Ni3+, jump 1."""
    mixed = rng.uniform(0, 1, pixels)
    two, three = (EDGES[name](GRID)[:, None] for name in ("NiO", "LiNiO2"))
    return 0.4 - 2e-4 * (GRID - E0)[:, None] + mixed * two + (1 - mixed) * three


def pulls(plan, clean, signal, std):
    """Pulls of every quantity of the pixels that report an uncertainty, and their share."""
    truth, _ = run(plan, clean)
    out, _ = run(plan, signal, std)
    result = {}
    for name in QUANTITIES:
        pull = (value_of(out, name) - value_of(truth, name)) / std_of(out, name)
        seen = np.isfinite(pull)
        result[name] = pull[seen], seen.mean()
    return result


def assert_standard_normal(found):
    """The derivative may report few uncertainties: two slopes of these mixtures are nearly alike.

    Where it reports them for less than a quarter of the pixels these are a selection, of which
    the spread is right but not the mean.
    """
    for name, (pull, share) in found.items():
        assert share > 0.95 or name == "derivative_energy", name
        if share > 0.25:
            assert 0.9 < pull.std() < 1.1, (name, pull.std())
            assert abs(pull.mean()) < 0.1, (name, pull.mean())


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("known_noise", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pulls_are_standard_normal(rng, noise, known_noise, dtype):
    """Noise of 0.5, 2 and 5 % of the jump, over all definitions."""
    exact = mixtures(rng, 8000)
    signal = (exact + rng.normal(0, noise, exact.shape)).astype(dtype)
    std = np.full_like(signal, noise) if known_noise else None
    found = pulls(plan_for(centers=WINDOW, derivative_points=9), exact, signal, std)
    assert_standard_normal(found)


@pytest.mark.parametrize("photons", [20000.0, 2000.0])
def test_pulls_with_counting_noise(rng, photons):
    """Optical density from counts: noise grows with the density, 1 to 6 % of the jump."""
    exact = mixtures(rng, 8000)
    counts = rng.poisson(photons * np.exp(-exact))
    signal = -np.log(counts / photons).astype(np.float32)
    std = (1.0 / np.sqrt(counts)).astype(np.float32)
    # Uncertainty and value come from the same counts; -log of a Poisson number is biased by half
    # its variance, which moves levels, not energies.
    found = pulls(plan_for(centers=WINDOW, derivative_points=9), exact, signal, std)
    assert_standard_normal(found)


def test_no_uncertainty_where_noise_is_too_large(rng):
    """The slope at half height is lost at 20 % of noise; the value stays, and the status tells."""
    exact = mixtures(rng, 500)
    signal = exact + rng.normal(0, 0.2, exact.shape)
    rows = np.full(output.RESULT_ROWS, -1)
    rows[6:8] = 6, 7
    out, status = run(plan_for(), signal, np.full_like(signal, 0.2), rows=rows)
    unsure = np.isfinite(value_of(out, "half_energy")) & np.isnan(std_of(out, "half_energy"))
    assert unsure.mean() > 0.5
    assert (status[unsure] == output.AT_BOUND).all()
    assert (status[np.isfinite(std_of(out, "half_energy"))] == output.OK).all()


def test_two_slopes_alike_have_no_uncertainty():
    """The status tells it where the largest slope is all that is wanted."""
    energies = np.arange(8200.0, 8631.0)
    first, second = (0.5 * (1 + np.tanh((energies - c) / 3)) for c in (8335.0, 8360.0))
    plan = plan_for(energies)
    alone = np.full(output.RESULT_ROWS, -1)
    alone[14:16] = 14, 15
    for height, noise, sure in ((1.0, 1e-4, False), (1.2, 1e-4, True), (1.2, 0.05, False)):
        signal = (first + height * second)[:, None]
        std = np.full_like(signal, noise)
        out, status = run(plan, signal, std, rows=alone)
        assert np.isfinite(std_of(out, "derivative_energy")[0]) == sure
        assert status[0] == (output.OK if sure else output.AT_BOUND)
        with_jump = np.where(np.arange(output.RESULT_ROWS) < 2, np.arange(output.RESULT_ROWS), -1)
        _, status = run(plan, signal, std, rows=np.maximum(alone, with_jump))
        assert status[0] == (output.OK if sure else output.AT_BOUND)
        with_centroid = alone.copy()
        with_centroid[12] = 12
        _, status = run(plan, signal, std, rows=with_centroid)
        assert status[0] == output.OK


@pytest.mark.parametrize("known_noise", [False, True])
def test_status_of_every_kind_of_bad_pixel(rng, known_noise):
    signal = spectra(rng, 9, 0.003).astype(np.float32)
    signal[:, :] = clean()[:, None] + rng.normal(0, 0.003, signal.shape)
    between = int(np.argmin(np.abs(GRID - 8340)))
    signal[:, 0] = np.nan
    signal[between, 1] = np.nan
    signal[-1, 2] = np.inf
    signal[:, 3] = 0.0
    signal[:, 4] = 0.4 + rng.normal(0, 0.01, GRID.size)
    signal[:, 5] = np.minimum(signal[:, 5], 1.2)
    # A peak that is not in the window: the spectrum of an edge 10 eV higher.
    signal[:, 6] = np.interp(GRID - 10, GRID, signal[:, 6])
    # A level that is passed before the search begins.
    first = int(np.argmin(np.abs(GRID - 8330)))
    signal[first - 1 : first + 1, 7] += 1.0
    signal[first:, 7] = np.maximum(signal[first:, 7], 1.2)
    std = np.full_like(signal, 0.003) if known_noise else None
    out, status = run(plan_for(), signal, std, signal_sigma=5.0, min_signal=0.05, saturation=1.19)
    assert (status[:3] == output.MISSING).all()
    assert (status[3:5] == output.LOW_SIGNAL).all()
    assert np.isnan(out[: output.NOISE, :3]).all()
    assert np.isnan(out[2 : output.NOISE, 3:5]).all()
    assert np.isfinite(out[0, 3:5]).all()
    assert status[5] == output.SATURATED
    free, unsaturated = run(plan_for(), signal, std)
    assert unsaturated[6] == output.AT_BOUND
    assert np.isnan(value_of(free, "white_line_energy")[6])
    assert np.isfinite(value_of(free, "half_energy")[6])
    assert unsaturated[8] == output.OK


def test_level_that_is_not_crossed():
    spectrum = clean()[:, None].copy()
    rows = np.full(output.RESULT_ROWS, -1)
    rows[6:8] = 0, 1
    plan = make_plan(
        GRID,
        normalization_plan(GRID, E0, *windows(GRID)),
        **{**setting(), "search": window_rows(GRID, 8347, 8385)},
    )
    out, status = run(plan, spectrum, rows=rows)
    assert status[0] == output.OUT_OF_RANGE
    assert np.isnan(out[0, 0])
    assert (out[2:] == -7).all()


def test_block_limits_and_wanted_rows(rng):
    plan, signal = plan_for(), spectra(rng, 1500, 0.003).astype(np.float32)
    whole, codes = run(plan, signal)
    out, status = np.full_like(whole, -7.0), np.full(1500, 99, np.uint8)
    kernel.edge_block(plan, signal, None, 100, 1300, out, status, rows=EVERYTHING)
    np.testing.assert_array_equal(out[:, 100:1300], whole[:, 100:1300])
    np.testing.assert_array_equal(status[100:1300], codes[100:1300])
    assert (out[:, :100] == -7).all()
    assert (out[:, 1300:] == -7).all()
    assert (status[1300:] == 99).all()
    for number in range(len(QUANTITIES)):
        rows = np.full(output.RESULT_ROWS, -1)
        rows[2 * number : 2 * number + 2] = 0, 1
        alone, _ = run(plan, signal, rows=rows)
        np.testing.assert_array_equal(alone[:2], whole[2 * number : 2 * number + 2])


@pytest.mark.parametrize("baseline", [False, True])
def test_white_line_alone_is_the_polynomial_on_raw_data(rng, baseline):
    """No normalization: G-14's route."""
    pre = window_rows(GRID, 8190, 8325) if baseline else np.empty(0, int)
    near = int(np.argmin(np.abs(GRID - 8352)))
    plan = make_plan(
        GRID, without_normalization(GRID, pre, near), search=np.arange(near - 3, near + 4),
        white_line=np.array([near]), half_width=3.0,
    )  # fmt: skip
    signal = clean()[:, None] + rng.normal(0, 0.005, (GRID.size, 30))
    rows = np.full(output.RESULT_ROWS, -1)
    rows[2:6] = np.arange(4)
    out, status = run(plan, signal, rows=rows, signal_sigma=3.0)
    for pixel in range(30):
        window = slice(near - 3, near + 4)
        a, b, c = np.polyfit(GRID[window] - GRID[near], signal[window, pixel], 2)
        base = signal[pre, pixel].mean() if baseline else 0.0
        assert out[0, pixel] == pytest.approx(GRID[near] - b / (2 * a), abs=1e-8)
        assert out[2, pixel] == pytest.approx(c - b**2 / (4 * a) - base, abs=1e-8)
    assert (status == output.OK).all()


@pytest.mark.parametrize(("sigma", "theory", "simulated"), [
    (0.01, 0.025, 0.027), (0.03, 0.075, 0.082), (0.05, 0.125, 0.145),
])  # fmt: skip
def test_golden_g14(rng, sigma, theory, simulated):
    """Noise of the quadratic white line: LiNiO2, 1 eV grid, +-3 eV around a fixed center."""
    energies = np.arange(8330.0, 8375.0)
    near = int(np.argmax(EDGES["LiNiO2"](energies)))
    plan = make_plan(
        energies, without_normalization(energies, np.empty(0, int), near),
        search=np.arange(near - 3, near + 4), white_line=np.array([near]), half_width=3.0,
    )  # fmt: skip
    spectrum = EDGES["LiNiO2"](energies)[:, None]
    signal = spectrum + rng.normal(0, sigma, (energies.size, 20000))
    rows = np.full(output.RESULT_ROWS, -1)
    rows[2:4] = 0, 1
    exact, _ = run(plan, spectrum.copy(), np.full_like(spectrum, sigma), rows=rows)
    out, _ = run(plan, signal, np.full_like(signal, sigma), rows=rows)
    # The golden theory leaves the peak's distance from the center out (10 % of sigma here).
    assert exact[1, 0] == pytest.approx(theory, rel=0.12)
    spread = 0.5 * np.subtract(*np.nanpercentile(out[0], [84.13, 15.87]))
    assert spread == pytest.approx(simulated, rel=0.08)


@pytest.mark.parametrize(("half_width", "offset"), [(2.0, 0.10), (3.0, 0.20), (4.0, 0.36)])
def test_golden_g14_bias_of_the_quadratic(half_width, offset):
    """Mean over grid phases of (quadratic maximum - true maximum)."""
    fine = np.arange(8348.0, 8356.0, 1e-3)
    truth = fine[np.argmax(EDGES["LiNiO2"](fine))]
    found = []
    for phase in np.arange(0, 1, 0.05):
        energies = np.arange(8335.0, 8370.0) + phase
        spectrum = EDGES["LiNiO2"](energies)[:, None]
        near = int(np.argmax(spectrum))
        plan = make_plan(
            energies, without_normalization(energies, np.empty(0, int), near),
            search=np.arange(near - 4, near + 5), white_line=np.array([near]),
            half_width=half_width,
        )  # fmt: skip
        rows = np.full(output.RESULT_ROWS, -1)
        rows[2] = 0
        found.append(run(plan, spectrum, rows=rows)[0][0, 0] - truth)
    assert np.mean(found) == pytest.approx(offset, abs=0.02)


def test_too_few_samples_for_the_polynomial():
    with pytest.raises(ValueError, match="too few samples"):
        plan_for(centers=np.array([5]))


def test_an_even_distribution_of_shifts_stays_even():
    """A window that jumped from sample to sample made spikes and holes in the histogram.

    On a grid of 1 eV the shift that is found must follow the true one; the ripple that is left is
    that of the line on the grid, some percent of the density.
    """
    shift = np.linspace(-2.5, 2.5, 5001)
    energies = np.concatenate([GRID[GRID < 8356], np.arange(8356.0, 8361.0), GRID[GRID > 8361]])
    signal = EDGES["LiNiO2"](energies[:, None] - shift)
    centers = window_rows(energies, 8342, 8358)
    for half_width, degree, limit in ((2.0, 2, 0.05), (3.0, 2, 0.02), (3.0, 4, 0.05)):
        plan = plan_for(energies, centers=centers, half_width=half_width, degree=degree)
        found = value_of(run(plan, signal)[0], "white_line_energy")
        density = np.gradient(found, shift)
        assert abs(density - 1.0).max() < limit
        assert np.unique(found).size == shift.size


@pytest.mark.parametrize("noise", [0.01, 0.05])
@pytest.mark.parametrize("known_noise", [False, True])
def test_pulls_where_the_window_follows_the_peak(rng, noise, known_noise):
    """Shifts of 4 eV in total, which no fixed window of this width can hold."""
    energies = np.concatenate([GRID[GRID < 8356], np.arange(8356.0, 8361.0), GRID[GRID > 8361]])
    exact = EDGES["LiNiO2"](energies[:, None] - rng.uniform(-2, 2, 8000))
    signal = exact + rng.normal(0, noise, exact.shape)
    std = np.full_like(signal, noise) if known_noise else None
    plan = plan_for(energies, centers=window_rows(energies, 8342, 8358), half_width=3.0)
    found = pulls(plan, exact, signal, std)
    for name in ("white_line_energy", "white_line_height", "half_wl_energy"):
        assert_standard_normal({name: found[name]})


def test_a_peak_beyond_all_windows_has_no_value():
    signal = np.linspace(0.0, 1.0, GRID.size)[:, None]
    centers = window_rows(GRID, 8345, 8355)
    out, status = run(plan_for(centers=centers), np.hstack([signal, signal[::-1]]))
    assert (status != output.OK).all()
    assert np.isnan(value_of(out, "white_line_energy")).all()
    assert np.isnan(std_of(out, "white_line_height")).all()
