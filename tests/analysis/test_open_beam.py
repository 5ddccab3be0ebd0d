"""I0 from flats in time, from an object-free region and from a file; defects of the detector."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.detector import PixelFlag, detector_defects
from socwidgets.analysis.open_beam import i0_on_axis
from socwidgets.analysis.optical_density import optical_density
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status

ENERGIES = np.arange(8320.0, 8332.0, 1.0)
N, SIZE, N0, DARK, OD = ENERGIES.size, 48, 2000.0, 100.0, 0.7


def empty_mask():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:, :12] = True
    return xr.DataArray(mask, dims=("y", "x"))


def scan(rng, ring=1.0, times=None, od=OD):
    """Counts of a slab beside an empty border; `ring` is the beam's intensity frame by frame."""
    sample = np.where(empty_mask().values, 0.0, od)
    light = np.broadcast_to(N0 * np.asarray(ring, float).reshape(-1, 1, 1), (N, 1, 1))
    counts = rng.poisson(light * np.exp(-sample)) + DARK
    stack = make_stack(counts.astype(np.float32), ENERGIES, counts="photons")
    stack["dark"] = xr.DataArray(np.full((SIZE, SIZE), DARK), dims=("y", "x"))
    return stack if times is None else stack.assign_coords(time=("energy", times))


def flats(rng, level, count, time=None):
    images = rng.poisson(N0 * level, (count, SIZE, SIZE)) + DARK
    made = xr.DataArray(images, dims=("flat", "y", "x"))
    return made if time is None else made.assign_coords(time=time)


def pulls(od):
    inside = od.signal.values[:, :, 12:]
    truth = OD
    return (inside - truth) / od.signal_std.values[:, :, 12:]


def test_flats_are_interpolated_in_time_and_their_noise_with_them(rng):
    times = np.linspace(100.0, 900.0, N)
    ring = 1.0 - 0.3 * times / 1000.0
    stack = scan(rng, ring, times)
    before, after = flats(rng, 1.0, 2, 0.0), flats(rng, 0.7, 8, 1000.0)
    od = optical_density(stack, flat=before, flat_after=after)
    pull = pulls(od)
    # 12 frames share the flats of each pixel: about 1700 independent pixels tell the mean.
    assert pull.std() == pytest.approx(1.0, abs=0.03)
    assert abs(pull.mean()) < 0.03
    # The later frames lean on eight flats, the first ones on two.
    share = od.signal_std.values.mean(axis=(1, 2)) ** 2 * N0 * ring
    weight = times / 1000.0
    expected = np.exp(OD) * 0.75 + 0.25 + (1 - weight) ** 2 / 2 + weight**2 / 8
    assert share == pytest.approx(expected, rel=0.03)
    alone = optical_density(stack, flat=before)
    assert pulls(alone).mean() > 2.0  # the decay of the ring looks like sample


def test_flats_without_times_are_taken_around_the_scan(rng):
    ring = 1.0 - 0.3 * (np.arange(N) + 1.0) / (N + 1.0)
    od = optical_density(scan(rng, ring), flat=flats(rng, 1.0, 5), flat_after=flats(rng, 0.7, 5))
    assert abs(pulls(od).mean()) < 0.05
    per_energy = flats(rng, 1.0, 5).expand_dims(energy=ENERGIES, axis=1)
    later = flats(rng, 0.5, 5).expand_dims(energy=ENERGIES, axis=1)
    halfway = optical_density(scan(rng, 0.75), flat=per_energy, flat_after=later)
    assert abs(pulls(halfway).mean()) < 0.05


@pytest.mark.parametrize("with_flat", [True, False])
def test_an_object_free_region_follows_the_beam(rng, with_flat):
    ring = np.exp(-0.05 * np.arange(N))
    flat = flats(rng, 1.0, 10) if with_flat else None
    od = optical_density(scan(rng, ring), flat=flat, empty=empty_mask())
    pull = pulls(od)
    # Each frame's factor is common to its pixels: its own error, 1/sqrt(576 px) of one pixel's,
    # is seen in the mean of the frame and not between pixels.
    assert pull.std() == pytest.approx(1.0, abs=0.04)
    assert abs(pull.mean()) < 0.06
    border = od.signal.values[:, :, :12].mean(axis=(1, 2))
    assert np.abs(border).max() < 2e-3


