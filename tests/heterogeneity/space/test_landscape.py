"""Curvature, direction of the gradient, connection and detours."""

import numpy as np
import pytest
import xarray as xr
from planted_maps import map_set, random_field

from socwidgets.heterogeneity.space.paths import connectivity, detour_factor, geodesic_distance
from socwidgets.heterogeneity.space.topography import gradient_angles, valence_topography
from socwidgets.model.errors import DataError, ParameterError


def test_curvature_of_a_paraboloid():
    """At the summit of a - (x^2 + y^2)/(2 R): H = -1/R, K = 1/R^2."""
    y, x = (np.mgrid[:81, :81] - 40) * 0.1
    maps = map_set(1 - (x**2 + y**2) / 10.0, 0.0, pixel=0.1)
    found = valence_topography(maps, scale_px=2.0)
    assert float(found.mean_curvature[40, 40]) == pytest.approx(-0.2, rel=0.02)
    assert float(found.gaussian_curvature[40, 40]) == pytest.approx(0.04, rel=0.03)
    assert float(found.gradient_x[40, 60]) == pytest.approx(-0.4, rel=0.01)
    assert found.attrs["share_saddle"] < 0.05
    saddle = valence_topography(map_set(x * y / 5, 0.0, pixel=0.1))
    assert float(saddle.gaussian_curvature[40, 40]) == pytest.approx(-0.04, rel=0.03)
    assert saddle.attrs["share_saddle"] > 0.95


def test_the_outline_of_a_particle_is_no_gradient():
    y, x = np.mgrid[:60, :60] - 30
    flat = np.where(np.hypot(y, x) < 20, 0.7, np.nan)
    found = valence_topography(map_set(flat, 0.0))
    assert float(np.nanmax(found.gradient)) < 1e-9
    with pytest.raises(ParameterError, match="below the pixels"):
        valence_topography(map_set(flat, 0.0), scale_px=0.1)


