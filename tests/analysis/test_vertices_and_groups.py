"""Without references: corners of the cloud, groups, and what denoising costs."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.decomposition import pca
from socwidgets.analysis.denoise_effect import denoise_effect
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.mixture import gaussian_mixture
from socwidgets.analysis.vertices import simplex_vertices
from socwidgets.model.errors import DataError
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import reference_spectrum

GRID = np.arange(8320.0, 8400.0, 1.0)
NAMES = ("NiO", "LiNiO2", "Ni4+")
PURE = np.stack([reference_spectrum(n, GRID) for n in NAMES])


def mixed_stack(rng, fractions, noise=0.01, known=False):
    """Optical density of ``fractions (k, y, x)`` with a thickness of 0.4 to 1.2, one row empty."""
    shape = fractions.shape[1:]
    thick = 0.4 + 0.8 * rng.random(shape)
    thick[0] = 0.0
    signal = np.einsum("kyx,ke->eyx", fractions, PURE[: len(fractions)]) * thick
    signal = signal + rng.normal(0, noise, signal.shape)
    stack = make_stack(signal.astype(np.float32), GRID, quantity="optical_density", pixel_um=0.04)
    if known:
        stack["signal_std"] = xr.full_like(stack.signal, noise)
    return stack


def dirichlet(rng, k, shape=(60, 60), pure=0.05):
    """Random mixtures with some pure pixels of each."""
    parts = rng.dirichlet(np.ones(k), shape).transpose(2, 0, 1)
    which = rng.integers(0, k, shape)
    alone = rng.random(shape) < pure
    return np.where(alone, np.eye(k)[which].transpose(2, 0, 1), parts)


@pytest.mark.parametrize("k", [2, 3])
def test_corners_are_the_planted_spectra(rng, k):
    fractions = dirichlet(rng, k)
    stack = mixed_stack(rng, fractions, noise=0.005)
    found = simplex_vertices(stack, n_vertices=k)
    unit = lambda s: s / np.linalg.norm(s, axis=-1, keepdims=True)  # noqa: E731
    match = unit(found.reference.values) @ unit(PURE[:k]).T
    order = match.argmax(axis=1)
    assert sorted(order) == list(range(k))
    assert match.max(axis=1).min() > 0.9995
    # Fractions are those of amounts per unit of the first component's score: nearly of thickness.
    for corner, component in enumerate(order):
        error = found.fraction.values[corner, 1:] - fractions[component, 1:]
        assert np.nanstd(error) < 0.05
        assert abs(np.nanmean(error)) < 0.05
    assert np.isnan(found.fraction.values[:, 0]).all()
    counts = np.bincount(found.is_vertex.values.ravel())[1:]
    assert (counts == round(0.01 * 59 * 60)).all()
    assert (found.reference_std.values < 0.05).all()
    # They serve as references at once.
    maps = fit_map(stack, "lcf", references=found.reference, background_degree=-1)
    other = maps[f"fraction_vertex_{1 + list(order).index(0)}"].values[1:]
    assert np.corrcoef(other.ravel(), fractions[0, 1:].ravel())[0, 1] > 0.98


def test_without_pure_pixels_corners_are_the_purest_mixtures(rng):
    f = 0.2 + 0.6 * rng.random((50, 50))
    stack = mixed_stack(rng, np.stack([f, 1 - f]), noise=0.002)
    found = simplex_vertices(stack)
    expected = np.stack([0.8 * PURE[0] + 0.2 * PURE[1], 0.2 * PURE[0] + 0.8 * PURE[1]])
    unit = lambda s: s / np.linalg.norm(s, axis=-1, keepdims=True)  # noqa: E731
    match = unit(found.reference.values) @ unit(expected).T
    assert match.max(axis=1).min() > 0.9995


def test_corners_that_are_not_there_are_refused(rng):
    f = rng.random((20, 20))
    exact = mixed_stack(rng, np.stack([f, 1 - f]), noise=0.0)
    exact["signal"] = exact.signal.astype(np.float64)
    with pytest.raises(DataError, match=r"fewer components|flat"):
        simplex_vertices(exact, n_vertices=4)
    with pytest.raises(DataError, match="too few"):
        simplex_vertices(exact.isel(y=slice(0, 2), x=slice(0, 1)))


def test_bic_finds_the_groups_and_says_how_sure_it_is(rng):
    which = rng.integers(0, 3, (40, 40))
    fractions = np.eye(3)[which].transpose(2, 0, 1)
    spread = rng.normal(0, 0.05, (40, 40))
    signal = np.einsum("kyx,ke->eyx", fractions, PURE) * (1 + spread)
    stack = make_stack(
        signal + rng.normal(0, 0.02, signal.shape), GRID, quantity="normalized", pixel_um=0.04
    )
    found = gaussian_mixture(pca(stack, n_components=3), most=4, starts=1)
    assert int(found.number[int(np.argmin(found.bic.values))]) == 3
    assert found.sizes["cluster_id"] == 3
    for k in range(3):
        inside = found.cluster.values[which == k]
        assert np.mean(inside == np.bincount(inside).argmax()) > 0.99
    assert float(found.probability.min()) > 0.3
    assert float(found.probability.mean()) > 0.98
    order = [np.bincount(found.cluster.values[which == k]).argmax() for k in range(3)]
    for k, number in enumerate(order):
        np.testing.assert_allclose(found.centers.sel(cluster_id=number), PURE[k], atol=0.03)
    two = gaussian_mixture(pca(stack, n_components=3), n_groups=2)
    assert two.sizes["cluster_id"] == 2
    assert int(two.n_pixels[0]) >= int(two.n_pixels[1])


REFERENCES = make_references({n: (GRID, PURE[i]) for i, n in enumerate(NAMES[:2])})


def nickel_map(stack):
    maps = fit_map(stack, "lcf", references=REFERENCES, constraint="none", workers=1)
    return maps.fraction_LiNiO2_free


def two_phase_stack(rng, noise=0.15):
    y, x = np.indices((50, 50))
    f = 0.5 + 0.25 * np.sin(x / 5.0) * np.cos(y / 7.0)
    signal = f * PURE[1][:, None, None] + (1 - f) * PURE[0][:, None, None]
    signal = signal + rng.normal(0, noise, signal.shape)
    return make_stack(signal, GRID, quantity="normalized", pixel_um=0.04), f


def white_line(stack):
    return fit_map(stack, "white_line", center=8352.0, half_width=4.0, workers=1).white_line_energy


def test_denoising_that_keeps_the_components_keeps_the_true_spread(rng):
    stack, _ = two_phase_stack(rng, noise=0.02)
    exact, _ = two_phase_stack(rng, noise=0.0)
    truth = float(white_line(exact).std())
    _, effect = denoise_effect(stack, white_line)
    assert effect.n_components == 1
    assert effect.noise[1] < 0.65 * effect.noise[0]
    for true, error in zip(effect.true, effect.true_std, strict=True):
        assert true == pytest.approx(truth, abs=4 * error)
    assert "true spread is kept" in effect.verdict
    table = effect.table()
    assert list(table.index) == ["before", "after"]
    np.testing.assert_allclose(table.observed**2 - table.noise**2, table.true**2, rtol=1e-6)


def test_a_linear_combination_fit_gains_nothing(rng):
    """It is a projection already; denoising would only hide that."""
    stack, _ = two_phase_stack(rng, noise=0.15)
    _, effect = denoise_effect(stack, nickel_map)
    assert effect.noise[1] == pytest.approx(effect.noise[0], rel=0.05)


def test_the_noise_that_is_found_is_the_noise_that_is_there(rng):
    stack, f = two_phase_stack(rng, noise=0.03)
    clean, effect = denoise_effect(stack, nickel_map, n_components=2)
    for i, data in enumerate((stack, clean)):
        error = nickel_map(data).values - f
        assert effect.noise[i] == pytest.approx(error.std(), rel=0.1)


def test_denoising_that_loses_a_component_is_told(rng):
    """The map's own component is the second: one component keeps only the thickness."""
    y, x = np.indices((50, 50))
    f = 0.5 + 0.2 * np.sin(x / 5.0) * np.cos(y / 7.0)
    thick = 1.0 + 0.6 * np.cos(x / 9.0)
    signal = (f * PURE[1][:, None, None] + (1 - f) * PURE[0][:, None, None]) * thick
    stack = make_stack(
        signal + rng.normal(0, 0.03, signal.shape), GRID, quantity="optical_density", pixel_um=0.04
    )
    _, effect = denoise_effect(stack, nickel_map, n_components=1)
    assert effect.kept < 0.7
    assert "keep more components" in effect.verdict
    _, better = denoise_effect(stack, nickel_map, n_components=2)
    assert better.kept == pytest.approx(1.0, abs=0.05)
    with pytest.raises(DataError, match="no spread"):
        denoise_effect(stack, lambda s: nickel_map(s) * np.nan, n_components=1)


@pytest.mark.filterwarnings("ignore:.*of the pixels have no maximum", "ignore:noise is too large")
def test_pixels_that_leave_the_window_are_told_instead_of_a_true_spread(rng):
    """Nothing is said about a spread whose ends were cut off: it was "kept", or "grown" with the
    noise to blame."""
    shift = rng.normal(0, 0.8, (30, 30))
    narrow = {"center": 8352.2, "half_width": 1.5, "workers": 1}
    for noise in (0.02, 0.12):
        signal = reference_spectrum("LiNiO2", GRID[:, None, None] - shift)
        stack = make_stack(signal + rng.normal(0, noise, signal.shape), GRID, quantity="normalized")
        stack["signal_std"] = xr.full_like(stack.signal, noise)
        _, effect = denoise_effect(
            stack, lambda s: fit_map(s, "white_line", **narrow).white_line_energy, repeats=1
        )
        assert max(effect.lost) > 0.02
        assert effect.true[0] < 0.75
        assert "of the pixels have no value" in effect.verdict
        assert "kept" not in effect.verdict
    stack, _ = two_phase_stack(rng, noise=0.02)
    assert denoise_effect(stack, white_line, repeats=1)[1].lost == (0.0, 0.0)
