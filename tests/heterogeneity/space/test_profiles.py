"""Profiles: from the surface, below facets, through the electrode, and against resolution."""

import numpy as np
import pytest
import xarray as xr
from planted_maps import map_set
from scipy import stats
from scipy.ndimage import distance_transform_edt

from socwidgets.heterogeneity.space.aggregation import aggregation_curve
from socwidgets.heterogeneity.space.depth import depth_profile, layer_profile
from socwidgets.heterogeneity.space.depth_models import fit_depth_profile
from socwidgets.heterogeneity.space.facets import facet_profiles
from socwidgets.heterogeneity.space.radial import core_shell_contrast, radial_profile
from socwidgets.model.errors import DataError, ParameterError


def discs(rng, contrast=0.0, noise=0.02, spread=0.1, n=5, pitch=24, radius=10):
    """Particles whose rim differs from the core by `contrast` on average, by `spread` at random."""
    size = n * pitch
    y, x = np.mgrid[:size, :size]
    cy, cx = y // pitch * pitch + pitch // 2, x // pitch * pitch + pitch // 2
    r = np.hypot(y - cy, x - cx) / radius
    which = y // pitch * n + x // pitch
    own = rng.normal(contrast, spread, n * n)
    soc = 0.4 + own[which] * np.clip(r, 0, 1) + rng.normal(0, noise, (size, size))
    maps = map_set(np.where(r <= 1, soc, np.nan), noise)
    return maps, xr.DataArray(np.where(r <= 1, which + 1, 0), maps.soc.coords, ("y", "x")), own


def test_golden_g43_diffusion_sphere():
    """x(r) = xbar + A (3/5 - r^2/R^2): surface xbar - 0.4 A, center xbar + 0.6 A, sd 0.261861 A."""
    n = 61
    z, y, x = np.indices((n, n, n)) - n // 2
    r = np.sqrt(z**2 + y**2 + x**2) / 27.0
    x_li = np.where(r <= 1, 0.5 + 0.2 * (0.6 - r**2), np.nan)
    maps = map_set(x_li, 0.0, kind="x_li", dims=("z", "y", "x"))
    labels = maps.soc.copy(data=(r <= 1).astype(int))
    profile = radial_profile(maps, labels, bins=20)
    assert float(np.nanstd(x_li)) == pytest.approx(0.05237, rel=0.01)
    # The outer 1/20 of the volume: 0.42 at the very surface, 0.4234 on average.
    surface = 0.5 + 0.2 * 0.6 * (1 - (1 - 0.95 ** (5 / 3)) / 0.05)
    assert float(profile["mean"][0]) == pytest.approx(surface, abs=0.005)
    # A bin is 1/20 of the volume: its outer radius is (1/20)^(1/3) R, its mean r^2 is 3/5 of that.
    center = 0.62 - 0.2 * 0.6 * 0.05 ** (2 / 3)
    assert float(profile["mean"][-1]) == pytest.approx(center, abs=0.005)
    whole = np.average(profile["mean"], weights=profile["count"])
    assert whole == pytest.approx(0.5, abs=0.002)
    for radius_um, diffusivity, amplitude in (
        (5, 1e-14, 0.116),
        (5, 1e-15, 1.157),
        (2, 1e-15, 0.185),
    ):
        found = 1 / 3600 * (radius_um * 1e-6) ** 2 / (6 * diffusivity)
        assert found == pytest.approx(amplitude, abs=6e-4)


def test_contrast_comes_back_with_an_honest_error(rng):
    maps, labels, own = discs(rng, contrast=0.2)
    found = core_shell_contrast(maps, labels)
    # Outer and inner fifth of r in [0, 1]: pixel means over the disc at about 0.9 and 0.13.
    assert found.contrast == pytest.approx(own.mean() * 0.77, rel=0.05)
    assert found.std == pytest.approx(own.std(ddof=1) * 0.77 / 5, rel=0.15)
    assert found.low < found.contrast < found.high
    assert found.p < 0.001
    assert found.slope < 0 < -found.spearman
    assert found.n_particles == 25
    assert found.particles.contrast_std.median() == pytest.approx(
        0.02 * np.sqrt(1 / 110 + 1 / 16), rel=0.3
    )


def test_particles_are_the_units_not_pixels(rng):
    """Particles that differ among themselves but not on average are no core-shell effect."""
    p = []
    for _ in range(40):
        maps, labels, _ = discs(rng, contrast=0.0, spread=0.2, n=4)
        p.append(core_shell_contrast(maps, labels, permutations=999).p)
    assert np.mean(np.array(p) < 0.05) < 0.18
    assert 0.3 < np.mean(p) < 0.7


def test_few_particles_are_swapped_in_every_way(rng):
    maps, labels, _ = discs(rng, contrast=0.5, spread=0.01, n=2)
    assert core_shell_contrast(maps, labels).p == pytest.approx(2 / 16)
    one = core_shell_contrast(maps, labels.where(labels == 1, 0))
    assert np.isnan(one.contrast)
    assert one.n_particles == 1
    with pytest.raises(ParameterError, match="shell"):
        core_shell_contrast(maps, labels, shell=0.7)


