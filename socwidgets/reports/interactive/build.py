"""The page around the payload: one inline script, whose hash is all that its policy allows."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib import resources
from typing import Any

HEIGHT_PX = 600


@cache
def _asset(name: str) -> str:
    folder = resources.files("socwidgets.reports.interactive")
    return (folder / name).read_text(encoding="utf-8")


def script_hash() -> str:
    """Hash of the script for a content security policy: ``sha256-...``."""
    digest = hashlib.sha256(_asset("map.js").encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def page_html(data: dict[str, Any]) -> str:
    """A complete page that shows `data` (see `payload`) and can fetch nothing from anywhere."""
    # "<" would let text of a user end the element that holds the data.
    text = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    return (
        _asset("map.html")
        .replace("@HASH@", script_hash())
        .replace("@STYLE@", _asset("map.css"))
        .replace("@SCRIPT@", _asset("map.js"))
        .replace("@DATA@", text)
    )


def frame_html(data: dict[str, Any], title: str) -> str:
    """The page in a frame that carries its own text and may run its script, nothing else."""
    page = escape(page_html(data), quote=True)
    return (
        f'<iframe class="interactive" title="{escape(title)}" sandbox="allow-scripts" '
        f'style="width:100%;height:{HEIGHT_PX}px;border:0" srcdoc="{page}"></iframe>'
    )
