"""Particles: planted discs come back, touching ones are split, sizes and borders are reported."""

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

from socwidgets.analysis.basins import join_rods
from socwidgets.analysis.segmentation import segment_particles
from socwidgets.model.errors import DataError

PIXEL = 0.04


def discs(rng, centres, radius=12, size=128, noise=0.03):
    y, x = np.mgrid[:size, :size]
    thickness = np.zeros((size, size))
    for cy, cx in centres:
        thickness = np.maximum(thickness, np.clip(1.2 - np.hypot(y - cy, x - cx) / radius, 0, 0.6))
    thickness += rng.normal(0, noise, thickness.shape)
    axis = np.arange(size) * PIXEL
    return xr.DataArray(thickness, {"y": axis, "x": axis}, ("y", "x"), name="thickness")


def test_touching_discs_are_split_and_areas_are_right(rng):
    centres = [(30, 30), (30, 51), (90, 40), (0, 100)]
    labels = segment_particles(discs(rng, centres), separation_um=0.4)
    assert labels.dtype == np.int32
    assert int(labels.max()) == 4
    found = {int(labels[cy, cx]) for cy, cx in centres}
    assert found == {1, 2, 3, 4}
    assert labels.attrs["touches_border"] == [int(labels[0, 100])]
    area = np.bincount(labels.values.ravel())[1:]
    assert list(area) == sorted(area, reverse=True)
    # The cone, flat from 0.6 on, is cut at 0.4 x 0.7 of its height.
    radius = (1.2 - 0.28 * 0.6) * 12
    assert labels.attrs["threshold"] < 0.28 * 0.6
    assert int((labels == labels[90, 40]).sum()) == pytest.approx(np.pi * radius**2, rel=0.05)


def test_small_objects_are_dropped(rng):
    image = discs(rng, [(40, 40)], noise=0.0)
    image[100:102, 100:102] = 0.6
    labels = segment_particles(image, smooth_px=0.0, min_area_um2=10 * PIXEL**2)
    assert int(labels.max()) == 1
    assert labels[100, 100] == 0


def test_nan_is_background(rng):
    image = discs(rng, [(40, 40)]).where(lambda v: v.x < 2.0)
    labels = segment_particles(image)
    assert int(labels.max()) >= 1
    assert (labels.where(image.isnull(), 0) == 0).all()


def test_nothing_to_segment():
    empty = xr.DataArray(np.zeros((5, 5)), dims=("y", "x"))
    with pytest.raises(DataError, match="nothing to segment"):
        segment_particles(empty)
    with pytest.raises(DataError, match="one image"):
        segment_particles(empty.expand_dims("state"))
    with pytest.raises(DataError, match="pass one map"):
        segment_particles(xr.Dataset({"edge_jump": (("y", "x"), np.eye(9))}))


def test_small_objects_can_be_kept_and_flagged(rng):
    image = discs(rng, [(40, 40)], noise=0.0)
    image[100:102, 100:102] = 0.6
    options = {"smooth_px": 0.0, "min_area_um2": 10 * PIXEL**2}
    labels = segment_particles(image, keep_small=True, **options)
    assert labels.attrs["too_small"] == [int(labels[100, 100])] == [2]
    assert segment_particles(image, **options).attrs["too_small"] == []


def test_nearly_all_particles_of_the_phantom_are_found():
    """Half of them touch, some are thin: of 32 each, over four seeds, at most 4 % go wrong."""
    from socwidgets.phantoms.ensemble import lfp_ensemble

    found = planted = extra = 0
    for seed in range(4):
        truth = lfp_ensemble(seed=seed).truth
        noise = np.random.default_rng(seed).normal(0, 0.02, truth.thickness.shape)
        image = truth.thickness + noise * float(truth.thickness.max())
        labels, real = segment_particles(image).values, truth.labels.values
        extra += int(labels.max())
        for label in range(1, int(real.max()) + 1):
            inside = real == label
            if inside.sum() < 30:
                continue
            best = np.bincount(labels[inside]).argmax()
            planted += 1
            found += (labels == best)[inside].sum() > 0.5 * ((labels == best) | inside).sum()
    assert planted > 120
    assert found >= 0.96 * planted
    assert extra <= 1.03 * planted


