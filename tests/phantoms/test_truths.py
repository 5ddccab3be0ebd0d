"""Analytic truth of the phantoms against the golden numbers and against their own fields."""

import numpy as np
import pytest

from socwidgets.phantoms import make_phantom
from socwidgets.phantoms.core import core_truth
from socwidgets.phantoms.multiphase import lmo_references
from socwidgets.phantoms.rings import ring_profile


@pytest.mark.parametrize(
    ("core", "mean", "pixel_mean", "pixel_std", "std", "center"),
    [
        (0.25, 0.98438, 0.98945, 0.0434, 0.1240, 0.75),
        (0.50, 0.87500, 0.91197, 0.1628, 0.3307, 0.50),
        (0.7937, 0.50000, 0.60640, 0.3274, 0.5000, 0.2063),
        (0.90, 0.27100, 0.37966, 0.3312, 0.4445, 0.10),
    ],
)
def test_g40_projected_core(core, mean, pixel_mean, pixel_std, std, center):
    found = core_truth(core)
    assert found["mean"] == pytest.approx(mean, abs=1.5e-5)
    # The printed table was summed over finite steps: 6e-5 off the integral.
    assert found["pixel_mean"] == pytest.approx(pixel_mean, abs=1e-4)
    assert found["pixel_std"] == pytest.approx(pixel_std, abs=1e-4)
    assert found["std"] == pytest.approx(std, abs=1e-4)
    assert found["center_pixel"] == pytest.approx(center, abs=1e-4)


def test_g40_share_of_pixels_in_between():
    assert core_truth(0.7937)["pixels_in_between"] == pytest.approx(0.63, abs=0.005)


def test_g41_g42_map_weight_and_section_rules():
    seen = make_phantom("shrinking_core", core_radius=0.5, width=1e-3)
    soc, t = seen.truth.soc.values, seen.truth.thickness.values
    inside = np.isfinite(soc)
    assert np.average(soc[inside], weights=t[inside]) == pytest.approx(0.875, abs=2e-3)
    assert soc[inside].mean() == pytest.approx(0.91197, abs=4e-3)
    cut = make_phantom("shrinking_core", core_radius=0.5, width=1e-3, geometry="section")
    assert cut.truth.attrs["mean_soc"] == pytest.approx(0.75, abs=2e-3)
    voxels = seen.volume.soc.values
    assert np.nanmean(voxels) == pytest.approx(0.875, abs=2e-3)
    assert np.nanstd(voxels) == pytest.approx(seen.numbers["std"], abs=4e-3)


def test_g43_diffusion_sphere():
    r = (np.arange(200_000) + 0.5) / 200_000
    s = ring_profile(r, 0.5, 0.2, 0.0)
    assert np.average(s, weights=r**2) == pytest.approx(0.5, abs=1e-6)
    # On charge the surface runs ahead: SOC .58 and .38 are x of .42 and .62 (G-43).
    assert s[-1] == pytest.approx(0.58, abs=1e-5)
    assert s[0] == pytest.approx(0.38, abs=1e-5)
    spread = np.sqrt(np.average((s - 0.5) ** 2, weights=r**2))
    assert spread == pytest.approx(0.261861 * 0.2, abs=1e-6)


def test_g43_in_the_volume():
    phantom = make_phantom("nca_ring", parabola=0.2, ring=0.0, mean_soc=0.5)
    assert np.nanstd(phantom.volume.soc.values) == pytest.approx(0.05237, abs=5e-4)


