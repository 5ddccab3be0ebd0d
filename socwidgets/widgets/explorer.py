"""The explorer: map, spectrum and histogram of one stack, linked both ways."""

from __future__ import annotations

import base64
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets
import xarray as xr

from socwidgets.model.roi import ROI
from socwidgets.session import Session
from socwidgets.widgets.card_view import CardView
from socwidgets.widgets.cell import after_cell, current_cell, show_still
from socwidgets.widgets.controls import MapControls
from socwidgets.widgets.histogram_view import HistogramView
from socwidgets.widgets.job_bar import JobBar
from socwidgets.widgets.key_guard import KeyGuard
from socwidgets.widgets.map_link import LinkedMap
from socwidgets.widgets.roi_panel import RoiPanel
from socwidgets.widgets.safe import ErrorBar, Guard, close_tree
from socwidgets.widgets.sources import opened
from socwidgets.widgets.spectrum_view import SpectrumView

logger = logging.getLogger(__name__)

#: Height of the controls above the map on a wide screen.
_CONTROLS_PX = "102px"
_CSS = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


class _Parts(NamedTuple):
    """The views of an explorer beside its map."""

    spectrum: SpectrumView
    controls: MapControls
    histogram: HistogramView
    rois: RoiPanel
    job_bar: JobBar


class Explorer(ipywidgets.VBox):
    """Map on the left, spectrum and histogram on the right, controls above, regions below.

    Everything goes through `session`: what a mouse does here, its methods do from a cell.

    Parameters
    ----------
    session : Session
        What is explored. The explorer owns it: closing one closes the other.
    map_first : bool
        Whether only the map is made now; the other views come with `complete`, or when one is
        asked for.
    """

    def __init__(self, session: Session, *, map_first: bool = False) -> None:
        self.session = session
        self.error_bar = ErrorBar(on_dismiss=session.clear_error)
        self.map_view = LinkedMap(session, framed=False)
        self._parts: _Parts | None = None
        self._making = threading.RLock()
        self._stop = session.observe(lambda _f: self.error_bar.show(session.state.error), "error")
        self.error_bar.show(session.state.error)
        style = ipywidgets.HTML(f"<style>{_CSS}</style>", layout={"display": "none"})
        self._top, self._left, self._right = (
            ipywidgets.VBox(views, layout={"min_width": "0"})
            for views in ([style, KeyGuard(), self.error_bar], [self.map_view], [])
        )
        columns = ipywidgets.GridBox(
            [self._left, self._right],
            layout={
                # Side by side, or one below the other where there is no room for both.
                "grid_template_columns": "repeat(auto-fit, minmax(min(100%, 350px), 1fr))",
                "grid_gap": "6px 18px",
                "width": "100%",
            },
        )
        self.show_card = ipywidgets.ToggleButton(
            description="Heterogeneity card", icon="list-alt", layout={"width": "190px"},
            tooltip="How heterogeneous the map is: numbers, each with its uncertainty",
        )  # fmt: skip
        self.show_card.observe(Guard(session.show_error)(self._toggle_card), "value")
        self._card_box = ipywidgets.VBox(layout={"min_width": "0", "margin": "6px 0 0"})
        super().__init__([self._top, columns, self._card_box], layout={"width": "100%"})
        self.add_class("socwidgets-explorer")
        if map_first:
            # Room for the controls, so that the map does not move when they come.
            self._top.layout.min_height = _CONTROLS_PX
        else:
            self.complete()

    def complete(self) -> None:
        """Make the views that are not there yet."""
        self._made()

    def _made(self) -> _Parts:
        with self._making:
            if self._parts is None:
                self._parts = self._make_parts()
            return self._parts

    def _make_parts(self) -> _Parts:
        session = self.session
        self._card_box.children = (self.show_card,)
        parts = _Parts(
            SpectrumView(session, framed=False), MapControls(session),
            HistogramView(session, framed=False), RoiPanel(session), JobBar(session),
        )  # fmt: skip
        self._top.layout.min_height = None
        self._top.children = (*self._top.children, parts.controls, parts.job_bar)
        self._right.children = (parts.spectrum, parts.histogram)
        self._left.children = (self.map_view, parts.rois)
        return parts

    def _toggle_card(self, change: Any) -> None:
        """Show the card below all, made when it is first asked for; a hidden one costs nothing."""
        if change["new"]:
            self._card = self._card or CardView(self.session, framed=False)
            self._card.show()
            self._card_box.children = (self.show_card, self._card)
        elif self._card is not None:
            self._card.hide()
            self._card_box.children = (self.show_card,)

    def without_card(self) -> None:
        """Take the card out, where another one stands beside the explorer."""
        self.show_card.value = False
        self._card_box.layout.display = "none"

    _card: CardView | None = None

    @property
    def spectrum(self) -> SpectrumView:
        """Mean spectra, fit and residual."""
        return self._made().spectrum

    @property
    def controls(self) -> MapControls:
        """What is shown and how it is colored."""
        return self._made().controls

    @property
    def histogram(self) -> HistogramView:
        """Histogram of what is shown."""
        return self._made().histogram

    @property
    def rois(self) -> RoiPanel:
        """List of the regions, and their tools."""
        return self._made().rois

    @property
    def job_bar(self) -> JobBar:
        """Parameters, start and cancel of the fit."""
        return self._made().job_bar

    def __repr__(self) -> str:
        """Short: the default one walks through a thousand traits at each display."""
        stack = self.session.state.stack
        return f"<Explorer of {dict(stack.sizes)}, {len(self.session.state.rois)} regions>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Widget view, and a static picture for places where no widget runs (GitHub, print)."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if not isinstance(bundle, dict):
            return bundle
        if current_cell()[0]:
            # After the widget: drawing it holds nothing up, and it outlives the kernel.
            after_cell(lambda: show_still(self._picture(), f"{self!r}, as it was shown"))
        elif picture := self._picture():
            bundle["image/png"] = base64.b64encode(picture).decode()
        return bundle

    def _picture(self) -> bytes:
        """A static picture; empty if it cannot be drawn."""
        try:
            from socwidgets.widgets.static_picture import picture_png

            return picture_png(self.session)
        except Exception:
            # The picture is an extra; the widget must appear in any case.
            logger.exception("the static picture of the explorer could not be drawn")
            return b""

    def close(self) -> None:
        """Stop jobs, forget the session and close every model, so that nothing is left behind."""
        self._stop()
        with self._making:
            parts = self._parts
            views = [self.map_view] if parts is None else [self.map_view, *parts]
        for view in views:
            view.stop_following()
        if self._card is not None:
            self._card.close()
        self.session.close()
        close_tree(self.show_card)  # in no box until all is made
        close_tree(self)


