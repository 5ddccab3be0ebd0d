"""What a map can be asked, a volume can be asked too: phases, boundaries, neighbors."""

import numpy as np
import pytest
import xarray as xr
from planted_maps import map_set, random_field
from scipy.ndimage import gaussian_filter

from socwidgets.heterogeneity.phases.boundary import TANH_10_90, boundary_width
from socwidgets.heterogeneity.phases.table import phase_table
from socwidgets.heterogeneity.space.moran import autocorrelation

EDGE = 32
VOXEL_UM = 0.05
KINDS = ("core_shell", "domino", "solid_solution", "end_member")


def ball(kind, rng):
    """One particle in three dimensions, half reacted, NaN outside; and its inside."""
    place = np.indices((EDGE,) * 3) - (EDGE - 1) / 2
    r = np.sqrt((place**2).sum(0)) / (EDGE / 2 - 2.5)
    if kind == "core_shell":
        field = (r > 0.5 ** (1 / 3)).astype(float)
    elif kind == "domino":
        along = np.tensordot(np.array([0.6, 0.64, 0.48]), place, 1)
        field = (along < np.median(along[r < 1])).astype(float)
    elif kind == "solid_solution":
        grain = gaussian_filter(rng.normal(size=r.shape), 3, mode="wrap")
        field = 0.5 + 0.08 * grain / grain.std()
    else:
        field = np.ones(r.shape)
    solid = (r < 1).astype(float)
    blurred = gaussian_filter(field * solid, 0.8) / np.maximum(gaussian_filter(solid, 0.8), 1e-9)
    return np.where(r < 1, blurred, np.nan), r < 1


@pytest.fixture(scope="module")
def balls():
    """Map set and labels of one particle of each kind, side by side, noise 0.1."""
    rng = np.random.default_rng(8)
    made = [ball(kind, rng) for kind in KINDS]
    soc = np.concatenate([field for field, _ in made], axis=2)
    soc = soc + rng.normal(0, 0.1, soc.shape)
    labels = np.concatenate([(i + 1) * inside for i, (_, inside) in enumerate(made)], axis=2)
    dims, seen = ("z", "y", "x"), np.isfinite(soc)
    axes = {d: np.arange(n) * VOXEL_UM for d, n in zip(dims, soc.shape, strict=True)}
    maps = xr.Dataset(
        {
            "soc": (dims, soc, {"kind": "soc"}),
            "soc_std": (dims, np.where(seen, 0.1, np.nan)),
            "status": (dims, np.where(seen, 0, 1).astype(np.uint8)),
        },
        axes,
    )
    return maps, xr.DataArray(labels.astype(np.int32), axes, dims, "labels")


def test_verdicts_in_a_volume(balls):
    maps, labels = balls
    table = phase_table(maps, labels, resolution_um=0.8 * 2.3548 * VOXEL_UM)
    assert list(table["state"]) == list(KINDS)
    assert table["anisotropy"][1] < 0.1
    assert table["anisotropy"][2] > 0.95
    radius = VOXEL_UM * (EDGE / 2 - 2.5)
    core = 4 * np.pi * (0.5 ** (1 / 3) * radius) ** 2
    assert table["boundary_um2"][1] == pytest.approx(core, rel=0.05)
    assert table["boundary_um2"][2] == pytest.approx(np.pi * radius**2, rel=0.05)
    assert list(table["width_status"][:2]) == ["unresolved"] * 2
    assert table["direction_deg"].isna().all()
    # Nothing is projected in a volume.
    assert "beam" not in table.attrs["note"]


@pytest.mark.parametrize("shape", ["sphere", "plane"])
def test_width_of_a_surface_in_a_volume(rng, shape):
    z, y, x = np.indices((40, 40, 40)) - 19.5
    r = np.sqrt(x**2 + y**2 + z**2)
    distance = r - 10 if shape == "sphere" else (x + 0.3 * y + 0.2 * z) / np.sqrt(1.13)
    values = 0.5 * (1 + np.tanh(distance / 2)) + rng.normal(0, 0.05, r.shape)
    found = boundary_width(values, r < 18, (0.05,) * 3, resolution_um=0.0, reach_px=8)
    assert found.status == "ok"
    assert found.observed == pytest.approx(TANH_10_90 * 2 * 0.05, abs=4 * found.std)
    assert found.std < 0.01 * found.observed


def brute_moran(values, offsets):
    """Moran's I and Geary's C over the given neighbors, written as the definition reads."""
    z = values - np.nanmean(values)
    products, squares, pairs = 0.0, 0.0, 0
    for index in np.argwhere(np.isfinite(values)):
        for offset in offsets:
            other = tuple(index + offset)
            there = all(0 <= o < n for o, n in zip(other, values.shape, strict=True))
            if there and np.isfinite(values[other]):
                products += z[tuple(index)] * z[other]
                squares += (z[tuple(index)] - z[other]) ** 2
                pairs += 1
    n, total = np.isfinite(values).sum(), np.nansum(z**2)
    return n / pairs * products / total, (n - 1) / (2 * pairs) * squares / total


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_neighbors_of_a_voxel(rng, neighbors):
    values = gaussian_filter(rng.normal(size=(4, 6, 7)), 0.7)
    values[rng.random(values.shape) < 0.2] = np.nan
    around = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3)
    near = np.abs(around).sum(1)
    around = around[near == 1 if neighbors == "rook" else near > 0]
    found = autocorrelation(
        map_set(values, 0.0, dims=("z", "y", "x")), neighbors=neighbors, permutations=99
    )
    moran, geary = brute_moran(values, around)
    assert found.moran == pytest.approx(moran)
    assert found.geary == pytest.approx(geary)
    assert 0 < found.p < 0.1


def test_order_across_the_layers_is_seen(rng):
    """Layers that alternate: every neighbor in the layer is alike, every one below is opposite."""
    layers = np.broadcast_to(np.array([0.0, 1.0] * 4)[:, None, None], (8, 9, 10))
    across = autocorrelation(map_set(layers.copy(), 0.0, dims=("z", "y", "x")), permutations=0)
    pairs = 8 * (9 * 9 + 8 * 10), 7 * 9 * 10
    assert across.moran == pytest.approx((pairs[0] - pairs[1]) / sum(pairs))
    field = 0.5 + 0.1 * random_field(rng, (40, 40, 40), 4.0)
    noisy = map_set(field + rng.normal(0, 0.05, field.shape), 0.05, dims=("z", "y", "x"))
    assert autocorrelation(noisy, permutations=0).moran_true == pytest.approx(
        np.exp(-1 / (2 * 4.0**2)), abs=0.01
    )
