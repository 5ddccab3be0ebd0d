"""Planted components come back, with masks, gaps and lazy stacks."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.clusters import kmeans, nmf
from socwidgets.analysis.decomposition import denoise, pca
from socwidgets.analysis.vertices import simplex_vertices
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import fe_l3_references

SHAPE = (40, 50)
AXIS = np.linspace(700, 730, 40)
NOISE = 0.02


def shapes():
    return np.stack([np.exp(-((AXIS - c) ** 2) / 8) for c in (708, 715, 722)])


@pytest.fixture
def stack(rng):
    y, x = np.indices(SHAPE)
    amounts = np.stack([np.sin(x / 9) ** 2, y / 40.0, np.cos((x + y) / 11) ** 2])
    signal = 0.8 + np.einsum("kyx,ke->eyx", amounts, shapes())
    signal += rng.normal(0, NOISE, signal.shape)
    return make_stack(signal.astype(np.float32), AXIS, quantity="optical_density", pixel_um=0.05)


def test_equal_to_the_decomposition_in_float64(stack):
    found = pca(stack, n_components=3)
    spectra = stack.signal.values.reshape(40, -1).T.astype(float)
    centered = spectra - spectra.mean(axis=0)
    _, singular, vectors = np.linalg.svd(centered, full_matrices=False)
    np.testing.assert_allclose(found.eigenvalue, singular**2 / len(spectra), rtol=1e-4)
    for k in range(3):
        overlap = abs(found.loadings.values[k] @ vectors[k])
        assert overlap == pytest.approx(1, abs=1e-8)
    expected = (centered @ found.loadings.values.T).T.reshape(3, *SHAPE)
    np.testing.assert_allclose(found.scores, expected, atol=1e-5)
    np.testing.assert_allclose(found["mean"], spectra.mean(axis=0), rtol=1e-6)
    assert float(found.explained.sum()) == pytest.approx(1)


def test_number_of_components_and_noise(stack):
    found = pca(stack)
    assert found.attrs["n_above_noise"] == 3
    assert found.sizes["component"] == 3
    assert int(found.indicator.idxmin()) == 3
    assert found.attrs["noise_std"] == pytest.approx(NOISE, rel=0.05)


def test_without_centering(stack):
    found = pca(stack, center=False, n_components=2)
    spectra = stack.signal.values.reshape(40, -1).astype(float)
    expected = np.linalg.eigvalsh(spectra @ spectra.T / spectra.shape[1])[::-1]
    np.testing.assert_allclose(found.eigenvalue[:4], expected[:4], rtol=1e-5)
    assert (found["mean"] == 0).all()


def test_masks_gaps_and_lazy_stacks(stack):
    stack.signal[5, 3, 4] = np.nan
    mask = xr.DataArray(np.ones(SHAPE, bool), dims=("y", "x"))
    mask[:, :10] = False
    found = pca(stack, mask=mask, n_components=3)
    assert found.attrs["n_pixels"] == 40 * 40
    assert np.isnan(found.scores[:, :, :10]).all()
    whole = pca(stack, n_components=3)
    assert np.isnan(whole.scores[:, 3, 4]).all()
    assert whole.attrs["n_pixels"] == 40 * 50 - 1
    lazy = pca(stack.chunk({"y": 7}), mask=mask, n_components=3)
    np.testing.assert_allclose(lazy.scores, found.scores, atol=1e-5)
    alone = pca(stack.isel(x=slice(10, None)), n_components=3)
    np.testing.assert_allclose(alone.scores, found.scores[:, :, 10:], atol=1e-5)


def test_denoised_stack_is_nearer_to_the_truth(stack, rng):
    y, x = np.indices(SHAPE)
    amounts = np.stack([np.sin(x / 9) ** 2, y / 40.0, np.cos((x + y) / 11) ** 2])
    truth = 0.8 + np.einsum("kyx,ke->eyx", amounts, shapes())
    clean = denoise(stack, pca(stack))
    before = float(((stack.signal - truth) ** 2).mean())
    after = float(((clean.signal - truth) ** 2).mean())
    # Of 40 energies of noise, three components and the mean are left.
    assert after / before == pytest.approx(3 / 40, rel=0.15)


def test_nmf_explains_all_but_the_noise(stack):
    found = nmf(stack, n_components=4, seed=1)  # the constant is one
    assert (found.loadings >= 0).all()
    assert (found.amounts >= 0).all()
    rebuilt = xr.dot(found.amounts, found.loadings, dim="component").transpose(*stack.signal.dims)
    rms = float(((rebuilt - stack.signal) ** 2).mean() ** 0.5)
    assert rms < 1.1 * NOISE
    assert found.attrs["residual"] == pytest.approx(
        rms**2 / float((stack.signal**2).mean()), rel=1e-3
    )


def degrees_off(found, planted):
    """Angle between each planted spectrum and the nearest found one."""
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (found, planted))
    return np.degrees(np.arccos(np.clip(a @ b.T, -1.0, 1.0))).min(axis=0)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("purest", [0.0, 0.3])
def test_nmf_converges_near_the_corners(rng, noise, purest):
    """From singular vectors it ends up to 15 degrees off, at the same residual."""
    planted = fe_l3_references(np.arange(700.0, 726.0, 0.5))
    share = rng.uniform(purest, 1 - purest, (48, 48))
    od = np.stack([1 - share, share]).T @ planted.values * rng.uniform(0.3, 1.0, (48, 48, 1))
    od = od.transpose(2, 0, 1) + rng.normal(0, noise, (52, 48, 48))
    stack = make_stack(od, planted.energy.values, quantity="optical_density")
    found, other = (nmf(stack, start=start) for start in ("vertices", "singular"))
    assert found.attrs["start"] == "vertices"
    assert found.attrs["converged"] == 1
    assert found.attrs["iterations"] < 200
    assert found.attrs["residual"] == pytest.approx(other.attrs["residual"], rel=0.01, abs=1e-7)
    corners = simplex_vertices(stack, n_vertices=2).reference.values
    # No farther than the corners are, which noise moves outward and mixing inward.
    assert (
        degrees_off(found.loadings.values, planted.values)
        < degrees_off(corners, planted.values) + 0.5
    ).all()
    if noise <= 0.01 and purest == 0.0:
        assert degrees_off(found.loadings.values, planted.values).max() < 1.5
        assert degrees_off(other.loadings.values, planted.values).max() > 8


def test_nmf_says_when_it_has_not_converged(stack):
    with pytest.warns(UserWarning, match="raise max_iterations"):
        found = nmf(stack, n_components=4, max_iterations=20)
    assert (found.attrs["converged"], found.attrs["iterations"]) == (0, 20)
    one = nmf(stack, n_components=1)
    assert (one.attrs["start"], one.attrs["converged"]) == ("singular", 1)
    # The purest of all the same spectra: no corners, and yet a factor.
    same = make_stack(stack.signal[:, :1, :1].values * np.ones((1, 9, 9)), AXIS,
                      quantity="optical_density")  # fmt: skip
    assert nmf(same).attrs["start"] == "singular"


def test_clusters_come_back(rng):
    planted = np.zeros(SHAPE, int)
    planted[10:30, 5:20], planted[:, 40:] = 1, 2
    signal = shapes()[planted].transpose(2, 0, 1) + rng.normal(0, NOISE, (40, *SHAPE))
    stack = make_stack(signal.astype(np.float32), AXIS, quantity="optical_density", pixel_um=0.05)
    stack.signal[3, 0, 0] = np.nan
    for data in (stack, pca(stack, n_components=2)):
        found = kmeans(data, n_clusters=3)
        assert found.cluster[0, 0] == 0
        sizes = [np.count_nonzero(planted == k) for k in (0, 2, 1)]
        assert list(found.n_pixels) == [sizes[0] - 1, sizes[1], sizes[2]]
        for label, k in ((1, 0), (2, 2), (3, 1)):
            inside = (found.cluster == label).values
            assert (planted[inside] == k).all()
            np.testing.assert_allclose(found.centers[label - 1], shapes()[k], atol=0.01)


def test_bad_input_is_named(stack):
    with pytest.raises(DataError, match="too few usable spectra"):
        pca(stack.isel(y=slice(0, 3), x=slice(0, 3)))
    with pytest.raises(DataError, match="all spectra are the same"):
        pca(stack * 0.0)
    with pytest.raises(DataError, match="mask does not fit"):
        pca(stack, mask=xr.DataArray(np.ones((3, 3), bool), dims=("y", "x")))
    with pytest.raises(DataError, match="mostly negative"):
        nmf(stack.assign(signal=-stack.signal))
    with pytest.raises(ParameterError, match="n_components"):
        pca(stack, n_components=0)
    with pytest.raises(ParameterError, match="nothing to cluster"):
        kmeans(xr.Dataset({"a": 1}))
