"""From a file to a report in one widget: steps at the left, what they make at the right."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import xarray as xr

from socwidgets.session import Session
from socwidgets.session.workflow import STEPS, Workflow
from socwidgets.widgets.beside_map import BesideMap
from socwidgets.widgets.calibration_panel import CalibrationPanel
from socwidgets.widgets.card_view import CardView
from socwidgets.widgets.data_view import ROOT_CLASS, DataView, style_sheet
from socwidgets.widgets.energy_panel import EnergyPanel
from socwidgets.widgets.explorer import Explorer
from socwidgets.widgets.key_guard import KeyGuard
from socwidgets.widgets.particle_view import ParticleView
from socwidgets.widgets.plan_panel import PlanPanel
from socwidgets.widgets.profile_view import ProfileView
from socwidgets.widgets.reading_panels import DensityPanel, OpenPanel, ReferencePanel
from socwidgets.widgets.registration_view import RegistrationView
from socwidgets.widgets.report_panel import ReportPanel
from socwidgets.widgets.safe import ErrorBar, Guard, close_tree
from socwidgets.widgets.scatter_view import ScatterView
from socwidgets.widgets.step_panel import StepPanel

REPORT = "report"
_PANELS: dict[str, type[StepPanel]] = {
    "open": OpenPanel, "references": ReferencePanel, "energy_axis": EnergyPanel,
    "optical_density": DensityPanel, "calibration": CalibrationPanel, "energy_plan": PlanPanel,
}  # fmt: skip
_VIEWS: dict[str, Callable[[Session], DataView | BesideMap]] = {
    "Two maps": lambda s: BesideMap(s, ScatterView(s, framed=False)),
    "Profile": lambda s: ProfileView(s, framed=False),
    "Particles": lambda s: BesideMap(s, ParticleView(s, framed=False)),
    "Registration": lambda s: RegistrationView(s, framed=False),
    "Card": lambda s: CardView(s, framed=False),
}
#: Steps whose result a view of its own shows; the explorer shows those of the others.
_SHOWN_BY = {"registration": "Registration", "heterogeneity": "Card"}
_EXPLORER = "Explorer"
_WELCOME = """
<div class="socwidgets-welcome"><p><b>Start here.</b> Choose a file at the left and press
<i>Open</i>. Then go through the steps from left to right; leave out what is not needed.</p>
<p>Counts become <b>optical density</b>, a foil puts the <b>energy axis</b> right,
<b>registration</b> brings the frames to one place,
<b>I0 offset</b> takes out a background where there is one, <b>pixels</b> finds where there is
enough signal, <b>fit</b> makes a map, <b>calibration</b> turns it into a state of charge,
<b>particles</b> and <b>heterogeneity</b> put numbers on it. The <b>energy plan</b> says how few
energies would have done.</p>
<p>Every step shows the Python call that does the same.</p></div>
"""


class WorkflowView(ipywidgets.VBox):
    """Steps from a file to a report, with the linked views of what they make.

    Parameters
    ----------
    flow : Workflow, optional
        The steps; a new one if left out. The view owns it.

    Attributes
    ----------
    panels : dict of str to StepPanel or ReportPanel
        By step.
    steps : dict of str to Button
        The buttons that show a panel.
    explorer : Explorer or None
        None until a stack is there.
    views : dict of str to DataView or BesideMap
        Further views that have been looked at.
    """

    def __init__(self, flow: Workflow | None = None) -> None:
        self.flow = flow or Workflow()
        self.explorer: Explorer | None = None
        self.views: dict[str, DataView | BesideMap] = {}
        self._session: Session | None = None
        self._made: dict[str, object] = {}
        self.error_bar = ErrorBar()
        self.guard = Guard(self.error_bar.show)
        self.panels: dict[str, StepPanel | ReportPanel] = {
            step.name: _PANELS.get(step.name, StepPanel)(self.flow, step.name) for step in STEPS
        }
        self.panels[REPORT] = ReportPanel(self.flow)
        self.shown = "open"
        self._make()
        super().__init__(
            [style_sheet(), KeyGuard(), self.error_bar, self._bar, self._columns],
            layout={"width": "100%", "min_width": "0"},
        )
        self.add_class(ROOT_CLASS)
        self.add_class("socwidgets-workflow")
        self._stop = self.flow.on_change(self.guard(self._changed))
        self.show("open")
        self._changed()
        self._show_view()

    def _make(self) -> None:
        titles = {step.name: step.title for step in STEPS} | {REPORT: "Report"}
        helps = {step.name: step.help for step in STEPS} | {REPORT: "Write a report"}
        self.steps = {}
        self._titles = titles
        for name in titles:
            button = ipywidgets.ToggleButton(tooltip=helps[name], layout={"width": "auto"})
            button.observe(self.guard(lambda c, n=name: self._pressed(n, c["new"])), "value")
            self.steps[name] = button
        # Columns of one width: a line that is full would leave two steps alone in the next.
        self._bar = ipywidgets.GridBox(
            tuple(self.steps.values()),
            layout={"grid_template_columns": "repeat(auto-fill, minmax(150px, 1fr))",
                    "grid_gap": "4px", "margin": "0 0 8px"},
        )  # fmt: skip
        self._bar.add_class("socwidgets-steps")
        self.next = ipywidgets.Button(
            icon="arrow-right", tooltip="Go to the next step", layout={"width": "auto"}
        )
        self.next.on_click(self.guard(lambda _b: self.show(self._following())))
        self._stage = ipywidgets.VBox(layout={"min_width": "0", "width": "100%"})
        self._panel = ipywidgets.VBox(
            [self._stage, self.next],
            layout={"flex": "1 1 320px", "min_width": "300px", "max_width": "680px"},
        )
        self._panel.add_class("socwidgets-panel")
        self.view = ipywidgets.ToggleButtons(
            options=[_EXPLORER, *_VIEWS], style={"button_width": "auto"}, layout={"width": "auto"},
            tooltips=["Map, spectra, histogram and regions", "Two maps against each other",
                      "Along a line, from the surface, over depth", "Table of the particles",
                      "Drift of the frames", "Heterogeneity in numbers"],
        )  # fmt: skip
        self.view.observe(self.guard(lambda _c: self._show_view()), "value")
        self._welcome = ipywidgets.HTML(_WELCOME)
        self._content = ipywidgets.VBox([self._welcome], layout={"min_width": "0"})
        self._right = ipywidgets.VBox(
            [self.view, self._content], layout={"flex": "50 1 560px", "min_width": "0"}
        )
        self._columns = ipywidgets.HBox(
            [self._panel, self._right],
            layout={"flex_flow": "row wrap", "align_items": "flex-start", "grid_gap": "10px 16px",
                    "width": "100%"},
        )  # fmt: skip

    # -- steps ---------------------------------------------------------------------------------

    def show(self, name: str) -> None:
        """Show the panel of a step."""
        self.shown = name
        panel = self.panels[name]
        panel.refresh()
        for other, button in self.steps.items():
            button.value = other == name
        following = self._following()
        self.next.description = f"Next: {self._titles[following]}"
        self.next.layout.display = "none" if following == name else "inline-block"
        # Shown panels stay on the page: what is drawn anew loses the focus of the keyboard.
        if panel not in self._stage.children:
            self._stage.children = (*self._stage.children, panel)
        for other in self._stage.children:
            other.layout.display = None if other is panel else "none"
        if isinstance(panel, ReportPanel) and not panel.text.value and "open" in self.flow.products:
            panel.fill_in()

    def _pressed(self, name: str, down: bool) -> None:
        if down and name != self.shown:
            self.show(name)
        elif not down and name == self.shown:
            self.steps[name].value = True

    def _following(self) -> str:
        names = list(self.steps)
        return names[min(names.index(self.shown) + 1, len(names) - 1)]

    def _changed(self) -> None:
        """Follow the workflow: marks, panels, and another session if there is one."""
        for number, (name, button) in enumerate(self.steps.items(), start=1):
            # The check mark takes the place of the number: all steps fit into one line.
            done = name in self.flow.products
            button.icon = "check" if done else ""
            button.description = self._titles[name] if done else f"{number} {self._titles[name]}"
        for panel in self.panels.values():
            panel.refresh()
        self._show_made()
        if self.flow.session is not self._session:
            self._session = self.flow.session
            self._renew()

    def _show_made(self) -> None:
        """Bring the view to the front that shows what is new, if the present one does not."""
        for name in self.panels:
            made, view = self.flow.products.get(name), _SHOWN_BY.get(name, _EXPLORER)
            if made is not None and made is not self._made.get(name):
                if view != _EXPLORER or self.view.value in _SHOWN_BY.values():
                    self.view.value = view
                card = self.views.get(view)
                if isinstance(card, CardView):
                    card.take(made)
            self._made[name] = made

    # -- views ---------------------------------------------------------------------------------

    def _renew(self) -> None:
        """Show another session: the views of the old one go."""
        old: list[ipywidgets.Widget] = list(self.views.values())
        if self.explorer is not None:
            old.append(self.explorer)
        self.explorer, self.views = None, {}
        if self._session is not None:
            self.explorer = Explorer(self._session)
            # The panels of the steps do what the explorer's own fit would do.
            self.explorer.job_bar.layout.display = "none"
            self.explorer.without_card()
        self._show_view()
        for view in old:
            view.close()

    def _show_view(self) -> None:
        self.view.layout.display = "none" if self._session is None else None
        if self._session is None or self.explorer is None:
            self._content.children = (self._welcome,)
            return
        name = str(self.view.value)
        if name in _VIEWS and name not in self.views:
            self.views[name] = _VIEWS[name](self._session)
        for other, view in self.views.items():
            if other == name:
                view.show()
            else:
                view.hide()
        shown = self.views[name] if name in _VIEWS else self.explorer
        self._content.children = (shown,)

    def close(self) -> None:
        """Cancel what runs and close every model."""
        if "_stop" not in self.__dict__:  # never finished
            return
        self._stop()
        for view in self.views.values():
            view.close()
        if self.explorer is not None:
            self.explorer.close()
        self.flow.close()
        for panel in self.panels.values():
            close_tree(panel)
        close_tree(self._welcome)
        close_tree(self)


def workflow(
    stack: xr.Dataset | None = None, references: xr.DataArray | None = None
) -> WorkflowView:
    """Go from a file to a report without writing code; every step shows its Python call.

    Parameters
    ----------
    stack : xarray.Dataset, optional
        ``signal`` ``(<spectral>, y, x)`` to begin with; without one, a file is chosen.
    references : xarray.DataArray, optional
        ``(component, <spectral>)``.

    Returns
    -------
    WorkflowView
        A widget; its `flow` has every result by the name of its step.

    Raises
    ------
    SchemaError, DataError
        If the stack is none.
    """
    view = WorkflowView()
    if stack is not None:
        view.flow.take(stack, references)
    return view
