"""Domains, boundaries and fronts of planted particles, and the verdict."""

import threading

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import erf
from small_particles import ARRANGEMENTS, particle, tile

from socwidgets.heterogeneity.phases.boundary import (
    ERF_10_90,
    TANH_10_90,
    boundary_length,
    boundary_width,
    psf_width_um,
)
from socwidgets.heterogeneity.phases.classes import class_fractions, reaction_channel
from socwidgets.heterogeneity.phases.decision import DecisionParameters, PhaseNumbers, decide
from socwidgets.heterogeneity.phases.domains import find_domains
from socwidgets.heterogeneity.phases.front import front_geometry
from socwidgets.heterogeneity.phases.rose import front_rose
from socwidgets.heterogeneity.phases.table import phase_table
from socwidgets.model.errors import CancelledError, DataError, KindError, ParameterError

Y, X = np.indices((61, 61)) - 30.0
R = np.hypot(Y, X)
DISC = R < 28


def test_golden_g56():
    assert pytest.approx(2.197, abs=5e-4) == TANH_10_90
    assert pytest.approx(2.563, abs=5e-4) == ERF_10_90
    n = np.linspace(-5, 5, 200_001)
    for profile, w in ((np.tanh(n), TANH_10_90), (erf(n / np.sqrt(2)), ERF_10_90)):
        rise = 0.5 * (1 + profile)
        assert np.ptp(n[(rise > 0.1) & (rise < 0.9)]) == pytest.approx(w, abs=1e-3)


def test_domains_of_a_known_picture(rng):
    field = np.where(X < 0, 0.0, 1.0)
    field[(Y - 15) ** 2 + (X + 15) ** 2 < 25] = 1.0
    noisy = field + rng.normal(0, 0.15, field.shape)
    found = find_domains(noisy, DISC, pixel_um=(0.1, 0.1))
    assert found.count == 3
    truth = field[DISC].mean()
    assert found.rich == pytest.approx(truth, abs=0.015)
    assert found.table["n_pixels"].sum() == DISC.sum()
    assert found.table["size"].sum() == pytest.approx(DISC.sum() * 0.01)
    assert found.table["share"].sum() == pytest.approx(1)
    assert set(np.unique(found.phase[~DISC])) == {0}
    # The straight cut has as many faces as it is long.
    plain = find_domains(np.where(X < 0, 0.0, 1.0), DISC, pixel_um=(0.1, 0.1), smooth_px=0)
    assert plain.perimeter == pytest.approx(0.1 * np.count_nonzero(DISC[:, 30]), abs=0.11)


def test_thresholds_and_weights_of_domains():
    field = np.where(X < 0, 0.1, 0.3)
    assert find_domains(field, DISC).rich == 0
    half = np.mean(X[DISC] >= 0)
    assert find_domains(field, DISC, threshold="otsu", smooth_px=0).rich == pytest.approx(
        half, abs=0.01
    )
    thick = np.where(X < 0, 1.0, 3.0)
    found = find_domains(field, DISC, thick, threshold=0.2)
    assert found.rich == pytest.approx(3 * half / (2 * half + 1), abs=0.01)


def test_length_of_a_circle_and_area_of_a_sphere(rng):
    core = 0.5 * (1 + np.tanh((R - 15) / 1.5))
    exact = 2 * np.pi * 15 * 0.05
    assert boundary_length(core, DISC, (0.05, 0.05)) == pytest.approx(exact, rel=0.02)
    noisy = core + rng.normal(0, 0.1, core.shape)
    assert boundary_length(noisy, DISC, (0.05, 0.05)) == pytest.approx(exact, rel=0.04)
    # The particle's own outline does not count.
    assert boundary_length(np.ones_like(core), DISC, (1, 1)) == 0
    z, y, x = np.indices((31, 31, 31)) - 15.0
    r = np.sqrt(x**2 + y**2 + z**2)
    ball = 0.5 * (1 + np.tanh((r - 9) / 1.5))
    area = boundary_length(ball, r < 14, (0.1, 0.1, 0.1), smooth_px=0.5)
    assert area == pytest.approx(4 * np.pi * 0.9**2, rel=0.03)