def test_dark_frames_are_averaged(rng):
    stack = scan(rng)
    darks = xr.DataArray(rng.normal(DARK, 5, (30, SIZE, SIZE)), dims=("frame", "y", "x"))
    od = optical_density(stack, flat=flats(rng, 1.0, 10), dark=darks)
    assert abs(pulls(od).mean()) < 0.05


def test_defects_are_found_named_and_lose_their_values(rng):
    stack, flat = scan(rng), flats(rng, 1.0, 10)
    stack.signal[:, 20, 20] = DARK
    flat[:, 20, 20] = DARK + 3
    stack.signal[:, 5, 30] += 4 * N0
    flat[:, 5, 30] += 4 * N0
    stack.dark[40, 40] = 5 * DARK
    stack["signal"] = stack.signal.astype(np.uint16).assign_attrs(stack.signal.attrs)
    stack.signal[3, 30, 30] = 65535
    stack.signal[2, 10, 40] = int(DARK) + 1
    od = optical_density(stack, flat=flat, max_od=3.0)
    flags = od.pixel_flags
    assert flags[20, 20] & PixelFlag.DEAD
    assert flags[5, 30] & PixelFlag.HOT
    assert flags[40, 40] & PixelFlag.HOT
    assert flags[30, 30] & PixelFlag.FULL_SCALE
    assert flags[30, 30] & PixelFlag.CLIPPED
    assert flags[10, 40] & PixelFlag.TOO_DENSE
    assert int((flags > 0).sum()) == 5
    assert {k: od.attrs[k] for k in ("n_dead", "n_hot", "n_full_scale")} == {
        "n_dead": 1, "n_hot": 2, "n_full_scale": 1,
    }  # fmt: skip
    for y, x in ((20, 20), (5, 30), (40, 40)):
        assert od.status[y, x] == Status.MASKED
        assert od.signal[:, y, x].isnull().all()
    assert od.status[30, 30] == od.status[10, 40] == Status.SATURATED
    lazy = optical_density(stack.chunk({"y": 20}), flat=flat, max_od=3.0)
    xr.testing.assert_equal(lazy.pixel_flags, flags)
    xr.testing.assert_equal(lazy.status, od.status)
    kept = optical_density(stack, flat=flat, defects="none")
    assert not (kept.pixel_flags & PixelFlag.HOT).any()


def test_planted_defects_of_a_camera(rng):
    light = rng.poisson(N0, (200, 200)) * np.linspace(0.3, 1.0, 200)
    truth = rng.random((200, 200))
    dead, hot = truth < 0.002, truth > 0.998
    light = np.where(dead, 0.0, np.where(hot, light + 3 * N0, light))
    found = detector_defects(xr.DataArray(light, dims=("y", "x")), xr.DataArray(0.0))
    assert ((found.values == PixelFlag.DEAD) == dead).all()
    assert ((found.values == PixelFlag.HOT) == hot).all()


def test_i0_of_another_file_comes_onto_the_axis():
    own = np.arange(8300.0, 8400.0, 3.0)
    i0 = xr.DataArray(2 * own, {"energy": own}, dims="energy")
    axis = xr.DataArray(ENERGIES, dims="energy")
    assert i0_on_axis(i0, axis).values == pytest.approx(2 * ENERGIES)
    with pytest.raises(DataError, match="does not cover"):
        i0_on_axis(i0.isel(energy=slice(0, 8)), axis)


def bad_time(stack, rng):
    return {"flat": flats(rng, 1, 2, 500.0), "flat_after": flats(rng, 1, 2, 400.0)}


def bad_after(stack, rng):
    return {"flat": flats(rng, 1, 2), "flat_after": flats(rng, 1, 2).isel(y=slice(0, 9))}


def no_pixel(stack, rng):
    return {"empty": xr.zeros_like(empty_mask())}


def other_size(stack, rng):
    return {"empty": empty_mask().isel(x=slice(0, 20))}


def only_after(stack, rng):
    return {"flat_after": flats(rng, 1, 2)}


def other_energies(stack, rng):
    own = stack.energy.values + 50.0
    return {"flat": xr.DataArray(np.full(own.size, 1e4), {"energy": own}, dims="energy")}


