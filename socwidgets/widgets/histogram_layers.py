"""What can be laid over the histogram: the noise floor, a mixture of phases, other states."""

from __future__ import annotations

from collections.abc import Callable

import bqplot
import ipywidgets
import numpy as np

from socwidgets.session import Session
from socwidgets.session.distribution import Gaussians, mixture, noise_floor, other_states
from socwidgets.widgets import plots
from socwidgets.widgets.bins import Bins
from socwidgets.widgets.plots import LegendEntry, set_points

_NOISE, _MIXTURE = "#b4540a", "#5a4fcf"
_STATES = ("#0a7d55", "#a1417a", "#3a6ea5", "#8a6d00", "#6e7781")
_POINTS = 240
#: Share of the values beyond the axis, %, from which it is said: a few always are.
_MENTIONED = 0.5


class HistogramLayers:
    """Curves over the histogram and the buttons that show them; each has its own dash.

    Parameters
    ----------
    session : Session
        Whose values they are of.
    x, y : bqplot.Scale
        Of the histogram.
    """

    def __init__(self, session: Session, x: bqplot.Scale, y: bqplot.Scale) -> None:
        self.session = session
        self.noise = _toggle("Noise", "Spread of equal pixels by the map's own σ alone")
        self.mixture = _toggle("Mixture", "One to three Gaussians, no narrower than the noise")
        self.states = _toggle("States", "The same map in the other states of the series")
        self.buttons = (self.noise, self.mixture, self.states)
        self.legend = ipywidgets.HTML()
        self._noise = plots.make_lines(x, y, colors=[_NOISE], stroke_width=1.8, line_style="dotted")
        self._mixture = plots.make_lines(
            x, y, colors=[_MIXTURE], stroke_width=1.8, line_style="dashed"
        )
        self._states = [
            plots.make_lines(x, y, colors=[c], stroke_width=1.2, line_style="dash_dotted")
            for c in _STATES
        ]

    @property
    def marks(self) -> list[bqplot.Lines]:
        """Marks of the figure."""
        return [*self._states, self._noise, self._mixture]

    def draw(self, bins: Bins, top: float) -> float:
        """Draw what is switched on; returns the height that the axis needs, at most twice `top`."""
        entries: list[LegendEntry] = []
        heights = [top]
        self.noise.disabled = self.session.sigma() is None
        self.states.disabled = self.session.state.series is None
        for button, mark, find, color, dash in (
            (self.noise, self._noise, noise_floor, _NOISE, "dotted"),
            (self.mixture, self._mixture, mixture, _MIXTURE, "dashed"),
        ):
            found = _wanted(button, find, self.session)
            if found is None:
                set_points(mark, np.zeros(0), np.zeros(0))
                continue
            x, curve = _curve(bins, found)
            set_points(mark, x, curve)
            heights.append(float(curve.max()))
            entries.append(LegendEntry(_words(button.description, found), color, dash))
        self._draw_states(bins, entries, heights)
        beyond = bins.beyond()
        note = f"{beyond:.2g} % of the values lie beyond this axis" if beyond > _MENTIONED else ""
        self.legend.value = plots.legend_html(entries, note) if entries or note else ""
        # The noise of a precise map is a needle: the distribution must stay readable.
        return min(max(heights), 2.0 * top)

    def _draw_states(self, bins: Bins, entries: list[LegendEntry], heights: list[float]) -> None:
        on = bool(self.states.value) and not self.states.disabled
        found = other_states(self.session) if on else []
        for mark, color, (name, values) in zip(self._states, _STATES, found, strict=False):
            counts, _ = np.histogram(values, bins.edges)
            share = 100.0 * counts / max(values.size, 1)
            set_points(mark, *bins.steps(share))
            heights.append(float(share.max(initial=0.0)))
            entries.append(LegendEntry(name, color, "dashed"))
        for mark in self._states[len(found) :]:
            set_points(mark, np.zeros(0), np.zeros(0))


def _wanted(
    button: ipywidgets.ToggleButton, find: Callable[[Session], Gaussians | None], session: Session
) -> Gaussians | None:
    return find(session) if button.value and not button.disabled else None


def _curve(bins: Bins, found: Gaussians) -> tuple[np.ndarray, np.ndarray]:
    narrow = min(found.stds)
    x = np.linspace(bins.edges[0], bins.edges[-1], _POINTS)
    near = np.concatenate([m + narrow * np.linspace(-4, 4, 33) for m in found.means])
    x = np.sort(np.concatenate([x, near[(near > x[0]) & (near < x[-1])]]))
    return x, found.percent(x, float(bins.edges[1] - bins.edges[0]))


def _words(name: str, found: Gaussians) -> str:
    if name == "Noise":
        return f"noise alone, σ {found.stds[0]:.2g}"
    parts = (
        f"{100 * share:.0f} % at {mean:.3g} ± {std:.2g}"
        for mean, std, share in zip(found.means, found.stds, found.shares, strict=True)
    )
    return f"mixture: {'; '.join(parts)}"


def _toggle(words: str, tooltip: str) -> ipywidgets.ToggleButton:
    return ipywidgets.ToggleButton(description=words, tooltip=tooltip, layout={"width": "82px"})
