"""The particles as a table: pick a row and the particle lights up; click it and its row shows."""

from __future__ import annotations

from typing import Any

import xarray as xr

from socwidgets.model.errors import SocwidgetsError
from socwidgets.model.names import axis_label
from socwidgets.widgets.data_view import DataView, unchanged
from socwidgets.widgets.sources import Source
from socwidgets.widgets.table import Table

#: Rows where no widget runs.
MOST_STATIC = 12
_NO_LABELS = "No particles yet: segment them first."
_NO_VALUES = "No particle has a usable value."


class ParticleView(DataView):
    """Table of all particles of the session's quantity, linked both ways.

    Parameters
    ----------
    source, labels, framed
        See `DataView`.
    height : int
        Height of the rows, px.

    Attributes
    ----------
    table : Table
        The widget; its `selected` is the session's particle.
    """

    title = "Particles"

    def __init__(
        self, source: Source, labels: xr.DataArray | None = None, *, height: int = 260,
        framed: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(source, labels, framed=framed)
        self.add_class("socwidgets-particles")
        self.table = Table(height=height, layout={"width": "100%", "min_width": "0"})
        self._shown: tuple[object, ...] = ()
        self.arrange([self.table])
        self.follow(self._refresh, "labels", "maps", "map_name")
        self.follow(self._refresh_choice, "particle")
        self.on_user(self.table, self._picked, "selected")

    def _refresh(self) -> None:
        state, name = self.session.state, self.session.quantity
        key = (state.labels, state.maps, name)
        if unchanged(self._shown, key):
            return
        self._shown = key
        if state.labels is None:
            self.table.empty = _NO_LABELS
            self.table.show(None, [])
            return
        try:
            table = self.session.particle_table()
        except SocwidgetsError as error:
            self.table.empty = f"{error.problem[:1].upper()}{error.problem[1:]}."
            self.table.show(None, [])
            return
        self.table.empty = _NO_VALUES
        self.table.show(table, _columns(state.maps, name))

    def static(self) -> dict[str, str]:
        """The largest particles as HTML."""
        try:
            table = self.session.particle_table()
        except SocwidgetsError:
            return {}
        if table is None:
            return {}
        largest = table.nlargest(MOST_STATIC, "area_um2")
        return {"text/html": largest.to_html(float_format=lambda v: f"{v:.4g}", border=0)}

    def _refresh_choice(self) -> None:
        self.table.selected = self.session.state.particle or 0

    def _picked(self, label: int) -> None:
        self.session.select_particle(label or None)


def _columns(maps: xr.Dataset | None, name: str | None) -> list[dict[str, Any]]:
    """Columns with titles, units and help."""
    words = "value" if maps is None or name is None else axis_label(maps[name])

    def column(
        key: str, title: str, text: str, width: int = 70, kind: str = "number"
    ) -> dict[str, Any]:
        return {"name": key, "title": title, "help": text, "width": width, "kind": kind}

    return [
        column("label", "Particle", "Number of the particle, the largest first", 74, "id"),
        {**column("mean", f"{words}, mean", "Mean over the particle, weighted by thickness", 92),
         "error": "mean_std"},
        column("mean_std", "± σ", "Standard uncertainty of the mean, from the noise", 62),
        column("sd_true", "Spread inside", "Standard deviation inside it, noise taken out", 66),
        column("sd_observed", "Spread, with noise", "Standard deviation as observed", 72),
        column("diameter_um", "Diameter (µm)", "Of the circle of the same area, in µm", 76),
        column("n_pixels", "Pixels", "Number of usable pixels", 60),
        column("touches_border", "At the edge", "Whether the field of view cuts it", 60, "bool"),
    ]  # fmt: skip
