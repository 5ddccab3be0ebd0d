"""Registration: chosen frame, mask, smooth drift, magnification, raster, states, rim artefacts."""

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from socwidgets.analysis.calibration import soc_map
from socwidgets.analysis.drift_model import row_drift, smooth_path
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.masked_correlation import MaskedCorrelation
from socwidgets.analysis.optical_density import optical_density
from socwidgets.analysis.registration import measure_drift, register, shift_table
from socwidgets.analysis.resample import Motion, move_frame, move_variance, shift_frame
from socwidgets.analysis.rim_check import check_rim, with_rim_check
from socwidgets.analysis.state_shifts import measure_state_shifts, register_states
from socwidgets.model.errors import DataError
from socwidgets.model.references import make_references
from socwidgets.model.rim import RIM_CHECK, read_verdict
from socwidgets.model.stack import make_stack
from socwidgets.phantoms import lfp_ensemble, simulate_stxm
from socwidgets.plotting import alt_text, drift_figure

SIZE, NOISE = 96, 0.03
ENERGIES = np.arange(8320.0, 8344.0, 1.0)
N = ENERGIES.size


def scene(seed=0, dy=0.0, dx=0.0, scale=1.0, row_dy=0.0, row_dx=0.0, flip=False):
    """Smooth discs with texture, drawn at exact positions: nothing is interpolated."""
    rng = np.random.default_rng(seed)
    middle = 0.5 * (SIZE - 1)
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    # A pixel shows the place of the sample that was moved there.
    y = middle + (y - dy - np.reshape(row_dy, (-1, 1)) - middle) / scale
    x = middle + (x - dx - np.reshape(row_dx, (-1, 1)) - middle) / scale
    image = np.zeros((SIZE, SIZE))
    for cy, cx, radius in rng.uniform((18, 18, 4), (78, 78, 9), (9, 3)):
        away = np.hypot(y - cy, x - cx)
        image += 0.7 / (1.0 + np.exp((away - radius) / 0.8))
    return (1.5 - image) if flip else image


def stack_of(path, rng, noise=NOISE, **options):
    frames = [scene(dy=dy, dx=dx, **options) for dy, dx in path]
    signal = np.stack(frames) + rng.normal(0, noise, (len(frames), SIZE, SIZE))
    stack = make_stack(signal, ENERGIES[: len(frames)], quantity="optical_density", pixel_um=0.03)
    stack["signal_std"] = xr.full_like(stack.signal, noise).assign_attrs(stack.signal.attrs)
    return stack


def error_of(drift, path):
    found = np.stack([drift.dy.values, drift.dx.values], axis=1) - path
    return float(np.sqrt(np.mean((found - found.mean(axis=0)) ** 2)))


@pytest.fixture
def walk(rng):
    path = np.cumsum(rng.normal(0, 0.3, (N, 2)), axis=0)
    return path - path.mean(axis=0)


def test_a_chosen_frame_is_the_origin(rng, walk):
    drift = measure_drift(stack_of(walk, rng), reference="frame", reference_frame=10)
    assert float(drift.dy[10]) == float(drift.dx[10]) == 0.0
    assert error_of(drift, walk) < 0.05
    found = np.stack([drift.dy, drift.dx], axis=1)
    assert np.abs(found - (walk - walk[10])).max() < 0.15
    with pytest.raises(DataError, match="no such reference"):
        measure_drift(stack_of(walk, rng), reference="frame", reference_frame=N)


def test_contrast_that_inverts_across_the_edge(rng, walk):
    stack = stack_of(walk, rng)
    flipped = stack_of(walk, rng, flip=True)
    stack.signal[12:] = flipped.signal.values[12:]
    assert error_of(measure_drift(stack, image="gradient", reference="first"), walk) < 0.1


def test_a_mask_leaves_out_what_moves_by_itself(rng, walk):
    stack = stack_of(walk, rng)
    y, x = np.mgrid[:SIZE, :SIZE]
    for i in range(N):
        # Dust on the detector stays where it is and is darker than any particle.
        stack.signal[i] += 4.0 * np.exp(-((y - 48) ** 2 + (x - 48) ** 2) / 18.0)
    mask = xr.DataArray(np.hypot(y - 48, x - 48) > 14, dims=("y", "x"))
    assert error_of(measure_drift(stack), walk) > 0.3
    assert error_of(measure_drift(stack, mask=mask), walk) < 0.1
    with pytest.raises(DataError, match="mask of the registration"):
        measure_drift(stack, mask=mask.isel(y=slice(0, 9)))