def explore(
    stack: xr.Dataset | str | os.PathLike[str],
    maps: xr.Dataset | None = None,
    references: xr.DataArray | str | Mapping[str, Any] | None = None,
    *,
    rois: Sequence[ROI] | None = None,
    map: str | None = None,
    charged: str | None = None,
    mask: xr.DataArray | None = None,
) -> Explorer:
    """Explore a stack and its maps: regions, spectra, fits, histograms, linked.

    Parameters
    ----------
    stack : xarray.Dataset or path
        ``signal`` ``(<spectral>, y, x)``; optical density where it is to be fitted. A file is
        opened, and counts that come with their I0 become optical density.
    maps : xarray.Dataset, optional
        Map set on the same pixels, of `fit_map` or `soc_map`. Without one the frames are shown,
        and the fit button makes one.
    references : xarray.DataArray, str or mapping, optional
        ``(component, <spectral>)``, for fits of regions, pixels and the whole stack; or files, as
        for `socwidgets.open_references`.
    rois : sequence of ROI, optional
        Regions to start with.
    map : str, optional
        Map to start with.
    charged : str, optional
        Reference that stands for the charged state in a fit started here; the last one if left out.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels that a fit started here uses; those of `maps` if left out.

    Returns
    -------
    Explorer
        A widget; its `session` has a method for everything a mouse can do.

    Raises
    ------
    SchemaError, DataError, ParameterError
        If the objects are not what they should be or do not belong together.

    Examples
    --------
    >>> explore("scan.hdr", references="LFP=lfp.txt,FP=fp.txt")     # doctest: +SKIP
    >>> explorer = explore(od, maps, references)            # doctest: +SKIP
    >>> explorer.session.add_roi(Rectangle(1, 1, 2, 2))     # doctest: +SKIP
    """
    stack, references = opened(stack, references)
    session = Session(
        stack, maps, references, rois=list(rois or ()), map_name=map, charged=charged, mask=mask
    )
    cell = current_cell()
    explorer = Explorer(session, map_first=bool(cell[0]))
    _close_earlier(explorer, cell)

    def rest() -> None:
        explorer.complete()
        if references is not None:
            session.warm_up()

    # A cell shows its result before this: the browser draws the map while the rest is made, and
    # what is loaded in the background does not hold the map up.
    if cell[0]:
        after_cell(rest)
    else:
        rest()
    return explorer


#: Explorers by the notebook cell that made them, with the run of the cell.
_BY_CELL: dict[str, list[tuple[str, Explorer]]] = {}


def _close_earlier(explorer: Explorer, of: tuple[str, str]) -> None:
    """Close what earlier runs of the same cell left behind.

    The browser asks for the whole state of every living widget when a page is loaded again, so
    forgotten explorers would make a notebook slower with each run of the cell.
    """
    cell, run = of
    if not cell:
        return
    earlier = _BY_CELL.get(cell, [])
    _BY_CELL[cell] = [(r, e) for r, e in earlier if r == run] + [(run, explorer)]
    for other_run, other in earlier:
        if other_run != run:
            other.close()
