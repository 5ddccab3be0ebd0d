"""Figures 3, 4, 13, 17 and 25a of the review as computations on phantoms with known truth."""

import numpy as np
import pytest
from pathway_phantoms import observed
from scipy.ndimage import gaussian_filter

from socwidgets.heterogeneity.particles import particle_table
from socwidgets.heterogeneity.pathway.active import active_fraction
from socwidgets.heterogeneity.pathway.rates import local_current_density, particle_rate
from socwidgets.heterogeneity.phases.classes import class_fractions, reaction_channel
from socwidgets.heterogeneity.phases.front import front_geometry
from socwidgets.heterogeneity.phases.rose import front_rose
from socwidgets.heterogeneity.phases.table import phase_table
from socwidgets.phantoms import make_phantom

NOISE = 0.08


def seen(phantom, noise=NOISE, seed=0):
    """SOC with noise, and the inside of the particle."""
    soc = phantom.truth["soc"].values
    inside = phantom.truth["thickness"].values > 0
    rng = np.random.default_rng(seed)
    return np.where(inside, soc + rng.normal(0, noise, soc.shape), np.nan), inside


def test_figure_3_domino_is_planar_and_keeps_its_direction():
    phantom = make_phantom("domino", angle_deg=25.0)
    values, inside = seen(phantom)
    found = front_geometry(values, inside, noise_std=NOISE)
    assert found.anisotropy > 0.9
    assert found.direction_deg == pytest.approx(25.0, abs=4)
    assert found.contact < 0.85


def test_figure_3_section_of_a_shrinking_core():
    phantom = make_phantom("shrinking_core", core_radius=0.7, size_px=64)
    volume = phantom.volume["soc"].values
    middle = volume[volume.shape[0] // 2]
    inside = np.isfinite(middle)
    noisy = middle + np.random.default_rng(0).normal(0, NOISE, middle.shape)
    found = front_geometry(noisy, inside, noise_std=NOISE)
    assert found.anisotropy < 0.2
    assert found.contact > 0.95
    assert found.contact_phase == "rich"
    assert found.core_shell_index < -0.3


def test_figure_4_front_turns_from_anisotropic_to_isotropic():
    means = np.array([0.02, 0.15, 0.3, 0.45, 0.6, 0.75])
    phantoms = [make_phantom("anisotropic_front", mean_soc=m, angle_deg=0.0) for m in means]
    states = np.stack([seen(p, seed=i)[0] for i, p in enumerate(phantoms)])
    inside = seen(phantoms[0])[1]
    # The charge is the clock: the index does not depend on the unit of time.
    rose = front_rose(states, inside, means, (0.1, 0.1), sectors=16)
    index = rose.data["anisotropy"].values
    assert np.corrcoef(index, means[1:])[0, 1] < -0.8
    assert index[1] > index[-1] + 0.15
    planned = 0.8 * (1 - 0.5 * (means[2] + means[1]))
    assert index[1] == pytest.approx(planned, abs=0.15)


def test_figure_13_reaction_channels_grow():
    times = np.linspace(0.2, 1.0, 5)
    phantoms = [make_phantom("reaction_channel", time=t, n_centers=1, seed=2) for t in times]
    states = np.stack([seen(p, 0.05, i)[0] for i, p in enumerate(phantoms)])
    grown = reaction_channel(gaussian_filter(states, (0, 1, 1)), 0.5, (10.0, 10.0))
    truth = np.array([p.numbers["radius_1"] for p in phantoms])
    whole = truth < 400  # beyond it the field of view cuts the disk
    assert whole.sum() >= 2
    assert grown["radius_um"].values[whole] == pytest.approx(truth[whole], rel=0.08)
    center = phantoms[0].numbers["center_y_1"], phantoms[0].numbers["center_x_1"]
    assert grown["y_um"].values[0] == pytest.approx(center[0], abs=12)
    assert grown["x_um"].values[0] == pytest.approx(center[1], abs=12)
    shares = class_fractions(states, (0.3, 0.7), 0.05)["fraction"]
    assert np.all(np.diff(shares.sel({"class": "high"}).values) > 0)
    assert shares.sum("class").values == pytest.approx(1)


def test_figure_17_few_ellipsoids_carry_ten_times_the_current():
    platelets = observed("concurrent_two_phase", 0)
    ellipsoids = observed("sequential_two_phase", 0, shape="ellipsoid", duration=0.05)
    share = []
    for maps, labels, _ in (platelets, ellipsoids):
        table = particle_table(maps, labels)
        share.append(active_fraction(table["mean"], table["mean_std"]).observed)
    density = [
        local_current_density(particle_rate(rate, f), size_um, shape=shape)
        for rate, f, size_um, shape in (
            (0.2, share[0], 0.1, "platelet"),
            (1.0, share[1], 0.15, "sphere"),
        )
    ]
    assert share[0] > 0.95
    assert share[1] < 0.1
    assert density[1] >= 10 * density[0]


def test_figure_25a_uniformity_as_planted():
    planted = np.array([0.0, 0.3, 0.6, 0.9])
    found = []
    for uniformity in planted:
        maps, labels, _ = observed(
            "concurrent_two_phase", 1, uniformity=float(uniformity), n_particles=36, blur_px=0.01,
            width_um=0.005,
        )  # fmt: skip
        table = phase_table(maps, labels)
        found.append(table["uniformity"].mean())
    # The front's own width makes separated particles a little more uniform.
    assert np.all(np.diff(found) > 0.2)
    assert found == pytest.approx(planted, abs=0.05)
