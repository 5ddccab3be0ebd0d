"""Registration on phantoms with planted drift, and the rules for what it may and must not touch."""

import json

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.optical_density import optical_density
from socwidgets.analysis.registration import RegistrationParams, measure_drift, register
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.stack import make_stack, validate_stack
from socwidgets.model.status import Status
from socwidgets.phantoms import lfp_ensemble, simulate_stxm

ENERGIES = tuple(np.concatenate([np.arange(700, 706, 1.0), np.arange(706, 714, 0.5)]))


@pytest.fixture(scope="module")
def phantom():
    return lfp_ensemble(seed=3, size_px=96, n_particles=14, length_um=(0.3, 0.9))


@pytest.fixture(scope="module")
def counts(phantom):
    return simulate_stxm(phantom, seed=1, energies_ev=ENERGIES, drift_px=0.4)


@pytest.fixture(scope="module")
def od(counts):
    return optical_density(counts)


@pytest.fixture(scope="module")
def registered(od):
    return register(od)


def planted(stack):
    return np.stack([stack.truth_drift_y.values, stack.truth_drift_x.values], axis=1)


def drift_error(drift, stack):
    found = np.stack([drift.dy.values, drift.dx.values], axis=1)
    error = found - planted(stack)
    return error - error.mean(axis=0)


def limit_px(od, steps=50):
    """Smallest error that the noise of each frame allows (Cramer-Rao), with the reading grid.

    ``sigma / sqrt(sum of squared slopes)``, the worse of both axes, root mean square over frames.
    The slopes come from a smoothed frame, because noise has slopes too.
    """
    from scipy import ndimage

    errors = []
    for frame, std in zip(od.signal.values, od.signal_std.values, strict=True):
        smooth = ndimage.gaussian_filter(np.nan_to_num(frame), 1.0)
        slope = min(np.sum(g**2) for g in np.gradient(smooth))
        errors.append(np.sqrt(np.nanmean(std**2) / slope))
    return float(np.sqrt(np.mean(np.square(errors)) + 1.0 / (12 * steps**2)))


def test_planted_drift_is_recovered(od):
    drift = measure_drift(od)
    error = np.sqrt(np.mean(drift_error(drift, od) ** 2))
    # Three times the Cramer-Rao limit: the contrast of the sample changes with energy, the
    # illumination does not move, and a spot of one pixel is undersampled. Never above 0.1 px.
    assert error < min(3 * limit_px(od), 0.1)
    assert not drift.replaced.any()
    assert float(drift.correlation.min()) > 0.5
    assert abs(float(drift.dy.mean())) < 1e-9


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        # The errors of 21 steps add up.
        ({"reference": "neighbor"}, 0.2),
        ({"reference": "first"}, 0.1),
        ({"image": "gradient"}, 0.1),
        ({"smooth_px": 0.0, "high_pass_px": 0.0}, 0.1),
    ],
)
def test_other_ways_to_measure(od, options, allowed):
    drift = measure_drift(od, **options)
    assert np.sqrt(np.mean(drift_error(drift, od) ** 2)) < allowed
    if "reference" in options:
        assert float(drift.dy[0]) == float(drift.dx[0]) == 0.0


def test_frames_without_contrast_take_their_neighbors_drift(od):
    broken = od.copy(deep=True)
    rng = np.random.default_rng(0)
    broken.signal[7] = rng.normal(0, 0.03, broken.signal.shape[1:])
    broken.signal[12] = np.nan
    drift = measure_drift(broken)
    assert drift.replaced.values[[7, 12]].all()
    assert int(drift.replaced.sum()) == 2
    for i in (7, 12):
        middle = 0.5 * (drift.dy.values[i - 1] + drift.dy.values[i + 1])
        assert float(drift.dy[i]) == pytest.approx(middle)


def test_a_single_frame_that_jumps_is_not_believed_but_a_lasting_jump_is(od):
    one, lasting = od.copy(deep=True), od.copy(deep=True)
    one.signal[9] = np.roll(od.signal.values[9], 9, axis=0)
    lasting.signal[9:] = np.roll(od.signal.values[9:], 9, axis=1)
    assert list(np.flatnonzero(measure_drift(one).replaced)) == [9]
    drift = measure_drift(lasting)
    assert not drift.replaced.any()
    assert float(drift.dy[9] - drift.dy[8]) == pytest.approx(
        9 + float(od.truth_drift_y[9] - od.truth_drift_y[8]), abs=0.1
    )