@pytest.mark.parametrize("shape", ["circle", "line"])
@pytest.mark.parametrize("w", [2.0, 4.0])
def test_width_of_a_planted_boundary(rng, shape, w):
    distance = R - 14 if shape == "circle" else X + 0.3 * Y
    distance = distance if shape == "circle" else distance / np.hypot(1, 0.3)
    fine = 0.5 * (1 + np.tanh(distance / w))
    blurred = gaussian_filter(fine, 1.0)
    noise = 0.05
    found = boundary_width(
        blurred + rng.normal(0, noise, fine.shape),
        DISC,
        (0.05, 0.05),
        resolution_um=2.3548 * 0.05,
        reach_px=10,
    )
    assert found.status == "ok"
    # The fit's own error and a pixel's own width, 1/12 px^2, which nobody takes out.
    assert found.true == pytest.approx(TANH_10_90 * w * 0.05, abs=4 * found.std + 0.01)
    assert found.resolution == pytest.approx(psf_width_um(2.3548 * 0.05))


def test_a_sharp_boundary_is_not_resolved(rng):
    blurred = gaussian_filter((X > 0.3).astype(float), 1.5)
    found = boundary_width(
        blurred + rng.normal(0, 0.05, X.shape), DISC, (1, 1), resolution_um=1.5 * 2.3548,
    )  # fmt: skip
    assert found.status == "unresolved"
    assert np.isnan(found.true)
    assert found.observed == pytest.approx(psf_width_um(1.5 * 2.3548), rel=0.1)
    nothing = boundary_width(np.zeros_like(X), DISC, (1, 1), resolution_um=1.0)
    assert nothing.status == "no boundary"


def test_front_of_core_shell_and_of_a_plane(rng):
    noise = 0.1
    around = np.where(R < 18, 0.0, 1.0) + rng.normal(0, noise, R.shape)
    found = front_geometry(around, DISC, noise_std=noise)
    assert found.anisotropy < 0.1
    assert found.contact > 0.97
    assert found.contact_phase == "rich"
    assert found.core_shell_index < -0.5
    angle = np.radians(30)
    plane = (X * np.cos(angle) + Y * np.sin(angle) > 2).astype(float)
    found = front_geometry(plane + rng.normal(0, noise, R.shape), DISC, noise_std=noise)
    assert found.anisotropy > 0.9
    assert found.direction_deg == pytest.approx(30, abs=4)
    assert found.contact == pytest.approx(0.53, abs=0.06)
    assert abs(found.core_shell_index) < 0.15


def test_noise_alone_has_no_direction(rng):
    """Without its share taken out, noise would hide the direction of a weak front."""
    noise = 0.3
    plane = 0.5 * (1 + np.tanh(X / 4))
    values = plane + rng.normal(0, noise, X.shape)
    with_noise = front_geometry(values, DISC, noise_std=0.0).anisotropy
    without = front_geometry(values, DISC, noise_std=noise).anisotropy
    assert without > with_noise + 0.1
    assert without > 0.75


def test_front_in_three_dimensions():
    z, y, x = np.indices((25, 25, 25)) - 12.0
    r = np.sqrt(x**2 + y**2 + z**2)
    around = front_geometry((r > 7).astype(float), r < 11)
    plane = front_geometry((x > 1).astype(float), r < 11)
    assert around.anisotropy < 0.05
    assert plane.anisotropy > 0.9
    assert around.contact == 1


def test_gaps_and_neighbors_are_no_surface():
    core = np.where(R < 18, 0.0, 1.0)
    core[25:36, 25:36] = np.nan
    assert front_geometry(core, DISC).contact == 1
    half = DISC & (X < 0)
    alone = front_geometry(np.where(R < 18, 0.0, 1.0), half)
    beside = front_geometry(np.where(R < 18, 0.0, 1.0), half, cut=DISC & (X >= 0))
    assert alone.contact < 0.9
    assert beside.contact > 0.97


