"""The browser half of the map, in a blank page with a model that only records."""

from __future__ import annotations

import base64
import itertools
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from browser import drag_on_map, on_map
from patience import until

from socwidgets.model.roi import ROI, Area, Ellipse, Polygon, Rectangle, Threshold
from socwidgets.model.status import Status, status_attrs
from socwidgets.widgets.colormaps import lut
from socwidgets.widgets.map_view import MapView, esm_source

HARNESS = Path(__file__).with_name("map_harness.html")
PIXEL = 0.04
DARK = {
    "--jp-ui-font-color1": "rgba(255, 255, 255, 0.87)",
    "--jp-ui-font-color2": "rgba(255, 255, 255, 0.54)",
    "--jp-layout-color0": "#111111",
    "--jp-border-color0": "#616161",
    "--jp-brand-color1": "#64b5f6",
}


def particle_map(n: int = 160, seed: int = 3) -> xr.DataArray:
    """SOC of an ensemble of platelets, NaN between them, 0.04 um pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:n, :n].astype(float)
    soc = np.full((n, n), np.nan)
    for _ in range(26):
        cy, cx, angle = *rng.uniform(6, n - 6, 2), rng.uniform(0, np.pi)
        u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        v = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        w = (np.abs(u) / rng.uniform(7, 19)) ** 2.6 + (np.abs(v) / rng.uniform(5, 12)) ** 2.6
        inside = (w < 1) & np.isnan(soc)
        middle = rng.choice([0.1, 0.85, 0.5], p=[0.35, 0.4, 0.25])
        soc[inside] = (middle + 0.25 * (0.6 - w))[inside]
    soc += rng.normal(0, 0.02, soc.shape)
    centers = np.arange(n) * PIXEL
    coords = {dim: (dim, centers, {"units": "um"}) for dim in ("y", "x")}
    attrs = {"long_name": "State of charge", "units": "1", "kind": "soc"}
    return xr.DataArray(soc, dims=("y", "x"), coords=coords, attrs=attrs, name="soc")


class Bench:
    """A page with one map, the Python widget that it belongs to, and a line between them."""

    def __init__(self, page, view: MapView):
        self.page, self.view = page, view
        page.set_content(HARNESS.read_text(encoding="utf-8"))
        page.evaluate("([esm, css]) => start(esm, css)", [esm_source(), MapView._css])
        self.push()

    def push(self, *names: str) -> None:
        """Send the state (or some traits) as the kernel would, and wait for the picture."""
        state = self.view.get_state()
        state = {k: v for k, v in state.items() if not names or k in names}
        binary = {
            k: base64.b64encode(bytes(v)).decode()
            for k, v in state.items()
            if isinstance(v, (bytes, memoryview))
        }
        keep = ("_meta", "clim", "tool", "rois", "selected", "point", "height", "error",
                "can_undo", "can_redo", "mode", "brush_um", "line", "_sigma_step",
                "_overlay_kind")  # fmt: skip
        plain = {k: v for k, v in state.items() if k in keep}
        self.page.evaluate("([state, binary]) => model.deliver(state, binary)", [plain, binary])
        self.settle()

    def settle(self) -> None:
        self.page.evaluate(
            "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))"
        )

    def use(self, tool: str) -> None:
        self.page.locator(f"button[data-tool={tool}]").first.click()
        self.settle()

    def at(self, x: float, y: float) -> tuple[float, float]:
        return on_map(self.page, x, y)

    def drag(self, *points: tuple[float, float]) -> None:
        drag_on_map(self.page, list(points))
        self.settle()

    def sent(self, *kinds: str) -> list[dict]:
        """Messages so far, without the given kinds, and forget them."""
        messages = self.page.evaluate("() => model.sent.splice(0)")
        return [m for m in messages if m["type"] == "map_event" and m["kind"] not in kinds]

    def wait_sent(self, kind: str) -> None:
        """Wait for a message that the map sends after a while."""
        self.page.wait_for_function("kind => model.sent.some((m) => m.kind === kind)", arg=kind)

    def keys(self, *keys: str) -> None:
        """Keys pressed at once: no pause that a busy machine makes comes between them."""
        self.page.evaluate(
            """(keys) => keys.forEach((key) => {
              const [name, shiftKey] = [key.replace("Shift+", ""), key.startsWith("Shift+")];
              const options = { key: name, shiftKey, bubbles: true, cancelable: true };
              document.querySelector("canvas").dispatchEvent(new KeyboardEvent("keydown", options));
            })""",
            list(keys),
        )

    def color(self, x: float, y: float) -> list[int]:
        """Colour of the canvas at a point in um."""
        px, py = self.at(x, y)
        return self.page.evaluate(
            """([px, py]) => {
              const canvas = document.querySelector("canvas.socw-canvas");
              const box = canvas.getBoundingClientRect();
              const k = canvas.width / box.width;
              const place = [Math.floor((px - box.left) * k), Math.floor((py - box.top) * k)];
              return [...canvas.getContext("2d").getImageData(...place, 1, 1).data];
            }""",
            [px, py],
        )

    def text(self, part: str) -> str:
        return self.page.locator(f".socw-{part}").first.inner_text()


@pytest.fixture
def view() -> MapView:
    return MapView(particle_map(), clim=(0.0, 1.0), height=400)


@pytest.fixture
def bench(chromium_page, view) -> Bench:
    return Bench(chromium_page, view)


def three_regions() -> list[dict]:
    return [
        ROI("ROI 1", Rectangle(1.0, 1.2, 2.2, 2.4)).to_dict(),
        ROI("ROI 2", Ellipse(4.4, 3.0, 0.7, 0.5), "#cc79a7").to_dict(),
        ROI("rim", Polygon(((3, 4.5), (4, 4.4), (4.2, 5.4), (3.2, 5.6))), "#e69f00").to_dict(),
        ROI("high", Threshold("soc", 0.5, 1.0)).to_dict(),
    ]


# -- the ground ------------------------------------------------------------------------------

COUNT_GROUND = """() => {
  const real = CanvasRenderingContext2D.prototype.drawImage;
  window.grounds = 0;
  CanvasRenderingContext2D.prototype.drawImage = function (source, ...rest) {
    // Nine arguments: part of a bitmap; three: what was kept.
    if (rest.length === 8) window.grounds += 1;
    return real.call(this, source, ...rest);
  };
}"""


def grounds(bench: Bench) -> int:
    """How often values were drawn since the last question."""
    return bench.page.evaluate("() => { const n = window.grounds; window.grounds = 0; return n; }")


def test_values_are_drawn_once_however_long_a_drag_is(bench):
    """Each move of the mouse drew all of them anew: a third of the time of a drag."""
    bench.page.evaluate(COUNT_GROUND)
    bench.use("rectangle")
    bench.drag((1.0, 1.0), (2.0, 2.0), (3.0, 2.5), (4.0, 4.0))
    assert grounds(bench) == 0
    bench.view.rois = three_regions()
    bench.push("rois")
    assert grounds(bench) == 0


def test_what_is_kept_is_drawn_anew_when_it_changes(bench, view):
    bench.page.evaluate(COUNT_GROUND)
    place = next(
        pixel_center(bench, r, c)
        for r in range(60, 100)
        for c in range(60, 100)
        if np.isfinite(view.values.values[r, c])
    )
    before = bench.color(*place)
    view.clim = (-1.0, 0.2)
    bench.push("clim")
    assert grounds(bench) == 1
    assert bench.color(*place) != before
    view.clim = (0.0, 1.0)
    bench.push("clim")
    assert bench.color(*place) == before
    grounds(bench)
    for change in (
        lambda: view.set_highlight(np.zeros((160, 160), bool)),
        lambda: view.set_highlight(None),
        lambda: view.set_map(particle_map(seed=4), clim=(0.0, 1.0)),
    ):
        change()
        bench.push()
        assert grounds(bench) >= 1
    bench.page.locator("button[title*='Zoom in' i]").first.click()
    bench.settle()
    assert grounds(bench) >= 1


# -- picture --------------------------------------------------------------------------------


def pixel_center(bench: Bench, row: int, column: int) -> tuple[float, float]:
    return float(bench.view.values.x[column]), float(bench.view.values.y[row])


def expected_color(value: float, clim, cmap="viridis") -> list[int]:
    t = (value - clim[0]) / (clim[1] - clim[0])
    return lut(cmap)[int(np.clip(t * 256, 0, 255))].tolist()


def some_pixels(view, n=12):
    rows, columns = np.nonzero(np.isfinite(view.values.values[:130]))
    chosen = np.random.default_rng(0).choice(rows.size, n, replace=False)
    return list(zip(rows[chosen].tolist(), columns[chosen].tolist(), strict=True))


def test_pixels_have_the_colors_of_their_values(bench, view):
    for row, column in some_pixels(view):
        value = float(view.values[row, column])
        shown = bench.color(*pixel_center(bench, row, column))[:3]
        assert np.abs(np.array(shown) - expected_color(value, (0, 1))).max() <= 3


def test_pixels_without_a_value_are_hatched_grey(bench, view):
    empty = np.argwhere(np.isnan(view.values.values[20:110, 20:110])) + 20
    shown = {tuple(bench.color(*pixel_center(bench, r, c))) for r, c in empty[::150].tolist()}
    assert all(a == 255 and max(rgb) - min(rgb) < 14 for *rgb, a in shown)
    assert len(shown) > 1  # ground and lines


def test_recoloring_needs_no_values(bench, view):
    row, column = some_pixels(view)[0]
    value = float(view.values[row, column])
    view.clim, view.cmap = (value - 0.5, value + 0.1), "magma"
    bench.push("clim", "_lut")
    shown = bench.color(*pixel_center(bench, row, column))[:3]
    wanted = expected_color(value, view.clim, "magma")
    assert np.abs(np.array(shown) - wanted).max() <= 4


def test_equal_lengths_on_both_axes_with_unequal_pixels(chromium_page):
    values = xr.DataArray(
        np.arange(600.0).reshape(20, 30),
        dims=("y", "x"),
        coords={
            "y": ("y", np.arange(20) * 0.3, {"units": "um"}),
            "x": ("x", np.arange(30) * 0.1, {"units": "um"}),
        },
    )
    bench = Bench(chromium_page, MapView(values, height=300))
    width, height = map(float, bench.page.locator("canvas").get_attribute("data-port").split()[2:])
    assert width / height == pytest.approx(3.0 / 6.0, rel=0.01)


def test_rising_and_falling_coordinates_keep_row_zero_at_the_top(chromium_page):
    values = particle_map().isel(y=slice(None, None, -1))
    bench = Bench(chromium_page, MapView(values, height=400, clim=(0, 1)))
    _, top, _, bottom = map(
        float, bench.page.locator("canvas").get_attribute("data-extent").split()
    )
    assert top > bottom
    row, column = some_pixels(bench.view)[0]
    value = float(values[row, column])
    shown = bench.color(*pixel_center(bench, row, column))[:3]
    assert np.abs(np.array(shown) - expected_color(value, (0, 1))).max() <= 3
    bench.use("rectangle")
    bench.drag((2.0, 4.0), (3.0, 3.0))
    shape = bench.sent("tool", "live")[0]["shape"]
    assert (shape["y0"], shape["y1"]) == pytest.approx((3.0, 4.0), abs=0.02)


def test_status_line_tells_place_and_value(bench, view):
    row, column = some_pixels(view)[0]
    x, y = pixel_center(bench, row, column)
    bench.page.mouse.move(*bench.at(x, y))
    bench.settle()
    text = bench.text("readout").replace("\u2212", "-")
    assert float(text.split("charge")[1]) == pytest.approx(
        float(view.values[row, column]), abs=6e-4
    )
    assert float(text.split()[1]) == pytest.approx(x, abs=0.02)
    status = bench.page.locator("[role=status]")
    assert status.get_attribute("aria-live") == "polite"


def test_highlight_fades_the_other_pixels(bench, view):
    high = view.values > 0.6
    row, column = np.argwhere(high.values)[50].tolist()
    other = np.argwhere((view.values < 0.4).values)[50].tolist()
    before = [bench.color(*pixel_center(bench, *pixel)) for pixel in ((row, column), other)]
    view.set_highlight(high)
    bench.push("_highlight")
    after = [bench.color(*pixel_center(bench, *pixel)) for pixel in ((row, column), other)]
    assert after[0] == before[0]
    assert min(after[1][:3]) > max(before[1][:3]) - 60
    assert sum(after[1]) > sum(before[1]) + 150
    assert "pixels highlighted" in bench.text("note")
    view.set_highlight(None)
    bench.push("_highlight")
    assert bench.color(*pixel_center(bench, *other)) == before[1]


def test_dark_theme_variables_are_followed(bench):
    def ground():
        return bench.color(6.36, 0.02)

    light = ground()
    bench.page.evaluate(
        """(theme) => {
          for (const [k, v] of Object.entries(theme)) document.body.style.setProperty(k, v);
        }""",
        DARK,
    )
    assert min(light[:3]) > 200
    until(lambda: max(ground()[:3]) < 70, "it stays light", 0.1)


def test_category_maps_have_a_legend_and_words_in_the_readout(chromium_page, artifacts):
    codes = np.where(np.isnan(particle_map().values), Status.LOW_SIGNAL, Status.OK)
    codes[:4], codes[40:44, 40:50] = Status.MASKED, Status.AT_BOUND
    status = particle_map().copy(data=codes.astype(np.uint8))
    bench = Bench(chromium_page, MapView(status.assign_attrs(status_attrs()), height=400))
    bench.page.mouse.move(*bench.at(45 * PIXEL, 42 * PIXEL))
    bench.settle()
    assert "at a bound of the fit" in bench.text("readout")
    assert bench.color(45 * PIXEL, 42 * PIXEL)[:3] == [0xE6, 0x9F, 0x00]
    bench.page.screenshot(path=artifacts / "map_status.png")


def test_binned_maps_say_so(chromium_page):
    values = particle_map().isel(y=slice(0, 2)).values
    wide = xr.DataArray(np.tile(values, (1, 30)), dims=("y", "x"))
    bench = Bench(chromium_page, MapView(wide))
    assert "averaged 3 × 1 for display" in bench.text("note")


def test_a_strip_of_a_few_rows_can_be_seen_and_drawn_on(chromium_page):
    rng = np.random.default_rng(0)
    centers = {"y": ("y", 0.05 * np.arange(3), {"units": "um"}),
               "x": ("x", 0.05 * np.arange(2000), {"units": "um"})}  # fmt: skip
    values = xr.DataArray(rng.random((3, 2000)), centers, ("y", "x"), "soc")
    bench = Bench(chromium_page, MapView(values, height=400))
    canvas = chromium_page.locator("canvas.socw-canvas")
    _, _, width, height = map(float, canvas.get_attribute("data-port").split())
    assert width / height == pytest.approx(10, rel=0.05)
    assert "y drawn 67 times larger" in bench.text("note")
    bench.use("ellipse")
    bench.drag((20.0, 0.0), (40.0, 0.1))
    shape = bench.sent()[-1]["shape"]
    assert (shape["rx"], shape["ry"]) == pytest.approx((10.0, 0.05), rel=0.1)


def test_a_map_without_a_value_says_so(chromium_page):
    bench = Bench(chromium_page, MapView(particle_map() * np.nan))
    assert "No pixel has a value" in bench.text("note")


# -- tools ----------------------------------------------------------------------------------


def test_rectangle(bench):
    bench.use("rectangle")
    bench.drag((1.0, 1.5), (3.0, 2.5))
    first, *live, last = bench.sent()
    assert (first["kind"], first["name"]) == ("tool", "rectangle")
    assert last["kind"] == "draw"
    wanted = {"x0": 1.0, "y0": 1.5, "x1": 3.0, "y1": 2.5}
    assert {k: v for k, v in last["shape"].items() if k != "type"} == pytest.approx(
        wanted, abs=0.03
    )
    assert all(m["kind"] == "live" and m["name"] == "" for m in live)


def test_ellipse_with_shift_is_round(bench):
    bench.use("ellipse")
    bench.page.keyboard.down("Shift")
    bench.drag((2.0, 2.0), (4.0, 3.0))
    bench.page.keyboard.up("Shift")
    (message,) = bench.sent("tool", "live")
    shape = message["shape"]
    assert (shape["rx"], shape["ry"]) == pytest.approx((0.5, 0.5), abs=0.02)


def test_polygon_by_clicks_closes_on_a_double_click(bench):
    bench.use("polygon")
    for x, y in ((1, 1), (3, 1), (3, 3)):
        bench.page.mouse.click(*bench.at(x, y))
    bench.page.mouse.dblclick(*bench.at(1, 3))
    (message,) = bench.sent("tool", "live")
    wanted = [[1, 1], [3, 1], [3, 3], [1, 3]]
    np.testing.assert_allclose(message["shape"]["vertices"], wanted, atol=0.03)


def test_polygon_closes_on_enter_and_on_its_first_corner_and_backspace_takes_one_back(bench):
    bench.use("polygon")
    for x, y in ((1, 1), (3, 1), (3, 3), (5, 5)):
        bench.page.mouse.click(*bench.at(x, y))
    bench.page.keyboard.press("Backspace")
    bench.page.keyboard.press("Enter")
    for x, y in ((1, 1), (3, 1), (3, 3), (1, 1)):
        bench.page.mouse.click(*bench.at(x, y))
    messages = bench.sent("tool", "live")
    assert [(m["kind"], len(m["shape"]["vertices"])) for m in messages] == [("draw", 3)] * 2


def test_escape_leaves_a_polygon_unsaid(bench):
    bench.use("polygon")
    for x, y in ((1, 1), (3, 1), (3, 3)):
        bench.page.mouse.click(*bench.at(x, y))
    bench.page.keyboard.press("Escape")
    bench.page.keyboard.press("Enter")
    assert [m["kind"] for m in bench.sent("tool", "live")] == ["select"]


def test_lasso_is_simplified_and_keeps_its_form(bench):
    angles = np.linspace(0, 2 * np.pi, 90)
    loop = [(3 + 1.5 * np.cos(a), 3 + 1.5 * np.sin(a)) for a in angles]
    bench.use("lasso")
    bench.drag(*loop)
    (message,) = bench.sent("tool", "live")
    corners = np.array(message["shape"]["vertices"])
    assert 12 <= len(corners) <= 90
    np.testing.assert_allclose(np.hypot(*(corners - 3).T), 1.5, atol=0.04)


def test_a_wild_lasso_stays_below_the_limit_of_vertices(bench):
    count = bench.page.evaluate(
        """async (esm) => {
          const text = esm.replace(/export default .*;/, "export { simplify };");
          const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
          const { simplify } = await import(url);
          let seed = 1;
          const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
          const points = Array.from({ length: 6000 }, () => [random(), random()]);
          return simplify(points, 1e-6).length;
        }""",
        esm_source(),
    )
    assert 3 <= count <= 300


def test_point_tool_reports_a_click_and_a_drag(bench):
    bench.use("point")
    bench.page.mouse.click(*bench.at(2.0, 3.0))
    (message,) = bench.sent("tool")
    assert message["kind"] == "point"
    assert (message["x"], message["y"]) == pytest.approx((2.0, 3.0), abs=0.02)
    bench.drag((1.0, 1.0), (2.0, 2.0), (3.0, 3.0))
    last = bench.sent()[-1]
    assert (last["x"], last["y"]) == pytest.approx((3.0, 3.0), abs=0.02)


def test_a_drag_beyond_the_edge_stays_on_the_map(bench):
    bench.use("rectangle")
    x, y = bench.at(5.0, 5.0)
    bench.page.mouse.move(x, y)
    bench.page.mouse.down()
    bench.page.mouse.move(x + 400, y + 250, steps=3)
    bench.page.mouse.up()
    (message,) = bench.sent("tool", "live")
    edge = 159.5 * PIXEL
    assert (message["shape"]["x1"], message["shape"]["y1"]) == pytest.approx((edge, edge))


def test_escape_cancels_a_drag(bench):
    bench.use("rectangle")
    bench.page.mouse.move(*bench.at(1, 1))
    bench.page.mouse.down()
    bench.page.mouse.move(*bench.at(3, 3), steps=4)
    bench.page.keyboard.press("Escape")
    bench.page.mouse.up()
    bench.wait_sent("select")
    bench.page.wait_for_timeout(150)
    assert [m["kind"] for m in bench.sent("tool")][-1] == "select"  # a preview can be dropped


def test_escape_puts_a_moved_region_back(regions):
    regions.page.mouse.move(*regions.at(1.6, 1.8))
    regions.page.mouse.down()
    regions.page.mouse.move(*regions.at(3.0, 3.0), steps=4)
    regions.page.keyboard.press("Escape")
    regions.page.mouse.up()
    (message,) = regions.sent("live")
    assert (message["kind"], message["name"]) == ("select", "ROI 1")


def test_live_messages_are_throttled_and_wait_for_the_answer(bench):
    bench.page.evaluate("() => { model.answer = false; }")
    bench.use("rectangle")
    bench.sent()
    bench.page.mouse.move(*bench.at(1, 1))
    bench.page.mouse.down()
    start = time.perf_counter()
    for step in range(20):
        bench.page.mouse.move(*bench.at(1.5 + 0.1 * step, 2 + 0.1 * step))
        time.sleep(0.02)
    unanswered = bench.sent()
    # One waits for its answer; after a second without one (a busy machine) another may follow.
    assert 1 <= len(unanswered) <= 1 + int(time.perf_counter() - start)
    assert {m["kind"] for m in unanswered} == {"live"}
    bench.page.evaluate("(m) => { model.answer = true; model.ack(m); }", unanswered[-1])
    start, steps = time.perf_counter(), itertools.count()

    def moved():
        step = next(steps) % 30
        bench.page.mouse.move(*bench.at(1.5 + 0.1 * step, 2 + 0.05 * step))
        return bench.page.evaluate("() => model.sent.length") > 3

    until(moved)
    bench.page.mouse.up()
    elapsed = time.perf_counter() - start
    *live, last = bench.sent()
    assert 3 < len(live) <= elapsed / 0.055 + 2
    assert last["kind"] == "draw"


# -- regions --------------------------------------------------------------------------------


@pytest.fixture
def regions(bench, view) -> Bench:
    view.rois, view.selected = three_regions(), "ROI 1"
    bench.push("rois", "selected")
    return bench


def test_a_drag_inside_moves_a_region(regions):
    regions.drag((1.6, 1.8), (2.6, 2.3))
    (message,) = regions.sent("live")
    assert (message["kind"], message["name"]) == ("edit", "ROI 1")
    wanted = {"x0": 2.0, "y0": 1.7, "x1": 3.2, "y1": 2.9}
    shape = {k: v for k, v in message["shape"].items() if k != "type"}
    assert shape == pytest.approx(wanted, abs=0.03)


def test_handles_resize_the_selected_region(regions):
    regions.drag((2.2, 2.4), (3.0, 3.4))
    (message,) = regions.sent("live")
    wanted = {"x0": 1.0, "y0": 1.2, "x1": 3.0, "y1": 3.4}
    shape = {k: v for k, v in message["shape"].items() if k != "type"}
    assert shape == pytest.approx(wanted, abs=0.03)


def test_handles_resize_an_ellipse_also_while_a_drawing_tool_is_in_hand(regions, view):
    view.selected, view.tool = "ROI 2", "lasso"
    regions.push("selected", "tool")
    regions.drag((5.1, 3.0), (5.5, 3.0))
    (message,) = regions.sent("live")
    assert message["name"] == "ROI 2"
    wanted = {"cx": 4.6, "cy": 3.0, "rx": 0.9, "ry": 0.5}
    shape = {k: v for k, v in message["shape"].items() if k != "type"}
    assert shape == pytest.approx(wanted, abs=0.03)


def test_vertices_of_a_polygon_move_one_by_one(regions, view):
    view.selected = "rim"
    regions.push("selected")
    regions.drag((4.2, 5.4), (5.0, 5.8))
    (message,) = regions.sent("live")
    wanted = [[3, 4.5], [4, 4.4], [5.0, 5.8], [3.2, 5.6]]
    np.testing.assert_allclose(message["shape"]["vertices"], wanted, atol=0.03)


def test_a_drag_of_another_region_selects_it_first(regions):
    regions.drag((4.4, 3.0), (4.4, 4.0))
    select, edit = regions.sent("live")
    assert (select["kind"], select["name"]) == ("select", "ROI 2")
    assert (edit["kind"], edit["name"]) == ("edit", "ROI 2")
    assert edit["shape"]["cy"] == pytest.approx(4.0, abs=0.03)


def test_a_drawing_tool_draws_inside_another_region(regions, view):
    view.tool = "rectangle"
    regions.push("tool")
    regions.drag((1.3, 1.5), (1.9, 2.1))
    (message,) = regions.sent("live")
    assert (message["kind"], message["name"]) == ("draw", "")


def test_clicks_select_and_deselect(regions):
    regions.page.mouse.click(*regions.at(4.4, 3.0))
    regions.page.mouse.click(*regions.at(6.2, 0.2))
    assert [(m["kind"], m["name"]) for m in regions.sent()] == [("select", "ROI 2"), ("select", "")]


def test_an_edit_stays_in_sight_until_the_answer_then_the_kernel_counts(regions):
    def orange(x, y):
        r, g, b, _ = regions.color(x, y)
        return r > 190 and g < 130 and b < 60

    regions.page.evaluate("() => { model.answer = false; }")
    assert orange(1.3, 2.4)
    regions.drag((1.6, 1.8), (1.6, 2.8))
    assert orange(1.3, 3.4)
    assert not orange(1.3, 1.2)
    (message,) = regions.sent("live")
    regions.page.evaluate("(m) => model.ack(m)", message)
    regions.settle()
    assert orange(1.3, 2.4)
    assert not orange(1.3, 3.4)


# -- keyboard -------------------------------------------------------------------------------


def test_arrows_move_and_shift_arrows_resize_in_one_commit(regions):
    regions.page.locator("canvas").focus()
    regions.keys("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp")
    regions.wait_sent("edit")
    regions.page.wait_for_timeout(100)
    (message,) = regions.sent("live")
    assert (message["kind"], message["name"]) == ("edit", "ROI 1")
    wanted = {"x0": 1.08, "y0": 1.24, "x1": 2.32, "y1": 2.4}
    shape = {k: v for k, v in message["shape"].items() if k != "type"}
    assert shape == pytest.approx(wanted)


def test_keys_undo_redo_delete_and_choose_tools(regions):
    regions.page.locator("canvas").focus()
    for key in ("Control+z", "Control+y", "Control+Shift+Z", "Delete", "l"):
        regions.page.keyboard.press(key)
    kinds = [(m["kind"], m["name"]) for m in regions.sent()]
    assert kinds == [("undo", ""), ("redo", ""), ("redo", ""), ("delete", "ROI 1"),
                     ("tool", "lasso")]  # fmt: skip


def test_enter_makes_a_shape_without_a_mouse(bench):
    bench.use("ellipse")
    bench.page.locator("canvas").focus()
    bench.page.keyboard.press("Enter")
    (message,) = bench.sent("tool")
    assert (message["kind"], message["shape"]["type"]) == ("draw", "ellipse")


def test_arrows_walk_the_point_pixel_by_pixel(bench, view):
    view.tool, view.point = "point", [2.0, 3.0]
    bench.push("tool", "point")
    bench.page.locator("canvas").focus()
    bench.page.keyboard.press("ArrowLeft")
    bench.wait_sent("point")
    (message,) = bench.sent()
    assert (message["x"], message["y"]) == pytest.approx((2.0 - PIXEL, 3.0))


def test_keys_do_not_reach_the_notebook(bench):
    bench.page.evaluate(
        """() => {
          window.heard = [];
          document.addEventListener("keydown", (event) => heard.push(event.key));
        }"""
    )
    bench.page.locator("canvas").focus()
    bench.page.keyboard.press("b")
    bench.page.locator("button[data-tool=undo]").focus()
    bench.page.keyboard.press("d")
    assert bench.page.evaluate("() => heard") == []
    root = bench.page.locator(".socw-map")
    assert root.get_attribute("data-lm-suppress-shortcuts") == "true"


def test_buttons_and_canvas_speak_to_assistive_technology(bench):
    bench.use("lasso")
    page = bench.page
    pressed = page.locator("button[aria-pressed=true]")
    assert pressed.evaluate_all("nodes => nodes.map((n) => n.dataset.tool)") == [
        "lasso",
        "mode_new",
    ]
    buttons = page.locator("button")
    assert all(buttons.nth(i).get_attribute("title") for i in range(buttons.count()))
    canvas = page.locator("canvas")
    assert (canvas.get_attribute("role"), canvas.get_attribute("tabindex")) == ("application", "0")
    assert "State of charge" in canvas.get_attribute("aria-label")


# -- zoom -----------------------------------------------------------------------------------


def extent(bench) -> list[float]:
    text = bench.page.locator("canvas").first.get_attribute("data-extent")
    return [float(number) for number in text.split()]


def test_wheel_zooms_about_the_cursor_and_a_double_click_resets(bench):
    whole = extent(bench)
    place = bench.at(2.0, 4.0)
    bench.page.mouse.move(*place)
    bench.page.mouse.wheel(0, -400)
    bench.settle()
    x0, _, x1, _ = extent(bench)
    assert x1 - x0 < 0.7 * (whole[2] - whole[0])
    assert bench.at(2.0, 4.0) == pytest.approx(place, abs=0.5)
    before = extent(bench)
    bench.drag((3.0, 3.0), (2.6, 3.0))
    assert extent(bench)[0] == pytest.approx(before[0] + 0.4, abs=0.03)
    bench.page.mouse.dblclick(*bench.at(2.0, 4.0))
    bench.settle()
    assert extent(bench) == pytest.approx(whole)


def test_a_scroll_through_the_page_does_not_zoom_the_map_it_passes(bench):
    whole = extent(bench)
    x, y = bench.at(2.0, 4.0)
    # Both in one go: they belong to one scroll only if no pause comes between them.
    prevented = bench.page.evaluate(
        """([x, y]) => [document.body, document.querySelector("canvas")].map((place) =>
          !place.dispatchEvent(new WheelEvent("wheel", {
            deltaY: -100, clientX: x, clientY: y, bubbles: true, cancelable: true })))""",
        [x, y],
    )
    assert prevented == [False, False]
    bench.settle()
    assert extent(bench) == whole
    bench.page.wait_for_timeout(350)
    bench.page.mouse.move(x, y)
    bench.page.mouse.wheel(0, -100)
    bench.settle()
    assert extent(bench) != whole


def test_the_camera_stays_for_a_map_of_the_same_grid_and_resets_for_another(bench, view):
    whole = extent(bench)
    bench.use("zoom_in")
    zoomed = extent(bench)
    assert zoomed != whole
    view.set_map(view.values * 2)
    bench.push()
    assert extent(bench) == pytest.approx(zoomed)
    view.set_map(view.values[:80])
    bench.push()
    assert extent(bench)[:2] == pytest.approx(whole[:2])


# -- life -----------------------------------------------------------------------------------


def test_two_views_show_one_model_and_hear_only_their_own_answers(bench, view):
    view.height = 200
    bench.push("height")
    bench.page.evaluate("() => module.render({ model, el: document.getElementById('second') })")
    bench.page.evaluate("() => { model.answer = false; }")
    bench.use("rectangle")
    assert bench.page.locator("button[data-tool=rectangle][aria-pressed=true]").count() == 2
    bench.sent()
    drag_on_map(bench.page, [(1.0, 1.0), (2.0, 2.0)], index=1)
    drag_on_map(bench.page, [(3.0, 3.0), (4.0, 4.0)], index=0)
    second, first = (m for m in bench.sent("live"))
    assert second["view"] != first["view"]
    assert second["shape"]["x0"] == pytest.approx(1.0, abs=0.05)


def test_closing_a_view_takes_everything_away(bench):
    before = bench.page.evaluate("() => model.count()")
    bench.page.evaluate("() => window.close()")
    assert before > 5
    assert bench.page.evaluate("() => model.count()") == 0
    assert bench.page.locator(".socw-map").count() == 0
    bench.push()  # a late message of the kernel harms nobody


def test_bytes_that_come_late_or_do_not_fit(chromium_page, view):
    bench = Bench(chromium_page, MapView())
    assert bench.page.locator("canvas").get_attribute("data-port") is None
    bench.page.mouse.click(100, 120)
    bench.view = view
    bench.push("_meta", "_lut", "clim")
    assert bench.page.locator("canvas").get_attribute("data-port") is None
    bench.push("_codes")
    assert bench.page.locator("canvas").get_attribute("data-port") is not None


def test_a_hidden_container_is_drawn_when_it_appears_and_follows_its_size(
    chromium_page, view, artifacts
):
    page = chromium_page
    page.set_content(HARNESS.read_text(encoding="utf-8"))
    page.evaluate("() => { document.getElementById('host').style.display = 'none'; }")
    page.evaluate("([esm, css]) => start(esm, css)", [esm_source(), MapView._css])
    bench = Bench.__new__(Bench)
    bench.page, bench.view = page, view
    bench.push()
    page.evaluate("() => { document.getElementById('host').style.display = ''; }")
    page.wait_for_function("() => document.querySelector('canvas').dataset.port")
    port = page.locator("canvas").get_attribute("data-port")
    page.evaluate("() => { document.getElementById('host').style.width = '300px'; }")
    page.wait_for_function("(p) => document.querySelector('canvas').dataset.port !== p", arg=port)
    box = page.locator("canvas").bounding_box()
    assert 200 < box["width"] <= 300
    page.screenshot(path=artifacts / "map_narrow.png")


def test_errors_are_shown_below_the_map(bench, view):
    view.draw(Rectangle(0, 0, 1, 1))
    view._receive(view, {"type": "map_event", "kind": "explode"}, [])
    bench.push("error")
    assert "cannot use" in bench.text("error")
    assert bench.page.locator(".socw-error").get_attribute("role") == "alert"


def test_wand_brush_eraser_and_line_say_what_they_do(bench, view):
    bench.view.rois = three_regions()
    bench.view.selected = "ROI 1"
    bench.push("rois", "selected")
    bench.use("wand")
    x, y = pixel_center(bench, 80, 60)
    bench.page.mouse.click(*bench.at(x, y))
    (click,) = bench.sent("tool")
    assert click["kind"] == "wand"
    assert [click["x"], click["y"]] == pytest.approx([x, y], abs=0.04)
    assert click.get("tolerance") is None
    bench.drag((x, y), (x + 1.5, y))
    dragged = bench.sent()
    assert {m["kind"] for m in dragged[:-1]} <= {"grow"}
    assert dragged[-1]["kind"] == "wand"
    assert 0 < dragged[-1]["tolerance"] < 1
    # A press on a handle of the selected region paints, too.
    bench.use("brush")
    bench.page.locator("canvas.socw-canvas").first.focus()
    bench.page.keyboard.press("]")
    bench.drag((1.0, 1.2), (2.0, 1.3), (3.0, 1.2))
    tool, size, stroke = bench.sent()
    assert (tool["name"], size["kind"], stroke["kind"]) == ("brush", "brush", "stroke")
    assert stroke["name"] == "paint"
    assert stroke["radius"] == pytest.approx(1.25 * 160 * PIXEL / 40)
    assert np.allclose([stroke["points"][0], stroke["points"][-1]], [(1, 1.2), (3, 1.2)], atol=0.05)
    bench.use("eraser")
    bench.page.mouse.click(*bench.at(1.5, 1.5))
    (dot,) = bench.sent("tool")
    assert (dot["name"], len(dot["points"])) == ("erase", 1)
    bench.use("line")
    bench.drag((0.5, 0.5), (5.0, 4.0))
    line = bench.sent("tool")[-1]
    assert line["kind"] == "line"
    assert np.allclose(line["points"], [(0.5, 0.5), (5.0, 4.0)], atol=0.05)
    for message in (click, dragged[-1], size, stroke, dot, line):
        view._receive(view, message, [])
        assert view.error == ""
    assert view.line == pytest.approx([0.5, 0.5, 5.0, 4.0], abs=0.05)


def test_modes_need_a_selected_region_and_go_with_the_drawing(bench):
    add = bench.page.locator("button[data-tool=mode_add]").first
    assert add.is_disabled()
    bench.view.rois = three_regions()
    bench.view.selected = "ROI 1"
    bench.push("rois", "selected")
    add.click()
    bench.settle()
    assert add.get_attribute("aria-pressed") == "true"
    bench.use("rectangle")
    bench.drag((4.6, 4.6), (5.6, 5.6))
    messages = bench.sent("live", "tool")
    assert [m["kind"] for m in messages] == ["mode", "draw"]
    assert messages[1]["mode"] == "add"


def test_uncertain_pixels_fade_and_overlays_lie_on_top(bench, view):
    sigma = xr.full_like(view.values, 0.001)
    row, column = map(int, np.argwhere(np.isfinite(view.values.values))[2000])
    x, y = pixel_center(bench, row, column)
    plain = bench.color(x, y)
    sigma[row, column] = 0.3
    sigma[:8, :40] = 0.5  # so that the percentile is not the one wild pixel
    view.set_sigma(sigma)
    bench.push("_sigma", "_sigma_step")
    faded = bench.color(x, y)
    ground = np.array([243, 243, 245])
    wanted = np.array(plain[:3]) * 0.4 + ground * 0.6
    assert np.allclose(faded[:3], wanted, atol=16)
    view.set_sigma(None)
    bench.push("_sigma")
    assert bench.color(x, y) == plain
    mask = np.zeros(view.values.shape, bool)
    mask[row, column] = True
    view.set_overlay(mask, "labels")
    bench.push("_overlay", "_overlay_kind")
    assert bench.color(x, y)[:3] in ([255, 255, 255], [48, 48, 48])


def test_three_phases_are_mixed_and_have_a_triangle(bench, view, artifacts):
    soc = view.values.clip(0, 1)
    parts = {"LFP": (1 - soc) * 0.8, "FP": soc * 0.8, "carbon": soc * 0 + 0.2}
    named = [
        soc.copy(data=values.values).assign_attrs(long_name=f"Fraction of {name}")
        for name, values in parts.items()
    ]
    view.set_phases(named)
    bench.push("_codes", "_meta")
    assert view._meta["phases"][2]["label"] == "carbon"
    row, column = map(int, np.argwhere(np.isfinite(soc.values))[1500])
    colors = np.array([[0xD5, 0x5E, 0x00], [0xF0, 0xE4, 0x42], [0x00, 0x72, 0xB2]])
    shares = np.array([float(values[row, column]) for values in named])
    found = bench.color(*pixel_center(bench, row, column))[:3]
    assert np.allclose(found, shares @ colors, atol=6)
    bench.page.locator("#host").screenshot(path=artifacts / "map-phases.png")


def test_the_visible_part_of_a_binned_map_comes_in_full_resolution(chromium_page):
    n = 2500
    values = np.add.outer(np.arange(n), np.arange(n)) % 2 * 1.0
    values[:, ::50] = np.nan
    centers = {d: (d, np.arange(n) * PIXEL, {"units": "um"}) for d in ("y", "x")}
    view = MapView(xr.DataArray(values, centers, ("y", "x"), "checks"), clim=(0.0, 1.0))
    bench = Bench(chromium_page, view)
    middle = bench.at(50.0, 50.0)
    bench.page.mouse.move(*middle)
    # In one go: it asks when the zoom rests.
    bench.page.evaluate(
        """([x, y]) => { for (let i = 0; i < 5; i += 1)
          document.querySelector("canvas").dispatchEvent(new WheelEvent("wheel", {
            deltaY: -400, clientX: x, clientY: y, bubbles: true, cancelable: true })); }""",
        list(middle),
    )
    bench.page.wait_for_function("() => model.sent.some((m) => m.type === 'map_window')")
    bench.page.wait_for_timeout(100)
    asked = [m for m in bench.page.evaluate("() => model.sent.splice(0)")
             if m["type"] == "map_window"]  # fmt: skip
    assert len(asked) == 1
    sent = []
    view.send = lambda content, buffers=None: sent.append((content, buffers))
    view._receive(view, asked[0], [])
    ((content, (codes,)),) = sent
    assert content["step"] == 1
    (ny, nx), row, col = content["shape"], content["row"], content["col"]
    found = np.frombuffer(codes, "<u2").reshape(ny, nx)
    part = values[row : row + ny, col : col + nx]
    np.testing.assert_array_equal(found == 65535, np.isnan(part))
    known = ~np.isnan(part)
    numbers = content["offset"] + content["scale"] * found[known]
    assert abs(numbers - part[known]).max() < 1e-4
    bench.page.evaluate(
        """([content, text]) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          model.fire("msg:custom", content, [new DataView(bytes.buffer)]); }""",
        [content, base64.b64encode(codes).decode()],
    )
    bench.settle()
    # Single pixels in their own colors, where the overview has the mean of four.
    for r, c in ((1240, 1241), (1241, 1241), (1243, 1246)):
        wanted = expected_color(values[r, c], (0.0, 1.0))
        assert np.allclose(bench.color(c * PIXEL, r * PIXEL)[:3], wanted[:3], atol=3)
    malformed = ({"extent": None}, {"extent": [1, 2]}, {"extent": ["a"] * 4}, {"extent": [9e9] * 4})
    for broken in malformed:
        view._receive(view, {"type": "map_window", **broken}, [])
    assert len(sent) == 1


def test_areas_with_holes_are_drawn_selected_and_moved(bench):
    def ring(a, b):
        return (a, a), (b, a), (b, b), (a, b)

    area = ROI("area", Area((ring(1.0, 4.0), ring(2.0, 3.0))), "#ff00ff").to_dict()
    bench.view.rois = [area]
    bench.push("rois")
    assert bench.color(1.0, 2.5)[0] > 180
    bench.page.mouse.click(*bench.at(2.5, 2.5))  # in the hole
    assert bench.sent() == []
    bench.page.mouse.click(*bench.at(1.5, 1.5))
    assert [m["name"] for m in bench.sent()] == ["area"]
    bench.drag((1.5, 1.5), (2.5, 1.7))
    edit = bench.sent("live")[-1]
    assert edit["kind"] == "edit"
    moved = np.array(edit["shape"]["rings"]) - np.array(area["rings"])
    assert np.allclose(moved, [1.0, 0.2], atol=0.05)


def test_messages_of_the_browser_are_those_that_python_understands(bench, view):
    events = []
    view.on_event(events.append)
    bench.use("rectangle")
    bench.drag((1.0, 1.0), (2.0, 2.0))
    bench.use("point")
    bench.page.mouse.click(*bench.at(3.0, 3.0))
    for message in bench.sent():
        view._handle_custom_msg(message, [])
    assert view.error == ""
    assert [e.kind for e in events if e.kind != "live"] == ["tool", "draw", "tool", "point"]
    assert view.tool == "point"
    assert view.point == pytest.approx([3.0, 3.0], abs=0.02)


def test_a_megapixel_map_is_recolored_once_for_all_that_changes_within_a_frame(chromium_page):
    """How long that takes is measured by `make bench`; here it is that nothing is done twice."""
    rng = np.random.default_rng(0)
    values = xr.DataArray(rng.random((1024, 1024), np.float32), dims=("y", "x"))
    bench = Bench(chromium_page, MapView(values))
    painted = bench.page.evaluate(
        """async () => {
          const frame = () => new Promise((r) => requestAnimationFrame(r));
          const put = CanvasRenderingContext2D.prototype.putImageData;
          let pixels = 0;
          CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
            pixels += image.width * image.height;
            return put.call(this, image, ...rest);
          };
          const found = [];
          for (let i = 1; i <= 5; i += 1) {
            await frame();
            const before = painted();
            pixels = 0;
            for (let k = 0; k < 4; k += 1) model.deliver({ clim: [0.01 * k, 0.5 + 0.01 * i] }, {});
            while (painted() === before) await frame();
            await frame();
            found.push([painted() - before, pixels]);
          }
          return found;
        }"""
    )
    assert painted == [[1, 1024**2]] * 5


def test_screenshots_for_the_eye(chromium_browser, artifacts):
    """Light and dark, with regions: kept as artefacts to be looked at."""
    context = chromium_browser.new_context(
        viewport={"width": 820, "height": 600}, device_scale_factor=2
    )
    page = context.new_page()
    view = MapView(particle_map(), clim=(0, 1))
    view.rois, view.selected = three_regions(), "ROI 2"
    bench = Bench(page, view)
    page.screenshot(path=artifacts / "map_light.png")
    page.evaluate(
        "(t) => Object.entries(t).forEach(([k, v]) => document.body.style.setProperty(k, v))", DARK
    )
    page.wait_for_timeout(400)
    page.screenshot(path=artifacts / "map_dark.png")
    width = page.evaluate("() => document.querySelector('canvas').width")
    css = page.evaluate("() => document.querySelector('canvas').clientWidth")
    assert width == 2 * css  # sharp on a dense screen
    with page.expect_download() as download:
        bench.use("picture")
    target = artifacts / "map_picture.png"
    download.value.save_as(target)
    assert target.stat().st_size > 10_000
    context.close()
