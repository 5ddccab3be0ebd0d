"""Panel of the energy plan: what fewer energies promise, what is found, and which they are."""

from __future__ import annotations

import bqplot
import ipywidgets
import numpy as np
import pandas as pd

from socwidgets.widgets import plots
from socwidgets.widgets.plots import LegendEntry, set_points
from socwidgets.widgets.step_panel import StepPanel

_NOISE, _FOUND = plots.BLUE, plots.ORANGE
_HEAD = (
    ("n", "How many energies"),
    ("σ promised", "Standard uncertainty of one pixel that the plan promises"),
    ("scatter by noise", "What noise alone lets the map scatter about that of all energies"),
    ("scatter found", "By how much it does scatter"),
    ("bias", "Median difference from the map of all energies"),
)


class PlanPanel(StepPanel):
    """Try plans of fewer energies; a plot, a table, and the energies of each."""

    def below(self) -> list[ipywidgets.Widget]:
        """Room for what was found."""
        self._x = bqplot.LogScale()
        self._y = bqplot.LinearScale()
        look = {"stroke_width": 1.8, "marker": "circle", "marker_size": 26}
        self._noise = plots.make_lines(self._x, self._y, colors=[_NOISE], **look)
        self._found = plots.make_lines(
            self._x, self._y, colors=[_FOUND], line_style="dashed", **look
        )
        self._x_axis = plots.make_axis(self._x, "Energies")
        self._y_axis = plots.make_axis(self._y, "Scatter of the fraction", vertical=True)
        self.figure = plots.make_figure("220px", [self._x_axis, self._y_axis])
        self.figure.marks = [self._noise, self._found]
        self._words = ipywidgets.HTML()
        self.shown: pd.DataFrame | None = None
        return []

    def after(self) -> list[ipywidgets.Widget]:
        """Plot and table, below the button."""
        return [self.figure, self._words]

    def _refresh(self) -> None:
        super()._refresh()
        found = self.flow.products.get(self.step.name)
        if found is self.shown and self._words.value:
            return
        self.shown = found
        self.figure.layout.display = "none" if found is None else "flex"
        self._words.value = "" if found is None else table_html(found)
        if found is not None:
            self._draw(found)

    def _draw(self, found: pd.DataFrame) -> None:
        counts = found["count"].to_numpy(float)
        noise, scatter = (found[name].to_numpy(float) for name in ("scatter_noise", "scatter"))
        set_points(self._noise, counts, noise)
        set_points(self._found, counts, scatter)
        with self._x.hold_sync():
            self._x.min, self._x.max = float(counts.min()) * 0.93, float(counts.max()) * 1.07
        self._x_axis.tick_values = counts
        self._x_axis.tick_format = "d"
        top = float(np.nanmax([noise.max(), scatter.max(), 1e-9]))
        plots.set_axis(self._y_axis, 0.0, 1.08 * top, 4)


def table_html(found: pd.DataFrame) -> str:
    """Table of the plans; the energies of each are behind a mark that opens."""
    legend = plots.legend_html(
        [LegendEntry("noise alone", _NOISE), LegendEntry("found", _FOUND, "dashed")]
    )
    head = "".join(f'<th title="{title}">{words}</th>' for words, title in _HEAD)
    rows = "".join(_row(row) for row in found.to_dict("records"))
    lists = "".join(
        f"<details><summary>The {int(row['count'])} energies</summary>"
        f"<code>{', '.join(f'{energy:.2f}' for energy in row['energies'])}</code></details>"
        for row in found.to_dict("records")
    )
    return (
        f'{legend}<table class="socwidgets-plan"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{lists}"
    )


def _row(row: dict[str, float]) -> str:
    values = [f"{row[name]:.4f}" for name in ("sigma", "scatter_noise", "scatter")]
    cells = [str(int(row["count"])), *values, f"{round(row['bias'], 4) + 0.0:+.4f}"]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
