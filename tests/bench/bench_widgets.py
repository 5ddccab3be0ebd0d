"""Latency of the explorer in a real JupyterLab with headless Chromium.

``python tests/bench/bench_widgets.py [--sizes 1024] [--only first drag] [--out page.md]``; one
part at one size takes less than a minute.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT)]

from harness import Row  # noqa: E402
from lab_page import LabPage  # noqa: E402
from lab_server import Lab, lab_and_browser  # noqa: E402

DRAGS = 12

SETUP = """
import numpy as np
from socwidgets.analysis.fit import fit_map, warm_up
from socwidgets.analysis.calibration import soc_map
from socwidgets.model.roi import *
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.widgets.explorer import explore
n, count = {size}, {energies}
ev = np.linspace(700.0, 730.0, count)
peak = lambda c: 0.3 / (1 + np.exp(708.0 - ev)) + np.exp(-(((ev - c) / 1.5) ** 2))
references = make_references({{"LFP": (ev, peak(708.0)), "FP": (ev, peak(710.5))}})
yy, xx = np.mgrid[:n, :n] / n
soc = np.clip(0.5 + 0.5 * np.sin(9 * xx) * np.cos(7 * yy), 0, 1).astype(np.float32)
rng = np.random.default_rng(0)
signal = np.empty((count, n, n), np.float32)
for i, (low, high) in enumerate(references.values.T.astype(np.float32)):
    rng.standard_normal(out=signal[i], dtype=np.float32)
    signal[i] *= np.float32(0.02)
    signal[i] += low + (high - low) * soc
signal[:, (np.sin(23 * xx) * np.sin(19 * yy)) > 0.8] = np.nan
stack = make_stack(signal, ev, quantity="optical_density", pixel_um=0.02)
del signal
warm_up()
maps = soc_map(fit_map(stack, "lcf", references=references))
"""

CELL = "explorer = explore(stack, maps, references)\nsession = explorer.session\nexplorer"

#: Times of pointerup, of each change of a drawn path, and of each repaint of the map.
WATCH = """() => {
  const log = (window.bench = { up: [], lines: [], all: [], map: [], shape: {} });
  const figure = document.querySelector('.socwidgets-spectrum');
  new MutationObserver((changes) => {
    const now = performance.now();
    log.all.push(now);
    for (const { target } of changes) {
      if (!target.classList?.contains('line')) continue;
      log.lines.push(now);
      const { stroke } = getComputedStyle(target), d = target.getAttribute('d');
      if (log.shape[stroke]?.d !== d) log.shape[stroke] = { d, now };
    }
  }).observe(figure, {subtree: true, attributes: true, attributeFilter: ['d'],
                      childList: true, characterData: true});
  const map = document.querySelector('.socw-map');
  new MutationObserver(() => log.map.push(performance.now())).observe(
    map, {attributes: true, attributeFilter: ['data-painted']});
  window.addEventListener('pointerup', () => log.up.push(performance.now()), true);
}"""


FORGET = """() => { const log = window.bench; log.shape = {};
  for (const list of [log.up, log.lines, log.all, log.map]) list.length = 0; }"""

#: Color of the first region's line, as the browser says it.
FIRST_COLOR = "rgb(213, 94, 0)"


@dataclass
class Wire:
    """Bytes that came over the page's web sockets."""

    received: int = 0

    def listen(self, page: Any) -> None:
        """Count from now on."""

        def opened(socket: Any) -> None:
            socket.on("framereceived", self._add)

        page.on("websocket", opened)

    def _add(self, payload: Any) -> None:
        self.received += len(payload)


