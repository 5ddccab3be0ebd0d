"""The notebook cell that is running: which one it is, and what is done when it is over."""

from __future__ import annotations

import base64
from collections.abc import Callable

#: Width in px that a picture is shown with; the style of the views hides pictures of this width
#: beside a living view.
STILL_WIDTH = 999


def current_cell() -> tuple[str, str]:
    """Id of the running cell and of this run of it; empty outside a notebook."""
    try:
        from IPython import get_ipython

        parent = get_ipython().get_parent()
        return str(parent["metadata"].get("cellId", "")), str(parent["header"]["msg_id"])
    except (ImportError, AttributeError, KeyError, TypeError):
        return "", ""


def after_cell(act: Callable[[], None]) -> None:
    """Call `act` once, in the main thread, when the running cell has shown its result."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        act()
        return

    def once() -> None:
        shell.events.unregister("post_execute", once)
        act()

    shell.events.register("post_execute", once)


def show_still(png: bytes, words: str) -> None:
    """Add a picture to the outputs of the cell: seen where its widget does not live.

    As an output of its own, because a program that can show widgets takes no other part of a
    widget's output, also when the kernel of the widget is gone.
    """
    from IPython.display import display

    if not png:
        return
    display(
        {"image/png": base64.b64encode(png).decode(), "text/plain": words},
        raw=True,
        metadata={"image/png": {"width": STILL_WIDTH, "alt": words}},
    )
