"""Composites of three phases, and color limits around a mode (G-20, G-22, G-23)."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from socwidgets.analysis.materials import material
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.plotting.composite import (
    PALETTES,
    composite_figure,
    composite_legend,
    composite_rgb,
)
from socwidgets.plotting.limits import mode_limits
from socwidgets.plotting.maps import map_figure
from socwidgets.plotting.shares import share_pie
from socwidgets.plotting.style import NO_VALUE, alt_text


def as_map(values, name="fraction"):
    values = np.atleast_2d(np.asarray(values, float))
    coords = {
        "y": ("y", 0.04 * np.arange(values.shape[0]), {"units": "um"}),
        "x": ("x", 0.04 * np.arange(values.shape[1]), {"units": "um"}),
    }
    return xr.DataArray(values, coords, ("y", "x"), name=name)


def lnmo(shape=(40, 40)):
    """Areas .30, .42, .28 of the three cubic phases: the numbers of golden G-20."""
    which = np.repeat([0, 1, 2], [480, 672, 448]).reshape(shape)
    return [as_map(which == k) for k in range(3)]


def test_golden_g20_through_the_map():
    fractions = lnmo()
    means = [float(f.mean()) for f in fractions]
    assert means == pytest.approx([0.30, 0.42, 0.28])
    x = fractions[0] + 0.5 * fractions[1]
    assert float(x.mean()) == pytest.approx(0.51)
    ni = material("LiNi0.5Mn1.5O4").oxidation_state(x)
    assert float(ni.mean()) == pytest.approx(2.98)


def test_pure_phases_have_the_colors_of_the_paper_and_mixtures_lie_between():
    a, b, c = as_map([1, 0, 0, 0.5, 0.2]), as_map([0, 1, 0, 0.5, 0.3]), as_map([0, 0, 1, 0, 0.5])
    picture = composite_rgb([a, b, c])
    np.testing.assert_allclose(picture[0, :3], np.eye(3))
    np.testing.assert_allclose(picture[0, 3], [0.5, 0.5, 0])
    np.testing.assert_allclose(picture[0, 4], [0.2, 0.3, 0.5])
    beyond = composite_rgb([as_map([1.2]), as_map([-0.2]), as_map([0.0])])
    np.testing.assert_allclose(beyond[0, 0], [1, 0, 0])


def test_brightness_is_the_thickness_and_grey_is_no_value():
    a, b, c = lnmo()
    thick = as_map(np.tile(np.linspace(0, 2, 40), (40, 1)))
    picture = composite_rgb([a, b, c], thick, full_at=2.0, thin=0.1)
    light = picture.sum(axis=-1)
    np.testing.assert_allclose(light[0, -1], 1.0)
    np.testing.assert_allclose(light[0, 0], 0.1)
    assert (np.diff(light[0]) > 0).all()
    gap = a.copy()
    gap[0, 0] = np.nan
    grey = composite_rgb([gap, b, c])[0, 0]
    assert "#" + "".join(f"{round(255 * v):02x}" for v in grey) == NO_VALUE


def test_figures_for_three_and_two_phases():
    a, b, c = lnmo()
    figure = composite_figure([a, b, c], ["Li1", "Li0.5", "Li0"], as_map(np.ones((40, 40))))
    assert "Li1 0.30, Li0.5 0.42, Li0 0.28" in alt_text(figure)
    legend = next(axes for axes in figure.axes if axes.get_label() == "legend")
    words = {text.get_text() for text in legend.texts}
    assert {"Li1", "Li0.5", "Li0", "darker: thinner"} == words
    two = composite_figure([a + c, b], ["P", "Q"], palette="safe")
    assert len(two.axes) == 2


def test_bad_composites():
    a, b, c = lnmo()
    with pytest.raises(DataError, match="two or three"):
        composite_rgb([a])
    with pytest.raises(DataError, match="no map like"):
        composite_rgb([a, b, c.isel(y=slice(0, 3))])
    with pytest.raises(DataError, match="fraction 1 is no map"):
        composite_rgb([one.values for one in (a, b, c)])
    with pytest.raises(DataError, match="thickness is no map like"):
        composite_rgb([a, b, c], a.isel(x=slice(0, 3)))
    with pytest.raises(ParameterError, match="no palette"):
        composite_rgb([a, b, c], palette="rainbow")
    with pytest.raises(ParameterError, match="too few colors"):
        composite_rgb([a, b, c], palette=PALETTES["rgb"][:2])
    with pytest.raises(ParameterError, match="do not pair up"):
        composite_figure([a, b, c], ["one"])


def test_golden_g23_and_g22_lookup(rng):
    for values, half, middle in (([8350.2, 8351.7, 8353.2, 8354.0], 1.5, 8351.7),
                                 ([-0.09, 0.0, 0.09, 0.2], 0.09, 0.0)):  # fmt: skip
        drawn = map_figure(as_map(values), limits=(middle - half, middle + half)).axes[0].images[0]
        at = np.clip(drawn.norm(drawn.get_array()), 0.0, 1.0)
        np.testing.assert_allclose(at[0], [0, 0.5, 1, 1], atol=1e-9)
    # Skewed, so that mean and mode differ by 0.4 eV.
    skewed = np.r_[rng.normal(8351.7, 0.15, 8000), rng.normal(8353.5, 0.5, 2500)]
    low, high = mode_limits(as_map(skewed))
    assert high - low == pytest.approx(3.0)
    assert 0.5 * (low + high) == pytest.approx(8351.7, abs=0.03)
    assert mode_limits(as_map([np.nan])) == (-1.5, 1.5)
    assert mode_limits(as_map([2.0, 2.0]), 0.5) == (1.5, 2.5)


def test_legend_triangle_has_the_pure_colors_at_its_corners():
    axes = Figure().add_subplot()
    composite_legend(axes, ["P", "Q", "R"], palette="rgb")
    assert [text.get_text() for text in axes.texts] == ["P", "Q", "R"]
    picture = axes.images[0].get_array()
    n = picture.shape[0]
    for (row, column), color in zip(
        ((0, 0), (0, n - 1), (n - 1, n // 2)), np.eye(3), strict=True
    ):  # fmt: skip
        np.testing.assert_allclose(picture[row, column, :3], color, atol=0.02)
    assert picture[n - 1, 0, 3] == 0
    with pytest.raises(ParameterError, match="three corners"):
        composite_legend(axes, ["P", "Q"])


def test_pie_shares_and_words():
    axes = Figure().add_subplot()
    assert share_pie(axes, (0.5, 1.5), ("C0", "C1"), "{share} discharged") == (0.25, 0.75)
    assert "25% discharged" in [text.get_text() for text in axes.texts]
    angles = [wedge.theta2 - wedge.theta1 for wedge in axes.patches]
    np.testing.assert_allclose(angles, [90, 270], atol=1e-3)
    assert share_pie(axes, (-0.01, 1.01), ("C0", "C1")) == (0.0, 1.0)
    with pytest.raises(ParameterError, match="nothing to share"):
        share_pie(axes, (0.0, 0.0), ("C0", "C1"))
    with pytest.raises(ParameterError, match="do not pair up"):
        share_pie(axes, (0.5, 0.5), ("C0",))
