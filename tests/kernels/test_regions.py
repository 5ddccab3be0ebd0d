"""Shapes of labels against numpy and scipy's convex hull."""

import numpy as np

from socwidgets.heterogeneity.regions import region_shapes
from socwidgets.kernels import regions as kernel
from socwidgets.kernels import regions_reference


def blobs(rng, shape=(60, 70)):
    labels = np.zeros(shape, np.int32)
    for label in range(1, 25):
        y, x = rng.integers(0, shape[0] - 12), rng.integers(0, shape[1] - 12)
        part = labels[y : y + rng.integers(1, 12), x : x + rng.integers(1, 12)]
        part[rng.random(part.shape) < 0.6] = label
    labels[0, 0], labels[59, 69] = 26, 27  # single pixels; 25 does not occur
    return labels


def test_moments_equal_the_twin(rng):
    labels = blobs(rng)
    table = np.empty((28, len(kernel.MOMENTS)))
    origin = kernel.region_moments(labels[None], table)
    for label in np.unique(labels)[1:]:
        inside = labels == label
        n = table[label, 0]
        assert n == inside.sum()
        center = table[label, 1:4] / n
        np.testing.assert_allclose((center + origin[label])[1:], np.argwhere(inside).mean(axis=0))
        if n > 1:
            own = table[label, [5, 9, 6]] / n - center[[1, 1, 2]] * center[[1, 2, 2]]
            twin = regions_reference.covariance(inside)
            np.testing.assert_allclose(own, twin[[0, 0, 1], [0, 1, 1]], atol=1e-9)
    assert table[25, 0] == 0


def test_solidity_equals_the_hull_of_the_corners(rng):
    labels = blobs(rng)
    shapes = region_shapes(labels, (1.0, 1.0))
    assert 25 not in shapes.index
    for label, solidity in shapes.solidity.items():
        inside = labels == label
        expected = inside.sum() / regions_reference.hull_area(inside)
        np.testing.assert_allclose(solidity, expected, rtol=1e-12, err_msg=str(label))


def test_axes_of_a_known_ellipse_and_ellipsoid():
    y, x = np.mgrid[:200, :200] - 100.0
    angle = np.radians(30)
    u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    shape = region_shapes(((u / 60) ** 2 + (v / 20) ** 2 < 1).astype(int), (0.1, 0.1)).loc[1]
    np.testing.assert_allclose([shape.major_um, shape.minor_um], [12.0, 4.0], rtol=0.01)
    np.testing.assert_allclose(shape.orientation_deg, 30.0, atol=0.3)
    assert shape.solidity > 0.96
    z, y, x = np.mgrid[:40, :40, :80] - 20.0
    solid = (z / 10) ** 2 + (y / 10) ** 2 + ((x - 20) / 30) ** 2 < 1
    shape = region_shapes(solid.astype(int), (0.1, 0.1, 0.1)).loc[1]
    np.testing.assert_allclose([shape.major_um, shape.aspect], [6.0, 3.0], rtol=0.02)
    np.testing.assert_allclose(shape.volume_um3, 4 / 3 * np.pi * 3, rtol=0.02)
    # Voxels twice as tall as wide: the same indices are another shape.
    tall = region_shapes(solid.astype(int), (0.3, 0.1, 0.1)).loc[1]
    np.testing.assert_allclose(tall.aspect, 3.0, rtol=0.02)


def test_a_single_pixel_is_round():
    shape = region_shapes(np.eye(3, dtype=int)[:1], (0.5, 0.5)).loc[1]
    np.testing.assert_allclose([shape.aspect, shape.solidity, shape.area_um2], [1.0, 1.0, 0.25])
