"""Decompositions of volumes and series: common to all images, maps with their leading dims."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.clusters import kmeans, nmf
from socwidgets.analysis.decomposition import denoise, pca
from socwidgets.analysis.denoise_effect import denoise_effect
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.mixture import gaussian_mixture
from socwidgets.analysis.vertices import simplex_vertices
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import reference_spectrum

GRID = np.arange(8330.0, 8380.0, 2.0)
PURE = np.stack([reference_spectrum(n, GRID) for n in ("NiO", "LiNiO2")])
SHAPE = (3, 14, 18)
NOISE = 0.01


@pytest.fixture(scope="module")
def volume():
    """Fractions ``(z, y, x)`` and a volume whose layers hold different compositions."""
    rng = np.random.default_rng(3)
    layer = np.array([0.1, 0.5, 0.9])[:, None, None]
    fraction = np.clip(layer + rng.uniform(-0.1, 0.1, SHAPE), 0.0, 1.0)
    fraction[0, :2], fraction[2, :2] = 0.0, 1.0
    signal = np.moveaxis(PURE[0] + fraction[..., None] * (PURE[1] - PURE[0]), -1, 1)
    signal = (0.8 * signal + rng.normal(0, NOISE, signal.shape)).astype(np.float32)
    stack = xr.Dataset(
        {"signal": (("z", "energy", "y", "x"), signal)},
        {"z": np.arange(3) * 0.5, "energy": GRID,
         "y": np.arange(SHAPE[1]) * 0.1, "x": np.arange(SHAPE[2]) * 0.1},
        {"quantity": "optical_density"},
    )  # fmt: skip
    return fraction, stack


def tall(stack):
    """The same layers below each other, by hand."""
    signal = np.concatenate(list(stack.signal.values), axis=1)
    return make_stack(signal, GRID, quantity="optical_density", pixel_um=0.1)


@pytest.mark.parametrize("lead", ["z", "state"])
def test_components_are_those_of_all_images(volume, lead):
    _, stack = volume
    series = stack.rename(z=lead)
    found, wanted = pca(series, n_components=2), pca(tall(stack), n_components=2)
    assert found.scores.dims == ("component", lead, "y", "x")
    np.testing.assert_allclose(found[lead], stack.z)
    np.testing.assert_array_equal(found.y, stack.y)
    for name in ("loadings", "mean", "eigenvalue"):
        np.testing.assert_array_equal(found[name], wanted[name])
    flat = wanted.scores.values.reshape(2, *SHAPE)
    np.testing.assert_array_equal(found.scores, flat)
    assert found.attrs["n_above_noise"] == 1
    assert provenance.steps(found)[-1]["input"] == provenance.data_hash(series)
    lazy = pca(series.chunk({lead: 1, "y": 5}), n_components=2)
    np.testing.assert_allclose(lazy.scores, found.scores, atol=1e-5)
    other_order = pca(series.transpose("y", lead, "x", "energy"), n_components=2)
    np.testing.assert_allclose(other_order.scores, found.scores, atol=1e-5)


def test_denoised_volumes_hold_less_noise(volume):
    fraction, stack = volume
    components = pca(stack)
    clean = denoise(stack, components)
    assert clean.signal.dims == stack.signal.dims
    exact = 0.8 * np.moveaxis(PURE[0] + fraction[..., None] * (PURE[1] - PURE[0]), -1, 1)
    assert float((clean.signal - exact).std()) < 0.4 * NOISE
    references = make_references({n: (GRID, s) for n, s in zip("ab", PURE, strict=True)})
    everywhere = xr.DataArray(np.ones(SHAPE[1:], bool), dims=("y", "x"))
    _, effect = denoise_effect(
        stack,
        lambda s: fit_map(s, "lcf", references=references, workers=1).fraction_b_free,
        mask=everywhere,
        repeats=1,
    )
    assert effect.n_pixels == fraction.size
    assert "true spread is kept" in effect.verdict
    assert effect.true[0] == pytest.approx(fraction.std(), rel=0.02)
    with pytest.raises(DataError, match="another stack"):
        denoise(stack, components.assign_coords(z=stack.z + 1.0))
    with pytest.raises(DataError, match="another stack"):
        denoise(stack.isel(z=0), components)


def test_groups_and_corners_are_common_to_all_images(volume):
    fraction, stack = volume
    for found in (kmeans(stack, n_clusters=3), gaussian_mixture(pca(stack), n_groups=3)):
        assert found.cluster.dims == ("z", "y", "x")
        typical = [np.bincount(c.ravel()).argmax() for c in found.cluster.values[:, 2:]]
        assert sorted(typical) == [1, 2, 3]
    corners = simplex_vertices(stack, n_vertices=2)
    assert corners.fraction.dims == ("component", "z", "y", "x")
    place = corners.fraction.values[int(np.argmax(corners.fraction.values[:, 2].mean((1, 2))))]
    assert np.corrcoef(place.ravel(), fraction.ravel())[0, 1] > 0.99
    # Pure spectra of two layers; neither is in the middle one.
    assert set(np.flatnonzero(corners.is_vertex.values.any(axis=(1, 2)))) == {0, 2}
    parts = nmf(stack, n_components=2)
    assert parts.amounts.dims == ("component", "z", "y", "x")
    share = (parts.amounts / parts.amounts.sum("component")).values
    assert np.abs(np.corrcoef(share[0].ravel(), fraction.ravel())[0, 1]) > 0.99


@pytest.mark.parametrize("dims", [("y", "x"), ("z", "y", "x"), ("x", "z", "y")])
def test_masks_of_an_image_and_of_the_volume(volume, dims):
    _, stack = volume
    sizes = {"z": SHAPE[0], "y": SHAPE[1], "x": SHAPE[2]}
    mask = xr.DataArray(np.ones([sizes[d] for d in dims], bool), dims=dims)
    mask[{"y": 4}] = False
    found = pca(stack, mask=mask, n_components=1)
    left_out = np.isnan(found.scores.values[0])
    assert left_out[:, 4].all()
    assert left_out.sum() == SHAPE[0] * SHAPE[2]
    assert found.attrs["n_pixels"] == left_out.size - left_out.sum()
    assert (kmeans(found, n_clusters=2).cluster.values == 0).sum() == left_out.sum()
    stored = provenance.steps(found)[-1]["parameters"]["mask"]
    assert stored == provenance.jsonable(mask)
    plain = pca(stack, mask=mask.transpose(..., "y", "x").values, n_components=1)
    np.testing.assert_array_equal(plain.scores, found.scores)
    with pytest.raises(DataError, match="the mask does not fit"):
        pca(stack, mask=mask.isel(y=slice(0, 5)))
