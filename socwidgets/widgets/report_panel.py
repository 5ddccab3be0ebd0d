"""Make a report of what is on the screen: its parameters, where it goes, run, and the call."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ipywidgets
import yaml

from socwidgets.jobs import Job, JobState, abandonable
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.session.workflow import Workflow, report, report_inputs
from socwidgets.session.workflow.code import call_text
from socwidgets.widgets.code_box import CodeBox
from socwidgets.widgets.run_bar import RunBar
from socwidgets.widgets.safe import Guard

#: The page in the folder of a report.
PAGE = "report.html"
_PLACEHOLDER = "name: value"
_WIDE = {"width": "auto", "min_width": "0"}
_HELP = (
    "Runs a report template in a process of its own and writes a page that needs no network, the "
    "numbers as JSON, the executed notebook and the bundle."
)


class ReportPanel(ipywidgets.VBox):
    """Template, folder, parameters as YAML (filled in from the screen), run, cancel, code.

    Parameters
    ----------
    flow : Workflow
        What is reported on.

    Attributes
    ----------
    template, out, text : widgets
        Template, output folder, parameters as YAML.
    runs : RunBar
        Button, progress, cancel, errors.
    """

    def __init__(self, flow: Workflow) -> None:
        self.flow = flow
        self.known: dict[str, list[str]] = {}
        self.runs = RunBar("Make report", _HELP, self._start, done=self._said, icon="file-text")
        self.guard = Guard(self.runs.error.show)
        self._make()
        title = '<div class="socwidgets-title" role="heading">Report</div>'
        super().__init__(
            [ipywidgets.HTML(f'{title}<div class="socwidgets-note">{_HELP}</div>'), self.template,
             self.out, self.fill, ipywidgets.HTML("Parameters (YAML, one a line)"), self.text,
             self.hint, self.runs, self.result, self.show_code, self.code],
            layout={**_WIDE, "grid_gap": "4px"},
        )  # fmt: skip
        self.add_class("socwidgets-step")
        for control in (self.template, self.out, self.text):
            control.observe(self.guard(lambda _c: self.refresh_code()), "value")
        self.show_code.observe(self.guard(lambda _c: self._toggle()), "value")
        self.fill.on_click(self.guard(lambda _b: self.fill_in()))
        self.template.observe(self.guard(lambda _c: self._other_template()), "value")
        self._toggle()
        self.refresh()

    def _make(self) -> None:
        look = {"style": {"description_width": "84px"}, "layout": _WIDE}
        self.template = ipywidgets.Dropdown(
            options=[("State of charge map", "soc_map")], description="Template",
            tooltip="Which report is made", **look,
        )  # fmt: skip
        self.out = ipywidgets.Text(
            value="report", description="Folder", tooltip="Output folder, where the kernel runs",
            **look,
        )  # fmt: skip
        self.fill = ipywidgets.Button(
            description="Fill in from the screen", icon="refresh", layout={"width": "200px"},
            tooltip="Write the parameters of the steps and regions as they are now",
        )  # fmt: skip
        self.text = ipywidgets.Textarea(
            rows=10, continuous_update=False, layout=_WIDE, placeholder=_PLACEHOLDER,
            tooltip="Parameters of the report, one a line, as YAML: name: value",
        )  # fmt: skip
        self.hint = ipywidgets.HTML()
        # An output, not a text: JupyterLab turns the links of outputs into addresses of the server.
        self.result = ipywidgets.Output()
        self.show_code = ipywidgets.ToggleButton(
            description="Code", icon="code", layout={"width": "92px"},
            tooltip="Show the Python call that does the same",
        )  # fmt: skip
        self.code = CodeBox(layout=_WIDE)

    # -- reading -------------------------------------------------------------------------------

    def parameters(self) -> dict[str, Any]:
        """Parameters that the text holds.

        Raises
        ------
        ParameterError
            If the text is no YAML mapping.
        """
        try:
            values = yaml.safe_load(self.text.value or "{}")
        except yaml.YAMLError as error:
            raise ParameterError("the parameters cannot be read", found=str(error)) from None
        if not isinstance(values, dict):
            raise ParameterError(
                "the parameters cannot be read", expected="lines name: value", found=repr(values)
            )
        return {str(name): value for name, value in values.items()}

    # -- refreshing ----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Say what is missing, and write the code anew."""
        problem = "" if "open" in self.flow.products else "Open a file first."
        self.hint.value = (
            f'<div class="socwidgets-hint" role="note">{problem}</div>' if problem else ""
        )
        self.runs.start.disabled = bool(problem)
        self.fill.disabled = bool(problem)
        self.refresh_code()

    def refresh_code(self) -> None:
        """Python text of the report."""
        try:
            values = self.parameters()
        except ParameterError as error:
            self.code.value = "".join(f"# {line}\n" for line in str(error).splitlines())
            return
        line = call_text(
            "", "soc.render_report", str(self.template.value), **values, out=self.out.value
        )
        self.code.value = f"import socwidgets as soc\n\n{line.removeprefix(' = ')}\n"

    def fill_in(self, typed: dict[str, Any] | None = None) -> Job:
        """Ask the template what it knows, and fill in what the screen shows, in a job.

        What is in `typed` stays where the template knows it.
        """

        def work() -> tuple[dict[str, str], list[str]]:
            found = report.templates()
            return found, report.parameter_names(str(self.template.value))

        return self.flow.jobs.submit(
            "report parameters",
            abandonable(work),
            on_change=lambda job: self._filled(job, typed or {}),
        )

    def _other_template(self) -> None:
        """Write the parameters that the template knows; what was typed stays where it knows it."""
        if "open" not in self.flow.products or not self.text.value:
            return
        typed, known = self.parameters(), self.known.get(str(self.template.value))
        if known is None:
            self.fill_in(typed)
        else:
            self._write(known, typed)

    def _filled(self, job: Job, typed: dict[str, Any]) -> None:
        waiting = not job.state.finished
        self.text.placeholder = "Asking the template what it needs ..." if waiting else _PLACEHOLDER
        if job.state == JobState.FAILED and job.error is not None:
            self.guard.report(job.error)
        if job.state != JobState.DONE:
            return
        found, known = job.result
        self.known[str(self.template.value)] = known
        options = tuple((title, name) for name, title in found.items())
        if options and tuple(self.template.options) != options:
            chosen = self.template.value
            self.template.options = options
            self.template.value = chosen
        self._write(known, typed)

    def _write(self, known: list[str], typed: dict[str, Any]) -> None:
        kept = {name: value for name, value in typed.items() if name in known}
        values = report_inputs.screen_parameters(self.flow, known) | kept
        self.text.value = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)

    # -- running -------------------------------------------------------------------------------

    def run(self) -> Job | None:
        """Start the report, as the button does."""
        return self.runs.run()

    def _start(self) -> Job:
        if "open" not in self.flow.products:
            raise DataError("there is nothing to report on", fix="open a file first")
        values, out, name = self.parameters(), self.out.value, str(self.template.value)
        flow = self.flow
        first = report.report_work(name, values, out)

        def work(*, progress: Any, cancel: Any) -> Path:
            # What is in memory only goes beside the report, where the report can read it.
            folder = Path(out).expanduser()
            saved = report_inputs.save_inputs(
                flow, folder.with_name(f"{folder.name}-input"), values
            )
            if not saved:
                return first(progress=progress, cancel=cancel)
            full = report.report_work(name, {**saved, **values}, out)
            return full(progress=progress, cancel=cancel)

        return flow.jobs.submit("report", work, on_change=self.guard(self.runs.follow))

    def _said(self, job: Job) -> str:
        self.result.outputs = ({"output_type": "display_data", "metadata": {}, "data": {
            "text/html": link_html(job.result), "text/plain": str(job.result / PAGE)
        }},)  # fmt: skip
        return f"Report made in {job.seconds:.0f} s"

    def _toggle(self) -> None:
        self.code.layout.display = "block" if self.show_code.value else "none"


def link_html(folder: Path) -> str:
    """Link to the page of a finished report, relative to the notebook, and where it lies.

    JupyterLab makes an address of the server from it, also behind a hub; the kernel runs in the
    folder of the notebook unless it was told otherwise.
    """
    page = folder / PAGE
    try:
        href = quote(Path(os.path.relpath(page)).as_posix())
    except ValueError:  # on another drive
        href = ""
    words = "Open the report"
    link = f'<a href="{href}" target="_blank" rel="noopener">{words}</a>' if href else words
    return (
        f'<div class="socwidgets-report-link">{link}'
        f'<div class="socwidgets-note"><code>{html.escape(os.fspath(page))}</code></div></div>'
    )
