"""Keeps keys that are pressed inside the explorer from reaching the notebook's shortcuts."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class KeyGuard(anywidget.AnyWidget):
    """Invisible; guards the nearest element around it that has the class `around`.

    With the focus on a button of a widget, JupyterLab in command mode takes ``b`` for "insert a
    cell" and ``d d`` for "delete the cell". Keys with Ctrl or Cmd, such as saving, still get
    through, except undo and redo.
    """

    _esm = Path(__file__).with_suffix(".js")

    around = traitlets.Unicode("socwidgets-explorer").tag(sync=True)
