"""Keeps keys that are pressed inside the explorer from reaching the notebook's shortcuts."""

from __future__ import annotations

import traitlets

from socwidgets.widgets.live_model import LiveWidget, module


class KeyGuard(LiveWidget):
    """Invisible; guards the nearest element around it that has the class `around`.

    With the focus on a button of a widget, JupyterLab in command mode takes ``b`` for "insert a
    cell" and ``d d`` for "delete the cell". Keys with Ctrl or Cmd, such as saving, still get
    through, except undo and redo.
    """

    _esm = module("key_guard.js")

    around = traitlets.Unicode("socwidgets-explorer").tag(sync=True)
