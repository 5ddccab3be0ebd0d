import numpy as np
import pytest
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.roi import ROI, Ellipse, Polygon, Rectangle, Threshold
from socwidgets.model.status import Status
from socwidgets.plotting import alt_text, map_figure, map_pair, png_bytes, status_figure, svg_text
from socwidgets.plotting.limits import default_limits, extend_of
from socwidgets.plotting.outlines import label_edges
from socwidgets.plotting.scalebar import extent, round_length
from socwidgets.plotting.status import STATUS_COLORS


def texts(figure):
    return [t.get_text() for axes in figure.axes for t in axes.findobj(match=_is_text)]


def _is_text(artist):
    return hasattr(artist, "get_text") and bool(artist.get_text())


def test_map_shows_values_in_physical_coordinates_with_both_ends_in_words(soc, labels):
    figure = map_figure(soc, labels=labels)
    axes = figure.axes[0]
    image = axes.images[0]
    np.testing.assert_array_equal(np.ma.filled(image.get_array(), np.nan), soc.values)
    assert image.get_extent() == pytest.approx((-0.025, 1.975, 1.975, -0.025))
    assert axes.get_aspect() == 1.0
    words = texts(figure)
    assert "◀ Li-rich / discharged" in words
    assert "Li-poor / charged ▶" in words
    assert "State of charge" in words
    assert "500 nm" in words
    assert {"1", "2"} <= set(words)


def test_masked_pixels_are_drawn_in_their_own_grey(soc):
    figure = map_figure(soc)
    figure.canvas.draw()
    cmap = figure.axes[0].images[0].get_cmap()
    bad = cmap(np.ma.masked)
    assert bad == pytest.approx((0.8627, 0.8627, 0.8627, 1), abs=1e-3)
    assert all(np.abs(np.subtract(cmap(v)[:3], bad[:3])).max() > 0.2 for v in np.linspace(0, 1, 50))


def test_equal_aspect_survives_the_layout_of_a_wide_map(soc):
    wide = soc.isel(y=slice(0, 20))
    figure = map_figure(wide, width=4.0)
    figure.canvas.draw()
    box = figure.axes[0].get_window_extent()
    assert box.width / box.height == pytest.approx(2.0, rel=1e-3)
    assert box.width / figure.dpi == pytest.approx(3.8, abs=0.01)


def test_pair_gives_sigma_its_own_limits_and_no_direction_words(soc):
    sigma = (soc * 0 + 0.05).rename("soc_std").assign_attrs(soc.attrs)
    figure = map_pair(soc, sigma)
    limits = [axes.images[0].get_clim() for axes in figure.axes if axes.images]
    assert limits[0] == (0.0, 1.0)
    assert limits[1] == pytest.approx((0.0, 0.05))
    assert sum("discharged" in t for t in texts(figure)) == 1


def test_regions_are_drawn_where_they_are_and_thresholds_are_left_to_the_map(soc):
    rois = [
        ROI("box", Rectangle(1.0, 1.2, 0.2, 0.4), "#d55e00"),
        ROI("oval", Ellipse(1.0, 1.0, 0.2, 0.3), "#0072b2"),
        ROI("lasso", Polygon(((0.1, 0.1), (0.5, 0.1), (0.3, 0.6))), "#009e73"),
        ROI("high", Threshold("soc", 0.5, 1.0), "#e69f00"),
    ]
    axes = map_figure(soc, rois).axes[0]
    assert len(axes.patches) == 3
    assert axes.patches[0].get_bbox().bounds == pytest.approx((0.2, 0.4, 0.8, 0.8))
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["box", "oval", "lasso"]


def test_a_stack_is_not_a_map(soc):
    with pytest.raises(DataError, match="is not a map"):
        map_figure(soc.expand_dims(state=2))


def test_values_beyond_the_limits_give_the_bar_an_arrow(soc):
    assert extend_of(soc, 0.0, 1.0) == "neither"
    assert extend_of(soc + 0.7, 0.0, 1.0) == "max"
    assert extend_of(soc - 0.5, 0.0, 0.2) == "both"
    low, high = default_limits(soc - 0.4, signed=True)
    assert low == -high < 0