def test_touching_balls_of_a_volume():
    z, y, x = np.mgrid[:40, :40, :70]
    centers = [(20, 20, 18), (20, 20, 45)]
    inside = [np.hypot(np.hypot(z - a, y - b), x - c) < 15 for a, b, c in centers]
    axes = {d: np.arange(n) * PIXEL for d, n in zip("zyx", z.shape, strict=True)}
    volume = xr.DataArray((inside[0] | inside[1]).astype(float), axes, ("z", "y", "x"))
    labels = segment_particles(volume)
    assert int(labels.max()) == 2
    assert int(labels[20, 20, 18]) != int(labels[20, 20, 45])
    assert labels.attrs["touches_border"] == []


def test_a_dumbbell_with_a_high_neck_is_one_particle():
    y, x = np.mgrid[:60, :90]
    near = (np.hypot(y - 30, x - 35) < 18) | (np.hypot(y - 30, x - 50) < 18)
    far = (np.hypot(y - 30, x - 25) < 18) | (np.hypot(y - 30, x - 57) < 18)
    for shape, parts in ((near, 1), (far, 2)):
        image = xr.DataArray(shape.astype(float), dims=("y", "x"))
        assert int(segment_particles(image, separation_um=4.0).max()) == parts


def planted(kind, rng, size=200):
    """Thickness (um) and labels: spheres of one size or many, or rods; none touch."""
    y, x = np.indices((size, size))
    thickness, labels = np.zeros((size, size)), np.zeros((size, size), int)
    for _ in range(800):
        radius = float(np.clip(7 * np.exp(rng.normal(0, 0.7)), 4.5, 40)) if kind == "wide" else 8.0
        cy, cx = rng.uniform(radius + 3, size - radius - 3, 2)
        along, across = x - cx, y - cy
        if kind == "rods":
            turn = rng.uniform(0, np.pi)
            along, across = (
                along * np.cos(turn) + across * np.sin(turn),
                across * np.cos(turn) - along * np.sin(turn),
            )
        reach = np.hypot(across, along / 4 if kind == "rods" else along)
        inside = reach < (radius / 2.5 if kind == "rods" else radius)
        if inside.sum() < 40 or labels[reach < radius + 3].any():
            continue
        labels[inside] = labels.max() + 1
        dome = 2 * np.sqrt(np.clip(radius**2 - reach**2, 0, None)) * PIXEL
        thickness[inside] = 0.35 if kind == "rods" else dome[inside]
        if labels.max() == 40:
            break
    return gaussian_filter(thickness, 0.7), labels


def thin_rods(rng, size=256):
    """Thickness and labels of 20 round rods 4 to 6 pixels wide, 8 to 15 times as long."""
    y, x = np.indices((size, size))
    thickness, labels = np.zeros((size, size)), np.zeros((size, size), int)
    while labels.max() < 20:
        radius = rng.uniform(2, 3)
        half, turn = radius * rng.uniform(8, 15) - radius, rng.uniform(0, np.pi)
        cy, cx = rng.uniform(half + radius + 3, size - half - radius - 3, 2)
        along = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        across = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        reach = np.hypot(across, np.clip(np.abs(along) - half, 0, None)) / radius
        if labels[reach < 1 + 3 / radius].any():
            continue
        inside = reach < 1
        labels[inside] = labels.max() + 1
        thickness[inside] = rng.uniform(0.3, 0.8) * np.sqrt(1 - reach[inside] ** 2)
    return gaussian_filter(thickness, 0.7), labels


