"""The card on planted maps: what it calls heterogeneous, its intervals, its warnings."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

from socwidgets.heterogeneity.bootstrap import bootstrap
from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.correlation import correlation_length_px
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.model.errors import DataError

SIZE = 128


def random_field(rng, length):
    """Gaussian random field of unit variance with covariance exp(-h^2/(2 l^2))."""
    white = rng.normal(size=(SIZE, SIZE))
    field = gaussian_filter(white, length / np.sqrt(2), mode="wrap")
    return (field - field.mean()) / field.std()


def planted(rng, true=0.1, noise=0.05, length=5.0):
    soc = 0.5 + true * random_field(rng, length) + rng.normal(0, noise, (SIZE, SIZE))
    axis = np.arange(SIZE) * 0.04
    return xr.Dataset(
        {
            "soc": (("y", "x"), soc, {"kind": "soc", "units": "1"}),
            "soc_std": (("y", "x"), np.full((SIZE, SIZE), noise)),
            "thickness": (("y", "x"), np.ones((SIZE, SIZE))),
            "status": (("y", "x"), np.zeros((SIZE, SIZE), np.uint8)),
        },
        {"y": ("y", axis, {"units": "um"}), "x": ("x", axis, {"units": "um"})},
    )


def test_spread_comes_back_without_the_noise(rng):
    card = heterogeneity_card(planted(rng))
    assert card["sigma_true"].value == pytest.approx(0.1, rel=0.1)
    assert card["sigma_noise"].value == pytest.approx(0.05)
    assert "is heterogeneous" in card.verdict
    assert card["correlation_length"].value == pytest.approx(np.sqrt(2) * 5 * 0.04, rel=0.15)
    assert card["hsn"].value == pytest.approx(2.0, rel=0.15)


def test_homogeneous_map_is_not_called_heterogeneous(rng):
    verdicts = [heterogeneity_card(planted(rng, true=0.0), draws=10).verdict for _ in range(20)]
    quiet = sum("No heterogeneity" in text for text in verdicts)
    assert quiet >= 17  # one-sided 95 % limit: 20 * 0.05 = 1 false alarm expected
    assert not any("is heterogeneous" in text for text in verdicts)


def test_interval_of_the_mean_covers(rng):
    """Block bootstrap on correlated pixels: 95 % intervals hold the truth in about 95 %."""
    covered = 0
    for _ in range(100):
        sample = take_sample(planted(rng), "soc")
        interval = bootstrap(sample, correlation_length_px(sample, 0.01), draws=300).mean
        covered += interval.low <= 0.5 <= interval.high
    assert 85 <= covered <= 100


def test_particles_split_the_variance(rng):
    maps = planted(rng, true=0.0, noise=0.02)
    labels = xr.DataArray(np.zeros((SIZE, SIZE), np.int32), dims=("y", "x"))
    states = rng.normal(0, 0.2, 36)
    for i, (row, column) in enumerate(np.ndindex(6, 6)):
        box = {"y": slice(row * 20, row * 20 + 14), "x": slice(column * 20, column * 20 + 14)}
        labels[box] = i + 1
        maps.soc[box] += states[i]
    card = heterogeneity_card(maps, labels)
    assert card["sigma_between"].value == pytest.approx(states.std(), rel=0.05)
    assert card["share_between"].value > 0.99
    assert card["n_particles"].value == 36
    assert card["mean"].std == pytest.approx(states.std() / 6, rel=0.25)
    assert "between particles" in card.verdict


def test_flagged_pixels_do_not_count(rng):
    maps = planted(rng)
    maps.soc[:10] = 50.0
    maps.status[:5], maps.status[5:10] = 6, 7
    card = heterogeneity_card(maps)
    assert card["mean"].value < 1
    assert any("640 pixels are saturated" in text for text in card.warnings)
    assert any("outside the calibrated range" in text for text in card.warnings)


def test_thickness_weights_the_mean(rng):
    maps = planted(rng, true=0.0)
    maps.soc[:, :64] += 0.2
    maps.thickness[:, :64] = 3.0
    assert heterogeneity_card(maps)["mean"].value == pytest.approx(0.65, abs=0.005)
    assert heterogeneity_card(maps, weights=None)["mean"].value == pytest.approx(0.60, abs=0.005)


def test_without_sigma_nothing_is_claimed(rng):
    card = heterogeneity_card(planted(rng).drop_vars("soc_std"))
    assert np.isnan(card["sigma_true"].value)
    assert "not known" in card.verdict
    assert any("no standard uncertainty" in text for text in card.warnings)


def test_forms_of_the_card(rng):
    card = heterogeneity_card(planted(rng), seed=3)
    text = json.dumps(card.to_dict(), allow_nan=False)
    assert json.loads(text)["record"]["bootstrap"]["seed"] == 3
    assert card.to_frame().loc["mean", "value"] == card["mean"].value
    assert "<script" not in card._repr_html_()
    with pytest.raises(KeyError):
        card["nothing"]


def test_bad_input(rng):
    maps = planted(rng)
    with pytest.raises(DataError, match="no map 'x_li'"):
        heterogeneity_card(maps, variable="x_li")
    with pytest.raises(DataError, match="labels do not fit"):
        heterogeneity_card(maps, xr.DataArray(np.ones((3, 3), int), dims=("y", "x")))
    maps["status"] = maps.status + np.uint8(1)
    with pytest.raises(DataError, match="no usable pixel"):
        heterogeneity_card(maps)
