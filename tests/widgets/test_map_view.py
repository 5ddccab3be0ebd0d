"""The Python half of the map: what travels to the browser, and what comes back."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import xarray as xr

from socwidgets.model.errors import DataError, ParameterError, UnitError
from socwidgets.model.roi import ROI, Ellipse, Polygon, Rectangle, Threshold
from socwidgets.model.status import Status, status_attrs
from socwidgets.widgets.colormaps import COLORMAPS, lut
from socwidgets.widgets.map_display import display
from socwidgets.widgets.map_events import EVENT_KINDS, TOOLS, MapEvent, parse_event
from socwidgets.widgets.map_view import MapView
from socwidgets.widgets.quantize import NAN_CODE, pack_mask, quantize


def make_map(values, dy=0.04, dx=0.04, units="um", **attrs) -> xr.DataArray:
    values = np.asarray(values)
    ny, nx = values.shape
    coords = {
        "y": ("y", np.arange(ny) * dy, {"units": units}),
        "x": ("x", 1.0 + np.arange(nx) * dx, {"units": units}),
    }
    attrs = {"long_name": "State of charge", "units": "1", "kind": "soc", **attrs}
    return xr.DataArray(values, dims=("y", "x"), coords=coords, attrs=attrs, name="soc")


@pytest.fixture
def soc_map() -> xr.DataArray:
    values = np.random.default_rng(5).normal(0.5, 0.2, (30, 40))
    values[:3] = np.nan
    return make_map(values)


@pytest.fixture
def view(soc_map) -> MapView:
    return MapView(soc_map)


def decoded(view: MapView) -> np.ndarray:
    """Values as the browser sees them."""
    meta = view._meta
    codes = np.frombuffer(view._codes, "<u2").reshape(meta["shape"])
    return np.where(codes == NAN_CODE, np.nan, meta["offset"] + meta["scale"] * codes)


# -- quantising -----------------------------------------------------------------------------


def test_quantization_error_is_below_a_hundred_thousandth_of_the_range(view, soc_map):
    span = float(soc_map.max() - soc_map.min())
    error = np.abs(decoded(view) - soc_map.values)
    assert np.nanmax(error) < 1e-5 * span
    np.testing.assert_array_equal(np.isnan(decoded(view)), np.isnan(soc_map.values))


def test_infinities_have_no_value_and_do_not_spoil_the_range():
    result = quantize(np.array([[0.0, 1.0, np.inf, -np.inf, np.nan]]))
    assert result.codes[0, 2:].tolist() == [NAN_CODE] * 3
    assert result.limits == pytest.approx((0.0, 1.0))


def test_a_few_wild_pixels_do_not_take_the_resolution_from_all_others():
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 1, (100, 100))
    values[0, 0], values[0, 1] = 1e9, -1e9
    result = quantize(values)
    restored = result.offset + result.scale * result.codes
    assert np.abs(restored - values)[1:].max() < 5e-4
    assert result.beyond_low
    assert result.beyond_high
    assert result.codes[0, 0] == 65534
    assert result.codes[0, 1] == 0


@pytest.mark.parametrize("values", [np.full((3, 4), 7.25), np.full((3, 4), np.nan)])
def test_constant_and_empty_maps_can_be_drawn(values):
    view = MapView(make_map(values))
    np.testing.assert_array_equal(decoded(view), values)
    low, high = view.clim
    assert low < high


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.int64])
def test_whole_numbers_are_exact(dtype):
    values = np.arange(12).reshape(3, 4).astype(dtype)
    np.testing.assert_array_equal(decoded(MapView(make_map(values))), values.astype(float))


def test_negative_and_very_large_whole_numbers():
    values = np.array([[-5, 3], [0, 60_000]], dtype=np.int64)
    np.testing.assert_array_equal(decoded(MapView(make_map(values))), values)
    huge = np.array([[0, 10**9]], dtype=np.int64)
    assert np.abs(decoded(MapView(make_map(huge))) - huge).max() <= 1e-5 * 1e9


def test_mask_bits_unpack_to_the_mask():
    mask = np.random.default_rng(2).random((7, 9)) > 0.5
    bits = np.unpackbits(np.frombuffer(pack_mask(mask), np.uint8), bitorder="little")
    np.testing.assert_array_equal(bits[: mask.size].reshape(mask.shape), mask)
    assert pack_mask(np.zeros((3, 3), bool)) == b""


# -- what is shown --------------------------------------------------------------------------


def test_labels_and_geometry_travel(view):
    meta = view._meta
    assert (meta["label"], meta["units"], meta["length_units"]) == ("State of charge", "", "µm")
    assert (meta["low_words"], meta["high_words"]) == (
        "Li-rich / discharged",
        "Li-poor / charged",
    )
    assert meta["x"] == pytest.approx([1.0, 0.04])
    assert meta["y"] == pytest.approx([0.0, 0.04])


def test_dims_in_any_order_and_falling_coordinates():
    values = np.arange(6.0).reshape(2, 3)
    shown = MapView(make_map(values, dy=-0.1, dx=0.2).transpose("x", "y"))
    np.testing.assert_allclose(decoded(shown), values, atol=1e-4)
    assert shown._meta["y"] == pytest.approx([0.0, -0.1])


def test_maps_without_coordinates_are_in_pixels():
    meta = MapView(xr.DataArray(np.eye(3), dims=("y", "x")))._meta
    assert (meta["x"], meta["length_units"]) == ([0.0, 1.0], "pixel")


def test_a_single_row_takes_its_height_from_the_columns():
    assert MapView(make_map(np.arange(5.0)[None]))._meta["y"][1] == pytest.approx(0.04)


def test_status_maps_become_categories():
    codes = np.full((4, 5), Status.OK, dtype=np.uint8)
    codes[0], codes[1, 1] = Status.MASKED, Status.AT_BOUND
    view = MapView(make_map(codes).assign_attrs(status_attrs()))
    flags = {flag["value"]: flag["label"] for flag in view._meta["flags"]}
    assert flags == {0: "ok", 1: "masked by the user or at the border", 4: "at a bound of the fit"}
    assert len({flag["color"] for flag in view._meta["flags"]}) == 3
    np.testing.assert_array_equal(decoded(view), codes)


def test_large_maps_are_binned_with_the_mean_of_the_known_values():
    values = np.zeros((2, 5001), dtype=np.float32)
    values[0, :3] = [3.0, np.nan, 5.0]
    values[:, 6:9] = np.nan
    view = MapView(make_map(values, dx=0.01))
    meta = view._meta
    assert (meta["shape"], meta["factors"], meta["full_shape"]) == ([2, 1667], [1, 3], [2, 5001])
    shown = decoded(view)
    assert shown[0, 0] == pytest.approx(4.0, abs=1e-3)
    assert np.isnan(shown[:, 2]).all()
    assert meta["x"] == pytest.approx([1.01, 0.03])
    mask = np.zeros(values.shape, dtype=bool)
    mask[1, 4] = True
    view.set_highlight(mask)
    bits = np.unpackbits(np.frombuffer(view._highlight, np.uint8), bitorder="little")
    assert np.flatnonzero(bits).tolist() == [1667 + 1]


def test_binned_categories_stay_categories():
    codes = np.zeros((1, 4097), dtype=np.uint8)
    codes[0, 1::3] = 5
    shown = display(make_map(codes).assign_attrs(status_attrs()))
    assert set(np.unique(shown.quantized.codes)) == {5}


def test_set_map_replaces_everything_in_one_message(view, monkeypatch):
    sent = []
    monkeypatch.setattr(view, "send_state", lambda key=None: sent.append(set(key)))
    view.set_map(make_map(np.arange(6.0).reshape(2, 3)), clim=(1.0, 4.0))
    assert len(sent) == 1
    assert {"_codes", "_meta", "clim"} <= sent[0]
    assert view.clim == (1.0, 4.0)


def test_recoloring_sends_no_values(view, monkeypatch):
    sent = []
    monkeypatch.setattr(view, "send_state", lambda key=None: sent.append(key))
    view.clim = (0.2, 0.8)
    view.cmap = "cividis"
    flat = {name for key in sent for name in ([key] if isinstance(key, str) else key)}
    assert flat == {"clim", "cmap", "_lut"}
    assert view._lut == lut("cividis").tobytes()


def test_the_same_map_again_sends_nothing(view, soc_map, monkeypatch):
    sent = []
    monkeypatch.setattr(view, "send_state", lambda key=None: sent.append(key))
    view.set_map(soc_map.copy())
    assert not [key for key in sent if key]


def test_highlight_goes_with_a_map_of_another_shape(view, soc_map):
    view.set_highlight(soc_map > 0.5)
    view.set_map(soc_map + 1)
    assert view._highlight
    view.set_map(soc_map[:5])
    assert view._highlight == b""
    view.set_highlight(np.ones((5, 40)))
    view.set_highlight(None)
    assert view._highlight == b""


@pytest.mark.parametrize("name", COLORMAPS)
def test_color_tables_are_those_of_matplotlib(name):
    from matplotlib import colormaps

    assert lut(name).shape == (256, 3)
    np.testing.assert_allclose(lut(name)[200] / 255, colormaps[name](200)[:3], atol=1 / 255)


# -- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda v: setattr(v, "cmap", "jet"), ParameterError, "viridis, cividis, magma"),
        (lambda v: setattr(v, "tool", "pen"), ParameterError, "rectangle, ellipse, polygon"),
        (lambda v: setattr(v, "clim", (1.0, 0.0)), ParameterError, "lower one first"),
        (lambda v: setattr(v, "clim", (0.0, np.nan)), ParameterError, "finite"),
        (lambda v: setattr(v, "rois", [{"type": "star"}]), ParameterError, "rectangle"),
        (lambda v: v.set_map(v.values.expand_dims("energy")), DataError, "dims y and x"),
        (lambda v: v.set_map(v.values.values), DataError, "xarray.DataArray"),
        (lambda v: v.set_map(v.values[:0]), DataError, "at least one pixel"),
        (lambda v: v.set_map(v.values * 1j), DataError, "real numbers"),
        (lambda v: v.set_map(v.values[[0, 2, 1]]), DataError, "monotonic"),
        (lambda v: v.set_highlight(np.ones((2, 2))), DataError, "(30, 40)"),
        (lambda v: v.draw(Threshold("soc", 0, 1)), ParameterError, "polygon"),
        (lambda v: v.draw(Rectangle(0, 0, 0, 1)), ParameterError, "area"),
        (lambda v: v.click(np.nan, 1), ParameterError, "finite"),
        (lambda v: v.choose_tool("pen"), ParameterError, "lasso"),
        (lambda v: MapView(colormap="viridis"), ParameterError, "clim, cmap, tool"),
        (lambda v: MapView().set_highlight(np.ones((2, 2))), DataError, "set_map first"),
    ],
)
def test_bad_input_says_what_was_expected(view, act, error, words):
    with pytest.raises(error) as caught:
        act(view)
    assert words in str(caught.value)


def test_units_of_the_axes_must_agree(soc_map):
    soc_map.y.attrs["units"] = "pixel"
    with pytest.raises(UnitError, match="um for both"):
        MapView(soc_map)


def test_a_refused_map_leaves_the_old_one(view, soc_map):
    before = view._codes
    with pytest.raises(DataError):
        view.set_map(soc_map.expand_dims("energy"))
    assert view._codes == before
    assert view.values.identical(soc_map)


# -- events ---------------------------------------------------------------------------------

RECTANGLE = {"type": "rectangle", "x0": 0.0, "y0": 0.1, "x1": 1.0, "y1": 0.5}


def receive(view, /, **content):
    message = {"type": "map_event", "view": "a", "seq": 1, "name": "", "shape": None, **content}
    view._handle_custom_msg(message, [])


@pytest.fixture
def events(view) -> list[MapEvent]:
    found: list[MapEvent] = []
    view.on_event(found.append)
    return found


def test_messages_become_events(view, events):
    receive(view, kind="draw", shape=RECTANGLE)
    receive(view, kind="point", x=1.5, y=0.25)
    receive(view, kind="edit", name="ROI 1", shape={"type": "ellipse", "cx": 1, "cy": 2, "rx": 3,
                                                    "ry": 4})  # fmt: skip
    receive(view, kind="live", shape={"type": "polygon", "vertices": [[0, 0], [1, 0], [0, 1]]})
    receive(view, kind="delete", name="ROI 1")
    receive(view, kind="undo")
    assert [event.kind for event in events] == ["draw", "point", "edit", "live", "delete", "undo"]
    assert events[0].shape == Rectangle(0.0, 0.1, 1.0, 0.5)
    assert (events[1].x, events[1].y) == (1.5, 0.25)
    assert (events[2].name, events[2].shape) == ("ROI 1", Ellipse(1, 2, 3, 4))
    assert events[3].shape == Polygon(((0, 0), (1, 0), (0, 1)))
    assert view.error == ""


def test_two_equal_shapes_are_two_events(view, events):
    for seq in (1, 2):
        receive(view, kind="draw", shape=RECTANGLE, seq=seq)
    assert events[0].shape == events[1].shape
    assert events[1].seq > events[0].seq


def test_every_message_is_answered_after_its_callbacks(view, monkeypatch):
    order = []
    view.on_event(lambda event: order.append(event.kind))
    monkeypatch.setattr(view, "send", lambda content, buffers=None: order.append(content))
    receive(view, kind="draw", shape=RECTANGLE, view="v", seq=7)
    receive(view, kind="nonsense", view="v", seq=8)
    answers = [{"type": "map_ack", "view": "v", "seq": seq} for seq in (7, 8)]
    assert order == ["draw", *answers]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "draw",
        {},
        {"kind": "draw", "shape": RECTANGLE},
        {"type": "map_event", "kind": "explode"},
        {"type": "map_event", "kind": ["draw"]},
        {"type": "map_event", "kind": "draw"},
        {"type": "map_event", "kind": "draw", "shape": {"type": "rectangle", "x0": 1}},
        {"type": "map_event", "kind": "draw", "shape": {**RECTANGLE, "x1": 0.0}},
        {"type": "map_event", "kind": "draw", "shape": {**RECTANGLE, "x1": float("inf")}},
        {"type": "map_event", "kind": "draw", "shape": {**RECTANGLE, "x1": "wide"}},
        {"type": "map_event", "kind": "draw", "shape": {**RECTANGLE, "x1": None}},
        {"type": "map_event", "kind": "draw", "shape": {"type": ["rectangle"]}},
        {"type": "map_event", "kind": "draw", "shape": {"type": "threshold", "variable": "soc",
                                                       "low": 0, "high": 1}},
        {"type": "map_event", "kind": "draw", "shape": {"type": "polygon",
                                                       "vertices": [[0, 0], [1, 1]]}},
        {"type": "map_event", "kind": "draw", "shape": {"type": "polygon",
                                                       "vertices": [[0, 0], [1, float("nan")],
                                                                    [1, 0]]}},
        {"type": "map_event", "kind": "draw", "shape": {"type": "polygon", "vertices": 7}},
        {"type": "map_event", "kind": "draw", "shape": {"type": "polygon",
                                                       "vertices": [[0, 0]] * 5001}},
        {"type": "map_event", "kind": "edit", "shape": RECTANGLE},
        {"type": "map_event", "kind": "edit", "name": 3, "shape": RECTANGLE},
        {"type": "map_event", "kind": "delete"},
        {"type": "map_event", "kind": "point", "x": 1.0},
        {"type": "map_event", "kind": "point", "x": True, "y": 1.0},
        {"type": "map_event", "kind": "tool", "name": "pen"},
    ],
)  # fmt: skip
def test_malformed_messages_are_reported_and_raise_nothing(view, events, content):
    reported = []
    view.on_error(reported.append)
    view._receive(view, content, [])
    assert events == []
    assert len(reported) == 1
    assert view.error == reported[0]
    view.click(1.0, 1.0)
    assert view.error == ""


def test_messages_of_anywidget_itself_are_left_alone(view, events):
    view._receive(view, {"kind": "anywidget-command", "name": "x", "id": "1"}, [])
    assert events == []
    assert view.error == ""


def test_a_failing_callback_is_shown_and_the_next_one_still_runs(view):
    later = []
    view.on_event(lambda event: 1 / 0)
    view.on_event(later.append)
    view.undo()
    assert len(later) == 1
    assert "ZeroDivisionError" in view.error


def test_methods_report_what_the_mouse_would(view, events):
    shape = Rectangle(0.0, 0.0, 1.0, 1.0)
    view.draw(shape)
    view.edit("ROI 1", shape)
    view.drag(shape, "ROI 1")
    view.click(0.2, 0.3)
    view.select("ROI 1")
    view.delete("ROI 1")
    view.undo()
    view.redo()
    view.choose_tool("lasso")
    view.grow(0.2, 0.3, 0.1)
    view.wand(0.2, 0.3)
    view.stroke([(0.1, 0.1)], 0.05)
    view.draw_line(0.0, 0.0, 1.0, 1.0)
    view.choose_mode("add")
    view.choose_brush(0.2)
    assert [event.kind for event in events] == list(EVENT_KINDS)
    assert [event.seq for event in events] == list(range(1, 16))
    assert (view.tool, view.selected, view.point) == ("lasso", "", [0.2, 0.3])


def test_tool_and_selection_follow_the_browser(view, events):
    for tool in TOOLS:
        receive(view, kind="tool", name=tool)
        assert view.tool == tool
    receive(view, kind="select", name="rim")
    assert view.selected == "rim"
    assert len(events) == len(TOOLS) + 1


def test_numbers_stay_unique_when_threads_report_at_once(view, events):
    threads = [threading.Thread(target=lambda: [view.undo() for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({event.seq for event in events}) == 200


def test_regions_are_plain_dicts_of_the_model(view):
    region = ROI("core", Polygon(((0, 0), (1, 0), (0, 1))), "#0072b2")
    view.rois = [region.to_dict()]
    assert view.rois == [region.to_dict()]


def test_parse_event_defaults_to_nan_coordinates():
    event = parse_event({"type": "map_event", "kind": "undo", "x": None, "y": None}, 4)
    assert np.isnan([event.x, event.y]).all()
    assert event.seq == 4


def test_state_of_a_megapixel_map_is_two_bytes_a_pixel():
    view = MapView(make_map(np.random.default_rng(0).random((1024, 1024), np.float32)))
    binary = sum(len(v) for v in view.get_state().values() if isinstance(v, (bytes, memoryview)))
    assert binary == 2 * 1024**2 + 768