@pytest.mark.parametrize(("noise", "least", "most"), [(0.02, 1.0, 1.05), (0.1, 0.85, 1.3)])
def test_long_thin_rods_are_whole(rng, noise, least, most):
    """Without `join_rods` 114 and 83 of 120 were found, as 141 and 241 labels."""
    thickness, real = thin_rods(rng)
    image = thickness + rng.normal(0, noise, thickness.shape)
    axis = np.arange(thickness.shape[0]) * PIXEL
    labels = segment_particles(xr.DataArray(image, {"y": axis, "x": axis}, ("y", "x")))
    share, parts = found_share(labels.values, real)
    assert share >= least
    assert parts <= most


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ("pieces of a rod", 1),
        ("rods side by side", 2),
        ("rods at an angle", 2),
        ("touching disks", 2),
        ("halves of a disk", 2),
    ],
)
def test_only_pieces_that_make_one_straight_rod_are_joined(shape, count):
    """The pass is a tenth below `neck`: high enough for a rod, for nothing else."""
    y, x = np.mgrid[:60, :60]
    one, other = {
        "pieces of a rod": ((y == 30) & (x > 5) & (x <= 30), (y == 30) & (x > 30) & (x < 50)),
        "rods side by side": (
            (abs(y - 28) < 2) & (abs(x - 30) < 20), (abs(y - 31) < 2) & (abs(x - 30) < 20),
        ),
        "rods at an angle": (
            (abs(y - 30) < 3) & (x > 5) & (x <= 30),
            (abs(y - 30 - (x - 30)) < 4) & (x > 30) & (x < 50),
        ),
        "touching disks": (np.hypot(y - 30, x - 20) < 10, np.hypot(y - 30, x - 39) < 10),
        "halves of a disk": (
            (np.hypot(y - 30, x - 30) < 15) & (x <= 30), (np.hypot(y - 30, x - 30) < 15) & (x > 30),
        ),
    }[shape]  # fmt: skip
    labels = np.where(one, 1, np.where(other, 2, 0))
    height = np.where(labels > 0, 0.72, 0.0)  # the pass; summits are 1
    height[np.argwhere(one)[0][0], np.argwhere(one)[0][1]] = 1.0
    height[np.argwhere(other)[-1][0], np.argwhere(other)[-1][1]] = 1.0
    joined = join_rods(labels, height, 0.8)
    assert np.unique(joined[joined > 0]).size == count
    assert join_rods(labels, np.where(height == 0.72, 0.5, height), 0.8).max() == 2


def found_share(labels, real):
    """Share of the particles that overlap by more than half with one label, and labels per one."""
    hits = 0
    for label in range(1, real.max() + 1):
        inside = real == label
        best = np.bincount(labels[inside]).argmax()
        same = labels == best
        hits += best > 0 and (same & inside).sum() > 0.5 * (same | inside).sum()
    return hits / real.max(), labels.max() / real.max()


@pytest.mark.parametrize(
    ("kind", "noise", "slope", "least"),
    [
        ("spheres", 0.02, 0.0, 1.0),
        ("spheres", 0.3, 0.0, 0.97),
        ("spheres", 0.02, 1.0, 1.0),
        ("wide", 0.02, 0.0, 0.97),
        ("wide", 0.02, 0.5, 0.95),
        ("rods", 0.02, 0.0, 0.95),
    ],
)
def test_other_shapes_sizes_and_backgrounds(rng, kind, noise, slope, least):
    """A slope across the field, noise as large as half a particle, sizes that differ tenfold."""
    thickness, real = planted(kind, rng)
    assert real.max() >= 20
    image = thickness + rng.normal(0, noise, thickness.shape)
    image += slope * np.arange(thickness.shape[1]) / thickness.shape[1]
    axis = np.arange(thickness.shape[0]) * PIXEL
    labels = segment_particles(xr.DataArray(image, {"y": axis, "x": axis}, ("y", "x")))
    share, parts = found_share(labels.values, real)
    assert share >= least
    assert parts <= 1.05
    if kind == "spheres":
        area = (labels.values > 0).sum() / (real > 0).sum()
        assert area == pytest.approx(0.92, abs=0.06)


def test_balls_of_a_volume_are_cut_at_half_their_height(rng):
    z, y, x = np.indices((40, 40, 70)) - 20.0
    ball = (np.sqrt(z**2 + y**2 + x**2) < 12).astype(float)
    dim = 0.4 * (np.sqrt(z**2 + y**2 + (x - 28) ** 2) < 9)
    image = gaussian_filter(ball + dim, 0.8) + rng.normal(0, 0.03, ball.shape)
    axes = {d: np.arange(n) * PIXEL for d, n in zip("zyx", ball.shape, strict=True)}
    labels = segment_particles(xr.DataArray(image, axes, ("z", "y", "x"))).values
    assert labels.max() == 2
    for real in (ball > 0, dim > 0):
        own = labels == np.bincount(labels[real]).argmax()
        assert own.sum() == pytest.approx(real.sum(), rel=0.08)
