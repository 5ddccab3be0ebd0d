"""Reports of what the workflow shows, by the command line: a kernel of their own runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from socwidgets.jobs import Work
from socwidgets.model.errors import CancelledError, ParameterError, ReportError
from socwidgets.model.names import SIGNAL, spectral_dim

if TYPE_CHECKING:
    from socwidgets.session.state import State
    from socwidgets.session.workflow.made import Made

#: Key of the color limits of the map that a report is about, see `socwidgets.session.display.key`.
SOC_KEY = "map:soc"
#: How the command line is started.
COMMAND = (sys.executable, "-m", "socwidgets", "report")
_STEP = re.compile(r"step (\d+) of (\d+)")
_NAME = re.compile(r"^(\w+) \(")
#: Seconds that a stopped report may take to tidy up before it is killed.
GRACE_S = 0.6

#: Parameter of a report -> step of the workflow and its input or parameter.
STEP_OF = {
    "stack": ("open", "path"),
    "references": ("references", "files"),
    "charged": ("calibration", "by"),
    "constraint": ("method", "constraint"),
    "background_degree": ("method", "background_degree"),
    "energy_low": ("method", "low"),
    "energy_high": ("method", "high"),
    "i0_offset": ("i0_offset", "offset"),
    "max_od": ("i0_offset", "max_od"),
    "pre": ("pixels", "pre"),
    "post": ("pixels", "post"),
    "min_jump": ("pixels", "min_jump"),
    "jump_sigma": ("pixels", "jump_sigma"),
    "min_area_um2": ("segmentation", "min_area_um2"),
    "separation_um": ("segmentation", "separation_um"),
    "draws": ("heterogeneity", "draws"),
    "seed": ("heterogeneity", "seed"),
    "projection": ("heterogeneity", "projection"),
}


def templates() -> dict[str, str]:
    """Names and titles of the report templates.

    Raises
    ------
    ReportError
        If the command line does not answer.
    """
    lines = (line.split(maxsplit=1) for line in _ask("list").splitlines() if line.strip())
    return {parts[0]: parts[-1].strip() for parts in lines}


def parameter_names(template: str) -> list[str]:
    """Names of the parameters of a template, from the command line."""
    return [
        m.group(1) for line in _ask("params", template).splitlines() if (m := _NAME.match(line))
    ]


def _ask(*arguments: str) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise ReportError("the command line gave no answer", found=done.stderr.strip()[-400:])
    return done.stdout


def screen_parameters(flow: Made, known: list[str]) -> dict[str, Any]:
    """Parameters of a report for what the workflow shows; only those the template knows.

    Parameters
    ----------
    flow : Workflow
        Its steps and their choices; regions, title and the chosen map come from its session.
    known : list of str
        See `parameter_names`.
    """
    found: dict[str, Any] = {}
    for name, (step, key) in STEP_OF.items():
        value = flow.chosen.get(step, {}).get(key)
        if name in known and value not in (None, "", "two_point", "standards"):
            found[name] = list(value) if isinstance(value, tuple) else value
    if "stack" in found:
        found["stack"] = os.path.abspath(os.path.expanduser(found["stack"]))
    if "references" in found:
        found["references"] = _absolute(found["references"])
    if "registration" in known and "open" in flow.products:
        found["registration"] = "auto" if "registration" in flow.products else "off"
    if "i0_offset" in known and "open" in flow.products:
        found.setdefault("i0_offset", "none")  # what was left out here is left out there
    session = flow.session
    if session is not None and session.state.rois and "rois" in known:
        found["rois"] = json.dumps([roi.to_dict() for roi in session.state.rois])
    if session is not None:
        found |= view_parameters(session.state, known)
    return found


def view_parameters(state: State, known: list[str]) -> dict[str, Any]:
    """Color scale that the user chose for the map, and the energy of the frame."""
    found: dict[str, Any] = {}
    if "color_limits" in known and SOC_KEY in state.limits:
        found["color_limits"] = [float(value) for value in state.limits[SOC_KEY]]
    if "energy_shown" in known and state.energy_index:
        axis = state.stack[spectral_dim(state.stack[SIGNAL])]
        found["energy_shown"] = float(axis[state.energy_index])
    return found


def _absolute(files: str) -> str:
    parts = []
    for part in files.split(","):
        name, equals, path = part.rpartition("=")
        path = path.strip()
        known = os.path.abspath(os.path.expanduser(path)) if path else path
        parts.append(f"{name}{equals}{known}")
    return ",".join(parts)


def save_inputs(flow: Made, folder: Path) -> dict[str, str]:
    """Write a stack (and references) that came from memory as a bundle; parameters that name it.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    if flow.chosen.get("open", {}).get("path"):
        return {}
    from socwidgets.io import save_bundle

    references = flow.products.get("references")
    folder.mkdir(parents=True, exist_ok=True)
    path = os.fspath(
        save_bundle(
            folder / "input.nc", stack=flow.products["open"], references=references
        ).resolve()
    )
    return {"stack": path, **({"references": path} if references is not None else {})}


