"""A headless Chromium for the tests: found in one place, skipped with a reason where absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S

#: The plain executable first: Debian's wrapper adds flags that slow the software rasterizer down.
_CANDIDATES = (
    "/usr/lib/chromium/chromium",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome; `SOCWIDGETS_CHROMIUM` in the environment goes first."""
    for candidate in (os.environ.get("SOCWIDGETS_CHROMIUM", ""), *_CANDIDATES):
        path = candidate and shutil.which(candidate)
        if path:
            return path
    return None


#: Playwright runs once per thread: folders that import the fixture below share one browser.
_shared: dict[str, Any] = {"users": 0}


@pytest.fixture(scope="session")
def chromium_browser() -> Iterator[Any]:
    """One browser for the whole session."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    if not _shared["users"]:
        _shared["playwright"] = api.sync_playwright().start()
        _shared["browser"] = _shared["playwright"].chromium.launch(
            executable_path=executable, headless=True, args=CHROMIUM_ARGS, timeout=1000 * PATIENCE_S
        )
    _shared["users"] += 1
    yield _shared["browser"]
    _shared["users"] -= 1
    if not _shared["users"]:
        _shared["browser"].close()
        _shared["playwright"].stop()


@pytest.fixture
def chromium_page(chromium_browser) -> Iterator[Any]:
    """A fresh page; an uncaught error in it fails the test."""
    context = chromium_browser.new_context(viewport={"width": 1000, "height": 760})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(1000 * PATIENCE_S)
    yield page
    context.close()
    assert not errors, "\n".join(errors)


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Folder for screenshots, beside the tests and ignored by git."""
    folder = Path(__file__).parent.parent / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder


def map_places(page: Any, points: list[tuple[float, float]], index: int = 0) -> list[Any]:
    """Places on the page of points (x, y) in um of the map number `index`."""
    canvas = page.locator("canvas.socw-canvas").nth(index)
    box = canvas.bounding_box()
    left, top, width, height = map(float, canvas.get_attribute("data-port").split())
    x0, y0, x1, y1 = map(float, canvas.get_attribute("data-extent").split())
    return [
        (
            box["x"] + left + width * (x - x0) / (x1 - x0),
            box["y"] + top + height * (y - y0) / (y1 - y0),
        )
        for x, y in points
    ]


def on_map(page: Any, x: float, y: float, index: int = 0) -> tuple[float, float]:
    """Place on the page of the point (x, y) in um of the map number `index`."""
    return map_places(page, [(x, y)], index)[0]


def drag_on_map(page: Any, points: list[tuple[float, float]], index: int = 0) -> None:
    """Press at the first point (um), move through the others, release at the last."""
    places = map_places(page, points, index)
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=1 if len(places) > 10 else 4)
    page.mouse.up()
