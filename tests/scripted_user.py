"""A user who does anything at random: drags, brushes, deletes, fits, cancels, changes of mind."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import small_stack
import xarray as xr
from patience import PATIENCE_S

from socwidgets.jobs import JobState
from socwidgets.model.errors import SocwidgetsError
from socwidgets.model.roi import Ellipse, Polygon, Rectangle
from socwidgets.session import Session
from socwidgets.session.fits import FIT
from socwidgets.widgets.explorer import Explorer

WIDTH_UM, HEIGHT_UM = 128 * small_stack.PIXEL_UM, 96 * small_stack.PIXEL_UM


class ErrorLog(logging.Handler):
    """Keeps what the package logs as an error, except for input that it refuses."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # What the package refuses with its own words (an empty window, say) is no failure.
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, SocwidgetsError):
            self.texts.append(self.format(record))


class User:
    """Acts on one explorer, from the main thread and from a second one at the same time.

    Parameters
    ----------
    seed : int
        Of the choice of actions.
    """

    def __init__(self, seed: int) -> None:
        stack = small_stack.stack(96, 128)
        labels = np.zeros((96, 128), np.int32)
        labels[20:50, 10:40], labels[40:80, 70:110] = 1, 2
        self.app = Explorer(
            Session(
                stack, small_stack.maps(stack), small_stack.references(),
                labels=xr.DataArray(labels, dims=("y", "x")),
            )
        )  # fmt: skip
        self.session = self.app.session
        self.map = self.app.map_view.map
        self.random = random.Random(seed)
        self.done: list[str] = []
        self.log = ErrorLog()
        logging.getLogger("socwidgets").addHandler(self.log)

    def close(self) -> None:
        """Leave."""
        for job in (self.session.jobs.latest(name) for name in (FIT, "preview", "index")):
            if job is not None:
                assert job.wait(PATIENCE_S)
        self.app.close()
        logging.getLogger("socwidgets").removeHandler(self.log)

    # -- actions -------------------------------------------------------------------------------

    def _place(self) -> tuple[float, float]:
        return self.random.uniform(0, WIDTH_UM), self.random.uniform(0, HEIGHT_UM)

    def _shape(self) -> Any:
        (x, y), (u, v) = self._place(), self._place()
        kind = self.random.randrange(3)
        if kind == 0:
            return Rectangle(x, y, u + 0.01, v + 0.01)
        if kind == 1:
            return Ellipse(x, y, abs(u - x) + 0.01, abs(v - y) + 0.01)
        return Polygon((self._place(), self._place(), self._place(), self._place()))

    def _name(self) -> str:
        rois = self.session.state.rois
        # Now and then one that is gone, as a late click would say.
        return self.random.choice(rois).name if rois and self.random.random() < 0.95 else "gone"

    def _event(self, kind: str, **fields: Any) -> None:
        """A message of the browser."""
        self.map._receive(self.map, {"type": "map_event", "kind": kind, **fields}, [])

    def _shape_event(self, kind: str, **fields: Any) -> None:
        shape = {k: v for k, v in small_dict(self._shape()).items() if k not in ("name", "color")}
        self._event(kind, shape=shape, **fields)

    def _stroke(self) -> None:
        points = [list(self._place()) for _ in range(self.random.randint(1, 5))]
        self._event(
            "stroke", name=self.random.choice(["paint", "erase"]), points=points,
            radius=self.random.uniform(0.05, 0.6),
        )  # fmt: skip

    def _wand(self) -> None:
        x, y = self._place()
        mode = self.random.choice(["new", "add", "subtract", "intersect"])
        self._event("wand", x=x, y=y, tolerance=self.random.uniform(0.05, 0.5), mode=mode)

    def _brush(self) -> None:
        low = self.random.uniform(-0.2, 1.0)
        self.app.histogram._brushed(np.array([low, low + self.random.uniform(0, 0.5)]))

    def _handle(self) -> None:
        self.app.spectrum.handles._last = 0.0
        event = self.random.choice(["drag", "drag", "drag_end"])
        content = {
            "event": event, "index": self.random.randrange(2),
            "point": {"x": self.random.uniform(699.0, 726.0), "y": 0.97},
        }  # fmt: skip
        self.app.spectrum.handles.window._handle_custom_msgs(None, content)

    def actions(self) -> list[tuple[int, Callable[[], Any]]]:
        """What can be done, with how often."""
        app, r = self.app, self.random
        return [
            (10, lambda: self._shape_event("draw", mode=r.choice(["new", "new", "add"]))),
            (14, lambda: self._shape_event("live", name=r.choice(["", self._name()]))),
            (8, lambda: self._shape_event("edit", name=self._name())),
            (6, lambda: self._event("delete", name=self._name())),
            (6, lambda: self._event(r.choice(["undo", "redo"]))),
            (5, lambda: self._event("select", name=r.choice(["", self._name()]))),
            (6, lambda: self._event("point", **dict(zip("xy", self._place(), strict=True)))),
            (3, self._wand),
            (4, self._stroke),
            (6, self._brush),
            (3, app.histogram.make_roi.click),
            (2, app.histogram.clear.click),
            (4, lambda: setattr(app.controls.energy, "value", r.randrange(26))),
            (4, lambda: setattr(app.controls.mode, "value", r.choice(["Map", "Frame"]))),
            (4, lambda: self.session.select_map(r.choice(self.session.map_names))),
            (2, lambda: setattr(app.controls.overlay, "value", r.choice(["", "labels", "mask"]))),
            (2, lambda: setattr(app.controls.fade, "value", r.random() < 0.5)),
            (2, lambda: setattr(app.controls.mix, "value", r.random() < 0.5)),
            (2, app.controls.auto.click),
            (3, app.job_bar.fit.click),
            (3, app.job_bar.cancel.click),
            (3, self._handle),
            (1, app.rois.clear.click),
            (2, lambda: setattr(app.rois.more, "value", r.random() < 0.5)),
        ]

    def act(self, count: int) -> None:
        """Do so many things; a second thread does one in three, as a subshell of the kernel."""
        weighed = self.actions()
        weights = [w for w, _ in weighed]
        for _ in range(count):
            _, action = self.random.choices(weighed, weights)[0]
            if self.random.random() < 0.33:
                _, other = self.random.choices(weighed, weights)[0]
                thread = threading.Thread(target=other)
                thread.start()
                action()
                thread.join()
            else:
                action()
            self.done.append("")

    # -- what must hold ------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What is wrong now; nothing on a good day."""
        job = self.session.jobs.latest(FIT)
        if job is not None:
            assert job.wait(PATIENCE_S)
        self.session.end_preview()
        self.session.set_draft(None)
        state, found = self.session.state, list(self.log.texts)
        drawn = [roi["name"] for roi in self.map.rois]
        outlined = [r.name for r in state.rois if type(r.shape).__name__ != "Threshold"]
        if drawn != outlined:
            found.append(f"map draws {drawn}, the session has {outlined}")
        if [row.name.value for row in self.app.rois.rows] != [r.name for r in state.rois]:
            found.append("the list of regions is not that of the session")
        if set(self.app.spectrum._traces) != {r.name for r in state.rois}:
            found.append("the spectra are not those of the regions")
        if len(self.app.histogram._outlines) != len(state.rois):
            found.append("the histogram has other regions")
        failed = job is not None and job.state == JobState.FAILED
        if job is not None and failed and not isinstance(job.error, SocwidgetsError):
            found.append(f"fit failed: {job.error}")
        return found


def small_dict(shape: Any) -> dict[str, Any]:
    """JSON form of a shape."""
    from socwidgets.model.roi import ROI

    return ROI("x", shape).to_dict()