def test_cut_particles_have_no_surface_at_the_edge(rng):
    maps, labels, _ = discs(rng, contrast=0.3, spread=0.0, noise=0.0)
    half = {"y": slice(12, None)}  # cuts the first row of particles through their centers
    whole, cut = radial_profile(maps, labels), radial_profile(maps.isel(half), labels.isel(half))
    np.testing.assert_allclose(whole["mean"], cut["mean"], atol=0.01)
    with pytest.raises(DataError, match="no surface"):
        radial_profile(maps.fillna(0.5), labels * 0 + 1)


def test_absolute_depth_is_in_um(rng):
    maps, labels, _ = discs(rng)
    profile = radial_profile(maps, labels, absolute=True, bins=4)
    assert profile.depth.attrs["units"] == "um"
    assert float(profile.depth[-1]) < 10 * 0.04
    assert int(profile["count"].sum()) == int((labels > 0).sum())
    with pytest.raises(ParameterError, match="bin"):
        radial_profile(maps, labels, bins=0)


def test_facets_are_told_apart(rng):
    """Charged faster through the +-x facets: review Fig. 18."""
    maps, labels, _ = discs(rng, spread=0.0)
    y, x = np.mgrid[:120, :120]
    dy, dx = y - (y // 24 * 24 + 12), x - (x // 24 * 24 + 12)
    r = np.hypot(dy, dx) / 10
    fast = np.abs(dx) > np.abs(dy)
    turned = 30.0
    maps["soc"] = maps.soc.copy(data=np.where(r <= 1, np.where(fast, 0.2 + 0.6 * r, 0.2), np.nan))
    facets = {"100": (-45.0, 45.0), "111": (45.0, 135.0)}
    found = facet_profiles(maps, labels, facets, fold=180.0, bins=4)
    assert float(found["mean"].sel(facet="100")[0] - found["mean"].sel(facet="111")[0]) > 0.4
    assert abs(float(found["mean"].sel(facet="100")[-1]) - 0.25) < 0.1
    # The same sectors, written for particles that are turned.
    moved = {k: (a - turned, b - turned) for k, (a, b) in facets.items()}
    angles = {int(i): turned for i in np.unique(labels) if i}
    again = facet_profiles(maps, labels, moved, orientation_deg=angles, fold=180.0, bins=4)
    np.testing.assert_allclose(again["mean"], found["mean"])
    with pytest.raises(ParameterError, match="overlaps"):
        facet_profiles(maps, labels, {"a": (0, 50), "b": (40, 90)})
    with pytest.raises(ParameterError, match="no sector"):
        facet_profiles(maps, labels, {})


def test_golden_g32():
    f = np.array([[1, 1, 0.5, 0.2], [1, 0.8, 0.5, 0.4], [0.9, 0.8, 0.6, 0.3]])
    maps = map_set(f.T[:, :, None], 0.0, dims=("z", "y", "x"))
    found = layer_profile(maps)
    np.testing.assert_allclose(
        found.in_depth_sd.values.ravel(), [0.341870, 0.238485, 0.229129], atol=1e-6
    )
    np.testing.assert_allclose(
        found.in_plane_sd, [0.047140, 0.094281, 0.047140, 0.081650], atol=1e-6
    )
    np.testing.assert_allclose(found["mean"], [0.966667, 0.866667, 0.533333, 0.3], atol=1e-6)
    ramp = map_set(
        np.linspace(0, 1, 4001)[:, None, None] * np.ones((1, 2, 2)), 0.0, dims=("z", "y", "x")
    )
    assert float(layer_profile(ramp).in_depth_sd[0, 0]) == pytest.approx(0.288675, abs=1e-3)
    with pytest.raises(DataError, match="volume"):
        layer_profile(map_set(f, 0.0))


def test_noise_leaves_the_layers(rng):
    values = np.linspace(0.2, 0.8, 20)[:, None, None] + rng.normal(0, 0.1, (20, 40, 40))
    found = layer_profile(map_set(values, 0.1, dims=("z", "y", "x")))
    assert float(found.in_plane_sd.mean()) == pytest.approx(0.1, rel=0.05)
    assert float(found.in_plane_sd_true.mean()) < 0.02
    truth = np.linspace(0.2, 0.8, 20).std()
    assert float((found.in_depth_sd_true**2).mean() ** 0.5) == pytest.approx(truth, rel=0.05)


def test_few_layers_lose_no_variance_with_their_noise(rng):
    """Columns of three weighted values: the noise of a value is not all in their spread."""
    shape = (3, 120, 120)
    truth = np.array([0.45, 0.55, 0.65])[:, None, None]
    weights = rng.uniform(0.5, 2.0, shape)
    values = truth + rng.normal(0, 0.05, shape)
    maps = map_set(values, 0.05, dims=("z", "y", "x"), thickness=weights)
    found = layer_profile(maps)
    mean = (weights * truth).sum(axis=0) / weights.sum(axis=0)
    expected = (weights * (truth - mean) ** 2).sum(axis=0) / weights.sum(axis=0)
    # The square root of what is cut at zero is biased: few columns come there at this spread.
    bias = (found.in_depth_sd_true**2).values - expected
    error = bias.std() / np.sqrt(bias.size)
    assert abs(bias.mean()) < 4 * error
    assert 20 * error < 0.05**2 / 3  # what was taken off too much would be seen


DEPTH = np.linspace(0, 100, 25)
CASES = {
    "constant": (np.full(25, 0.5), {"a": 0.5}),
    "linear": (0.8 - 0.004 * DEPTH, {"slope_per_um": -0.004}),
    "exponential": (0.2 + 0.6 * np.exp(-DEPTH / 20), {"length_um": 20.0, "b": 0.6}),
    "two_sided": (0.3 + 0.02 * np.cosh((DEPTH / 100 - 0.5) / 0.15), {"h": 0.15}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_right_depth_model_is_chosen(name):
    curve, truth = CASES[name]
    right, pulls = 0, []
    for seed in range(30):
        noise = np.random.default_rng(seed).normal(0, 0.01, 25)
        fit = fit_depth_profile(DEPTH, curve + noise, np.full(25, 0.01))
        right += fit.best.name == name
        model = next(m for m in fit.models if m.name == name)
        pulls += [[(model.values[k] - v) / model.std[k] for k, v in truth.items()]]
    assert right >= 26
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.75)
    assert np.all((np.std(pulls, axis=0) > 0.7) & (np.std(pulls, axis=0) < 1.35))


def test_depth_profile_of_a_volume_and_bad_input(rng):
    values = np.linspace(0.2, 0.8, 12)[:, None, None] + rng.normal(0, 0.05, (12, 30, 30))
    fit = depth_profile(map_set(values, 0.05, dims=("z", "y", "x"), pixel=5.0))
    assert fit.best.name == "linear"
    assert fit.decided
    assert fit.best.values["slope_per_um"] == pytest.approx(0.6 / 55, rel=0.05)
    assert "bic" in fit.to_frame()
    free = fit_depth_profile(DEPTH, CASES["linear"][0] + rng.normal(0, 0.01, 25))
    assert free.best.name == "linear"
    with pytest.raises(DataError, match="three depths"):
        fit_depth_profile([0, 1], [0.5, 0.6])
    with pytest.raises(DataError, match="does not fit"):
        fit_depth_profile([0, 1, 2], [0.5, 0.6])


def test_aggregation_of_white_noise_has_slope_minus_two(rng):
    curve = aggregation_curve(map_set(rng.normal(0.5, 0.1, (256, 256)), 0.1))
    np.testing.assert_allclose(curve.slope[:5], -2.0, atol=0.25)
    assert np.all(curve.true[:5] < 0.2 * curve.variance[:5])
    assert curve.block.attrs["units"] == "um"
    np.testing.assert_allclose(curve.block[:3], [0.04, 0.08, 0.16])


def test_aggregation_keeps_what_is_coarse(rng):
    coarse = np.kron(rng.normal(0.5, 0.1, (16, 16)), np.ones((16, 16)))
    curve = aggregation_curve(map_set(coarse + rng.normal(0, 0.1, coarse.shape), 0.1))
    kept = curve.true.values / coarse.var()
    np.testing.assert_allclose(kept[:5], 1.0, atol=0.05)
    assert kept[6] < 0.2


def test_aggregation_is_the_variance_of_weighted_block_means(rng):
    """An image that is no multiple of the block, with weights, against a loop over its blocks."""
    maps = map_set(rng.normal(0.5, 0.1, (21, 34)), 0.05)
    weights = maps.soc.copy(data=rng.uniform(0.5, 2.0, (21, 34)))
    found = aggregation_curve(maps, weights=weights).isel(block=2)
    means, noises, masses = [], [], []
    for y in range(0, 21, 4):
        for x in range(0, 34, 4):
            v, w = (a.values[y : y + 4, x : x + 4] for a in (maps.soc, weights))
            if v.size >= 8:
                means.append(np.average(v, weights=w))
                noises.append(np.sum(w**2) * 0.05**2 / w.sum() ** 2)
                masses.append(w.sum())
    grand = np.average(means, weights=masses)
    variance = np.average((np.array(means) - grand) ** 2, weights=masses)
    assert float(found.variance) == pytest.approx(variance)
    assert float(found.noise) == pytest.approx(np.average(noises, weights=masses))
    assert int(found.n_blocks) == len(means)


def test_rank_correlation_with_depth_is_that_of_scipy(rng):
    """Values rounded so that many are the same: ties share their mean rank."""
    maps, labels, _ = discs(rng)
    maps["soc"] = maps.soc.round(1)
    table = core_shell_contrast(maps, labels).particles
    inside = labels == 3
    depth = distance_transform_edt(inside)[inside]
    expected = stats.spearmanr(depth, maps.soc.values[inside.values]).statistic
    assert table.spearman[3] == pytest.approx(expected, abs=1e-9)
