"""Scatter, profile and particle table without a browser: they follow the session and answer it."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack
import xarray as xr
from html_words import text_of
from ipywidgets.widgets.widget import _instances

from socwidgets.analysis.profiles import line_profile
from socwidgets.heterogeneity.association import correlate_maps
from socwidgets.heterogeneity.space.radial import core_shell_contrast
from socwidgets.jobs import JobRunner
from socwidgets.model.errors import SchemaError
from socwidgets.model.roi import Rectangle
from socwidgets.session import Session, ValueBox
from socwidgets.widgets.density import density_rgba
from socwidgets.widgets.particle_view import ParticleView
from socwidgets.widgets.profile_view import ProfileView
from socwidgets.widgets.scatter_view import MOST_POINTS, ScatterView
from socwidgets.widgets.table import Table, digits_for


@pytest.fixture(scope="module")
def data():
    stack = small_stack.stack()
    maps = small_stack.maps(stack)
    labels = xr.zeros_like(maps["status"], dtype=np.int32)
    labels[2:8, 3:10] = 1
    labels[10:20, 15:30] = 2
    return stack, maps, labels


@pytest.fixture
def session(data):
    stack, maps, labels = data
    made = Session(stack, maps, labels=labels, runner=JobRunner(inline=True))
    made.select_map("soc")
    yield made
    assert made.state.error == ""
    made.close()


@pytest.mark.parametrize("kind", [ScatterView, ProfileView, ParticleView])
def test_each_stands_alone_and_leaves_nothing_behind(data, kind):
    before = set(_instances)
    view = kind(data[1], labels=data[2])
    assert view.session.state.error == ""
    view.session.select_particle(2)
    view.session.brush(0.1, 0.3)
    assert view.session.state.error == ""
    view.close()
    assert set(_instances) - before == set()
    with pytest.raises(SchemaError, match="source of a view"):
        kind("maps")


def test_a_view_of_a_session_leaves_it_open(session):
    view = ScatterView(session)
    view.close()
    session.add_roi(Rectangle(0, 0, 1, 1))
    assert session.state.rois


# -- scatter -------------------------------------------------------------------------------------


def test_scatter_shows_points_correlation_and_axes(session):
    view = ScatterView(session)
    assert (view.x.value, view.y.value) == ("thickness", "soc")
    assert view._points.x.size == 24 * 32 <= MOST_POINTS
    wanted = correlate_maps(session.state.maps, "thickness", "soc")
    assert (view.association.r, view.association.n_eff) == (wanted.r, wanted.n_eff)
    assert f"r = {wanted.r:.3f}".replace("-", "−") in text_of(view.numbers.value)
    assert "State of charge" in view._y_axis.label
    view.swap.click()
    assert (view.x.value, view.y.value) == ("soc", "thickness")
    np.testing.assert_allclose(view._points.x, session.state.maps["soc"].values.ravel())
    view.close()


def test_scatter_of_many_pixels_is_a_density():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(60, 60))
    maps = xr.Dataset({"a": (("y", "x"), a), "b": (("y", "x"), a + rng.normal(size=a.shape))})
    view = ScatterView(maps, "a", "b")
    assert view._points.x.size == 0
    assert bytes(view._picture.value).startswith(b"\x89PNG")
    first = view._picture
    view.x.value = "b"
    assert first.comm is None
    rgba = density_rgba(a.ravel(), a.ravel(), (-3, 3), (-3, 3))
    rows, columns = np.nonzero(rgba[..., 3])
    # The diagonal rises from the lower left, and the picture's first row is its top.
    assert np.corrcoef(rows, columns)[0, 1] < -0.9
    view.close()


def test_a_brush_and_the_sliders_choose_the_same_box(session):
    view = ScatterView(session)
    view._brush.selected_x = np.array([0.9, 1.0])
    assert session.state.box is None  # half a box is none
    view._brush.selected_y = np.array([0.2, 0.6])
    assert session.state.box == ValueBox("thickness", "soc", (0.9, 1.0), (0.2, 0.6))
    inside = session.box_mask() & session.highlight()
    assert view._marked.x.size == inside.sum()
    assert view.y_range.value == pytest.approx((0.2, 0.6))
    view.y_range.value = (0.1, 0.5)
    assert session.state.box.y_range == pytest.approx((0.1, 0.5))
    assert tuple(view._brush.selected_y) == pytest.approx((0.1, 0.5))
    view.clear.click()
    assert session.state.box is None
    assert view._brush.selected_x is None
    assert view.clear.disabled
    view.close()


def test_what_is_chosen_elsewhere_is_marked(session, data):
    view = ScatterView(session)
    roi = session.add_roi(Rectangle(0, 0, 0.52, 0.52))
    assert view._marked.x.size == int(session.roi_mask(roi).sum())
    assert view._marked.colors == [roi.color]
    session.select_particle(1)
    assert view._marked.x.size == 42
    assert "Particle 1: 42 pixels" in text_of(view._legend.value)
    view.close()


# -- profile -------------------------------------------------------------------------------------


def test_line_profile_follows_line_and_map(session):
    view = ProfileView(session)
    session.set_line((0.2, 0.3, 1.4, 0.9))
    assert [end.value for end in view.ends] == [0.2, 0.3, 1.4, 0.9]
    wanted = line_profile(session.displayed(), (0.2, 0.3, 1.4, 0.9))
    np.testing.assert_allclose(view._line.y, wanted["mean"], rtol=1e-6)
    view.ends[2].value = 1.0
    assert session.state.line == (0.2, 0.3, 1.0, 0.9)
    view.width.value = 0.3
    assert int(view.profile.table["count"].max()) > 4
    session.select_map("thickness")
    assert "thickness" in view._y_axis.label.lower()
    view.close()


def test_position_and_pixel_are_one(session):
    view = ProfileView(session)
    session.set_line((0.0, 0.5, 1.5, 0.5))
    view.position.value = 0.75
    assert session.state.pixel == (10, 15)
    assert view._cursor.x[0] == pytest.approx(0.75, abs=0.03)
    session.select_pixel(1.2, 0.1)
    assert view._cursor.x[0] == pytest.approx(1.2, abs=0.03)
    assert view.position.value == pytest.approx(1.2, abs=0.03)
    assert "1.2 µm" in text_of(view.here.value)
    view.close()


def test_distance_from_the_surface_and_depth(session, data):
    view = ProfileView(session)
    view.kind.value = "surface"
    assert "all 2 particles" in text_of(view._legend.value)
    session.select_particle(2)
    assert "particle 2" in text_of(view._legend.value)
    assert int(view.profile.table["count"].sum()) == 150
    contrast = core_shell_contrast(session.state.maps, data[2]).particles.loc[2, "contrast"]
    assert f"Rim minus core: {contrast:.3f}".replace("-", "−") in text_of(view._legend.value)
    view.kind.value = "depth"
    view.axis.value = "x"
    soc = session.displayed()
    np.testing.assert_allclose(view.profile.table["mean"], soc.mean("y"), rtol=1e-5)
    session.set_labels(None)
    view.kind.value = "surface"
    assert "Segment the particles first" in text_of(view._legend.value)
    assert view._line.x.size == 0
    view.close()


# -- particles -----------------------------------------------------------------------------------


def test_the_table_and_the_map_choose_the_same_particle(session, data):
    view = ParticleView(session)
    rows = np.frombuffer(view.table._values).reshape(-1, len(view.table.columns))
    assert rows[:, 0].tolist() == [1.0, 2.0]
    np.testing.assert_allclose(rows[:, 1], session.particle_table()["mean"])
    view.table.set_state({"selected": 2})
    assert session.state.particle == 2
    labels = data[2]
    session.select_pixel(float(labels["x"][4]), float(labels["y"][3]))
    assert view.table.selected == 1
    view.table.set_state({"selected": 0})
    assert session.state.particle is None
    view.close()


def test_what_is_chosen_lights_up_on_the_map(session, data):
    from socwidgets.widgets.map_link import LinkedMap
    from socwidgets.widgets.quantize import pack_mask

    linked, table, scatter = LinkedMap(session), ParticleView(session), ScatterView(session)
    assert linked.map._highlight == b""
    table.table.set_state({"selected": 2})
    assert bytes(linked.map._highlight) == pack_mask(data[2].values == 2)
    scatter._select((0.9, 1.0), (0.2, 0.6))
    assert bytes(linked.map._highlight) == pack_mask(session.box_mask())
    scatter.clear.click()
    assert bytes(linked.map._highlight) == pack_mask(data[2].values == 2)
    table.table.set_state({"selected": 0})
    assert linked.map._highlight == b""
    for view in (linked, table, scatter):
        view.close()


def test_the_table_follows_the_map_and_says_when_it_is_empty(session):
    view = ParticleView(session)
    before = view.table._values
    session.select_map("soc_bounded")
    assert view.table.columns[1]["title"].startswith("State of charge")
    assert view.table._values != before
    session.set_labels(None)
    assert view.table._values == b""
    assert "segment them first" in view.table.empty
    view.close()


def test_digits_and_missing_columns():
    import pandas as pd

    from socwidgets.model.errors import DataError

    assert digits_for(np.array([0.123, 0.5])) == 3
    assert digits_for(np.array([3.0, 12.0])) == 0
    assert digits_for(np.array([np.nan])) == 0
    assert digits_for(np.array([0.0012])) == 5
    columns = [{"name": "label"}, {"name": "gone", "kind": "number"}]
    with pytest.raises(DataError, match="no column gone"):
        Table().show(pd.DataFrame({"a": [1]}), columns)


def test_a_drag_across_the_map_is_the_line(session):
    view = ProfileView(session)
    view.map.draw_line(0.1, 0.2, 1.2, 0.9)
    assert session.state.line == (0.1, 0.2, 1.2, 0.9)
    assert view.map.line == [0.1, 0.2, 1.2, 0.9]
    view.map.draw_line(0.1, 0.2, 0.105, 0.205)  # a click, no line
    assert session.state.line == (0.1, 0.2, 1.2, 0.9)
    assert session.state.rois == ()
    view.map.click(0.5, 0.5)
    assert session.state.pixel == (10, 10)
    assert view.map.point == pytest.approx([0.5, 0.5])
    view.kind.value = "depth"
    assert view.map.line == []
    view.close()


def test_a_hidden_view_catches_up_when_it_is_shown(session):
    view = ParticleView(session)
    view.hide()
    session.select_particle(2)
    session.select_map("soc_bounded")
    assert view.table.selected == 0
    view.show()
    assert view.table.selected == 2
    assert session.state.particle == 2
    view.close()


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_lines_and_marks_stand_out_in_both_themes(ground):
    from socwidgets.widgets import plots, registration_view, scatter_marks, series_view

    colors = [scatter_marks.POINT, scatter_marks.MARK, plots.CURSOR, registration_view._DX,
              registration_view._DY, series_view._PATH]  # fmt: skip
    weak = [c for c in colors if contrast(c, ground) < (2.2 if c == series_view._PATH else 3.0)]
    assert weak == []  # WCAG 1.4.11; the many paths are a background
    assert contrast("#ffffff", "#0a5bb5") > 4.5  # text of a chosen row