def covers():
    """Masks ``(y, x)`` that leave out a disc, a corner and a bar across the field."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return {"disc": np.hypot(y - 48, x - 48) > 14, "corner": ~((y < 40) & (x < 50)),
            "bar": ~((y > 44) & (y < 50))}  # fmt: skip


@pytest.mark.parametrize("cover", ["disc", "bar"])
def test_a_beam_stop_beside_the_mask_does_not_pull(rng, walk, cover):
    """Bright, with a hard edge right at the mask, and still while the sample moves."""
    plain = stack_of(walk, rng)
    mask = xr.DataArray(covers()[cover], dims=("y", "x"))
    stopped = plain.copy()
    stopped["signal"] = plain.signal.where(mask, 30.0)
    assert error_of(measure_drift(stopped), walk) > 0.3
    found = measure_drift(stopped, mask=mask)
    assert error_of(found, walk) < 0.1
    # What lies outside of the mask is not read at all.
    free = measure_drift(plain, mask=mask, reference="first")
    np.testing.assert_array_equal(measure_drift(stopped, mask=mask, reference="first").dy, free.dy)
    edges = measure_drift(stopped, mask=mask, image="gradient", reference="first")
    assert error_of(edges, walk) < 0.2


@pytest.mark.parametrize("shift", [(0, 0), (5, -9), (-17, 12)])
def test_masked_correlation_against_another_implementation(rng, shift):
    mask = covers()["corner"]
    still = scene() + rng.normal(0, NOISE, (SIZE, SIZE))
    moved_one = scene(dy=shift[0], dx=shift[1]) + rng.normal(0, NOISE, (SIZE, SIZE))
    compare = MaskedCorrelation(np.ones((SIZE, SIZE)))
    frames = [np.stack([f * mask, mask.astype(float)]) for f in (still, moved_one)]
    found = compare.displacement(*frames, 50)
    oracle = phase_cross_correlation(
        still, moved_one, reference_mask=mask, moving_mask=mask, overlap_ratio=0.3
    )[0]
    # The other one stays on the pixel grid and gives the way back.
    np.testing.assert_array_equal(np.round(found), -oracle)
    np.testing.assert_allclose(found, shift, atol=0.1)
    near = compare.displacement(*frames, 50, near=True)
    if max(map(abs, shift)) < 5:
        np.testing.assert_allclose(near, found, atol=0.01)


def test_masked_correlation_of_nothing(rng):
    compare = MaskedCorrelation(np.ones((SIZE, SIZE)))
    full = np.stack([scene(), np.ones((SIZE, SIZE))])
    for empty in (np.zeros_like(full), np.stack([np.zeros((SIZE, SIZE)), full[1]])):
        np.testing.assert_array_equal(compare.displacement(full, empty, 20), [0.0, 0.0])
        assert np.isnan(compare.correlation(full, empty))


def test_smooth_path_is_not_bent_by_outliers(rng):
    at = np.linspace(-1, 1, 60)
    truth = np.stack([2 * at, at**2 - 0.5 * at**3], axis=1)
    path = truth + rng.normal(0, 0.03, truth.shape)
    bad = [3, 20, 21, 55]
    path[bad] += 3.0
    curve, outliers = smooth_path(path, np.ones(60, bool), 3)
    assert np.flatnonzero(outliers).tolist() == bad
    # Four coefficients from 56 points: the curve is known to sd sqrt(4/56) of the noise.
    assert np.sqrt(np.mean((curve - truth) ** 2)) < 2 * 0.03 * np.sqrt(4 / 56)


def test_smooth_drift_model_in_use(rng):
    at = np.linspace(-1, 1, N)
    truth = np.stack([1.5 * at, -0.8 * at**2], axis=1)
    stack = stack_of(truth, rng, noise=0.15)
    stack.signal[7] = np.roll(stack.signal.values[7], 6, axis=0)
    smooth = measure_drift(stack, degree=2)
    assert error_of(smooth, truth) < 0.05
    assert bool(smooth.replaced[7])


def test_magnification_is_taken_out_with_the_drift_in_one_step(rng, walk):
    scale = ENERGIES / ENERGIES.mean()
    exaggerated = scale**20  # 24 eV at 8.3 keV change the size by 0.1 px only: exaggerate
    frames = [scene(dy=dy, dx=dx, scale=s) for (dy, dx), s in zip(walk, exaggerated, strict=True)]
    stack = make_stack(np.stack(frames), ENERGIES, quantity="optical_density", pixel_um=0.03)
    drift = measure_drift(stack).assign(
        dy=("energy", walk[:, 0]), dx=("energy", walk[:, 1]), scale=("energy", exaggerated)
    )
    moved = register(stack, drift=drift)
    error = (moved.signal - scene()).where(moved.valid)
    assert float(np.abs(error).max()) < 0.02
    plain = register(stack, drift=drift.drop_vars("scale"))
    assert float(np.abs((plain.signal - scene()).where(plain.valid)).max()) > 0.1


def test_magnification_is_known_from_the_energy(rng):
    energies = np.linspace(7000.0, 7700.0, 8)
    path = np.zeros((8, 2))
    frames = [scene(scale=e / 7350.0) for e in energies]
    stack = make_stack(np.stack(frames), energies, quantity="optical_density", pixel_um=0.03)
    moved = register(stack, magnification=1.0)
    assert moved.scale.values == pytest.approx(energies / 7350.0)
    assert error_of(moved, path) < 0.03
    assert float(np.abs((moved.signal - scene()).where(moved.valid)).max()) < 0.03


@pytest.mark.parametrize("masked", [False, True])
def test_contrast_that_turns_over_is_refused_and_edges_are_compared(rng, walk, masked):
    """By the signal itself the frames beyond the inversion come out 5 px off."""
    frames = [scene(dy=dy, dx=dx, flip=i >= 12) for i, (dy, dx) in enumerate(walk)]
    signal = np.stack(frames) + rng.normal(0, NOISE, (N, SIZE, SIZE))
    stack = make_stack(signal, ENERGIES, quantity="optical_density", pixel_um=0.03)
    mask = np.ones((SIZE, SIZE), bool) if masked else None
    with pytest.raises(DataError, match="contrast of the frames turns over") as caught:
        measure_drift(stack, mask=mask)
    assert "in frame 12" in str(caught.value)
    assert "image='gradient'" in str(caught.value)
    assert error_of(measure_drift(stack, image="gradient", mask=mask), walk) < 0.03


def test_large_steps_are_no_inversion(rng):
    """Particles that move by their own size are laid on the halos of the high-pass filter."""
    path = np.cumsum(rng.choice([-5.0, 5.0], (N, 2)), axis=0)
    path -= path.mean(axis=0)
    path = 10.0 * path / np.abs(path).max()
    path[::2] += 4.0
    found = measure_drift(stack_of(path, rng), believe_jumps=True)
    assert error_of(found, path) < 0.05


def test_rows_of_a_raster_scan(rng):
    path = np.stack([0.8 * np.arange(N) - 9.2, 0.5 * np.arange(N) - 5.75], axis=1) * 0.6
    row_dy, row_dx = row_drift(path, SIZE)
    assert row_dx[5, -1] == pytest.approx(0.3 * (SIZE - 1) / SIZE / 2, abs=1e-9)
    frames = [
        scene(dy=dy, dx=dx, row_dy=row_dy[i], row_dx=row_dx[i]) for i, (dy, dx) in enumerate(path)
    ]
    stack = make_stack(np.stack(frames), ENERGIES, quantity="optical_density", pixel_um=0.03)
    plain = register(stack)
    away = float(np.abs((plain.signal - scene()).where(plain.valid)).mean())
    for row_step in (0, 16):
        moved = register(stack, raster=True, row_step=row_step)
        left = float(np.abs((moved.signal - scene()).where(moved.valid)).mean())
        assert left < 0.5 * away


@pytest.fixture(scope="module")
def raster_scan():
    """STXM scan whose frames drift by 1 px (standard deviation) while they are recorded."""
    phantom = lfp_ensemble(seed=3, size_px=SIZE, n_particles=14, length_um=(0.3, 0.9))
    options = {"seed": 1, "energies_ev": tuple(np.arange(703.0, 714.0, 0.5))}
    drifting = simulate_stxm(phantom, drift_px=0.4, row_drift_px=1.0, **options)
    still = simulate_stxm(phantom, drift_px=0.0, **options)
    material = (phantom.truth.thickness.values > 0).mean(axis=1) > 0.05
    return optical_density(drifting), optical_density(still), material


def row_error(drift, od, rows):
    """Error ``(energy, 2, y)`` in px of the rows with material, and what all frames share of it."""
    error = []
    for axis in ("y", "x"):
        truth = od[f"truth_drift_{axis}"] + od[f"truth_row_{axis}"]
        found = drift[f"d{axis}"] + drift.get(f"row_d{axis}", 0.0)
        error.append((found - truth).transpose("energy", "y").values[:, rows])
    error = np.stack(error, axis=1)
    shared = error.mean(axis=0, keepdims=True)
    return error - shared, shared


def test_slow_drift_within_each_frame_is_read_from_the_rows(raster_scan):
    od, _, rows = raster_scan
    blind, _ = row_error(measure_drift(od), od, rows)
    between, _ = row_error(measure_drift(od, raster=True, row_step=0), od, rows)
    drift = measure_drift(od, raster=True)
    error, shared = row_error(drift, od, rows)
    assert np.sqrt(np.mean(blind**2)) > 0.6
    assert np.sqrt(np.mean(between**2)) > 0.6
    # Cramer-Rao of a whole frame is 0.017 px here; eight supports per axis share that contrast:
    # 0.05 px. Twice that, because the contrast changes with energy.
    assert np.sqrt(np.mean(error**2)) < 0.1
    # A shear of all frames cannot be seen: 22 draws of 1 px leave 1/sqrt(22) of it.
    assert np.sqrt(np.mean(shared**2)) < 2 * 1.0 / np.sqrt(od.sizes["energy"])
    masked = measure_drift(od, raster=True, mask=np.ones((SIZE, SIZE), bool))
    np.testing.assert_allclose(masked.row_dx, drift.row_dx, atol=0.02)


def test_rows_are_brought_back_in_one_interpolation(raster_scan):
    od, still, _ = raster_scan
    pulls = []
    for options in ({}, {"raster": True}):
        moved = register(od, **options)
        good = moved.valid & (still.signal.mean("energy") > 0.15)
        noise = np.hypot(moved.signal_std, still.signal_std)
        pulls.append(float(((moved.signal - still.signal) / noise).where(good).std()))
    # The shear that all frames share (0.2 px) is left; noise alone would give 1.
    assert pulls[0] > 2.0
    assert pulls[1] < 1.35


def test_rows_without_drift_stay(raster_scan):
    """A curve through rows that do not move would follow their noise: 0.065 px."""
    _, still, rows = raster_scan
    drift = measure_drift(still, raster=True)
    found = np.stack([drift.row_dy, drift.row_dx])[:, :, rows]
    assert np.sqrt(np.mean(found**2)) < 0.01


@pytest.mark.parametrize("walk_px", [0.0, 0.2])
def test_rows_that_move_evenly_are_left_to_the_drift_between_frames(walk_px):
    """The same call as for rows that move by themselves: the data choose.

    With a random walk the drift from one frame to the next is no guide to the rows; what goes on
    evenly over the whole series is.
    """
    phantom = lfp_ensemble(seed=3, size_px=SIZE, n_particles=14, length_um=(0.3, 0.9))
    options = {"seed": 1, "energies_ev": tuple(np.arange(703.0, 714.0, 0.5))}
    od = optical_density(simulate_stxm(phantom, drift_px=walk_px, steady_drift_px=0.3, **options))
    rows = (phantom.truth.thickness.values > 0).mean(axis=1) > 0.05
    whole = {}
    for name, asked in {"none": {}, "between": {"row_step": 0}, "rows": {}}.items():
        found = measure_drift(od, raster=name != "none", **asked)
        error, shared = row_error(found, od, rows)
        whole[name] = float(np.sqrt(np.mean((error + shared) ** 2)))
    assert whole["none"] > 0.05
    # Frames alone are wrong by 0.017 to 0.02 px; a walk leaves an even part that is not known.
    assert whole["rows"] < (0.022 if not walk_px else 0.03)
    assert whole["rows"] <= 1.05 * whole["between"]


def test_rows_of_states_that_lie_far_apart(rng):
    """The drift of a row belongs to the row as recorded, wherever the state lies."""
    row_dx = np.where(np.arange(SIZE) < 48, -1.0, 1.0)
    first = stack_of(np.zeros((6, 2)), rng, noise=0.0)
    frames = [scene(dy=20.0, row_dx=row_dx) for _ in range(6)]
    other = make_stack(np.stack(frames), ENERGIES[:6], quantity="optical_density", pixel_um=0.03)
    drift = measure_drift(first).assign(
        dy=("energy", np.full(6, 20.0)), dx=("energy", np.zeros(6)),
        row_dy=(("energy", "y"), np.zeros((6, SIZE))),
        row_dx=(("energy", "y"), np.tile(row_dx, (6, 1))),
    )  # fmt: skip
    moved = register(other, drift=drift)
    error = (moved.signal - first.signal.values).where(moved.valid)
    assert int(moved.valid.sum()) > 0.7 * SIZE**2
    assert float(np.abs(error).max()) < 0.02


def test_motion_without_extras_is_the_plain_shift(rng):
    frame = rng.normal(size=(30, 40))
    zero = np.zeros(30)
    general = move_frame(frame, Motion(0.3, -1.2, row_dy=zero, row_dx=zero))
    np.testing.assert_allclose(general, shift_frame(frame, 0.3, -1.2), atol=2e-6)


def test_noise_of_a_moved_frame(rng):
    motion = Motion(0.3, -0.4, 1.02, np.linspace(-0.2, 0.2, 40), np.linspace(0.4, -0.4, 40))
    frames = rng.normal(0, 1, (150, 40, 40))
    moved = np.stack([move_frame(f, motion) for f in frames])
    expected = move_variance(np.ones((40, 40)), motion)
    inside = np.isfinite(expected)
    ratio = moved.var(axis=0)[inside] / expected[inside]
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)


def states(rng, shifts):
    made = []
    for i, (dy, dx) in enumerate(shifts):
        path = np.cumsum(rng.normal(0, 0.15, (6, 2)), axis=0)
        path += np.array([dy, dx]) - path.mean(axis=0)
        stack = stack_of(path, rng)
        # The sample reacts: its optical density changes from state to state.
        stack["signal"] = (stack.signal * (1.0 - 0.1 * i)).assign_attrs(stack.signal.attrs)
        made.append(stack)
    return made


def test_states_are_found_however_far_they_lie(rng):
    truth = np.array([[0.0, 0.0], [5.0, -3.0], [-4.4, 6.3], [1.2, 0.4]])
    moved, shifts = register_states(states(rng, truth), labels=[3.7, 3.9, 4.1, 4.3])
    found = np.stack([shifts.dy, shifts.dx], axis=1)
    assert np.abs(found - truth).max() < 0.1
    assert shifts.state.values.tolist() == [3.7, 3.9, 4.1, 4.3]
    assert not shifts.replaced.any()
    for i, state in enumerate(moved):
        seen = state.signal.mean("energy").where(state.valid)
        centered = seen / (1.0 - 0.1 * i)
        difference = (centered - moved[0].signal.mean("energy")).where(moved[0].valid)
        # 0.1 px on slopes of up to 0.2 per px, and the noise of six frames.
        assert float(np.abs(difference).mean()) < 0.03
    table = shift_table(shifts)
    assert table.index.name == "state"
    assert table["size_px"].to_numpy() == pytest.approx(np.hypot(*truth.T), abs=0.1)


def test_states_by_their_jump_maps(rng):
    truth = np.array([[0.0, 0.0], [3.0, -7.0], [2.0, 2.5]])
    maps = np.stack([scene(dy=dy, dx=dx) for dy, dx in truth]) + rng.normal(
        0, 0.05, (3, SIZE, SIZE)
    )
    found = measure_state_shifts(xr.DataArray(maps, dims=("stop", "y", "x")))
    assert np.stack([found.dy, found.dx], axis=1) == pytest.approx(truth, abs=0.1)
    with pytest.raises(DataError, match="no series of states"):
        measure_state_shifts(xr.DataArray(maps[0], dims=("y", "x")))


def test_frames_below_the_edge_may_show_nothing(walk):
    """A third of the frames is noise, as below the edge of a thin sample: none may be the start."""
    blank = N // 3
    for seed in range(4):
        rng = np.random.default_rng(seed)
        stack = stack_of(walk, rng)
        stack.signal[:blank] = rng.normal(0, NOISE, (blank, SIZE, SIZE))
        drift = measure_drift(stack)
        assert drift.replaced.values[:blank].all(), seed
        assert not drift.replaced.values[blank:].any(), seed
        assert error_of(drift.isel(energy=slice(blank, None)), walk[blank:]) < 0.05, seed


@pytest.mark.parametrize(("shift", "fires"), [(0.0, False), (0.2, False), (1.0, True)])
@pytest.mark.parametrize("with_std", [True, False])
def test_a_rim_artefact_fires_at_one_pixel_and_not_at_a_fifth(rng, shift, fires, with_std):
    path = np.zeros((N, 2))
    path[9, 1] = shift
    stack = stack_of(path, rng)
    edge = 1.0 + 0.5 / (1 + np.exp(-(ENERGIES - 8332.0)))
    stack["signal"] = (stack.signal * xr.DataArray(edge, dims="energy")).assign_attrs(
        stack.signal.attrs
    )
    verdict = check_rim(stack if with_std else stack.drop_vars("signal_std"))
    assert verdict.passed is not fires
    assert verdict.frames.flagged.values[9] == fires
    assert int(verdict.frames.flagged.sum()) == int(fires)
    if fires:
        assert verdict.worst_px == pytest.approx(1.0, abs=0.1)
        assert "8329 eV" in verdict.message
        assert verdict.false_fraction > 0.3
        false = ndimage.shift(scene(), (0, 1.0), order=3) - scene()
        rim = verdict.rim.values
        assert float(verdict.frames.false_od[9]) == pytest.approx(
            np.sqrt(np.mean(false[rim] ** 2)), rel=0.5
        )


def test_a_faint_frame_that_noise_moves_makes_no_rim():
    """Below the edge of a thin sample: its place is uncertain, and it changes little."""
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        stack = stack_of(np.zeros((N, 2)), rng)
        faint = scene() * np.linspace(0.0, 0.06, 8)[:, None, None]
        stack.signal[:8] = faint + rng.normal(0, NOISE, faint.shape)
        verdict = check_rim(stack)
        found.append(verdict.frames)
        assert verdict.passed, verdict.message
    # They do lie off by more than the limit, and their uncertainty says so.
    size = np.array([f.residual_px.values[1:8] for f in found])
    std = np.array([f.residual_std_px.values[1:8] for f in found])
    assert size.max() > 0.5
    assert std[:, 3:].min() > 3 * max(float(f.residual_std_px[12]) for f in found)


def test_registration_clears_the_rim(rng):
    path = np.zeros((N, 2))
    path[8:, 0] = 1.3
    stack = stack_of(path, rng)
    assert not check_rim(stack).passed
    assert check_rim(register(stack)).passed


def test_the_verdict_travels_with_the_maps(rng):
    path = np.zeros((N, 2))
    path[8:, 0] = 1.3
    stack = stack_of(path, rng)
    out_of_place, aligned = with_rim_check(stack), with_rim_check(register(stack))
    assert read_verdict(stack.attrs) is None
    assert RIM_CHECK not in register(out_of_place).attrs
    spectra = {"low": np.ones(N), "high": np.linspace(1.0, 2.0, N)}
    references = make_references({k: (ENERGIES, v) for k, v in spectra.items()})
    for seen, passed in ((out_of_place, False), (aligned, True)):
        fit = fit_map(seen, "lcf", references=references, background_degree=-1)
        found = read_verdict(soc_map(fit).attrs)
        assert found is not None
        assert found[0] is passed
        assert found[1] == check_rim(seen).message
    blank = stack.assign(signal=xr.zeros_like(stack.signal))
    assert read_verdict(with_rim_check(blank).attrs) is None


def test_table_of_a_registered_stack(rng, walk):
    table = shift_table(register(stack_of(walk, rng)))
    assert table.columns.tolist() == ["dy_px", "dx_px", "size_px", "correlation", "replaced"]
    assert table.index.tolist() == ENERGIES.tolist()


def test_the_plot_of_the_shifts_tells_borrowed_ones(rng, walk):
    stack = stack_of(walk, rng)
    assert "neighbors" not in alt_text(drift_figure(measure_drift(stack)))
    stack.signal[7] = rng.normal(0, 0.3, (SIZE, SIZE))
    drift = measure_drift(stack)
    figure = drift_figure(drift)
    hollow = [
        line.get_xdata() for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"
    ]
    assert [list(at) for at in hollow] == [[drift.energy.values[7]]] * 2 + [[]]
    assert "1 took that of their neighbors" in alt_text(figure)
