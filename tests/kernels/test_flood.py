"""Summits, basins and distances against scipy and scikit-image."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed

from socwidgets.kernels.distance import distance_inside, surface_distance
from socwidgets.kernels.flood import basins, summits

SHAPES = [(70, 90), (12, 25, 31), (1, 40), (2, 2)]


def landscape(rng, shape):
    height = ndimage.gaussian_filter(rng.normal(size=shape), 1.5)
    return height, height > np.quantile(height, 0.3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reach", [1, 3, 8])
def test_summits_equal_a_maximum_filter(rng, shape, reach):
    height, mask = landscape(rng, shape)
    height = np.round(height, 2)  # with flat summits
    twin = (height == ndimage.maximum_filter(height, 2 * reach + 1)) & mask
    np.testing.assert_array_equal(summits(height, mask, reach), twin)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reach", [1, 5])
def test_basins_equal_the_watershed(rng, shape, reach):
    """With few seeds many summits have none, and are flooded from aside."""
    height, mask = landscape(rng, shape)
    seeds, _ = ndimage.label(summits(height, mask, reach))
    found = basins(height, seeds, mask)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, watershed(-height, seeds, mask=mask))


def test_basins_of_a_flat_landscape_leave_nothing_out():
    seeds = np.zeros((20, 30), np.int32)
    seeds[5, 5], seeds[15, 25], seeds[0, 29] = 1, 2, 3
    mask = np.ones(seeds.shape, bool)
    mask[:, 27], seeds[10, 27] = False, 7  # a seed outside does not count
    found = basins(np.ones(seeds.shape), seeds, mask)
    assert set(np.unique(found[:, :27])) == {1, 2}
    assert (found[:, 27] == 0).all()
    assert (found[:, 28:] == 3).all()
    assert not basins(np.ones((3, 3)), np.zeros((3, 3), np.int32), np.ones((3, 3), bool)).any()


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((60, 47), (0.04, 0.04)), ((33, 50), (0.3, 1.0)), ((9, 20, 24), (2.5, 1.0, 0.7))],
)
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_distance_equals_scipy(rng, shape, spacing, share):
    inside = rng.random(shape) > share
    twin = ndimage.distance_transform_edt(inside, sampling=spacing)
    np.testing.assert_allclose(distance_inside(inside, spacing), twin, rtol=1e-13)


def test_distance_with_nothing_outside_or_inside():
    assert np.isinf(distance_inside(np.ones((4, 5), bool), (1.0, 1.0))).all()
    assert not distance_inside(np.zeros((4, 5), bool), (1.0, 1.0)).any()
    labels = np.repeat([[1, 1, 1, 2, 2]], 3, axis=0)
    np.testing.assert_array_equal(surface_distance(labels, (1.0, 1.0))[0], [3, 2, 1, 1, 2])
