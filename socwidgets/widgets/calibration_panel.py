"""Panel of the calibration step: the points as fields and as handles of a plot."""

from __future__ import annotations

import ipywidgets

from socwidgets.session import Session
from socwidgets.widgets.calibration_view import CalibrationView
from socwidgets.widgets.step_panel import StepPanel

#: Choices that have points.
_CURVES = ("two_point", "standards")


class CalibrationPanel(StepPanel):
    """Choose how a fitted value becomes a state of charge; points can be dragged."""

    def below(self) -> list[ipywidgets.Widget]:
        """Room for the plot."""
        self.plot = ipywidgets.VBox(layout={"min_width": "0"})
        self.view: CalibrationView | None = None
        self._of: Session | None = None
        return [self.plot]

    def _refresh(self) -> None:
        super()._refresh()
        session = self.flow.session
        curve = self.inputs().get("by") in _CURVES and session is not None
        wanted = session if curve and session is not None and session.calibratable() else None
        if wanted is self._of:
            return
        old, self._of = self.view, wanted
        self.view = None if wanted is None else CalibrationView(wanted, framed=False)
        self.plot.children = () if self.view is None else (self.view,)
        if self.view is not None and self.step.name not in self.flow.products:
            self._suggest(self.view)
        if old is not None:
            old.close()

    def _suggest(self, view: CalibrationView) -> None:
        """Take the points of the plot over: those of the form fit no quantity in particular."""
        suggested = view.calibration
        if isinstance(suggested, self.form.kind):
            with self._quiet:
                self.form.set_values(suggested.to_dict())
            self.refresh_code()
