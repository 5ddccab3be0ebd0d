"""Planted displacements come back; at least as well as scikit-image finds them."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from socwidgets.analysis.cross_correlation import CrossCorrelation
from socwidgets.model.errors import DataError


def scene(rng, shape, margin=16, blur=3.0):
    """A function that cuts a window of `shape` out of one periodic scene, displaced."""
    size = tuple(n + 2 * margin for n in shape)
    spectrum = np.fft.fft2(ndimage.gaussian_filter(rng.normal(size=size), blur, mode="wrap"))
    spectrum /= np.fft.ifft2(spectrum).real.std()
    ky, kx = np.meshgrid(*(np.fft.fftfreq(n) for n in size), indexing="ij")

    def view(dy, dx, noise=0.0):
        image = np.fft.ifft2(spectrum * np.exp(-2j * np.pi * (ky * dy + kx * dx))).real
        cut = image[margin : margin + shape[0], margin : margin + shape[1]]
        return (cut + rng.normal(0, 1, shape) * noise).astype(np.float32)

    return view


@pytest.mark.parametrize("shape", [(128, 128), (97, 150), (151, 64)])
def test_planted_displacements_come_back(rng, shape):
    view = scene(rng, shape)
    correlation = CrossCorrelation(view(0, 0))
    for planted in rng.uniform(-5, 5, (8, 2)):
        # New parts of the scene come into the window: a few hundredths of a pixel are theirs.
        np.testing.assert_allclose(correlation.displacement(view(*planted)), planted, atol=0.15)
    np.testing.assert_allclose(correlation.displacement(view(0, 0)), 0, atol=1e-3)


def test_no_larger_error_than_scikit_image(rng):
    view = scene(rng, (160, 160))
    reference = view(0, 0, noise=0.5)
    correlation = CrossCorrelation(reference)
    planted = rng.uniform(-4, 4, (12, 2))
    images = [view(*d, noise=0.5) for d in planted]
    ours = np.array([correlation.displacement(image) for image in images])

    def error(found):
        return np.sqrt(np.mean((np.asarray(found) - planted) ** 2))

    for normalization in ("phase", None):
        theirs = [
            -phase_cross_correlation(
                reference, image, upsample_factor=20, normalization=normalization
            )[0]
            for image in images
        ]
        assert error(ours) <= error(theirs)


def test_finer_than_its_grid(rng):
    view = scene(rng, (128, 128))
    found = CrossCorrelation(view(0, 0), upsample=10).displacement(view(0.033, -0.017))
    np.testing.assert_allclose(found, [0.033, -0.017], atol=5e-3)


def test_missing_samples_and_offsets_do_not_matter(rng):
    view = scene(rng, (128, 128))
    reference, moved = view(0, 0) + 100, view(1.5, -2.25) + 300
    moved[40:44, 50:53] = np.nan
    reference[0] = np.inf
    np.testing.assert_allclose(
        CrossCorrelation(reference).displacement(moved), [1.5, -2.25], atol=0.1
    )


def test_images_without_contrast_say_so(rng):
    view = scene(rng, (64, 64))
    assert np.isnan(CrossCorrelation(view(0, 0)).displacement(np.full((64, 64), 3.0))).all()
    assert np.isnan(CrossCorrelation(np.zeros((64, 64))).displacement(view(0, 0))).all()
    assert np.isnan(CrossCorrelation(view(0, 0)).displacement(np.full((64, 64), np.nan))).all()


def test_shapes_are_checked(rng):
    with pytest.raises(DataError, match="do not fit"):
        CrossCorrelation(np.ones((8, 8))).displacement(np.ones((8, 9)))
    with pytest.raises(DataError, match="cannot be correlated"):
        CrossCorrelation(np.ones(8))