def test_registration_makes_the_frames_agree(phantom, od, registered):
    truth = lfp_ensemble(seed=3, size_px=96, n_particles=14, length_um=(0.3, 0.9))
    still = optical_density(simulate_stxm(truth, seed=1, energies_ev=ENERGIES, drift_px=0.0))
    good = registered.valid.values
    noise = np.sqrt(registered.signal_std**2 + still.signal_std**2).values
    before = ((od.signal - still.signal) / noise).values[:, good]
    after = ((registered.signal - still.signal) / noise).values[:, good]
    edges = np.hypot(*np.gradient(phantom.truth.thickness.values))[good] > 0.01
    # Differences of independent noise have unit spread, also at the rims. The illumination, which
    # does not move, is drawn from the same seed in both.
    assert after[:, edges].std() == pytest.approx(1.0, abs=0.08)
    assert before[:, edges].std() > 1.8


def test_result_is_a_stack_that_tells_its_story(od, registered):
    validate_stack(registered)
    assert {"dy", "dx", "correlation", "replaced", "valid"} <= set(registered.data_vars)
    assert registered.signal.dtype == np.float32
    assert registered.attrs["registration"].startswith("moved by")
    assert "correlated" in registered.signal_std.attrs["note"]
    steps = json.loads(registered.attrs["provenance"])
    assert steps[-1]["function"] == "socwidgets.register"
    assert steps[-1]["parameters"]["threshold_px"] == 0.2
    assert "registration" not in od.attrs


def test_what_left_the_field_is_missing(registered):
    missing = ~np.isfinite(registered.signal.values)
    good = registered.valid.values
    assert not missing[:, good].any()
    assert missing.any(axis=0)[~good].all()
    assert not good.all()
    assert (registered.status.values[~good] == Status.MASKED).all()
    np.testing.assert_array_equal(missing, ~np.isfinite(registered.signal_std.values))


def test_std_follows_the_interpolation(registered, od):
    frame = int(np.argmin(np.abs(np.mod(registered.dy.values, 1) - 0.5)))
    ratio = (registered.signal_std[frame] / od.signal_std[frame]).values
    empty = (slice(2, 9), slice(20, 80))
    background = registered.signal.values[frame][empty]
    spread = background - background.mean(axis=0)
    # The empty border holds noise alone: its spread is the stated sigma, within the precision of
    # a standard deviation of 420 correlated samples (about 140 independent ones).
    stated = float(registered.signal_std.values[frame][empty].mean())
    assert spread.std() == pytest.approx(stated, rel=4 / np.sqrt(2 * 140))
    assert np.median(ratio[empty]) < 0.95


def test_small_drift_is_left_alone(phantom):
    still = optical_density(simulate_stxm(phantom, seed=1, energies_ev=ENERGIES, drift_px=0.0))
    result = register(still)
    assert result.attrs["registration"].startswith("not moved")
    np.testing.assert_array_equal(result.signal, still.signal)
    np.testing.assert_array_equal(result.signal_std, still.signal_std)
    assert "valid" not in result
    assert np.hypot(result.dy, result.dx).max() < 0.1


def test_lazy_stacks_stay_lazy(od, registered):
    pytest.importorskip("dask")
    lazy = od.drop_vars("status").chunk({"energy": 4, "y": 50})
    result = register(lazy)
    assert result.signal.chunks is not None
    assert result.signal_std.chunks is not None
    np.testing.assert_array_equal(result.signal.values, registered.signal.values)
    np.testing.assert_allclose(result.signal_std, registered.signal_std, rtol=1e-6)


def test_frames_too_large_to_be_kept_are_read_again(od, monkeypatch):
    wanted = measure_drift(od)
    monkeypatch.setattr("socwidgets.analysis.drift._CACHE_BYTES", 0)
    xr.testing.assert_equal(measure_drift(od), wanted)