def report_work(template: str, parameters: Mapping[str, Any], out: str) -> Work:
    """Work that runs a report in a process of its own; cancelling ends the process.

    Parameters
    ----------
    template : str
        Name of the template.
    parameters : mapping
        Its parameters.
    out : str
        Output folder.

    Returns
    -------
    Work
        Its result is the output folder, a `pathlib.Path`.

    Raises
    ------
    ParameterError
        If there is no output folder; errors of the report are raised by the work.
    """
    if not out.strip():
        raise ParameterError("the report needs a folder", fix="write the name of a folder")
    target = Path(out).expanduser().resolve()

    def work(*, progress: Callable[[int, int], None], cancel: threading.Event) -> Path:
        with tempfile.TemporaryDirectory(prefix="socwidgets-report-") as folder:
            file = Path(folder) / "params.yaml"
            file.write_text(yaml.safe_dump(dict(parameters), sort_keys=False), encoding="utf-8")
            command = [*COMMAND, "run", template, "-f", os.fspath(file), "-o", os.fspath(target)]
            _run(command, progress, cancel)
        return target

    return work


def _run(command: list[str], progress: Callable[[int, int], None], cancel: threading.Event) -> None:
    environment = {**os.environ, "SOCWIDGETS_PROGRESS": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
        start_new_session=os.name == "posix",
    )  # fmt: skip
    said: list[str] = []
    reader = threading.Thread(target=_listen, args=(process, said, progress), daemon=True)
    reader.start()
    while process.poll() is None:
        if cancel.wait(0.05):
            _end(process)
            raise CancelledError("the report was stopped; an earlier one is untouched")
    reader.join(5)
    if process.returncode:
        lines = [line for line in said if line.strip() and not _STEP.search(line)]
        text = "\n".join(lines[-12:]).removeprefix("socwidgets: ")
        raise ReportError(text or f"the report failed with code {process.returncode}")


def _listen(
    process: subprocess.Popen[str], said: list[str], progress: Callable[[int, int], None]
) -> None:
    """Progress and messages of the process; universal newlines turn each return into a line."""
    if process.stderr is None:
        return
    for line in process.stderr:
        steps = _STEP.findall(line)
        if steps:
            done, total = steps[-1]
            progress(int(done), int(total))
        else:
            said.append(line.rstrip())


def _end(process: subprocess.Popen[str]) -> None:
    """Let the process tidy up, then end it and the kernel it started."""
    import signal

    if os.name != "posix":
        process.terminate()
        return
    for number, patience in ((signal.SIGINT, GRACE_S), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            if number == signal.SIGINT:
                _sweep(process)
            return


def _sweep(process: subprocess.Popen[str]) -> None:
    """End what is left of the process's group: its kernel does not listen to an interrupt."""
    import signal

    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
