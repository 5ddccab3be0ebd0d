"""The heterogeneity card of what is chosen: a region, a particle, or everything."""

from __future__ import annotations

import threading
from typing import Any

import ipywidgets
import numpy as np
import xarray as xr

from socwidgets.jobs import Job, JobState, abandonable
from socwidgets.model.errors import DataError
from socwidgets.model.names import STATUS, X, Y
from socwidgets.model.status import Status
from socwidgets.widgets.data_view import DataView, row, unchanged
from socwidgets.widgets.run_bar import RunBar
from socwidgets.widgets.sources import Source

ALL, CHOSEN = "all", "chosen"
JOB = "card"
#: Seconds that nothing must change before a card is made by itself.
SETTLE_S = 0.4


class CardView(DataView):
    """Heterogeneity card of the session's quantity, made beside the notebook's cells.

    It follows the map, the particles and (if asked to) the chosen region or particle. The old card
    stays until the new one is there.

    Parameters
    ----------
    source, labels, framed
        See `DataView`.
    draws : int
        Bootstrap resamples to start with.

    Attributes
    ----------
    card : HeterogeneityCard or None
        What is shown.
    """

    title = "Heterogeneity card"

    def __init__(
        self, source: Source, labels: xr.DataArray | None = None, *, draws: int = 1000,
        framed: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(source, labels, framed=framed)
        self.add_class("socwidgets-card")
        self.card: Any = None
        self._timer: threading.Timer | None = None
        self._wanted: tuple[Any, ...] = ()
        self._make_controls(draws)
        self.arrange([row(self.scope, self.draws, self.follows), self.runs, self.content])
        self.follow(
            self._settle, "maps", "map_name", "labels", "particle", "selected", "rois"
        )  # fmt: skip
        for control in (self.scope, self.draws):
            self.on_user(control, lambda _v: self._settle())
        self.on_user(self.follows, lambda _v: self._settle())

    def _make_controls(self, draws: int) -> None:
        self.scope = ipywidgets.Dropdown(
            options=[("all usable pixels", ALL), ("the chosen region or particle", CHOSEN)],
            description="Card of", layout={"width": "300px"}, style={"description_width": "54px"},
            tooltip="Which pixels the card is of",
        )  # fmt: skip
        self.draws = ipywidgets.BoundedIntText(
            value=draws, min=100, max=100_000, step=100, description="Resamples",
            continuous_update=False, layout={"width": "170px"}, style={"description_width": "76px"},
            tooltip="Bootstrap resamples for the intervals",
        )  # fmt: skip
        self.follows = ipywidgets.Checkbox(
            value=True, description="Follow the map", indent=False, layout={"width": "150px"},
            tooltip="Make the card anew when the map, the particles or the choice change",
        )  # fmt: skip
        self.runs = RunBar("Make the card", "Compute the card of the chosen pixels", self.make)
        self.content = ipywidgets.HTML()

    # -- making the card -----------------------------------------------------------------------

    def make(self) -> Job:
        """Start making the card; the old one stays until it is there.

        Raises
        ------
        DataError
            If there is no map of a known kind, or nothing is chosen.
        """
        maps, labels, name, subject = self._input()
        draws = self.draws.value
        from socwidgets.heterogeneity.card import heterogeneity_card

        work = abandonable(heterogeneity_card, maps, labels, variable=name, draws=draws)
        return self.session.jobs.submit(
            JOB, work, on_change=self.guard(lambda job: self._follow(job, subject))
        )

    def _input(self) -> tuple[xr.Dataset, xr.DataArray | None, str, str]:
        """Maps, labels, variable and name of what the card is of."""
        session = self.session
        state, name = session.state, session.quantity
        if state.maps is None or name is None:
            raise DataError("there is no map to make a card of", fix="fit the pixels first")
        if self.scope.value == ALL:
            return state.maps, state.labels, name, "all usable pixels"
        if state.particle is not None:
            mask, subject = session.particle_mask(), f"particle {state.particle}"
        elif state.selected is not None:
            mask, subject = session.roi_mask(state.selected).values, state.selected
        else:
            raise DataError("nothing is chosen", fix="select a region or a particle")
        maps = only(state.maps, np.asarray(mask))
        labels = state.labels
        inside = None if labels is None or state.particle is not None else labels.where(mask, 0)
        # A region without a particle in it is a card of its pixels.
        return (
            maps,
            inside if inside is not None and bool((inside > 0).any()) else None,
            name,
            subject,
        )

    def take(self, card: Any) -> None:
        """Show a card of all usable pixels that was made elsewhere, instead of making one."""
        if self._timer is not None:
            self._timer.cancel()
        self._wanted = self._asked()
        self._show(card, "all usable pixels")

    def _show(self, card: Any, subject: str) -> None:
        self.card = card
        self.content.value = (
            f'<div class="socwidgets-card-of">Of {subject}</div>{card._repr_html_()}'
        )

    def _follow(self, job: Job, subject: str) -> None:
        if job is not self.session.jobs.latest(JOB):
            return
        self.runs.follow(job)
        if job.state == JobState.DONE:
            self._show(job.result, subject)

    # -- following -----------------------------------------------------------------------------

    def _asked(self) -> tuple[Any, ...]:
        """What the card depends on."""
        state = self.session.state
        chosen = (state.particle, state.selected, state.rois)
        return (
            state.maps, state.labels, self.session.quantity, self.scope.value, self.draws.value,
            chosen if self.scope.value == CHOSEN else None,
        )  # fmt: skip

    def _settle(self) -> None:
        """Make the card when nothing has changed for a moment; not for what is shown already."""
        state, wanted = self.session.state, self._asked()
        if self._timer is not None:
            self._timer.cancel()
        known = state.maps is not None and self.session.quantity is not None
        if not (self.follows.value and known) or unchanged(self._wanted, wanted):
            return
        if self.session.jobs.inline:
            self._wanted = wanted
            self.runs.run()
            return

        def later() -> None:
            self._wanted = wanted
            self.runs.run()

        self._timer = threading.Timer(SETTLE_S, self.guard(later))
        self._timer.daemon = True
        self._timer.start()

    def static(self) -> dict[str, str]:
        """The card as HTML."""
        return {"text/html": self.content.value} if self.content.value else {}

    def close(self) -> None:
        """Stop what runs, forget the session, and close every model."""
        if self.__dict__.get("_timer") is not None:
            self._timer.cancel()  # type: ignore[union-attr]
        super().close()


def only(maps: xr.Dataset, mask: np.ndarray) -> xr.Dataset:
    """Maps whose other pixels are marked as masked."""
    shape = (maps.sizes[Y], maps.sizes[X])
    before = maps[STATUS].transpose(Y, X).values if STATUS in maps else np.zeros(shape, np.uint8)
    codes = np.where(mask, before, np.uint8(Status.MASKED)).astype(np.uint8)
    attrs = maps[STATUS].attrs if STATUS in maps else {}
    return maps.assign({STATUS: ((Y, X), codes, attrs)})