def test_drift_of_another_channel(od, registered):
    measured = measure_drift(od)
    again = register(od, drift=measured)
    np.testing.assert_array_equal(again.signal, registered.signal)
    with pytest.raises(DataError, match="does not fit the stack"):
        register(od, drift=measured.isel(energy=slice(3)))


def test_saturated_pixels_mark_all_they_were_moved_to(od):
    status = od.status.copy(deep=True)
    status[40, 40], status[60, 20] = Status.SATURATED, Status.MASKED
    marked = register(od.assign(status=status)).status.values
    path = planted(od)
    area = np.prod(np.ptp(path, axis=0) + 2)
    hit = np.argwhere(marked == Status.SATURATED)
    assert 1 <= len(hit) <= area
    assert np.abs(hit - [40, 40]).max() <= np.abs(path).max() + 1
    # A pixel that is dead in the detector is seen by other pixels in other frames.
    assert marked[60, 20] == Status.OK


def test_a_user_mask_covers_where_it_was_moved(od):
    valid = xr.DataArray(np.ones((96, 96), bool), dims=("y", "x"))
    valid[50:53, 50:53] = False
    result = register(od.assign(valid=valid))
    assert not result.valid.values[51, 51]
    assert (~result.valid.values[45:58, 45:58]).sum() >= 9


def test_drift_beyond_reason_is_refused(od):
    with pytest.raises(DataError, match="too large to be believed") as caught:
        register(od, max_shift_px=0.5)
    assert "max_shift_px" in str(caught.value)
    moved = measure_drift(od)
    with pytest.raises(DataError, match="quarter of the field"):
        register(od, drift=moved.assign(dx=moved.dx + 30), max_shift_px=500)


def test_counts_are_refused(counts):
    with pytest.raises(DataError, match="registration needs a signal of another quantity"):
        register(counts)


def test_no_contrast_is_said():
    flat = make_stack(np.ones((4, 32, 32)), np.arange(4.0) + 700, quantity="optical_density")
    with pytest.raises(DataError, match="no frame has contrast"):
        register(flat)


def test_noise_alone_is_not_taken_for_drift():
    noise = np.random.default_rng(0).normal(0, 0.03, (12, 64, 64))
    stack = make_stack(noise, np.arange(12.0) + 700, quantity="optical_density")
    with pytest.raises(DataError):
        register(stack)


def test_leading_dims_are_refused(od):
    with pytest.raises(DataError, match="one series of frames"):
        register(xr.concat([od, od], "state"))


def test_any_spectral_axis(od):
    raman = make_stack(
        od.signal.values, np.linspace(400, 700, od.sizes["energy"]), dim="raman_shift",
        quantity="intensity", pixel_um=0.04,
    )  # fmt: skip
    result = register(raman)
    assert result.dy.dims == ("raman_shift",)
    np.testing.assert_allclose(result.dy, measure_drift(od).dy)


def test_unknown_parameter_is_named():
    with pytest.raises(ParameterError, match="did you mean upsampel -> upsample"):
        RegistrationParams.from_mapping({"upsampel": 20})


@pytest.mark.realdata
def test_drift_planted_into_a_measured_stack(shared_data):
    from socwidgets.io import open_stack

    measured = optical_density(open_stack(shared_data / "als_stxm_fe" / "71214098.hdr"))
    measured = measured.isel(energy=slice(0, None, 6))
    own = measure_drift(measured)
    # The beamline aligned these frames: there is nothing to correct.
    assert np.hypot(own.dy, own.dx).max() < 0.2
    assert register(measured).attrs["registration"].startswith("not moved")

    path = np.random.default_rng(0).integers(-3, 4, (measured.sizes["energy"], 2))
    moved = measured.copy(deep=True)
    for i, shift in enumerate(path):
        moved.signal[i] = np.roll(measured.signal.values[i], shift, axis=(0, 1))
    found = measure_drift(moved)
    error = np.stack([found.dy - own.dy, found.dx - own.dx], axis=1) - path
    # Two readings on a grid of 1/50 px, and what rolling moves across the border.
    assert (error - error.mean(axis=0)).std() < 0.05