def lit_by_a_hot_pixel(stack, rng):
    dark = flats(rng, 1, 2)
    dark[..., 3, 3] = 60000.0
    return {"flat": dark, "dark": 5e4}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (only_after, "pass those flats as flat="),
        (other_energies, "i0_on_axis"),
        (lit_by_a_hot_pixel, "median"),
        (bad_time, "not later than"),
        (bad_after, "do not fit each other"),
        (no_pixel, "object-free region"),
        (other_size, "object-free region"),
    ],
)
def test_bad_input(rng, make, words):
    stack = scan(rng, times=np.arange(N, dtype=float))
    with pytest.raises(DataError, match=words):
        optical_density(stack, **make(stack, rng))


def mean_od(od):
    return float(od.signal[:, :, 12:].mean())


def test_times_by_another_clock_are_refused(rng):
    """Datetimes are nanoseconds since 1970: every frame would lie after the last flat."""
    start = np.datetime64("2024-05-01T10:00:00")
    stack = scan(rng, times=start + np.arange(N) * np.timedelta64(60, "s"))
    before, after = flats(rng, 1.0, 2, 0.0), flats(rng, 0.7, 2, 900.0)
    with pytest.raises(DataError, match="no frame was taken between the flats") as caught:
        optical_density(stack, flat=before, flat_after=after)
    assert "datetime64" in str(caught.value)
    by_clock = [
        part.assign_coords(time=start + np.timedelta64(s, "s"))
        for part, s in ((before, -60), (after, 60 * N))
    ]
    optical_density(stack, flat=by_clock[0], flat_after=by_clock[1])


@pytest.mark.parametrize("change", ["turned", "read back", "keV"])
def test_flats_of_each_energy_find_their_frames(rng, change):
    ring = np.linspace(1.0, 0.5, N)
    images = xr.DataArray(
        np.broadcast_to(N0 * ring[:, None, None] + DARK, (N, SIZE, SIZE)),
        {"energy": ENERGIES}, dims=("energy", "y", "x"),
    )  # fmt: skip
    images = {
        "turned": images[::-1],
        "read back": images.assign_coords(energy=ENERGIES + rng.uniform(-0.05, 0.05, N)),
        "keV": images.assign_coords(energy=ENERGIES / 1000.0),
    }[change]
    od = optical_density(scan(rng, ring), flat=images)
    assert mean_od(od) == pytest.approx(OD, abs=0.003)
    with pytest.raises(DataError, match="different values along 'energy'"):
        optical_density(scan(rng, ring), flat=images.assign_coords(energy=ENERGIES + 0.3))


def test_an_i0_list_of_a_falling_scan_is_told(rng):
    """make_stack turns the frames; a list of I0 in the order of the scan stays as it was."""
    ring = np.linspace(1.0, 0.5, N)
    rising = scan(rng, ring)
    falling = make_stack(rising.signal.values[::-1], ENERGIES[::-1], counts="photons")
    falling["dark"] = rising["dark"]
    i0 = N0 * ring + DARK
    with pytest.warns(UserWarning, match=r"fell and was turned.*flat\[::-1\]"):
        od = optical_density(falling, flat=i0)
    assert mean_od(od) == pytest.approx(OD, abs=0.003)
    named = xr.DataArray(i0[::-1], {"energy": ENERGIES[::-1]}, dims="energy")
    assert mean_od(optical_density(falling, flat=named)) == pytest.approx(OD, abs=0.003)
    optical_density(rising, flat=i0)
    optical_density(falling, flat=np.full((SIZE, SIZE), N0 + DARK))


def test_an_i0_without_light_at_an_energy_is_told(rng):
    i0 = np.full(N, N0 + DARK)
    i0[3] = 0.0
    with pytest.warns(UserWarning, match=r"no brighter than the dark at 1 of 12 energies \(8323\)"):
        od = optical_density(scan(rng), flat=i0)
    assert np.isnan(od.signal[3]).all()
    assert (od.status == Status.OK).all()


def test_an_i0_in_kev_comes_onto_the_axis():
    i0 = xr.DataArray([100.0, 200.0], {"energy": [8.310, 8.340]}, dims="energy")
    found = i0_on_axis(i0, xr.DataArray(ENERGIES, dims="energy"))
    assert found.values == pytest.approx(100.0 + (ENERGIES - 8310.0) / 0.3)
