"""The explorer without a browser: controls, views and map follow the session and answer it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import threading

import numpy as np
import pytest
import small_stack
import xarray as xr
from html_words import text_of
from ipywidgets.widgets.widget import _instances
from patience import PATIENCE_S, until

from socwidgets.io import save_bundle
from socwidgets.jobs import JobRunner, JobState
from socwidgets.model.errors import ParameterError, SchemaError
from socwidgets.model.roi import Ellipse, Polygon, Rectangle, Threshold
from socwidgets.session import Session
from socwidgets.widgets import explorer as explorer_module
from socwidgets.widgets import plots, threshold_bar
from socwidgets.widgets.explorer import Explorer, explore
from socwidgets.widgets.quantize import pack_mask
from socwidgets.widgets.shape_fields import parse_vertices
from socwidgets.widgets.static_picture import MAX_BYTES

LEFT = Rectangle(-1.0, -1.0, 0.2, 5.0)


@pytest.fixture(scope="module")
def data():
    stack = small_stack.stack()
    return stack, small_stack.maps(stack), small_stack.references()


@pytest.fixture
def app(data):
    made = Explorer(Session(*data, runner=JobRunner(inline=True)))
    yield made
    assert made.session.state.error == ""
    made.close()


# -- map -----------------------------------------------------------------------------------------


def test_drawing_on_the_map_makes_a_region_everywhere(app):
    app.map_view.map.draw(LEFT)
    session = app.session
    roi = session.roi("ROI 1")
    assert roi.shape == LEFT
    assert app.map_view.map.rois == [roi.to_dict()]
    assert app.map_view.map.selected == "ROI 1"
    assert len(app.rois.rows) == 1
    mean = session.roi_spectrum("ROI 1")["mean"].values
    line = app.spectrum._traces["ROI 1"].line
    np.testing.assert_allclose(line.y, mean)
    assert line.colors == [roi.color]
    assert "ROI 1 (120 px)" in text_of(app.spectrum._legend.value)
    assert app.histogram._outlines[0].colors == [roi.color]


def test_a_drag_updates_the_mean_and_leaves_no_trace(app, monkeypatch):
    session, map_view = app.session, app.map_view.map
    session.add_roi(LEFT)
    fitted = []
    real = session.roi_fit
    monkeypatch.setattr(session, "roi_fit", lambda *a: fitted.append(a) or real(*a))
    moved = Rectangle(1.0, -1.0, 1.4, 5.0)
    map_view.drag(moved, "ROI 1")
    np.testing.assert_allclose(
        app.spectrum._traces["ROI 1"].line.y, session.roi_spectrum(moved)["mean"].values
    )
    assert fitted == []
    assert app.spectrum.fitted is None
    map_view.edit("ROI 1", moved)
    assert session.roi("ROI 1").shape == moved
    assert session.state.draft is None
    assert len(fitted) == 1
    session.undo()
    assert session.roi("ROI 1").shape == LEFT


def test_the_axis_waits_during_a_drag_if_all_is_in_sight(app):
    view, map_view = app.spectrum, app.map_view.map
    map_view.drag(LEFT)
    first = (view._y.min, view._y.max)
    map_view.drag(Rectangle(-1.0, -1.0, 0.22, 5.0))
    assert (view._y.min, view._y.max) == first
    view._y.min, view._y.max = 0.5, 0.6
    map_view.drag(Rectangle(-1.0, -1.0, 0.25, 5.0))
    mean = view._traces["ROI 1"].line.y
    assert view._y.min < mean.min()
    assert view._y.max > mean.max()
    map_view.drag(Rectangle(1.2, -1.0, 1.4, 5.0))
    map_view.draw(LEFT)
    app.session.clear_rois()
    app.session.add_roi(LEFT)
    exact = (view._y.min, view._y.max)
    app.session.set_draft(Rectangle(-1.0, -1.0, 0.22, 5.0), "ROI 1")
    app.session.edit_roi("ROI 1", LEFT)
    assert (view._y.min, view._y.max) == exact
    view._y.max = 100.0
    app.session.select_roi(None)
    assert (view._y.min, view._y.max) == exact


def test_a_drag_of_a_new_shape_shows_its_mean(app):
    app.map_view.map.drag(LEFT)
    assert list(app.spectrum._traces) == ["ROI 1"]
    assert app.session.state.rois == ()
    app.map_view.map.select("")
    assert app.session.state.draft is None
    assert list(app.spectrum._traces) == []


def test_map_events_of_every_kind(app):
    session, map_view = app.session, app.map_view.map
    map_view.draw(Ellipse(0.5, 0.5, 0.2, 0.2))
    map_view.draw(Polygon(((0, 0), (1, 0), (0.5, 0.8))))
    map_view.select("ROI 1")
    assert session.state.selected == "ROI 1"
    map_view.delete("ROI 1")
    assert [r.name for r in session.state.rois] == ["ROI 2"]
    map_view.undo()
    assert len(session.state.rois) == 2
    map_view.redo()
    assert len(session.state.rois) == 1
    map_view.click(0.5, 0.26)
    assert session.state.pixel == (5, 10)
    assert map_view.point == pytest.approx([0.5, 0.25])
    map_view.choose_tool("lasso")
    assert session.state.error == ""


def test_wand_brush_line_and_modes_of_the_map(app):
    session, map_view = app.session, app.map_view.map
    map_view.wand(0.2, 0.5, 0.2)
    grown = session.roi_mask("ROI 1")
    assert bool(grown[:, :8].all())
    map_view.stroke([(1.2, 0.2), (1.2, 0.9)], 0.1)
    assert int(session.roi_mask("ROI 1").sum()) > int(grown.sum())
    map_view.stroke([(0.2, 0.2)], 0.1, erase=True)
    assert not bool(session.roi_mask("ROI 1").sel(x=0.2, y=0.2, method="nearest"))
    map_view.draw(Rectangle(0.0, 0.0, 0.5, 0.5), "intersect")
    assert len(session.state.rois) == 1
    assert float(session.roi_mask("ROI 1").sel(x=slice(0.55, None)).sum()) == 0
    map_view.choose_mode("subtract")
    map_view.choose_brush(0.3)
    assert (map_view.mode, map_view.brush_um) == ("subtract", 0.3)
    map_view.draw_line(0.1, 0.1, 1.0, 0.8)
    assert session.state.line == (0.1, 0.1, 1.0, 0.8)
    assert list(map_view.line) == [0.1, 0.1, 1.0, 0.8]
    event = {"type": "map_event", "kind": "grow", "x": 0.2, "y": 0.5, "tolerance": 0.1}
    map_view._receive(map_view, event, [])
    assert session.state.draft is not None
    map_view.wand(0.2, 0.5, 0.1)
    assert session.state.draft is None
    for broken in ({"kind": "stroke", "points": [], "name": "paint", "radius": 1},
                   {"kind": "stroke", "points": [[0, 0]], "name": "paint", "radius": 0},
                   {"kind": "line", "points": [[0, 0]]}, {"kind": "mode", "name": "xor"},
                   {"kind": "wand", "x": None, "y": 1}):  # fmt: skip
        map_view._receive(map_view, {"type": "map_event", **broken}, [])
        assert "cannot use" in map_view.error
    map_view.select("")


def test_the_threshold_tool_makes_a_region_that_follows_its_range(app, monkeypatch):
    session, map_view, bar = app.session, app.map_view.map, app.map_view.threshold
    # However slowly the moves follow each other here, they are one drag.
    monkeypatch.setattr("socwidgets.session.regions.MOVE_PAUSE_S", float("inf"))
    session.select_map("soc")
    soc = session.state.maps["soc"]
    assert bar.layout.display == "none"
    map_view._receive(map_view, {"type": "map_event", "kind": "tool", "name": "threshold"}, [])
    assert map_view.tool == "threshold"
    assert bar.layout.display is None
    assert session.state.rois == ()  # choosing a tool makes nothing yet
    assert bar.range.value == pytest.approx(app.histogram.slider.value)
    session.brush(0.0, 0.1)
    for low, high in ((0.4, 0.8), (0.5, 0.8), (0.5, 0.9)):
        bar.range.set_state({"value": [low, high]})  # as the browser sends it
        (roi,) = session.state.rois
        assert roi.shape == Threshold("soc", low, high)
        inside = (soc >= low) & (soc <= high)
        assert 0 < int(inside.sum()) < inside.size
        np.testing.assert_array_equal(session.roi_mask(roi), inside)
        np.testing.assert_array_equal(session.highlight(), inside)
        line = app.spectrum._traces["ROI 1"].line
        mean = session.state.stack["signal"].where(inside).mean(("y", "x"))
        np.testing.assert_allclose(line.y, mean, rtol=1e-5)
    session.undo()  # the whole drag is one step
    assert session.state.rois == ()
    session.redo()
    assert bar.range.value == pytest.approx((0.5, 0.9))
    monkeypatch.setattr("socwidgets.session.regions.MOVE_PAUSE_S", -1.0)
    bar.range.set_state({"value": [0.6, 0.9]})  # a drag after a pause is another
    session.undo()
    assert session.roi("ROI 1").shape == Threshold("soc", 0.5, 0.9)
    session.select_roi(None)
    bar.range.set_state({"value": [0.1, 0.3]})
    assert [r.shape for r in session.state.rois][1] == Threshold("soc", 0.1, 0.3)
    bar.range.set_state({"value": [0.5, bar.range.max]})  # open above, outliers included
    assert session.roi("ROI 2").shape.high >= float(soc.max())
    map_view.draw(LEFT)  # a drawn region is selected: the range makes a new one
    bar.range.set_state({"value": [0.2, 0.3]})
    assert session.roi("ROI 3").shape == LEFT
    assert session.roi("ROI 4").shape == Threshold("soc", 0.2, 0.3)
    session.show_frame(3)
    assert bar.range.disabled
    map_view.choose_tool("pan")
    assert bar.layout.display == "none"


def test_the_form_of_the_tools_does_what_the_mouse_does(app):
    session, panel = app.session, app.rois
    assert panel.tools is None
    panel.more.value = True
    tools = panel.tools
    tools.x.value, tools.y.value, tools.tolerance.value = 0.2, 0.5, 0.2
    tools.grow.click()
    assert bool(session.roi_mask("ROI 1")[:, :8].all())
    tools.x.value, tools.radius.value = 1.2, 0.2
    tools.paint.click()
    assert bool(session.roi_mask("ROI 1").sel(x=1.2, y=0.5, method="nearest"))
    tools.erase.click()
    assert not bool(session.roi_mask("ROI 1").sel(x=1.2, y=0.5, method="nearest"))
    session.add_roi(LEFT)
    tools.operation.value = "subtract"
    session.select_roi("ROI 1")
    assert list(tools.other.options) == ["ROI 2"]
    tools.combine.click()
    assert not bool((session.roi_mask("ROI 1") & session.roi_mask("ROI 2")).any())
    for field, value in zip(tools.line, (0.0, 0.1, 0.9, 0.8), strict=True):
        field.value = value
    tools.set_line.click()
    assert session.state.line == (0.0, 0.1, 0.9, 0.8)
    before = session.state.rois
    saved = base64.b64decode(re.search(r"base64,([^\"]+)", tools.link.value)[1])
    session.clear_rois()
    now = dt.datetime.now(dt.UTC)
    tools.upload.value = ({"name": "r.geojson", "type": "", "size": len(saved),
                           "content": memoryview(saved), "last_modified": now},)  # fmt: skip
    assert session.state.rois == before
    assert tools.upload.value == ()


def test_layers_over_the_map(app):
    session, map_view, controls = app.session, app.map_view.map, app.controls
    assert controls.mix.disabled
    session.start_fit()
    sigma = session.state.maps["soc_std"].values
    controls.fade.value = True
    codes = np.frombuffer(map_view._sigma, np.uint8).reshape(sigma.shape)
    below = sigma < map_view._sigma_step * 254
    np.testing.assert_allclose(
        (codes * map_view._sigma_step)[below], sigma[below], atol=map_view._sigma_step
    )
    session.set_labels(xr.DataArray(np.eye(24, 32, dtype=np.int32), dims=("y", "x")))
    controls.overlay.value = "labels"
    assert session.overlay_mask().sum() == 24
    assert map_view._overlay != b""
    value = float(session.state.maps["soc"][5, 20])
    found, error = map(float, session.pixel_words(1.0, 0.25).split(" ± "))
    assert found == pytest.approx(value, abs=error)
    assert error == pytest.approx(float(sigma[5, 20]), rel=0.06)
    controls.mix.value = True
    assert session.state.phases == ("fraction_LFP", "fraction_FP")
    assert map_view._sigma == b""
    assert [phase["label"] for phase in map_view._meta["phases"]] == ["LFP", "FP"]
    colors = np.frombuffer(map_view._codes, "<u2").reshape(sigma.shape)
    # The discharged left is orange, which has far less green than the yellow of the charged right.
    red, green = colors >> 11, (colors >> 5) & 63
    share = green / np.maximum(red, 1)
    assert share[:, -4:].mean() > 1.5 * share[:, :4].mean()
    assert "LFP" in session.pixel_words(1.0, 0.25)
    session.select_map("soc")
    assert session.state.phases == ()
    assert "phases" not in map_view._meta
    assert map_view._sigma != b""
    with pytest.raises(ParameterError, match="mixed"):
        session.show_phases("soc")
    with pytest.raises(ParameterError, match="overlay"):
        session.set_overlay("rim")


def test_the_map_follows_map_choice_frames_limits_and_colors(app):
    session, map_view = app.session, app.map_view.map
    session.select_map("thickness")
    assert map_view.values.name == "thickness"
    session.set_limits(0.25, 1.75)
    assert map_view.clim == (0.25, 1.75)
    session.set_cmap("cividis")
    assert map_view.cmap == "cividis"
    session.show_frame(4)
    np.testing.assert_array_equal(map_view.values, session.state.stack["signal"][4])
    limits = map_view.clim
    session.set_energy(9)
    np.testing.assert_array_equal(map_view.values, session.state.stack["signal"][9])
    assert map_view.clim == limits
    session.show_map()
    assert map_view.clim == (0.25, 1.75)


def test_new_limits_do_not_send_the_values_again(app):
    before = app.map_view.map._codes
    app.session.set_limits(0.1, 0.2)
    assert app.map_view.map._codes is before


def test_thresholds_are_highlighted_not_outlined(app):
    app.session.brush(0.2, 0.5)
    assert app.map_view.map._highlight != b""
    app.histogram.make_roi.click()
    roi = app.session.state.rois[0]
    assert roi.shape == Threshold("soc", 0.2, 0.5)
    assert app.map_view.map.rois == []
    app.histogram.clear.click()
    assert app.map_view.map._highlight != b""
    app.session.select_roi(None)
    assert app.map_view.map._highlight == b""


# -- controls ------------------------------------------------------------------------------------


def test_controls_change_the_session_and_follow_it(app):
    session, controls = app.session, app.controls
    labels = [label for label, _ in controls.map_choice.options]
    assert labels[0] == "State of charge"
    assert "Status of the fit" in labels
    controls.map_choice.value = "soc_std"
    assert session.state.map_name == "soc_std"
    controls.mode.value = "Frame"
    assert session.state.show_frame
    controls.energy.value = 3
    assert session.state.energy_index == 3
    assert dict(controls.energy.options).get("703.00 eV") == 3
    controls.map_choice.value = "soc"
    assert not session.state.show_frame
    assert controls.mode.value == "Map"
    controls.low.value = 0.2
    assert session.displayed_limits() == (0.2, 1.0)
    controls.limits.value = (0.4, 0.8)
    assert session.displayed_limits() == pytest.approx((0.4, 0.8), abs=1e-9)
    assert (controls.low.value, controls.high.value) == pytest.approx((0.4, 0.8))
    controls.auto.click()
    found = session.displayed_limits()
    assert found == pytest.approx(tuple(np.nanpercentile(session.displayed(), [2, 98])), abs=1e-5)
    controls.cmap.value = "magma"
    assert session.state.cmap == "magma"


def test_sliders_only_speak_for_a_person(app):
    """What the session shows is no move, whatever map it was about; handles at the ends are all."""
    session, slider = app.session, app.controls.limits
    heard = []
    app.session.observe(heard.append, "limits", "brush")
    session.select_map("thickness")
    session.select_map("soc")
    assert (heard, session.state.brush) == ([], None)
    session.set_limits(0.3333, 0.6666)
    assert slider.value == (0.3333, 0.6666)
    slider.value = (0.3333 + slider.step, 0.6666)
    assert session.displayed_limits() == pytest.approx((0.3333 + slider.step, 0.6666))
    brush = app.histogram.slider
    brush.value = (brush.min + brush.step, brush.max)
    assert session.state.brush == pytest.approx((brush.min + brush.step, brush.max))
    brush.value = (brush.min, brush.max)
    assert session.state.brush is None


def test_wrong_limits_are_told_in_the_bar_and_can_be_dismissed(app):
    app.controls.low.value = 7.0
    assert "lower first" in app.error_bar.text
    assert app.session.displayed_limits() == (0.0, 1.0)
    app.error_bar.children[1].click()
    assert app.session.state.error == ""


# -- histogram -----------------------------------------------------------------------------------


def test_histogram_counts_every_usable_pixel(app):
    x, y = app.histogram._all.x, app.histogram._all.y
    share = y[1:-1:2]
    assert share.sum() == pytest.approx(100.0, abs=0.5)
    assert np.all(np.diff(x[::2]) > 0)


def test_slider_and_brush_choose_the_same_range(app):
    session, view = app.session, app.histogram
    view.slider.value = (0.25, 0.5)
    assert session.state.brush == pytest.approx((0.25, 0.5))
    assert tuple(view._brush.selected) == pytest.approx((0.25, 0.5))
    view._brush.selected = np.array([0.6, 0.9])
    assert session.state.brush == pytest.approx((0.6, 0.9))
    assert view.slider.value == pytest.approx((0.6, 0.9))
    view.clear.click()
    assert session.state.brush is None
    assert view._brush.selected is None
    assert view.make_roi.disabled


def test_a_warning_where_bqplot_gl_breaks_the_brush(data, monkeypatch):
    monkeypatch.setattr(plots, "gl_installed", lambda: True)
    app = Explorer(Session(*data))
    assert "bqplot-gl" in app.histogram.children[0].value
    assert 'role="alert"' in app.histogram.children[0].value
    app.close()


def test_status_map_has_one_bin_per_code(app):
    app.session.select_map("status")
    assert len(app.histogram._all.x) == 2 * 9
    assert app.controls.low.disabled


# -- spectrum ------------------------------------------------------------------------------------


def test_without_a_region_the_mean_of_everything_is_shown(app):
    assert "All usable pixels" in text_of(app.spectrum._legend.value)
    mean = app.session.state.stack["signal"].mean(("y", "x")).values
    np.testing.assert_allclose(app.spectrum._overall.line.y, mean, atol=1e-5)


def test_fit_parts_and_residual_belong_to_what_was_touched_last(app):
    session, view = app.session, app.spectrum
    session.add_roi(LEFT)
    assert view._legend.value.count("ROI 1") == 2
    fit = session.roi_fit("ROI 1")
    np.testing.assert_allclose(view._fit.fit.y, fit["fit"])
    np.testing.assert_allclose(view._fit.residual.y, fit["residual"])
    np.testing.assert_allclose(view._fit.parts[1].y, fit["component_FP"] + fit["background"])
    session.select_pixel(1.5, 0.5)
    np.testing.assert_allclose(view._fit.fit.y, session.pixel_fit()["fit"])
    session.select_roi("ROI 1")
    np.testing.assert_allclose(view._fit.fit.y, fit["fit"])


def test_the_cursor_follows_the_energy(app):
    app.session.set_energy(7)
    for cursor in app.spectrum._cursors:
        assert list(cursor.x) == [707.0, 707.0]


def test_spectra_without_references_and_with_unfit_ones(data):
    stack, maps, references = data
    plain = Explorer(Session(stack, maps))
    plain.session.add_roi(LEFT)
    assert plain.spectrum.fitted is None
    assert plain.job_bar.fit.disabled
    assert "references" in text_of(plain.job_bar.status.value)
    plain.close()
    short = Explorer(Session(stack, maps, references.sel(energy=slice(705, 715))))
    short.session.add_roi(LEFT)
    assert "do not cover" in text_of(short.spectrum._legend.value)
    assert np.size(short.spectrum._traces["ROI 1"].line.y) == 26
    assert short.session.state.error == ""
    short.close()


def test_ticks_are_round_and_carry_enough_digits():
    ticks, form = plots.round_ticks(-0.07, 1.35, 5)
    np.testing.assert_allclose(ticks, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
    assert form == ".1f"
    assert plots.round_ticks(700, 725, 6)[1] == ".0f"
    assert plots.round_ticks(3.0, 3.0, 5)[0] == [3.0]
    assert str(plots.round_ticks(-1, 1, 4)[0][2]) == "0.0"


# -- regions -------------------------------------------------------------------------------------


def test_panel_renames_recolors_duplicates_deletes_undoes(app):
    session, panel = app.session, app.rois
    panel.add_rectangle.click()
    panel.add_ellipse.click()
    panel.add_polygon.click()
    assert [type(r.shape) for r in session.state.rois] == [Rectangle, Ellipse, Polygon]
    row = panel.rows[0]
    row.name.value = "core"
    assert session.state.rois[0].name == "core"
    row.color.value = "#abcdef"
    assert session.roi("core").color == "#abcdef"
    row.select.value = True
    assert session.state.selected == "core"
    row.duplicate.click()
    assert len(panel.rows) == 4
    panel.rows[1].delete.click()
    assert [r.name for r in session.state.rois] == ["core", "ROI 3", "ROI 1"]
    panel.undo.click()
    assert len(session.state.rois) == 4
    panel.redo.click()
    panel.clear.click()
    assert panel.rows == []
    assert not panel.undo.disabled


def test_a_name_that_is_taken_is_refused_and_put_back(app):
    app.session.add_roi(LEFT, "a")
    app.session.add_roi(LEFT, "b")
    app.rois.rows[1].name.value = "a"
    assert "already" in app.error_bar.text
    assert app.rois.rows[1].name.value == "b"
    app.session.clear_error()


def test_coordinates_can_be_typed(app):
    session, fields = app.session, app.rois.fields
    session.add_roi(LEFT)
    fields.numbers[2].value = 0.7
    assert session.roi("ROI 1").shape == Rectangle(-1.0, -1.0, 0.7, 5.0)
    session.add_roi(Polygon(((0, 0), (1, 0), (0.5, 0.8))))
    assert fields.vertices.value == "0, 0; 1, 0; 0.5, 0.8"
    fields.vertices.value = "0, 0; 1, 0; 1, 1; 0, 1"
    assert len(session.roi("ROI 2").shape.vertices) == 4
    fields.vertices.value = "0, 0; nonsense"
    assert "cannot be read" in app.error_bar.text
    session.clear_error()
    session.threshold_roi(0.1, 0.2)
    fields.numbers[1].value = 0.4
    assert session.roi("ROI 3").shape == Threshold("soc", 0.1, 0.4)


def test_vertices_round_trip():
    assert parse_vertices("1, 2; 3,4 ;5, 6;") == ((1, 2), (3, 4), (5, 6))


def test_numbers_stand_beside_each_region(app):
    app.session.add_roi(LEFT)
    words = " ".join(text_of(app.rois.rows[0].numbers.value).split())
    assert words.startswith("120 pixels State of charge, mean ± sd")
    assert "SOC by thickness" in words


def test_numbers_say_how_many_pixels_have_a_value(data):
    stack, maps, references = data
    masked = maps.copy()
    masked["soc"] = maps["soc"].where(maps["soc"]["y"] > 0.32)  # 17 of 24 rows
    app = Explorer(Session(stack, masked, references))
    app.session.add_roi(LEFT)
    assert "</b> pixels, 85 with a value" in app.rois.rows[0].numbers.value
    app.close()


# -- fit, errors, life -----------------------------------------------------------------------------


def test_the_fit_button_fits_with_the_forms_parameters(data):
    stack, _, references = data
    app = Explorer(Session(stack, references=references, runner=JobRunner(inline=True)))
    assert app.controls.mode.value == "Frame"
    app.job_bar.form.controls["constraint"].value = "none"
    app.job_bar.fit.click()
    assert app.session.state.fit_params["constraint"] == "none"
    assert app.session.state.map_name == "soc"
    assert app.controls.mode.value == "Map"
    assert app.map_view.map.values.name == "soc"
    assert "768" in text_of(app.job_bar.status.value)
    assert app.job_bar.cancel.disabled
    assert app.session.state.error == ""
    app.close()


def test_progress_and_cancel_from_a_thread(data, monkeypatch):
    import socwidgets.analysis.fit as analysis
    from socwidgets.model.errors import CancelledError

    half = threading.Event()

    def slow(stack, method, params, *, progress, cancel, **_):
        progress(1, 2)
        half.set()
        assert cancel.wait(PATIENCE_S)
        raise CancelledError

    monkeypatch.setattr(analysis, "fit_map", slow)
    app = Explorer(Session(*data))
    app.job_bar.fit.click()
    assert half.wait(PATIENCE_S)
    assert not app.job_bar.cancel.disabled
    assert app.job_bar.bar.value == 50
    app.job_bar.cancel.click()
    job = app.session.jobs.latest("fit")
    assert job.wait(PATIENCE_S)
    assert job.state == JobState.CANCELLED
    assert app.job_bar.cancel.disabled
    assert "cancelled" in text_of(app.job_bar.status.value)
    app.close()


def test_a_fit_that_waits_for_the_compiler_says_so(data, monkeypatch):
    import socwidgets.analysis.fit as analysis
    from socwidgets.kernels import compiling

    told, go_on = threading.Event(), threading.Event()

    def slow(stack, method, params, *, progress, cancel, **_):
        progress(0, 2)
        told.set()
        assert go_on.wait(PATIENCE_S)
        return fit_map(stack, method, params, references=data[2])

    fit_map = analysis.fit_map
    monkeypatch.setattr(analysis, "fit_map", slow)
    monkeypatch.setattr(compiling, "_running", {1: ("edge", float("-inf"))})
    app = Explorer(Session(*data))
    app.job_bar.fit.click()
    assert told.wait(PATIENCE_S)
    assert "Fitting: compiling, only the first time" in text_of(app.job_bar.status.value)
    go_on.set()
    job = app.session.jobs.latest("fit")
    assert job.wait(PATIENCE_S)
    assert "compiling" not in text_of(app.job_bar.status.value)
    app.close()


def test_a_failing_view_is_told_in_the_bar_and_the_others_go_on(app, monkeypatch):
    def broken():
        raise RuntimeError("cannot draw")

    monkeypatch.setattr(app.session, "overall_spectrum", broken)
    monkeypatch.setattr(app.session, "roi_spectrum", lambda roi: broken())
    app.session.add_roi(LEFT)
    assert "cannot draw" in app.error_bar.text
    assert len(app.rois.rows) == 1
    monkeypatch.undo()
    app.session.clear_error()
    app.session.undo()


def test_many_edits_leave_no_models_behind(app):
    def edits():
        app.session.add_roi(LEFT)
        app.session.threshold_roi(0.1, 0.5)
        app.session.select_map("thickness")
        app.session.clear_rois()
        app.session.select_map("soc")

    edits()
    before = set(_instances)
    more = []
    for _ in range(5):
        edits()
        more.append(len(set(_instances) - before))
    # Some may be others than before, but not one more each time.
    assert more[0] == more[-1]


def test_closing_leaves_no_model_and_showing_again_makes_none(data):
    before = set(_instances)
    app = Explorer(Session(*data))
    app.session.add_roi(LEFT)
    held = set(_instances)
    assert held - before
    app._repr_mimebundle_()
    app._repr_mimebundle_()
    assert set(_instances) - held == set()
    app.close()
    assert set(_instances) - before == set()


def test_running_the_cell_again_closes_the_old_explorer(data, monkeypatch):
    now = ["cell-1", "run-1"]
    monkeypatch.setattr(explorer_module, "current_cell", lambda: tuple(now))
    first, second = explore(data[0]), explore(data[0])
    now[0] = "cell-2"
    other = explore(data[0])
    assert first.comm is not None  # two explorers in one run of a cell
    now[:] = ["cell-1", "run-2"]
    third = explore(data[0])
    assert (first.comm, second.comm) == (None, None)
    assert other.comm is not None
    other.close()
    third.close()


def test_a_picture_goes_with_the_widget(app):
    app.session.add_roi(LEFT)
    app.session.add_roi(Ellipse(1.2, 0.6, 0.3, 0.3))
    app.session.select_pixel(0.5, 0.5)
    app.session.brush(0.2, 0.4)
    bundle = app._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    png = base64.b64decode(bundle["image/png"])
    assert png.startswith(b"\x89PNG")
    assert 10_000 < len(png) <= MAX_BYTES


def test_explore_takes_regions_and_a_map(data):
    from socwidgets.model.roi import ROI

    app = explore(*data, rois=[ROI("core", LEFT)], map="thickness")
    assert app.session.state.map_name == "thickness"
    assert app.session.state.selected == "core"
    assert json.loads(app.session.rois_to_json())[0]["name"] == "core"
    job = app.session.jobs.latest("warm-up")
    assert job.wait(PATIENCE_S)
    assert job.state == JobState.DONE
    app.close()


def test_a_threshold_that_moves_is_a_draft_until_it_rests(data, monkeypatch):
    monkeypatch.setattr(threshold_bar, "REST_S", 3600.0)
    made = Explorer(Session(*data))
    session, bar = made.session, made.map_view.threshold
    session.select_map("soc")
    made.map_view.map.tool = "threshold"
    soc = session.state.maps["soc"]
    for low in (0.3, 0.4, 0.5):
        bar.range.set_state({"value": [low, 0.9]})
        assert session.state.rois == ()
        inside = (soc >= low) & (soc <= 0.9)
        np.testing.assert_array_equal(session.highlight(), inside)
        assert made.map_view.map._highlight == pack_mask(inside.values)
        assert made.spectrum.fitted is None
    assert bar._timer.interval == 3600.0
    monkeypatch.setattr(threshold_bar, "REST_S", 0.0)
    bar.range.set_state({"value": [0.5, 0.8]})
    until(lambda: session.state.rois)
    assert [r.shape for r in session.state.rois] == [Threshold("soc", 0.5, 0.8)]
    assert session.state.draft is None
    session.undo()
    assert session.state.rois == ()
    assert session.state.error == ""
    made.close()


# -- from a file, and the card -------------------------------------------------------------------


def test_a_file_of_counts_is_explored_as_optical_density(tmp_path):
    """The first line that a newcomer writes: what is in the file, ready for a fit."""
    stack = small_stack.stack()
    counts = stack.drop_vars("signal_std")
    counts["signal"] = 4000.0 * np.exp(-stack["signal"])
    counts["flat"] = ("energy", np.full(stack.sizes["energy"], 4000.0))
    counts.attrs["quantity"] = "counts"
    path = save_bundle(tmp_path / "scan.nc", stack=counts)
    for spectrum in small_stack.references():
        name = str(spectrum["component"].values)
        np.savetxt(tmp_path / f"{name}.txt", np.c_[small_stack.ENERGIES, spectrum.values])
    files = {name: tmp_path / f"{name}.txt" for name in ("LFP", "FP")}
    app = explore(path, references=files)
    shown = app.session.state.stack["signal"]
    np.testing.assert_allclose(shown, stack["signal"], atol=1e-4)
    assert not app.job_bar.fit.disabled
    assert app.session.overall_fit() is not None
    app.close()
    with pytest.raises(SchemaError):
        explore([1, 2], references="LFP=a.txt")


def test_the_card_is_made_when_it_is_asked_for_and_follows(app):
    assert len(app._card_box.children) == 1
    app.show_card.value = True
    card = app._card_box.children[1]
    assert "heterogeneous" in card.content.value
    app.show_card.value = False
    before = card.content.value
    app.session.select_map("thickness")
    assert card.content.value == before  # what nobody sees is not worked out
    app.session.select_map("soc")
    app.show_card.value = True
    assert app._card_box.children[1] is card
    app.without_card()
    assert app._card_box.layout.display == "none"
