"""Particles: planted discs come back, touching ones are split, sizes and borders are reported."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.segmentation import segment_particles
from socwidgets.model.errors import DataError

PIXEL = 0.04


def discs(rng, centres, radius=12, size=128, noise=0.03):
    y, x = np.mgrid[:size, :size]
    thickness = np.zeros((size, size))
    for cy, cx in centres:
        thickness = np.maximum(thickness, np.clip(1.2 - np.hypot(y - cy, x - cx) / radius, 0, 0.6))
    thickness += rng.normal(0, noise, thickness.shape)
    axis = np.arange(size) * PIXEL
    return xr.DataArray(thickness, {"y": axis, "x": axis}, ("y", "x"), name="thickness")


def test_touching_discs_are_split_and_areas_are_right(rng):
    centres = [(30, 30), (30, 51), (90, 40), (0, 100)]
    labels = segment_particles(discs(rng, centres), separation_um=0.4)
    assert labels.dtype == np.int32
    assert int(labels.max()) == 4
    found = {int(labels[cy, cx]) for cy, cx in centres}
    assert found == {1, 2, 3, 4}
    assert labels.attrs["touches_border"] == [int(labels[0, 100])]
    area = np.bincount(labels.values.ravel())[1:]
    assert list(area) == sorted(area, reverse=True)
    # The cone is cut where it has the height of the threshold.
    radius = (1.2 - labels.attrs["threshold"]) * 12
    assert int((labels == labels[90, 40]).sum()) == pytest.approx(np.pi * radius**2, rel=0.05)


def test_small_objects_are_dropped(rng):
    image = discs(rng, [(40, 40)], noise=0.0)
    image[100:102, 100:102] = 0.6
    labels = segment_particles(image, smooth_px=0.0, min_area_um2=10 * PIXEL**2)
    assert int(labels.max()) == 1
    assert labels[100, 100] == 0


def test_nan_is_background(rng):
    image = discs(rng, [(40, 40)]).where(lambda v: v.x < 2.0)
    labels = segment_particles(image)
    assert int(labels.max()) >= 1
    assert (labels.where(image.isnull(), 0) == 0).all()


def test_nothing_to_segment():
    empty = xr.DataArray(np.zeros((5, 5)), dims=("y", "x"))
    with pytest.raises(DataError, match="nothing to segment"):
        segment_particles(empty)
    with pytest.raises(DataError, match="one image"):
        segment_particles(empty.expand_dims("state"))


def test_small_objects_can_be_kept_and_flagged(rng):
    image = discs(rng, [(40, 40)], noise=0.0)
    image[100:102, 100:102] = 0.6
    options = {"smooth_px": 0.0, "min_area_um2": 10 * PIXEL**2}
    labels = segment_particles(image, keep_small=True, **options)
    assert labels.attrs["too_small"] == [int(labels[100, 100])] == [2]
    assert segment_particles(image, **options).attrs["too_small"] == []


def test_nearly_all_particles_of_the_phantom_are_found():
    """Half of them touch, some are thin: of 32 each, over four seeds, at most 4 % go wrong."""
    from socwidgets.phantoms.ensemble import lfp_ensemble

    found = planted = extra = 0
    for seed in range(4):
        truth = lfp_ensemble(seed=seed).truth
        noise = np.random.default_rng(seed).normal(0, 0.02, truth.thickness.shape)
        image = truth.thickness + noise * float(truth.thickness.max())
        labels, real = segment_particles(image).values, truth.labels.values
        extra += int(labels.max())
        for label in range(1, int(real.max()) + 1):
            inside = real == label
            if inside.sum() < 30:
                continue
            best = np.bincount(labels[inside]).argmax()
            planted += 1
            found += (labels == best)[inside].sum() > 0.5 * ((labels == best) | inside).sum()
    assert planted > 120
    assert found >= 0.96 * planted
    assert extra <= 1.03 * planted


def test_touching_balls_of_a_volume():
    z, y, x = np.mgrid[:40, :40, :70]
    centers = [(20, 20, 18), (20, 20, 45)]
    inside = [np.hypot(np.hypot(z - a, y - b), x - c) < 15 for a, b, c in centers]
    axes = {d: np.arange(n) * PIXEL for d, n in zip("zyx", z.shape, strict=True)}
    volume = xr.DataArray((inside[0] | inside[1]).astype(float), axes, ("z", "y", "x"))
    labels = segment_particles(volume)
    assert int(labels.max()) == 2
    assert int(labels[20, 20, 18]) != int(labels[20, 20, 45])
    assert labels.attrs["touches_border"] == []


def test_a_dumbbell_with_a_high_neck_is_one_particle():
    y, x = np.mgrid[:60, :90]
    near = (np.hypot(y - 30, x - 35) < 18) | (np.hypot(y - 30, x - 50) < 18)
    far = (np.hypot(y - 30, x - 25) < 18) | (np.hypot(y - 30, x - 57) < 18)
    for shape, parts in ((near, 1), (far, 2)):
        image = xr.DataArray(shape.astype(float), dims=("y", "x"))
        assert int(segment_particles(image, separation_um=4.0).max()) == parts
