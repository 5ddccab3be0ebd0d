"""Widgets with a module of their own that go on following the kernel on a slow page."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

_FOLDER = Path(__file__).parent


def module(*names: str) -> str:
    """Text of an ES module: its parts, files beside this one, after what all of them share."""
    parts = ("live_model.js", *names)
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in parts)


class LiveWidget(anywidget.AnyWidget):
    """Base of the widgets drawn by `module`, see ``live_model.js``."""

    #: Only ever changed and changed back in the browser.
    _seen = traitlets.Bool(False).tag(sync=True)