def test_a_map_without_any_value_and_a_constant_map_can_be_drawn(soc):
    empty = map_figure(soc * np.nan)
    assert "no pixel has a value" in alt_text(empty)
    png_bytes(empty, 50)
    png_bytes(map_figure((soc * 0 + 3.0).assign_attrs(units="eV")), 50)


def test_status_counts_are_in_legend_and_text_alternative(status):
    figure = status_figure(status)
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    ok = int((status == 0).sum())
    assert legend[0] == f"ok: {ok} px ({ok / 1600:.1%})"
    assert any(t.startswith("saturated or clipped counts: 1 px") for t in legend)
    assert "masked by the user or at the border: 80 px" in alt_text(figure)
    rgba = figure.axes[0].images[0].to_rgba(status.values, bytes=False)
    assert tuple(rgba[6, 6][:3]) == pytest.approx(
        tuple(int(STATUS_COLORS[6][i : i + 2], 16) / 255 for i in (1, 3, 5))
    )


def test_scale_bar_lengths_are_round():
    assert [round_length(w) for w in (12.0, 6.0, 3.0, 0.9, 250.0)] == [2.0, 1.0, 0.5, 0.2, 50.0]


def test_single_row_takes_the_other_axis_pixel_size(soc):
    left, right, bottom, top = extent(soc.isel(y=slice(3, 4)))
    assert bottom - top == pytest.approx(0.05)
    assert right - left == pytest.approx(2.0)


def test_outline_is_the_perimeter_of_each_particle():
    codes = np.zeros((4, 5), int)
    codes[1:3, 1:4] = 7
    edges = label_edges(codes)
    assert len(edges) == 2 * (2 + 3)
    assert edges[..., 0].min() == 1
    assert edges[..., 0].max() == 4
    touching = np.array([[1, 2]])
    assert len(label_edges(touching)) == 7


def test_drawing_leaves_the_users_settings_and_pyplot_alone(soc):
    import sys

    import matplotlib as mpl

    def figures():
        # Other tests may have drawn with pyplot: neither it nor their figures are of this one.
        return getattr(sys.modules.get("matplotlib.pyplot"), "get_fignums", list)()

    before, drawn = dict(mpl.rcParams), figures()
    data = png_bytes(map_figure(soc), 60)
    assert data.startswith(b"\x89PNG")
    assert b"State of charge" in data
    assert dict(mpl.rcParams) == before
    svg = svg_text(map_figure(soc))
    assert "<svg" in svg
    assert "<text" not in svg
    assert figures() == drawn


def test_falling_axes_keep_row_zero_at_the_top_and_regions_in_place(soc):
    fallen = soc.isel(y=slice(None, None, -1))
    left, right, bottom, top = extent(fallen)
    assert (left, right) == pytest.approx((-0.025, 1.975))
    assert (bottom, top) == pytest.approx((-0.025, 1.975))
    axes = map_figure(fallen, [ROI("box", Rectangle(0.2, 0.4, 1.0, 1.2))]).axes[0]
    assert axes.get_ylim() == pytest.approx((-0.025, 1.975))
    np.testing.assert_array_equal(np.ma.filled(axes.images[0].get_array(), np.nan), fallen.values)


def test_status_words_can_be_sharpened_by_the_caller(status):
    figure = status_figure(status, words={Status.SATURATED: "too thick"})
    assert any(t.get_text().startswith("too thick: 1 px") for t in figure.legends[0].get_texts())


def test_angles_come_round_and_speeds_have_a_unit():
    y, x = np.mgrid[-10:11, -10:11].astype(float)
    angle = xr.DataArray(
        np.degrees(np.arctan2(y, x)), {"y": y[:, 0], "x": x[0]}, ("y", "x"), "direction",
        {"long_name": "Direction of the front", "units": "degree", "period": 360.0},
    )  # fmt: skip
    figure = map_figure(angle)
    image = figure.axes[0].images[0]
    assert image.get_clim() == (-180.0, 180.0)
    ends = image.get_cmap()([0.0, 1.0])
    assert np.abs(ends[0] - ends[1]).max() < 0.01
    for units, shown in (("um/s", "µm/s"), ("um per unit of time", "µm per unit of time")):
        speed = angle.rename("speed").assign_attrs(units=units, long_name="Speed of the front")
        label = map_figure(speed).axes[1].get_xlabel()
        assert label == f"Speed of the front ({shown})"
