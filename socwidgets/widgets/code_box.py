"""Python text that a person can copy."""

from __future__ import annotations

from pathlib import Path

import traitlets

from socwidgets.widgets.live_model import LiveWidget, module

_FOLDER = Path(__file__).parent


class CodeBox(LiveWidget):
    """A block of code with a button that copies it.

    Attributes
    ----------
    value : str
        The text.
    """

    _esm = module("code_box.js")
    _css = _FOLDER / "code_box.css"

    value = traitlets.Unicode("").tag(sync=True)
