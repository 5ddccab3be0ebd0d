"""Lengths along each axis of a volume whose layers are farther apart than its pixels."""

import numpy as np
import pytest
from planted_maps import map_set

from socwidgets.heterogeneity.space.axes import axis_lengths
from socwidgets.heterogeneity.variogram import fit_variogram, variogram
from socwidgets.model.errors import ParameterError

SPACING = {"z": 0.10, "y": 0.04, "x": 0.04}


def field(rng, shape, lengths_px):
    """Field of unit variance with a Gaussian covariance of its own length along each axis."""
    size = [n + int(8 * length) for n, length in zip(shape, lengths_px, strict=True)]
    k = np.meshgrid(*[2 * np.pi * np.fft.fftfreq(n) for n in size], indexing="ij")
    power = sum((a * length) ** 2 for a, length in zip(k, lengths_px, strict=True))
    transfer = np.exp(-power / 4)
    made = np.fft.ifftn(np.fft.fftn(rng.standard_normal(size)) * transfer).real
    return made[tuple(slice(n) for n in shape)] / np.sqrt(np.mean(transfer**2))


def volume(rng, lengths_um, noise=0.05, shape=(40, 90, 90)):
    lengths_px = [length / SPACING[d] for d, length in zip("zyx", lengths_um, strict=True)]
    values = 0.5 + 0.1 * field(rng, shape, lengths_px) + rng.normal(0, noise, shape)
    maps = map_set(values, noise, dims=("z", "y", "x"))
    return maps.assign_coords({d: np.arange(n) * SPACING[d] for d, n in maps.sizes.items()})


@pytest.mark.parametrize("lengths_um", [(0.2, 0.2, 0.2), (0.3, 0.12, 0.2)])
def test_known_lengths_come_back_in_um(rng, lengths_um):
    """Golden G-60b along each axis: 1/e at sqrt(2) l, within the 15 % of science J.3."""
    table = axis_lengths(volume(rng, lengths_um), model="gaussian")
    assert list(table.index) == ["z", "y", "x"]
    truth = np.sqrt(2) * np.array(lengths_um)
    np.testing.assert_allclose(table.length_um, truth, rtol=0.15)
    np.testing.assert_allclose(table.model_um, truth, rtol=0.15)
    assert table.reported.all()
    # The layers are far apart against their length: less is known there of distance zero.
    np.testing.assert_allclose(table.nugget[["y", "x"]], 0.05**2, rtol=0.15)


def test_the_variogram_across_layers_is_planted_and_in_um(rng):
    """``gamma(h) = noise^2 + sd^2 (1 - exp(-h^2/(2 l^2)))`` along z, in um."""
    maps = volume(rng, (0.3, 0.12, 0.2))
    found = variogram(maps, axis="z")
    assert found.pixel_um == pytest.approx(SPACING["z"])
    h = found.distance * found.pixel_um
    truth = 0.05**2 + 0.1**2 * (1 - np.exp(-(h**2) / (2 * 0.3**2)))
    near = h < 0.6
    np.testing.assert_allclose(found.gamma[near], truth[near], rtol=0.15)
    within = variogram(maps)
    assert within.pixel_um == pytest.approx(SPACING["y"])
    assert fit_variogram(within, "gaussian").length_px * SPACING["y"] < 0.3
    labels = maps.soc.copy(data=np.repeat([1, 2], 20)[:, None, None] * np.ones((1, 90, 90), int))
    same = variogram(maps, labels=labels, axis="z", same_particle=True)
    assert same.pairs[0] == found.pairs[0] - 90 * 90
    with pytest.raises(ParameterError, match="has no axis 'state'"):
        variogram(maps, axis="state")


def test_labels_and_axes_that_are_too_short(rng):
    maps = volume(rng, (0.2, 0.2, 0.2), shape=(4, 60, 60))
    labels = maps.soc.copy(data=np.ones(maps.soc.shape, int))
    labels[:, :, 50:] = 0
    maps.soc[:, :, 50:] = 9.0
    table = axis_lengths(maps, labels=labels)
    np.testing.assert_allclose(table.length_um[["y", "x"]], np.sqrt(2) * 0.2, rtol=0.25)
    assert not table.reported["z"]
    assert "third of the field" in table.reason["z"]


def test_an_image_has_two_axes_and_noise_has_no_length(rng):
    maps = volume(rng, (0.2, 0.2, 0.2)).isel(z=0)
    assert list(axis_lengths(maps).index) == ["y", "x"]
    noise = map_set(rng.normal(0.5, 0.05, (60, 60)), 0.06)
    table = axis_lengths(noise)
    assert table.length_um.isna().all()
    assert "no variance is left" in table.reason["x"]
    assert "no more than twice" in axis_lengths(maps, resolution_um=0.2).reason["y"]
