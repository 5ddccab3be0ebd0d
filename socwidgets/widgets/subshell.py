"""Let a button be heard while a cell keeps the kernel's main thread busy."""

from __future__ import annotations

import ipywidgets


def answer_beside_cells(widget: ipywidgets.Widget) -> None:
    """Handle this widget's messages on the kernel subshell that the front end asks for.

    JupyterLab sends comm messages to a subshell, a thread of its own, but ipykernel >= 7.4 sends
    every comm that was last used from a cell back to the main thread, where a click waits for the
    cell to end. That is right for most widgets and wrong for a cancel button. This asks the
    kernel to keep the front end's choice for this one comm. Where the kernel knows no such
    routing (other kernels, other versions, no kernel at all) nothing changes.

    Parameters
    ----------
    widget : ipywidgets.Widget
        Its callbacks must be safe in any thread.
    """
    if widget.comm is not None:
        widget.comm._reply_subshell_for = lambda data, default: default