class Bench(LabPage):
    """A notebook whose one cell shows an explorer of a large stack."""

    def __init__(self, lab: Lab, browser: Any, size: int, energies: int) -> None:
        name = f"bench-{size}.ipynb"
        lab.write_notebook(name, CELL)
        self.wire = Wire()
        self.size, self.energies = size, energies
        self.what = f"{size} x {size} x {energies}"
        super().__init__(lab, browser, name)
        self.connect()
        self.tell(SETUP.format(size=size, energies=energies), timeout=240)

    def open_page(self) -> Any:
        """Listen to the sockets before the first one opens."""
        page = super().open_page()
        self.wire.listen(page)
        return page

    def row(self, name: str, times: list[float], limits: dict[int, float] | None = None) -> Row:
        """Line of the table about some times in ms; the median must be below the size's limit."""
        limit = (limits or {}).get(self.size)
        good = None if limit is None else statistics.median(times) < limit
        target = "" if limit is None else f"< {limit:.0f} ms"
        return Row(f"{name}, {self.what}", numbers(times), target=target, good=good)

    def bytes_row(self, wire: int, limit: int) -> Row:
        """Line about bytes; a limit of 0 is none."""
        text = f"{wire / 1e6:.2f} MB" if wire > 1e5 else f"{wire / 1e3:.1f} kB"
        target = f"< {limit / 1e6:.1f} MB" if limit > 1e5 else f"< {limit / 1e3:.0f} kB"
        return Row(f"bytes of it, {self.what}", text, target=target if limit else "",
                   good=wire < limit if limit else None)  # fmt: skip

    # -- what is measured ----------------------------------------------------------------------

    def first_map(self) -> float:
        """Milliseconds from the run command to the map on the screen."""
        self.page.evaluate(
            """() => { window.shown = 0; const t0 = performance.now();
            const look = () => {
              const c = document.querySelector('.socw-map canvas');
              const seen = () => (window.shown = performance.now() - t0);
              requestAnimationFrame(c?.dataset.port ? seen : look); };
            void window.jupyterapp.commands.execute('notebook:run-all-cells'); look(); }"""
        )
        self.page.wait_for_function("window.shown > 0", timeout=60_000)
        took = float(self.page.evaluate("window.shown"))
        self.page.wait_for_selector(".socwidgets-spectrum [class*=line]", state="attached")
        self.settle()
        self.page.evaluate(WATCH)
        return took

    def load_again(self) -> tuple[float, int]:
        """Save and reload the page; milliseconds to the map, and bytes from the kernel."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        self.settle(1500)
        before = self.wire.received
        self.page.goto(f"{self.lab.url}/lab/tree/{self.name}?reset")
        start = float(self.page.evaluate("performance.now()"))
        self.page.wait_for_selector(".socw-map canvas[data-port]", timeout=60_000)
        took = float(self.page.evaluate("performance.now()")) - start
        self.page.wait_for_selector(".socwidgets-spectrum [class*=line]", state="attached")
        self.settle(2500)
        return took, self.wire.received - before

    def settle(self, ms: int = 900) -> None:
        """Wait until everything has been drawn."""
        self.page.wait_for_timeout(ms)

    def reset(self) -> None:
        """Forget the regions, then the times."""
        self.tell("session.clear_rois(); session.clear_brush()")
        self.settle()
        self.page.evaluate(FORGET)

    def log(self) -> dict[str, Any]:
        """Times since `reset`."""
        return dict(self.page.evaluate("window.bench"))

    def drags(self, count: int = DRAGS) -> tuple[list[float], list[float]]:
        """From the end of a drag to the final mean spectrum, and to the last change of the view."""
        self.tool("lasso")
        extent = self.size * 0.02
        first, last = [], []
        for i in range(count):
            self.reset()
            self.lasso(extent * (0.3 + 0.02 * (i % 10)), extent * 0.5, extent * 0.22)
            self.settle()
            log = self.log()
            first.append(log["shape"][FIRST_COLOR]["now"] - log["up"][-1])
            last.append(max(t - log["up"][-1] for t in log["all"] if t > log["up"][-1]))
        return first, last

    def lasso(self, x: float, y: float, radius: float, pause_ms: int = 12) -> None:
        """Draw a circle by hand, at the pace of a hand."""
        import math

        ring = [
            self.at(x + radius * math.cos(a), y + radius * math.sin(a))
            for a in (i * 2 * math.pi / 40 for i in range(34))
        ]
        self.page.mouse.move(*ring[0])
        self.page.mouse.down()
        for place in ring[1:]:
            self.page.mouse.move(*place)
            self.page.wait_for_timeout(pause_ms)
        # The last move and the release come together: no live message shows the shape before.
        self.page.mouse.move(*self.at(x + 1.2 * radius, y - 0.6 * radius))
        self.page.mouse.up()

    def updates_per_second(self) -> float:
        """Different mean spectra per second while a rectangle is moved."""
        extent = self.size * 0.02
        self.tell(
            f"session.clear_rois(); session.add_roi(Rectangle({0.1 * extent}, {0.1 * extent},"
            f" {0.4 * extent}, {0.5 * extent}))"
        )
        self.tool("pan")
        self.settle()
        mouse = self.page.mouse
        mouse.move(*self.at(0.25 * extent, 0.3 * extent))
        mouse.down()
        self.page.evaluate(FORGET)
        start = float(self.page.evaluate("performance.now()"))
        for i in range(150):
            mouse.move(*self.at((0.25 + 0.003 * i) * extent, (0.3 + 0.002 * i) * extent))
            self.page.wait_for_timeout(10)
        end = float(self.page.evaluate("performance.now()"))
        log = self.log()
        mouse.up()
        return rate(log["lines"], start, end)

    def thresholds_per_second(self) -> tuple[float, float]:
        """Repaints of the map and mean spectra per second while an end of the range is dragged."""
        self.tell("session.clear_rois(); session.clear_brush(); session.select_map('soc')")
        self.tool("threshold")
        self.settle()
        handle = self.page.locator(".socwidgets-threshold .socw-handle").first
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 20, y)
        self.settle(500)
        self.page.evaluate(FORGET)
        start = float(self.page.evaluate("performance.now()"))
        for i in range(150):
            mouse.move(x + 20 + 1.2 * i, y)
            self.page.wait_for_timeout(10)
        end = float(self.page.evaluate("performance.now()"))
        log = self.log()
        mouse.up()
        self.settle()
        self.tool("pan")
        return rate(log["map"], start, end), rate(log["lines"], start, end)

    def map_after(self, code: str, count: int = 9) -> tuple[list[float], int]:
        """Milliseconds from a change in the kernel to the repainted map, and bytes of one."""
        took, size = [], 0
        for i in range(count):
            self.reset()
            before = self.wire.received
            self.page.evaluate("window.bench.map.length = 0")
            line = code.format(i=i, a=0.02 + 0.01 * i)
            self.tell(f"import time; sent = time.time(); {line}")
            self.settle(700)
            log, origin = self.log(), float(self.page.evaluate("performance.timeOrigin"))
            sent = 1000 * float(self.ask("sent"))
            times = [t + origin - sent for t in log["map"] if t + origin >= sent]
            took.append(max(times))
            size = self.wire.received - before
        return took, size


def rate(times: list[float], start: float, end: float) -> float:
    """Updates per second: changes of one come within a few milliseconds of each other."""
    known = sorted(t for t in times if start <= t < end)
    bursts = sum(1 for a, b in zip([-1e9, *known], known, strict=False) if b - a > 25)
    return 1000 * bursts / (end - start)


def numbers(times: list[float]) -> str:
    """Median and 95th percentile."""
    if len(times) == 1:
        return f"{times[0]:.0f} ms"
    ordered = sorted(times)
    top = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return f"{statistics.median(times):.0f} ms, p95 {top:.0f} ms"


def rows(sizes: tuple[int, ...] = (512, 1024, 2048), only: tuple[str, ...] = ()) -> Iterator[Row]:
    """Every target, at every size; of some parts only if they are named."""
    with lab_and_browser() as (lab, browser):
        for size in sizes:
            page = Bench(lab, browser, size, 60 if size <= 512 else 100)
            # Every other part needs the map, too.
            yield from first_rows(page)
            for part in only or tuple(PARTS):
                if part != "first":
                    yield from PARTS[part](page)
            page.end()


def first_rows(page: Bench) -> Iterator[Row]:
    """From the run of the cell to the map."""
    yield page.row("run of the cell to the map on the screen", [page.first_map()],
                   {1024: 800, 2048: 1500})  # fmt: skip


def drag_rows(page: Bench) -> Iterator[Row]:
    """From the end of a drag to the spectrum."""
    spectra, last = page.drags()
    yield page.row("end of a lasso drag to the new mean spectrum", spectra, {1024: 80, 2048: 120})
    yield page.row("the same, to the last change of the view (fit, residual, axes)", last)


def live_rows(page: Bench) -> Iterator[Row]:
    """Updates during a drag."""
    yield per_second(page, "updates while a region is moved", page.updates_per_second())


def threshold_rows(page: Bench) -> Iterator[Row]:
    """The region of a range of values, while an end of the range is dragged."""
    maps, spectra = page.thresholds_per_second()
    yield per_second(page, "repaints of the map while a threshold is dragged", maps)
    yield per_second(page, "mean spectra while a threshold is dragged", spectra)


def per_second(page: Bench, name: str, found: float) -> Row:
    """A row of updates per second; ten are wanted of the small stack."""
    small = page.size == 512
    return Row(f"{name}, {page.what}", f"{found:.1f} /s", target="≥ 10 /s" if small else "",
               good=found >= 10 if small else None)  # fmt: skip


def brush_rows(page: Bench) -> Iterator[Row]:
    """A range of values to the map."""
    times, _ = page.map_after("session.brush({a}, 0.6)")
    yield page.row("a brushed range to the repainted map", times, {1024: 130})


def color_rows(page: Bench) -> Iterator[Row]:
    """New limits to the map."""
    times, wire = page.map_after("session.set_limits({a}, 0.9)")
    yield page.row("new limits to the recolored map", times, {512: 50, 1024: 50, 2048: 50})
    yield page.bytes_row(wire, 10_000)


def map_rows(page: Bench) -> Iterator[Row]:
    """Another map."""
    times, wire = page.map_after("session.select_map(['soc', 'soc_std'][{i} % 2 - 1])", 4)
    yield page.row("another map to the screen", times)
    yield page.bytes_row(wire, 2_200_000 if page.size == 1024 else 0)


def reload_rows(page: Bench) -> Iterator[Row]:
    """The page once more, with the kernel still running: what comes over the wire."""
    page.tell("session.clear_rois(); session.clear_brush()")
    state = page.ask(ARRAYS)
    took, wire = page.load_again()
    yield page.row("page loaded again, to the map on the screen", [took])
    yield Row(f"bytes of it, {page.what}", f"{wire / 1e6:.2f} MB; arrays {state / 1e6:.2f} MB",
              target="each array once", good=wire < 1.2 * state + 500_000)  # fmt: skip


#: Bytes of the arrays that all living widgets hold.
ARRAYS = (
    "sum(len(v) for w in __import__('ipywidgets').widgets.widget._instances.values()"
    " for v in w.get_state().values() if isinstance(v, (bytes, memoryview)))"
)
PARTS = {
    "first": first_rows, "drag": drag_rows, "live": live_rows, "threshold": threshold_rows,
    "brush": brush_rows,
    "color": color_rows, "map": map_rows, "reload": reload_rows,
}  # fmt: skip


def main() -> None:
    """Run, print, and write the page if it is asked for."""
    from run import line, machine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=(), metavar="PART",
                        help=f"parts to run: {', '.join(PARTS)}")  # fmt: skip
    parser.add_argument("--out", type=Path, help="page to write; nothing is written without it")
    options = parser.parse_args()
    described = machine()
    found = []
    for row in rows(tuple(options.sizes), tuple(options.only)):
        print(line(row), flush=True)
        found.append(row)
    if options.out is None:
        return
    text = PAGE.format(
        machine="\n".join(f"* {k}: {v}" for k, v in described.items() if k != "Versions"),
        load=f"{os.getloadavg()[0]:.1f}",
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        table="\n".join(
            f"| {r.name} | {r.ours} | {r.target} | "
            f"{'' if r.good is None else 'yes' if r.good else '**no**'} |"
            for r in found
        ),
    )
    options.out.write_text(text, encoding="utf-8")


PAGE = """# How fast the explorer answers

Measured by `python tests/bench/bench_widgets.py --out docs/widget_performance.md` in a real
JupyterLab with a headless Chromium on the same machine; all drawing by the processor, without a
graphics card.

{machine}
* Load at the end: {load}

| what | measured | target | reached |
|---|---|---|---|
{table}

A drag ends with the release of the mouse button; its spectrum is there when the line of the mean
has its final shape on the page. Times of the map run from the change in the kernel to the repaint.
Data, imports and compiled code are there before the cell runs.
"""

if __name__ == "__main__":
    main()