def test_rose_says_how_far_noise_moves_it(rng):
    times, e = np.linspace(0.2, 0.8, 4), 0.5
    reach = 26 - 18 * times[:, None, None] * (1 + e * np.cos(2 * np.arctan2(Y, X))) / (1 + e)
    clean = 0.5 * (1 + np.tanh((R - reach) / 1.5))
    options = {"smooth_px": 0.0, "sectors": 12}
    found = [
        front_rose(
            clean + rng.normal(0, 0.1, clean.shape), DISC, times, (0.1, 0.1), noise_std=0.1,
            draws=40 if k < 8 else 2, **options,
        ).data
        for k in range(60)
    ]  # fmt: skip
    seen = np.array([f["anisotropy"].values for f in found])
    stated = np.mean([f["anisotropy_std"].values for f in found[:8]], axis=0)
    # A standard deviation of 60 is known to 9 %; e is recovered within its own noise.
    assert seen.std(axis=0) == pytest.approx(stated, rel=0.3)
    assert seen.mean(axis=0) == pytest.approx(e, abs=0.01)
    assert "anisotropy_std" not in front_rose(clean, DISC, times, (0.1, 0.1)).data


def test_rose_of_an_anisotropic_front():
    times, e = np.linspace(0, 1, 6), 0.5
    phi = np.arctan2(Y, X)
    reach = 26 - 18 * times[:, None, None] * (1 + e * np.cos(2 * phi)) / (1 + e)
    rose = front_rose((reach < R).astype(float), DISC, times, (0.1, 0.1), smooth_px=0.5, sectors=16)
    assert rose.data["anisotropy"].values[1:4] == pytest.approx(e, abs=0.1)
    assert rose.data["speed"].sel(angle=slice(0, 12)).mean() == pytest.approx(1.8, rel=0.1)
    even = front_rose(
        np.stack([26 - 18 * t < R for t in times]).astype(float), DISC, times, (0.1, 0.1)
    )
    assert even.data["anisotropy"].max() < 0.06
    assert np.hypot(*np.subtract(rose.center_um, 3.0)) < 0.05
    with pytest.raises(DataError, match="rising times"):
        front_rose(np.zeros((2, 61, 61)), DISC, [1, 0], (1, 1))
    with pytest.raises(DataError, match="no state has a core"):
        front_rose(np.ones((2, 61, 61)), DISC, [0, 1], (1, 1))


def test_verdicts_on_planted_particles(rng):
    kinds = [kind for kind in ARRANGEMENTS for _ in range(6)]
    maps, labels = tile([particle(k, rng, size=48) for k in kinds], 0.1, rng)
    done = []
    table = phase_table(
        maps, labels, resolution_um=0.075, progress=lambda i, n: done.append((i, n))
    )
    assert (table["state"] == kinds).mean() >= 0.95
    assert done[-1] == (30, 30)
    two = table[pd.Series(kinds, index=table.index).isin(["core_shell", "domino"])]
    assert (two["intermediate"] < two["naive_intermediate"]).all()
    assert (two["width_status"] == "unresolved").mean() > 0.8
    assert table.loc[table["state"] == "solid_solution", "anisotropy"].isna().all()
    assert "mean along the beam" in table.attrs["note"]


def test_noise_as_large_as_the_phases_decides_nothing(rng):
    maps, labels = tile([particle(k, rng) for k in ARRANGEMENTS], 0.3, rng)
    assert set(phase_table(maps, labels)["state"]) == {"undetermined"}


