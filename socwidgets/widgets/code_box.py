"""Python text that a person can copy."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

_FOLDER = Path(__file__).parent


class CodeBox(anywidget.AnyWidget):
    """A block of code with a button that copies it.

    Attributes
    ----------
    value : str
        The text.
    """

    _esm = _FOLDER / "code_box.js"
    _css = _FOLDER / "code_box.css"

    value = traitlets.Unicode("").tag(sync=True)
