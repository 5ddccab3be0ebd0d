"""Matrices applied along the rows and columns of an image: equal to scipy's sparse products."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import ndimage

from socwidgets.analysis.line_filters import along_x, along_y, gaussian
from socwidgets.analysis.resample import shift_matrix


@pytest.mark.parametrize("shape", [(1, 5), (7, 3), (64, 31), (75, 66)])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint16, ">f4"])
def test_products_equal_the_sparse_twin(rng, shape, kind):
    image = rng.uniform(0, 900, shape).astype(kind)
    height, width = shape
    by_x, by_y = (sp.random_array((n, n), density=0.4, rng=rng).tocsr() for n in (width, height))
    across = along_x(by_x, image)
    np.testing.assert_allclose(across, image.astype(float) @ by_x.T.toarray(), rtol=1e-13)
    found = along_y(by_y, across, np.dtype(np.float64))
    np.testing.assert_allclose(found, by_y.toarray() @ across, rtol=1e-13)


def test_what_is_not_finite_stays_in_its_neighborhood(rng):
    image = rng.uniform(0, 1, (40, 90))
    image[20, 30] = np.nan
    found = along_y(shift_matrix(40, 0.3), along_x(shift_matrix(90, 0.4), image), image.dtype)
    missing = np.argwhere(np.isnan(found))
    assert len(missing) > 1
    assert (np.abs(missing - [20, 30]) <= 11).all()


@pytest.mark.parametrize("width", [0.3, 0.5, 4.0, 60.0])
def test_gaussian_equals_ndimage(rng, width):
    image = rng.normal(0, 1, (33, 50)).astype(np.float32)
    found = gaussian(image, width)
    assert found.dtype == image.dtype
    np.testing.assert_allclose(found, ndimage.gaussian_filter(image, width), atol=3e-7)
