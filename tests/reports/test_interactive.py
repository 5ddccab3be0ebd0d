"""The map without a kernel: its numbers are those of numpy, and it asks for nothing."""

import json

import numpy as np
import pytest
import xarray as xr
from patience import PATIENCE_S

from socwidgets.analysis.roi import roi_mask
from socwidgets.model.errors import DataError
from socwidgets.model.roi import Polygon
from socwidgets.model.stack import make_stack
from socwidgets.reports.interactive import frame_html, page_html, script_hash
from socwidgets.reports.interactive import payload as coding
from socwidgets.reports.interactive.payload import bin_mean, payload


@pytest.fixture
def scan(rng):
    """A stack of 40 x 60 pixels with a map on it; a corner has no value."""
    energies = np.linspace(700.0, 716.0, 12)
    signal = rng.uniform(0.1, 1.2, (12, 40, 60)).astype(np.float32)
    stack = make_stack(signal, energies, pixel_um=0.05, quantity="optical_density")
    values = rng.uniform(-0.1, 1.1, (40, 60))
    values[:6, :6] = np.nan
    attrs = {"long_name": "State of charge </script>", "kind": "soc", "units": "1"}
    soc = xr.DataArray(values, coords={"y": stack["y"], "x": stack["x"]}, dims=("y", "x"),
                       name="soc", attrs=attrs)  # fmt: skip
    return stack, soc


def test_codes_give_the_values_back(scan):
    stack, soc = scan
    data = payload(stack, [soc], soc.notnull())
    item = data["maps"][0]
    codes = np.frombuffer(__import__("base64").b64decode(item["codes"]), "<u2").reshape(40, 60)
    values = np.where(codes == 65535, np.nan, item["offset"] + item["scale"] * codes)
    np.testing.assert_allclose(values, soc, atol=item["scale"] * 0.51)
    assert json.dumps(data, allow_nan=False)


def test_large_maps_and_cubes_are_binned_to_their_mean(scan, monkeypatch):
    stack, soc = scan
    monkeypatch.setattr(coding, "MAX_SIDE", 20)
    monkeypatch.setattr(coding, "MAX_CUBE_BYTES", 12 * 14 * 20 * 2)
    data = payload(stack, [soc], soc.notnull())
    assert data["maps"][0]["shape"] == [14, 20]
    assert data["cube"]["step"] == 3
    assert data["cube"]["shape"] == [12, 14, 20]
    small = bin_mean(soc.values, 3)
    assert np.isnan(small[0, 0])
    assert small[5, 5] == pytest.approx(np.nanmean(soc.values[15:18, 15:18]))
    assert small[13, 0] == pytest.approx(np.nanmean(soc.values[39:42, :3]))  # a cut block


def test_chosen_color_limits_belong_to_the_first_map(scan):
    stack, soc = scan
    maps = [soc, soc.rename("other")]
    usual = payload(stack, maps)["maps"]
    chosen = payload(stack, maps, limits=(0.1, 0.9))["maps"]
    assert chosen[0]["limits"] == [0.1, 0.9] != usual[0]["limits"]
    assert [m["limits"] for m in chosen[1:]] == [m["limits"] for m in usual[1:]]


def test_maps_of_another_stack_are_refused(scan):
    stack, soc = scan
    with pytest.raises(DataError, match="not of this stack"):
        payload(stack, [soc[:-1]])
    with pytest.raises(DataError, match="not of this stack"):
        payload(stack, [])


def test_text_of_a_user_cannot_leave_its_place(scan):
    stack, soc = scan
    page = page_html(payload(stack, [soc]))
    assert page.count("</script>") == 2
    assert "http" not in page.replace("http-equiv", "")
    assert f"script-src '{script_hash()}'" in page
    assert '"' not in frame_html(payload(stack, [soc]), "t").split('srcdoc="')[1][:-11]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_lasso_hover_and_brush_in_a_browser(scan, chromium_browser, artifacts, tmp_path, width):
    stack, soc = scan
    data = payload(stack, [soc, soc.rename("soc_std")], soc.notnull())
    # As in a report: the frame takes over the policy of the page around it.
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src '{script_hash()}'"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    (tmp_path / "page.html").write_text(
        f"<!DOCTYPE html>{meta}{frame_html(data, 'A map')}", encoding="utf-8"
    )
    page = chromium_browser.new_page(viewport={"width": width, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE_S)
    try:
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / "page.html").as_uri())
        frame = page.frames[1]
        frame.wait_for_selector("#app:not([hidden])")
        assert not frame.is_visible("#dead")
        box = frame.locator("#map").bounding_box()
        points = [(0.3, 0.2), (0.8, 0.35), (0.5, 0.9)]
        places = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in [*places[1:], places[0]]:
            page.mouse.move(*place)
        page.mouse.up()
        state = "(() => { const s = window.socwidgets.state; return {lasso: s.lasso, spectrum: "
        state += "Array.from(s.spectrum.values), count: s.spectrum.count, range: s.range}; })()"
        found = frame.evaluate(state)
        mask = roi_mask(Polygon(tuple(map(tuple, found["lasso"]))), soc) & soc.notnull()
        assert found["count"] == int(mask.sum())
        wanted = stack["signal"].where(mask).mean(("y", "x"))
        np.testing.assert_allclose(found["spectrum"], wanted, atol=1e-4)
        inside = soc.values[mask.values]
        assert f"mean {inside.mean():.3f}" in frame.inner_text("#selection")
        page.mouse.move(*places[0])
        assert "State of charge" in frame.inner_text("#hover")
        page.mouse.move(box["x"] + 3, box["y"] + 3)
        assert "no value" in frame.inner_text("#hover")
        bars = frame.locator("#histogram")
        bars.scroll_into_view_if_needed()
        box = bars.bounding_box()
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 40)
        page.mouse.up()
        low, high = frame.evaluate(state)["range"]
        share = 100 * float(((soc >= low) & (soc <= high)).sum() / soc.notnull().sum())
        assert f"{share:.1f} % of pixels" in frame.inner_text("#share")
        assert frame.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert [url for url in asked[1:] if url != "about:srcdoc"] == []
        assert said == []
        page.screenshot(path=artifacts / f"interactive_{width}.png", full_page=True)
    finally:
        page.close()
