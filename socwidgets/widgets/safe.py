"""The one wrapper for view callbacks, and the bar that shows what went wrong.

traitlets skips the remaining observers when one raises, and Jupyter sends the traceback of a
comm message to a log that nobody sees. So no view registers a bare callback: each goes through a
`Guard`, which shows the error in the widget and logs it.
"""

from __future__ import annotations

import functools
import html
import logging
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets

from socwidgets.model.errors import SocwidgetsError

logger = logging.getLogger(__name__)


class ErrorBar(ipywidgets.HBox):
    """One line in warning colors with a button to dismiss it; hidden while there is no error.

    Attributes
    ----------
    text : str
        The error that is shown, as plain text; empty for none.
    """

    def __init__(self, on_dismiss: Callable[[], None] | None = None) -> None:
        self.text = ""
        self._on_dismiss = on_dismiss
        self._words = ipywidgets.HTML(layout={"flex": "1 1 auto", "min_width": "0"})
        self._button = ipywidgets.Button(
            icon="times", tooltip="Dismiss this message", layout={"width": "36px"}
        )
        super().__init__([self._words, self._button], layout={"display": "none"})
        self.add_class("socwidgets-error")
        self._button.on_click(self._dismiss)

    def show(self, text: str) -> None:
        """Show an error; empty text hides the bar."""
        if text == self.text:
            return
        self.text = text
        # An alert region is read out when its content changes, so it lives in the content.
        lines = "<br>".join(html.escape(line) for line in text.splitlines())
        self._words.value = f'<div role="alert">{lines}</div>' if text else ""
        self.layout.display = "flex" if text else "none"

    def clear(self) -> None:
        """Hide the bar."""
        self.show("")

    def _dismiss(self, _button: Any) -> None:
        self.clear()
        if self._on_dismiss is not None:
            self._on_dismiss()


class Guard:
    """Wraps callbacks so that what they raise is shown and logged, never passed on.

    Parameters
    ----------
    show : callable
        ``show(text)``, for instance `ErrorBar.show`.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def __call__(self, callback: Callable[..., Any]) -> Callable[..., None]:
        """Return `callback`, guarded; its result is dropped."""

        @functools.wraps(callback)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                callback(*args, **kwargs)
            except Exception as error:
                self.report(error)

        return guarded

    def report(self, error: BaseException) -> None:
        """Show and log one error."""
        if isinstance(error, SocwidgetsError):
            # Said in the widget; a warning would be printed once more into a notebook's output.
            logger.info("refused: %s", error)
            text = str(error)
        else:
            logger.error("a view callback failed", exc_info=error)
            text = f"{type(error).__name__}: {error}"
        try:
            self._show(text)
        except Exception:
            logger.exception("an error could not be shown")


class Quiet:
    """Marks the time in which a view itself changes its controls, so that they do not answer.

    A mark belongs to the thread that set it: a person who moves a slider while another thread
    refreshes the view is still heard.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def __enter__(self) -> None:
        self._local.depth = getattr(self._local, "depth", 0) + 1

    def __exit__(self, *_exc: object) -> None:
        self._local.depth -= 1

    def __bool__(self) -> bool:
        return getattr(self._local, "depth", 0) > 0


def close_tree(root: ipywidgets.Widget) -> None:
    """Close a widget and every widget it refers to: children, marks, scales, layouts, styles.

    Only those that nothing else can use may hang on `root`; views of one explorer share nothing
    with others.
    """
    seen: set[ipywidgets.Widget] = set()
    waiting = [root]
    while waiting:
        widget = waiting.pop()
        if widget in seen:
            continue
        seen.add(widget)
        for name in widget.trait_names():
            if widget.trait_has_value(name):
                waiting.extend(_widgets_in(getattr(widget, name)))
    for widget in seen:
        if widget.comm is not None:
            # A subclass may override close() with more than its own model.
            ipywidgets.Widget.close(widget)


def _widgets_in(value: Any) -> list[ipywidgets.Widget]:
    if isinstance(value, ipywidgets.Widget):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in _widgets_in(item)]
    return []