def test_g44_detour():
    d = round((81 // 2) / 2)
    equal = make_phantom("crack_detour", height=d / (81 // 2))
    assert equal.numbers["detour"] == pytest.approx(np.sqrt(2), abs=1e-9)
    double = make_phantom("crack_detour", height=0.95, size_px=81)
    assert double.numbers["detour"] > 2
    whole = make_phantom("crack_detour", height=-1.0)
    assert whole.numbers["detour"] == 1
    # The crack holds back what is behind it, the more the longer the way around.
    assert double.numbers["lag"] > equal.numbers["lag"] > whole.numbers["lag"] > 0


def test_diffusion_agrees_with_the_series_solution():
    phantom = make_phantom("crack_detour", height=-1.0, time=0.1, steps=400)
    row = phantom.truth.soc.values[40]
    x = 1.0 - (np.arange(81) + 0.5) / 81
    n = np.arange(60)[:, None]
    k = (2 * n + 1) * np.pi / 2
    series = 1 - np.sum(2 / k * np.sin(k * x) * np.exp(-(k**2) * 0.1), axis=0)
    np.testing.assert_allclose(row, series, atol=2e-3)


def test_g20_lnmo():
    phantom = make_phantom("lnmo_three_phase", seed=2)
    assert phantom.numbers["x_li"] == pytest.approx(0.51)
    assert phantom.numbers["ni_valence"] == pytest.approx(2.98)
    weight = phantom.truth.thickness.values
    for name, wanted in (("Li1", 0.30), ("Li0.5", 0.42), ("Li0", 0.28)):
        part = np.nan_to_num(phantom.truth[f"fraction_{name}"].values)
        assert np.average(part, weights=weight) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("step", "recovery"), [("discharged_1C", 0.50), ("discharged_10C", 0.29)])
def test_g21_lco_recovery(step, recovery):
    phantom = make_phantom("lco_domains", seed=1, step=step)
    assert phantom.numbers["recovery"] == pytest.approx(recovery)
    soc, t = phantom.truth.soc.values, phantom.truth.thickness.values
    share = np.average(1 - np.nan_to_num(soc), weights=t)
    assert share == pytest.approx(recovery, abs=1e-6)


@pytest.mark.parametrize(
    ("side", "share"), [(40, 0.2770), (50, 0.4328), (60, 0.6233), (64, 0.7091)]
)
def test_g33_missing_carbon(side, share):
    phantom = make_phantom("contact_loss", carbon_side=side)
    assert phantom.numbers["carbon_fraction"] == pytest.approx(share, abs=5e-5)
    assert phantom.numbers["detached_fraction"] == pytest.approx(share, abs=0.01)


def test_g60a_random_field_has_the_promised_neighbors():
    from socwidgets.phantoms import gaussian_field

    for length, promised in ((2, 0.8825), (5, 0.9802), (10, 0.9950)):
        found = [
            np.mean(f * np.roll(f, 1, 0))
            for f in (
                gaussian_field((256, 256), length, np.random.default_rng(s)) for s in range(4)
            )
        ]
        # A field of 256^2 holds about (256/(2 sqrt(pi) l))^2 independent patches.
        tolerance = 4 * (1 - promised) * length / 256 * 2 * np.sqrt(np.pi) / 2 + 1e-4
        assert np.mean(found) == pytest.approx(promised, abs=max(tolerance, 2e-3))


def test_random_field_in_three_dimensions():
    from socwidgets.phantoms import gaussian_field

    field = gaussian_field((48, 48, 48), 3, np.random.default_rng(0))
    assert field.std() == pytest.approx(1)
    for axis in range(3):
        assert np.mean(field * np.roll(field, 3, axis)) == pytest.approx(np.exp(-0.5), abs=0.05)


def test_nmc_keeps_its_spread_and_grains():
    phantom = make_phantom("random_nmc", seed=6, sigma_grain=0.0)
    soc = phantom.truth.soc.values
    assert np.nanstd(soc) == pytest.approx(0.08, abs=1e-6)
    assert np.nanmean(soc) == pytest.approx(0.5, abs=1e-6)


def test_stack_has_exactly_its_variances():
    phantom = make_phantom("electrode_stack", seed=2)
    soc, label, layer = (phantom.truth[n].values for n in ("soc", "labels", "layer"))
    inside = label > 0
    soc, label, layer = soc[inside], label[inside], layer[inside]
    means = np.array([soc[label == k].mean() for k in range(1, label.max() + 1)])
    layers = np.array([soc[layer == k].mean() for k in range(1, layer.max() + 1)])
    assert layers.var() == pytest.approx(0.010, rel=1e-9)
    assert (means - np.repeat(layers, 12)).var() == pytest.approx(0.004, rel=1e-9)
    assert np.mean((soc - means[label - 1]) ** 2) == pytest.approx(0.002, rel=1e-9)


@pytest.mark.parametrize("model", ["linear", "exponential", "two_sided"])
def test_depth_profile(model):
    phantom = make_phantom("depth_gradient", seed=1, model=model)
    rows = phantom.truth.soc.values.mean(axis=1)
    assert rows.mean() == pytest.approx(0.5, abs=1e-3)
    assert rows.std() == pytest.approx(phantom.numbers["std_depth"], rel=2e-3)
    if model == "linear":
        assert phantom.numbers["std_depth"] == pytest.approx(0.4 / np.sqrt(12), rel=1e-6)
        slope = np.polyfit(phantom.truth.y.values, rows, 1)[0]
        assert slope == pytest.approx(phantom.numbers["slope_per_um"], rel=2e-2)


def test_thick_electrode_spreads_more_at_the_collector():
    phantom = make_phantom("thick_electrode", seed=1)
    plane = phantom.volume.soc.values.std(axis=(1, 2))
    assert plane[0] == pytest.approx(phantom.numbers["std_plane_first"], rel=1e-6)
    assert plane[-1] == pytest.approx(phantom.numbers["std_plane_last"], rel=1e-6)


def test_g50_kappa():
    sequential = make_phantom("particle_by_particle", seed=1, n_particles=450, size_px=512)
    assert sequential.numbers["kappa"] == pytest.approx(0.98, abs=0.02)
    assert sequential.numbers["active_fraction"] == pytest.approx(0.02, abs=0.006)
    concurrent = make_phantom("concurrent", seed=1, n_particles=450, size_px=512)
    assert concurrent.numbers["kappa"] == pytest.approx(0.0146, abs=0.003)
    assert concurrent.numbers["active_fraction"] == 1


@pytest.mark.parametrize(
    "pathway", ["sequential_two_phase", "sequential_solid_solution", "concurrent_two_phase",
                "concurrent_solid_solution"]
)  # fmt: skip
def test_particles_have_their_planned_soc(pathway):
    from socwidgets.phantoms.pathways import _lay_out, planned_soc

    phantom = make_phantom("pathway", seed=4, pathway=pathway, oversample=3, n_particles=49)
    particles = _lay_out(phantom.params, np.random.default_rng([4, 1]))
    planned = planned_soc(phantom.params, particles, np.random.default_rng([4, 2]))
    table = phantom.particles()
    assert len(table) == 49
    np.testing.assert_allclose(table.soc, planned, atol=0.01)


def test_series_follows_the_same_particles():
    early, late = (make_phantom("particle_by_particle", seed=2, time=t) for t in (0.3, 0.7))
    assert np.array_equal(early.truth.labels, late.truth.labels)
    assert (late.particles().soc >= early.particles().soc - 1e-9).all()


def test_anisotropy_falls_with_the_charge():
    series = [make_phantom("anisotropic_front", mean_soc=s) for s in (0.1, 0.5, 0.9)]
    assert [p.numbers["speed_anisotropy"] for p in series] == pytest.approx([0.72, 0.4, 0.08])
    for p in series:
        assert p.truth.attrs["mean_soc"] == pytest.approx(p.numbers["mean"], abs=5e-3)
    assert series[0].numbers["front_radius_along"] < series[0].numbers["front_radius_across"]


@pytest.mark.parametrize(
    "shape", ["sphere", "ellipsoid", "platelet", "octahedron", "truncated_octahedron"]
)
def test_shapes_have_their_volume(shape):
    axes = (2.5, 2.5, 2.5) if shape == "sphere" else (2.0, 2.2, 2.6)
    phantom = make_phantom("particle_shape", shape=shape, axes_um=axes)
    mass = float(phantom.truth.thickness.sum()) * 0.1**2
    assert mass == pytest.approx(phantom.numbers["volume_um3"], rel=0.01)


def test_secondary_particle_has_its_grains():
    phantom = make_phantom("particle_shape", n_grains=300, seed=3)
    grains = phantom.volume.labels.values
    assert len(np.unique(grains)) == 301
    diameter = (6 / np.pi * phantom.numbers["volume_um3"] / 300) ** (1 / 3)
    assert 0.5 < diameter < 1.0


def test_larger_particles_crack_more():
    phantom = make_phantom("cracked_particles", seed=2, n_particles=64)
    table = phantom.particles()
    cracked = (table.state == "cracked").to_numpy()
    assert cracked.mean() == pytest.approx(phantom.numbers["cracked_fraction"])
    assert table.volume_um3[cracked].mean() > 1.5 * table.volume_um3[~cracked].mean()


def test_channels_grow_and_merge():
    series = [make_phantom("reaction_channel", time=t) for t in (0.1, 0.4, 0.9)]
    means = [p.numbers["mean"] for p in series]
    assert means == sorted(means)
    first = series[0].numbers
    assert first["radius_1"] == pytest.approx(70.0)
    assert first["radius_3"] == 0
    assert series[1].numbers["radius_3"] == pytest.approx(70.0)


def test_heating_moves_the_edge_down_and_widens_it():
    cold, hot = (make_phantom("heating_nmc", temperature_c=t) for t in (25.0, 400.0))
    assert hot.numbers["mode_ev"] - cold.numbers["mode_ev"] == pytest.approx(-1.2)
    shift = hot.truth.energy_shift.values
    assert np.nanstd(shift) == pytest.approx(0.8, abs=1e-6)
    assert np.nanmean(shift) == pytest.approx(-1.2, abs=1e-6)


def test_lmo_is_uniform_at_4_01_volts_only():
    for voltage in ("3.09", "3.58", "4.01", "4.14"):
        phantom = make_phantom("lmo_by_voltage", voltage=voltage, seed=1)
        spread = np.nanstd(phantom.truth.soc.values)
        assert (spread < 1e-9) == (voltage == "4.01")


def test_lmo_references_can_be_told_apart():
    spectra = lmo_references().sel(energy=slice(6530, 6570)).values
    # The fit refuses references with a condition number above 100.
    assert np.linalg.cond(spectra.T) < 100


def test_facets_have_their_own_depth():
    phantom = make_phantom("facet_particle", oversample=1, size_px=97)
    soc = phantom.truth.soc.values
    middle = 48
    along = soc[middle, middle:]
    along = along[np.isfinite(along)]
    depth = phantom.numbers["inradius_100_um"] - np.arange(along.size) * 0.1
    near = depth < 1.5
    model = 0.1 + 0.8 * np.exp(-depth / 1.0)
    np.testing.assert_allclose(along[near], model[near], atol=1e-9)