def particles(rng, field, n=4, pitch=60, radius=27):
    size = n * pitch
    y, x = np.mgrid[:size, :size]
    dy, dx = y - (y // pitch * pitch + pitch // 2), x - (x // pitch * pitch + pitch // 2)
    inside = np.hypot(dy, dx) < radius
    values = field(np.hypot(dy, dx) / radius, (size, size))
    maps = map_set(np.where(inside, values, np.nan), 0.001)
    return maps, xr.DataArray(
        np.where(inside, y // pitch * n + x // pitch + 1, 0), maps.soc.coords, ("y", "x")
    )


def test_gradient_of_a_random_field_has_no_direction(rng):
    """Isotropic in a plane: mean |cos| = 2/pi."""
    maps, labels = particles(rng, lambda r, shape: 0.1 * random_field(rng, shape, 4.0))
    found = gradient_angles(maps, labels, scale_px=1.5)
    assert found.isotropic == pytest.approx(2 / np.pi)
    assert found.interval.low < 2 / np.pi < found.interval.high
    assert found.mean_abs_cos == pytest.approx(2 / np.pi, abs=0.04)
    assert abs(found.mean_cos) < 0.15


def test_gradient_of_a_shell_points_outwards(rng):
    maps, labels = particles(rng, lambda r, shape: 0.2 + 0.6 * r**2)
    found = gradient_angles(maps, labels)
    assert found.mean_cos > 0.98
    assert np.median(found.angles_deg) < 5
    noise = map_set(rng.normal(0.5, 0.01, labels.shape), 0.5)
    with pytest.raises(DataError, match="no gradient"):
        gradient_angles(noise, labels)


def test_isotropic_in_space_is_one_half(rng):
    field = 0.1 * random_field(rng, (48, 48, 48), 3.0)
    z, y, x = np.indices((48, 48, 48)) - 23.5
    labels = (np.sqrt(z**2 + y**2 + x**2) < 23).astype(int)
    maps = map_set(field, 0.0, dims=("z", "y", "x"))
    found = gradient_angles(maps, maps.soc.copy(data=labels), scale_px=1.0, draws=0)
    assert found.isotropic == 0.5
    assert found.mean_abs_cos == pytest.approx(0.5, abs=0.05)


def boolean(values, pixel=0.1):
    values = np.asarray(values, bool)
    dims = ("z", "y", "x")[-values.ndim :]
    coords = {d: np.arange(n) * pixel for d, n in zip(dims, values.shape, strict=True)}
    return xr.DataArray(values, coords, dims)


def test_connection_from_a_face():
    phase = np.zeros((6, 6), int)
    phase[0:4, 1], phase[4, 2], phase[5, 3] = 1, 1, 1  # a chain with corners
    phase[2, 5] = 1  # alone
    eight = connectivity(boolean(phase), "top")
    assert eight.percolates
    assert eight.isolated_fraction == pytest.approx(1 / 7)
    assert eight.n_components == eight.euler_number == 2
    assert bool(eight.isolated[2, 5])
    four = connectivity(boolean(phase), "top", neighbors=4)
    assert not four.percolates
    assert four.isolated_fraction == pytest.approx(3 / 7)
    ring = np.ones((3, 3), int)
    ring[1, 1] = 0
    assert connectivity(boolean(ring), "left").euler_number == 0


def test_connection_from_a_start_next_to_the_phase():
    phase = np.zeros((5, 5), int)
    phase[:, 2], phase[0, 4] = 1, 1
    start = np.zeros((5, 5), int)
    start[:, 1] = 1
    found = connectivity(boolean(phase), boolean(start))
    assert found.isolated_fraction == pytest.approx(1 / 6)
    none = connectivity(boolean(phase * 0), "top")
    assert np.isnan(none.isolated_fraction)
    assert none.n_components == 0
    volume = connectivity(boolean(np.ones((4, 4, 4))), "front", neighbors=6)
    assert volume.percolates
    assert volume.connected_fraction == 1.0


def test_wrong_phases():
    phase = boolean(np.ones((4, 4)))
    with pytest.raises(DataError, match="boolean"):
        connectivity(phase.astype(float), "top")
    with pytest.raises(ParameterError, match="face"):
        connectivity(phase, "front")
    with pytest.raises(ParameterError, match="neighborhood"):
        connectivity(phase, "top", neighbors=6)
    with pytest.raises(DataError, match="does not fit"):
        connectivity(phase, boolean(np.ones((3, 4))))
    with pytest.raises(DataError, match="outside the mask"):
        geodesic_distance(~phase, (0.0, 0.0))


def test_straight_distances_are_exact(rng):
    """No obstacle: the distance of the fast marching is that of the plane, within 0.3 %."""
    open_field = boolean(np.ones((121, 161)))
    found = geodesic_distance(open_field, (6.0, 8.0))
    y, x = np.mgrid[:121, :161]
    straight = np.hypot(y - 60, x - 80) * 0.1
    far = straight > 0.5
    np.testing.assert_allclose(found.values[far], straight[far], rtol=0.003)


@pytest.mark.parametrize(("height", "expected"), [(40, 1.41421), (80, 2.23607)])
def test_golden_g44_detour_around_a_wall(height, expected):
    """Points d left and right of a wall that reaches h above them: sqrt(1 + (h/d)^2) within 1 %."""
    d = 40
    mask = np.ones((height + 61, 2 * d + 41), int)
    row, wall = 0, d + 20
    mask[:height, wall] = 0  # the first pixel that lets a path through has its center at h
    found = detour_factor(boolean(mask, 0.05), (row, (wall - d) * 0.05), (row, (wall + d) * 0.05))
    assert found == pytest.approx(expected, rel=0.01)


def test_distance_in_a_volume_and_behind_a_wall():
    volume = np.ones((30, 30, 30))
    far = geodesic_distance(boolean(volume), (0.0, 0.0, 0.0))
    assert float(far[29, 29, 29]) == pytest.approx(2.9 * np.sqrt(3), rel=0.01)
    closed = np.ones((20, 20))
    closed[:, 10] = 0
    found = geodesic_distance(boolean(closed), boolean(np.pad(np.ones((20, 1)), ((0, 0), (0, 19)))))
    np.testing.assert_allclose(found[:, :10], np.tile(np.arange(10) * 0.1, (20, 1)), atol=1e-9)
    assert found[:, 10:].isnull().all()
    assert np.isnan(detour_factor(boolean(closed), (1.0, 0.0), (1.0, 1.5)))
