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
    # Otsu cuts the cone near half height: 0.9 of the radius.
    assert int((labels == labels[90, 40]).sum()) == pytest.approx(np.pi * (0.9 * 12) ** 2, rel=0.2)


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
