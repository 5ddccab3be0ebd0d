"""A range slider that only speaks when a person moves it."""

from __future__ import annotations

from pathlib import Path

import traitlets

from socwidgets.widgets.live_model import LiveWidget, module

_FOLDER = Path(__file__).parent
#: Steps from one end to the other, by keyboard.
STEPS = 200


class RangeSlider(LiveWidget):
    """Two handles on one track, by mouse and by keyboard.

    The slider of ipywidgets answers every change made in the kernel with what it made of it (on a
    multiple of the step, within earlier ends), and the answer looks like a move of a person. It
    comes whenever the kernel or the network has time, so that limits ended up on the wrong map
    where a cell was busy. This one sends nothing by itself: a change of `value` that does not come
    from `show` is a person's.

    Attributes
    ----------
    min, max, step : float
        Ends, and what a key moves a handle by. Two handles are a step apart at least.
    value : (float, float)
        Both handles.
    description, tooltip : str
        Label, and what the slider does.
    name_width : str
        Width of the label (CSS).
    readout_format : str
        ``".3f"``, also ``e`` and ``g``; empty for no numbers beside the track.
    disabled : bool
        Whether it cannot be moved.
    """

    _esm = module("range_slider.js")
    _css = _FOLDER / "range_slider.css"

    min = traitlets.CFloat(0.0).tag(sync=True)
    max = traitlets.CFloat(1.0).tag(sync=True)
    step = traitlets.CFloat(1.0 / STEPS).tag(sync=True)
    value = traitlets.Tuple(
        traitlets.CFloat(), traitlets.CFloat(), default_value=(0.0, 1.0)
    ).tag(sync=True)  # fmt: skip
    description = traitlets.Unicode("").tag(sync=True)
    tooltip = traitlets.Unicode("", allow_none=True).tag(sync=True)
    name_width = traitlets.Unicode("auto").tag(sync=True)
    readout_format = traitlets.Unicode(".3f").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def show(self, least: float, most: float, chosen: tuple[float, float]) -> None:
        """Show a range between two ends, in one message; not more than the ends."""
        low, high = (min(max(float(value), least), most) for value in chosen)
        with self.hold_sync():
            self.min, self.max, self.step = least, most, (most - least) / STEPS or 0.01
            self.value = (low, high)

    @property
    def everything(self) -> bool:
        """Whether both handles are at the ends."""
        return self.value[0] <= self.min and self.value[1] >= self.max