def test_every_threshold_of_the_decision_is_used():
    base = dict(
        n_pixels=500, contrast=5.0, mean=0.5, poor=0.45, rich=0.45, intermediate=0.1, components=2,
        separation=5.0, uniformity=0.1, n_domains=2, contact=0.95, anisotropy=0.2,
    )  # fmt: skip
    domino = {**base, "contact": 0.5, "anisotropy": 0.9}
    mosaic = {**base, "n_domains": 4}
    solid = {
        **base, "components": 1, "intermediate": 0.9, "uniformity": 0.8, "poor": 0.05, "rich": 0.05
    }  # fmt: skip
    end = {**base, "mean": 0.02, "poor": 0.97, "rich": 0.0, "intermediate": 0.03}
    cases = [
        (base, "core_shell", "min_contrast", 6.0),
        (base, "core_shell", "min_pixels", 501),
        (base, "core_shell", "core_contact", 0.96),
        (base, "core_shell", "core_anisotropy", 0.1),
        (base, "core_shell", "max_intermediate", 0.05),
        (base, "core_shell", "min_separation", 6.0),
        (domino, "domino", "domino_anisotropy", 0.95),
        (mosaic, "mosaic", "mosaic_domains", 5),
        (solid, "solid_solution", "min_intermediate", 0.95),
        (solid, "solid_solution", "min_uniformity", 0.9),
        (base, "core_shell", "min_phase", 0.46),
        (end, "end_member", "end_member", 0.01),
    ]
    for numbers, state, name, value in cases:
        assert decide(PhaseNumbers(**numbers))[0] == state
        assert decide(PhaseNumbers(**numbers), DecisionParameters(**{name: value}))[0] != state


def test_bad_maps_get_clear_words(rng):
    maps, labels = tile([particle("domino", rng)], 0.1, rng)
    with pytest.raises(DataError, match="not known"):
        phase_table(maps.drop_vars("soc_std"), labels)
    energy = maps.assign(soc=maps.soc.assign_attrs(kind="energy"))
    with pytest.raises(KindError, match="phase separation"):
        phase_table(energy, labels)
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        phase_table(maps, labels, cancel=stop)
    one = labels.copy(data=np.zeros(labels.shape, np.int32))
    one[16, 16] = 1
    row = phase_table(maps, one).loc[1]
    assert row["state"] == "undetermined"
    assert np.isnan(row["uniformity"])
    with pytest.raises(DataError, match="do not fit"):
        find_domains(np.ones((4, 4)), np.ones((3, 3), bool))
    with pytest.raises(DataError, match="nothing to split"):
        find_domains(np.full((4, 4), np.nan))
    with pytest.raises(ParameterError, match="threshold"):
        find_domains(np.ones((4, 4)), threshold="guess")
    with pytest.raises(ParameterError, match="profile"):
        boundary_width(np.ones((4, 4)), np.ones((4, 4)), (1, 1), resolution_um=0, shape="box")


def test_classes_and_a_growing_channel(rng):
    states = np.stack([np.where(3 + 4 * t > R, 1.0, 0.0) for t in range(5)])
    found = class_fractions(states + rng.normal(0, 0.05, states.shape), (0.3, 0.7), 0.05)
    expected = [np.mean(state) for state in states]
    assert found["fraction"].sel({"class": "high"}).values == pytest.approx(expected, abs=1e-3)
    assert found["fraction"].sum("class").values == pytest.approx(1)
    assert (found["expected_spill"] < 1e-3).all()
    # Values that sit on a threshold go either way.
    edge = class_fractions(np.full((1, 400), 0.3), (0.3, 0.7), 0.05)
    assert edge["expected_spill"].item() == pytest.approx(0.5, abs=0.01)
    grown = reaction_channel(states, 0.5, (0.01, 0.01))
    assert grown["radius_um"].values == pytest.approx(0.03 + 0.04 * np.arange(5), abs=0.003)
    assert grown["y_um"].values == pytest.approx(0.3)
    assert grown["spread_um"].values == pytest.approx(grown["radius_um"] / np.sqrt(2), rel=0.02)
    assert np.isnan(class_fractions(np.full((1, 9), np.nan), (0, 1))["fraction"]).all()
    with pytest.raises(ParameterError, match="rise"):
        class_fractions(states, (0.7, 0.3))
