"""The fit: its parameters, a button, progress, cancel, and what became of it."""

from __future__ import annotations

import html

import ipywidgets

from socwidgets.jobs import Job, JobState
from socwidgets.session import Session
from socwidgets.session.fits import FIT
from socwidgets.session.fitting import METHOD_WORDS, lacking
from socwidgets.session.workflow.step import NoParameters
from socwidgets.widgets.forms import ParameterForm
from socwidgets.widgets.run_bar import compiling_words
from socwidgets.widgets.safe import close_tree
from socwidgets.widgets.subshell import answer_beside_cells
from socwidgets.widgets.view import View

#: Fields that a person changes often; the rest is behind "more".
_FIRST = ("constraint", "background_degree", "definition", "model")


class JobBar(View):
    """Method and parameters of the fit; starts, watches and cancels the fit of all pixels."""

    def __init__(self, session: Session) -> None:
        from socwidgets.analysis.methods import get_method

        super().__init__(session, layout={"min_width": "0"})
        self.add_class("socwidgets-jobs")
        self.form = ParameterForm(NoParameters)
        self._make_controls()
        self._renew_form(ParameterForm(get_method(session.state.fit_method).parameters))
        self.follow(self._refresh_form, "fit_method", "fit_params", "references")
        self.follow(self._refresh_message, "message", "references", "fit_method", "stack")
        self.on_user(self.method, session.set_method)
        self._stops.append(session.on_job(self.guard(self._follow_job)))
        self.on_click(self.fit, lambda: session.start_fit(**self.form.values()))
        self.on_click(self.cancel, session.cancel_fit)
        self.on_user(self.more, self._toggle_more)
        job = session.jobs.latest(FIT)
        if job is not None:
            self._follow_job(job)

    def _make_controls(self) -> None:
        self.fit = ipywidgets.Button(
            description="Fit all pixels", icon="play", button_style="primary",
            layout={"width": "136px"}, tooltip="Fit every pixel with the references",
        )  # fmt: skip
        self.cancel = ipywidgets.Button(
            description="Cancel", icon="stop", disabled=True, layout={"width": "92px"},
            tooltip="Stop the fit; the maps there are stay",
        )  # fmt: skip
        answer_beside_cells(self.cancel)
        self.more = ipywidgets.ToggleButton(
            description="More", icon="sliders", layout={"width": "80px"},
            tooltip="Show all parameters of the fit",
        )  # fmt: skip
        self.bar = ipywidgets.IntProgress(
            value=0, max=100, layout={"width": "150px", "display": "none"},
            style={"bar_color": "#0969da"},
        )  # fmt: skip
        self.status = ipywidgets.HTML(layout={"flex": "1 1 200px", "min_width": "160px"})
        self.method = ipywidgets.Dropdown(
            options=[""], description="Method", style={"description_width": "initial"},
            tooltip="What is fitted: to spectra at once, to all pixels with the button",
            layout={"width": "auto"},
        )  # fmt: skip
        row = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px 6px"}
        self._first = ipywidgets.HBox(layout=row)
        self._rest = ipywidgets.Box(layout={**row, "display": "none"})
        self.children = (self._first, self._rest)

    def _toggle_more(self, shown: bool) -> None:
        self._rest.layout.display = "flex" if shown else "none"

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_form(self) -> None:
        from socwidgets.analysis.methods import get_method, method_names

        state = self.session.state
        names = [n for n in method_names() if state.references is not None
                 or not get_method(n).needs_references or n == state.fit_method]  # fmt: skip
        options = tuple((METHOD_WORDS.get(n, n.replace("_", " ")), n) for n in names)
        if self.method.options != options:
            self.method.options = options
        self.method.value = state.fit_method
        if self.form.kind is not get_method(state.fit_method).parameters:
            self._renew_form(ParameterForm(get_method(state.fit_method).parameters))
        self.form.set_values(dict(state.fit_params))

    def _renew_form(self, form: ParameterForm) -> None:
        old = list(self.form.controls.values())
        self.form = form
        first = [form.controls[name] for name in _FIRST if name in form.controls]
        self._rest.children = tuple(w for w in form.controls.values() if w not in first)
        self._first.children = (
            self.fit, self.cancel, self.method, *first, self.more, self.bar, self.status
        )  # fmt: skip
        for control in old:
            close_tree(control)

    def _refresh_message(self) -> None:
        state = self.session.state
        missing = lacking(state)
        self.fit.disabled = bool(missing)
        self._say(missing or state.message)

    def _follow_job(self, job: Job) -> None:
        if job is not self.session.jobs.latest(FIT):
            return
        with self._refreshing, self.quiet:
            running = not job.state.finished
            self.cancel.disabled = not running
            self.bar.layout.display = "flex" if running else "none"
            done, total = job.progress
            self.bar.value = round(100 * done / total) if total else 0
            if job.state == JobState.RUNNING:
                share = f"{self.bar.value} % of the pixels" if total else "starting"
                share = share if done else compiling_words() or share
                self._say("cancelling" if job.cancel_event.is_set() else f"Fitting: {share}")
            elif running:
                self._say("Waiting")
            else:
                self._say(self.session.state.message)

    def _say(self, text: str) -> None:
        words = text[:1].upper() + text[1:]
        value = (
            f'<span role="status" aria-live="polite">{html.escape(words)}</span>' if words else ""
        )
        if self.status.value != value:
            self.status.value = value
