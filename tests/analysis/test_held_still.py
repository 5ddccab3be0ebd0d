"""Dust, a beam stop or hot pixels hold a registration: the parts of the field tell."""

import numpy as np
import pytest

from socwidgets.analysis.contrast_drift import moves_apart
from socwidgets.analysis.held_still import sample_path
from socwidgets.analysis.registration import measure_drift, register
from socwidgets.analysis.rim_check import check_rim
from socwidgets.model.stack import make_stack

SIZE, NOISE = 96, 0.02
ENERGIES = np.arange(8320.0, 8336.0)
N = ENERGIES.size


def scene(dy=0.0, dx=0.0):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    image = np.zeros((SIZE, SIZE))
    for cy, cx, radius in rng.uniform((14, 14, 4), (82, 82, 9), (14, 3)):
        image += 0.7 / (1.0 + np.exp((np.hypot(y - cy - dy, x - cx - dx) - radius) / 0.8))
    return image


def dust():
    still = np.zeros((SIZE, SIZE))
    still[10:22, 60:75], still[70:76, 8:30] = 2.0, 1.5
    return still


def hot_pixels():
    still = np.zeros((SIZE, SIZE))
    still[[20, 40, 60], [25, 42, 59]] = 10.0
    return still


@pytest.fixture
def walk(rng):
    path = np.cumsum(rng.normal(0, 0.5, (N, 2)), axis=0)
    return path - np.median(path, axis=0)


def stack_of(path, rng, still=0.0):
    contrast = np.linspace(0.7, 1.3, N)
    frames = np.stack([a * scene(*d) + still for a, d in zip(contrast, path, strict=True)])
    return make_stack(
        frames + rng.normal(0, NOISE, frames.shape), ENERGIES,
        quantity="optical_density", signal_std=NOISE,
    )  # fmt: skip


def size_of(path):
    return np.hypot(*path.T)


@pytest.mark.parametrize("still", [dust, hot_pixels])
def test_what_stands_still_holds_the_frames_and_is_found_out(rng, walk, still):
    with pytest.warns(UserWarning, match=r"holds the frames.*mask="):
        stack = register(stack_of(walk, rng, still()))
    assert "doubtful" in stack.attrs["registration"]
    left = np.stack([stack.dy, stack.dx], axis=1) - walk
    left = size_of(left - np.median(left, axis=0))
    assert left.max() > 1.0
    verdict = check_rim(stack)
    assert not verdict.passed
    assert "does not move with the sample" in verdict.message
    assert "mask=" in verdict.message
    flagged = verdict.frames.flagged.values
    assert flagged[left > 0.8].all()
    assert not flagged[left < 0.3].any()


def test_a_mask_over_it_clears_the_check(rng, walk):
    """Dust then moves in the frames, and the sample does not: the sample counts."""
    still = dust()
    stack = register(stack_of(walk, rng, still), mask=still == 0)
    assert check_rim(stack).passed
    assert check_rim(register(stack_of(walk, rng))).passed


def scratches():
    """More of them than of the sample: most parts of the field stand still."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return 1.5 * (((x + y) % 19 < 2) | ((x - 2 * y) % 23 < 2))


@pytest.mark.parametrize("still", [dust, hot_pixels, scratches])
@pytest.mark.parametrize("step", [0.0, 0.02, 0.5])
def test_registration_warns_where_dirt_holds_a_sample_that_moves(rng, still, step):
    path = np.cumsum(rng.normal(0, step, (N, 2)), axis=0)
    stack = stack_of(path, rng, still())
    drift = measure_drift(stack)
    left = np.stack([drift.dy, drift.dx], axis=1) - path
    left = np.sqrt(np.mean(size_of(left - np.median(left, axis=0)) ** 2))
    assert (drift.attrs["apart_px"] > 0) == (left > 0.3) == (step > 0.1)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("image", ["signal", "gradient"])
@pytest.mark.parametrize("noise", [NOISE, 5 * NOISE])
def test_no_warning_where_the_sample_was_followed(rng, walk, image, noise):
    for path in (walk, 0.1 * walk, 0.0 * walk):
        stack = stack_of(path, rng)
        stack["signal"] = stack.signal + rng.normal(0, noise, stack.signal.shape)
        assert "doubtful" not in register(stack, image=image).attrs["registration"]


def test_a_mask_over_the_dirt_ends_the_warning(rng, walk):
    stack, still = stack_of(walk, rng, dust()), dust()
    assert measure_drift(stack).attrs["apart_px"] > 0
    assert measure_drift(stack, mask=still == 0).attrs["apart_px"] == 0


def test_large_images_are_binned_and_answer_the_same(rng, walk):
    """Four times the pixels in each direction: the same motion is four times as many of them."""
    frames = stack_of(walk, rng, dust()).signal.values.astype(np.float32)
    large = np.repeat(np.repeat(frames, 4, axis=1), 4, axis=2)
    used, held = np.ones(N, bool), np.zeros((N, 2))
    one, four = (
        moves_apart(lambda i, f=f: f[i] - f[i].mean(), held, used, np.ones(f.shape[1:]))
        for f in (frames, large)
    )
    assert one > 0.15
    assert four == pytest.approx(4 * one, rel=0.1)


def test_nothing_is_said_without_contrast_that_changes_or_with_few_frames(rng, walk):
    still = rng.normal(0, 1.0, (N, SIZE, SIZE)).astype(np.float32)
    window, used = np.ones((SIZE, SIZE), np.float32), np.ones(N, bool)
    assert moves_apart(lambda i: still[i], walk * 0, used, window) == 0
    assert moves_apart(lambda i: still[0], walk * 0, used, window) == 0
    assert moves_apart(lambda i: still[i], walk * 0, np.arange(N) < 5, window) == 0


def test_parts_read_small_displacements_to_some_hundredths(rng):
    path = np.zeros((N, 2))
    path[3], path[9] = (0.3, 0.0), (-0.2, 0.4)
    stack = stack_of(path, rng)
    mean = stack.signal.mean("energy").values
    found = sample_path(stack.signal, mean, np.full(N, NOISE))
    assert size_of(found - path).max() < 0.05


def test_domains_that_change_with_the_energy_do_not_move(rng):
    """Each particle changes on one side only, each on another: no part speaks for the others."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    turn = np.random.default_rng(8).uniform(0, 2 * np.pi, (8, 8))
    side = np.cos(turn[(y // 12).astype(int), (x // 12).astype(int)] + (y % 12 - x % 12) / 4)
    sizes = np.linspace(-0.5, 0.5, N)[:, None, None]
    frames = scene() * (1.0 + sizes * side) + rng.normal(0, NOISE, (N, SIZE, SIZE))
    stack = make_stack(frames, ENERGIES, quantity="optical_density", signal_std=NOISE)
    verdict = check_rim(stack)
    assert verdict.passed, verdict.message


def test_a_field_too_small_or_empty_says_nothing(rng):
    for frames in (rng.normal(0, NOISE, (N, 20, 20)), np.zeros((N, 40, 40))):
        stack = make_stack(frames, ENERGIES, quantity="optical_density")
        found = sample_path(stack.signal, frames.mean(axis=0), np.full(N, NOISE))
        assert np.isnan(found).all()
