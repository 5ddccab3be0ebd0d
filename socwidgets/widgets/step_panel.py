"""The panel of one step of the workflow: inputs, parameters, run, and the Python call."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets

from socwidgets.jobs import Job, JobState
from socwidgets.model.errors import SocwidgetsError
from socwidgets.model.parameters import Parameters
from socwidgets.session.workflow import Workflow
from socwidgets.session.workflow.step import NoParameters
from socwidgets.widgets.code_box import CodeBox
from socwidgets.widgets.forms import ParameterForm
from socwidgets.widgets.run_bar import RunBar
from socwidgets.widgets.safe import Guard, Quiet, close_tree

#: Parameters that are seen at once; the rest is behind "More".
FIRST = 4
_WIDE = {"width": "auto", "min_width": "0"}


class StepPanel(ipywidgets.VBox):
    """One step: what a person chooses, how it goes, and the call that does the same.

    Parameters
    ----------
    flow : Workflow
        Holds the results of all steps.
    name : str
        The step.

    Attributes
    ----------
    choices : dict of str to Dropdown
        Inputs by name.
    form : ParameterForm
        Parameters of the step, for the inputs chosen.
    runs : RunBar
        Button, progress, cancel, errors.
    code : CodeBox
        Python text of this step and all it builds on.
    """

    def __init__(self, flow: Workflow, name: str) -> None:
        self.flow, self.step = flow, flow.step(name)
        self.choices: dict[str, ipywidgets.Dropdown] = {}
        self._quiet = Quiet()
        #: Inputs that a person chose; the others follow the best default.
        self._picked: set[str] = set()
        self._kind: type[Parameters] | None = None
        self._seen: object = None
        self.form: ParameterForm = ParameterForm(NoParameters)
        self.runs = RunBar(self.step.verb, self.step.help, self._start, done=self._said)
        self.guard = Guard(self.runs.error.show)
        self.problem, self.notes = ipywidgets.HTML(), ipywidgets.HTML()
        self.code = CodeBox(layout=_WIDE)
        self._inputs = ipywidgets.VBox(layout=_WIDE)
        self._first, self._rest = (ipywidgets.VBox(layout=_WIDE) for _ in range(2))
        self.more = _toggle("More", "sliders", "Show all parameters of this step")
        self.show_code = _toggle("Code", "code", "Show the Python call that does the same")
        self.back = ipywidgets.Button(
            description="Take back", icon="undo", layout={"width": "108px", "display": "none"},
            tooltip="Undo this step: its result goes, with those of later steps that build on it",
        )  # fmt: skip
        self.back.on_click(self.guard(lambda _b: self.flow.take_back(self.step.name)))
        self.more.observe(self.guard(lambda _c: self._arrange()), "value")
        self.show_code.observe(self.guard(lambda _c: self._arrange()), "value")
        title = f'<div class="socwidgets-title" role="heading">{self.step.title}</div>'
        words = f'<div class="socwidgets-note">{html.escape(self.step.help)}</div>'
        super().__init__(
            [ipywidgets.HTML(title + words), self._inputs, *self.extra(), self._first, self._rest,
             *self.below(), ipywidgets.HBox([self.more, self.show_code, self.back]), self.problem,
             self.runs, self.notes, *self.after(), self.code],
            layout={"min_width": "0", "width": "100%", "grid_gap": "4px"},
        )  # fmt: skip
        self.add_class("socwidgets-step")
        self.refresh()

    def extra(self) -> list[ipywidgets.Widget]:
        """Widgets of a particular step, between its inputs and its parameters."""
        return []

    def below(self) -> list[ipywidgets.Widget]:
        """Widgets of a particular step, below its parameters."""
        return []

    def after(self) -> list[ipywidgets.Widget]:
        """Widgets of a particular step, below its outcome."""
        return []

    # -- reading -------------------------------------------------------------------------------

    def inputs(self) -> dict[str, str]:
        """Chosen inputs."""
        return {name: str(choice.value) for name, choice in self.choices.items()}

    def run(self) -> Job | None:
        """Start the step, as the button does."""
        return self.runs.run()

    def _start(self) -> Job:
        return self.flow.start(self.step.name, self.inputs(), self.form.values(), self._follow)

    def _follow(self, job: Job) -> None:
        self.guard(self.runs.follow)(job)
        if job.state == JobState.DONE:
            self.guard(self.refresh)()

    def _said(self, job: Job) -> str | None:
        return self.step.said(job.result) or None

    # -- refreshing ----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring inputs, parameters, problem and code up to date with the workflow."""
        # A step may end in another thread meanwhile, and take results away.
        with self.flow.lock:
            self._refresh()

    def _refresh(self) -> None:
        chosen = self.flow.chosen.get(self.step.name)
        # What the step was last done with, by this panel or by a drag in a view.
        new = chosen is not None and chosen is not self._seen
        self._seen = chosen
        with self._quiet:
            self._refresh_inputs()
            for name, choice in self.choices.items():
                if new and chosen and chosen.get(name) in [v for _, v in choice.options]:
                    choice.value = chosen[name]
                    self._picked.add(name)
            self._refresh_form()
            if new and chosen:
                self.form.set_values({k: v for k, v in chosen.items() if k in self.form.controls})
        problem = self.step.problem(self.flow)
        words = problem or self.step.hint(self.flow)
        self.problem.value = (
            f'<div class="socwidgets-hint" role="note">{html.escape(words)}</div>' if words else ""
        )
        done = self.step.name in self.flow.products and self.step.name != "open"
        self.back.layout.display = "inline-block" if done else "none"
        self.runs.start.disabled = bool(problem)
        self._refresh_notes()
        self.refresh_code()

    def _refresh_notes(self) -> None:
        """What a reader of the step's result must know."""
        found = self.flow.products.get(self.step.name)
        notes = [] if found is None else self.step.notes(found)
        notes += [text for text in self.flow.remarks.get(self.step.name, ()) if text not in notes]
        items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
        text = f'<ul class="socwidgets-hint" role="note">{items}</ul>' if notes else ""
        if self.notes.value != text:
            self.notes.value = text

    def _refresh_inputs(self) -> None:
        wanted = self.step.inputs(self.flow)
        for name, choice in wanted.items():
            if name not in self.choices:
                made = ipywidgets.Dropdown(
                    description=choice.words, tooltip=choice.help, layout=_WIDE,
                    style={"description_width": "104px"},
                )  # fmt: skip
                made.observe(self.guard(lambda _c, n=name: self._chosen(n)), "value")
                self.choices[name] = made
            control = self.choices[name]
            if tuple(control.options) != choice.options:
                kept = control.value if name in self._picked else None
                control.options = choice.options
                values = [value for _, value in choice.options]
                control.value = kept if kept in values else values[0]
        shown = tuple(self.choices[name] for name in wanted)
        if self._inputs.children != shown:
            self._inputs.children = shown
        for name in set(self.choices) - set(wanted):
            self._picked.discard(name)
            close_tree(self.choices.pop(name))

    def _refresh_form(self) -> None:
        kind = self.step.kind(self.flow, self.inputs())
        if kind is self._kind:
            return
        old = list(self.form.controls.values())
        self._kind, self.form = kind, ParameterForm(kind, _WIDE)
        for control in self.form.controls.values():
            control.observe(self.guard(self._typed), "value")
        self._arrange()
        for control in old:
            close_tree(control)

    def _arrange(self) -> None:
        known = self.form.controls
        first = [name for name in self.step.first if name in known] or list(known)[:FIRST]
        rest = [name for name in known if name not in first]
        self._first.children = tuple(known[name] for name in first)
        self._rest.children = tuple(known[name] for name in rest)
        self.more.layout.display = "inline-block" if rest else "none"
        self._rest.layout.display = "flex" if self.more.value else "none"
        self.code.layout.display = "block" if self.show_code.value else "none"

    def refresh_code(self) -> None:
        """Write the Python text anew; a wrong parameter is said instead."""
        try:
            if self.step.problem(self.flow):
                text = f"# {self.step.problem(self.flow)}\n"
            else:
                text = self.flow.program(self.step.name, self.inputs(), self.form.values())
        except SocwidgetsError as error:
            text = "".join(f"# {line}\n" for line in str(error).splitlines())
        if self.code.value != text:
            self.code.value = text

    # -- what a person does --------------------------------------------------------------------

    def _chosen(self, name: str) -> None:
        if not self._quiet:
            self._picked.add(name)
            self.refresh()

    def _typed(self, _change: Any) -> None:
        if not self._quiet:
            self.refresh_code()


def _toggle(words: str, icon: str, tooltip: str) -> ipywidgets.ToggleButton:
    return ipywidgets.ToggleButton(
        description=words, icon=icon, tooltip=tooltip, layout={"width": "92px"}
    )
