"""Views that stand alone: made from xarray objects or from a session that others show, too."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
import xarray as xr

from socwidgets.session import Session
from socwidgets.widgets.cell import after_cell, current_cell, show_still
from socwidgets.widgets.key_guard import KeyGuard
from socwidgets.widgets.safe import ErrorBar, close_tree
from socwidgets.widgets.sources import Source, as_session, in_pixels
from socwidgets.widgets.view import View

logger = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent
ROOT_CLASS = "socwidgets-explorer"
_IN_PIXELS = (
    '<div class="socwidgets-hint" role="note">The maps have no coordinates: positions and lengths '
    "are counted in pixels, also where µm is written. <code>maps.assign_coords(y=..., x=...)"
    "</code> with the pixel centers in µm gives them.</div>"
)


def style_sheet() -> ipywidgets.HTML:
    """Invisible element with the style of all views."""
    css = "\n".join(
        (_FOLDER / name).read_text(encoding="utf-8") for name in ("explorer.css", "views.css")
    )
    return ipywidgets.HTML(f"<style>{css}</style>", layout={"display": "none"})


class DataView(View):
    """A view with its own frame: style, keys kept from the notebook, errors, title.

    Parameters
    ----------
    source : Session, Dataset or DataArray
        See `as_session`. A session stays its owner's; one made here is closed with the view.
    labels : DataArray, optional
        ``(y, x)`` integer, particles.
    framed : bool
        Whether the view brings its frame; an arrangement of views has one for all.
    owned : bool, optional
        Whether the session is closed with the view, where a subclass has made it.
    """

    title = ""

    def __init__(
        self, source: Source, labels: xr.DataArray | None = None, *, framed: bool = True,
        owned: bool | None = None,
    ) -> None:  # fmt: skip
        self._owned = not isinstance(source, Session) if owned is None else owned
        self._framed = framed
        self._hidden = False
        self._missed: dict[Callable[[], None], None] = {}
        super().__init__(as_session(source, labels), layout={"min_width": "0"})
        self.add_class("socwidgets-view")
        if framed:
            self.add_class(ROOT_CLASS)

    def follow(self, refresh: Callable[[], None], *fields: str) -> None:
        """As for `View`; a hidden view catches up when it is shown."""

        def unless_hidden() -> None:
            if self._hidden:
                self._missed[refresh] = None
            else:
                refresh()

        super().follow(unless_hidden, *fields)

    def hide(self) -> None:
        """Stop following until `show`: what nobody sees costs nothing."""
        with self._refreshing:
            self._hidden = True

    def show(self) -> None:
        """Follow again, and catch up."""
        with self._refreshing, self.quiet:
            self._hidden = False
            while self._missed:
                missed = next(iter(self._missed))
                del self._missed[missed]
                self.guard(missed)()

    def arrange(self, children: Sequence[ipywidgets.Widget]) -> None:
        """Put the content into the frame; called once by a subclass."""
        if not self._framed:
            self.children = tuple(children)
            return
        bar = ErrorBar(on_dismiss=self.session.clear_error)
        chrome: list[ipywidgets.Widget] = [style_sheet(), KeyGuard(), bar]
        if self.title:
            chrome.append(heading(self.title))
        if self._owned and in_pixels(self.session):
            chrome.append(ipywidgets.HTML(_IN_PIXELS))
        self.children = (*chrome, *children)
        show = self.guard(lambda _f: bar.show(self.session.state.error))
        self._stops.append(self.session.observe(show, "error"))
        show(None)

    def static(self) -> dict[str, str]:
        """Static content by mime type, for places where no widget runs; of the first plot here."""
        figure = getattr(self, "figure", None)
        if figure is None:
            return {}
        from socwidgets.widgets.static_plot import plot_png

        return {"image/png": base64.b64encode(plot_png(figure, self.title)).decode()}

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Widget view, and static content for GitHub, print and the like."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if not isinstance(bundle, dict):
            return bundle
        try:
            still = self.static()
            png = still.get("image/png", "")
            if png and current_cell()[0]:
                words = f"{self.title or type(self).__name__}, as it was shown"
                after_cell(lambda: show_still(base64.b64decode(png), words))
            else:
                bundle.update(still)
        except Exception:
            # The picture is an extra; the widget must appear in any case.
            logger.exception("the static content of a view could not be made")
        return bundle

    def close(self) -> None:
        """Forget the session and close every model of the view."""
        if "_stops" not in self.__dict__:  # refused by the constructor, and now collected
            return
        self.stop_following()
        if self._owned:
            self.session.close()
        close_tree(self)


def unchanged(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    """Whether two tuples hold the same: arrays are compared by identity, plain values by value."""
    plain = (str, int, float, bool, tuple, type(None))
    return len(old) == len(new) and all(
        a is b or (isinstance(a, plain) and isinstance(b, plain) and a == b)
        for a, b in zip(old, new, strict=True)
    )


def heading(text: str) -> ipywidgets.HTML:
    """Title of a view."""
    return ipywidgets.HTML(f'<div class="socwidgets-title" role="heading">{text}</div>')


def row(*children: ipywidgets.Widget, **layout: Any) -> ipywidgets.HBox:
    """Controls side by side; they wrap on a small screen."""
    look = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px 8px", **layout}
    return ipywidgets.HBox(children, layout=look)
